"""An explanation as data and as text. Pure."""

from __future__ import annotations

from typing import Any

from keyward.explain.judge import Verdict
from keyward.explain.model import Facts
from keyward.values import iso

JSON = dict[str, Any]
LET_IN, ASKS_FOR_NO_KEY = "none", "key_not_required"


def as_json(explained: list[tuple[Facts, Verdict]]) -> JSON:
    """The explanation for the first key, and what happens to the others in `other_keys`."""
    first, *others = explained
    told = _one(*first)
    if others:
        told["other_keys"] = [
            {"key_id": facts.key.key_id, "allowed": not verdict.causes, "cause": _cause(verdict)}
            for facts, verdict in others
        ]
    return told


def as_text(told: JSON) -> str:
    """For a terminal."""
    lines = [_headline(told)]
    lines += _causes(told)
    lines += [f"  cannot be read here: {gate}" for gate in told["cannot_be_read"]]
    if "effective_by" in told:
        lines.append(f"  changes reach every host by {told['effective_by']}")
    for other in told.get("other_keys", []):
        fate = "would be let in" if other["allowed"] else f"denied: {other['cause']}"
        lines.append(f"  the customer's key {other['key_id']}: {fate}")
    return "\n".join(lines)


def _one(facts: Facts, verdict: Verdict) -> JSON:
    asked = facts.asked
    told: JSON = {"allowed": not verdict.causes, "cause": _cause(verdict)}
    if verdict.causes:
        told |= verdict.causes[0].as_json()
    told |= {
        "rest_api_id": asked.rest_api_id,
        "stage": asked.stage,
        "method": asked.method,
        "path": asked.path,
        "resource": verdict.resource,
        "customer_id": facts.customer.customer_id if facts.customer else None,
        "key_id": facts.key.key_id,
        "plan": facts.plan.name if facts.plan else None,
        "also": [cause.as_json() for cause in verdict.causes[1:]],
        "cannot_be_read": list(verdict.unread),
    }
    if verdict.settles_at:
        told["effective_by"] = iso(verdict.settles_at)
    return {name: value for name, value in told.items() if value is not None}


def _cause(verdict: Verdict) -> str:
    if verdict.causes:
        return verdict.causes[0].kind
    return LET_IN if verdict.asks_for_key else ASKS_FOR_NO_KEY


def _headline(told: JSON) -> str:
    call = f"{told['method']} {told['path']} on stage {told['stage']} of {told['rest_api_id']}"
    if told["allowed"]:
        open_ = ", which asks for no key" if told["cause"] == ASKS_FOR_NO_KEY else ""
        return f"LET IN  {call}{open_}"
    return f"DENIED  {call}: {told['status']} {told['message']}"


def _causes(told: JSON) -> list[str]:
    lines = []
    for cause in [told, *told["also"]] if not told["allowed"] else []:
        lines += [
            f"  {cause['cause']}: {cause['says']}",
            f"    evidence: {cause['evidence']}",
            f"    remedy:   {cause['remedy']}",
        ]
    return lines
