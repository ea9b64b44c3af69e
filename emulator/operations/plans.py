"""Usage plans: create, read, delete (aws-recorded.md 3); changes are in plan_patches."""

from __future__ import annotations

from emulator.context import Context, Handler
from emulator.copies import copy_of
from emulator.errors import bad_request, not_found
from emulator.ids import SHORT
from emulator.model import JSON, UsagePlan
from emulator.operations import common
from emulator.operations.paging import Mark, page

BAD_THROTTLE = (
    "Usage Plan throttle rate limit and burst limit must be numeric and greater than zero"
)
PERIODS = ("DAY", "WEEK", "MONTH")
LAST_OFFSET = {"WEEK": 6, "MONTH": 27}


def check_throttle(throttle: JSON | None) -> None:
    """Refuse negative limits; a zero is stored (recorded)."""
    if throttle and min(throttle["rateLimit"], throttle["burstLimit"]) < 0:
        raise bad_request(BAD_THROTTLE)


def check_quota(quota: JSON | None) -> None:
    """Refuse an incomplete quota and a wrong period or offset; order and words as recorded."""
    if quota is None:
        return
    if quota.get("limit") is None or quota["limit"] < 0:
        raise bad_request("Usage Plan quota limit must be a non-negative numeric")
    period, offset = quota.get("period"), quota["offset"]
    if period not in PERIODS:
        raise bad_request(
            f"Invalid Usage Plan quota period specified. Must be one of [{', '.join(PERIODS)}]"
        )
    if period == "DAY" and offset != 0:
        raise bad_request("Usage Plan quota offset must be zero in the DAY period")
    if period != "DAY" and not 0 <= offset <= LAST_OFFSET[period]:
        # the range is documented (botocore model: QuotaSettings.offset), the words are not recorded
        last = LAST_OFFSET[period]
        raise bad_request(
            f"Usage Plan quota offset must be between zero and {last} in the {period} period"
        )


def whole_throttle(throttle: JSON) -> JSON:
    """Half a throttle is filled with zero (recorded)."""
    return {
        "burstLimit": int(throttle.get("burstLimit") or 0),
        "rateLimit": float(throttle.get("rateLimit") or 0),
    }


def check_stage(context: Context, api_id: str, stage: str) -> None:
    """Refuse a stage that does not exist."""
    api = context.state.rest_apis.get(api_id)
    if api is None or stage not in api.stages:
        raise not_found(f"API Stage not found: {api_id}:{stage}")


def method_throttles(throttles: JSON) -> JSON:
    """Per-method throttles, each whole, checked, and no more than the quota."""
    whole = {path: whole_throttle(limits) for path, limits in throttles.items()}
    for limits in whole.values():
        check_throttle(limits)
    common.check_limit(
        len(whole) - 1, common.MAX_METHOD_THROTTLES, "method throttles for this API Stage"
    )
    return whole


def _api_stage(context: Context, item: JSON) -> JSON:
    api_id, stage = item.get("apiId", ""), item.get("stage", "")
    check_stage(context, api_id, stage)
    made: JSON = {"apiId": api_id, "stage": stage}
    if item.get("throttle"):
        made["throttle"] = method_throttles(item["throttle"])
    return made


def create_usage_plan(context: Context, params: JSON) -> JSON:
    """CreateUsagePlan. Names need not differ; two plans may have the same stage (recorded)."""
    common.check_tags(params.get("tags"))
    settings = common.given(params, "name", "description", "tags")
    if "throttle" in params:
        settings["throttle"] = whole_throttle(params["throttle"])
        check_throttle(settings["throttle"])
    if "quota" in params:
        settings["quota"] = {"offset": 0} | copy_of(params["quota"])
        check_quota(settings["quota"])
    settings["apiStages"] = [_api_stage(context, item) for item in params.get("apiStages") or []]
    common.check_limit(len(context.state.plans), common.MAX_PLANS, "Usage Plans")
    made = UsagePlan(context.ids.new(SHORT, context.state.plans), settings)
    settings["id"] = made.id
    context.state.plans[made.id] = made
    return common.untagged_in_lists(settings)


def get_usage_plan(context: Context, params: JSON) -> JSON:
    """GetUsagePlan."""
    return common.always_tagged(common.plan(context, params["usagePlanId"]).settings)


def get_usage_plans(context: Context, params: JSON) -> JSON:
    """GetUsagePlans, of a key when `keyId` is given; an unknown key has none."""
    key_id = params.get("keyId")
    state = context.state
    plans = state.plans_of(key_id) if key_id else list(state.plans.values())

    def mark(plan: UsagePlan) -> Mark:
        if not key_id:
            return (("id", plan.id),)
        return (("usagePlanIdKeyId", f"{plan.id}:{key_id}"), ("keyId", key_id))

    return page(plans, params, mark, lambda plan: common.untagged_in_lists(plan.settings))


def delete_usage_plan(context: Context, params: JSON) -> JSON:
    """DeleteUsagePlan: refused while it has stages; its keys survive (recorded)."""
    found = common.plan(context, params["usagePlanId"])
    for item in found.settings["apiStages"]:
        raise bad_request(
            f"Cannot delete Usage Plan {found.id} because there are API Stages associated with it, "
            f"including {item['apiId']}:{item['stage']}"
        )
    for key_id in list(found.key_ids):
        context.state.detach(found, key_id)
    del context.state.plans[found.id]
    return {}


def forget_stage(context: Context, api_id: str, stage: str) -> None:
    """A deleted stage leaves every plan and every legacy stage key in silence (recorded)."""
    for plan in context.state.plans.values():
        plan.settings["apiStages"] = [
            item
            for item in plan.settings["apiStages"]
            if (item["apiId"], item["stage"]) != (api_id, stage)
        ]
    for key in context.state.keys.values():
        stage_keys = key.settings.get("stageKeys") or []
        if f"{api_id}/{stage}" in stage_keys:
            stage_keys.remove(f"{api_id}/{stage}")


HANDLERS: dict[str, Handler] = {
    "CreateUsagePlan": create_usage_plan,
    "GetUsagePlan": get_usage_plan,
    "GetUsagePlans": get_usage_plans,
    "DeleteUsagePlan": delete_usage_plan,
}
