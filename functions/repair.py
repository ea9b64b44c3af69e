"""Repair: start the runs that mend what an audit found, some at a time. Keys that somebody else
made are taken into the records first."""

from __future__ import annotations

from typing import Any

from keyward.audit.adopt import Adoption, why_not_adopted
from keyward.audit.pace import pace_of_starts
from keyward.audit.parts import REPAIRS
from keyward.audit.work import Worker, WorkList, WorkResult
from keyward.events.requester import AUDIT
from keyward.runs import runtime
from keyward.runs.context import Context
from keyward.runs.ledger import key_line
from keyward.values import JSON, run_name

SECONDS = 60
# A batch is ten runs. An adoption calls API Gateway never: some requests of DynamoDB each.
START, ADOPT = 1.0, 0.05


def handler(event: JSON, context: object) -> JSON:
    """Task input `{audit}`; output `{unfinished, wait_seconds, started, adopted, failed}`: the sums
    over all rounds. A run that was started already is not started again."""
    machines = {
        "reconcile-customer": runtime.setting("RECONCILE_CUSTOMER_ARN"),
        "protect-api": runtime.setting("PROTECT_API_ARN"),
        "apply-policy": runtime.setting("APPLY_POLICY_ARN"),
    }
    run = runtime.context()
    mender = Mender(run, event["audit"], machines)
    repairs = WorkList(runtime.audits(), event["audit"], REPAIRS)
    done = repairs.go_on(Worker(mender.mend, mender.failed), pace_of_starts(run.turns, run.clock))
    return {"started": 0, "adopted": 0, "failed": 0} | dict(done.counts) | done.as_json()


class Mender:
    """Mends for one audit; `machines` are the ARNs of the state machines by name."""

    def __init__(self, context: Context, audit: str, machines: dict[str, str]) -> None:
        self._context = context
        self._machines = machines
        self._owner = f"repair:{audit}"

    def mend(self, item: JSON) -> WorkResult:
        """Start a run, or adopt a customer's keys."""
        if "adoption" in item:
            adopted = self._adopt(Adoption.of(item["adoption"]))
            return WorkResult(cost=ADOPT, counts={"adopted": adopted})
        machine = self._machines[item["machine"]]
        started = self._context.bus.start(machine, item["name"], item["task"])
        return WorkResult(cost=START, counts={"started": int(started)})

    def failed(self, item: JSON, error: Exception) -> WorkResult:
        """Count an item that could not be mended; the run fails when all others are done."""
        subject = item.get("name") or item["adoption"]["customer_id"]
        runtime.logger().error("not mended", extra={"subject": subject}, exc_info=error)
        return WorkResult(cost=START, counts={"failed": 1})

    def _adopt(self, adoption: Adoption) -> int:
        """Adopt all of the customer's keys or none; returns how many. None while another run has
        the customer, and when its records have changed so that the keys would need something.
        Idempotent."""
        context, now = self._context, self._context.now
        name, leases = f"customer#{adoption.customer_id}", context.registry.leases
        # Word left with an earlier try of this task; `acquire` hears it.
        if leases.rerun_requested(name, self._owner):
            self._start(adoption.customer_id)
        lease = leases.acquire(name, self._owner, now, SECONDS)
        if lease is None:
            return 0
        customers = context.registry.customers
        desired = customers.desired(adoption.customer_id)
        stored = customers.load_keys(adoption.customer_id)
        why = why_not_adopted(adoption, desired, stored, context.policy, now)
        done = False
        if why is None:
            record = adoption.record if desired is None else None
            done = customers.adopt(record, adoption.keys, lease, self._lines(adoption, now))
        here = done or {key.key_id for key in adoption.keys} <= {key.key_id for key in stored.keys}
        # Started before the lease goes: who dies between leaves the word to the next try.
        if leases.rerun_requested(name, self._owner) or (here and adoption.record is None):
            self._start(adoption.customer_id)
        if not leases.release(lease):
            self._start(adoption.customer_id)
            leases.give_back(lease)
        return len(adoption.keys) if done else 0

    def _lines(self, adoption: Adoption, now: float) -> list[dict[str, Any]]:
        action = {"action": "adopt_key", "asked": {"by": AUDIT}}
        task = {"action": action, "execution_arn": self._owner}
        lines = [key_line(task, None, key, now) for key in adoption.keys]
        return [line for line in lines if line]

    def _start(self, customer_id: str) -> None:
        """A run for who left word meanwhile, and to note when something is due."""
        task = {"customer_id": customer_id, "asked": {"by": AUDIT}}
        name = run_name(f"adopted-{customer_id}", f"{self._owner} {customer_id}")
        self._context.bus.start(self._machines["reconcile-customer"], name, task)
