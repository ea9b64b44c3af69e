"""Compare two policies: what changes, what waits for a person, and what is in force after it. Pure.

Policies are JSON objects that `parse` took, so before and after stand in the owner's words.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from keyward.policy.coverage import STAGES, coverage, covers, is_within
from keyward.policy.facts import AccountFacts, PlanFacts
from keyward.policy.narrower import allows_less
from keyward.policy.parts import Quota
from keyward.values import JSON, StageRef, frozen

WIDENING, NARROWING, OPENING, NEUTRAL = "widening", "narrowing", "opening", "neutral"
# An exemption that opens more live methods than this waits for a person (DESIGN.md 1).
MAX_OPENED = 20
PLANS, EXEMPTIONS, ADOPT = "usage_plans", "exemptions", "adopt"
# Parts of a plan that API Gateway does not know.
UNLIMITED = (ADOPT, "rotate_after_days")
PLACE = ("api", "method", "path")


@frozen
class Touches:
    """How many customers have keys in the plan, and how many of them have used more than the new
    limit in the current period."""

    customers: int = 0
    used_more: int = 0


@frozen
class Line:
    """One change. `before` and `after` are None for what is not there. `leaving` are stages that
    leave the plan, `methods` live methods that an exemption opens, `keys` those in the plan.
    `follows` has the limits of an adopted plan, each before and after. `stays`: the plan is not
    Keyward's, so nothing of it changes on API Gateway."""

    field: str
    before: Any
    after: Any
    kind: str = NEUTRAL
    plan: str | None = None
    exemption: JSON | None = None
    touches: Touches = Touches()
    leaving: tuple[StageRef, ...] = ()
    methods: tuple[JSON, ...] = ()
    keys: int = 0
    follows: JSON | None = None
    stays: bool = False

    @property
    def part(self) -> str:
        """The part of the plan that changes, empty for the whole plan."""
        return self.field.removeprefix(f"{PLANS}.{self.plan}").removeprefix(".")

    @property
    def identity(self) -> str:
        """What a person answers: the change itself, whoever it touches."""
        parts = [self.field, self.exemption, self.before, self.after]
        return json.dumps(parts, sort_keys=True)

    def waits(self, narrowing: str) -> bool:
        """Whether the change waits for a person; `narrowing` is the policy's member, `hold` or
        `apply`."""
        if self.kind == OPENING:
            return len(self.methods) > MAX_OPENED
        return self.kind == NARROWING and self.keys > 0 and narrowing == "hold"

    def as_json(self) -> JSON:
        """For events, the ledger and the table."""
        members: JSON = {"field": self.field, "before": self.before, "after": self.after}
        members |= {"kind": self.kind, "touches": vars(self.touches)}
        members |= {"plan": self.plan} if self.plan else {}
        members |= {"exemption": self.exemption} if self.exemption else {}
        if self.leaving:
            members[STAGES] = [{"rest_api_id": api, "stage": stage} for api, stage in self.leaving]
        members |= {"follows": self.follows} if self.follows else {}
        members |= {"stays": True} if self.stays else {}
        return members | ({"methods": list(self.methods)} if self.methods else {})

    @classmethod
    def of(cls, document: JSON) -> Line:
        """From `as_json`."""
        names = ("field", "before", "after", "kind")
        return cls(
            **{name: document[name] for name in names},
            plan=document.get("plan"),
            exemption=document.get("exemption"),
            touches=Touches(**document["touches"]),
            leaving=tuple((s["rest_api_id"], s["stage"]) for s in document.get(STAGES, ())),
            methods=tuple(document.get("methods", ())),
            follows=document.get("follows"),
        )


@frozen
class Settled:
    """The `policy` in force after an edit, and which lines are `applied` and `held`."""

    policy: JSON
    applied: tuple[Line, ...]
    held: tuple[Line, ...]


def settle(
    in_force: JSON,
    wanted: JSON,
    facts: AccountFacts,
    approved: Iterable[Line] = (),
    held: Iterable[Line] = (),
) -> Settled:
    """Work out the policy in force. A line that waits keeps its former value until a person has
    `approved` it. A line that was `held` waits on, even when its customers have left the plan: only
    an answer or another edit ends that. Idempotent."""
    lines, answered = change_set(in_force, wanted, facts), {line.identity for line in approved}
    narrowing = str(wanted.get("narrowing", "hold"))
    kept = {i.identity: i for i in held if i.kind == OPENING or narrowing == "hold"}
    waiting = {line.identity: line for line in lines if line.waits(narrowing)}
    waiting = {
        line.identity: waiting.get(line.identity) or kept[line.identity]
        for line in lines
        if line.identity in kept.keys() | waiting.keys() and line.identity not in answered
    }
    policy = copy.deepcopy(wanted)
    for line in waiting.values():
        _keep(policy, in_force, line)
    applied = tuple(line for line in lines if line.identity not in waiting)
    return Settled(policy, applied, tuple(waiting.values()))


def fingerprint(held: Iterable[Line]) -> str:
    """Name exactly these lines, whatever customers they touch."""
    text = "\n".join(sorted(line.identity for line in held))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def change_set(in_force: JSON, wanted: JSON, facts: AccountFacts) -> tuple[Line, ...]:
    """Each difference between two policies, with what it means for the account."""
    before, after = in_force[PLANS], wanted[PLANS]
    plans = [
        line
        for name in sorted({*before, *after})
        for line in _of_plan(name, before.get(name), after.get(name), facts.plans.get(name))
    ]
    others = [
        Line(name, in_force.get(name), wanted.get(name))
        for name in sorted({*in_force, *wanted} - {PLANS, EXEMPTIONS})
        if in_force.get(name) != wanted.get(name)
    ]
    return (*plans, *_of_exemptions(in_force, wanted, facts), *others)


def place_of(exemption: JSON) -> tuple[str, ...]:
    """What an exemption is about. Its reason, owner and end may change."""
    return tuple(str(exemption[name]) for name in PLACE)


def changed_exemptions(in_force: JSON, wanted: JSON) -> list[JSON]:
    """Find the exemptions that are new or changed: what they open has to be read."""
    before = in_force.get(EXEMPTIONS, [])
    return [item for item in wanted.get(EXEMPTIONS, []) if item not in before]


def _of_plan(
    name: str, before: JSON | None, after: JSON | None, facts: PlanFacts | None
) -> list[Line]:
    whole, there = f"{PLANS}.{name}", facts or PlanFacts()
    adopting = replace(there, is_ours=True) if (after or {}).get(ADOPT) else there
    stays = not adopting.is_ours
    if before is None or before.get(ADOPT):
        there = adopting
    if before is None or after is None:
        line = Line(whole, before, after, plan=name, stays=stays)
        if before is None and facts is None:
            return [replace(line, kind=WIDENING)]
        return [_with_kind(line, before or there.limits, after, there)]
    lines = [
        _with_kind(line, {line.part: line.before}, {line.part: line.after}, there)
        for line in (
            Line(f"{whole}.{part}", was, now, plan=name, stays=stays)
            for part, was, now in _parts(before, after)
        )
    ]
    if there.is_ours:
        return lines
    # All of a plan to be adopted follows at once: its limits are what people made until now.
    return [
        replace(_with_kind(line, there.limits, after, adopting), follows=_follows(there, after))
        if line.part == ADOPT
        else line
        for line in lines
    ]


def _follows(there: PlanFacts, after: JSON) -> JSON:
    """Find the limits of a plan made by people that change when Keyward adopts it."""
    parts = {part: (there.limits.get(part), after.get(part)) for part in ("throttle", "quota")}
    return {part: {"before": was, "after": now} for part, (was, now) in parts.items() if was != now}


def _parts(before: JSON, after: JSON) -> list[tuple[str, Any, Any]]:
    """List the parts of a plan that differ. APIs and stages are one part, each limited method is a
    part of its own."""
    parts = [
        (name, before.get(name), after.get(name))
        for name in sorted({*before, *after} - {"apis", STAGES, "methods"})
    ]
    methods: tuple[JSON, JSON] = (before.get("methods", {}), after.get("methods", {}))
    for verb in sorted({*methods[0], *methods[1]}):
        parts.append((f"methods.{verb}", methods[0].get(verb), methods[1].get(verb)))
    parts.append((STAGES, coverage(before), coverage(after)))
    return [part for part in parts if part[1] != part[2]]


def _with_kind(line: Line, before: JSON, after: JSON | None, there: PlanFacts) -> Line:
    """Return the line with its kind. A plan made by people stays as it is on API Gateway."""
    if not there.is_ours:
        return line
    leaving = _leaving(line, after, there)
    if (
        after is None
        or leaving
        or any(allows_less(part, before.get(part), after[part]) for part in after)
    ):
        members, quota = there.members, Quota.of((after or {}).get("quota"))
        used_more = sum(used > quota.limit for used in members.used) if quota else 0
        touches = Touches(members.customers, used_more)
        narrow = replace(line, kind=NARROWING, touches=touches, keys=members.keys)
        return replace(narrow, leaving=leaving)
    if line.part in UNLIMITED or (line.part == STAGES and is_within(line.after, line.before)):
        return line
    return replace(line, kind=WIDENING)


def _leaving(line: Line, after: JSON | None, there: PlanFacts) -> tuple[StageRef, ...]:
    """Find the stages that leave the plan by this line."""
    if line.part not in ("", ADOPT, STAGES):
        return ()
    wanted = line.after if line.part == STAGES else after
    return tuple(
        ref
        for ref, api_name in sorted(there.stages.items())
        if wanted is None or not covers(wanted, ref[0], api_name, ref[1])
    )


def _of_exemptions(in_force: JSON, wanted: JSON, facts: AccountFacts) -> list[Line]:
    before = {place_of(item): item for item in reversed(in_force.get(EXEMPTIONS, []))}
    after = {place_of(item): item for item in reversed(wanted.get(EXEMPTIONS, []))}
    lines = []
    for place in sorted({*before, *after}):
        was, now, opened = before.get(place), after.get(place), facts.opened.get(place, ())
        kind = NARROWING if now is None else OPENING if was is None or opened else NEUTRAL
        about = dict(zip(PLACE, place, strict=True))
        if was != now:
            line = Line(EXEMPTIONS, was, now, kind, exemption=about)
            lines.append(line if now is None else replace(line, methods=opened))
    return lines


def _keep(policy: JSON, in_force: JSON, line: Line) -> None:
    """Put the former value of a held line back into the policy."""
    if line.exemption:
        _keep_exemption(policy, line)
        return
    name, plans, part = str(line.plan), policy[PLANS], line.part
    if not part and line.before is None:
        del plans[name]
    elif not part:
        plans[name] = in_force[PLANS][name]
    elif part == STAGES:
        for member in ("apis", STAGES):
            _put(plans[name], member, in_force[PLANS][name].get(member))
    elif part.startswith("methods."):
        _put(plans[name]["methods"], part.removeprefix("methods."), line.before)
    else:
        _put(plans[name], part, line.before)


def _keep_exemption(policy: JSON, line: Line) -> None:
    kept = [line.before if item == line.after else item for item in policy[EXEMPTIONS]]
    policy[EXEMPTIONS] = [item for item in kept if item is not None]


def _put(members: JSON, name: str, value: Any) -> None:
    if value is None:
        members.pop(name, None)
    else:
        members[name] = value
