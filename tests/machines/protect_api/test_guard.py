"""What happens between two calls of a run: no edit is published, no deployment of the team is
undone, and nothing that is remembered stops a later run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.bench import Bench
from tests.machines.guard_lab import (
    CALLS,
    HALF,
    OPEN,
    before,
    call,
    delete_others,
    edit,
    edit_backend,
    live,
    protect,
    serving,
    told,
)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("number", [1, 2])
def test_an_edit_between_any_two_calls_is_never_published(
    bench: Bench, operation: str, number: int
) -> None:
    api = bench.api(OPEN)
    before(bench, operation, lambda: edit_backend(bench, api), number)
    bench.run()
    bench.advance(seconds=600)
    assert "half" not in live(bench, api)
    is_closed = bench.call(api, "prod", "GET", "/pets") == 403
    held = [event["stage"] for event in told(bench, "ApiHeld")]
    assert held == ([] if is_closed else ["prod"])
    assert told(bench, "ApiFailed") == []


def test_a_deployment_that_caught_an_edit_is_thrown_away(bench: Bench) -> None:
    api = bench.api(OPEN)
    before(bench, "CreateDeployment", lambda: edit(bench, api, HALF))
    bench.run()
    assert len(call(bench, "GetDeployments", restApiId=api)["items"]) == 1
    assert [event["stage"] for event in told(bench, "ApiHeld")] == ["prod"]


@pytest.mark.parametrize("operation", CALLS)
def test_a_deployment_of_the_team_between_any_two_calls_is_not_undone(
    bench: Bench, operation: str
) -> None:
    api = bench.api(OPEN)

    def release() -> None:
        edit(bench, api, {"/pets": {"get": None}, "/new": {"get": None}})
        bench.deploy(api, "prod")

    before(bench, operation, release)
    bench.run()
    bench.advance(seconds=900)
    assert "/new" in live(bench, api)
    assert bench.call(api, "prod", "GET", "/new") == 403
    assert bench.call(api, "prod", "GET", "/pets") == 403
    assert told(bench, "ApiFailed", "ApiHeld") == []


@pytest.mark.parametrize("call_of_a_run", ["GetStage", "GetStages", "UpdateStage"])
@pytest.mark.parametrize("number", range(1, 5))
def test_a_team_that_was_overtaken_and_deploys_again_hears_of_no_failure(
    bench: Bench, call_of_a_run: str, number: int
) -> None:
    api = bench.api(OPEN)

    def release() -> None:
        bench.deploy(api, "prod")

    def release_twice() -> None:
        release()
        before(bench, call_of_a_run, release, number)

    before(bench, "UpdateStage", release_twice)
    bench.run()
    bench.advance(seconds=900)
    assert bench.call(api, "prod", "GET", "/pets") == 403
    assert told(bench, "ApiFailed", "ApiHeld") == []


def test_an_answer_about_one_stage_answers_one_stage(bench: Bench) -> None:
    api = bench.api(OPEN, stages=["dev"])
    deployment = serving(bench, api, "dev")
    call(bench, "CreateStage", restApiId=api, stageName="prod", deploymentId=deployment)
    call(bench, "CreateStage", restApiId=api, stageName="test", deploymentId=deployment)
    edit(bench, api, HALF)
    bench.run()
    held = {event["stage"]: event["fingerprint"] for event in told(bench, "ApiHeld")}
    assert len({*held.values()}) == 3
    protect(bench, api, stage="dev", approve=held["dev"])
    protect(bench, api, reject=held["test"])
    bench.advance(seconds=2 * 86_400)
    bench.audit(repair=True)
    bench.advance(seconds=900)
    moved = {name for name in held if serving(bench, api, name) != deployment}
    assert moved == {"dev"}
    reminded = {event["stage"] for event in told(bench, "ApiHeld") if event.get("reminder")}
    assert reminded == {"prod"}


def test_a_rollback_to_what_is_gone_is_told_once_and_stops_nothing(bench: Bench) -> None:
    api = bench.api(OPEN)
    bench.run()
    delete_others(bench, api)
    protect(bench, api, stage="prod", rollback=True)
    edit(bench, api, HALF)
    bench.deploy(api, "dev")
    bench.advance(seconds=3600)
    assert protect(bench, api).status == "SUCCEEDED"
    assert len(told(bench, "ApiFailed")) == 1
    assert told(bench, "ApiHeld") == []
    assert bench.call(api, "dev", "GET", "/half") == 403
    assert bench.call(api, "prod", "GET", "/pets") == 403


@pytest.mark.parametrize("gone", ["stage", "deployment of ours"])
def test_a_rollback_that_waits_and_cannot_be_done_stops_no_later_run(
    bench: Bench, gone: str
) -> None:
    api = bench.api(OPEN, stages=["prod", "dev"])
    bench.run()
    bench.tables["ApisTable"].put_item(
        Item={"rest_api_id": api, "record": "rollback#prod", "stage": "prod"}
    )
    if gone == "stage":
        call(bench, "DeleteStage", restApiId=api, stageName="prod")
    else:
        edit(bench, api, {"/pets": {"get": ["api_key"]}})
        bench.deploy(api, "prod")
    edit(bench, api, HALF)
    bench.deploy(api, "dev")
    bench.advance(seconds=600)
    assert [run.error for run in bench.runs if run.status == "FAILED"] == []
    assert [event["stage"] for event in told(bench, "ApiFailed")] == ["prod"]
    assert bench.call(api, "dev", "GET", "/half") == 403


def test_a_deployment_of_ours_that_somebody_deletes_is_made_anew(bench: Bench) -> None:
    api = bench.api(OPEN)
    for number in range(1, 30):
        bench.fault("apigateway", "UpdateStage", number, 500)
    bench.run()
    bench.clear_faults()
    delete_others(bench, api)
    bench.advance(seconds=3600)
    assert bench.call(api, "prod", "GET", "/pets") == 403
    assert told(bench, "ApiFailed") == []
    assert [run.error for run in bench.runs if run.status == "FAILED"] == []


@pytest.mark.parametrize("is_opened", [True, False], ids=["opened", "other backend"])
@pytest.mark.parametrize("ending", ["throttled", "stopped"])
def test_a_deployment_that_caught_an_edit_is_not_taken_up_later(
    bench: Bench, ending: str, is_opened: bool
) -> None:
    api = bench.api(OPEN)

    def edit_in_between() -> None:
        edit(bench, api, OPEN)
        if not is_opened:
            edit_backend(bench, api)
        fault = "TooManyRequestsException" if ending == "throttled" else "death_before"
        bench.fault("apigateway", "GetResources", 1, fault)

    before(bench, "CreateDeployment", edit_in_between)
    while not bench.account.faults.met:
        bench.advance(seconds=0.05)
    if ending == "stopped":
        [running] = [run for run in bench.runs if run.status == "RUNNING"]
        bench.account.executions.stop_execution(running.arn)
    else:
        bench.advance(seconds=3)
    # What the team tried is taken back.
    edit(bench, api, OPEN)
    protect(bench, api)
    bench.advance(seconds=900)
    assert "half" not in live(bench, api)
    assert bench.call(api, "prod", "GET", "/pets") == 403
    assert told(bench, "ApiFailed") == []
    assert len(call(bench, "GetDeployments", restApiId=api)["items"]) == 2
