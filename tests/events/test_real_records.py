"""CloudTrail's real records (../shared/data/cloudtrail) on their way through Keyward."""

from __future__ import annotations

import json

import pytest

import start_api_protection
from emulator.tests.openapi_lab import SHARED
from keyward.events.cloudtrail import DETAIL_TYPE
from keyward.values import JSON
from tests.machines.api_lab import Lab
from tests.machines.storm_lab import Trail
from tests.support import load_event

RECORDS = SHARED / "data" / "cloudtrail"
EDITS = {
    "rest-PutMethod-console-2021.json": ("64nivyyz8c", "GET"),
    "rest-PutIntegration-console-2021.json": ("64nivyyz8c", "GET"),
    "rest-PutIntegrationResponse-console-2021.json": ("64nivyyz8c", "GET"),
    "rest-PutMethodResponse-console-2021.json": ("64nivyyz8c", "GET"),
    "rest-DeleteMethod-console-2021.json": ("yib4udxw7a", "POST"),
}
MOVES = {
    "rest-CreateDeployment-cfn-2021.json": "Stage",
    "rest-CreateStage-cfn-2021.json": "PROD",
    "rest-UpdateStage-cfn-2021.json": "PROD",
}
NO_NEWS = ["rest-DeleteDeployment-cfn-2021-error.json", "v2-DeleteApi-2022.json"]

pytestmark = pytest.mark.real_data


def envelope(name: str) -> JSON:
    """A record as EventBridge brings it."""
    record = json.loads((RECORDS / name).read_text(encoding="utf-8"))
    where = {"account": "123456789012", "region": "eu-west-1"}
    return {
        "id": name,
        "detail-type": DETAIL_TYPE,
        "source": "aws.apigateway",
        "detail": record,
    } | where


def noted(lab: Lab, name: str) -> JSON:
    """The record, after its function took it."""
    event = envelope(name)
    sample = load_event("start-api-protection")["Records"][0]
    answer = start_api_protection.handler({"Records": [sample | {"body": json.dumps(event)}]}, None)
    assert answer == {"batchItemFailures": []}
    detail: JSON = event["detail"]
    return detail


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_names_its_editor_and_its_method(lab: Lab, name: str) -> None:
    record = noted(lab, name)
    api_id = record["requestParameters"]["restApiId"]
    edits = lab.bench.registry.edits.of(api_id)
    assert [*edits] == [EDITS[name]]
    editor = edits[EDITS[name]]
    assert (editor.what, editor.when) == (record["eventName"], record["eventTime"])
    assert editor.who == record["userIdentity"]["arn"]
    assert lab.bench.registry.apis.load_records(api_id).editor == editor
    assert lab.bench.bus.sent == []


@pytest.mark.parametrize("name", MOVES)
def test_a_move_of_a_stage_starts_one_run_and_names_the_tool(lab: Lab, name: str) -> None:
    event, trail = envelope(name), Trail(lab)
    for _ in range(2):
        trail.hear(event)
    api_id = event["detail"]["requestParameters"]["restApiId"]
    ((_, task),) = trail.runs()
    assert task["rest_api_id"] == api_id
    mover = lab.bench.registry.storms.mover(api_id, MOVES[name])
    assert (mover.tool, mover.call) == ("CloudFormation", event["detail"]["eventName"])
    assert mover.principal == event["detail"]["userIdentity"]["userName"]


@pytest.mark.parametrize("name", NO_NEWS)
def test_what_failed_or_is_of_another_kind_of_api_is_passed_over(lab: Lab, name: str) -> None:
    Trail(lab).hear(envelope(name))
    noted(lab, name)
    assert (lab.bench.bus.started, lab.bench.bus.sent) == ([], [])
    assert lab.bench.tables["ApisTable"].scan()["Items"] == []
