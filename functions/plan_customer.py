"""Plan customer: take the lease, read what is desired and what is known, plan the difference."""

from __future__ import annotations

from typing import Any

from keyward.customers.model import customer_of, manual_fields
from keyward.customers.notices import as_actions, notices_due
from keyward.customers.plan import plan_customer
from keyward.errors import CustomerNotFoundError
from keyward.events import contracts
from keyward.runs import ledger, run, runtime
from keyward.runs.context import Context
from keyward.runs.key_refresh import KeyRefresher
from keyward.values import JSON

# What a console run may state.
FIELDS = ("customer_id", "dry_run", "look")


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, execution_arn, dry_run?, look?, asked?, begun?}`; output: see
    `plan`."""
    contracts.parse_customer_id(event)
    run.only_fields(event, FIELDS)
    return plan(event, runtime.context())


def plan(task: JSON, context: Context) -> JSON:
    """`{customer_id, dry_run, busy, lease, planned_at, actions, problem}`.

    `busy`: another run has the customer and will start over. `problem` `{Error, Cause}` is reported
    when the actions are done. A dry run takes no lease and writes nothing. With `look` the keys are
    compared with API Gateway first. The policy is read under the lease, so that a run that cannot
    read it stands in nobody's way. Raises InvalidInputError, InvalidRecordError,
    CustomerNotFoundError, in a dry run the problem itself, with `look` what the gateway raises.
    """
    registry, now = context.registry, context.now
    customer_id = contracts.parse_customer_id(task)
    dry_run = contracts.flag_of(task, "dry_run")
    look = contracts.flag_of(task, "look")
    output = {"customer_id": customer_id, "dry_run": dry_run, "busy": False, "lease": None}
    output["planned_at"] = now
    lease = None
    if not dry_run:
        owner = str(task["execution_arn"])
        lease = run.begin(registry.leases, context.bus, f"customer#{customer_id}", owner, now)
        if lease is None:
            return output | {"busy": True, "actions": [], "problem": None}
        output["lease"] = lease.as_json()
    policy = context.announced_policy()
    record = registry.customers.desired(customer_id)
    if record is None:
        raise CustomerNotFoundError(
            f"customer_id: the Customers table has no customer {customer_id}. "
            "Send CustomerSignedUp or put a record"
        )
    records, customer = registry.customers.load_keys(customer_id), customer_of(record)
    if look:
        looker = KeyRefresher(context.gateway, policy, now)
        records = looker.refresh_from_gateway(
            records, customer_id, registry.customers, lease, run.requester_of(task)
        )
    planned = plan_customer(customer, records.keys, policy, now, records.last_number)
    notices = notices_due(customer, policy, now, records.notice_marks)
    actions = [*as_actions(notices), *(action.as_json() for action in planned.actions)]
    if dry_run and planned.problem:
        raise planned.problem
    return output | {
        "actions": [_with_requester(action, task, record) for action in actions],
        "problem": _problem_output(planned.problem),
    }


def _with_requester(action: JSON, task: JSON, record: JSON) -> JSON:
    """The action with who asked for it, for the ledger; a dry run is about what would be done."""
    if task.get("dry_run"):
        return action
    started, begun = run.requester_of(task), ledger.epoch_of(task.get("begun"))
    by_hand = manual_fields(record)
    return action | {
        "asked": ledger.requester_of_action(action["action"], started, record, by_hand, begun)
    }


def _problem_output(problem: Exception | None) -> dict[str, str] | None:
    return {"Error": type(problem).__name__, "Cause": str(problem)} if problem else None
