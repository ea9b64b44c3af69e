from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.clock import VirtualClock
from emulator.cloudtrail import event_for
from emulator.emulator import Emulator
from emulator.errors import bad_request
from emulator.tests.openapi_lab import SHARED

AT = 1_795_000_000.7
VALUE = "fake-value-of-a-key-0001"
RECORDS = SHARED / "data" / "cloudtrail"


def event(
    operation: str, params: dict[str, Any], output: dict[str, Any], caller: str | None = None
) -> dict[str, Any]:
    return event_for(operation, params, output, caller, AT, "us-east-1", "123456789012")


def real(name: str) -> Any:
    found = json.loads((RECORDS / name).read_text(encoding="utf-8"))
    return found.get("detail", found)


# operation, the record, parameters and output that made it
CALLS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    (
        "CreateDeployment",
        "rest-CreateDeployment-cfn-2021.json",
        {"restApiId": "lyppg996u0", "description": "x", "stageName": "Stage"},
        {"id": "yocj2y", "createdDate": 1_618_473_334, "description": "x"},
    ),
    (
        "UpdateStage",
        "rest-UpdateStage-cfn-2021.json",
        {
            "restApiId": "lyppg996u0",
            "stageName": "PROD",
            "patchOperations": [{"op": "replace", "path": "/deploymentId", "value": "yocj2y"}],
        },
        {
            "stageName": "PROD",
            "createdDate": 1,
            "lastUpdatedDate": 2,
            "cacheClusterStatus": "NOT_AVAILABLE",
            "tracingEnabled": False,
            "methodSettings": {},
            "variables": {},
            "deploymentId": "yocj2y",
            "cacheClusterEnabled": False,
            "tags": {"a": "b"},
        },
    ),
    (
        "PutMethod",
        "rest-PutMethod-console-2021.json",
        {
            "restApiId": "jrrfh5tt86",
            "resourceId": "64nivyyz8c",
            "httpMethod": "GET",
            "authorizationType": "NONE",
            "requestParameters": {},
        },
        {
            "httpMethod": "GET",
            "apiKeyRequired": False,
            "authorizationType": "NONE",
            "requestParameters": {},
        },
    ),
    (
        "PutMethodResponse",
        "rest-PutMethodResponse-console-2021.json",
        {
            "restApiId": "jrrfh5tt86",
            "resourceId": "64nivyyz8c",
            "httpMethod": "GET",
            "statusCode": "200",
            "responseModels": {"application/json": "Empty"},
        },
        {"statusCode": "200", "responseModels": {"application/json": "Empty"}},
    ),
    (
        "PutIntegrationResponse",
        "rest-PutIntegrationResponse-console-2021.json",
        {
            "restApiId": "jrrfh5tt86",
            "resourceId": "64nivyyz8c",
            "httpMethod": "GET",
            "statusCode": "200",
            "responseTemplates": {},
        },
        {"statusCode": "200", "responseTemplates": {}},
    ),
    (
        "DeleteMethod",
        "rest-DeleteMethod-console-2021.json",
        {"restApiId": "tu73o1jfvi", "resourceId": "yib4udxw7a", "httpMethod": "POST"},
        {},
    ),
    ("DeleteRestApi", "rest-DeleteRestApi-console-2021.json", {"restApiId": "jrrfh5tt86"}, {}),
    (
        "TagResource",
        "rest-TagResource-EVENTBRIDGE-ENVELOPE-2022.json",
        {
            "resourceArn": "arn:aws:apigateway:us-east-1::/restapis/abcdef74gh/stages/test2",
            "tags": {"WAF": "BR-IP"},
        },
        {},
    ),
]


def keys(node: Any) -> Any:
    """Which members there are, at every depth."""
    return {name: keys(item) for name, item in node.items()} if isinstance(node, dict) else None


@pytest.mark.parametrize(
    ("operation", "name", "params", "output"), CALLS, ids=lambda v: str(v)[:24]
)
@pytest.mark.real_data
def test_a_record_has_the_members_of_the_real_one(
    operation: str, name: str, params: dict[str, Any], output: dict[str, Any]
) -> None:
    made, wanted = event(operation, params, output)["detail"], real(name)
    without = ("tags",)
    for part in ("requestParameters", "responseElements"):
        shown, known = made[part], wanted[part]
        if known is None:
            assert shown is None
            continue
        assert keys({k: v for k, v in shown.items() if k not in without}) == keys(
            {k: v for k, v in known.items() if k not in without}
        )
    assert set(wanted) - {"sessionCredentialFromConsole"} <= set(made)


@pytest.mark.real_data
def test_a_new_api_shows_the_links_of_the_real_record() -> None:
    output = {"id": "jrrfh5tt86", "name": "x", "rootResourceId": "64nivyyz8c"}
    made = event("CreateRestApi", {"name": "x"}, output)["detail"]["responseElements"]
    wanted = real("rest-CreateRestApi-console-2021.json")["responseElements"]
    links = {name: item for name, item in wanted.items() if "restApiId" in str(item)}
    assert {name: made.get(name) for name in links} == links


@pytest.mark.real_data
def test_the_envelope_is_eventbridges() -> None:
    made = event("CreateDeployment", {"restApiId": "a"}, {"id": "d"})
    wanted = json.loads((RECORDS / CALLS[-1][1]).read_text(encoding="utf-8"))
    assert set(wanted) - {"debug"} == set(made)
    assert (made["source"], made["detail-type"]) == (
        "aws.apigateway",
        "AWS API Call via CloudTrail",
    )
    assert made["time"] == made["detail"]["eventTime"] == "2026-11-18T11:06:40Z"


@pytest.mark.real_data
def test_a_role_of_ours_is_told_by_its_path() -> None:
    identity = event("CreateDeployment", {"restApiId": "a"}, {"id": "d"}, "DeployApi")["detail"]
    issuer = identity["userIdentity"]["sessionContext"]["sessionIssuer"]
    assert issuer["arn"] == "arn:aws:iam::123456789012:role/keyward/DeployApi"
    assert keys(identity["userIdentity"]) == keys(real(CALLS[-1][1])["userIdentity"])


def test_a_role_with_a_path_of_its_own_keeps_it() -> None:
    made = event("CreateDeployment", {"restApiId": "a"}, {"id": "d"}, "deploy/pipeline")["detail"]
    issuer = made["userIdentity"]["sessionContext"]["sessionIssuer"]
    assert issuer["arn"] == "arn:aws:iam::123456789012:role/deploy/pipeline"


@pytest.mark.real_data
def test_everybody_else_is_an_iam_user_with_an_empty_issuer() -> None:
    made = event("CreateDeployment", {"restApiId": "a"}, {"id": "d"})["detail"]["userIdentity"]
    known = real("rest-DeleteMethod-console-2021.json")["userIdentity"]
    assert made["type"] == "IAMUser"
    assert keys(made) == keys(known)
    assert made["sessionContext"]["sessionIssuer"] == {}


@pytest.mark.parametrize(
    ("operation", "params", "output"),
    [
        ("CreateApiKey", {"name": "n", "value": VALUE}, {"id": "k", "value": VALUE}),
        (
            "CreateUsagePlanKey",
            {"usagePlanId": "p", "keyId": "k", "keyType": "API_KEY"},
            {"id": "k", "value": VALUE, "type": "API_KEY"},
        ),
        (
            "ImportApiKeys",
            {"body": f"Name,Key\nn,{VALUE}".encode(), "format": "csv"},
            {"ids": ["k"], "warnings": []},
        ),
        (
            "UpdateApiKey",
            {
                "apiKey": "k",
                "patchOperations": [{"op": "replace", "path": "/value", "value": VALUE}],
            },
            {"id": "k", "value": VALUE},
        ),
    ],
)
def test_no_event_carries_a_key_value(
    operation: str, params: dict[str, Any], output: dict[str, Any]
) -> None:
    made = event(operation, params, output)
    assert VALUE not in json.dumps(made)
    assert made["detail"]["responseElements"] is not None


def test_a_key_creation_is_nested_like_the_others() -> None:
    made = event("CreateApiKey", {"name": "n", "enabled": True, "value": VALUE}, {"id": "k"})
    assert made["detail"]["requestParameters"] == {
        "createApiKeyInput": {"name": "n", "enabled": True},
        "template": False,
    }


@pytest.mark.real_data
def test_a_refused_call_has_code_and_message_and_no_response() -> None:
    error = bad_request("Active stages pointing to this deployment must be moved or deleted")
    made = event_for(
        "DeleteDeployment",
        {"restApiId": "a", "deploymentId": "d"},
        None,
        None,
        AT,
        "us-east-1",
        "123456789012",
        error,
    )["detail"]
    known = real("rest-DeleteDeployment-cfn-2021-error.json")
    assert {name: made[name] for name in ("errorCode", "errorMessage", "responseElements")} == {
        name: known[name] for name in ("errorCode", "errorMessage", "responseElements")
    }


def test_the_emulators_clock_dates_the_record() -> None:
    heard: list[Any] = []
    emulator = Emulator(region="eu-west-1", clock=VirtualClock(AT), on_event=heard.append)
    emulator.call("CreateRestApi", {"name": "x"})
    (made,) = heard
    assert made["region"] == made["detail"]["awsRegion"] == "eu-west-1"
    assert made["time"] == made["detail"]["eventTime"] == "2026-11-18T11:06:40Z"
    assert made["detail"]["responseElements"]["createdDate"] == "2026-11-18T11:06:40Z"
