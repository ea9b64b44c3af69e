"""Prevention: find the methods that a template or OpenAPI document would leave open.

`python -m keyward.lint FILE…`; docs/prevention.md tells its use. For people and their CI: it needs
PyYAML, which the Lambda layer does not have, so no function imports it (a test holds that).
"""
