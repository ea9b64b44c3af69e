"""The proof that a client sees: 403 without a key, none with a customer's; a proven failure is
rolled back and held, what cannot be told is kept and told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count

import pytest

from keyward.events.fields import REST_API_ID
from keyward.values import JSON
from tests.apis.test_task_samples import shape
from tests.machines.api_lab import PETS, Lab
from tests.machines.probe_lab import answered, answering, canary, probed
from tests.support import load_event


def prepared(lab: Lab) -> str:
    """An open API in mode enforce that is probed, its canary customer, an empty ledger."""
    probed(lab)
    api_id = lab.attached()
    canary(lab)
    lab.bench.clock.advance(1000)
    lab.forget()
    return api_id


def serving(lab: Lab, api_id: str) -> str:
    return str(lab.client.get_stage(restApiId=api_id, stageName="prod")["deploymentId"])


@pytest.fixture
def api_id(lab: Lab) -> Iterator[str]:
    yield prepared(lab)
    lab.bench.emulator.propagation.set(0)


def test_a_closed_stage_is_proven_by_several_good_answers_in_a_row(
    lab: Lab, api_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answered(lab, monkeypatch)
    began = lab.bench.clock.now()
    run = lab.run(api_id)
    assert run.status == "SUCCEEDED", run.cause
    assert lab.event_types() == ["ApiProtected"]
    assert [key for _, key in asked] == [False, True] * 5
    assert all(REST_API_ID.search(url) and url.endswith("/prod/pets") for url, _ in asked)
    assert lab.bench.clock.now() - began >= 120


def test_a_stage_that_nobody_wants_probed_costs_no_call_more(lab: Lab) -> None:
    api_id = lab.attached()
    assert lab.run(api_id).states.count("Probe stage") == 0
    assert "GetApiKey" not in lab.bench.operations()


def test_mixed_answers_while_a_deployment_spreads_are_no_failure(
    lab: Lab, api_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.policy(probes=[{"api": "*", "path": "/pets", "customer": "canary"}], propagation_seconds=30)
    answered(lab, monkeypatch)
    lab.bench.emulator.propagation.set(80)
    run = lab.run(api_id)
    assert run.status == "SUCCEEDED", run.cause
    assert run.states.count("Probe stage") > 1
    assert lab.event_types() == ["ApiProtected"]


FAILURES = {
    "open to everybody": (lambda key: 200, "without a key is answered 200"),
    "open, its backend says 404": (lambda key: 404, "without a key is answered 404"),
    "shut to customers": (lambda key: 403, "with a good key is answered 403"),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_a_proven_failure_is_rolled_back_told_and_held(
    lab: Lab, api_id: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    answer, words = FAILURES[kind]
    answering(monkeypatch, answer)
    before = serving(lab, api_id)
    run = lab.run(api_id)
    assert (run.status, run.error) == ("FAILED", "NotProtectedError")
    assert serving(lab, api_id) == before
    assert sorted(lab.event_types()) == ["ApiFailed", "ApiHeld"]
    assert words in lab.events("ApiFailed")[0]["reason"]
    lab.forget()
    assert lab.run(api_id).status == "SUCCEEDED"
    assert (lab.event_types(), lab.calls()[1]) == ([], [])


UNTOLD = {
    "no answer": lambda key: None,
    "errors of the gateway": lambda key: 500,
    "an authorizer first": lambda key: 401,
    "a limit first": lambda key: 429,
}


@pytest.mark.parametrize("kind", UNTOLD)
def test_what_cannot_be_told_is_no_proof_and_stays(
    lab: Lab, api_id: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    answering(monkeypatch, UNTOLD[kind])
    run = lab.run(api_id)
    assert (run.status, run.error) == ("FAILED", "NotProtectedError")
    assert lab.live(api_id)["GET /pets"]
    (event,) = lab.events()
    assert event["reason"].startswith("unproven: GET /pets")


def test_answers_that_go_on_changing_are_no_proof_and_stay(
    lab: Lab, api_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = count()
    answering(monkeypatch, lambda key: 200 if key or next(turn) % 3 == 0 else 403)
    lab.run(api_id)
    assert lab.live(api_id)["GET /pets"]
    assert lab.event_types() == ["ApiFailed"]


def test_a_customer_without_a_key_proves_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answered(lab, monkeypatch)
    probed(lab)
    api_id = lab.attached()
    lab.run(api_id)
    assert asked == []
    assert lab.live(api_id)["GET /pets"]
    assert "customer canary has no key" in lab.events("ApiProtected")[0]["reason"]


def test_an_api_without_a_public_url_is_asked_at_the_url_of_the_policy(
    lab: Lab, api_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = {"op": "replace", "path": "/disableExecuteApiEndpoint", "value": "true"}
    lab.client.update_rest_api(restApiId=api_id, patchOperations=[operation])
    asked = answered(lab, monkeypatch)
    lab.run(api_id)
    assert asked == []
    assert "no public invoke URL" in lab.events("ApiProtected")[0]["reason"]


@pytest.mark.parametrize("fault", ["throttle", "500", "503", "timeout_before", "timeout_after"])
def test_a_single_fault_as_the_key_is_read_changes_nothing(
    lab: Lab, api_id: str, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    answered(lab, monkeypatch)
    for operation in ("GetApiKey", "GetRestApi"):
        call = 1 if operation == "GetApiKey" else 2
        faults = [{"operation": operation, "call": call, "fault": fault}]
        lab.bench.emulator.order_faults(faults)
        run = lab.run(api_id)
        assert run.status == "SUCCEEDED", run.cause
        assert lab.event_types() == ["ApiProtected"]
        lab.edit(api_id, PETS)
        lab.deploy(api_id)
        lab.forget()


def test_the_keys_value_is_nowhere_but_in_the_request(
    lab: Lab, api_id: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    values: list[str] = []
    outputs: list[JSON] = []
    probe = lab.machine.functions["ProbeStage"]

    def kept(task: JSON, context: object) -> JSON:
        outputs.append(probe(task, context))
        return outputs[-1]

    def answer(key: str | None) -> int:
        values.extend([key] if key else [])
        return 200 if key else 403

    answering(monkeypatch, answer)
    lab.machine.functions = lab.machine.functions | {"ProbeStage": kept}
    lab.run(api_id)
    lab.machine.functions = lab.machine.functions | {"ProbeStage": probe}
    assert values
    told = json.dumps([outputs, lab.bench.bus.entries]) + caplog.text
    records = [table.scan()["Items"] for table in lab.bench.tables.values()]
    assert values[0] not in told + str(records)


def test_the_sample_has_the_shape_of_what_the_machine_sends(
    lab: Lab, api_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(lab, monkeypatch)
    with lab.machine.recorded("ProbeStage") as sent:
        lab.run(api_id)
    assert shape(load_event("probe-stage")) == shape(sent[0])
