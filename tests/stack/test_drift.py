"""What people do to keys, plans and tags in the console is put right in seconds."""

from __future__ import annotations

from keyward.values import JSON
from tests.stack.api_lab import PETS, new_api
from tests.stack.stack_lab import Stack, eventually


def plan_id(stack: Stack, key_id: str) -> str:
    (plan,) = stack.gateway.get_usage_plans(keyId=key_id)["items"]
    return str(plan["id"])


def test_a_key_that_is_taken_out_of_its_plan_is_put_back_and_the_ledger_says_who(
    stack: Stack,
) -> None:
    stack.issued("curie")
    (key,) = stack.keys_of("curie")
    plan = plan_id(stack, key["id"])
    stack.gateway.delete_usage_plan_key(usagePlanId=plan, keyId=key["id"])
    eventually(lambda: stack.plans_of(key["id"]) == ["pro"], what="the key is back")
    # The line is written after the call.
    who = eventually(lambda: drifted(stack, "curie"), what="the line of the ledger")
    assert "DeleteUsagePlanKey" in who


def drifted(stack: Stack, customer_id: str) -> str:
    """Who made the drift of a customer, as the ledger tells it."""
    lines = stack.aws.pages("dynamodb", "scan", "Items", TableName=ledger(stack))
    asked = [
        line["asked"]["M"] for line in lines if line["subject"]["S"] == f"customer#{customer_id}"
    ]
    return ", ".join({one["who"]["S"] for one in asked if one["by"]["S"] == "drift"})


def ledger(stack: Stack) -> str:
    names = stack.aws.client("dynamodb").list_tables()["TableNames"]
    return str(next(name for name in names if "LedgerTable" in name))


def test_a_stage_that_is_taken_out_of_its_plan_is_put_back(stack: Stack) -> None:
    api = new_api(stack, mode="enforce")
    api.deploy()
    api.await_told("ApiProtected")
    held = [plan for plan in plans(stack) if stages(plan) >= {(api.id, "prod")}]
    taken = {"op": "remove", "path": "/apiStages", "value": f"{api.id}:prod"}
    stack.gateway.update_usage_plan(usagePlanId=held[0]["id"], patchOperations=[taken])
    name = held[0]["name"]

    def is_back() -> bool:
        return any(p["name"] == name and stages(p) >= {(api.id, "prod")} for p in plans(stack))

    eventually(is_back, what="the stage is back")


def plans(stack: Stack) -> list[JSON]:
    return [dict(plan) for plan in stack.gateway.get_usage_plans(limit=500)["items"]]


def stages(plan: JSON) -> set[tuple[str, str]]:
    return {(stage["apiId"], stage["stage"]) for stage in plan.get("apiStages", ())}


def test_the_tag_enforce_has_its_effect_without_a_deployment(stack: Stack) -> None:
    api = new_api(stack, mode="observe", paths=PETS)
    api.deploy()
    stack.settle()
    assert api.live()["GET /pets"] is False
    api.tag("enforce")
    eventually(lambda: api.live()["GET /pets"], what="the method is closed")


def test_a_key_that_a_person_disabled_is_told_and_stays_so(stack: Stack) -> None:
    stack.issued("noether")
    (key,) = stack.keys_of("noether")
    off = {"op": "replace", "path": "/enabled", "value": "false"}
    stack.gateway.update_api_key(apiKey=key["id"], patchOperations=[off])
    told = stack.outcome("KeyDisabled", customer_id="noether")
    assert told["by_hand"] is True
    assert [one["enabled"] for one in stack.keys_of("noether")] == [False]
    stack.put_event("CustomerResumed", customer_id="noether")
    eventually(lambda: stack.keys_of("noether")[0]["enabled"], what="the key works again")
