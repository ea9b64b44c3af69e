"""Issue keys to many customers with few calls of ImportApiKeys.

This takes those who wait, writes their keys down and has them made; bulk_check.py looks up later
whether they were. Values live here between their making and the call, and nowhere else. A batch
whose call nobody answered is looked up once the call can run no more; what is missing is imported
with new values.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import field, replace

from keyward.aws.gateway.keys import NewKey
from keyward.aws.tables.due import IMPORTED, NEW
from keyward.aws.tables.import_progress import (
    LANDED,
    LEASE,
    MAX_ROWS,
    MIN_ROWS,
    REFUSED,
    ImportState,
)
from keyward.aws.tables.imports import Member
from keyward.aws.tables.leases import Lease
from keyward.customers.bulk import is_simple
from keyward.customers.key import CREATING, Journal, KeyRecord, Labels
from keyward.customers.model import customer_of
from keyward.customers.plan import plan_customer
from keyward.errors import (
    ConcurrentModificationError,
    GatewayRefusedError,
    GatewayUnavailableError,
    KeywardError,
    PassingError,
    StoppedError,
    ThrottledError,
)
from keyward.policy.model import Policy
from keyward.runs import run
from keyward.runs.context import Context
from keyward.runs.schedule import CALLS
from keyward.runs.schedule import IMPORT as LANE
from keyward.values import JSON, frozen

# What a round says the machine is to do next.
IMPORT, VERIFY, DONE = "import", "verify", "done"
# A turn that comes so soon is waited for in the function: Step Functions waits whole seconds.
MAX_PAUSE_SECONDS = 2.0
# While new customers come without end, those who came first are verified so often.
MAX_UNVERIFIED_SECONDS = 30
# While nothing can be done for those who are left, those who come are imported.
MAX_WAIT_SECONDS = 5
# A batch that took so long to be written down is given up before its call (Lambda stood still).
MAX_BEGIN_SECONDS = 20
# A run ends long before its history is full (25,000 events); who waits then starts another.
MAX_RUN_SECONDS = 600


def step(next_state: str, wait_seconds: float = 0, *, closing: bool = False) -> JSON:
    """What the machine is to do next, and before that how long it is to wait."""
    return {"next": next_state, "wait_seconds": math.ceil(wait_seconds), "closing": closing}


@frozen
class ImportRun:
    """The run `owner` (an execution ARN) that began at `begun` (epoch seconds). `pause` waits."""

    context: Context
    owner: str
    begun: float
    pause: Callable[[float], object]

    def lease(self) -> Lease | None:
        """The lease of the import; None while another run has it. Raises TryUnderwayError."""
        context = self.context
        return run.begin(context.registry.leases, context.bus, LEASE, self.owner, context.now)

    def after(self, error: PassingError) -> JSON:
        """What the machine does after an error that passes: it waits. A person's stop ends the run;
        due work starts the next one, each minute."""
        if not isinstance(error, StoppedError):
            return step(IMPORT, error.retry_after)
        leases = self.context.registry.leases
        holder = leases.holder(LEASE)
        if holder and holder.owner == self.owner:
            leases.give_back(holder)
        return step(DONE)

    def seconds_to_turn(self, subject: str, calls: int) -> float:
        """Take a turn for the calls: 0 when they may be made, else how long to wait."""
        seconds = self._seconds_to_turn(subject, calls)
        if 0 < seconds <= MAX_PAUSE_SECONDS:
            self.pause(seconds)
            seconds = self._seconds_to_turn(subject, calls)
        return seconds

    def _seconds_to_turn(self, subject: str, calls: int) -> float:
        now = self.context.now
        schedule = self.context.turns
        place = schedule.take(subject, self.owner, LANE, {CALLS: calls}, now)
        return 0 if place.is_there else max(0.0, place.ready_at - now)


@frozen
class KeyImport:
    """Imports batch after batch. `new_value` makes a value."""

    run: ImportRun
    new_value: Callable[[], str]

    def round(self, *, closing: bool = False) -> JSON:
        """Import one batch. `closing`: the round before found nobody, and gave the lease back."""
        context = self.run.context
        lease = self.run.lease()
        if lease is None:
            return step(DONE)
        imports, now = context.registry.imports, context.now
        state = imports.state()
        waiting = imports.waiting(NEW, state.rows)
        unverified = imports.waiting(IMPORTED, 1)
        if unverified and (not waiting or _is_late(state, unverified[0][1], now)):
            return step(VERIFY)
        if not waiting or now > self.run.begun + MAX_RUN_SECONDS:
            context.registry.leases.give_back(lease)
            # Who came while the lease was held started no run: the index shows them soon.
            return step(DONE) if waiting or closing else step(IMPORT, 1, closing=True)
        is_first = not unverified
        seconds = self.run.seconds_to_turn("import", 2 if is_first else 1)
        if seconds:
            return step(IMPORT, seconds)
        return self._batch([customer_id for customer_id, _ in waiting], state, is_first)

    def _batch(self, waiting: Sequence[str], state: ImportState, is_first: bool) -> JSON:
        context = self.run.context
        imports, began = context.registry.imports, context.now
        batch = hashlib.sha256(f"{self.run.owner} {began}".encode()).hexdigest()[:12]
        chosen = self._chosen(waiting, batch)
        plan_ids = self._plan_ids({one.plan for one in chosen}, is_first)
        unplanned = {one.key.customer_id: None for one in chosen if one.plan not in plan_ids}
        imports.to_runs(unplanned, NEW, began)
        imports.note(batch, began)
        written = imports.begin([one.key for one in chosen if one.plan in plan_ids], began)
        rows = [one for one in chosen if one.key.customer_id in written]
        if not rows or context.now > began + MAX_BEGIN_SECONDS:
            imports.undo([one.key for one in rows], context.now)
            imports.note_verified(state.verified_at, [batch])
            context.turns.give_back({CALLS: 1}, context.now)
            # Runs of their own are at work on all of them.
            return step(IMPORT, MAX_WAIT_SECONDS)
        imports.note(batch, context.now)
        return self._import(batch, rows, plan_ids, state)

    def _import(
        self, batch: str, rows: Sequence[Row], plan_ids: dict[str, str], state: ImportState
    ) -> JSON:
        context, imports = self.run.context, self.run.context.registry.imports
        try:
            context.gateway.import_keys(
                NewKey(row.key.name, row.value, plan_ids[row.plan], row.description) for row in rows
            )
        except (ThrottledError, ConcurrentModificationError):
            context.turns.refused(context.now)
            imports.undo([row.key for row in rows], context.now)
            imports.note_verified(state.verified_at, [batch])
            return step(IMPORT, 1)
        except GatewayRefusedError:
            # A limit that AWS does not document, or the wall of 10,000 keys. With the fewest rows
            # each customer's own run finds out which.
            is_least = state.rows <= MIN_ROWS
            imports.note(batch, LANDED if is_least else REFUSED, _fewer(state.rows))
        except GatewayUnavailableError:
            imports.note(batch, context.now, _fewer(state.rows))
        else:
            imports.note(batch, LANDED, min(MAX_ROWS, max(state.rows, 2 * len(rows))))
        # While customers come one by one, a second's worth of them goes into one call.
        return step(IMPORT, 0 if len(rows) >= state.rows else 1)

    def _chosen(self, waiting: Sequence[str], batch: str) -> list[Row]:
        """Choose the keys that a batch can make. Customers who changed since, or whose record makes
        no sense, are left to runs of their own."""
        context, now = self.run.context, self.run.context.now
        members = context.registry.imports.members(waiting)
        rows = {member.customer_id: _row(member, context.policy, now, batch) for member in members}
        odd = {customer_id: None for customer_id, row in rows.items() if row is None}
        context.registry.imports.to_runs(odd, NEW, now)
        return [self._with_value(row) for row in rows.values() if row]

    def _with_value(self, row: Row) -> Row:
        """The row with a value, whose fingerprint is written down before the call."""
        value = self.new_value()
        fingerprint = self.run.context.registry.fingerprints.of(value)
        return replace(row, key=replace(row.key, fingerprint=fingerprint), value=value)

    def _plan_ids(self, plans: set[str], is_first: bool) -> dict[str, str]:
        """The ids of the plans, by name, made at first need. ImportApiKeys passes over a plan that
        is gone, so the `is_first` batch asks whether the recorded ids are still there."""
        context = self.run.context
        usage_plans = context.plans(self.run.owner)
        there = {plan.plan_id for plan in context.gateway.plans()} if is_first else None
        found = {}
        for plan in sorted(plans):
            try:
                plan_id = usage_plans.plan_id(plan)
                if there is not None and plan_id not in there:
                    plan_id = usage_plans.refresh_plan_id(plan)
                found[plan] = plan_id
            except PassingError:
                raise
            except KeywardError:
                # The customers' own runs meet it, and announce it.
                continue
        return found


@frozen
class Row:
    """A key that a batch is to make, with its description. Its text never shows the value."""

    key: KeyRecord
    description: str
    value: str = field(default="", repr=False)

    @property
    def plan(self) -> str:
        """The plan that the key comes into."""
        return str(self.key.journal.plan)


def _row(member: Member, policy: Policy, now: float, batch: str) -> Row | None:
    """Plan the customer anew: the key that it is to get; None for a customer who needs anything
    else."""
    if not member.is_new or member.desired is None:
        return None
    try:
        return _simple_row(member.desired, policy, now, batch)
    except Exception:  # noqa: BLE001 - whatever a person wrote into a record stops no other
        return None


def _simple_row(record: JSON, policy: Policy, now: float, batch: str) -> Row | None:
    customer = customer_of(record)
    planned = plan_customer(customer, (), policy, now)
    actions = [action.as_json() for action in planned.actions]
    if planned.problem or not is_simple(customer, actions):
        return None
    journal = Journal(started_at=int(now), plan=str(actions[1]["plan"]), batch=batch)
    # The file has no place for tags: a run of the customer's own follows with its name.
    key = KeyRecord(
        customer.customer_id,
        1,
        CREATING,
        attached_at=int(now),
        labels=Labels(customer.description, {}),
        journal=journal,
    )
    return Row(key, customer.description or "")


def _fewer(rows: int) -> int:
    return max(MIN_ROWS, rows // 2)


def _is_late(state: ImportState, since: int, now: float) -> bool:
    return now - max(state.verified_at, since) > MAX_UNVERIFIED_SECONDS
