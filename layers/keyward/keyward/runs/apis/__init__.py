"""Runs of protect-api: what was asked, the turn, the journal, what is read and planned."""
