"""Find what is wrong with customers: desired state, key records and keys compared. Pure.

The planner is asked what it would do if the records read as API Gateway has it. A repair does the
same, so the two cannot differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from keyward.audit.account import AccountKeys
from keyward.audit.model import Finding, of_each, unreadable_record
from keyward.aws.tables.customers import AccountRecords
from keyward.customers.actions import ACTIONS, Action
from keyward.customers.desired import desired_state
from keyward.customers.drift import (
    DISABLED,
    Compared,
    Drift,
    compared,
    remedy_by_hand,
    wanted_back,
)
from keyward.customers.key import CREATED, KeyRecord
from keyward.customers.model import Customer, KeyRecords, customer_of
from keyward.customers.notices import notices_due
from keyward.customers.plan import plan_customer, with_open_wish
from keyward.customers.plan_moves import refusal
from keyward.customers.plans import is_complete
from keyward.errors import InvalidRecordError, NoSignUpError, StillSuspendedError
from keyward.policy.model import Policy
from keyward.runs.keys.refresh import corrected
from keyward.values import JSON, frozen, iso

NOTHING_KNOWN = KeyRecords()
RECONCILE = "reconcile-customer"


@frozen
class CustomerAudit:
    """Compares customers ↔ key records ↔ keys at `now` (epoch seconds); `account` is None when the
    keys could not be read."""

    account: AccountKeys | None
    policy: Policy
    now: float

    def of_all(self, records: AccountRecords) -> list[Finding]:
        """Find what differs. A customer whose records cannot be understood is one finding."""
        found = [unreadable_record(id_, error) for id_, error in records.unreadable.items()]
        named = set()
        for record in records.desired:
            customer_id = str(record.get("customer_id"))
            named.add(customer_id)
            if customer_id not in records.unreadable:
                mine = records.keys.get(customer_id, NOTHING_KNOWN)
                found += of_each(customer_id, partial(self._of, customer_id, record, mine))
        for customer_id, mine in records.keys.items():
            if customer_id not in named and mine.removal:
                found += of_each(customer_id, partial(self._of, customer_id, {}, mine))
            elif customer_id not in named:
                found += [_stray(key) for key in mine.keys]
        return found

    def waiting_for_calls(self, records: AccountRecords) -> set[str | None]:
        """The customers of whom an action is open that calls API Gateway."""
        found = self.of_all(records)
        calling = {name for name, kind in ACTIONS.items() if kind.calls}
        return {f.customer_id for f in found if any(a["action"] in calling for a in f.actions)}

    def _of(self, customer_id: str, record: JSON, stored: KeyRecords) -> list[Finding]:
        found = _of_removal(customer_id, record, stored)
        if (counts := stored.in_force(record or None)) is None:
            return found
        return found + self._of_record(customer_id, counts, stored)

    def _of_record(self, customer_id: str, record: JSON, stored: KeyRecords) -> list[Finding]:
        account, policy, now = self.account, self.policy, self.now
        results = [compared(k, account.state_of(k) if account else None, now) for k in stored.keys]
        after = corrected(stored, results)
        try:
            customer = with_open_wish(customer_of(record), after)
            keys = wanted_back(after.keys, customer, now)
            planned = plan_customer(customer, keys, policy, now, after.last_number)
        except InvalidRecordError as error:
            return [Finding("invalid_record", "high", str(error), customer_id=customer_id)]
        if isinstance(planned.problem, NoSignUpError):
            says = str(planned.problem)
            return [Finding("customer_incomplete", "high", says, customer_id=customer_id)]
        only_refused = all(_is_refused(action, keys) for action in planned.actions)
        problem = planned.problem or (refusal(customer.plans, keys) if only_refused else None)
        # Who is still suspended was told so, and is as it should be.
        if problem and not isinstance(problem, StillSuspendedError):
            return [Finding("not_possible", "high", str(problem), customer_id=customer_id)]
        drifted = _drifted(results, planned.actions) + _by_hand(keys, stored, customer)
        if drifted:
            return drifted
        if planned.actions:
            return [self._undone(customer, after.keys, planned.actions)]
        if stored.outbox or notices_due(customer, policy, now, stored.notice_marks):
            says = "an outcome or a notice waits to be announced"
            return [Finding("unannounced", "low", says, RECONCILE, customer_id)]
        return []

    def _undone(
        self, customer: Customer, keys: Sequence[KeyRecord], actions: Sequence[Action]
    ) -> Finding:
        """Name what the records themselves lack: a run failed, or its event never came."""
        desired = desired_state(customer, self.policy, self.now)
        kind, severity, says = "due", "low", "work of the customer is due"
        if desired.status == "closed":
            kind, severity, says = "key_of_closed_customer", "high", "the closed customer has a key"
        elif desired.status == "suspended":
            kind, severity, says = (
                "key_enabled",
                "high",
                "the suspended customer has an enabled key",
            )
        elif not any(_works(key) for key in keys):
            kind, severity, says = "customer_without_key", "high", "the customer has no working key"
        elif any(action.action == "move_key" for action in actions):
            says = f"the customer has a key that is not in plan {desired.plan}"
            kind, severity = "key_in_wrong_plan", "high"
        return Finding(
            kind, severity, says, RECONCILE, customer.customer_id, actions=_as_json(actions)
        )


def _of_removal(customer_id: str, record: JSON, stored: KeyRecords) -> list[Finding]:
    """Find a record that somebody removed while the customer has keys."""
    removal, is_back = stored.removal, is_complete(record) or record.get("status") == "closed"
    if removal is None or is_back or not stored.keys:
        return []
    says = f"the record of the customer was deleted at {iso(removal.at)}, and it has keys that "
    if removal.held:
        says += "work on, as too many records were deleted in that hour"
        return [Finding("removal_held", "high", says, customer_id=customer_id)]
    helps = "Put the record back, or send CustomerClosed to have the keys deleted"
    says += "are suspended"
    return [Finding("record_deleted", "high", says, customer_id=customer_id, remedy=helps)]


def _drifted(results: Sequence[Compared], actions: Sequence[Action]) -> list[Finding]:
    """Find what differs on API Gateway, each with the actions that mend it: those on the same key.
    The loss of a key is mended by actions on keys that do not exist."""
    there = {one.key.number for one in results if one.key is not None}
    found = []
    drifts = (drift for one in results for drift in one.drifts)
    for drift in (drift for drift in drifts if drift.kind != DISABLED):
        number = drift.key.number
        mends = [a for a in actions if a.number == number or {number, a.number}.isdisjoint(there)]
        found.append(_of_drift(drift, mends))
    return found


def _by_hand(keys: Sequence[KeyRecord], stored: KeyRecords, customer: Customer) -> list[Finding]:
    """Find keys that somebody disabled on API Gateway. A repair announces a new one, and leaves the
    key disabled."""
    known = {key.number for key in stored.keys if key.by_hand is not None}
    return [
        Finding(
            DISABLED,
            "high",
            f"key {key.name} was disabled on API Gateway by somebody else, and stays so",
            None if key.number in known else RECONCILE,
            customer.customer_id,
            key_id=key.key_id,
            plan=key.plan,
            remedy=remedy_by_hand(customer.customer_id),
        )
        for key in keys
        if key.by_hand is not None and customer.status == "active"
    ]


def _of_drift(drift: Drift, mends: Sequence[Action]) -> Finding:
    return Finding(
        drift.kind,
        "high" if mends else "low",
        drift.says,
        RECONCILE,
        drift.key.customer_id,
        actions=_as_json(mends),
        key_id=drift.key.key_id,
        plan=drift.key.plan,
    )


def _is_refused(action: Action, keys: Sequence[KeyRecord]) -> bool:
    """Whether the action puts a key into the plan that refused it: due work tries that again, with
    growing distance."""
    refused = {key.number: key.journal.refused for key in keys}
    return action.action in ("attach_key", "move_key") and action.plan == refused.get(action.number)


def _works(key: KeyRecord) -> bool:
    return key.state == CREATED and key.enabled and key.plan is not None and key.is_settled


def _stray(key: KeyRecord) -> Finding:
    return Finding(
        "key_without_customer",
        "high" if key.enabled else "low",
        f"key {key.name} belongs to no record of the Customers table",
        customer_id=key.customer_id,
        key_id=key.key_id,
        plan=key.plan,
        remedy="Put the customer's record back, or delete the key and its record",
    )


def _as_json(actions: Sequence[Action]) -> tuple[JSON, ...]:
    return tuple(action.as_json() for action in actions)
