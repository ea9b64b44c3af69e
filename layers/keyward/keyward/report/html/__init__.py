"""The pages that people open: the report, the look of an account, the claim of a key."""
