"""The command `keyward`."""
