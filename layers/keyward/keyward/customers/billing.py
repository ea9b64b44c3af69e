"""Keep the facts about a customer's payments, with their times, in any order. Pure.

    billing {failed_at: [times], paid_at?, settled_at?, subscriptions: {id: {state, at, ends_at?}}}

A payment that succeeded settles all that failed until that second. Of a subscription the newest
word counts. Times are epoch seconds, whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from keyward.errors import InvalidRecordError
from keyward.events.fields import HALTED, LIVE, STATES
from keyward.values import JSON, stated

# Retries of one invoice are few (Stripe's Smart Retries: 8); the first and the newest are kept.
MAX_FAILURES = 20
MAX_SUBSCRIPTIONS = 10


@dataclass(frozen=True)
class Subscription:
    """One subscription: its `state` since `at`, and when it ends by itself."""

    state: str
    at: int
    ends_at: int | None = None

    @property
    def strictness(self) -> int:
        """How little the state entitles to: live, halted, ended."""
        return 0 if self.state in LIVE else 1 if self.state in HALTED else 2

    def live(self, now: float) -> bool:
        """Whether it entitles to anything at `now`."""
        return self.state in LIVE and (self.ends_at is None or now < self.ends_at)

    def as_json(self) -> JSON:
        """As it stands in the record."""
        return stated(asdict(self))


@dataclass(frozen=True)
class Billing:
    """All that is known of a customer's payments; `settled_at` is the last payment that settled
    one that had failed."""

    failed_at: tuple[int, ...] = ()
    paid_at: int | None = None
    subscriptions: Mapping[str, Subscription] = field(default_factory=dict)
    settled_at: int | None = None

    @property
    def overdue_since(self) -> int | None:
        """When the first payment failed that none has settled; None when nothing is owed."""
        return min(self.failed_at, default=None)

    @property
    def cycle(self) -> int:
        """What tells one time of being overdue from the next: the last payment before it."""
        return self.paid_at or 0

    def failed(self, at: int) -> Billing:
        """With a payment that failed."""
        return self._settled({*self.failed_at, at}, self.paid_at)

    def paid(self, at: int) -> Billing:
        """With a payment that succeeded."""
        return self._settled(set(self.failed_at), max(at, self.paid_at or at))

    def with_subscription(self, name: str, new: Subscription) -> Billing:
        """With news of a subscription; older news change nothing. Of one second the stricter news
        count, whichever came first."""
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
        }
        return {name: value for name, value in members.items() if value not in (None, [], {})}

    def _settled(self, failed: set[int], paid_at: int | None) -> Billing:
        owed = sorted(at for at in failed if paid_at is None or at > paid_at)
        bounded = owed[:1] + owed[1:][-(MAX_FAILURES - 1) :]
        settled_at = paid_at if len(owed) < len(failed) else self.settled_at
        return replace(self, failed_at=tuple(bounded), paid_at=paid_at, settled_at=settled_at)


def billing_of(value: object) -> Billing:
    """From a customer's record, None for nothing known. Raises InvalidRecordError."""
    try:
        return _billing(value if value is not None else {})
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InvalidRecordError("billing", "must not be edited by hand", "Remove it") from None


def _billing(value: Any) -> Billing:
    return Billing(
        tuple(int(at) for at in value.get("failed_at", ())),
        _optional(value.get("paid_at")),
        {str(name): _subscription(one) for name, one in value.get("subscriptions", {}).items()},
        _optional(value.get("settled_at")),
    )


def _optional(value: Any) -> int | None:
    return None if value is None else int(value)


def _subscription(value: Any) -> Subscription:
    if value["state"] not in STATES:
        raise ValueError(value["state"])
    return Subscription(str(value["state"]), int(value["at"]), _optional(value.get("ends_at")))
