"""The proof: random histories of customers and APIs on the bench, and what must hold after each."""
