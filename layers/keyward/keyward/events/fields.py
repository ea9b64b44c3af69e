"""What may stand in the `detail` of a customer's event: one check a member, by detail-type."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from keyward.errors import InvalidEventError

JSON = dict[str, Any]

# States of a subscription: it counts as paid, it waits for money, it is over.
LIVE = ("trialing", "active", "past_due")
HALTED = ("unpaid", "paused")
STATES = (*LIVE, *HALTED, "ended")
# What can be undone, and the field of the record that it changed.
WHAT = {"plan_change": "plan", "suspension": "status", "rotation": "rotation"}

# What a customer's `expires_at` is where null was sent: a known wish, unlike no word of it.
NEVER_EXPIRES = "never"
# QuotaSettings.limit is an integer (botocore model), 32 bits wide.
MOST_CALLS = 2**31 - 1
TAG = re.compile(r"[A-Za-z0-9+\-=._:/ ]*")


def seen(value: object) -> str:
    """A glimpse of what was sent: kind and length only, as it may hold what must not be
    repeated."""
    if isinstance(value, str):
        return f"a text of {len(value)} characters"
    return "a missing value" if value is None else f"a value of type {type(value).__name__}"


def choices_hint(choices: tuple[str, ...]) -> str:
    """The remedy where only some texts are known."""
    return f"Use one of {', '.join(choices)}"


def moment(value: object) -> int:
    """Epoch seconds of an ISO 8601 time or a day (00:00 UTC), or of a number of them. Raises
    ValueError."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return int(datetime.fromtimestamp(int(value), UTC).timestamp())
    if not isinstance(value, str):
        raise ValueError(value)
    when = datetime.fromisoformat(value)
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())


def _time(detail: JSON, name: str) -> int:
    try:
        return moment(detail[name])
    except (ValueError, OverflowError, OSError):
        raise InvalidEventError(
            f"detail.{name}",
            f"{seen(detail[name])} is no time",
            "Write ISO 8601, like 2026-12-31T00:00:00Z",
        ) from None


def _expiry(detail: JSON) -> JSON:
    """`expires_at`, as the record holds it; null takes the date away."""
    if "expires_at" not in detail:
        return {}
    if detail["expires_at"] is None:
        return {"expires_at": NEVER_EXPIRES}
    at = datetime.fromtimestamp(_time(detail, "expires_at"), UTC)
    return {"expires_at": at.strftime("%Y-%m-%dT%H:%M:%SZ")}


def _new_expiry(detail: JSON) -> JSON:
    if "expires_at" not in detail:
        raise InvalidEventError("detail.expires_at", "is missing", "Give a time, or null for never")
    return _expiry(detail)


def _subscription(detail: JSON) -> JSON:
    """A subscription, its state, and the plan that it pays for."""
    said: JSON = {"subscription": _text(detail, "subscription", 128)} | _optional_plan(detail)
    if detail.get("state") is None:
        raise InvalidEventError("detail.state", "is missing", choices_hint(STATES))
    said |= _choice(detail, "state", STATES)
    if detail.get("ends_at") is not None:
        said["ends_at"] = _time(detail, "ends_at")
    return said


def _optional_plan(detail: JSON) -> JSON:
    return {} if detail.get("plan") is None else _plan(detail)


def _text(detail: JSON, name: str, longest: int = 256) -> str:
    value = detail.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > longest or _torn(value):
        problem = "is missing" if value is None else f"{seen(value)} is malformed"
        raise InvalidEventError(
            f"detail.{name}", problem, f"Give a text of 1 to {longest} characters"
        )
    return value


def _torn(text: str) -> bool:
    """Whether it holds half a character (a lone surrogate), which no table can store."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _optional_text(detail: JSON, name: str) -> JSON:
    return {} if detail.get(name) is None else {name: _text(detail, name)}


def _plan(detail: JSON) -> JSON:
    return {"plan": _text(detail, "plan", 255)}


def _tags(detail: JSON) -> JSON:
    """Tags as API Gateway takes them: at most 50, key 1–128, value up to 256 (botocore model)."""
    tags = detail.get("tags")
    if tags is None:
        return {}
    good = (
        isinstance(tags, dict)
        and len(tags) <= 40
        and all(
            isinstance(v, str)
            and 0 < len(k) <= 128
            and len(v) <= 256
            and TAG.fullmatch(k)
            and TAG.fullmatch(v)
            and not k.startswith("aws:")
            for k, v in tags.items()
        )
    )
    if not good:
        raise InvalidEventError(
            "detail.tags",
            "is malformed",
            "Give an object of at most 40 texts, characters A-Z a-z 0-9 + - = . _ : / and space",
        )
    return {"tags": tags}


def _choice(detail: JSON, name: str, choices: tuple[str, ...]) -> JSON:
    value = detail.get(name)
    if value is None:
        return {}
    if value not in choices:
        raise InvalidEventError(
            f"detail.{name}", f"{seen(value)} is not known", choices_hint(choices)
        )
    return {name: value}


def _overlap(detail: JSON) -> JSON:
    value = detail.get("overlap_hours")
    if value is None:
        return {}
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 8760:
        raise InvalidEventError(
            "detail.overlap_hours",
            f"{seen(value)} is malformed",
            "Give a number of hours from 0 to 8760",
        )
    return {"overlap_hours": Decimal(str(round(value, 4)))}


def _extension(detail: JSON) -> JSON:
    """How many calls more, or how many in all; neither is the plan's quota once more."""
    if detail.get("by") is not None and detail.get("limit") is not None:
        raise InvalidEventError("detail.limit", "comes with `by`", "Give one of the two, or none")
    return _calls(detail, "by") | _calls(detail, "limit") | _optional_text(detail, "reason")


def _calls(detail: JSON, name: str) -> JSON:
    value = detail.get(name)
    if value is None:
        return {}
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_CALLS:
        raise InvalidEventError(
            f"detail.{name}",
            f"{seen(value)} is malformed",
            f"Give a whole number of calls from 1 to {MOST_CALLS}",
        )
    return {name: value}


FIELDS: dict[str, Callable[[JSON], JSON]] = {
    "CustomerSignedUp": lambda d: _plan(d) | _optional_text(d, "name") | _tags(d) | _expiry(d),
    "CustomerPlanChanged": lambda d: (
        _plan(d) | _choice(d, "key", ("in_place", "successor")) | _expiry(d)
    ),
    "CustomerSuspended": lambda d: _optional_text(d, "reason"),
    "CustomerResumed": _expiry,
    "CustomerClosed": lambda d: _optional_text(d, "reason"),
    "CustomerExpiryChanged": _new_expiry,
    "KeyRotationRequested": lambda d: _overlap(d) | _optional_text(d, "reason"),
    "QuotaExtensionRequested": _extension,
    "PaymentFailed": lambda d: {},
    "PaymentSucceeded": lambda d: {},
    "SubscriptionChanged": _subscription,
    "UndoRequested": lambda d: _choice(d, "what", tuple(WHAT)),
}
