"""The findings of an audit, and how APIs are judged. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict
from typing import Any, ParamSpec, TypeVar

from keyward.apis.attachments import lacking
from keyward.apis.exemptions import ending, exemption_id
from keyward.apis.head import Head
from keyward.apis.hold_words import edited
from keyward.apis.model import DEPLOYMENT, ENFORCE, PLAN, REJECTED, ApiRecords, ApiSnapshot, Hold
from keyward.apis.observed import exposures
from keyward.apis.plan import plan_api
from keyward.apis.rule import KeyRule
from keyward.errors import KeywardError
from keyward.policy.model import Policy
from keyward.policy.parts import Exemption, PlanPolicy
from keyward.values import JSON, frozen, iso, some_of

P = ParamSpec("P")
T = TypeVar("T")

IN_NO_PLAN = "stage_in_no_plan"


@frozen
class Finding:
    """One thing that is not as desired. `severity`: `high` (open, or a customer without a key),
    `low`. `mended_by`: what mends it (a state machine, or `adopt-keys`), None when a person has to:
    `remedy` says how, where the kind alone does not."""

    kind: str
    severity: str
    says: str
    mended_by: str | None = None
    customer_id: str | None = None
    rest_api_id: str | None = None
    stage: str | None = None
    actions: tuple[JSON, ...] = ()
    key_id: str | None = None
    plan: str | None = None
    remedy: str | None = None

    def as_json(self) -> JSON:
        """Without the members that do not apply."""
        members = asdict(self) | {"actions": list(self.actions)}
        return {name: value for name, value in members.items() if value not in (None, [])}

    @classmethod
    def of(cls, document: JSON) -> Finding:
        """From `as_json`."""
        return cls(**document | {"actions": tuple(document.get("actions", ()))})


def error_words(error: Exception) -> str:
    """Say what was wrong. The text of an error that is not ours could quote anything, so only its
    class and its place in the code are named."""
    name = type(error).__name__
    if isinstance(error, KeywardError):
        return f"{name}: {error}"
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{name} in `{trace.tb_frame.f_code.co_name}`" if trace else name


def attempt(call: Callable[P, T], *about: P.args, **named: P.kwargs) -> tuple[T | None, str | None]:
    """Call it, and give what it returns, or else what was wrong: one thing that cannot be read
    stops no other. Raises what is not ours."""
    try:
        return call(*about, **named), None
    except KeywardError as error:
        return None, error_words(error)


def of_each(subject: str, find: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """Run `find` on one customer or key. If it fails, that is a finding as well, so that one bad
    record never ends the audit."""
    try:
        found = list(find())
        json.dumps([finding.as_json() for finding in found])  # what is no JSON could not be kept
        return found
    except Exception as error:  # noqa: BLE001 - records are written by people, too
        return [unreadable_record(subject, error)]


def unreadable_record(customer_id: str, error: Exception) -> Finding:
    """A record of a customer that cannot be understood."""
    return Finding(
        "unreadable_record",
        "high",
        f"the records of {customer_id} cannot be understood: {error_words(error)}",
        customer_id=customer_id,
        remedy="Correct its item in the Customers table, or undo what was edited in the Keys table",
    )


def api_findings(
    snapshot: ApiSnapshot, records: ApiRecords, rule: KeyRule, mode: str
) -> list[Finding]:
    """Exposed methods by stage; stages that lack a plan, or are in none."""
    mending: JSON = {"mended_by": "protect-api", "rest_api_id": snapshot.rest_api_id}
    found = [
        Finding(
            "exposed_methods",
            "high" if mode == ENFORCE else "low",
            f"stage {exposure.stage} serves methods that should ask for a key",
            stage=exposure.stage,
            actions=exposure.actions,
            **mending,
        )
        for exposure in exposures(snapshot, rule)
    ]
    if mode == ENFORCE:
        attach = plan_api(snapshot, ApiRecords(), rule).attach
    else:
        # Held ones too: the run that this starts reminds of the hold.
        attach = lacking(snapshot, rule, snapshot.stages, PlanPolicy.names)
    joining = {stage for item in attach for stage in item.stages}
    found += _in_no_plan(snapshot, joining | {hold.stage for hold in records.holds}, mode)
    for item in attach:
        found += [
            Finding(
                "stage_without_plan",
                "high",
                f"stage {stage} is not in usage plan {item.plan}: its customers get a 403 where "
                "a key is asked for",
                stage=stage,
                actions=({"action": "attach_stage", "stage": stage, "plan": item.plan},),
                **mending,
            )
            for stage in item.stages
        ]
    return found


def _in_no_plan(snapshot: ApiSnapshot, joining: set[str], mode: str) -> Iterable[Finding]:
    """Stages that ask for keys and that no key opens; those that join a plan are not meant."""
    held = {stage for plan in (*snapshot.plans, *snapshot.others) for stage in plan.stages}
    for stage in snapshot.stages:
        asks = any(method.key_required for method in stage.methods)
        if asks and stage.name not in held | joining:
            name = snapshot.name or snapshot.rest_api_id
            yield Finding(
                IN_NO_PLAN,
                "high",
                f"stage {stage.name} asks for keys and is in no usage plan: every key gets a 403. "
                f"API {name} is in mode {mode}, and no plan of the policy "
                + ("covers it" if mode == ENFORCE else "names it without a *"),
                rest_api_id=snapshot.rest_api_id,
                stage=stage.name,
                remedy=f"Name API {name} in `apis` of a usage plan in the policy",
            )


def key_source(snapshot: ApiSnapshot, head: Head) -> Iterable[Finding]:
    """Find an API that takes its keys from an authorizer: the header x-api-key counts for nothing,
    and a method that asks for a key and has no Lambda authorizer refuses everybody."""
    asking = [(s.name, m) for s in snapshot.stages for m in s.methods if m.key_required]
    if not head.keys_from_authorizer or not asking:
        return
    shut = [
        f"{m.verb} {m.path} of {name}" for name, m in asking if not head.takes_key(m.authorization)
    ]
    says = f"API {head.name} takes keys from a Lambda authorizer (apiKeySource AUTHORIZER)"
    yield Finding(
        "key_source_is_authorizer",
        "high" if shut else "low",
        f"{says}, and none stands before {some_of(shut)}: every call gets a 403"
        if shut
        else f"{says}: a key in the header x-api-key counts for nothing",
        rest_api_id=snapshot.rest_api_id,
        remedy="Set apiKeySource to HEADER and deploy, or have the authorizer name the key "
        "(usageIdentifierKey) on each method that asks for one",
    )


def hold_findings(
    snapshot: ApiSnapshot, records: ApiRecords, rule: KeyRule, mode: str
) -> list[Finding]:
    """Find the stages that wait for a person. In mode observe these are stages in a plan that
    Keyward does not own. The next run ends a hold that is no longer needed."""
    exposed = {stage.name for stage in snapshot.stages if rule.exposed(stage)}
    return [
        _held(hold, records, snapshot.rest_api_id)
        if hold.kind != DEPLOYMENT or hold.stage in exposed
        else Finding(
            "hold_over",
            "low",
            f"the hold of stage {hold.stage} is no longer needed",
            mended_by="protect-api",
            rest_api_id=snapshot.rest_api_id,
            stage=hold.stage,
        )
        for hold in records.holds
        if mode == ENFORCE or hold.kind == PLAN
    ]


def unannounced(snapshot: ApiSnapshot, records: ApiRecords, mode: str) -> Iterable[Finding]:
    """Find stages of which a run that died has announced no outcome, or has left one in the outbox.
    What is held is told already; in mode observe a run acts on attachments only."""
    left = {event["detail"]["stage"] for event in records.outbox.values()}
    if mode == ENFORCE:
        left |= {stage for stage in records.planned if records.hold(stage) is None}
    for stage in sorted(left & {stage.name for stage in snapshot.stages}):
        yield Finding(
            "unannounced",
            "low",
            f"what a run did to stage {stage} waits to be announced",
            mended_by="protect-api",
            rest_api_id=snapshot.rest_api_id,
            stage=stage,
        )


def orphaned_holds(
    holds: Iterable[Mapping[str, Any]], enforceable: Collection[str]
) -> list[Finding]:
    """Find recorded holds of APIs that are gone or switched off: there is nothing left to decide.
    `enforceable` are the ids of all other APIs, whose next run ends such holds."""
    return [
        Finding(
            "hold_over",
            "low",
            f"the hold of stage {hold.get('stage')} is over: its API is gone, or switched off",
            mended_by="protect-api",
            rest_api_id=str(hold["rest_api_id"]),
            stage=str(hold.get("stage")),
        )
        for hold in holds
        if hold["rest_api_id"] not in enforceable
    ]


def _held(hold: Hold, records: ApiRecords, rest_api_id: str) -> Finding:
    whose = f", {edited(records.editor)}" if records.editor and hold.kind == DEPLOYMENT else ""
    rejected = hold.decision == REJECTED
    return Finding(
        "held",
        "low" if rejected else "high",
        f"stage {hold.stage} is held since {iso(hold.held_at)}{whose}: "
        + ("its deployment was rejected" if rejected else "a person has to decide"),
        rest_api_id=rest_api_id,
        stage=hold.stage,
        actions=({"action": "hold_stage", "stage": hold.stage, "fingerprint": hold.fingerprint},),
    )


def of_exemptions(policy: Policy, live: Iterable[str], now: float) -> list[Finding]:
    """Find exemptions that ended, end soon, or leave nothing open; `live` are the marks of those
    that do. An exemption for every API and path is a rule for the future, so it needs no method."""
    used, soon = set(live), ending(policy, now)
    found = []
    for exemption in policy.exemptions:
        if exemption.ends_at and exemption.ends_at <= now:
            found.append(
                _exemption_finding(
                    "exemption_lapsed", exemption, "ended: take it out of the policy"
                )
            )
            continue
        if exemption in soon:
            found.append(_exemption_finding("exemption_expiring", exemption, "ends soon"))
        if not _is_rule_for_all(exemption) and exemption_id(exemption) not in used:
            found.append(
                _exemption_finding("exemption_unused", exemption, "matches no live method")
            )
    return found


def _is_rule_for_all(exemption: Exemption) -> bool:
    return (exemption.api, exemption.path) == ("*", "*")


def _exemption_finding(kind: str, exemption: Exemption, says: str) -> Finding:
    until = f", until {exemption.expires}" if exemption.expires else ""
    owner = f", by {exemption.owner}" if exemption.owner else ""
    what = f"{exemption.method} {exemption.path} of API {exemption.api}"
    return Finding(
        kind, "low", f"the exemption of {what} ({exemption.reason}{owner}{until}) {says}"
    )
