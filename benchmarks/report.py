"""The figures as JSON, and as the tables of docs/performance.md and docs/costs.md."""

from __future__ import annotations

import json
import platform
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from benchmarks import budgets, costs
from benchmarks.desk import Row
from benchmarks.ground import CALL_SECONDS
from benchmarks.load import Beside
from benchmarks.plot import plot
from benchmarks.prices import dollars, with_functions
from benchmarks.startup import RUNS, SIGN_UP, StartUps
from keyward.values import JSON

LATEST = Path(__file__).with_name("latest.json")
ROOT = Path(__file__).resolve().parent.parent
DOCS, README = ROOT / "docs", ROOT / "README.md"
PERFORMANCE, COSTS, PLOT = DOCS / "performance.md", DOCS / "costs.md", DOCS / "performance.svg"
COLUMNS = 100
BEGIN, END = "<!-- {}: written by make bench -->", "<!-- end -->"


def report(figures: Sequence[Row | Beside], start_ups: StartUps, missing: Sequence[str]) -> JSON:
    """What latest.json holds: nothing in it names the machine. `missing` says which peer could not
    be measured, and why."""
    return {
        "call_seconds": CALL_SECONDS,
        "rows": [one.as_json() for one in figures if isinstance(one, Row)],
        "beside": [one.as_json() for one in figures if isinstance(one, Beside)],
        "missing": [*missing],
        "start_up": {
            "python": platform.python_version(),
            "runs": RUNS,
            "bare_ms": start_ups.bare_ms,
            "reference_ms": start_ups.reference_ms,
            "functions": [one.as_json() for one in start_ups.functions],
        },
    }


def checks(latest: JSON) -> list[budgets.Check]:
    """Every budget beside its figure."""
    measured = {row["function"] for row in latest["start_up"]["functions"]}
    cold = [name for name in SIGN_UP if name in measured]
    rows = [*latest["rows"], *latest["beside"]]
    return budgets.of_all([*rows, *budgets.start_up_rows(latest["start_up"], cold)])


def save(latest: JSON) -> None:
    """Into latest.json, the plot, both pages and the README."""
    LATEST.write_text(json.dumps(latest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PLOT.write_text(plot(latest["rows"]), encoding="utf-8")
    for page in (PERFORMANCE, COSTS):
        page.write_text(filled(page.read_text(encoding="utf-8"), latest), encoding="utf-8")
    README.write_text(costs.restated(README.read_text(encoding="utf-8"), latest), encoding="utf-8")


def filled(page: str, latest: JSON) -> str:
    """A page with its tables made of these figures."""
    for name, table in tables(latest).items():
        begin = BEGIN.format(name)
        if begin in page:
            before, rest = page.split(begin)
            page = f"{before}{begin}\n\n{table}\n{END}{rest.split(END, 1)[1]}"
    return page


def tables(latest: JSON) -> dict[str, str]:
    """All tables in Markdown, by their names."""
    return {
        "runs": runs(latest),
        "jobs": jobs(latest),
        "beside": beside(latest),
        "start-up": start_up(latest),
        "budgets": budget_table(latest),
        **{name: markdown(*table) for name, table in costs.tables(latest).items()},
    }


def printed(latest: JSON) -> Iterator[str]:
    """What a run prints."""
    made = tables(latest)
    yield from (made[name] for name in ("jobs", "beside", "start-up", "budgets"))


def runs(latest: JSON) -> str:
    """How the figures were made. A run makes all of them and says so by leaving out `mixed`."""
    made = latest.get("mixed", "One run made all figures of this page.")
    number = latest["start_up"]["runs"]
    words = f"{made} Each function was started {number} times; the least CPU counts."
    return textwrap.fill(words, COLUMNS) + "\n"


def jobs(latest: JSON) -> str:
    """What each job cost, the peers under Keyward."""
    headings = "job|by|calls|refused|failed|virtual s|Lambda calls|transitions|dollars"
    names = [*dict.fromkeys(row["job"] for row in latest["rows"])]
    ordered = sorted(latest["rows"], key=lambda row: names.index(row["job"]))
    table = markdown(headings, (job(row) for row in ordered))
    return table + "".join(f"\nNot measured: {why}.\n" for why in latest["missing"])


def job(row: JSON) -> Iterator[object]:
    """A line of that table."""
    is_default = row["share"] == 50 or row["who"] != budgets.KEYWARD
    yield row["job"] if is_default else f"{row['job']}, share {row['share']}"
    yield row["who"]
    for figure in (row["reads"] + row["writes"], row["refused"], row["failed"]):
        yield f"{figure:,}"
    yield f"{row['seconds']:,.1f}"
    counts = row["counts"]
    if counts is None:
        yield from ("", "", "")
        return
    yield from (f"{counts['lambda_calls']:,}", f"{counts['transitions']:,}")
    yield f"{cost_of(row):.4f}"


def cost_of(row: JSON) -> float:
    """What a job of Keyward cost, in dollars."""
    return dollars(with_functions(row["counts"], row["reads"] + row["writes"] + row["refused"]))


def beside(latest: JSON) -> str:
    """What others see of a burst or a stream."""
    return markdown("beside|cases|refused|worst", (beside_line(row) for row in latest["beside"]))


def beside_line(row: JSON) -> Iterator[object]:
    """A line of that table."""
    kind = row["job"].split()[0]
    worst = {"the": "", "`ready_by`": f"{row['worst']:g} % wrong"}.get(kind, f"{row['worst']:g} s")
    yield from (row["job"], row["asked"], row["refused"] if kind == "the" else "", worst)


def start_up(latest: JSON) -> str:
    """The CPU of each function's start."""
    part = latest["start_up"]
    lines: list[Sequence[object]] = [
        ("*bare interpreter*", "", "", "", part["bare_ms"], ""),
        ("*boto3 and one client*", "", "", "", part["reference_ms"], 1.0),
    ]
    for row in part["functions"]:
        lines.append([*(row | {"clients": ", ".join(row["clients"])}).values()])
    return markdown("function|modules|clients|import ms|ready ms|ratio", lines)


def budget_table(latest: JSON) -> str:
    """Each budget, the broken ones first. Of those that every job has, and that hold, the one that
    comes nearest."""
    shared: list[budgets.Check] = []
    others: list[budgets.Check] = []
    for check in checks(latest):
        (shared if check.holds and check.figure in budgets.ALWAYS else others).append(check)
    nearest = [
        max((c for c in shared if c.figure == figure), key=lambda c: c.measured / (c.most or 1))
        for figure in budgets.ALWAYS
    ]
    ordered = sorted([*others, *nearest], key=lambda check: check.holds)
    headings = "job|share|figure|at most|measured|holds"
    return markdown(headings, (budget_line(check) for check in ordered))


def budget_line(check: budgets.Check) -> Iterator[object]:
    """A line of that table."""
    yield from (check.job, check.share or "", check.figure)
    yield from (number(check.most), number(check.measured))
    yield "yes" if check.holds else f"**no** {check.not_yet}".strip()


def number(value: float) -> str:
    """A figure as people read it."""
    return f"{value:,.1f}".removesuffix(".0")


def markdown(headings: str, rows: Iterable[Iterable[object]]) -> str:
    """A table."""
    names = headings.split("|")
    lines = [names, ["---"] * len(names), *([str(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
