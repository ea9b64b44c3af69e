"""What a stage serves, and what protects it."""
