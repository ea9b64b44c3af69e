"""What is remembered of a key's usage: the item `usage#<number>` of the Keys table. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, field

from keyward.values import JSON, frozen, iso, stated

RECORD = "usage#"


@frozen
class KeyUsage:
    """How much of its plan's quota a key used in the period that began on `period_start`.

    Days are `YYYY-MM-DD` (UTC), `read_at` is epoch seconds. `limit` is the plan's; what was granted
    on top, or carried over from another key, shows in `remaining`. `thresholds`
    are those that were announced, by the first day of their period; `unused_announced` says that
    KeyUnused was.
    """

    customer_id: str
    number: int
    key_id: str
    plan: str
    period: str
    period_start: str
    limit: int
    used: int
    remaining: int
    read_at: int
    last_used_on: str | None = None
    thresholds: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    unused_announced: bool = False

    @property
    def name(self) -> str:
        """The item's name in the Keys table."""
        return f"{RECORD}{self.number}"

    @property
    def percent(self) -> int:
        """How much of the period's calls is gone, 0 to 100, rounded down."""
        return percent_of(self.limit, self.used, self.remaining)

    def as_item(self) -> JSON:
        """For DynamoDB: no value, no float, nothing that is None."""
        item = stated(asdict(self)) | {"record": self.name, "read_on": iso(self.read_at)}
        del item["number"]
        thresholds: JSON = item.pop("thresholds")
        item["told"] = {start: list(percents) for start, percents in thresholds.items()}
        item["unused_told"] = item.pop("unused_announced")
        return item


def usage_of(item: JSON) -> KeyUsage:
    """From an item of the Keys table."""
    return KeyUsage(
        customer_id=str(item["customer_id"]),
        number=int(item["record"].removeprefix(RECORD)),
        key_id=str(item["key_id"]),
        plan=str(item["plan"]),
        period=str(item["period"]),
        period_start=str(item["period_start"]),
        limit=int(item["limit"]),
        used=int(item["used"]),
        remaining=int(item["remaining"]),
        read_at=int(item["read_at"]),
        last_used_on=str(item["last_used_on"]) if item.get("last_used_on") else None,
        thresholds={
            start: tuple(map(int, announced)) for start, announced in item.get("told", {}).items()
        },
        unused_announced=bool(item.get("unused_told")),
    )


def percent_of(limit: int, used: int, remaining: int) -> int:
    """How much is gone of what the period gives in all, 0 to 100. That is more than `limit` after
    an extension; a key that took over usage has less left than it used itself. Nothing to use is
    0."""
    whole = max(limit, used + remaining)
    return 100 * (whole - remaining) // whole if whole else 0
