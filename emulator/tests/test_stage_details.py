"""Stages and deployments: what was recorded beside the shared cases."""

from __future__ import annotations

from typing import Any

from emulator.tests.door_lab import BAD, Account, refused, replace


def test_a_method_setting_starts_with_the_recorded_others(account: Account) -> None:
    api = account.api()
    patch = [replace("/*/*/caching/enabled", "true"), replace("/*/*/throttling/burstLimit", "123")]
    now = account.gw.update_stage(restApiId=api, stageName="prod", patchOperations=patch)
    assert now["methodSettings"] == {
        "*/*": {
            "cacheDataEncrypted": False,
            "cacheTtlInSeconds": 300,
            "cachingEnabled": True,
            "dataTraceEnabled": False,
            "metricsEnabled": False,
            "requireAuthorizationForCacheControl": True,
            "throttlingBurstLimit": 123,
            "throttlingRateLimit": 10000.0,
            "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
        }
    }


def test_what_is_not_set_cannot_be_removed_from_a_stage(account: Account) -> None:
    api = account.api()
    for path in ("*/*", "canarySettings/stageVariableOverrides"):
        patch = [{"op": "remove", "path": f"/{path}"}]
        assert refused(
            lambda patch=patch: account.gw.update_stage(
                restApiId=api, stageName="prod", patchOperations=patch
            )
        ) == (
            BAD,
            400,
            f"Cannot remove method setting {path} because there is no method setting for "
            "this method ",
        )


def test_any_canary_setting_begins_a_canary_of_the_stages_own_deployment(account: Account) -> None:
    api = account.api()
    patch = [replace("/canarySettings/percentTraffic", "50")]
    now = account.gw.update_stage(restApiId=api, stageName="prod", patchOperations=patch)
    assert now["canarySettings"] == {
        "deploymentId": now["deploymentId"],
        "percentTraffic": 50.0,
        "useStageCache": False,
    }
    gone = [{"op": "remove", "path": "/canarySettings"}]
    now = account.gw.update_stage(restApiId=api, stageName="prod", patchOperations=gone)
    assert "canarySettings" not in now


def test_a_canary_that_does_not_exist_is_not_promoted(account: Account) -> None:
    api = account.api()
    patch = [
        {"op": "copy", "from": "/canarySettings/deploymentId", "path": "/deploymentId"},
    ]
    assert refused(
        lambda: account.gw.update_stage(restApiId=api, stageName="prod", patchOperations=patch)
    ) == (BAD, 400, "Promotion not available. Canary does not exist.")


def test_a_deployment_in_use_is_not_deleted_by_stage_or_canary(account: Account) -> None:
    api = account.api()
    first = account.gw.get_stage(restApiId=api, stageName="prod")["deploymentId"]
    second = account.gw.create_deployment(
        restApiId=api, stageName="prod", canarySettings={"percentTraffic": 10}
    )["id"]
    words = "Active stages pointing to this deployment must be moved or deleted"
    for deployment in (first, second):

        def call(deployment: str = deployment) -> Any:
            return account.gw.delete_deployment(restApiId=api, deploymentId=deployment)

        assert refused(call) == (BAD, 400, words)
