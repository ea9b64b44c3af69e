"""Plan notices to customers, each once. Pure.

They come ahead of an expiry or of an unpaid bill's consequences. A request for more quota, where
there is none, is answered by one."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from keyward.customers.desired import desired_state, steps_of, suspension_time
from keyward.customers.model import Customer
from keyward.errors import InvalidEventError
from keyward.events.contracts import announcement
from keyward.events.remedy import command
from keyward.policy.model import Policy
from keyward.values import DAY, JSON, frozen, iso, stated


@frozen
class Notice:
    """A notice; without `announced` a later notice replaces it. `mark` stands for it in the
    table."""

    mark: str
    announced: JSON | None = None

    @property
    def kind(self) -> str:
        """What the notice is about: one expiry, or one time of being overdue."""
        return self.mark.rpartition("#")[0]


def notices_due(
    customer: Customer, policy: Policy, now: float, given_marks: Collection[str]
) -> tuple[Notice, ...]:
    """List the notices due at `now` (epoch seconds) without a mark in `given_marks`. Of several of
    one kind only the last is announced."""
    if not customer.complete or desired_state(customer, policy, now).status == "closed":
        return ()
    due = _expiring(customer, policy, now) + _overdue(customer, policy, now)
    due += _unlimited(customer, policy, now)
    return tuple(notice for notice in due if notice.mark not in given_marks)


def as_actions(notices: Sequence[Notice]) -> list[JSON]:
    """Turn the notices to announce into actions. Each brings the marks of those of its kind that it
    replaces."""
    return [
        {
            "action": "announce_notice",
            "notice": notice.announced["detail_type"],
            "detail": notice.announced["detail"],
            "marks": [one.mark for one in notices if one.kind == notice.kind],
        }
        for notice in notices
        if notice.announced
    ]


def _expiring(customer: Customer, policy: Policy, now: float) -> tuple[Notice, ...]:
    """A suspended customer gets no notice of its expiry."""
    at = suspension_time(customer, now)
    if at is None or now >= at or desired_state(customer, policy, now).status != "active":
        return ()
    days = sorted(policy.billing.expiry_notice_days, reverse=True)
    marks = [f"expiry#{iso(at)}#{day:g}" for day in days if now >= at - day * DAY]
    event = announcement(
        "CustomerExpiring",
        customer_id=customer.customer_id,
        plan=desired_state(customer, policy, now).plan,
        expires_at=iso(at),
    )
    return _last(marks, event)


def _overdue(customer: Customer, policy: Policy, now: float) -> tuple[Notice, ...]:
    since = customer.billing.overdue_since
    if since is None:
        return ()
    steps = steps_of(customer, policy)
    passed = [step for at, step in steps if at <= now and step.step == "notice"]
    ahead = next(((at, step) for at, step in steps if at > now and step.step != "notice"), None)
    follows = {"step": ahead[1].step, "at": iso(ahead[0]), "plan": ahead[1].plan} if ahead else {}
    event = announcement(
        "PaymentOverdue",
        customer_id=customer.customer_id,
        plan=desired_state(customer, policy, now).plan,
        since=iso(since),
        next=stated(follows) or None,
    )
    cycle = customer.billing.cycle
    return _last([f"overdue#{cycle}#{step.after_days:g}" for step in passed], event)


def _unlimited(customer: Customer, policy: Policy, now: float) -> tuple[Notice, ...]:
    """Answer each request for more quota since the plans last changed, if none has a quota."""
    desired = desired_state(customer, policy, now)
    plans = [policy.usage_plans[plan] for plan in desired.plans if plan in policy.usage_plans]
    if desired.status != "active" or not plans or any(plan.quota for plan in plans):
        return ()
    event = announcement(
        "CustomerFailed",
        customer_id=customer.customer_id,
        error=InvalidEventError.__name__,
        reason=f"detail: must be for a plan with a quota, and {', '.join(desired.plans)} has none. "
        "Send CustomerPlanChanged first, or leave it: no calls are refused for a quota",
        remedy=command("history", about=(customer.customer_id,)),
    )
    requests = [one for one in customer.extensions if one.requested_at >= (customer.plan_at or 0)]
    return tuple(Notice(f"quota#{one.taken}#", event) for one in requests)


def _last(marks: list[str], event: JSON) -> tuple[Notice, ...]:
    return (*(Notice(mark) for mark in marks[:-1]), *(Notice(mark, event) for mark in marks[-1:]))
