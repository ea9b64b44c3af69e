"""The seed's manual job, done by events: deploy, key, plan, stage, key in the plan, key required,
deploy again, call with the key. Each step is looked at in API Gateway."""

from __future__ import annotations

import json
import time

from keyward.values import JSON
from tools.live_check.checks import Answer, check
from tools.live_check.run import STAGE, NotHereError, Run

TAGS = {"tier": "trial"}
TEMPLATE = "template.yaml and the local CloudFormation (local/shims)"
PRODUCT = "Keyward itself: read the runs of protect-api and reconcile-customer"


def customer(run: Run) -> str:
    """The one customer."""
    return run.name("acme")


def policy(run: Run) -> JSON:
    """One plan of the run's own name, so that no plan of the account's is touched."""
    plan: JSON = {"throttle": {"rateLimit": 50, "burstLimit": 100}}
    plan |= {"quota": {"limit": 1000, "period": "DAY"}, "apis": ["*"], "stages": ["*"]}
    return {
        "usage_plans": {run.name("free"): plan},
        "propagation_seconds": run.world.propagation_seconds,
    }


def its_plan(run: Run) -> JSON | None:
    """The plan that Keyward made, as API Gateway has it."""
    pages = run.gateway.get_paginator("get_usage_plans").paginate()
    found = [plan for page in pages for plan in page["items"] if plan["name"] == run.name("free")]
    for plan in found:
        run.state.keep("plan", plan["id"])
    return found[0] if found else None


def its_key(run: Run) -> JSON | None:
    """The key that Keyward made, as API Gateway has it."""
    found = run.gateway.get_api_keys(nameQuery=customer(run))["items"]
    for key in found:
        run.state.keep("key", key["id"])
    return found[0] if found else None


@check(
    "stack",
    "CREATE_COMPLETE",
    source="CloudFormation: policies, trail, event sources and alarms are taken",
    engine=TEMPLATE,
)
def the_stack_stands(run: Run) -> str:
    """Deploy it, and put the run's own policy before anything else happens."""
    # Written down first: a deployment that breaks off leaves a stack, too.
    run.state.keep("stack", run.state.name)
    made = run.world.deploy(run.state.name, run.state.run)
    run.note(stack=made["id"], outputs=made["outputs"])
    name = made["outputs"]["PolicyParameterName"]
    run.state.keep("parameter", name)
    body = json.dumps(policy(run))
    run.world.client("ssm").put_parameter(
        Name=name, Value=body, Type="String", Tier="Advanced", Overwrite=True
    )
    return str(made["status"])


@check("deployed", "200 without a key", source="the seed, step 1", engine="emulator/routing.py")
def a_team_deploys_an_api(run: Run) -> str:
    """An API that nobody thought of keys for."""
    api = run.api("shop", {"/pets": {"get": False, "post": False}})
    run.note(api=api)
    run.sees(200, api)
    return "200 without a key"


@check("protected", "403 without a key", source="the seed, steps 6 and 7", engine=PRODUCT)
def its_next_deployment_is_protected(run: Run) -> Answer:
    """The tag, a deployment, and Keyward hears of it by CloudTrail."""
    api = run.fact("api")
    run.tag(f"restapis/{api}", {"keyward": "enforce"})
    run.note(theirs=run.deploy(api), hears=time.time())
    seconds = run.sees(403, api)
    return Answer(f"403 without a key, {seconds:.0f} s after the deployment", True)


@check("key-required", "GET and POST ask for a key", source="the seed, step 6", engine=PRODUCT)
def methods_ask_for_a_key(run: Run) -> str:
    """The working copy."""
    items = run.gateway.get_resources(restApiId=run.fact("api"), embed=["methods"])["items"]
    methods = {
        verb: about["apiKeyRequired"]
        for item in items
        for verb, about in item.get("resourceMethods", {}).items()
    }
    asking = sorted(verb for verb, asks in methods.items() if asks)
    return f"{' and '.join(asking)} ask for a key"


@check("redeployed", "by a deployment of Keyward's", source="the seed, step 7", engine=PRODUCT)
def the_stage_was_deployed_again(run: Run) -> str:
    """The stage has another deployment than the team's."""
    stage = run.gateway.get_stage(restApiId=run.fact("api"), stageName=STAGE)
    theirs = stage["deploymentId"] == run.fact("theirs")
    return "by the team's own" if theirs else "by a deployment of Keyward's"


@check("plan", "50/s, 100 at once, 1000 a DAY", source="the seed, step 3", engine=PRODUCT)
def the_plan_has_throttle_and_quota(run: Run) -> str:
    """As the policy has it."""
    plan = run.until(lambda: its_plan(run), "the usage plan")
    throttle, quota = plan["throttle"], plan["quota"]
    rate, burst = throttle["rateLimit"], throttle["burstLimit"]
    return f"{rate:.0f}/s, {burst} at once, {quota['limit']} a {quota['period']}"


@check(
    "stage-in-plan",
    "the stage is in the plan",
    source="the seed, step 4; AttachStage's role may call UpdateUsagePlan with /apiStages",
    engine="emulator/operations and the rights of docs/permissions.md",
)
def the_stage_is_in_the_plan(run: Run) -> str:
    """AttachStage did it, under its own role."""

    def there() -> bool:
        plan = its_plan(run) or {}
        stages = [(item["apiId"], item["stage"]) for item in plan.get("apiStages", [])]
        return (run.fact("api"), STAGE) in stages

    run.until(there, "the stage in the plan")
    return "the stage is in the plan"


@check("key-issued", "made, with its tag", source="the seed, step 2", engine=PRODUCT)
def a_sign_up_makes_a_key_with_tags(run: Run) -> str:
    """Also: CreateKey's role may tag (docs/permissions.md)."""
    detail = {"customer_id": customer(run), "plan": run.name("free"), "tags": TAGS}
    entry = {"EventBusName": run.outputs["EventBusName"], "Source": "live-check"}
    entry |= {"DetailType": "CustomerSignedUp", "Detail": json.dumps(detail)}
    run.world.client("events").put_events(Entries=[entry])
    key = run.until(lambda: its_key(run), "the key")
    found = run.gateway.get_api_key(apiKey=key["id"]).get("tags", {})
    return "made, with its tag" if found.items() >= TAGS.items() else f"made, with {found}"


@check("key-attached", "in the plan", source="the seed, step 5", engine=PRODUCT)
def the_key_is_in_the_plan(run: Run) -> str:
    """GetUsagePlanKeys has it."""
    plan, key = its_plan(run), its_key(run)
    assert plan
    assert key

    def there() -> bool:
        items = run.gateway.get_usage_plan_keys(usagePlanId=plan["id"])["items"]
        return key["id"] in [item["id"] for item in items]

    run.until(there, "the key in the plan")
    return "in the plan"


@check("key-opens", "200 with x-api-key", source="the seed, step 9", engine=PRODUCT)
def the_key_opens_the_stage(run: Run) -> Answer:
    """The value comes from RevealKey, and goes nowhere else."""
    answer = run.world.client("lambda").invoke(
        FunctionName=run.outputs["RevealKeyFunctionName"],
        Payload=json.dumps({"customer_id": customer(run)}),
    )
    keys = json.loads(answer["Payload"].read()).get("keys")
    if not keys:
        raise NotHereError("RevealKey told no key")
    seconds = run.sees(200, run.fact("api"), value=keys[0]["value"])
    return Answer(f"200 with x-api-key, {seconds:.0f} s after it was told", True)
