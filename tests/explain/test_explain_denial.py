"""Why a call is denied: what is explained is what the data plane answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import explain_denial
from keyward.errors import InvalidInputError
from keyward.runs import runtime
from keyward.runs.context import Context
from keyward.values import JSON
from tests.cli.desk import parsed
from tests.explain.denial_lab import (
    DAY,
    VALUE,
    World,
    closed,
    from_authorizer,
    no_burst,
    no_stage_burst,
    nothing,
    out_of_plan,
    plan_without_stage,
    retired,
    suspended,
    undeployed_method,
    without_stages,
)
from tests.support import load_event

CAUSES: dict[str, tuple[Callable[[World], None], JSON]] = {
    "none": (nothing, {}),
    "key_not_required": (nothing, {"line": "GET /open"}),
    "api_not_found": (nothing, {"api": "zzzzzzzzzz"}),
    "api_not_deployed": (without_stages, {}),
    "stage_not_found": (nothing, {"stage": "test"}),
    "path_not_found": (nothing, {"line": "GET /cats/7"}),
    "method_not_found": (nothing, {"line": "DELETE /pets/7"}),
    "method_not_deployed": (undeployed_method, {"line": "DELETE /pets"}),
    "key_source_is_authorizer": (from_authorizer, {}),
    "customer_suspended": (suspended, {}),
    "customer_closed": (closed, {}),
    "key_deleted": (lambda world: world.client.delete_api_key(apiKey=world.key), {}),
    "key_retired": (retired, {}),
    "key_disabled": (lambda world: world.enable(False), {}),
    "key_in_no_plan": (out_of_plan, {}),
    "stage_in_no_plan": (plan_without_stage, {}),
    "quota_used_up": (lambda world: world.spend(0), {}),
    "throttle_is_zero": (no_burst, {}),
}


AGAIN = {"api_not_deployed", "method_not_deployed"}


@pytest.mark.parametrize("cause", CAUSES)
def test_what_is_explained_is_what_the_client_gets(world: World, cause: str) -> None:
    break_it, asked = CAUSES[cause]
    break_it(world)
    question = world.request(**asked)
    told = world.explain(question)
    status, error_type, message = world.call(question)
    assert told["cause"] == cause
    assert told["allowed"] == (status == 200)
    if status != 200:
        answer = (told["status"], told["error_type"], told["message"])
        assert answer == (status, error_type, message)
        assert told["says"]
        assert told["evidence"]
        assert told["helps"]
        parsed(told["remedy"])
        # Only where nothing but time or a deployment helps is the question asked again.
        asked = f"--stage {question.stage} {question.method} {question.path}"
        assert told["remedy"].endswith(asked) == (cause in AGAIN)


@pytest.mark.parametrize(
    ("asked", "asks"),
    [
        ({"stage": "pro"}, "--stage prod GET /pets"),
        ({"line": "GET /pet/7"}, "--stage prod GET /pets"),
        ({"line": "DELETE /pets/7"}, "--stage prod GET /pets/7"),
    ],
)
def test_the_remedy_of_a_typo_asks_for_what_is_there(world: World, asked: JSON, asks: str) -> None:
    remedy = world.explain(world.request(**asked))["remedy"]
    assert remedy.endswith(asks), remedy


@pytest.mark.parametrize(
    ("line", "resource"),
    [
        ("GET /pets/7", "/pets/{petId}"),
        ("GET /pets/", "/pets"),
        ("GET /pets?limit=3", "/pets"),
        ("PATCH /files/a/b.txt", "/files/{proxy+}"),
    ],
)
def test_a_concrete_path_is_matched_to_its_resource(world: World, line: str, resource: str) -> None:
    verb, path = line.split(" ")
    task = {"customer_id": "acme", "rest_api_id": world.api, "stage": "prod"}
    told = handled(world, task | {"method": verb.lower(), "path": path})
    assert (told["allowed"], told["resource"]) == (True, resource)


def handled(world: World, task: JSON) -> JSON:
    """As Lambda calls it."""
    with pytest.MonkeyPatch.context() as patch:
        bench = world.bench
        patch.setenv("DEFAULT_MODE", "enforce")
        patch.setattr(runtime, "patient_gateway", lambda: bench.gateway)
        patch.setattr(runtime, "_registry", lambda: bench.registry)
        patch.setattr(Context, "policy", world.policy)
        patch.setattr(runtime, "now", world.now)
        return explain_denial.handler(task, None)


def test_the_sample_is_answered(world: World) -> None:
    sample = load_event("explain-denial") | {"rest_api_id": world.api}
    world.spend(0)
    told = handled(world, sample)
    assert (told["cause"], told["plan"], told["customer_id"]) == ("quota_used_up", "free", "acme")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"customer_id": None}, "customer_id, key_id"),
        ({"key_id": "abcde12345"}, "customer_id, key_id"),
        ({"rest_api_id": None}, "rest_api_id"),
        ({"stage": "pro d"}, "stage"),
        ({"method": "FETCH"}, "method"),
        ({"path": "pets"}, "path"),
        ({"api": "petstore"}, "api: is not a field"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(wrong: JSON, field: str) -> None:
    with pytest.raises(InvalidInputError, match=field):
        explain_denial.handler(load_event("explain-denial") | wrong, None)


def test_a_value_in_place_of_an_id_is_refused_and_not_repeated() -> None:
    task = load_event("explain-denial") | {"customer_id": None, "key_id": VALUE}
    with pytest.raises(InvalidInputError) as refused:
        explain_denial.handler(task, None)
    assert VALUE not in str(refused.value)


def test_all_causes_are_named_in_the_order_of_the_gateway(world: World) -> None:
    world.enable(False)
    out_of_plan(world)
    no_stage_burst(world)
    told = world.explain(world.request())
    assert [told["cause"], *(item["cause"] for item in told["also"])] == [
        "key_disabled",
        "key_in_no_plan",
        "throttle_is_zero",
    ]


@pytest.mark.parametrize("line", ["GET /pets", "GET /open"])
def test_a_stage_that_lets_nothing_in_says_so_for_every_method(world: World, line: str) -> None:
    no_stage_burst(world)
    question = world.request(line)
    told = world.explain(question)
    assert told["cause"] == "throttle_is_zero"
    assert (told["status"], told["error_type"], told["message"]) == world.call(question)


@pytest.mark.parametrize("enabled", [True, False])
def test_a_used_up_quota_counts_where_no_key_is_asked_for(world: World, enabled: bool) -> None:
    world.spend(0)
    world.enable(enabled)
    question = world.request("GET /open")
    told = world.explain(question)
    assert told["cause"] == "quota_used_up"
    assert (told["status"], told["error_type"], told["message"]) == world.call(question)


def test_a_new_day_gives_the_quota_back(world: World) -> None:
    world.spend(0)
    world.bench.clock.advance(DAY)
    assert world.explain(world.request())["allowed"]
    assert world.call(world.request())[0] == 200


def test_reasons_travel_into_the_explanation(world: World) -> None:
    suspended(world)
    assert "unpaid since October" in world.explain(world.request())["says"]


@pytest.mark.parametrize("cause", CAUSES)
def test_a_question_costs_a_handful_of_reads_by_the_customer_or_by_the_key(
    world: World, cause: str
) -> None:
    break_it, asked = CAUSES[cause]
    break_it(world)
    question = world.request(**asked)
    world.emulator.ledger.clear()
    told = world.explain(question)
    calls = world.bench.operations()
    assert len(calls) <= 7, calls
    assert all(call.startswith("Get") for call in calls)
    assert world.explain(question, key_id=world.key) == told
