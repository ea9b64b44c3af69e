"""Take what a person gives a run of reconcile-customer, and record the change that it brings.

That is a customer, fields of its sign-up, or a whole event, as in events/in or as an entry of
PutEvents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from keyward.customers.model import customer_of
from keyward.errors import CustomerNotFoundError, InvalidInputError, UnknownPlanError
from keyward.events import contracts, third_party
from keyward.events.contracts import CustomerEvent
from keyward.events.fields import choices_hint, shown
from keyward.events.incoming import members
from keyward.policy.model import Policy
from keyward.runs import run
from keyward.runs.context import Context
from keyward.runs.ledger import epoch_of
from keyward.runs.record import record
from keyward.values import JSON, iso, parse_json

OPTIONS = ("customer_id", "dry_run", "look")
SIGN_UP = "CustomerSignedUp"
# The record's `status` too: a whole record is a sign-up while it is active.
FIELDS = (*(name for name in members(SIGN_UP) if name not in OPTIONS), "status")
ENVELOPE = (
    *("version", "id", "detail-type", "source", "account", "time", "region", "resources"),
    *("detail", "replay-name"),
)
# A member of PutEvents's entry, and the envelope's name of it.
ENTRY = {"DetailType": "detail-type", "Detail": "detail", "Source": "source", "Time": "time"}
ENTRY |= {"EventBusName": "", "Resources": "resources", "TraceHeader": ""}
SOURCE = "console"
MAX_NAMED = 20


def bring(task: JSON, context: Context) -> tuple[JSON, JSON | None]:
    """Record the change that the input brings. Returns the task that is left, about the customer
    alone, and in a dry run, which records nothing, the record as it would be.

    Idempotent: a change counts as of the run's begin, whatever times stand in it. Raises
    InvalidInputError, CustomerNotFoundError, InvalidRecordError and PassingError.
    """
    events = _events(task, context.policy, context.now)
    customer_id = events[0].customer_id
    for event in events:
        _check_plans(event, context.policy)
    planned = record(context.registry, customer_id, lambda _: events, dry_run=True)
    wanted = planned.after
    if planned.void:
        raise CustomerNotFoundError(planned.void)
    if not customer_of(wanted or {}).complete:
        raise CustomerNotFoundError(
            f"customer_id: the Customers table has no customer {customer_id}. Send {SIGN_UP} first"
        )
    rest = {n: v for n, v in task.items() if n in ("dry_run", "look", *run.MACHINE_FIELDS)}
    rest["customer_id"] = customer_id
    if contracts.flag_of(task, "dry_run"):
        return rest, wanted
    record(context.registry, customer_id, lambda _: events)
    return rest, None


def customer_in(task: object, policy: Policy | None = None) -> str:
    """Find the customer of an input. Raises InvalidInputError."""
    envelope = _pasted(task) if isinstance(task, dict) else None
    found = contracts.customer_named_in(envelope)
    if found is None and policy and third_party.is_third_party(envelope):
        found = third_party.customer_in(envelope, policy)
    return found or contracts.parse_customer_id(task)


def _events(task: JSON, policy: Policy, now: float) -> Sequence[CustomerEvent]:
    """Read the events of an input. Raises InvalidInputError."""
    envelope, begun = _pasted(task), int(epoch_of(task.get("begun")) or now)
    if envelope is None:
        envelope = _sign_up(task)
    own = [envelope]
    if third_party.is_third_party(envelope):
        own = third_party.translate(envelope, policy)
    if not own:
        raise InvalidInputError(
            "detail", "must say something about the customer's keys, got nothing", "Send it no more"
        )
    found = [contracts.customer_event(_dated(event, begun), now) for event in own]
    name = str(task.get("execution_arn", "")).rpartition(":")[2]
    return [replace(event, event_id=event.event_id or name) for event in found]


def _dated(envelope: JSON, begun: int) -> JSON:
    """Date the event now: the times of a sample are those of its day."""
    detail = envelope.get("detail")
    if isinstance(detail, dict):
        detail = {name: value for name, value in detail.items() if name != "occurred_at"}
    return envelope | {"time": iso(begun), "detail": detail}


def _pasted(task: JSON) -> JSON | None:
    """The envelope of a whole event; None where there is none. Raises InvalidInputError for a
    member that none has."""
    entries = task.get("Entries")
    if isinstance(entries, list) and len(entries) == 1 and isinstance(entries[0], dict):
        task = entries[0] | {name: value for name, value in task.items() if name != "Entries"}
    if "DetailType" in task:
        run.only_fields(task, (*OPTIONS[1:], *ENTRY))
        found = {new: task[name] for name, new in ENTRY.items() if new and name in task}
        return found | {"detail": parse_json(found.get("detail")) or found.get("detail")}
    if "detail-type" not in task:
        return None
    run.only_fields(task, (*OPTIONS[1:], *ENVELOPE))
    return {name: task[name] for name in ENVELOPE if name in task}


def _sign_up(task: JSON) -> JSON:
    """Make a sign-up of the fields of an input. Raises InvalidInputError."""
    run.only_fields(task, (*OPTIONS, *FIELDS))
    customer_id = contracts.parse_customer_id(task)
    if task.get("status", "active") != "active":
        remedy = "Send CustomerSuspended or CustomerClosed for another"
        raise InvalidInputError("status", "must be active", remedy)
    given = {name: task[name] for name in FIELDS if name in task and name != "status"}
    detail = {"customer_id": customer_id} | given
    return {"detail-type": SIGN_UP, "source": SOURCE, "detail": detail}


def _check_plans(event: CustomerEvent, policy: Policy) -> None:
    """Raise InvalidInputError for a plan that the policy does not name; PlanRemoved may name
    one."""
    if event.detail_type == "PlanRemoved":
        return
    one = event.fields.get("plan")
    for plan in event.fields.get("plans", [one] if one else []):
        try:
            policy.plan(plan)
        except UnknownPlanError:
            names = tuple(sorted(policy.usage_plans)[:MAX_NAMED])
            problem = f"must be a plan of the policy, got {shown(plan)}"
            raise InvalidInputError("plan", problem, choices_hint(names)) from None
