"""The events that writes bring to the bus."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.clock import VirtualClock
from emulator.emulator import Emulator
from emulator.errors import ApiGatewayError
from emulator.tests.conformance.tags import believed, documented, own_emulator, recorded

pytestmark = own_emulator
SHAPES = "11 CloudTrail v1 shapes: "
RECORD = "data/cloudtrail: "
VALUE = "fake-value-of-a-key-0001"
TRAIL = {
    "eventSource": "apigateway.amazonaws.com",
    "readOnly": False,
    "managementEvent": True,
    "eventCategory": "Management",
    "eventType": "AwsApiCall",
}


class Trail:
    """An emulator and the events that it sent."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.emulator = Emulator(clock=VirtualClock(), on_event=self.events.append)
        self.emulator.add_caller("AKIAOURS", "DeployApi")

    def call(self, operation: str, caller: str | None = None, **params: Any) -> dict[str, Any]:
        return self.emulator.call(operation, params, caller=caller)

    @property
    def last(self) -> dict[str, Any]:
        found: dict[str, Any] = self.events[-1]["detail"]
        return found

    def api(self) -> dict[str, Any]:
        """An API with a method, ready to be deployed: the members that name the method."""
        made = self.call("CreateRestApi", name="a")
        where = {
            "restApiId": made["id"],
            "resourceId": made["rootResourceId"],
            "httpMethod": "GET",
        }
        self.call("PutMethod", authorizationType="NONE", **where)
        self.call("PutIntegration", type="MOCK", **where)
        return where


@pytest.fixture
def trail() -> Trail:
    return Trail()


@documented("EventBridge reference, API Gateway: detail-type and source")
def test_a_write_is_an_event_of_the_bus(trail: Trail) -> None:
    trail.call("CreateUsagePlan", name="p")
    [event] = trail.events
    assert event["source"] == "aws.apigateway"
    assert event["detail-type"] == "AWS API Call via CloudTrail"
    assert TRAIL.items() <= event["detail"].items()
    assert event["time"] == event["detail"]["eventTime"]


@documented("EventBridge reference: read-only calls are not sent by default")
def test_a_read_is_no_event(trail: Trail) -> None:
    trail.call("GetUsagePlans")
    trail.call("GetApiKeys")
    assert trail.events == []


@believed("a refused call is an event on AWS; here it is none: Keyward's rules pass such by")
def test_a_refused_call_is_no_event(trail: Trail) -> None:
    with pytest.raises(ApiGatewayError):
        trail.call("DeleteApiKey", apiKey="nosuchkey0")
    assert trail.events == []


@recorded(SHAPES + "CreateDeployment: createDeploymentInput, no stage name in the response")
def test_a_deployment_nests_its_input(trail: Trail) -> None:
    api_id = trail.api()["restApiId"]
    made = trail.call("CreateDeployment", restApiId=api_id, stageName="prod")
    assert trail.last["requestParameters"] == {
        "restApiId": api_id,
        "createDeploymentInput": {"stageName": "prod"},
        "template": False,
    }
    assert set(trail.last["responseElements"]) == {
        "id", "createdDate", "deploymentUpdate", "deploymentStages", "deploymentDelete", "self",
    }  # fmt: skip
    assert trail.last["responseElements"]["self"] == {
        "restApiId": api_id,
        "deploymentId": made["id"],
        "template": False,
    }


@recorded(SHAPES + "dates are ISO since 2026")
def test_dates_are_iso(trail: Trail) -> None:
    trail.api()
    trail.call("CreateDeployment", restApiId=trail.events[0]["detail"]["responseElements"]["id"])
    assert trail.last["responseElements"]["createdDate"] == "2026-11-18T11:06:40Z"


@recorded(RECORD + "UpdateStage: updateStageInput.patchOperations")
def test_a_moved_stage_nests_its_patch(trail: Trail) -> None:
    api_id = trail.api()["restApiId"]
    made = trail.call("CreateDeployment", restApiId=api_id, stageName="prod")
    patch = [{"op": "replace", "path": "/deploymentId", "value": made["id"]}]
    trail.call("UpdateStage", restApiId=api_id, stageName="prod", patchOperations=patch)
    assert trail.last["requestParameters"] == {
        "restApiId": api_id,
        "stageName": "prod",
        "updateStageInput": {"patchOperations": patch},
        "template": False,
    }
    assert trail.last["responseElements"]["deploymentId"] == made["id"]


@recorded(SHAPES + "PutMethod: apiKeyRequired is logged even when it was not sent")
def test_a_method_logs_that_it_asks_for_no_key(trail: Trail) -> None:
    trail.api()
    method = next(
        event["detail"] for event in trail.events if event["detail"]["eventName"] == "PutMethod"
    )
    assert method["requestParameters"]["putMethodInput"] == {
        "apiKeyRequired": False,
        "authorizationType": "NONE",
    }
    assert method["responseElements"]["self"]["title"] == "GET"


@recorded(SHAPES + "CreateRestApi: the id only in the response")
def test_a_new_api_has_its_id_in_the_response(trail: Trail) -> None:
    made = trail.call("CreateRestApi", name="a")
    assert "restApiId" not in trail.last["requestParameters"]
    assert trail.last["responseElements"]["id"] == made["id"]
    assert trail.last["responseElements"]["self"] == {"restApiId": made["id"], "template": False}


@recorded(SHAPES + "deletes: responseElements null")
@pytest.mark.parametrize("operation", ["DeleteMethod", "DeleteRestApi"])
def test_a_delete_has_no_response(trail: Trail, operation: str) -> None:
    where = trail.api()
    members = where if operation == "DeleteMethod" else {"restApiId": where["restApiId"]}
    trail.call(operation, **members)
    assert trail.last["responseElements"] is None
    assert trail.last["requestParameters"] == members | {"template": False}


@recorded(RECORD + "TagResource: the API only in resourceArn")
def test_a_tag_names_its_api_by_arn(trail: Trail) -> None:
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{trail.api()['restApiId']}"
    trail.call("TagResource", resourceArn=arn, tags={"keyward": "enforce"})
    assert trail.last["requestParameters"] == {
        "resourceArn": arn,
        "tagResourceInput": {"tags": {"keyward": "enforce"}},
        "template": False,
    }


@recorded(RECORD + "AssumedRole: sessionContext.sessionIssuer.arn")
def test_a_role_of_ours_is_known_by_its_path(trail: Trail) -> None:
    trail.call("CreateUsagePlan", caller="DeployApi", name="p")
    issuer = trail.last["userIdentity"]["sessionContext"]["sessionIssuer"]
    assert issuer["arn"] == "arn:aws:iam::123456789012:role/keyward/DeployApi"
    assert trail.last["userIdentity"]["type"] == "AssumedRole"


@recorded(RECORD + "IAMUser: sessionIssuer is there, and empty")
def test_an_iam_user_has_an_empty_issuer(trail: Trail) -> None:
    trail.call("CreateUsagePlan", name="p")
    assert trail.last["userIdentity"]["type"] == "IAMUser"
    assert trail.last["userIdentity"]["sessionContext"]["sessionIssuer"] == {}


@believed("AWS's redaction of key values is unknown; here no event carries one")
def test_no_event_carries_a_value(trail: Trail) -> None:
    plan = trail.call("CreateUsagePlan", name="p")
    key = trail.call("CreateApiKey", name="k", enabled=True, value=VALUE)
    trail.call("CreateUsagePlanKey", usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    csv = f"Name,Key\nk,{VALUE}\n".encode()
    trail.call("ImportApiKeys", body=csv, format="csv", failOnWarnings=True)
    names = [event["detail"]["eventName"] for event in trail.events]
    assert names == ["CreateUsagePlan", "CreateApiKey", "CreateUsagePlanKey", "ImportApiKeys"]
    assert VALUE not in json.dumps(trail.events)


@believed("by the pattern of the others: updateMethodInput, updateUsagePlanInput, …")
def test_operations_without_a_public_record_follow_the_pattern(trail: Trail) -> None:
    where = trail.api()
    patch = [{"op": "replace", "path": "/apiKeyRequired", "value": "true"}]
    trail.call("UpdateMethod", patchOperations=patch, **where)
    assert trail.last["requestParameters"] == where | {
        "updateMethodInput": {"patchOperations": patch},
        "template": False,
    }
