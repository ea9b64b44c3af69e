"""Held stages as text and as data: whose work each is, and the commands that answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from keyward.apis.model import PENDING
from keyward.events.remedy import answer
from keyward.values import JSON, counted, iso

# What a hold's record has for people, besides its API and stage.
MEMBERS = ("fingerprint", "decision", "kind", "held_at", "told_at", "message", "answers")
MAX_NAMES = 20
TIMES = ("held_at", "told_at")


def oldest_first(holds: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The holds in the order in which people should answer."""
    return sorted(holds, key=lambda hold: (int(hold["held_at"]), str(hold["rest_api_id"])))


def hold_lines(holds: Iterable[Mapping[str, Any]]) -> list[str]:
    """A headline and the last announcement of each hold, then how many there are; none without."""
    lines: list[str] = []
    count = waiting = 0
    for hold in holds:
        count += 1
        waiting += hold["decision"] == PENDING
        message = str(hold.get("message", "")).splitlines()
        lines += [_headline(hold), *(f"  {line}" for line in message), ""]
    if not count:
        return []
    words = counted(count, "stage is", "stages are")
    return [*lines, f"{words} held, {waiting} of them without an answer"]


def removal_lines(held: Mapping[str, int], stack: str) -> list[str]:
    """How many removed records of customers are held, since when, and the commands that answer."""
    if not held:
        return []
    names = ", ".join([*held][:MAX_NAMES]) + (", …" if len(held) > MAX_NAMES else "")
    since = iso(float(min(held.values())))
    head = f"removals  {counted(len(held), 'record')} of customers, held since {since}: {names}"
    answers = [answer(word, "removals", stack=stack) for word in ("approve", "reject")]
    return [head, *(f"  {one}" for one in answers)]


def as_json(hold: Mapping[str, Any]) -> JSON:
    """A hold as data, its times in ISO 8601."""
    named = {name: hold[name] for name in MEMBERS if name in hold}
    times = {name: iso(float(named[name])) for name in TIMES if name in named}
    return {"rest_api_id": hold["rest_api_id"], "stage": hold["stage"]} | named | times


def _headline(hold: Mapping[str, Any]) -> str:
    since = iso(float(hold["held_at"]))
    place = f"{hold['rest_api_id']} {hold['stage']}"
    return f"{place}  {hold['decision']}, held since {since} ({hold['kind']})"
