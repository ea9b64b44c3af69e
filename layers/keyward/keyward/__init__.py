"""Keyward: API keys of Amazon API Gateway REST APIs, kept right by two reconcilers."""
