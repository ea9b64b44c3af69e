"""The figures that were saved: complete, within the budgets, and what the code costs now. Counts
are held to, times never: they are those of the machine that measured."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import partial
from typing import Any

import pytest

from benchmarks import jobs, report
from benchmarks.desk import Cost, Desk, desk
from benchmarks.startup import StartUp
from benchmarks.tape import record
from tests import tree

JSON = dict[str, Any]
METHODS = jobs.SIZES["full"].methods[0]
SAVED: JSON = json.loads(report.LATEST.read_text(encoding="utf-8"))
ROWS: dict[str, JSON] = {row["job"]: row for row in SAVED["jobs"]}

# DESIGN.md 7: the most reads and writes of a job; for an API of k exposed methods.
BUDGETS: dict[str, Callable[[int], tuple[int, int]]] = {
    r"sign-up": lambda k: (0, 2),
    r"the same event again": lambda k: (0, 0),
    r"rotation over its life": lambda k: (1, 5),
    r"plan change in place": lambda k: (0, 2),
    r"suspend|resume|close": lambda k: (0, 1),
    r"(\d+) sign-ups at once": lambda k: (0, 2 * k),
    r"the same \d+ events again": lambda k: (0, 0),
    r"API of \d+ methods, the events of our own deployment": lambda k: (0, 0),
    r"API of \d+ methods, compliant": lambda k: (4, 0),
    r"API of (\d+) methods, all exposed, usage plans attached": lambda k: (11, k + 2),
    r"audit of (\d+) APIs with a stage each": lambda k: (2 * k + 5, 0),
}


def budget(job: str) -> tuple[int, int] | None:
    for pattern, allowed in BUDGETS.items():
        found = re.fullmatch(pattern, job)
        if found:
            return allowed(int(found[1]) if found.groups() else 0)
    return None


def test_many_customers_and_three_sizes_of_apis_are_told() -> None:
    size = jobs.SIZES["full"]
    assert {f"API of {methods} methods, compliant" for methods in size.methods} <= {*ROWS}
    assert {f"{number} sign-ups at once" for number in size.customers} <= {*ROWS}


def test_every_row_has_every_figure() -> None:
    names = {field.name for field in fields(Cost)}
    assert all(set(row) == names for row in SAVED["jobs"])
    names = {field.name for field in fields(StartUp)}
    assert all(set(row) == names for row in SAVED["start_up"]["functions"])


def test_every_function_is_told() -> None:
    told = [row["function"] for row in SAVED["start_up"]["functions"]]
    assert told == sorted(path.stem for path in tree.function_files().values())


@pytest.mark.parametrize("job", ROWS)
def test_a_job_is_within_its_budget(job: str) -> None:
    row, allowed = ROWS[job], budget(job)
    assert row["budget"] == (list(allowed) if allowed else None)
    if allowed:
        assert row["reads"] <= allowed[0]
        assert row["writes"] <= allowed[1]
        assert row["failed"] == 0


def test_every_budget_has_its_row() -> None:
    assert [pattern for pattern in BUDGETS if not any(re.fullmatch(pattern, j) for j in ROWS)] == []


GROUPS = [jobs.one_customer, jobs.one_life, partial(jobs.one_api, methods=METHODS)]


@pytest.mark.parametrize("group", GROUPS, ids=["one customer", "one life", "one API"])
def test_what_was_saved_is_what_it_costs_now(group: Callable[[Desk], Iterator[Cost]]) -> None:
    with desk() as made:
        for cost in group(made):
            row = ROWS[cost.job]
            now = (cost.reads, cost.writes, cost.refused, cost.failed)
            saved = (row["reads"], row["writes"], row["refused"], row["failed"])
            assert now == saved, f"{cost.job}: run `make bench`"


def test_each_ratio_is_that_of_its_row_to_the_reference() -> None:
    start_up = SAVED["start_up"]
    told = {row["function"]: row["ratio"] for row in start_up["functions"]}
    assert told == {
        row["function"]: round(row["ready_ms"] / start_up["reference_ms"], 2)
        for row in start_up["functions"]
    }


def test_the_tape_holds_one_straight_invocation_of_every_function() -> None:
    takes = record()
    assert {*takes} == {path.stem for path in tree.function_files().values()}
    silent = [name for name, take in takes.items() if not take.answers]
    assert silent == ["start_customer_reconcile"]


def test_the_table_of_the_readme_is_the_one_that_was_saved() -> None:
    assert report.table(SAVED) in report.README.read_text(encoding="utf-8")


def test_nothing_that_was_saved_names_a_machine() -> None:
    text = report.LATEST.read_text(encoding="utf-8")
    assert not re.search(r"://|(?<!\w)/\w|localhost|127\.", text)
