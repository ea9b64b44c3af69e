"""Start due work: every minute, start a run for each customer whose due time has passed."""

from __future__ import annotations

from typing import Any

from keyward.errors import KeywardError, PassingError
from keyward.runs import runtime
from keyward.runs.context import Context
from keyward.runs.ledger import SCHEDULE
from keyward.values import run_name

# So that a thousand keys that were made in one hour do not use up the account's calls in another.
MAX_A_MINUTE = 100
# A run that failed is tried again; one that did its work has noted another time by then.
RETRY_AFTER_SECONDS = 3600


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Input: anything; output `{started, left}`: runs started, customers left to the next minute.

    Raises KeywardError, after all others were started, for a customer whom no later minute helps.
    """
    run, machine_arn = runtime.context(), runtime.setting("RECONCILE_CUSTOMER_ARN")
    now, started, failed = run.now, 0, list[KeywardError]()
    for customer_id, due_at in run.registry.customers.due(now, MAX_A_MINUTE):
        try:
            started += start(run, machine_arn, customer_id, due_at)
            run.registry.customers.postpone_due(customer_id, due_at, now + RETRY_AFTER_SECONDS)
        except KeywardError as error:
            runtime.logger.warning("a customer is left to the next minute: %s", error)
            failed.append(error)
    for failure in failed:
        if not isinstance(failure, PassingError):
            raise failure
    return {"started": started, "left": len(failed)}


def start(run: Context, machine_arn: str, customer_id: str, due_at: int) -> bool:
    """Start a customer's run; False when it was started before, for the same due time."""
    task = {"customer_id": customer_id, "asked": {"by": SCHEDULE}}
    return run.bus.start(machine_arn, run_name(customer_id, str(due_at), "due-"), task)
