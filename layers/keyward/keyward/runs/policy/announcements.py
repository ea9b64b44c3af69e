"""Write what apply-policy announces, with its lines of the ledger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection

from keyward.apis.usage_plan_patch import NAME, Change
from keyward.aws.parameter import Wanted
from keyward.aws.tables.ledger import line_of as ledger_line
from keyward.aws.tables.ledger import with_events
from keyward.aws.tables.policy import Hold, InForce
from keyward.errors import PolicyRefusedError
from keyward.events import contracts, remedy
from keyward.events.requester import with_cause
from keyward.policy.change_set import (
    ADOPT,
    EXEMPTIONS,
    NARROWING,
    NEUTRAL,
    PLANS,
    WIDENING,
    Line,
)
from keyward.policy.coverage import STAGES
from keyward.policy.narrower import allows_less
from keyward.runs import outbox
from keyward.runs.context import Context
from keyward.values import JSON, counted, exact, iso

LEDGER, ACTION = "policy", "change_policy"
# Members of the policy that decide what protect-api does with an API.
OF_APIS = ("require_key", "hold", "probes", "warn_days")


def line_of(plan: str, change: Change, asked: JSON) -> JSON:
    """A line for what a usage plan lacks of the policy in force."""
    before, after = change.before, change.after
    if change.part == "methods":
        narrower = any(allows_less(f"methods.{m}", before.get(m), after[m]) for m in after)
    else:
        narrower = change.part == STAGES or allows_less(change.part, before, after)
    widens = change.operations and change.part != NAME
    kind = NARROWING if narrower else WIDENING if widens else NEUTRAL
    field = f"{PLANS}.{plan}.{change.part}"
    return Line(field, before, after, kind, plan=plan).as_json() | {"asked": asked}


def is_about_apis(line: Line) -> bool:
    """Whether an API has to be looked at after this change."""
    if line.plan:
        return line.part in ("", STAGES, ADOPT)
    return line.field in (EXEMPTIONS, *OF_APIS)


def announce_applied(context: Context, in_force: InForce, owner: str) -> None:
    """PolicyApplied, and a line of the ledger for each change."""
    now, changes = context.now, [_without_asked(line) for line in in_force.applied]
    by = now + int(in_force.body.get("propagation_seconds", 120))
    event = contracts.announcement(
        "PolicyApplied",
        changes=changes,
        reason=f"{_count(changes)} in force",
        version=in_force.version,
        execution_arn=owner,
        effective_by=iso(by),
    )
    members = ("plan", "field", "exemption", "kind", "before", "after", "asked")
    lines = [
        ledger_line(
            LEDGER,
            now,
            owner,
            {"action": ACTION} | exact({name: line.get(name) for name in members}),
            order,
        )
        for order, line in enumerate(in_force.applied)
    ]
    event = with_cause(event, in_force.applied[-1].get("asked"))
    outbox.announce_now(context, event, with_events(lines, [event], now))


def announce_hold(context: Context, hold: Hold, version: int, owner: str, asked: JSON) -> None:
    """PolicyHeld, once a hold."""
    event = contracts.announcement(
        "PolicyHeld",
        fingerprint=hold.fingerprint,
        changes=[line.as_json() for line in hold.lines],
        error="PolicyNarrows",
        reason=f"{_count(hold.lines)} held, as customers would lose something or methods "
        "would be open: a person has to decide",
        remedy=remedy.answer("approve", hold.fingerprint, stack=context.stack),
        version=version,
        held_since=iso(hold.since),
        execution_arn=owner,
    )
    mark = f"policy-held#{hold.fingerprint}#{hold.since}"
    outbox.announce_once(context, mark, with_cause(event, hold.asked or asked))


def announce_refusal(
    context: Context, in_force: InForce, wanted: Wanted, owner: str, asked: JSON
) -> None:
    """PolicyRefused, once a version that is not usable; once for a parameter that is gone."""
    if not wanted.version and not in_force.version:
        # Where no parameter ever was, the shipped default is in force.
        return
    reason = wanted.refused or (
        "the policy parameter is gone: the last good policy stays in force. Put it again"
    )
    version = wanted.version or in_force.version
    digest = hashlib.sha256(reason.encode()).hexdigest()[:8]
    event = contracts.announcement(
        "PolicyRefused",
        error=PolicyRefusedError.__name__,
        reason=reason,
        remedy=remedy.command("policy", "show", stack=context.stack, wanted=True),
        version=version,
        at=iso(context.now),
        execution_arn=owner,
    )
    outbox.announce_once(context, f"policy-refused#{version}#{digest}", with_cause(event, asked))


def announce_failure(
    context: Context, in_force: InForce, plan: str, error: Exception, owner: str, asked: JSON
) -> None:
    """PolicyRefused for a usage plan that API Gateway does not let be changed, once for what it
    lacks of one version of the policy."""
    reason = f"usage plan {plan} cannot be brought in line with the policy: {error}"
    event = contracts.announcement(
        "PolicyRefused",
        error=type(error).__name__,
        reason=reason,
        remedy=remedy.command("policy", "show", stack=context.stack),
        version=in_force.version,
        at=iso(context.now),
        execution_arn=owner,
        plan=plan,
    )
    lacks = [line for line in in_force.pending if line.get("plan") == plan]
    digest = hashlib.sha256(json.dumps(lacks, sort_keys=True).encode()).hexdigest()[:8]
    mark = f"policy-failed#{plan}#{in_force.version}#{digest}"
    outbox.announce_once(context, mark, with_cause(event, asked))


def _without_asked(line: JSON) -> JSON:
    return {name: value for name, value in line.items() if name != "asked"}


def _count(changes: Collection[object]) -> str:
    one, many = "change of the policy is", "changes of the policy are"
    return counted(len(changes), one, many)
