"""What Keyward costs: calls, virtual seconds under the account's quotas, start-up CPU."""
