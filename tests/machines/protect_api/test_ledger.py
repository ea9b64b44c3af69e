"""The ledger of APIs: a line an action, when its outcome is known."""

from __future__ import annotations

from keyward.values import JSON
from tests.machines.api_lab import Lab


def lines(lab: Lab, subject: str) -> list[JSON]:
    return lab.bench.registry.ledger.of(subject)


def test_a_protected_stage_is_a_line_an_action_and_its_replay_adds_none(lab: Lab) -> None:
    api_id = lab.api()
    asked = {"by": "event", "detail_type": "AWS API Call via CloudTrail", "event_id": "e-1"}
    before = lab.client.get_stage(restApiId=api_id, stageName="prod")["deploymentId"]
    assert lab.run(api_id, asked=asked).status == "SUCCEEDED"
    after = lab.client.get_stage(restApiId=api_id, stageName="prod")["deploymentId"]
    assert lab.run(api_id).status == "SUCCEEDED"
    found = lines(lab, f"api#{api_id}")
    told = [(line["action"], line.get("before"), line.get("after")) for line in found]
    assert told == [
        ("attach_stage", "not in the plan", "in the plan"),
        ("attach_stage", "not in the plan", "in the plan"),
        ("require_key", "asks for no key", "asks for a key"),
        ("deploy_api", before, after),
    ]
    assert all(line["asked"] == asked for line in found)
    assert (found[2]["method"], found[2]["path"], found[2]["stage"]) == ("GET", "/pets", "prod")


def test_what_mode_observe_found_is_told_as_a_report_and_not_as_done(lab: Lab) -> None:
    api_id = lab.api(mode="observe")
    assert lab.run(api_id).status == "SUCCEEDED"
    [line] = lines(lab, f"api#{api_id}")
    assert (line["action"], line["asked"]) == ("report_exposure", {"by": "console"})


def test_a_run_that_is_refused_for_an_api_is_a_line(lab: Lab) -> None:
    api_id = lab.api(mode="strict")
    run = lab.run(api_id, asked={"by": "audit"})
    assert (run.status, run.output["refused"]["error"]) == ("SUCCEEDED", "InvalidInputError")
    [line] = lines(lab, f"api#{api_id}")
    assert line["action"] == "fail"
    assert "strict" in line["reason"]
