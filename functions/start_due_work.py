"""Start due work: every minute, start a run for each customer whose due time has passed; when a run
died, start the one that somebody asked for meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from keyward.errors import KeywardError, PassingError
from keyward.events.requester import SCHEDULE
from keyward.runs import lots, runtime
from keyward.runs.context import Context
from keyward.runs.stopped import tell_of_stop
from keyward.runs.waiting import start_import
from keyward.values import frozen, run_name

# One invocation starts so many, in some seconds. Ten lots of the due queue are taken at once. So
# all of 10,000 have their place in the schedule of calls within the minute.
LOT = 100
# A run that failed is tried again; one that did its work has noted another time by then.
RETRY_AFTER_SECONDS = 3600


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Input: of the schedule anything, of the due queue messages `{"due": [[customer_id, due_at],
    ...]}`; output `{started, left}`: runs started, customers left to the queue or the next minute.
    Of the runs queue the ends of runs; output: the messages that come again.

    Raises KeywardError, after all others were started, for a customer whom no later minute helps.
    """
    run = runtime.context()
    starter = Starter(run, runtime.setting("RECONCILE_CUSTOMER_ARN"))
    texts = [str(record["body"]) for record in event.get("Records", ())]
    if not texts:
        return _start_all(starter)
    if all(map(lots.is_lot, texts)):
        return starter.start([one for text in texts for one in lots.customers_of(text)])
    return _resume(run, event, context)


def _start_all(starter: Starter) -> dict[str, int]:
    run = starter.run
    due = run.registry.customers.due(run.now)
    for first in range(LOT, len(due), LOT):
        lot = lots.lot_of(due[first : first + LOT])
        # What the queue does not take is still due, and found by the next minute.
        with suppress(PassingError):
            run.bus.send(runtime.setting("DUE_QUEUE_URL"), lot)
    try:
        return starter.start(due[:LOT], len(due[LOT:]))
    finally:
        _look_around(run)


def _resume(run: Context, event: dict[str, Any], context: Any) -> dict[str, Any]:
    # What it imports is for messages; the schedule, which comes each minute, does without.
    from keyward.runs.intake import Intake
    from keyward.runs.resuming import API, CUSTOMER, POLICY, Resumer

    machines = {
        runtime.setting("RECONCILE_CUSTOMER_ARN"): CUSTOMER,
        runtime.setting("PROTECT_API_ARN"): API,
        runtime.setting("APPLY_POLICY_ARN"): POLICY,
    }
    resumer = Resumer(run, machines)
    intake = Intake(runtime.setting("RUNS_DLQ_URL"), lambda item: resumer.take(item.body, item.id))
    return intake.queue(event, context)


def _look_around(run: Context) -> None:
    """Take up an import that died, tell of a stop that may be forgotten, and count how much of the
    share is in use. What passes by itself is left to a later minute."""
    with suppress(PassingError):
        start_import(run, runtime.setting("ISSUE_KEYS_ARN"))
    with suppress(PassingError):
        tell_of_stop(run)
        used, waiting = run.turns.in_use(run.now)
        runtime.count({"ShareInUse": 100 * used, "CallsWaiting": sum(waiting.values())})


@frozen
class Starter:
    """Starts the runs of customers for whom something is due."""

    run: Context
    machine_arn: str

    def start(self, due: Iterable[tuple[str, int]], left: int = 0) -> dict[str, int]:
        """Start one run a customer and due time (epoch seconds); a repeat starts none."""
        started, failed = 0, list[KeywardError]()
        for customer_id, due_at in due:
            try:
                started += self._start(customer_id, due_at)
                again_at = self.run.now + RETRY_AFTER_SECONDS
                self.run.registry.customers.postpone_due(customer_id, due_at, again_at)
            except KeywardError as error:
                runtime.logger().warning("a customer is left to the next minute: %s", error)
                failed.append(error)
        for failure in failed:
            if not isinstance(failure, PassingError):
                raise failure
        return {"started": started, "left": left + len(failed)}

    def _start(self, customer_id: str, due_at: int) -> bool:
        name = run_name(customer_id, str(due_at), "due-")
        task = {"customer_id": customer_id, "asked": {"by": SCHEDULE}}
        return self.run.bus.start(self.machine_arn, name, task)
