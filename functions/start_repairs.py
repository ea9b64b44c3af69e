"""Start repairs: a batch of the runs that mend what the audit found."""

from __future__ import annotations

from typing import Any

from keyward.audit import parts
from keyward.runs import runtime


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{audit, batch}`; output `{started, wait_seconds}`. A run that was started
    already is not started again."""
    machines = {
        "reconcile-customer": runtime.setting("RECONCILE_CUSTOMER_ARN"),
        "protect-api": runtime.setting("PROTECT_API_ARN"),
    }
    batch, wait = parts.batch_of(event["audit"], int(event["batch"]), runtime.audits())
    bus = runtime.bus()
    started = [bus.start(machines[one["machine"]], one["name"], one["task"]) for one in batch]
    return {"started": sum(started), "wait_seconds": wait}
