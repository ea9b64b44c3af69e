"""Runs of apply-policy, and the usage plans that the policy names."""
