"""CloudTrail's events at their worst."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

JSON = dict[str, Any]


def with_value(event: JSON, keys: Mapping[str, Any]) -> JSON:
    """The event of a call on one of the `keys` with its value: whether CloudTrail tells it is
    unknown (aws-recorded.md 11)."""
    detail = event["detail"]
    request, answer = detail["requestParameters"], detail["responseElements"] or {}
    ids = (request.get("apiKey"), request.get("keyId"), answer.get("id"))
    values = [keys[id_].value for id_ in ids if id_ in keys]
    if not values:
        return event
    return event | {"detail": detail | {"responseElements": answer | {"value": values[0]}}}
