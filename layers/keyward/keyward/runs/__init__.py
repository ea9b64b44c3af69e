"""What a run has while it acts: lease, turn, journal, outbox, ledger."""
