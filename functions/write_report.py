"""Write report: how things stand, as a page for people and as data, into the bucket of reports."""

from __future__ import annotations

import time
from typing import Any

from keyward.aws.bucket import DATA, PAGE
from keyward.report import data, page
from keyward.report.read import Collector
from keyward.runs import runtime

DEAD_LETTERS = tuple(
    f"{name}_DLQ" for name in ("CUSTOMERS", "APIS", "RUNS", "AUDIT", "DUE", "USAGE", "REPORT")
)
# Of the 900 s that the function has, the last two minutes are for writing.
READ_SECONDS = 780


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """A message that the audit sends when it is done, or `{}` by hand; output: `{bucket, page,
    data, waiting}`."""
    report = collector(runtime.now() + READ_SECONDS).report()
    reports = runtime.reports()
    reports.save(DATA, data(report))
    reports.save(PAGE, page(report))
    return {
        "bucket": reports.bucket,
        "page": PAGE,
        "data": DATA,
        "waiting": len(report.waiting),
    }


def collector(until: float) -> Collector:
    """What reads the account; after `until` (epoch seconds) no further API."""
    run = runtime.context()
    return Collector(
        gateway=runtime.patient_gateway(),
        registry=run.registry,
        bus=run.bus,
        current=run.registry.policies.current(run.now),
        default_mode=runtime.setting("DEFAULT_MODE"),
        place=runtime.setting("REPORT_PLACE"),
        queues={name: runtime.setting(f"{name}_URL") for name in DEAD_LETTERS},
        until=until,
        clock=run.clock,
        rest=time.sleep,
    )
