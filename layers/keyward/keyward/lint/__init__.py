"""Prevention: which methods would a template or OpenAPI document leave open, were it deployed?

`python -m keyward.lint FILE…`; docs/prevention.md tells its use. For people and their CI: it needs
PyYAML, which the Lambda layer does not have, so no function imports it (a test holds that).
"""
