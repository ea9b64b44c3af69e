"""What is announced of an API. Pure; every member is text, a list or an object of texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keyward.api import Difference
from keyward.api_compare import NOT_COMPARED
from keyward.contracts import announcement, iso

JSON = dict[str, Any]

# So that an event stays far below the 256 KB of EventBridge and Step Functions.
MOST_LISTED = 200
PUBLISHES_MORE = "a deployment would publish more than the keys that Keyward requires"
KEYS_IN_TWO_PLANS = "keys of the usage plan are in another plan of this stage: a key may be in one"


def protected(
    rest_api_id: str,
    stage: str,
    actions: Sequence[JSON],
    effective_at: float,
    execution_arn: str,
) -> JSON:
    """ApiProtected: the stage exposes nothing any more and is in its plans."""
    return announcement(
        "ApiProtected",
        rest_api_id=rest_api_id,
        stage=stage,
        actions=list(actions[:MOST_LISTED]),
        reason=_and_more(actions, "actions"),
        effective_by=iso(effective_at),
        execution_arn=execution_arn,
    )


def exposed(rest_api_id: str, stage: str, actions: Sequence[JSON], execution_arn: str) -> JSON:
    """ApiExposed: what mode enforce would do."""
    methods = sum(action["action"] == "require_key" for action in actions)
    noun = "method asks" if methods == 1 else "methods ask"
    return announcement(
        "ApiExposed",
        rest_api_id=rest_api_id,
        stage=stage,
        actions=list(actions[:MOST_LISTED]),
        reason=f"{methods} {noun} for no key",
        execution_arn=execution_arn,
    )


def held(
    rest_api_id: str,
    stage: str,
    fingerprint: str,
    differences: Sequence[Difference],
    execution_arn: str,
    key_ids: Sequence[str] = (),
) -> JSON:
    """ApiHeld: a person has to decide, or, with `key_ids`, to take keys out of one of two plans."""
    told = [difference.as_json() for difference in differences]
    more = _and_more(told, "differences")
    words = KEYS_IN_TWO_PLANS if key_ids else PUBLISHES_MORE
    return announcement(
        "ApiHeld",
        rest_api_id=rest_api_id,
        stage=stage,
        fingerprint=fingerprint,
        differences=told[:MOST_LISTED],
        not_compared=None if key_ids else list(NOT_COMPARED),
        key_ids=list(key_ids[:MOST_LISTED]) or None,
        reason=f"{words}; {more}" if more else words,
        execution_arn=execution_arn,
    )


def failed(rest_api_id: str, stage: str, reason: str, execution_arn: str) -> JSON:
    """ApiFailed, for what ends a run without an error of its own."""
    return announcement(
        "ApiFailed",
        rest_api_id=rest_api_id,
        stage=stage,
        reason=reason,
        execution_arn=execution_arn,
    )


def _and_more(listed: Sequence[object], noun: str) -> str | None:
    left_out = len(listed) - MOST_LISTED
    return f"{left_out} more {noun} are not listed" if left_out > 0 else None
