"""Writes down what is released: definitions, and how executions went on its functions.

    python -m tests.updates.record FILE        at a release, for the tests of the next one

An update meets executions that began before it: they keep their definition and call the functions
of after it; and for some seconds the definitions of after it may meet answers of before."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from keyward.values import JSON
from local.bench import Bench
from local.lifetime.machine import definition
from local.lifetime.states import Wait
from tests.engines.stories import ALL
from tests.stack.local.engines import History, Moment, recorded

MACHINES = ("reconcile_customer", "protect_api", "audit_account", "issue_keys", "apply_policy")


def moment(one: Moment) -> JSON:
    """A step, when it was over, and how."""
    if isinstance(one.step, Wait):
        return {"wait": one.step.seconds, "at": one.at}
    about: JSON = {"task": one.step.target, "at": one.at}
    if one.failure:
        return about | {"error": one.failure.error, "cause": one.failure.cause}
    return about | {"answer": one.answer}


def written(history: History) -> JSON:
    """An execution with its moments."""
    run = history.execution
    return {
        "machine": run.machine,
        "name": run.name,
        "input": run.input,
        "started": run.started,
        "status": run.status,
        "error": run.error,
        "states": run.states,
        "moments": [moment(one) for one in history.moments],
    }


def release() -> JSON:
    """Definitions, and executions that go every way through them."""
    ways: dict[tuple[str, ...], JSON] = {}
    values: JSON = {}
    for story, world in ALL.items():
        with Bench(**world) as bench, recorded(bench) as histories:
            story(bench)
        for one in histories:
            values |= one.values
            if one.execution.status in ("SUCCEEDED", "FAILED"):
                way = (one.execution.machine, one.execution.status, *one.execution.states)
                ways.setdefault(way, written(one))
    definitions = {name: definition(name) for name in MACHINES}
    return {"definitions": definitions, "values": values, "histories": enough(ways)}


def enough(ways: dict[tuple[str, ...], JSON]) -> list[JSON]:
    """So many of them that each step from one state to the next is in one."""
    met: set[tuple[str, str, str]] = set()
    kept = []
    for way in sorted(ways, key=len):
        steps = {(way[0], one, other) for one, other in pairwise(way[2:])}
        if steps - met:
            met |= steps
            kept.append(ways[way])
    return kept


def text(body: JSON) -> str:
    """A line for each definition and each execution, so that a change can be read."""
    return "".join(json.dumps({"part": part, "body": one}) + "\n" for part, one in parts(body))


def parts(body: JSON) -> Iterator[tuple[str, Any]]:
    """What the lines have."""
    yield "values", body["values"]
    yield from (("definition", {name: one}) for name, one in body["definitions"].items())
    yield from (("history", one) for one in body["histories"])


if __name__ == "__main__":
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    Path(sys.argv[1]).write_text(text(release()), encoding="utf-8")
