"""Deployments are snapshots; stages point to them."""

from __future__ import annotations

import re

import pytest

from emulator.model import JSON
from emulator.tests.conformance.account import Account
from emulator.tests.conformance.answers import (
    KEYED,
    OPEN,
    bad_request,
    bare,
    conflict,
    not_found,
    refusal_of,
    remove,
    replace,
)
from emulator.tests.conformance.tags import believed, documented, observed, recorded

STAGES = "7 Deployments, stages: "
SUMMARY = "botocore model: Deployment.apiSummary, MethodSnapshot: "
NO_STAGE = not_found("Invalid stage identifier specified")


def shown(*, key: bool) -> JSON:
    return {"authorizationType": "NONE", "apiKeyRequired": key}


@recorded(STAGES + "CreateDeployment: id of 6 characters and createdDate, no summary")
def test_a_deployment_answers_id_and_date(account: Account) -> None:
    api = account.api()
    made = bare(account.gw.create_deployment(restApiId=api.id))
    assert set(made) == {"id", "createdDate"}
    assert re.fullmatch("[a-z0-9]{6}", made["id"])


@recorded(STAGES + "description only if given")
def test_a_deployment_keeps_its_description(account: Account) -> None:
    api = account.api()
    made = account.gw.create_deployment(restApiId=api.id, description="words")
    found = account.gw.get_deployment(restApiId=api.id, deploymentId=made["id"])
    assert made["description"] == found["description"] == "words"


@observed("lambdafai#57, sst#3976: no methods")
def test_an_api_without_methods_is_not_deployed(account: Account) -> None:
    api = account.bare_api()
    refusal = refusal_of(lambda: api.deploy(None))
    assert refusal == bad_request("The REST API doesn't contain any methods")


@observed("terraform#21210, troposphere#496: a method without an integration")
def test_a_method_without_an_integration_is_not_deployed(account: Account) -> None:
    api = account.api({"GET /a": OPEN})
    account.gw.put_method(**api.where("GET /b"), authorizationType="NONE")
    refusal = refusal_of(lambda: api.deploy(None))
    assert refusal == bad_request("No integration defined for method")


@documented(SUMMARY + "each method of each path")
def test_a_summary_names_each_method(account: Account) -> None:
    api = account.api({"GET /a": KEYED, "POST /a": OPEN, "ANY /b/{id}": KEYED})
    assert api.summary(api.deploy(None)) == {
        "/a": {"GET": shown(key=True), "POST": shown(key=False)},
        "/b/{id}": {"ANY": shown(key=True)},
    }


@documented(SUMMARY + "at the time the deployment was created")
def test_a_summary_does_not_follow_the_working_copy(account: Account) -> None:
    api = account.api({"GET /a": OPEN})
    first = api.deploy(None)
    api.patch_method("GET /a", replace("/apiKeyRequired", "true"))
    api.method("GET /b")
    second = api.deploy(None)
    assert api.summary(first) == {"/a": {"GET": shown(key=False)}}
    assert api.summary(second) == {
        "/a": {"GET": shown(key=True)},
        "/b": {"GET": shown(key=False)},
    }


@documented("API reference: GetDeployment, embed; the CLI's example has no apiSummary without it")
def test_there_is_no_summary_unless_asked_for(account: Account) -> None:
    api = account.api()
    made = api.deploy(None)
    assert not account.gw.get_deployment(restApiId=api.id, deploymentId=made).get("apiSummary")


@documented("API reference: GetDeployment, NotFoundException")
def test_an_unknown_deployment_is_not_found(account: Account) -> None:
    api = account.api()
    read = account.gw.get_deployment
    refusal = refusal_of(lambda: read(restApiId=api.id, deploymentId="nosuch"))
    assert (refusal.code, refusal.status) == ("NotFoundException", 404)


@recorded(STAGES + "with stageName of an existing stage it moves the stage, settings stay")
def test_a_deployment_moves_its_stage_and_keeps_its_settings(account: Account) -> None:
    api = account.api(stage="prod")
    api.patch_stage(replace("/description", "words"), replace("/variables/a", "1"))
    second = api.deploy("prod")
    now = api.stage()
    assert (now["deploymentId"], now["description"], now["variables"]) == (
        second,
        "words",
        {"a": "1"},
    )


@recorded(STAGES + "CreateDeployment variables set the stage's variables")
def test_a_deployment_sets_variables(account: Account) -> None:
    api = account.api()
    api.deploy("prod", variables={"revision": "2"})
    assert api.stage()["variables"] == {"revision": "2"}


@recorded(STAGES + "a deployment in use cannot be deleted; once the stage has moved it can")
def test_a_deployment_is_deleted_when_no_stage_needs_it(account: Account) -> None:
    api = account.api()
    first = api.deploy("prod")
    delete = account.gw.delete_deployment
    assert refusal_of(lambda: delete(restApiId=api.id, deploymentId=first)) == bad_request(
        "Active stages pointing to this deployment must be moved or deleted"
    )
    api.deploy("prod")
    delete(restApiId=api.id, deploymentId=first)
    left = [item["id"] for item in account.gw.get_deployments(restApiId=api.id)["items"]]
    assert first not in left


@recorded(STAGES + "CreateStage: all that a plain stage has")
def test_a_plain_stage_has_its_defaults(account: Account) -> None:
    api = account.api()
    deployment = api.deploy(None)
    made = bare(account.gw.create_stage(restApiId=api.id, stageName="dev", deploymentId=deployment))
    assert {name: item for name, item in made.items() if not name.endswith("Date")} == {
        "deploymentId": deployment,
        "stageName": "dev",
        "cacheClusterEnabled": False,
        "cacheClusterStatus": "NOT_AVAILABLE",
        "methodSettings": {},
        "tracingEnabled": False,
    }


@observed("terraform#1153, #14424: Stage already exists")
def test_a_stage_is_created_once(account: Account) -> None:
    api = account.api()
    deployment = api.deploy("prod")
    create = account.gw.create_stage
    refusal = refusal_of(
        lambda: create(restApiId=api.id, stageName="prod", deploymentId=deployment)
    )
    assert refusal == conflict("Stage already exists")


@recorded(STAGES + "missing stage")
@pytest.mark.parametrize("operation", ["get_stage", "delete_stage"])
def test_a_missing_stage_is_not_found(account: Account, operation: str) -> None:
    api = account.api()
    call = getattr(account.gw, operation)
    assert refusal_of(lambda: call(restApiId=api.id, stageName="nosuch")) == NO_STAGE


@documented("patch operations: UpdateStage replace /deploymentId")
def test_a_stage_goes_back_to_an_earlier_deployment(account: Account) -> None:
    api = account.api()
    first = api.deploy("prod")
    api.deploy("prod")
    assert api.patch_stage(replace("/deploymentId", first))["deploymentId"] == first


@believed("a stage cannot point to what is not there")
def test_a_stage_does_not_go_to_an_unknown_deployment(account: Account) -> None:
    api = account.api(stage="prod")
    before = api.stage()["deploymentId"]
    refusal = refusal_of(lambda: api.patch_stage(replace("/deploymentId", "nosuch")))
    assert refusal.status in (400, 404)
    assert api.stage()["deploymentId"] == before


@recorded(STAGES + "UpdateStage bad path: the long list")
def test_a_wrong_path_of_a_stage_is_told_the_right_ones(account: Account) -> None:
    api = account.api(stage="prod")
    refusal = refusal_of(lambda: api.patch_stage(replace("/nosuch", "x")))
    assert refusal.status == 400
    assert refusal.message.startswith(
        "Invalid method setting path: /nosuch. Must be one of: [/deploymentId, /description, "
    )


@recorded(STAGES + "remove of an absent setting, with a space at the end")
def test_an_absent_method_setting_cannot_be_removed(account: Account) -> None:
    api = account.api(stage="prod")
    refusal = refusal_of(lambda: api.patch_stage(remove("/*/*")))
    assert refusal == bad_request(
        "Cannot remove method setting */* because there is no method setting for this method "
    )


@documented("patch operations: UpdateStage /variables/{name}")
def test_variables_come_and_go(account: Account) -> None:
    api = account.api(stage="prod")
    assert api.patch_stage(replace("/variables/a", "1"))["variables"] == {"a": "1"}
    assert not api.patch_stage(remove("/variables/a")).get("variables")


@documented("patch operations: UpdateStage /*/*/throttling/rateLimit and burstLimit")
def test_method_settings_are_set_by_path(account: Account) -> None:
    api = account.api(stage="prod")
    now = api.patch_stage(
        replace("/*/*/throttling/rateLimit", "12"), replace("/*/*/throttling/burstLimit", "7")
    )
    settings = now["methodSettings"]["*/*"]
    assert (settings["throttlingRateLimit"], settings["throttlingBurstLimit"]) == (12.0, 7)


@documented("API reference: GetStages, deploymentId; recorded: item, singular")
def test_stages_of_a_deployment_are_found(account: Account) -> None:
    api = account.api()
    first = api.deploy("prod")
    api.deploy("dev")
    found = account.gw.get_stages(restApiId=api.id, deploymentId=first)["item"]
    assert [item["stageName"] for item in found] == ["prod"]
