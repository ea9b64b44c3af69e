"""Work out how much room the account has for API keys, and until when. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from keyward.audit.model import Finding
from keyward.aws.gateway import GatewayKey
from keyward.customers.key import KeyRecord
from keyward.customers.model import KeyRecords
from keyward.values import DAY, iso

# API keys of an account in a Region; the limit cannot be raised (limits.html).
MAX_KEYS = 10_000
NEAR_LIMIT = 8_000
PACE_DAYS, SOON_DAYS, WARN_DAYS = 30, 30, 90
WAITS = "the customer waits for room for a key, as the account is full"
REMEDY = (
    "Plan another account or Region, and delete keys that nobody uses: AWS raises no such limit"
)


def full_at(keys: Collection[GatewayKey], records: Iterable[KeyRecord], now: float) -> float | None:
    """When the account is full at the pace of the last 30 days (epoch seconds, as `now`); None when
    no key was added. A successor takes the place of the key before it, so it does not count."""
    if len(keys) >= MAX_KEYS:
        return now
    successors = {key.key_id for key in records if key.number > 1}
    since = now - PACE_DAYS * DAY
    added = sum(key.created_at > since and key.key_id not in successors for key in keys)
    if not added:
        return None
    return now + (MAX_KEYS - len(keys)) * PACE_DAYS * DAY / added


def full_on(keys: Collection[GatewayKey], records: Iterable[KeyRecord], now: float) -> str | None:
    """The day (UTC) on which the account is full; None where that is ten years away."""
    at = full_at(keys, records, now)
    return iso(at)[:10] if at is not None and at - now < 3650 * DAY else None


def words(keys: int, day: str | None) -> str:
    """Say how many keys there are, and until which day there is room for more."""
    if keys >= MAX_KEYS:
        return f"all {MAX_KEYS:,} API keys of the account are in use: no customer gets a new one"
    until = f", at today's pace full on {day}" if day else ""
    return f"{keys:,} of {MAX_KEYS:,} API keys of the account{until}"


def of_waiting(
    found: Iterable[Finding], records: Mapping[str, KeyRecords], keys: int
) -> list[Finding]:
    """Let nothing mend the findings of customers who wait for room behind others: those who came
    first get the room, and a run for any other would be refused."""
    waits = {id_: mine.waits_since for id_, mine in records.items() if mine.waits_since is not None}
    first = sorted(waits, key=lambda customer_id: (waits[customer_id], customer_id))
    without = set(first[max(0, MAX_KEYS - keys) :])
    return [
        replace(one, mended_by=None, says=WAITS, remedy=REMEDY)
        if one.kind == "customer_without_key" and one.customer_id in without
        else one
        for one in found
    ]


def of_room(
    keys: Collection[GatewayKey], records: Iterable[KeyRecord], now: float
) -> list[Finding]:
    """One finding when 80 % of the keys are in use, or all will be within 90 days."""
    known = list(records)
    at = full_at(keys, known, now)
    is_near = len(keys) >= NEAR_LIMIT or (at is not None and at - now <= WARN_DAYS * DAY)
    if not is_near:
        return []
    severity = "high" if at is not None and at - now <= SOON_DAYS * DAY else "low"
    says = words(len(keys), full_on(keys, known, now))
    return [Finding("keys_near_limit", severity, says, remedy=REMEDY)]
