"""Changes of the policy as text and as data: what would hold, and what waits for a person."""

from __future__ import annotations

import json
from collections.abc import Iterable

from keyward.aws.tables.policy import PENDING, Hold
from keyward.events.remedy import answer
from keyward.policy.change_set import Line, Settled
from keyward.values import JSON, counted, iso


def pending(hold: Hold | None) -> Hold | None:
    """The hold, if nobody has answered it."""
    return hold if hold and hold.decision == PENDING else None


def as_json(settled: Settled) -> JSON:
    """The changes that would hold at once, and those that would be held."""
    both = {"applied": settled.applied, "held": settled.held}
    return {name: [line.as_json() for line in lines] for name, lines in both.items()}


def lines_of(settled: Settled) -> list[str]:
    """A line for each change."""
    if not settled.applied and not settled.held:
        return ["nothing changes"]
    return [*_changes(settled.applied), *_changes(settled.held, "waits for a person: ")]


def held_json(hold: Hold | None) -> JSON | None:
    """What is held, with what an answer names."""
    if hold is None:
        return None
    changes = [line.as_json() for line in hold.lines]
    return {"fingerprint": hold.fingerprint, "since": iso(hold.since), "changes": changes}


def held_lines(hold: Hold | None, stack: str) -> list[str]:
    """What is held, since when, and the commands that answer."""
    if hold is None:
        return []
    answers = (answer(word, hold.fingerprint, stack=stack) for word in ("approve", "reject"))
    head = f"policy  {hold.fingerprint}, held since {iso(hold.since)}"
    return [head, *(f"  {line}" for line in _changes(hold.lines)), *(f"  {one}" for one in answers)]


def _changes(lines: Iterable[Line], waits: str = "") -> list[str]:
    return [f"{waits}{_words(line)}" for line in lines]


def _words(line: Line) -> str:
    about = f" {json.dumps(line.exemption)}" if line.exemption else ""
    touches = line.touches
    who = f"; touches {counted(touches.customers, 'customer')}" if touches.customers else ""
    who += f", {touches.used_more} used more" if touches.used_more else ""
    who += f"; limits follow: {json.dumps(line.follows)}" if line.follows else ""
    who += "; not Keyward's: the usage plan keeps its limits and stages" if line.stays else ""
    opens = f"; opens {counted(len(line.methods), 'method')}" if line.methods else ""
    change = f"{json.dumps(line.before)} -> {json.dumps(line.after)}"
    return f"{line.kind} {line.field}{about}: {change}{who}{opens}"
