"""Report failure: the one failure path of both state machines."""

from __future__ import annotations

from typing import Any

from keyward import errors
from keyward.aws.tables import Registry
from keyward.customers.model import manual_fields
from keyward.errors import InvalidInputError, KeywardError, PassingError
from keyward.events import contracts
from keyward.runs import ledger, run, runtime

AGAIN_SECONDS = 900
# What nobody knows (a time-out of Lambda, an error of DynamoDB) may be a fault of ours, too.
UNKNOWN_AGAIN_SECONDS = 3600


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id | rest_api_id, stage?, error: {Error, Cause}, execution_arn, asked?,
    entered}`; output `{events, again, reason}`."""
    reported = report(event, runtime.registry(), runtime.setting("EVENT_BUS"))
    runtime.logger.error(
        "run failed",
        extra={name: event.get(name) for name in ("customer_id", "rest_api_id", "execution_arn")}
        | {"reason": reported["reason"]},
    )
    return reported


def report(task: dict[str, Any], registry: Registry, bus_name: str) -> dict[str, Any]:
    """CustomerFailed or ApiFailed as a PutEvents entry (none when nobody can be named), the line of
    the ledger, and the lease given back. `again`: somebody asked meanwhile, the lease is kept and
    the run starts over."""
    reason = run.error_reason(task["error"])
    told = {"reason": reason, "execution_arn": task["execution_arn"]}
    for lease, detail_type, field, named in (
        ("customer", "CustomerFailed", "customer_id", contracts.parse_customer_id),
        ("api", "ApiFailed", "rest_api_id", contracts.rest_api_id_of),
    ):
        try:
            name = named(task)
        except InvalidInputError:
            continue
        event = contracts.announcement(
            detail_type, **{field: name}, stage=task.get("stage"), **told
        )
        at = ledger.epoch_of(task["entered"])
        asked = _asked(task, name, registry) if lease == "customer" else run.requester_of(task)
        subject = f"{lease}#{name}"
        registry.ledger.append([ledger.failed_line(subject, at, asked, event)])
        if lease == "customer":
            _look_again(task, name, registry, at)
        again = run.fail_run(registry.leases, f"{lease}#{name}", str(task["execution_arn"]))
        return {"events": [contracts.entry(event, bus_name)], "again": again, "reason": reason}
    return {"events": [], "again": False, "reason": reason}


def _asked(task: dict[str, Any], customer_id: str, registry: Registry) -> dict[str, Any]:
    begun = ledger.epoch_of(task.get("begun"))
    record = registry.customers.desired(customer_id) or {}
    return ledger.asked_for("", run.requester_of(task), record, manual_fields(record), begun)


def _look_again(task: dict[str, Any], customer_id: str, registry: Registry, now: float) -> None:
    """What can pass did not while the run lasted, and may have left a key half moved: the customer
    is looked at again by itself. What is sure to fail again is not."""
    kind = getattr(errors, str(task["error"].get("Error")), None)
    known = kind if isinstance(kind, type) and issubclass(kind, KeywardError) else None
    if known and not issubclass(known, PassingError):
        return
    holder = registry.leases.holder(f"customer#{customer_id}")
    if holder and holder.owner == task["execution_arn"]:
        seconds = AGAIN_SECONDS if known else UNKNOWN_AGAIN_SECONDS
        registry.customers.note_due(customer_id, now + seconds, holder)
