"""Conditions of DynamoDB requests that several tables need, as members of the request.

Every name stands behind a `#`: DynamoDB reserves 573 words, `when`, `day` and `record` among them
(developer guide, "Reserved words in DynamoDB").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keyward.values import JSON


def in_partition(hash_key: str, value: str) -> JSON:
    """Query all items with this value of the hash key."""
    return {
        "KeyConditionExpression": "#hash = :hash",
        "ExpressionAttributeNames": {"#hash": hash_key},
        "ExpressionAttributeValues": {":hash": value},
    }


def in_range(hash_key: str, value: str, range_key: str, condition: str, operand: Any) -> JSON:
    """Query the items with this value of the hash key whose `condition`, say `#range < :operand`,
    is met."""
    return {
        "KeyConditionExpression": f"#hash = :hash AND {condition}",
        "ExpressionAttributeNames": {"#hash": hash_key, "#range": range_key},
        "ExpressionAttributeValues": {":hash": value, ":operand": operand},
    }


def not_later(when: str) -> JSON:
    """Write an item unless it is there with a time `when` (ISO 8601) after this one."""
    return {
        "ConditionExpression": "attribute_not_exists(#when) OR #when <= :when",
        "ExpressionAttributeNames": {"#when": "when"},
        "ExpressionAttributeValues": {":when": when},
    }


def unchanged(before: JSON | None, key: str, names: Sequence[str]) -> JSON:
    """Write an item only while its attributes `key` and `names` are as `before` has them; None:
    while there is no such item."""
    if before is None:
        return {
            "ConditionExpression": "attribute_not_exists(#key)",
            "ExpressionAttributeNames": {"#key": key},
        }
    placed = {f"{place}": name for place, name in enumerate((key, *names))}
    return {
        "ConditionExpression": " AND ".join(
            f"#n{place} = :v{place}" if name in before else f"attribute_not_exists(#n{place})"
            for place, name in placed.items()
        ),
        "ExpressionAttributeNames": {f"#n{place}": name for place, name in placed.items()},
        "ExpressionAttributeValues": {
            f":v{place}": before[name] for place, name in placed.items() if name in before
        },
    }
