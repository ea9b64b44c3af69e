"""CloudTrail's events at their worst."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from keyward.values import JSON

if TYPE_CHECKING:
    from tests.stack.stack_lab import Stack


@contextmanager
def kept_back(stack: Stack) -> Iterator[list[JSON]]:
    """Let no call be heard of meanwhile, as CloudTrail is late or loses events: those events."""
    deliver, late = stack.deliver, list[JSON]()
    stack.deliver = late.append
    try:
        yield late
    finally:
        stack.deliver = deliver


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
