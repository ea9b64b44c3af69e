"""protect-api from end to end: the straight case, and what it costs."""

from __future__ import annotations

import pytest

from emulator.tests.openapi_lab import document, real_document
from keyward.values import JSON
from tests.machines.api_lab import Lab
from tests.support import OURS


def open_methods(number: int) -> JSON:
    return {f"/things{n}": {"get": None} for n in range(number)}


def test_an_open_api_is_attached_closed_and_announced(lab: Lab) -> None:
    api_id = lab.api()
    run = lab.run(api_id)
    assert run.status == "SUCCEEDED", run.cause
    assert lab.live(api_id) == {"GET /pets": True, "OPTIONS /pets": False}
    assert lab.plans_of(api_id) == ["free", "pro"]
    assert lab.event_types() == ["ApiProtected"]


def test_what_was_done_is_told_in_order_and_with_the_time_it_takes(lab: Lab) -> None:
    api_id = lab.api()
    run = lab.run(api_id)
    (event,) = lab.events("ApiProtected")
    assert [action["action"] for action in event["actions"]] == [
        "attach_stage",
        "attach_stage",
        "require_key",
        "deploy_api",
    ]
    assert event["rest_api_id"] == api_id
    assert event["stage"] == "prod"
    assert event["execution_arn"] == run.arn
    assert event["effective_by"].endswith("Z")


def test_the_states_pass_as_the_story_is_told(lab: Lab) -> None:
    states = lab.run(lab.api()).states
    told = ["Run", "Plan protection", "Attach stage", "Attach stage"]
    told += ["Wait for plans to propagate", "Require key", "Deploy API", "Verify stage"]
    told += ["Conclude API", "Done"]
    assert [state for state in states if state in told] == told


def test_missing_plans_are_made_as_the_policy_wants_them(lab: Lab) -> None:
    throttle = {"rateLimit": 2.5, "burstLimit": 4}
    gold = {
        "throttle": throttle,
        "quota": {"limit": 9, "period": "WEEK", "offset": 2},
        "methods": {"GET /pets": {"rateLimit": 1.0, "burstLimit": 1}},
    }
    lab.policy(usage_plans={"gold": gold})
    api_id = lab.api()
    assert lab.run(api_id).status == "SUCCEEDED"
    (plan,) = lab.client.get_usage_plans()["items"]
    assert plan["name"] == "gold"
    assert plan["throttle"] == throttle
    assert plan["quota"] == {"limit": 9, "period": "WEEK", "offset": 2}
    (stage,) = plan["apiStages"]
    assert stage["throttle"] == {"/pets/GET": {"rateLimit": 1.0, "burstLimit": 1}}


def test_a_plan_that_exists_gets_the_stage_and_its_throttles_and_nothing_else(lab: Lab) -> None:
    methods = {"GET /pets": {"rateLimit": 1.0, "burstLimit": 1}}
    limits = {"throttle": {"rateLimit": 7, "burstLimit": 8}, "methods": methods}
    lab.policy(usage_plans={"free": limits})
    lab.client.create_usage_plan(
        name="free",
        throttle={"rateLimit": 1, "burstLimit": 1},
        quota={"limit": 5, "period": "DAY"},
        tags=OURS,
    )
    api_id = lab.api()
    lab.forget()
    assert lab.run(api_id).status == "SUCCEEDED"
    (plan,) = lab.client.get_usage_plans()["items"]
    assert plan["throttle"] == {"rateLimit": 1.0, "burstLimit": 1}
    assert plan["quota"]["limit"] == 5
    assert plan["apiStages"][0]["throttle"] == {"/pets/GET": {"rateLimit": 1.0, "burstLimit": 1}}
    assert lab.bench.operations().count("UpdateUsagePlan") == 1


def test_stages_of_the_policy_only_go_into_their_plans(lab: Lab) -> None:
    lab.policy(usage_plans={"free": {"stages": ["prod*"]}, "pro": {"apis": ["nobody"]}})
    api_id = lab.api(stages=("prod1", "test"))
    assert lab.run(api_id).status == "SUCCEEDED"
    assert lab.plans_of(api_id, "prod1") == ["free"]
    assert lab.plans_of(api_id, "test") == []


def test_all_stages_join_a_plan_in_one_call_and_are_closed(lab: Lab) -> None:
    api_id = lab.api(stages=("dev", "prod", "test"))
    assert lab.run(api_id).status == "SUCCEEDED"
    assert lab.bench.operations().count("CreateUsagePlan") == 2
    assert lab.bench.operations().count("UpdateUsagePlan") == 0
    assert all(lab.live(api_id, stage)["GET /pets"] for stage in ("dev", "prod", "test"))
    assert [event["stage"] for event in lab.events("ApiProtected")] == ["dev", "prod", "test"]


def test_a_run_for_one_stage_leaves_the_others_alone(lab: Lab) -> None:
    api_id = lab.api(stages=("dev", "prod"))
    assert lab.run(api_id, stage="dev").status == "SUCCEEDED"
    assert lab.live(api_id, "dev")["GET /pets"]
    assert not lab.live(api_id, "prod")["GET /pets"]
    assert lab.plans_of(api_id, "prod") == []


def test_nothing_of_the_stage_changes_but_its_deployment(lab: Lab) -> None:
    api_id = lab.api()
    lab.client.update_stage(
        restApiId=api_id,
        stageName="prod",
        patchOperations=[
            {"op": "replace", "path": "/variables/tier", "value": "blue"},
            {"op": "replace", "path": "/description", "value": "ours"},
            {"op": "replace", "path": "/*/*/logging/loglevel", "value": "INFO"},
        ],
    )
    before = lab.client.get_stage(restApiId=api_id, stageName="prod")
    lab.run(api_id)
    after = lab.client.get_stage(restApiId=api_id, stageName="prod")
    changing = ("deploymentId", "lastUpdatedDate", "ResponseMetadata")
    assert before["deploymentId"] != after["deploymentId"]
    assert {k: v for k, v in before.items() if k not in changing} == {
        k: v for k, v in after.items() if k not in changing
    }


@pytest.mark.parametrize("number", [1, 3, 60])
def test_k_exposed_methods_cost_ten_reads_and_k_and_two_writes(lab: Lab, number: int) -> None:
    api_id = lab.attached(open_methods(number))
    assert lab.run(api_id).status == "SUCCEEDED"
    reads, writes = lab.calls()
    assert len(reads) <= 10, reads
    assert len(writes) == number + 2, writes
    assert all(lab.live(api_id).values())


def test_a_compliant_api_costs_four_reads_and_tells_nothing(lab: Lab) -> None:
    api_id = lab.attached({"/pets": {"get": ["api_key"], "options": None}})
    assert lab.run(api_id).status == "SUCCEEDED"
    reads, writes = lab.calls()
    assert (len(reads), writes) == (4, [])
    assert lab.event_types() == []


def test_a_second_run_changes_nothing(lab: Lab) -> None:
    api_id = lab.api()
    lab.run(api_id)
    lab.forget()
    assert lab.run(api_id).status == "SUCCEEDED"
    assert lab.calls()[1] == []
    assert lab.event_types() == []


def test_keys_are_required_only_after_the_attachment_has_reached_every_host(lab: Lab) -> None:
    api_id = lab.api()
    lab.run(api_id)
    at = {call["operation"]: call["at"] for call in lab.bench.emulator.calls()}
    assert at["UpdateMethod"] - at["CreateUsagePlan"] >= 120


def test_an_attachment_that_is_old_is_not_waited_for(lab: Lab) -> None:
    api_id = lab.attached()
    began = lab.bench.clock.now()
    lab.run(api_id)
    assert lab.bench.clock.now() == began


def test_an_attachment_of_unknown_age_is_waited_for(lab: Lab) -> None:
    lab.policy(usage_plans={"free": {}})
    api_id = lab.api()
    stage = {"apiId": api_id, "stage": "prod"}
    lab.client.create_usage_plan(name="free", apiStages=[stage])
    began = lab.bench.clock.now()
    assert lab.run(api_id).status == "SUCCEEDED"
    assert lab.bench.clock.now() - began == 120


def test_a_new_open_method_of_the_next_deployment_is_closed_again(lab: Lab) -> None:
    api_id = lab.attached()
    lab.run(api_id)
    lab.edit(api_id, {"/new": {"get": None}}, mode="merge")
    lab.deploy(api_id)
    assert not lab.live(api_id)["GET /new"]
    assert lab.run(api_id).status == "SUCCEEDED"
    assert all(asks for name, asks in lab.live(api_id).items() if "OPTIONS" not in name)


def test_keys_required_in_the_working_copy_only_are_deployed_without_more_ado(lab: Lab) -> None:
    api_id = lab.attached({"/pets": {"get": None}})
    resources = lab.client.get_resources(restApiId=api_id)["items"]
    (pets,) = [item["id"] for item in resources if item["path"] == "/pets"]
    on = [{"op": "replace", "path": "/apiKeyRequired", "value": "true"}]
    lab.client.update_method(
        restApiId=api_id, resourceId=pets, httpMethod="GET", patchOperations=on
    )
    lab.forget()
    assert lab.run(api_id).status == "SUCCEEDED"
    assert lab.live(api_id) == {"GET /pets": True}
    assert lab.calls()[1] == ["CreateDeployment", "UpdateStage"]


DOCUMENTS = [
    "PLAIN-box-oas3-186paths-296ops.json",
    "cognito-auth-http-proxy-oas3-4m.json",
    "devportal-petstore-export-any-proxyplus-swagger2-7m.json",
    "importer-apikey-toplevel-and-method-swagger2-2m.json",
    "mock-cors-swagger2-4m.json",
    "onelogin-account-management-authorizer-oas3-12m.yaml",
    "onelogin-address-cri-public-apikey-2of3-oas3.yaml",
    "pagopa-delivery-push-b2b-apikey-6of11-cors-oas3.yaml",
    "petstore-console-example-swagger2-6m-http-mock-options.json",
    "sfn-crud-any-methods-oas3-2m.yaml",
    "terraform-apikey-get-but-not-options-oas3-2m.json",
]


@pytest.mark.real_data
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_real_api_is_protected_and_then_needs_nothing(lab: Lab, name: str) -> None:
    plain = name.startswith("PLAIN")
    api_id = lab.imported(real_document(name), stages=() if plain else ("prod",))
    if plain:
        integrate(lab, api_id)
        lab.deploy(api_id)
    run = lab.run(api_id)
    assert run.status == "SUCCEEDED", run.cause
    assert "ApiHeld" not in lab.event_types()
    assert all(asks for method, asks in lab.live(api_id).items() if "OPTIONS" not in method)
    lab.forget()
    lab.run(api_id)
    assert lab.calls()[1] == []


def integrate(lab: Lab, api_id: str) -> None:
    """Give every method an integration: a plain document has none, and cannot be deployed."""
    for resource in lab.client.get_resources(restApiId=api_id, limit=500)["items"]:
        for verb in resource.get("resourceMethods", {}):
            lab.client.put_integration(
                restApiId=api_id, resourceId=resource["id"], httpMethod=verb, type="MOCK"
            )


def test_an_api_without_stages_needs_nothing(lab: Lab) -> None:
    api_id = lab.imported(document({"/pets": {"get": None}}), stages=())
    lab.forget()
    assert lab.run(api_id).status == "SUCCEEDED"
    assert lab.calls() == (["GetRestApi", "GetStages"], [])
