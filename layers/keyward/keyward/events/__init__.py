"""What comes in, in Keyward's words, and the contract of what goes out."""
