"""What the last edition left in the tables is read by this one, and life goes on from there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from keyward.values import JSON
from local.bench import Bench
from tests.updates.edition import CUSTOMERS, last_edition

HOUR = 3600


@pytest.fixture
def bench() -> Iterator[Bench]:
    with last_edition() as made:
        yield made


def kinds(bench: Bench) -> set[str]:
    return {finding["kind"] for finding in bench.audit()["findings"]}


def enabled(bench: Bench) -> dict[str, bool]:
    return {key["name"]: key["enabled"] for key in bench.gateway.get_api_keys()["items"]}


def started(bench: Bench, customer_id: str, **more: Any) -> JSON:
    """A run of reconcile-customer from the console: its output."""
    given = json.dumps({"customer_id": customer_id, **more})
    arn = bench.stack.ref("ReconcileCustomer")
    bench.account.executions.start_execution(arn, f"console-{customer_id}", given)
    bench.run()
    run = bench.runs[-1]
    assert run.status == "SUCCEEDED", run.cause
    return dict(run.output)


def told(bench: Bench, customer_id: str) -> list[str]:
    return [
        event["detail-type"]
        for event in bench.announced
        if event["detail"].get("customer_id") == customer_id
    ]


# What is true of a stage that waits for a person.
HELD = {"held", "exposed_methods", "stage_without_plan"}


def test_the_audit_finds_nothing_that_an_update_broke(bench: Bench) -> None:
    # theta's leaked key is due to be deleted; the plans get the stack's tag.
    assert kinds(bench) == {"due", "plan_differs"} | HELD
    about = {f.get("rest_api_id") for f in bench.audit()["findings"] if f["kind"] in HELD}
    assert len(about) == 1


def test_after_one_repair_only_the_hold_is_left(bench: Bench) -> None:
    before = enabled(bench)
    bench.audit(repair=True)
    bench.advance(HOUR)
    assert kinds(bench) == HELD
    assert {name: was for name, was in enabled(bench).items() if before.get(name) != was} == {}


def test_a_hold_is_told_once_more_and_can_be_answered(bench: Bench) -> None:
    bench.audit(repair=True)
    bench.advance(HOUR)
    [held] = [event["detail"] for event in bench.announced if event["detail-type"] == "ApiHeld"]
    answer = {name: held[name] for name in ("rest_api_id", "stage", "fingerprint")}
    bench.send("DeploymentApproved", **answer)
    bench.advance(HOUR)
    assert kinds(bench) == set()
    assert bench.call(held["rest_api_id"], "prod", "GET", "/pets") == 403


@pytest.mark.parametrize("customer_id", [name for name in CUSTOMERS if name != "theta"])
def test_a_customer_is_as_it_should_be(bench: Bench, customer_id: str) -> None:
    assert started(bench, customer_id, dry_run=True)["actions"] == []


def test_a_key_in_overlap_ends_when_it_was_announced(bench: Bench) -> None:
    bench.advance(49 * HOUR)
    assert not enabled(bench).get("delta/1", False)
    assert enabled(bench)["delta/2"]


def test_customers_lives_go_on(bench: Bench) -> None:
    keys = enabled(bench)
    bench.send("CustomerPlanChanged", customer_id="acme", plan="pro")
    bench.send("CustomerResumed", customer_id="gamma")
    bench.send("KeyRotationRequested", customer_id="beta", overlap_hours=1)
    bench.send("CustomerClosed", customer_id="iota")
    bench.run()
    assert told(bench, "acme") == ["PlanChanged"]
    assert told(bench, "gamma") == ["KeyResumed"]
    assert told(bench, "beta") == ["KeyRotated"]
    assert told(bench, "iota") == ["KeyRevoked"]
    now = enabled(bench)
    assert (keys["gamma/1"], now["gamma/1"]) == (False, True)
    assert now["beta/2"]


def test_the_history_of_that_edition_is_read(bench: Bench) -> None:
    lines = bench.tables["LedgerTable"].scan()["Items"]
    about = [line for line in lines if line["subject"] == "customer#beta"]
    bench.send("CustomerPlanChanged", customer_id="beta", plan="free")
    bench.run()
    after = bench.tables["LedgerTable"].scan()["Items"]
    assert len([one for one in after if one["subject"] == "customer#beta"]) > len(about) > 0
