"""Find keys that open nothing, and say why: compare plans, APIs and the policy. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from keyward.apis.model import ENFORCE, OFF, Membership
from keyward.audit.account import AccountKeys, ApiReading
from keyward.audit.model import Finding
from keyward.aws.gateway import GatewayPlan
from keyward.aws.tables.customers import AccountRecords
from keyward.customers.key import KeyRecord
from keyward.policy.model import Policy
from keyward.policy.parts import PlanPolicy, matches
from keyward.values import counted, frozen

OPENS_NOTHING = "key_opens_nothing"
# Of one plan so many keys are findings of their own; one more counts the rest.
MAX_KEYS = 20
MAX_NAMES = 5


@frozen
class EmptyPlan:
    """Why a usage plan holds no stage, and what a person can do about it."""

    says: str
    remedy: str


def of_opens(
    records: AccountRecords,
    account: AccountKeys | None,
    plans: Sequence[GatewayPlan],
    apis: Sequence[ApiReading],
    policy: Policy,
) -> list[Finding]:
    """Find working keys whose usage plans hold no stage. While no API asks for a key nobody misses
    it: then only a plan that names an API counts, and its finding is low."""
    holding = {plan.name for plan in plans if plan.stages}
    empty: dict[str, list[KeyRecord]] = {}
    for key in _working(records):
        found = account.plans_of(str(key.key_id)) if account else None
        names = found or tuple(sorted(key.announced_plans))
        if holding.isdisjoint(names):
            empty.setdefault(names[0], []).append(key)
    is_missed = any(map(_asks_for_key, apis))
    return [
        finding
        for name, keys in sorted(empty.items())
        if is_missed or _names_an_api(name, policy)
        for finding in _of_plan(
            name, keys, why_empty(name, policy, apis), "high" if is_missed else "low"
        )
    ]


def why_empty(name: str, policy: Policy, apis: Sequence[ApiReading]) -> EmptyPlan:
    """Say why the plan of that name holds no stage."""
    plan = policy.usage_plans.get(name)
    if plan is None:
        return EmptyPlan("the policy does not name it", "Add it to usage_plans in the policy")
    if any(found.kept for api in apis for found in _memberships(api, name)):
        remedy = f'Write "adopt": true for plan {name} in the policy, or rename it there'
        return EmptyPlan("it is not Keyward's, and so keeps its stages", remedy)
    for api in plan.literal_apis:
        found = [reading for reading in apis if api in (reading.rest_api_id, reading.name)]
        why = _of_literal(api, found[0] if found else None, plan)
        if why:
            return why
    covered = [api for api in apis if matches(plan.apis, api.rest_api_id, api.name)]
    if any(api.mode == ENFORCE and _has_stage(api, plan) for api in covered) or plan.literal_apis:
        return EmptyPlan("its stages are about to join it", "Nothing: protect-api attaches them")
    others = ", ".join(f"{api.name} ({api.mode})" for api in covered[:MAX_NAMES]) or "none"
    return EmptyPlan(
        f"it names no API without a *, and no API that it covers is enforced: {others}",
        f"Name an API in `apis` of plan {name} in the policy, or tag it `keyward` = `enforce`",
    )


def _names_an_api(name: str, policy: Policy) -> bool:
    plan = policy.usage_plans.get(name)
    return plan is not None and bool(plan.literal_apis)


def _of_literal(api: str, reading: ApiReading | None, plan: PlanPolicy) -> EmptyPlan | None:
    """Say what is wrong with an API that the plan names; None when its stages are about to join."""
    if reading is None:
        remedy = f"Correct `apis` of plan {plan.name} in the policy"
        return EmptyPlan(f"it names API {api}, and there is none", remedy)
    if reading.mode == OFF:
        remedy = f"Tag API {api} `keyward` = `observe`, `warn` or `enforce`"
        return EmptyPlan(f"it names API {api}, which is in mode off", remedy)
    if reading.snapshot is not None and not _has_stage(reading, plan):
        remedy = f"Deploy API {api} to such a stage, or correct `stages` of plan {plan.name}"
        return EmptyPlan(f"it names API {api}, which has no stage that it covers", remedy)
    if any(finding.kind in ("held", "unreadable") for finding in reading.findings):
        return EmptyPlan(f"it names API {api}, whose stage waits for a person", "keyward holds")
    return None


def _memberships(api: ApiReading, plan: str) -> list[Membership]:
    return [found for found in (api.snapshot.plans if api.snapshot else ()) if found.plan == plan]


def _has_stage(api: ApiReading, plan: PlanPolicy) -> bool:
    stages = api.snapshot.stages if api.snapshot else ()
    return any(matches(plan.stages, stage.name) for stage in stages)


def _of_plan(
    plan: str, keys: Sequence[KeyRecord], why: EmptyPlan, severity: str
) -> Iterable[Finding]:
    says = f"usage plan {plan} holds no stage, as {why.says}"
    for key in keys[:MAX_KEYS]:
        yield Finding(
            OPENS_NOTHING,
            severity,
            f"key {key.name} opens nothing: {says}",
            customer_id=key.customer_id,
            key_id=key.key_id,
            plan=plan,
            remedy=why.remedy,
        )
    if len(keys) > MAX_KEYS:
        more = (
            f"{counted(len(keys) - MAX_KEYS, 'more key opens', 'more keys open')} nothing: {says}"
        )
        yield Finding(OPENS_NOTHING, severity, more, plan=plan, remedy=why.remedy)


def _working(records: AccountRecords) -> Iterable[KeyRecord]:
    active = {str(r.get("customer_id")) for r in records.desired if r.get("status") == "active"}
    for customer_id, mine in records.keys.items():
        if customer_id in active:
            yield from (key for key in mine.keys if key.is_issued and key.enabled)


def _asks_for_key(api: ApiReading) -> bool:
    stages = api.snapshot.stages if api.snapshot else ()
    return any(method.key_required for stage in stages for method in stage.methods)
