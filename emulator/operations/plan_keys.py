"""Plan keys: which key is in which usage plan (aws-recorded.md 4)."""

from __future__ import annotations

from emulator.context import Context, Handler
from emulator.errors import bad_request, conflict, not_found
from emulator.model import JSON, ApiKey, UsagePlan
from emulator.operations import common
from emulator.operations.paging import first, start


def collision(plan_id: str, key_id: str, stage: str) -> str:
    """The words of a key that would be in two plans of one stage."""
    return (
        f"Usage Plan {plan_id} cannot be added because API Key {key_id} cannot reference multiple "
        f"Usage Plans with the same API Stage: {stage}"
    )


def attach(context: Context, plan: UsagePlan, key: ApiKey) -> None:
    """Put the key into the plan.

    The plan itself counts among those whose stages may collide, so attaching twice is refused in
    the same words (recorded); with a plan of no stage nothing collides (inferred).

    Raises:
        ApiGatewayError: ConflictException, LimitExceededException.
    """
    others = context.state.plans_of(key.id)
    for other in others:
        for item in plan.settings["apiStages"]:
            if other.covers(item["apiId"], item["stage"]):
                stage = f"{item['apiId']}:{item['stage']}"
                raise conflict(collision(plan.id, key.id, stage))
    if plan not in others:
        common.check_limit(len(others), common.MAX_PLANS_OF_KEY, "Usage Plans for this API Key")
    plan.key_ids[key.id] = None


def _shown(key: ApiKey) -> JSON:
    """A plan key shows the value, always (recorded)."""
    name = key.settings.get("name")
    shown: JSON = {"id": key.id, "type": "API_KEY", "value": key.value}
    return shown | ({"name": name} if name else {})


def create_usage_plan_key(context: Context, params: JSON) -> JSON:
    """CreateUsagePlanKey."""
    if params["keyType"] != "API_KEY":
        raise bad_request("Invalid Usage Plan key type specified. Must be one of [API_KEY]")
    key = common.key(context, params["keyId"])
    attach(context, common.plan(context, params["usagePlanId"]), key)
    return _shown(key)


def _attached(context: Context, params: JSON) -> tuple[UsagePlan, ApiKey]:
    """Look for the key first; a key outside the plan is refused as an unknown plan (recorded)."""
    key = common.key(context, params["keyId"])
    plan = common.plan(context, params["usagePlanId"])
    if key.id not in plan.key_ids:
        raise not_found(common.NO_PLAN)
    return plan, key


def get_usage_plan_key(context: Context, params: JSON) -> JSON:
    """GetUsagePlanKey."""
    return _shown(_attached(context, params)[1])


def get_usage_plan_keys(context: Context, params: JSON) -> JSON:
    """GetUsagePlanKeys: of an unknown plan there are none (recorded)."""
    plan = context.state.plans.get(params["usagePlanId"])
    prefix, plan_id = params.get("nameQuery") or "", params["usagePlanId"]
    position = tuple(value.removeprefix(f"{plan_id}:") for value in start(params))
    key_ids = plan.key_ids.after(position) if plan else ()
    keys = (context.state.keys[key_id] for key_id, _ in key_ids)
    wanted = (key for key in keys if key.settings.get("name", "").startswith(prefix))
    return first(wanted, params, lambda key: (("usagePlanIdKeyId", f"{plan_id}:{key.id}"),), _shown)


def delete_usage_plan_key(context: Context, params: JSON) -> JSON:
    """DeleteUsagePlanKey: the key survives."""
    plan, key = _attached(context, params)
    context.state.detach(plan, key.id)
    return {}


HANDLERS: dict[str, Handler] = {
    "CreateUsagePlanKey": create_usage_plan_key,
    "GetUsagePlanKey": get_usage_plan_key,
    "GetUsagePlanKeys": get_usage_plan_keys,
    "DeleteUsagePlanKey": delete_usage_plan_key,
}
