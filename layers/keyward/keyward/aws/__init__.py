"""All adapters: the only code that calls AWS."""
