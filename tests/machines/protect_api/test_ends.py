"""What ends by itself: requirements that an exemption made needless, holds, and runs for APIs that
are gone; and what a run says of each stage."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.bench import Bench
from tests.machines.guard_lab import (
    CALLS,
    HALF,
    OPEN,
    asks_in_working_copy,
    before,
    call,
    edit,
    exempt,
    held,
    holds,
    outcomes,
    protect,
    tag,
    told,
)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


def test_what_we_required_before_an_exemption_is_taken_back_and_holds_nothing(
    bench: Bench,
) -> None:
    api = bench.api({"/pets": {"get": None}, "/open": {"get": None}})
    bench.fault("lambda", "DeployApi", 1, "RuntimeError")
    bench.run()
    assert asks_in_working_copy(bench, api, "/pets")
    exempt(bench, "/pets")
    assert protect(bench, api).status == "SUCCEEDED"
    assert told(bench, "ApiHeld") == []
    assert bench.call(api, "prod", "GET", "/open") == 403
    assert bench.call(api, "prod", "GET", "/pets") == 200
    assert not asks_in_working_copy(bench, api, "/pets")


def test_what_we_required_is_taken_back_where_nothing_is_left_to_close(bench: Bench) -> None:
    api = bench.api(OPEN)
    bench.fault("lambda", "DeployApi", 1, "RuntimeError")
    bench.run()
    exempt(bench, "/pets")
    protect(bench, api)
    assert not asks_in_working_copy(bench, api, "/pets")
    writes = len([line for line in bench.calls if not line["operation"].startswith("Get")])
    protect(bench, api)
    assert len([c for c in bench.calls if not c["operation"].startswith("Get")]) == writes
    # Nothing is left of it that would hold a later deployment.
    edit(bench, api, {"/pets": {"get": None}, "/new": {"get": None}})
    bench.deploy(api, "prod")
    bench.advance(seconds=600)
    assert bench.call(api, "prod", "GET", "/new") == 403
    assert bench.call(api, "prod", "GET", "/pets") == 200
    assert told(bench, "ApiHeld") == []


def test_a_key_that_a_person_requires_on_an_exempt_method_stays_theirs(bench: Bench) -> None:
    exempt(bench, "/pets")
    api = bench.api({"/pets": {"get": None}, "/closed": {"get": ["api_key"]}})
    bench.run()
    edit(bench, api, {"/pets": {"get": ["api_key"]}, "/closed": {"get": None}})
    protect(bench, api)
    edit(bench, api, {"/pets": {"get": ["api_key"]}, "/closed": {"get": None}})
    bench.deploy(api, "prod")
    bench.advance(seconds=600)
    assert asks_in_working_copy(bench, api, "/pets")


def test_a_run_says_in_its_output_what_became_of_each_stage(bench: Bench) -> None:
    api = bench.api(OPEN, stages=["prod", "test"])
    bench.run()
    assert outcomes(bench.runs[-1]) == {"prod": "protected", "test": "protected"}
    assert outcomes(protect(bench, api)) == {"prod": "unchanged", "test": "unchanged"}
    edit(bench, api, HALF)
    bench.deploy(api, "prod")
    edit(bench, api, HALF | {"/more": {"get": None}})
    bench.run()
    held = protect(bench, api)
    fingerprint = told(bench, "ApiHeld")[-1]["fingerprint"]
    assert held.output["stages"] == [
        {"stage": "prod", "outcome": "held", "fingerprint": fingerprint},
        {"stage": "test", "outcome": "unchanged"},
    ]
    assert outcomes(protect(bench, api, stage="prod", approve=fingerprint)) == {"prod": "protected"}
    back = protect(bench, api, stage="prod", rollback=True)
    assert outcomes(back) == {"prod": "rolled_back"}
    tag(bench, api, "off")
    assert outcomes(protect(bench, api)) == {"prod": "off", "test": "off"}
    tag(bench, api, "observe")
    assert outcomes(protect(bench, api)) == {"prod": "exposed", "test": "unchanged"}


@pytest.mark.parametrize("end", ["deleted", "off", "observe"])
@pytest.mark.parametrize("by", ["run", "audit"])
def test_a_hold_of_what_is_gone_ends(bench: Bench, end: str, by: str) -> None:
    api = held(bench)
    if end == "deleted":
        call(bench, "DeleteRestApi", restApiId=api)
    else:
        tag(bench, api, end)
    if by == "run":
        protect(bench, api)
    else:
        bench.audit(repair=True)
        bench.advance(seconds=600)
    assert holds(bench) == []
    bench.advance(seconds=3 * 86_400)
    assert len(told(bench, "ApiHeld")) == 1


@pytest.mark.parametrize("operation", ["GetRestApi", *CALLS])
def test_an_api_that_is_gone_needs_nothing_and_fails_nothing(bench: Bench, operation: str) -> None:
    api = bench.api(OPEN)
    before(bench, operation, lambda: call(bench, "DeleteRestApi", restApiId=api))
    bench.run()
    bench.advance(seconds=600)
    run = protect(bench, api)
    assert (run.status, run.output) == (
        "SUCCEEDED",
        {"rest_api_id": api, "gone": True, "stages": []},
    )
    assert [run.error for run in bench.runs if run.status == "FAILED"] == []
    assert told(bench, "ApiFailed") == []
