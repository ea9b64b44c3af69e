"""What was done: an announcement as it is remembered, and as a report tells it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from keyward.errors import InvalidEventError
from keyward.events.contracts import EVENTS_OUT, iso
from keyward.report.model import Done

JSON = dict[str, Any]
DAYS = 7
# A stage may have hundreds of methods, a table's item holds 400 KB.
MOST_WORDS, LONGEST = 20, 500
NAMED = ("customer_id", "rest_api_id", "stage", "plan", "key_id")
WORDS_OF = ("method", "path", "key", "plan", "stage", "difference")


def outcome_of(envelope: JSON) -> tuple[str, str, JSON]:
    """Id, time (ISO 8601) and the members worth keeping of an announcement in its EventBridge
    envelope. Raises InvalidEventError for one that Keyward does not make."""
    detail_type, detail = envelope.get("detail-type"), envelope.get("detail")
    if detail_type not in EVENTS_OUT or not isinstance(detail, dict):
        raise InvalidEventError(
            "detail-type", f"{detail_type!r} is not announced", "Send Keyward's own events only"
        )
    told = {name: str(detail[name])[:LONGEST] for name in NAMED if detail.get(name)}
    if detail.get("reason"):
        told["reason"] = str(detail["reason"])[:LONGEST]
    if detail.get("execution_arn"):
        told["execution"] = str(detail["execution_arn"])
    did = [*map(_words, detail.get("actions") or []), *map(_words, detail.get("differences") or [])]
    kept: JSON = {"event_type": detail_type, "did": did[:MOST_WORDS]} | told
    if len(did) > MOST_WORDS:
        kept["did"].append(f"and {len(did) - MOST_WORDS} more")
    return str(envelope["id"]), str(envelope["time"]), kept


def done_told(items: Iterable[Mapping[str, Any]]) -> tuple[Done, ...]:
    """What the table kept, newest first."""
    found = [
        Done(
            at=str(item["at"]),
            event=str(item["event_type"]),
            reason=item.get("reason"),
            did=tuple(map(str, item.get("did", ()))),
            execution=item.get("execution"),
            **{name: item.get(name) for name in NAMED},
        )
        for item in items
    ]
    return tuple(sorted(found, key=lambda done: done.at, reverse=True))


def counts_of(done: Sequence[Done]) -> dict[str, int]:
    """How many there were of each type, most first."""
    return dict(Counter(item.event for item in done).most_common())


def days_of_week(now: float) -> tuple[str, ...]:
    """The days that touch the last seven times 24 hours, in UTC."""
    today = datetime.fromtimestamp(now, UTC).date()
    return tuple((today - timedelta(days=back)).isoformat() for back in range(DAYS + 1))


def within_a_week(items: Iterable[Mapping[str, Any]], now: float) -> list[Mapping[str, Any]]:
    """Those of the last seven times 24 hours."""
    first = iso(now - DAYS * 24 * 3600)
    return [item for item in items if str(item["at"]) >= first]


def _words(item: Any) -> str:
    """An action or a difference in words: `require key GET /pets prod`."""
    if not isinstance(item, dict):
        return str(item)[:LONGEST]
    action = str(item.get("action", "")).replace("_", " ")
    rest = [str(item[name]) for name in WORDS_OF if item.get(name)]
    return " ".join([action, *rest]).strip()[:LONGEST]
