"""Keep the requests for more quota in a customer's record, and tell which are still to be granted.
Pure.

    quota_extension  [{taken, requested_at, by | limit?, reason?}, …]

`by` grants so many calls more, `limit` as many as the period then has in all, neither of them the
plan's quota once more. `taken` numbers the requests as they came: a key remembers the last one that
it was granted, so none is granted twice, and one that arrives late is not lost. A request counts
for the period in which it was made; the next one starts afresh.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, time
from typing import Any

from keyward.customers.key import KeyRecord
from keyward.errors import InvalidEventError, InvalidRecordError
from keyward.events.contracts import CustomerEvent
from keyward.events.fields import moment
from keyward.policy.parts import Quota
from keyward.policy.periods import day_of, first_day
from keyward.values import DAY, JSON, frozen, stated

NAME = "quota_extension"
EVENT = "QuotaExtensionRequested"
# Longer than a period: what is older can neither be granted nor come again.
RETENTION_SECONDS = 40 * DAY
MAX_REQUESTS = 200
# A key may still be in the making when its first extension is asked for.
MAKING_SECONDS = 300


@frozen
class Extension:
    """One request; times are epoch seconds."""

    taken: int
    requested_at: int
    by: int | None = None
    limit: int | None = None
    reason: str | None = None

    def as_json(self) -> JSON:
        """As it stands in the record, and in an action."""
        return stated(asdict(self))

    @property
    def identity(self) -> tuple[int, int | None, int | None]:
        """What makes it this request; a request with the same is a repeat."""
        return self.requested_at, self.by, self.limit

    def total(self, before: int, quota: int) -> int:
        """What the period has in all after the extension, never less than `before`."""
        if self.limit is not None:
            return max(before, self.limit)
        return before + (quota if self.by is None else self.by)


def extensions_of(record: Mapping[str, Any]) -> tuple[Extension, ...]:
    """Read a record's extensions, in the order in which they were taken. Raises
    InvalidRecordError."""
    items = record.get(NAME) or []
    try:
        found = [extension_of(item) for item in items]
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        raise InvalidRecordError(
            NAME, "must be a list of {requested_at, by | limit}", f"Remove it, and send {EVENT}"
        ) from None
    return tuple(sorted(found, key=lambda item: item.taken))


def extension_of(item: Mapping[str, Any]) -> Extension:
    """From the record or an action. Raises ValueError and the like for anything else."""
    at = moment(item["requested_at"])
    amounts = {name: _amount(item[name]) for name in ("by", "limit") if item.get(name) is not None}
    reason = item.get("reason")
    return Extension(
        int(item.get("taken", at)), at, reason=str(reason) if reason else None, **amounts
    )


def requested(record: Mapping[str, Any], event: CustomerEvent) -> JSON:
    """Add the request of QuotaExtensionRequested to the record's member. A repeat, or another
    event, changes nothing. Raises InvalidEventError for too many at once, InvalidRecordError."""
    if event.detail_type != EVENT:
        return {}
    earlier = extensions_of(record)
    fields = event.fields
    last = earlier[-1].taken if earlier else 0
    new = Extension(
        max(last + 1, event.recorded_at),
        event.occurred_at,
        fields.get("by"),
        fields.get("limit"),
        fields.get("reason"),
    )
    if any(item.identity == new.identity for item in earlier):
        return {}
    newest = max([new.requested_at, *(item.requested_at for item in earlier)])
    recent = [item for item in (*earlier, new) if item.requested_at > newest - RETENTION_SECONDS]
    if len(recent) > MAX_REQUESTS:
        raise InvalidEventError(
            "detail", f"must be at most request {MAX_REQUESTS} in 40 days", "Move to a larger plan"
        )
    return {NAME: [item.as_json() for item in recent]}


def due(
    extensions: Sequence[Extension], key: KeyRecord, quota: Quota | None, now: float
) -> tuple[Extension, ...]:
    """List the extensions still to be granted to a key at `now` (epoch seconds). Without a quota
    there is nothing to extend; a request from long before the key was made is not meant for it."""
    if quota is None:
        return ()
    start = datetime.combine(first_day(quota, day_of(now)), time(), UTC).timestamp()
    since = max(start, (key.created_at or 0) - MAKING_SECONDS)
    return tuple(
        item
        for item in extensions
        if item.taken > key.quota.extended and item.requested_at >= since
    )


def _amount(value: Any) -> int:
    if isinstance(value, bool) or int(value) != value or value < 1:
        raise ValueError(value)
    return int(value)
