"""The table, as JSON and as Markdown."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.desk import CALL_SECONDS, Cost
from benchmarks.startup import RUNS, StartUps

JSON = dict[str, Any]

LATEST = Path(__file__).with_name("latest.json")
README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- table: written by make bench -->", "<!-- end of table -->"


def report(costs: Sequence[Cost], start_ups: StartUps) -> JSON:
    """What latest.json holds: nothing in it names the machine."""
    return {
        "call_seconds": CALL_SECONDS,
        "jobs": [cost.as_json() for cost in costs],
        "start_up": {
            "python": platform.python_version(),
            "runs": RUNS,
            "bare_ms": start_ups.bare_ms,
            "reference_ms": start_ups.reference_ms,
            "functions": [one.as_json() for one in start_ups.functions],
        },
    }


def save(told: JSON) -> None:
    """Into latest.json, and its table into the README."""
    LATEST.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    README.write_text(f"{before}{BEGIN}\n\n{table(told)}\n{END}{after}", encoding="utf-8")


def table(told: JSON) -> str:
    """Both parts in Markdown."""
    start_up = told["start_up"]
    headings = "job|reads|writes|refused|virtual s|Lambda calls|transitions|failed runs|budget"
    jobs = _markdown(headings, (_job(row) for row in told["jobs"]))
    lines: list[Sequence[object]] = [
        ("*bare interpreter*", "", "", "", start_up["bare_ms"], ""),
        ("*boto3 and one client*", "", "", "", start_up["reference_ms"], 1.0),
    ]
    lines += [_function(row) for row in start_up["functions"]]
    functions = _markdown("function|modules|clients|import ms|ready ms|ratio", lines)
    return f"{jobs}\n{functions}"


def _job(row: JSON) -> Sequence[object]:
    budget = "reads ≤ {}, writes ≤ {}".format(*row["budget"]) if row["budget"] else ""
    return [*(row | {"budget": budget}).values()]


def _function(row: JSON) -> Sequence[object]:
    return [*(row | {"clients": ", ".join(row["clients"])}).values()]


def _markdown(headings: str, rows: Iterable[Sequence[object]]) -> str:
    names = headings.split("|")
    lines = [names, ["---"] * len(names), *([str(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
