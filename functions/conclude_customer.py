"""Conclude customer: announce what was done, note when to look again, give the lease back."""

from __future__ import annotations

from typing import Any

from keyward.aws.tables.leases import Lease
from keyward.customers.bulk import is_being_imported
from keyward.customers.model import customer_of
from keyward.customers.plan_moves import refusal
from keyward.errors import InvalidRecordError
from keyward.events import contracts
from keyward.runs import outbox, runtime
from keyward.runs.context import Context
from keyward.runs.due import next_due
from keyward.values import JSON


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input: the output of Plan customer; output: see `conclude`."""
    return conclude(event, runtime.context())


def conclude(task: JSON, context: Context) -> JSON:
    """Say how the run ends: `{again, wait_seconds, problem, output}`.

    `again`: the run starts over after so many seconds. Either somebody left word, and it keeps the
    lease; or it has no lease, as it waits for its turn. `problem` `{Error, Cause}` is what the plan
    could not satisfy; with it the run keeps the lease, too. `output` is the run's. A run without a
    lease has nothing to conclude. Raises LeaseLostError.
    """
    customer_id, seconds = contracts.parse_customer_id(task), int(task.get("wait_seconds", 0))
    if task.get("lease") is None:
        output = _output(task, customer_id)
        return {"again": seconds > 0, "wait_seconds": seconds, "problem": None, "output": output}
    lease, customers = Lease.of(task), context.registry.customers
    context.registry.leases.renew(lease, context.now)
    waiting = customers.load_keys(customer_id).outbox
    outbox.announce(context, customers.outbox, customer_id, waiting)
    problem = task.get("problem") or _refusal(customer_id, task, context)
    _note_due(customer_id, lease, task, context)
    leases = context.registry.leases
    # With a problem the run keeps the lease until Report failure has told it: what another run
    # mends is told after it.
    again = (
        leases.rerun_requested(lease.name, lease.owner) if problem else not leases.release(lease)
    )
    return {
        "again": again,
        "wait_seconds": 0,
        "problem": None if again else problem,
        "output": _output(task, customer_id),
    }


def _output(task: JSON, customer_id: str) -> JSON:
    """Say what a run did, or what a dry run would do. `busy`: another run has the customer.
    `waiting`: it gets its key together with others. `ready_by`: when its turn is there."""
    output: JSON = {"customer_id": customer_id}
    output |= {"ready_by": task["ready_by"]} if task.get("ready_by") else {}
    for other in ("busy", "waiting"):
        if task.get(other):
            return output | {other: True}
    output |= {"actions": task["actions"]}
    return {"dry_run": True} | output if task.get("dry_run") else output


def _refusal(customer_id: str, task: JSON, context: Context) -> JSON | None:
    """What a plan refused while the run was at work, as a problem `{Error, Cause}`."""
    customers = context.registry.customers
    keys = customers.load_keys(customer_id).keys
    if not any(key.journal.refused for key in keys):
        return None
    record = customers.desired(customer_id)
    # Money may have lowered the plan: then the record names another than the run's actions do.
    wanted = {action.get("plan") for action in task["actions"]}
    refused = refusal({*customer_of(record).plans, *wanted}, keys) if record else None
    return {"Error": type(refused).__name__, "Cause": str(refused)} if refused else None


def _note_due(customer_id: str, lease: Lease, task: JSON, context: Context) -> None:
    """What becomes due while the run is at work is due at once."""
    customers, planned_at = context.registry.customers, float(task.get("planned_at", context.now))
    records = customers.load_keys(customer_id)
    if records.waits_since is not None and not task.get("problem"):
        customers.has_room(customer_id)
    if any(map(is_being_imported, records.keys)):
        customers.note_imported(customer_id, context.now)
        return
    try:
        due = next_due(customer_id, records, context, planned_at)
    except InvalidRecordError:
        # Put just now: the run that this starts says so.
        return
    if records.due_at != (None if due is None else int(due)):
        customers.note_due(customer_id, due, lease)
