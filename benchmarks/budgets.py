"""The budgets of DESIGN.md, section 7, both tables, as data: the most that a figure may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from keyward.values import JSON

Limit = float | Callable[[JSON], float]

KEYWARD = "Keyward"
# Refused calls, as a part of those that were answered.
FEW = 0.02
# The share of the account's bucket, and of its ten calls a second.
BURST, RATE, MINUTE = 40, 10, 60
# STORM_SECONDS of the template: so long nobody calls, and the bucket is full.
STORM = 2
# An audit reads one page each of APIs, plans and small lists.
CONSTANT, PAGE = 12, 500
CPU = "cpu_ms"
# What the reference took, in CPU milliseconds, on the machine on which the goals were set.
REFERENCE_MS = 252


def answered(row: JSON) -> int:
    """The calls that were answered."""
    return int(row["reads"] + row["writes"])


def rate(row: JSON) -> float:
    """The share, in calls a second."""
    return RATE * float(row["share"]) / 100


def few(row: JSON) -> float:
    """Two in a hundred."""
    return FEW * answered(row)


def audit_calls(row: JSON) -> float:
    """A·(S + 1) + K/500 + P·(keys/500) + a small constant."""
    numbers = re.findall(r"[\d,]+", row["job"])
    apis, stages, keys = (int(word.replace(",", "")) for word in numbers)
    return apis * (stages + 1) + 2 * keys / PAGE + CONSTANT


# Jobs by pattern, with the most of each figure. The first pattern that fits the whole name counts.
BUDGETS: dict[str, dict[str, Limit]] = {
    r"sign-up, the first of its plan": {"lambda_calls": 6, "transitions": 10},
    r"sign-up": {"reads": 0, "writes": 2, "lambda_calls": 6, "transitions": 10},
    r"the same (event|[\d,]+ events) again": {"writes": 0, "reads": 0},
    r"rotation over its life": {"reads": 1, "writes": 5},
    r"plan change in place": {"reads": 0, "writes": 2},
    r"suspend|resume|close": {"reads": 0, "writes": 1},
    r"API of \d+ methods, our own events": {"reads": 0, "writes": 0},
    r"API of \d+ methods, compliant": {"reads": 4, "writes": 0},
    r"API of \d+ methods, exposed": {
        "reads": 11,
        "writes": lambda row: row["size"] + 2,
        "seconds": lambda row: STORM + (28 if row["share"] == 100 else 60),
    },
    r"(audit|night) of .*": {"calls": audit_calls, "writes": 0},
    r"10,000 sign-ups at once": {"calls": 140, "refused": few, "seconds": 24},
    r"1,000 sign-ups at once": {"refused": few, "seconds": 10},
    r"[\d,]+ sign-ups with tags at once": {
        "refused": few,
        "seconds": lambda row: (0.42 if row["share"] < 80 else 0.26) * row["size"],
    },
    r"[\d,]+ sign-ups?.*": {"refused": few},
    r"[\d,]+ customers due at once": {
        "refused": few,
        "seconds": lambda row: 60 + 1.2 * row["size"] / rate(row),
    },
    r"100 APIs .*": {"refused": few, "seconds": lambda row: 1.2 * row["floor"]},
    # Fewer of them wait longer for events to come to rest than for their calls.
    r"\d+ APIs .*": {"refused": few},
    r"the team's reads beside .*": {"refused": 0},
    r"(suspend|leak) beside .*": {"worst": 2},
    r"`ready_by` of .*": {"worst": 20},
    r"start-up of a sign-up, all its functions": {"cpu_ms": 1500},
    r"start-up of \w+": {"cpu_ms": 450},
}
# What holds for each job of Keyward that makes calls.
ALWAYS: dict[str, Limit] = {
    "failed": 0,
    "busiest": lambda row: rate(row) * (MINUTE + BURST / RATE),
}


# Budgets that are not kept yet, and what in issue 8 mends it: one that holds in a full run has to
# leave this list.
NOT_YET: dict[tuple[str, str], str] = {}


@dataclass(frozen=True)
class Check:
    """A figure beside its budget."""

    job: str
    share: int | None
    figure: str
    most: float
    measured: float

    @property
    def holds(self) -> bool:
        """Whether the budget is kept."""
        return self.measured <= self.most

    @property
    def not_yet(self) -> str:
        """What mends it, for a budget that is known not to be kept."""
        for (job, figure), why in NOT_YET.items():
            if figure == self.figure and re.fullmatch(job, self.job):
                return why
        return ""

    def __str__(self) -> str:
        at = f" at share {self.share}" if self.share else ""
        return f"{self.job}{at}: {self.figure} is {self.measured:g}, must be at most {self.most:g}"


def of_row(row: JSON) -> Iterator[Check]:
    """The budgets of one row: a job's, what others see of a job, or a function's start-up."""
    if row.get("who", KEYWARD) != KEYWARD:
        return
    limits = next((b for pattern, b in BUDGETS.items() if re.fullmatch(pattern, row["job"])), {})
    figures = figures_of(row)
    for figure, limit in (limits | (ALWAYS if "busiest" in row else {})).items():
        most = limit(row) if callable(limit) else limit
        yield Check(row["job"], row.get("share"), figure, round(most, 1), figures[figure])


def figures_of(row: JSON) -> Mapping[str, float]:
    """All figures of a row by their names; `calls` are those that were made, refused or not."""
    figures = {name: value for name, value in row.items() if isinstance(value, int | float)}
    if "reads" in row:
        figures["calls"] = answered(row) + row["refused"]
    return figures | (row.get("counts") or {})


def start_up_rows(start_up: JSON, sign_up: Iterable[str]) -> Iterator[JSON]:
    """The CPU of each function's start, and of a cold sign-up's functions together, in milliseconds
    of a machine on which the reference takes REFERENCE_MS: a busy or slow one changes nothing."""
    ms = {row["function"]: row["ratio"] * REFERENCE_MS for row in start_up["functions"]}
    total = sum(ms[name] for name in sign_up)
    yield {"job": "start-up of a sign-up, all its functions", "cpu_ms": round(total)}
    for name, took in ms.items():
        yield {"job": f"start-up of {name}", "cpu_ms": round(took)}


def surprises(checks: Iterable[Check], is_whole: bool) -> list[str]:
    """Budgets that are broken and not known to be; in a whole run also known ones that hold.

    A small run starts each function once, whatever the machine does: it shows CPU, judges none."""
    checks = [check for check in checks if is_whole or check.figure != CPU]
    found = [str(check) for check in checks if not check.holds and not check.not_yet]
    if is_whole:
        broken = {check.not_yet for check in checks if not check.holds}
        outdated = [(*about, why) for about, why in NOT_YET.items() if why not in broken]
        found += [f"{job}: {figure} holds. Remove it from NOT_YET" for job, figure, _ in outdated]
    return found


def of_all(rows: Iterable[JSON]) -> list[Check]:
    """The budgets of all rows."""
    return [check for row in rows for check in of_row(row)]
