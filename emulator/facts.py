"""Which facts of the data plane an operation may change, read before and after it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from emulator.model import JSON, State, UsagePlan
from emulator.view import Entity, Fact, KeyView, frozen, read

Facts = dict[Entity, Fact]
Collector = Callable[[State, JSON], Facts]


def _all_keys(state: State, params: JSON) -> Facts:
    return {("key", key.value): KeyView(key.id, key.enabled) for key in state.keys.values()}


def _newest_key(state: State, params: JSON) -> Facts:
    """A created key comes last, so ten thousand others need not be looked at."""
    return {("key", key.value): KeyView(key.id, key.enabled) for key in state.keys.newest()}


def _one_key(state: State, params: JSON) -> Facts:
    key = state.keys.get(params["apiKey"])
    return {("key", key.value): KeyView(key.id, key.enabled)} if key else {}


def _memberships(state: State, params: JSON) -> Facts:
    return {("member", plan.id, key): True for plan in state.plans.values() for key in plan.key_ids}


def _memberships_of_key(state: State, params: JSON) -> Facts:
    key_id = params["apiKey"]
    return {("member", plan.id, key_id): True for plan in state.plans_of(key_id)}


def _memberships_of_plan(state: State, params: JSON) -> Facts:
    plan = state.plans.get(params["usagePlanId"])
    return {("member", plan.id, key): True for key in plan.key_ids} if plan else {}


def _one_membership(state: State, params: JSON) -> Facts:
    entity = ("member", params["usagePlanId"], params["keyId"])
    return {entity: read(state, entity)}


def _of_plan(plan: UsagePlan) -> Facts:
    made: Facts = {}
    limits = (plan.settings.get("throttle"), plan.settings.get("quota"))
    made["limits", plan.id] = frozen(limits)
    for item in plan.settings.get("apiStages") or []:
        made["covers", plan.id, item["apiId"], item["stage"]] = frozen(item.get("throttle") or {})
    return made


def _newest_plan(state: State, params: JSON) -> Facts:
    plans = islice(reversed(state.plans.values()), 1)
    return {entity: fact for plan in plans for entity, fact in _of_plan(plan).items()}


def _all_plans(state: State, params: JSON) -> Facts:
    made: Facts = {}
    for plan in state.plans.values():
        made.update(_of_plan(plan))
    return made


def _one_plan(state: State, params: JSON) -> Facts:
    plan = state.plans.get(params["usagePlanId"])
    return _of_plan(plan) if plan else {}


def _stages(state: State, params: JSON) -> Facts:
    api = state.rest_apis.get(params["restApiId"])
    entities = [("stage", api.id, name) for name in api.stages] if api else []
    return {entity: frozen(read(state, entity)) for entity in entities}


_COLLECTORS: dict[str, tuple[Collector, ...]] = {
    "CreateApiKey": (_newest_key,),
    "ImportApiKeys": (_all_keys, _memberships),
    "UpdateApiKey": (_one_key,),
    "DeleteApiKey": (_one_key, _memberships_of_key),
    "CreateUsagePlan": (_newest_plan,),
    "UpdateUsagePlan": (_one_plan,),
    "DeleteUsagePlan": (_one_plan, _memberships_of_plan),
    "CreateUsagePlanKey": (_one_membership,),
    "DeleteUsagePlanKey": (_one_membership,),
    "CreateDeployment": (_stages,),
    "CreateStage": (_stages,),
    "UpdateStage": (_stages,),
    "DeleteStage": (_stages, _all_plans),
    "DeleteRestApi": (_stages, _all_plans),
}


def collectors_of(operation: str) -> tuple[Collector, ...]:
    """What to read before and after the operation; nothing when the data plane does not care."""
    return _COLLECTORS.get(operation, ())


def first_stages(before: Facts, after: Facts) -> set[Entity]:
    """The stages that are their API's first: recorded to answer at once (aws-recorded.md 10)."""
    had_stages = {entity[1] for entity in before if entity[0] == "stage"}
    return {entity for entity in after if entity[0] == "stage" and entity[1] not in had_stages}
