"""Loops: when Keyward stops deploying again.

Pure. A tool that deploys from its own source opens again what Keyward closed. Closing it for ever
would be two machines deploying against each other, so the third time within an hour is the last:
then people are told who moves the stage, and which line ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from keyward.apis.model import DeployedMethod
from keyward.values import HOUR

# A stage that asks for keys is opened again as often as this within the hour, and not closed again.
MAX_REDEPLOYS = 3


@dataclass(frozen=True)
class Redeploy:
    """A deployment that we pointed a stage to, `at` epoch seconds. `round` is the token of the
    lease: one plan."""

    round: int
    stage: str
    deployment_id: str
    at: int


@dataclass(frozen=True)
class Loop:
    """A stage that is opened again and again: how often we closed it within the hour, and until
    when (epoch seconds) it is left as it is."""

    times: int
    until: int


def loop_of(
    exposed: Iterable[DeployedMethod],
    redeploys: Sequence[Redeploy],
    closed_by: Callable[[str], Iterable[str]],
) -> Loop | None:
    """The loop that a stage is in, None when it is in none.

    `redeploys` are those of the last hour; `closed_by` gives the lines (`DeployedMethod.line`) of a
    deployment of ours. Only those count that closed what is open again: somebody who adds an open
    method makes no loop.
    """
    if len({redeploy.round for redeploy in redeploys}) < MAX_REDEPLOYS:
        return None
    open_again = {(method.verb, method.path) for method in exposed}
    undone = [
        redeploy
        for redeploy in redeploys
        if open_again & _closed(closed_by(redeploy.deployment_id))
    ]
    began: dict[int, int] = {}
    for redeploy in undone:
        began.setdefault(redeploy.round, redeploy.at)
    if len(began) < MAX_REDEPLOYS:
        return None
    return Loop(len(began), sorted(began.values())[-MAX_REDEPLOYS] + HOUR)


def _closed(lines: Iterable[str]) -> set[tuple[str, str]]:
    """(verb, path) of the lines `GET /pets NONE key`; a path has no spaces."""
    parts = (line.split(" ") for line in lines)
    return {(part[0], part[1]) for part in parts if part[-1] == "key"}
