"""What the owner of the account wants: usage plans, exemptions, ladders."""
