"""Work out what a customer should have at a moment. Pure.

Three sources set requirements: people (`plan`, `status`), money (`billing`, by the policy's ladder)
and the calendar (`expires_at`). The strictest one counts. So a payment lifts no suspension that a
person ordered, and a person lifts none that an unpaid bill made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from keyward.customers.model import Customer
from keyward.errors import InvalidInputError, InvalidRecordError, StillSuspendedError
from keyward.events.fields import HALTED
from keyward.policy.billing import LadderStep
from keyward.policy.model import Policy
from keyward.values import DAY, frozen, iso

STRICTER = {"active": 0, "suspended": 1, "closed": 2}
UNPAID, EXPIRED = "payment failed", "expired"
# The sources of a requirement, and what ends the suspension that each of them orders.
PERSON, BILL, SUBSCRIPTION, DATE = "person", "bill", "subscription", "date"
ENDED_BY = {
    PERSON: "CustomerResumed",
    BILL: "PaymentSucceeded",
    SUBSCRIPTION: "SubscriptionChanged",
    DATE: "CustomerExpiryChanged",
}


@frozen
class DesiredState:
    """The plans and status in force, and the `reason` where they differ from the record.
    `changes_at` (epoch seconds) is when they change by themselves or a notice is due, None for
    never. `in_place`: money lowered the plan or brought it back, so the key keeps its value.
    `source` is whose status is in force, `since` when (epoch seconds), None for a person's."""

    plans: tuple[str, ...]
    status: str | None
    reason: str | None = None
    changes_at: float | None = None
    in_place: bool = False
    source: str = PERSON
    since: float | None = None

    @property
    def plan(self) -> str | None:
        """The first of the plans."""
        return self.plans[0] if self.plans else None


@frozen
class Requirement:
    """What one source asks for: a status, a lower plan, why, and since when (epoch seconds)."""

    status: str = "active"
    reason: str | None = None
    plan: str | None = None
    source: str = PERSON
    since: float | None = None


def desired_state(customer: Customer, policy: Policy, now: float) -> DesiredState:
    """What the customer should have at `now` (epoch seconds)."""
    if not customer.complete or customer.status == "closed":
        return DesiredState(customer.plans, customer.status, customer.status_reason)
    person = Requirement(str(customer.status), customer.status_reason)
    ladder = _by_ladder(customer, policy, now)
    requirements = (
        person,
        _by_subscription(customer, policy, now),
        ladder,
        _by_date(customer, now),
    )
    strictest = max(requirements, key=lambda each: STRICTER[each.status])
    reason = strictest.reason
    # An unpaid bill lowers all plans to the one that its step names.
    plans = (ladder.plan,) if ladder.plan else customer.plans
    if strictest is person and reason is None and plans != customer.plans:
        reason = ladder.reason
    source, since = strictest.source, strictest.since
    if strictest.status == "closed":
        return DesiredState(plans, "closed", reason, source=source, since=since)
    changes_at = _next(change_times(customer, policy), now)
    in_place = plans != customer.plans or _settled_since(customer)
    status = strictest.status
    return DesiredState(plans, status, reason, changes_at, in_place, source, since)


def overruled(
    customer: Customer, desired: DesiredState, last_number: int
) -> InvalidInputError | None:
    """The error for a customer who never had a key and whose end is past, or who is wanted active
    by a word that came after a suspension which no person ordered: such a word lifts none. None
    for any other. `last_number` is that of the customer's last key."""
    if not last_number and desired.reason == EXPIRED and customer.expires_at is not None:
        end = f"must lie ahead, got {iso(customer.expires_at)}"
        problem, remedy = f"{end}, and the customer never had a key", "with a later one"
        return InvalidRecordError("expires_at", problem, f"Send CustomerSignedUp {remedy}")
    said_at, since = customer.status_at, desired.since
    if customer.status != "active" or desired.source == PERSON or not said_at or not since:
        return None
    return None if said_at <= since else _error(customer, desired)


def _error(customer: Customer, desired: DesiredState) -> StillSuspendedError:
    """The time of the word tells one such word from the next."""
    field_name, must, got, when = {
        BILL: ("billing", "be settled", "an unpaid bill", "when it is paid"),
        SUBSCRIPTION: ("billing", "have a live subscription", "none", "when one is live again"),
        DATE: (
            "expires_at",
            "lie ahead",
            iso(customer.expires_at or 0),
            "with a later one or null",
        ),
    }[desired.source]
    wish = f"for keys to work, as was wanted at {iso(customer.status_at or 0)}"
    remedy = f"Send {ENDED_BY[desired.source]} {when}"
    return StillSuspendedError(field_name, f"must {must} {wish}, got {got}", remedy)


def change_times(customer: Customer, policy: Policy) -> tuple[float, ...]:
    """All times at which the clock alone changes something or makes a notice due."""
    found: list[float] = [step.at(since) for since, step in _steps(customer, policy)]
    ends = [one.ends_at for one in customer.billing.subscriptions.values() if one.ends_at]
    for end in (*ends, *([customer.expires_at] if customer.expires_at is not None else [])):
        found += [end, *(end - days * DAY for days in policy.billing.expiry_notice_days)]
    return tuple(sorted(found))


def suspension_time(customer: Customer, now: float) -> int | None:
    """When the customer is suspended by itself: by its date, or with the end of its last live
    subscription."""
    live = [one for one in customer.billing.subscriptions.values() if one.live(now)]
    ends = [one.ends_at for one in live if one.ends_at is not None]
    last = max(ends) if ends and len(ends) == len(live) else None
    return min((at for at in (customer.expires_at, last) if at is not None), default=None)


def steps_of(customer: Customer, policy: Policy) -> Sequence[tuple[float, LadderStep]]:
    """The ladder's steps, each with its due time, in order; none when nothing is owed."""
    return [(step.at(since), step) for since, step in _steps(customer, policy)]


def _steps(customer: Customer, policy: Policy) -> list[tuple[int, LadderStep]]:
    since = customer.billing.overdue_since
    return [] if since is None else [(since, step) for step in policy.billing.ladder]


def _by_ladder(customer: Customer, policy: Policy, now: float) -> Requirement:
    requirement = Requirement(reason=UNPAID, source=BILL)
    for at, step in steps_of(customer, policy):
        if at > now:
            break
        plan = step.plan if step.step == "plan" else requirement.plan
        status = {"suspend": "suspended", "close": "closed"}.get(step.step, "active")
        status = max(status, requirement.status, key=lambda one: STRICTER[one])
        since = requirement.since if status == requirement.status else at
        requirement = Requirement(status, UNPAID, plan, BILL, since)
    return requirement


def _by_subscription(customer: Customer, policy: Policy, now: float) -> Requirement:
    """What follows when no subscription is live. Only the event of an end closes; the clock alone
    suspends."""
    subscriptions = customer.billing.subscriptions.values()
    if not subscriptions or any(one.live(now) for one in subscriptions):
        return Requirement()
    since = max(max(one.at, one.ends_at or 0) for one in subscriptions)
    if any(one.state in HALTED for one in subscriptions):
        return Requirement("suspended", "subscription unpaid", source=SUBSCRIPTION, since=since)
    is_ended = all(one.state == "ended" for one in subscriptions)
    status = "closed" if is_ended and policy.billing.ended == "close" else "suspended"
    return Requirement(status, "subscription ended", source=SUBSCRIPTION, since=since)


def _by_date(customer: Customer, now: float) -> Requirement:
    if customer.expires_at is None or now < customer.expires_at:
        return Requirement()
    since = max(customer.expires_at, customer.expires_said_at or 0)
    return Requirement("suspended", EXPIRED, source=DATE, since=since)


def _settled_since(customer: Customer) -> bool:
    """Whether a debt was settled after the last change of the plan."""
    settled, changed = customer.billing.settled_at, customer.plan_at
    return settled is not None and changed is not None and settled > changed


def _next(times: Iterable[float], now: float) -> float | None:
    return min((at for at in times if at > now), default=None)
