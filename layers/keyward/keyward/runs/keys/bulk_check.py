"""Look up which keys ImportApiKeys made, and issue them as a run of a single customer would.

One pass over a plan's keys, by name, serves all batches since the last one. The adapter drops the
values on a page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from keyward.aws.gateway.calls import PAGE
from keyward.aws.tables.due import IMPORTED
from keyward.aws.tables.import_progress import LANDED, ImportState
from keyward.aws.tables.imports import Issued, Member
from keyward.customers.bulk import is_being_imported
from keyward.customers.key import CREATED, KeyRecord
from keyward.customers.model import customer_of, manual_fields
from keyward.customers.notices import notices_due
from keyward.customers.plan import due_at, plan_customer
from keyward.customers.words import KeyChange, Occasion, events_of
from keyward.events.requester import RECORD
from keyward.policy.model import Policy
from keyward.runs import ledger, outbox
from keyward.runs.journal import may_be_in_flight
from keyward.runs.keys.bulk import DONE, IMPORT, MAX_WAIT_SECONDS, ImportRun, step
from keyward.runs.keys.step import placed
from keyward.runs.opens import Opens
from keyward.runs.owners import owned_plans
from keyward.runs.schedule import CALLS
from keyward.values import IMPORT_READ_SECONDS, JSON, frozen, iso

# Customers whose records are written, and then announced, at a time.
CHUNK = 100


@frozen
class ImportCheck:
    """Looks up the keys of all batches that have landed."""

    run: ImportRun

    def round(self) -> JSON:
        """Read each plan once and conclude what was imported into it."""
        context = self.run.context
        if self.run.lease() is None:
            return step(DONE)
        imports, now = context.registry.imports, context.now
        state = imports.state()
        members = imports.members(name for name, _ in imports.waiting(IMPORTED))
        ours = [pending for member in members if (pending := _pending(member))]
        names = {pending.key.customer_id for pending in ours}
        # A run of the customer's own took the key over: it may have left an announcement.
        others = {m.customer_id: None for m in members if m.customer_id not in names}
        imports.to_runs(others, IMPORTED, now)
        open_batches = {
            batch
            for batch, began in state.batches.items()
            if may_be_in_flight(began, now, IMPORT_READ_SECONDS)
        }
        landed = [one for one in ours if one.batch not in open_batches]
        left = len(ours)
        if landed:
            calls = math.ceil(len(landed) / PAGE) + len({one.plan for one in landed})
            seconds = self.run.seconds_to_turn("verify-import", calls)
            if seconds:
                return step(IMPORT, seconds)
            left -= self._conclude(landed, state, calls)
        imports.note_verified(context.now, sorted({*state.batches} - open_batches))
        # A call may still land, or a run of the customer's own is at work.
        return step(IMPORT, MAX_WAIT_SECONDS if left else 0)

    def _conclude(self, landed: Sequence[Pending], state: ImportState, calls: int) -> int:
        """Issue the keys that are in their plans, and see to those that are not. Returns how
        many."""
        there, pages = self._names({one.plan for one in landed})
        self.run.context.turns.debit({CALLS: max(0, pages - calls)}, self.run.context.now)
        found = [(one, ids) for one in landed if (ids := there[one.plan].get(one.key.name))]
        done = 0
        for start in range(0, len(found), CHUNK):
            done += self._issue([self._made(*each) for each in found[start : start + CHUNK]])
        missing = [one for one in landed if one.key.name not in there[one.plan]]
        self._missing(missing, state)
        return done + len(missing)

    def _names(self, plans: Iterable[str]) -> tuple[dict[str, dict[str, list[str]]], int]:
        """The ids of the keys in each plan by their names, and how many calls that took."""
        registry, gateway = self.run.context.registry, self.run.context.gateway
        found: dict[str, dict[str, list[str]]] = {}
        pages = 0
        for plan in plans:
            record = registry.plans.find(plan)
            found[plan] = gateway.plan_keys(record.plan_id) if record and record.plan_id else {}
            pages += 1 + sum(map(len, found[plan].values())) // PAGE
        return found, pages

    def _made(self, one: Pending, ids: Sequence[str]) -> tuple[Pending, str]:
        """Pick the key of that name in the plan. Of two, which two calls made, the older stays; a
        key that somebody else made before is not touched."""
        if len(ids) == 1:
            return one, ids[0]
        context, key = self.run.context, one.key
        since = key.journal.started_at
        named = context.gateway.keys_named(key.customer_id, key.name, since)
        ours = [found.key_id for found in named if found.key_id in ids] or [*ids[:1]]
        for key_id in ours[1:]:
            context.gateway.delete_key(key_id)
        context.turns.debit({CALLS: len(ours)}, self.run.context.now)
        return one, ours[0]

    def _issue(self, made: Sequence[tuple[Pending, str]]) -> int:
        """Write down the keys and announce them; returns how many. What fails in between is looked
        at again."""
        context = self.run.context
        imports, policy, now = context.registry.imports, context.policy, context.now
        opens = context.opens(policy)
        issued = [self._issued(one, key_id, opens, now) for one, key_id in made]
        written = imports.issue(issued, now)
        mine = [key for key in issued if key.after.customer_id in written]
        events = [event for key in mine for event in key.events]
        outbox.announce_many(context, events)
        imports.settle(mine)
        return len(mine)

    def _issued(self, one: Pending, key_id: str, opens: Opens, now: float) -> Issued:
        """Write what two actions of a single run write: the key is created, and then attached."""
        key, owner, policy = one.key, self.run.owner, opens.policy
        at = key.journal.started_at
        made = replace(key, state=CREATED, key_id=key_id, created_at=at).with_journal(batch=None)
        after = placed(made, one.plan, 0)
        by = iso(at + policy.propagation_seconds)
        occasion = Occasion(owner, now, by, asked=one.asked)
        events = opens.add_to(events_of([KeyChange(made, after)], occasion))
        actions: tuple[JSON, ...] = ({"action": "create_key"}, {"action": "attach_key"})
        lines = [
            ledger.key_line(
                {"action": action | {"asked": one.asked}, "execution_arn": owner, "place": place},
                *change,
                now,
            )
            for place, (action, change) in enumerate(
                zip(actions, ((key, made), (made, after)), strict=True)
            )
        ]
        due = _due_at(one.desired, after, policy, now)
        return Issued(key, after, events, [line for line in lines if line], due)

    def _missing(self, missing: Sequence[Pending], state: ImportState) -> None:
        """See to keys that are not in their plans. What a failed call did not make is imported
        anew. After a call that succeeded, or with the plan gone, a run of the customer's own
        looks."""
        context = self.run.context
        imports, now = context.registry.imports, context.now
        anew = [one for one in missing if state.of(one.batch) != LANDED]
        if anew:
            there = {plan.name for plan in owned_plans(context)}
            context.turns.debit({CALLS: 1}, self.run.context.now)
            anew = [one for one in anew if one.plan in there]
        imports.undo([one.key for one in anew], now)
        again = {one.key.customer_id for one in anew}
        alone = {m.key.customer_id: m.key for m in missing if m.key.customer_id not in again}
        imports.to_runs(alone, IMPORTED, now)


@frozen
class Pending:
    """A customer whose key a batch makes: its record, the desired record and who asked for it."""

    key: KeyRecord
    desired: JSON | None
    asked: JSON

    @property
    def plan(self) -> str:
        """The plan that the batch puts the key into."""
        return str(self.key.journal.plan)

    @property
    def batch(self) -> str:
        """The batch."""
        return str(self.key.journal.batch)


def _pending(member: Member) -> Pending | None:
    """None for a customer whose key no batch makes."""
    if member.key is None or not is_being_imported(member.key):
        return None
    asked = member.asked or _asked(member.desired or {})
    return Pending(member.key, member.desired, asked)


def _asked(record: JSON) -> JSON:
    """Who asked for the key, where the waiting list no longer says so."""
    starter = {"by": RECORD}
    try:
        return ledger.requester_of_action("create_key", starter, record, manual_fields(record), 0)
    except Exception:  # noqa: BLE001 - whatever a person wrote into a record stops no other
        return starter


def _due_at(desired: JSON | None, key: KeyRecord, policy: Policy, now: float) -> float | None:
    """When the customer is due for a run: at once where anything is left to do or to announce."""
    try:
        customer = customer_of(desired or {})
        planned = plan_customer(customer, [key], policy, now)
        is_left = planned.actions or planned.problem or notices_due(customer, policy, now, ())
        return now if is_left else due_at(customer, [key], policy, now)
    except Exception:  # noqa: BLE001 - whatever a person wrote into a record stops no other
        return now
