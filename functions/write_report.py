"""Write report: how things stand, as a page for people and as data, into the bucket of reports."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Any

from keyward.audit.parts import NAME, Audit
from keyward.aws.bucket import DATA, PAGE
from keyward.events import contracts
from keyward.report import data, page
from keyward.report.digest import digest_of
from keyward.report.read import Collector, newest_reading, own_reading
from keyward.runs import outbox, run, runtime
from keyward.runs.context import Context
from keyward.values import DAY, iso

DEAD_LETTERS = tuple(
    f"{name}_DLQ" for name in ("CUSTOMERS", "APIS", "RUNS", "AUDIT", "DUE", "USAGE", "REPORT")
)
# Of the 900 s that the function has, the last two minutes are for writing.
READ_SECONDS = 780


def handler(event: object, context: object) -> dict[str, Any]:
    """The message `{audit}` that audit-account sends when it is done, or by hand `{read?}`: `read`
    reads the account anew, however recent the last audit is. Output: `{bucket, page, data,
    waiting}`."""
    task: Any = event
    if isinstance(event, dict) and "Records" in event:
        task = json.loads(event["Records"][0]["body"])
    run.only_fields(task, ("audit", "read"))
    wanted = contracts.optional_of(task, "audit", NAME)
    made = collector(f"report-{getattr(context, 'aws_request_id', None) or uuid.uuid4()}")
    is_new = contracts.flag_of(task, "read")
    reading = None if is_new else newest_reading(made.audit, wanted, made.now)
    if reading is None:
        until = made.now + READ_SECONDS
        reading = own_reading(made.audit, made.current.policy, until, runtime.pause)
    report = made.report(reading)
    reports = runtime.reports()
    reports.save(DATA, data(report))
    reports.save(PAGE, page(report))
    if wanted:
        tell_daily(made.audit.context, digest_of(report.waiting, made.audit.context.stack))
    waiting = len(report.waiting)
    runtime.count({"WaitsForAPerson": waiting})
    return {"bucket": reports.name, "page": PAGE, "data": DATA, "waiting": waiting}


def tell_daily(context: Context, message: tuple[str, str] | None) -> None:
    """Publish the digest, once a day (UTC). One that broke off is sent by the next report. Raises
    PassingError."""
    if message:
        topic, day = runtime.topic(), iso(context.now)[:10]
        outbox.tell_once(context, f"digest#{day}", lambda: topic.publish(*message), 2 * DAY)


def collector(name: str) -> Collector:
    """Makes the report; `name` is that of its own reading, if it needs one."""
    surroundings = replace(runtime.context(), gateway=runtime.patient_gateway())
    now = surroundings.now
    return Collector(
        audit=Audit(name, runtime.audits(), surroundings, runtime.setting("DEFAULT_MODE")),
        current=surroundings.registry.policies.current(now),
        place=runtime.setting("REPORT_PLACE"),
        queues={
            name.title().replace("_", ""): runtime.setting(f"{name}_URL") for name in DEAD_LETTERS
        },
        now=now,
    )
