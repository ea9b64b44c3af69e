"""Keep the facts about a customer's payments, with their times, in any order. Pure.

    billing {failed_at: [times], paid_at?, settled_at?, subscriptions: {id: {state, at, ends_at?}},
             bills: {id: {failed_at: [times], paid_at?}}}

A payment of a subscription settles what failed of it until that second, and what names none; one
that names no subscription settles all. Of a subscription the newest word counts, and once it has
ended nothing more is owed for it. Times are epoch seconds, whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, field, replace
from typing import Any

from keyward.errors import InvalidRecordError
from keyward.events.fields import HALTED, LIVE, STATES
from keyward.values import JSON, frozen, stated

# Retries of one invoice are few (Stripe's Smart Retries: 8); the first and the newest are kept.
MAX_FAILURES = 20
MAX_SUBSCRIPTIONS = 10


@frozen
class Subscription:
    """One subscription: its `state` since `at`, and when it ends by itself."""

    state: str
    at: int
    ends_at: int | None = None

    @property
    def strictness(self) -> int:
        """How little the state allows: live, halted, ended."""
        return 0 if self.state in LIVE else 1 if self.state in HALTED else 2

    def live(self, now: float) -> bool:
        """Whether the subscription allows use at `now`."""
        return self.state in LIVE and (self.ends_at is None or now < self.ends_at)

    def as_json(self) -> JSON:
        """As it stands in the record."""
        return stated(asdict(self))


@frozen
class Bill:
    """The payments of one subscription: those that failed, and the last one that succeeded."""

    failed_at: tuple[int, ...] = ()
    paid_at: int | None = None

    def as_json(self) -> JSON:
        """As it stands in the record."""
        return {"failed_at": list(self.failed_at)} | stated({"paid_at": self.paid_at})


@frozen
class Billing:
    """All that is known of a customer's payments; `settled_at` is the last payment that settled
    one that had failed. `failed_at` and `paid_at` are of payments that name no subscription,
    `bills` are by subscription."""

    failed_at: tuple[int, ...] = ()
    paid_at: int | None = None
    subscriptions: Mapping[str, Subscription] = field(default_factory=dict)
    settled_at: int | None = None
    bills: Mapping[str, Bill] = field(default_factory=dict)

    @property
    def overdue_since(self) -> int | None:
        """When the first unsettled payment failed; None when nothing is owed."""
        return min(
            (at for name, bill in self._all() for at in self._owed(name, bill)), default=None
        )

    @property
    def cycle(self) -> int:
        """Name this time of being overdue: by the last payment before it of what is owed."""
        paid = [self._paid_at(name) for name, bill in self._all() if self._owed(name, bill)]
        return max((at for at in paid if at is not None), default=self.paid_at or 0)

    def failed(self, at: int, subscription: str | None = None) -> Billing:
        """Add a payment that failed, of a subscription or of none."""
        bill = self._bill(subscription)
        return self._with_bill(subscription, replace(bill, failed_at=(*bill.failed_at, at)))

    def paid(self, at: int, subscription: str | None = None) -> Billing:
        """Add a payment that succeeded, of a subscription or of none."""
        bill = self._bill(subscription)
        paid_at = max(at, bill.paid_at or at)
        return self._with_bill(subscription, replace(bill, paid_at=paid_at))

    def with_subscription(self, name: str, new: Subscription) -> Billing:
        """Add news of a subscription. Older news change nothing; within one second the stricter
        news count."""
        last = self.subscriptions.get(name)
        if last is not None and (last.at, last.strictness) > (new.at, new.strictness):
            return self
        newest = sorted(
            (dict(self.subscriptions) | {name: new}).items(), key=lambda item: (item[1].at, item[0])
        )
        return replace(self, subscriptions=dict(newest[-MAX_SUBSCRIPTIONS:]))

    def as_json(self) -> JSON:
        """As it stands in the record."""
        members: JSON = {
            "failed_at": list(self.failed_at),
            "paid_at": self.paid_at,
            "settled_at": self.settled_at,
            "subscriptions": {name: one.as_json() for name, one in self.subscriptions.items()},
            "bills": {name: one.as_json() for name, one in self.bills.items()},
        }
        return {name: value for name, value in members.items() if value not in (None, [], {})}

    def _bill(self, subscription: str | None) -> Bill:
        if subscription is None:
            return Bill(self.failed_at, self.paid_at)
        return self.bills.get(subscription, Bill())

    def _all(self) -> list[tuple[str | None, Bill]]:
        return [(None, self._bill(None)), *self.bills.items()]

    def _paid_at(self, subscription: str | None) -> int | None:
        """When the debt of a subscription (or of none) was last settled."""
        settling = [self.paid_at, self._bill(subscription).paid_at]
        settling += [bill.paid_at for bill in self.bills.values()] if subscription is None else []
        return max((at for at in settling if at is not None), default=None)

    def _owed(self, subscription: str | None, bill: Bill) -> list[int]:
        """When the payments failed that are still owed. A failure told after its subscription ended
        is nobody's debt."""
        last = self.subscriptions.get(subscription or "")
        ended_at = last.at if last and last.state == "ended" else None
        return [at for at in bill.failed_at if ended_at is None or at < ended_at]

    def _with_bill(self, subscription: str | None, bill: Bill) -> Billing:
        """Add a bill, and drop the failures that are settled now."""
        known = {**dict(self._all()), subscription: bill}
        newest = sorted(known, key=lambda name: (name is None, _newest(known[name]), name or ""))
        informed = replace(
            self,
            failed_at=known[None].failed_at,
            paid_at=known[None].paid_at,
            bills={name: known[name] for name in newest[-MAX_SUBSCRIPTIONS - 1 :] if name},
        )
        settled_at, bills = [self.settled_at], {}
        for name, one in informed._all():
            paid_at, failed = informed._paid_at(name), {*one.failed_at}
            owed = sorted(at for at in failed if paid_at is None or at > paid_at)
            settled_at += [paid_at] if len(owed) < len(failed) else []
            bounded = owed[:1] + owed[1:][-(MAX_FAILURES - 1) :]
            bills[name] = replace(one, failed_at=tuple(bounded))
        return replace(
            informed,
            failed_at=bills[None].failed_at,
            bills={name: one for name, one in bills.items() if name},
            settled_at=max((at for at in settled_at if at is not None), default=None),
        )


def _newest(bill: Bill) -> int:
    return max((*bill.failed_at, bill.paid_at or 0))


def billing_of(value: object) -> Billing:
    """Read `billing` of a customer's record; None is an empty one. Raises InvalidRecordError."""
    try:
        return _billing(value if value is not None else {})
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
        raise InvalidRecordError("billing", "must not be edited by hand", "Remove it") from None


def _billing(value: Any) -> Billing:
    return Billing(
        tuple(int(at) for at in value.get("failed_at", ())),
        _optional(value.get("paid_at")),
        {str(name): _subscription(one) for name, one in value.get("subscriptions", {}).items()},
        _optional(value.get("settled_at")),
        {str(name): _bill(one) for name, one in value.get("bills", {}).items()},
    )


def _bill(value: Any) -> Bill:
    failed_at = tuple(int(at) for at in value.get("failed_at", ()))
    return Bill(failed_at, _optional(value.get("paid_at")))


def _optional(value: Any) -> int | None:
    return None if value is None else int(value)


def _subscription(value: Any) -> Subscription:
    if value["state"] not in STATES:
        raise ValueError(value["state"])
    return Subscription(str(value["state"]), int(value["at"]), _optional(value.get("ends_at")))
