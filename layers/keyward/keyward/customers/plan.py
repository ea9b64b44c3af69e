"""Plan the actions between what a customer should have and what is known of its keys.

Pure: no I/O, the clock is passed in. Actions are in the order in which they are safe. What cannot
be done is the plan's `problem`, so that it is reported and never passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from keyward.customers.actions import Action, CustomerPlan, key_action
from keyward.customers.desired import DesiredState, desired_state, overruled
from keyward.customers.key import CREATED, CREATING, DELETING, KeyRecord, untagged_words
from keyward.customers.model import Customer, KeyRecords
from keyward.customers.plan_keys import KeyPlanner, is_switch_needed, label_actions
from keyward.customers.plan_quota import extensions_for
from keyward.customers.removal import SIGN_UP_SECONDS
from keyward.customers.rotation import LEAKED, expires_at, is_leaked, notices, rotates_at
from keyward.customers.undo_rotation import bring_back, undo_rotation
from keyward.errors import KeyNotTakenError, NoSignUpError, UnknownPlanError
from keyward.policy.model import Policy
from keyward.values import frozen


def plan_customer(
    customer: Customer,
    keys: Sequence[KeyRecord],
    policy: Policy,
    now: float,
    last_number: int = 0,
    is_full: bool = False,
) -> CustomerPlan:
    """Plan what the customer needs at `now` (epoch seconds). `last_number` is that of the last
    deleted key; `is_full`: the account had no room for another key. After the actions the plan is
    empty."""
    if not customer.complete:
        return CustomerPlan((*_leaked(customer, keys).values(),), _unanswered(customer, now))
    last = max([last_number, *(key.number for key in keys)])
    desired = desired_state(customer, policy, now)
    situation = Situation(customer, desired, policy, now, last, is_full)
    ended = {key.number: action for key in keys if (action := _ended(key, situation))}
    left = [key for key in keys if key.number not in ended]
    planned = BY_STATUS[str(desired.status)](situation, left)
    actions = _with_words(planned.actions, customer, keys)
    return CustomerPlan((*ended.values(), *actions), planned.problem)


def _with_words(
    actions: Sequence[Action], customer: Customer, keys: Sequence[KeyRecord]
) -> tuple[Action, ...]:
    """Say in the actions that lead to KeyIssued which tags the key cannot have."""
    words, issued = untagged_words(customer), {key.number for key in keys if key.is_issued}
    return tuple(
        replace(action, reason=words)
        if words and action.action == "attach_key" and action.number not in issued
        else action
        for action in actions
    )


def with_open_wish(customer: Customer, records: KeyRecords) -> Customer:
    """Drop the customer's `key_id` once it was granted, even when that key was deleted since."""
    known = {key.key_id for key in records.keys} | records.adopted
    return replace(customer, key_id=None) if customer.key_id in known else customer


def due_at(
    customer: Customer, keys: Sequence[KeyRecord], policy: Policy, now: float
) -> float | None:
    """When, after `now`, the plan gets an action by the clock alone (epoch seconds); None for
    never."""
    if not customer.complete:
        answer_at = _answered_at(customer)
        return answer_at if answer_at and answer_at > now else None
    desired = desired_state(customer, policy, now)
    times = [desired.changes_at] if desired.changes_at else []
    if desired.status != "closed":
        ends = [key.end for key in keys if key.end.replaced_by is not None]
        times += [end.delete_at for end in ends if end.delete_at]
    if desired.status == "active":
        for key in keys:
            times += _due_times(key, desired.plans, policy)
    return min((at for at in times if at > now), default=None)


def _answered_at(customer: Customer) -> int | None:
    """When the event of a customer without a sign-up is answered (epoch seconds)."""
    return None if customer.heard_at is None else customer.heard_at + SIGN_UP_SECONDS


def _unanswered(customer: Customer, now: float) -> NoSignUpError | None:
    answer_at = _answered_at(customer)
    if answer_at is None or answer_at > now:
        return None
    return NoSignUpError(
        f"customer_id: no sign-up is known of {customer.customer_id}, for whom events came. "
        "Send CustomerSignedUp, or the events again with the right id"
    )


def _due_times(key: KeyRecord, plans: Sequence[str], policy: Policy) -> list[float]:
    """When a working key is due for an action. A leaked key has no due time."""
    if key.end.retire_at is not None and key.end.replaced_by is None:
        return []
    ends = key.end.retire_at
    if ends is None and key.is_issued:
        ends = rotates_at(key, plans, policy)
    times: list[float] = [ends] if ends else []
    expires = expires_at(key, plans, policy)
    if key.is_issued and expires:
        times += notices(key, expires).values()
    return times


@frozen
class Situation:
    """What a plan is made for. `last_number` is that of the customer's last key; `is_full`: the
    account had no room for another key."""

    customer: Customer
    desired: DesiredState
    policy: Policy
    now: float
    last_number: int
    is_full: bool = False

    @property
    def reason(self) -> str | None:
        """Why the customer is suspended or closed."""
        return self.desired.reason or self.customer.status_reason


def _ended(key: KeyRecord, at: Situation) -> Action | None:
    """The deletion of a key that ends whatever else is desired, by the first rule that says so."""
    return next((action for rule in ENDS if (action := rule(key, at))), None)


def _closed(key: KeyRecord, at: Situation) -> Action | None:
    is_closed = at.desired.status == "closed"
    return key_action("delete_key", key, reason=at.reason) if is_closed else None


def _deletion_began(key: KeyRecord, at: Situation) -> Action | None:
    return key_action("delete_key", key) if key.state == DELETING else None


def _grace_is_over(key: KeyRecord, at: Situation) -> Action | None:
    """A key that leaked stays until it is replaced, as its successor takes its place."""
    is_over = bool(key.end.delete_at and key.end.delete_at <= at.now)
    if is_over and key.end.replaced_by is not None:
        return key_action("delete_key", key, retired=True)
    return None


def _gives_way(key: KeyRecord, at: Situation) -> Action | None:
    """In a full account a leaked key gives its place to its successor."""
    needed = at.is_full and key.is_dead
    return key_action("delete_key", key, retired=True) if needed else None


ENDS: tuple[Callable[[KeyRecord, Situation], Action | None], ...] = (
    _closed,
    _deletion_began,
    _grace_is_over,
    _gives_way,
)


def _close(at: Situation, keys: Sequence[KeyRecord]) -> CustomerPlan:
    """`_ended` has deleted every key already."""
    return CustomerPlan((), overruled(at.customer, at.desired, at.last_number))


def _suspend(at: Situation, keys: Sequence[KeyRecord]) -> CustomerPlan:
    """A key in the making may have been made by a call that nobody answered: it is looked up, and
    disabled. A key that leaked is over for good, whatever brings the customer back."""
    actions: list[Action] = []
    leaked = _leaked(at.customer, keys)
    for key in keys:
        if key.number in leaked:
            actions.append(leaked[key.number])
        elif key.state == CREATING:
            actions.append(key_action("create_key", key, existing=True))
            plainly = key_action("disable_key", key, reason=at.reason)
            actions.append(_disabled_as_leaked(at.customer, key) or plainly)
        elif key.state == CREATED and is_switch_needed(key, enabled=False):
            actions.append(key_action("disable_key", key, reason=at.reason))
    return CustomerPlan(tuple(actions), overruled(at.customer, at.desired, at.last_number))


def _leaked(customer: Customer, keys: Sequence[KeyRecord]) -> dict[int, Action]:
    """What ends the keys that leaked and are not replaced now, by their number."""
    found: dict[int, Action] = {}
    for key in keys:
        disabled = _disabled_as_leaked(customer, key)
        if key.state != CREATED or disabled is None:
            continue
        if key.end.replaced_by is not None:
            found[key.number] = key_action("delete_key", key, reason=LEAKED, retired=True)
        elif key.end.retire_at is None or is_switch_needed(key, enabled=False):
            found[key.number] = disabled
    return found


def _disabled_as_leaked(customer: Customer, key: KeyRecord) -> Action | None:
    """Disable a key for good; None where nobody says that it leaked."""
    request = customer.rotation
    if request is None or not is_leaked(key, request):
        return None
    why = (request.reason if request.leaked else None) or LEAKED
    return key_action("disable_key", key, reason=why, retire=True)


def _activate(at: Situation, keys: Sequence[KeyRecord]) -> CustomerPlan:
    """What can be done is done even when the plan is not known: a move that broke off has left its
    key in no plan, a key that leaked is disabled."""
    customer, desired, policy, now = at.customer, at.desired, at.policy, at.now
    undone: tuple[Action, ...] = ()
    request = customer.rotation
    if request and request.undone:
        undone, keys = undo_rotation(request.requested_at, keys, policy)
        customer = replace(customer, rotation=request.without_undone)
    plans, problem = _named(desired.plans, policy)
    back: tuple[Action, ...] = ()
    if plans:
        back, keys = bring_back(customer, keys, now)
    by_successor = (customer.plan_key or policy.plan_change) == "successor"
    by_successor = by_successor and not desired.in_place
    planner = KeyPlanner(customer, plans, problem is None, by_successor, policy, now)
    actions = planner.actions(keys, at.last_number)
    before, after = extensions_for(customer, keys, actions, plans, policy, now)
    actions = tuple(_with_reason(action, desired) for action in actions)
    actions, not_taken = _adopting(customer, actions, at.last_number)
    labels = label_actions(customer, keys)
    steps = (*undone, *back, *before, *actions, *after, *labels)
    return CustomerPlan(steps, problem or not_taken)


def _adopting(
    customer: Customer, actions: Sequence[Action], last_number: int
) -> tuple[tuple[Action, ...], KeyNotTakenError | None]:
    """Let the key that the record names take the place of the first key to be made. Returns the
    actions, and the error where there is no such place. `last_number` is that of the last key."""
    key_id = customer.key_id
    if key_id is None:
        return tuple(actions), None
    new = [action for action in actions if action.action == "create_key"]
    place = next((a for a in new if a.number > last_number and "replaces" not in a.details), None)
    if place is None:
        return tuple(actions), KeyNotTakenError(
            f"key_id: the customer has all its keys ({customer.keys}), so key {key_id} has no "
            "place. Send `keys` with one more, or `key_id` with null"
        )
    plans = [a.plan for a in actions if a.action == "attach_key" and a.number == place.number]
    details = {**place.details, "key_id": key_id, "plans": plans}
    adopt = Action("adopt_key", place.key, place.number, details=details)
    # No call where it is enabled already.
    enable = Action("enable_key", place.key, place.number)
    at = actions.index(place)
    return (*actions[:at], adopt, enable, *actions[at + 1 :]), None


def _named(plans: Sequence[str], policy: Policy) -> tuple[tuple[str, ...], UnknownPlanError | None]:
    """Split off the plans that the policy does not name. Returns the others, and the error for the
    first unknown plan."""
    problem = None
    for plan in plans:
        try:
            policy.plan(plan)
        except UnknownPlanError as unknown:
            problem = problem or unknown
    return tuple(plan for plan in plans if plan in policy.usage_plans), problem


BY_STATUS: dict[str, Callable[[Situation, Sequence[KeyRecord]], CustomerPlan]] = {
    "active": _activate,
    "suspended": _suspend,
    "closed": _close,
}


def _with_reason(action: Action, desired: DesiredState) -> Action:
    """Say why money lowered a plan."""
    if action.action != "move_key" or action.plan not in desired.plans:
        return action
    return replace(action, reason=desired.reason)
