"""Canary deployments: a share of the traffic, promotion, refusals."""

from __future__ import annotations

import pytest

from emulator.tests.conformance.account import Account
from emulator.tests.conformance.answers import bad_request, not_found, refusal_of, replace
from emulator.tests.conformance.tags import documented, recorded

STAGES = "7 Deployments, stages: "
SUMMARY = "botocore model: Deployment.apiSummary, MethodSnapshot: "
NO_STAGE = not_found("Invalid stage identifier specified")


CANARIES = {
    "no stage": (
        {},
        "Non null and non empty stageName must be provided for canary deployment. "
        "Provided value is null",
    ),
    "unknown stage": (
        {"stageName": "nosuch"},
        "Stage nosuch must already be created before making a canary release deployment",
    ),
}


@recorded(STAGES + "canary deployments need a stage that is there")
@pytest.mark.parametrize("case", CANARIES)
def test_a_canary_needs_its_stage(account: Account, case: str) -> None:
    where, words = CANARIES[case]
    api = account.api()
    refusal = refusal_of(lambda: api.deploy(None, canarySettings={"percentTraffic": 50}, **where))
    assert refusal == bad_request(f"Invalid deployment content specified.{words}")


@recorded(STAGES + "a canary of an unknown deployment")
def test_a_canary_points_to_a_deployment(account: Account) -> None:
    api = account.api()
    deployment = api.deploy(None)
    canary = {"deploymentId": "nosuch", "percentTraffic": 50}
    create = account.gw.create_stage
    refusal = refusal_of(
        lambda: create(
            restApiId=api.id, stageName="dev", deploymentId=deployment, canarySettings=canary
        )
    )
    assert refusal == bad_request("Deployment id does not exist")


@recorded(STAGES + "promotion copies, leaves canarySettings with percentTraffic 0.0")
def test_a_canary_is_promoted_by_copying(account: Account) -> None:
    api = account.api()
    api.deploy("prod", variables={"a": "stage", "b": "kept"})
    second = api.deploy(
        "prod", canarySettings={"percentTraffic": 50, "stageVariableOverrides": {"a": "canary"}}
    )
    copies = (("deploymentId", "/deploymentId"), ("stageVariableOverrides", "/variables"))
    api.patch_stage(
        replace("/canarySettings/percentTraffic", "0.0"),
        *(
            {"op": "copy", "from": f"/canarySettings/{source}", "path": path}
            for source, path in copies
        ),
    )
    now = api.stage()
    assert (now["deploymentId"], now["variables"]) == (second, {"a": "canary", "b": "kept"})
    assert now["canarySettings"]["percentTraffic"] == 0.0


@recorded(STAGES + "promotion without a canary")
def test_there_is_no_promotion_without_a_canary(account: Account) -> None:
    api = account.api(stage="prod")
    patch = {"op": "copy", "from": "/canarySettings/deploymentId", "path": "/deploymentId"}
    refusal = refusal_of(lambda: api.patch_stage(patch))
    assert refusal == bad_request("Promotion not available. Canary does not exist.")


@documented("API reference: a canary deployment leaves the stage's own deployment")
def test_a_canary_leaves_the_stage_where_it_is(account: Account) -> None:
    api = account.api()
    first = api.deploy("prod")
    second = api.deploy("prod", canarySettings={"percentTraffic": 10})
    now = api.stage()
    assert (now["deploymentId"], now["canarySettings"]["deploymentId"]) == (first, second)
