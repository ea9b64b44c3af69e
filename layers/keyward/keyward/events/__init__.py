"""Whatever comes in, in our words, and the contract of what goes out."""
