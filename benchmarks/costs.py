"""Dollars: an idle month by what the template declares, and jobs by what the bench counted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from benchmarks.prices import PRICES, dollars, with_functions
from keyward.values import JSON
from local.lifetime.stack import Stack, stack_of

# A month has 730 hours (AWS Pricing Calculator).
HOURS, MINUTES, NIGHTS = 730, 730 * 60, 730 / 24
# Lambda polls a queue with five connections, each waits for 20 s (AWS Lambda developer guide,
# "Using Lambda with Amazon SQS", and AWS re:Post on idle queues).
POLLS_A_MINUTE = 5 * 3
# What is counted when nothing happens: by each look at due work, by the nightly audit and report.
# A metric is billed for each hour in which it was counted (Amazon CloudWatch Pricing).
EACH_MINUTE = ("ShareInUse", "CallsWaiting")
EACH_NIGHT = ("KeysOnGateway", "WaitsForAPerson")
IDLE_DAY, BURST = "a day without any work", "10,000 sign-ups at once"
JOBS = ("sign-up", "100 sign-ups at once", "1,000 sign-ups at once", BURST)
SAID = "An idle month costs {} USD, 10,000 sign-ups {} USD"
PARTS = {
    "functions": ("lambda_calls", "lambda_gb_seconds"),
    "transitions": ("transitions",),
    "tables": ("written_units", "half_read_units"),
    "events": ("events",),
    "queues": ("queue_requests",),
}
Table = tuple[str, list[list[str]]]


def idle_month(latest: JSON) -> dict[str, float]:
    """Dollars of a month in which nobody signs up and nobody deploys, item by item."""
    stack = stack_of()
    queues = sum(bool(source.queue) for source in stack.sources)
    minute = {"lambda_calls": MINUTES, "half_read_units": MINUTES, "schedule_calls": MINUTES}
    night = counted(latest, IDLE_DAY) | {"metric_hours": len(EACH_NIGHT)}
    tables = sum(one["Type"] == "AWS::DynamoDB::Table" for one in stack.resources.values())
    return {
        f"{queues} queues that functions poll": dollars(
            {"queue_requests": queues * POLLS_A_MINUTE * MINUTES}
        ),
        "the dashboard": dollars({"dashboards": len(declared(stack, "Dashboard"))}),
        f"alarms on {alarm_metrics(stack)} metrics": dollars(
            {"alarm_metrics": alarm_metrics(stack)}
        ),
        f"{len(EACH_MINUTE)} metrics that are counted each minute": dollars(
            {"metric_hours": len(EACH_MINUTE) * HOURS}
        ),
        f"{tables} tables while they are empty, and a topic without messages": 0.0,
        "the look at due work, once a minute": dollars(with_functions(minute, 0)),
        "the parameter that holds the policy": dollars({"parameter_months": 1}),
        "the nights: audit, reading of usage, report": dollars(night) * NIGHTS,
        "CloudTrail's first copy of management events": 0.0,
    }


def alarm_metrics(stack: Stack) -> int:
    """How many metrics the alarms look at; an alarm on a sum looks at each of its parts."""
    alarms = declared(stack, "Alarm")
    parts = [[m for m in alarm.get("Metrics", []) if "MetricStat" in m] for alarm in alarms]
    return sum(len(part) or 1 for part in parts)


def declared(stack: Stack, kind: str) -> list[JSON]:
    """The properties of all resources of a kind of CloudWatch."""
    resources = stack.resources.values()
    return [one["Properties"] for one in resources if one["Type"] == f"AWS::CloudWatch::{kind}"]


def counted(latest: JSON, job: str) -> dict[str, float]:
    """What a job of Keyward was billed for."""
    row = next(row for row in latest["rows"] if row["job"] == job and row["counts"])
    return with_functions(row["counts"], row["reads"] + row["writes"] + row["refused"])


def sentence(latest: JSON) -> str:
    """What the README says of costs."""
    month, burst = sum(idle_month(latest).values()), dollars(counted(latest, BURST))
    return SAID.format(f"{month:.2f}", f"{burst:.2f}")


def restated(page: str, latest: JSON) -> str:
    """A page with what it says of costs made of these figures."""
    return re.sub(SAID.format(r"[\d.]+", r"[\d.]+"), sentence(latest), page)


def tables(latest: JSON) -> dict[str, Table]:
    """The tables of docs/costs.md."""
    return {"idle": idle_table(latest), "dollars": job_table(latest), "prices": price_table()}


def idle_table(latest: JSON) -> Table:
    """What an idle month costs, the dearest first."""
    items = sorted(idle_month(latest).items(), key=lambda item: -item[1])
    lines = [[what, f"{cost:.2f}"] for what, cost in items]
    return "item|dollars a month", [*lines, ["**sum**", f"{sum(cost for _, cost in items):.2f}"]]


def job_table(latest: JSON) -> Table:
    """What jobs cost, by what is billed."""
    jobs = [row["job"] for row in latest["rows"] if row["counts"]]
    chosen = [job for job in jobs if job in JOBS or job.startswith(("100 APIs", "night of"))]
    lines = [[job, *split(counted(latest, job))] for job in dict.fromkeys(chosen)]
    return f"job|{'|'.join(PARTS)}|rest|dollars", lines


def split(counts: Mapping[str, float]) -> Iterable[str]:
    """Dollars by part, the rest, and the sum."""
    parts = [dollars({n: counts.get(n, 0) for n in names}) for names in PARTS.values()]
    whole = dollars(counts)
    return [f"{part:.4f}" for part in (*parts, max(0.0, whole - sum(parts)), whole)]


def price_table() -> Table:
    """The prices, and AWS's pages that have them."""
    lines = [[one.unit, f"{one.dollars:.10f}".rstrip("0"), one.page] for one in PRICES.values()]
    return "unit|dollars|page of AWS", lines
