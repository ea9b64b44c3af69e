"""What a customer should have, and the actions that get there."""
