"""Plan customer: wait for the customer's turn, take its lease, plan what it needs."""

from __future__ import annotations

import math
from typing import Any

from keyward.aws.tables.call_schedule import TurnItem
from keyward.aws.tables.leases import Lease
from keyward.customers.actions import ACTIONS, calls_for
from keyward.customers.bulk import MIN_WAITING, is_simple
from keyward.customers.drift import wanted_back
from keyward.customers.key import CREATED, changed_at
from keyward.customers.model import KeyRecords, customer_of, manual_fields
from keyward.customers.notices import as_actions, notices_due
from keyward.customers.plan import plan_customer, with_open_wish
from keyward.customers.stops import is_order, readable
from keyward.errors import CustomerNotFoundError, PlanBusyError, UnknownPlanError
from keyward.events import contracts, requester
from keyward.events.storm import Storm, settle_seconds
from keyward.runs import ledger, outbox, run, runtime
from keyward.runs.context import Context
from keyward.runs.schedule import AUDIT, CLOSE, DUE, LANES, LEAK, NEW, STOP, calls_of
from keyward.runs.turns import READS, STOPS_KEYS, WRITES
from keyward.runs.waiting import hand_over
from keyward.values import JSON, frozen, iso

# What a console run may state.
FIELDS = ("customer_id", "dry_run", "look")
# Who waits longer, since its run began, is told so, and until when; not whose turn is there soon.
PENDING_SECONDS, SOON_SECONDS = 60, 10


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, execution_arn, dry_run?, look?, asked?, begun?}`, of a person also
    what runs/console.py takes; output: see `plan`."""
    task, record = event, None
    if "asked" not in event and not {*event} <= {*FIELDS, *run.MACHINE_FIELDS}:
        # Few runs bring a change, and all would pay for the import.
        from keyward.runs import console

        task, record = console.bring(event, runtime.context())
    contracts.parse_customer_id(task)
    run.only_fields(task, FIELDS)
    return plan(task, runtime.context(), record)


def plan(task: JSON, context: Context, record: JSON | None = None) -> JSON:
    """`{customer_id, dry_run, busy, lease, planned_at, actions, problem}`, or the same with
    `wait_seconds` while it is not the customer's turn, which `ready_by` estimates (ISO 8601).

    The first look, by the tables alone, counts the calls that the run needs. Its turn for them is
    taken before the lease, so that nobody waits for who waits. `busy`: another run has the
    customer, or waits for its turn (`ready_by`), and will see what this one came for. `waiting`:
    the customer gets its key together with many others. `problem` `{Error, Cause}` is reported when
    the actions are done. A dry run takes neither turn nor lease, and writes nothing. With `look`
    the keys are compared with API Gateway first. `record` stands in for the customer's in a dry
    run. Raises InvalidInputError, InvalidRecordError,
    CustomerNotFoundError, in a dry run the problem itself, with `look` what the gateway raises.
    """
    customer_id = contracts.parse_customer_id(task)
    dry_run = contracts.flag_of(task, "dry_run")
    planner = Planner(task, context, customer_id, context.now, record)
    output = {"customer_id": customer_id, "dry_run": dry_run, "busy": False, "lease": None}
    output |= {"planned_at": planner.now, "actions": [], "problem": None}
    if dry_run:
        return output | planner.dry_run()
    first = planner.look()
    planner.await_policy(first)
    settle = planner.settle(first)
    if settle:
        return output | {"wait_seconds": settle}
    joined = planner.joined_turn(first)
    if joined:
        return output | {"busy": True, "ready_by": iso(joined.ready_at)}
    if planner.is_handed_over(first):
        return output | {"waiting": True}
    ready_at = planner.turn(first)
    if ready_at:
        wait_seconds = math.ceil(ready_at - planner.now)
        return output | {"wait_seconds": wait_seconds, "ready_by": iso(ready_at)}
    owner, name = str(task["execution_arn"]), planner.subject
    lease = run.begin(context.registry.leases, context.bus, name, owner, planner.now)
    if lease is None:
        context.turns.give_back(first.calls, planner.now)
        return output | {"busy": True}
    return output | {"lease": lease.as_json()} | planner.planned(first, lease)


@frozen
class Look:
    """What a customer needs, by the `record`: the actions in order, the `calls` that they take, and
    what no action can satisfy. `stops`: it is about a key that has to stop working.
    `is_simple`: it is about nothing but a first key, which many may get together. `storm`: others
    changed its keys, and nobody has looked since. `changed_at`: when Keyward did last, or 0."""

    record: JSON
    actions: list[JSON]
    problem: Exception | None
    calls: dict[str, float]
    stops: bool
    is_simple: bool
    storm: Storm | None = None
    changed_at: int = 0

    @property
    def effect(self) -> str:
        """What its calls are for (runs/turns.py): what only disables keys stops them, be it by the
        clock."""
        calling = {str(one["action"]) for one in self.actions if ACTIONS[str(one["action"])].calls}
        if not calling:
            return READS
        return STOPS_KEYS if calling == {"disable_key"} else WRITES


@frozen
class Planner:
    """Plans one run for one customer at `now` (epoch seconds)."""

    task: JSON
    context: Context
    customer_id: str
    now: float
    record: JSON | None = None

    @property
    def is_looking(self) -> bool:
        """Whether the keys are compared with API Gateway whatever was heard. Whoever starts a run
        in the console does so because something is wrong."""
        is_by_hand = self.requester["by"] == requester.CONSOLE
        return contracts.flag_of(self.task, "look") if "look" in self.task else is_by_hand

    @property
    def requester(self) -> JSON:
        """Who or what started the run."""
        return requester.requester_of(self.task)

    @property
    def subject(self) -> str:
        """Whose turn and lease it is."""
        return f"customer#{self.customer_id}"

    def dry_run(self) -> JSON:
        """The actions that a run would take, without who asked for them."""
        found = self.look(self.is_looking)
        if found.problem:
            raise found.problem
        return {"actions": found.actions}

    def await_policy(self, first: Look) -> None:
        """Raise PlanBusyError where the next policy names the plan that this one does not."""
        if not isinstance(first.problem, UnknownPlanError):
            return
        if self.context.registry.policies.is_next_with(customer_of(first.record).plans):
            raise PlanBusyError(f"{first.problem}. The next policy does, and is put in force")

    def settle(self, first: Look) -> int:
        """Whole seconds until others' changes of the keys have an end, if there is nothing else to
        do: one run sees all of them."""
        if first.storm is None or first.actions:
            return 0
        return settle_seconds(first.storm, float(runtime.setting("STORM_SECONDS")), self.now)

    def planned(self, first: Look, lease: Lease) -> JSON:
        """Plan anew under the lease, as much may have happened since the first look. What the turn
        was for and is not needed is given back, what is needed beyond it is debited."""
        found = self.look(self.is_looking, lease)
        names, why = {*first.calls, *found.calls}, found.problem
        more = {name: found.calls.get(name, 0) - first.calls.get(name, 0) for name in names}
        self.context.turns.debit({name: calls for name, calls in more.items() if calls}, self.now)
        return {
            "actions": [
                action | {"asked": {**found.storm.asked}}
                if found.storm and action not in first.actions
                else _with_requester(action, self.task, found)
                for action in found.actions
            ],
            "problem": {"Error": type(why).__name__, "Cause": str(why)} if why else None,
        }

    def joined_turn(self, first: Look) -> TurnItem | None:
        """The turn for which another run of the customer waits: it will plan after this one looked,
        which joins it. A run that is in a lane before that of the other goes on, as the other may
        wait for long."""
        turn = self.context.turns.of(self.subject)
        if turn is None or turn.owner == str(self.task["execution_arn"]):
            return None
        if first.stops and LANES.index(turn.lane) > LANES.index(self._lane(first)):
            return None
        is_joined = self.context.bus.is_running(turn.owner) and self.context.turns.join(turn)
        return turn if is_joined else None

    def is_handed_over(self, first: Look) -> bool:
        """Hand a new customer over to the import (runs/waiting.py) where many wait for a key. One
        who waited until its turn takes it: nobody else could make up for the time."""
        turns, owner = self.context.turns, str(self.task["execution_arn"])
        if self.is_looking or self._lane(first) != NEW or not first.is_simple:
            return False
        if turns.waiting(NEW, "CreateApiKey", self.now) < MIN_WAITING:
            return False
        turn = turns.of(self.subject)
        if turn and turn.ready_at <= self.now:
            return False
        # A turn that the customer waits for is given back.
        turns.take(self.subject, owner, NEW, {}, self.now)
        # The last action attaches the key; notices, which due work announces, come before.
        asked = _with_requester(first.actions[-1], self.task, first)["asked"]
        machine_arn = runtime.setting("ISSUE_KEYS_ARN")
        hand_over(self.context, machine_arn, self.customer_id, asked)
        return True

    def turn(self, first: Look) -> float:
        """When the run has to ask again for its turn (epoch seconds); 0 when it is there."""
        owner, lane = str(self.task["execution_arn"]), self._lane(first)
        about = (first.calls, self.now, first.effect)
        ready_at = self.context.turns.take(self.subject, owner, lane, *about).ready_at
        # Nobody waits for a label.
        waits = any(action["action"] != "label_key" for action in first.actions)
        begun = ledger.epoch_of(self.task.get("begun")) or self.now
        if waits and ready_at > max(begun + PENDING_SECONDS, self.now + SOON_SECONDS):
            self._announce_pending(first, ready_at)
        return ready_at

    def look(self, at_gateway: bool = False, lease: Lease | None = None) -> Look:
        """Plan by the tables, and at API Gateway if a person wants that."""
        registry, policy = self.context.registry, self.context.policy
        records = registry.customers.load_keys(self.customer_id)
        record = self.record or records.in_force(registry.customers.desired(self.customer_id))
        is_person = self.requester["by"] == requester.CONSOLE
        if record is None and not is_person:
            # Never there, or removed and held: there is nothing to do.
            return Look({}, [], None, {}, stops=False, is_simple=False)
        if record is None:
            raise CustomerNotFoundError(
                f"customer_id: the Customers table has no customer {self.customer_id}. "
                "Send CustomerSignedUp or put a record"
            )
        record, unreadable = readable(record)
        customer = with_open_wish(customer_of(record), records)
        storm, reads = records.storm, self._reads(records)
        if at_gateway or (storm and lease):
            # Few runs look, and all would pay for the import.
            from keyward.runs.keys.refresh import KeyRefresher

            asked = {**storm.asked} if storm else self.requester
            looker = KeyRefresher(self.context.gateway, self.now, registry.plans)
            records = looker.refresh_from_gateway(
                records, self.customer_id, registry.customers, lease, asked
            )
        if storm and lease:
            registry.drifts.end(self.customer_id, storm)
        keys = wanted_back(records.keys, customer, self.now, is_person)
        known = keys, policy, self.now, records.last_number, records.waits_since is not None
        planned = plan_customer(customer, *known)
        notices = notices_due(customer, policy, self.now, records.notice_marks)
        actions = [*as_actions(notices), *(action.as_json() for action in planned.actions)]
        calls = calls_of([*reads, *(call for one in actions for call in calls_for(one, policy))])
        stops = is_order(customer, actions, self.requester["by"] in requester.UNASKED)
        problem = unreadable or planned.problem
        simple = problem is None and is_simple(customer, actions)
        about = (calls, stops, simple, storm, changed_at(records.keys))
        return Look(record, actions, problem, *about)

    def _reads(self, records: KeyRecords) -> list[str]:
        """The calls that a look at API Gateway takes (runs/keys/refresh.py)."""
        made = [key for key in records.keys if key.state == CREATED and key.key_id]
        is_looking = self.is_looking or records.storm is not None
        return ["GetApiKeys", *("GetUsagePlans" for _ in made)] if made and is_looking else []

    def _lane(self, first: Look) -> str:
        if first.stops:
            stopping = {"closed": CLOSE, "suspended": STOP}
            return stopping.get(str(first.record.get("status")), LEAK)
        by_lane = {requester.SCHEDULE: DUE, requester.DRIFT: DUE, requester.AUDIT: AUDIT}
        return by_lane.get(self.requester["by"], NEW)

    def _announce_pending(self, first: Look, ready_at: float) -> None:
        """Tell once a run that the customer waits, and until when."""
        asked = self.requester
        if first.actions:
            asked = _with_requester(first.actions[-1], self.task, first)["asked"]
        event = contracts.announcement(
            "CustomerPending",
            customer_id=self.customer_id,
            reason="the account's control-plane calls are in use: this customer waits for its turn",
            ready_by=iso(ready_at),
            execution_arn=str(self.task["execution_arn"]),
        )
        name = str(self.task["execution_arn"]).rpartition(":")[2]
        event = requester.with_cause(event, asked)
        outbox.announce_once(self.context, f"pending#{name}", event, 86_400)


def _with_requester(action: JSON, task: JSON, found: Look) -> JSON:
    """The action with who asked for it, for the ledger."""
    started, by_hand = requester.requester_of(task), manual_fields(found.record)
    begun = ledger.asking_since(started, ledger.epoch_of(task.get("begun")), found.changed_at)
    return action | {
        "asked": ledger.requester_of_action(action["action"], started, found.record, by_hand, begun)
    }
