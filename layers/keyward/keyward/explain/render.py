"""Write an explanation as data and as text. Pure."""

from __future__ import annotations

from keyward.events.remedy import DEFAULT_STACK, command
from keyward.explain.judge import Verdict
from keyward.explain.model import Facts
from keyward.explain.remedies import remedy_of
from keyward.values import JSON, iso, stated

LET_IN, ASKS_FOR_NO_KEY = "none", "key_not_required"


def as_json(explained: list[tuple[Facts, Verdict]], stack: str = DEFAULT_STACK) -> JSON:
    """The explanation for the first key, with the other keys in `other_keys`. Remedies are commands
    for the stack."""
    first, *others = explained
    output = _one(*first, stack)
    if others:
        output["other_keys"] = [
            {"key_id": facts.key.key_id, "allowed": not verdict.causes, "cause": _cause(verdict)}
            for facts, verdict in others
        ]
    return output


def as_lines(output: JSON) -> list[str]:
    """The explanation for a terminal."""
    lines = [_headline(output)]
    lines += _causes(output)
    lines += [f"  cannot be read here: {gate}" for gate in output["cannot_be_read"]]
    if "waits" in output:
        lines.append(f"  {output['waits']}")
    if "effective_by" in output:
        lines.append(f"  changes reach every host by {output['effective_by']}")
    for other in output.get("other_keys", []):
        fate = "would be let in" if other["allowed"] else f"denied: {other['cause']}"
        lines.append(f"  the customer's key {other['key_id']}: {fate}")
    return lines


def _one(facts: Facts, verdict: Verdict, stack: str) -> JSON:
    request = facts.request
    causes = [
        cause.as_json() | {"remedy": remedy_of(cause.kind, facts, stack)}
        for cause in verdict.causes
    ]
    output: JSON = {"allowed": not verdict.causes, "cause": _cause(verdict)}
    if verdict.causes:
        output |= causes[0]
    output |= {
        "rest_api_id": request.rest_api_id,
        "stage": request.stage,
        "method": request.method,
        "path": request.path,
        "resource": verdict.resource,
        "customer_id": facts.customer.customer_id if facts.customer else None,
        "key_id": facts.key.key_id,
        "plan": facts.plan.name if facts.plan else None,
        "also": causes[1:],
        "cannot_be_read": list(verdict.unread),
    }
    if verdict.settles_at:
        output["effective_by"] = iso(verdict.settles_at)
    if facts.customer and facts.customer.waits:
        remedy = command("start", stack=stack)
        output["waits"] = f"{facts.customer.waits}. To end the stop: {remedy}"
    return stated(output)


def _cause(verdict: Verdict) -> str:
    if verdict.causes:
        return verdict.causes[0].kind
    return LET_IN if verdict.asks_for_key else ASKS_FOR_NO_KEY


def _headline(output: JSON) -> str:
    call = (
        f"{output['method']} {output['path']} on stage {output['stage']} of {output['rest_api_id']}"
    )
    if output["allowed"]:
        open_ = ", which asks for no key" if output["cause"] == ASKS_FOR_NO_KEY else ""
        return f"LET IN  {call}{open_}"
    return f"DENIED  {call}: {output['status']} {output['message']}"


def _causes(output: JSON) -> list[str]:
    lines = []
    for cause in [output, *output["also"]] if not output["allowed"] else []:
        lines += [
            f"  {cause['cause']}: {cause['says']}",
            f"    evidence: {cause['evidence']}",
            f"    helps:    {cause['helps']}",
            f"    remedy:   {cause['remedy']}",
        ]
    return lines
