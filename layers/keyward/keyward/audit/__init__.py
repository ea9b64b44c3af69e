"""What differs from the desired state, and what repairs it."""
