"""Numbers as they were stored: DynamoDB gives them back as Decimals, which are not JSON."""

from __future__ import annotations

from decimal import Decimal
from typing import Any


def plain(value: Any) -> Any:
    """The value with whole numbers in place of Decimals; nothing of ours has fractions."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, Decimal) else value
