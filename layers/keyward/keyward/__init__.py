"""Keyward: API keys of Amazon API Gateway REST APIs, kept right by two reconcilers."""

__version__ = "0.9.0"
