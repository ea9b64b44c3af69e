"""Find open sources: what opens again and again. Pure.

A tool that deploys from its own source opens again what Keyward closed. The stage is closed each
time, and from the second time on its people are told which lines end it. Repetition counts, not
speed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from keyward.apis.model import DeployedMethod
from keyward.values import DAY, frozen

# Closed, opened again, closed, opened again: the next closing tells that the source is open.
TOLD_FROM = 3
# So long a closing is remembered; a source that is released twice a quarter counts as well.
REMEMBERED_SECONDS = 180 * DAY


@frozen
class Closing:
    """When Keyward moved a stage to a deployment of its own (`at`, epoch seconds). `closed` are the
    methods that were open before, as `GET /pets`, since `opened_at`: 0 where that is not known."""

    stage: str
    deployment_id: str
    at: int
    opened_at: int = 0
    closed: tuple[str, ...] = ()


def closed_methods(
    before: Iterable[DeployedMethod], after: Iterable[DeployedMethod]
) -> tuple[str, ...]:
    """The methods that ask for a key after a deployment, and asked for none before it."""
    asks = {method.place for method in after if method.key_required}
    return tuple(
        f"{method.verb} {method.path}"
        for method in sorted(before, key=lambda method: method.place)
        if not method.key_required and method.place in asks
    )


def reopened(closings: Sequence[Closing]) -> tuple[tuple[str, ...], tuple[Closing, ...]]:
    """Find the methods of the last closing that had been closed before, and those closings, oldest
    first. Both are empty until the source has opened them twice. A new open method opens nothing
    again."""
    if not closings:
        return (), ()
    last = closings[-1]
    again = [one for one in closings[:-1] if {*one.closed} & {*last.closed}]
    if len(again) + 1 < TOLD_FROM:
        return (), ()
    before = {method for one in again for method in one.closed}
    return tuple(method for method in last.closed if method in before), (*again, last)
