"""Write report: how things stand, as a page for people and as data, into the bucket of reports."""

from __future__ import annotations

import time
from typing import Any

from keyward import runtime
from keyward.registry.reports import DATA, PAGE
from keyward.report import data, page
from keyward.report.collect import Collector

DEAD_LETTERS = ("CUSTOMERS_DLQ", "APIS_DLQ", "AUDIT_DLQ", "OUTCOMES_DLQ", "REPORT_DLQ")
# What is left for writing, once the APIs are read as far as time allows.
SPARE_SECONDS = 120


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A message that the audit sends when it is done, or `{}` by hand; output: `{bucket, page,
    data, waiting}`."""
    left = context.get_remaining_time_in_millis() / 1000
    report = collector(context.invoked_function_arn, runtime.now() + left - SPARE_SECONDS).report()
    reports = runtime.reports()
    reports.save(DATA, data(report))
    reports.save(PAGE, page(report))
    return {
        "bucket": reports.bucket,
        "page": PAGE,
        "data": DATA,
        "waiting": len(report.waiting),
    }


def collector(function_arn: str, until: float) -> Collector:
    """What reads the account of this function; after `until` (epoch seconds) no further API."""
    region, account = function_arn.split(":")[3:5]
    return Collector(
        gateway=runtime.patient_gateway(),
        registry=runtime.registry(),
        bus=runtime.bus(),
        current=runtime.registry().policies.current(runtime.now()),
        default_mode=runtime.setting("DEFAULT_MODE"),
        place=f"account {account}, {region}",
        queues={name: runtime.setting(f"{name}_URL") for name in DEAD_LETTERS},
        until=until,
        clock=runtime.now,
        rest=time.sleep,
    )
