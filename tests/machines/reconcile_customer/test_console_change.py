"""A person starts a run with a change: fields of a sign-up, or a whole event, pasted in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from keyward.events.key_value import new_value
from local.bench import Bench
from local.lifetime.executions import Execution
from tests import tree

POLICY = {
    "usage_plans": {
        name: {"quota": {"limit": 1000, "period": "MONTH"}} for name in ("free", "pro", "reports")
    },
    "propagation_seconds": 0,
    "billing": {"stripe": {"plans": {"price_1": "pro"}}},
}
SAMPLES = sorted((tree.ROOT / "events" / "in").glob("*.json"))
# What is no change of a customer.
OTHERS = ("cloudtrail-", "deployment-", "execution-", "look-", "onboarding-file", "policy-")
OTHERS += ("rollback-",)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


def start(bench: Bench, task: Any) -> Execution:
    arn, count = bench.stack.ref("ReconcileCustomer"), len(bench.runs)
    bench.account.executions.start_execution(arn, f"by-hand-{count}", json.dumps(task))
    bench.run()
    return bench.runs[count]


def record(bench: Bench, customer_id: str = "acme") -> dict[str, Any]:
    found = bench.tables["CustomersTable"].get_item(Key={"customer_id": customer_id})
    return dict(found.get("Item", {}))


def told(bench: Bench) -> list[str]:
    return [event["detail-type"] for event in bench.announced]


def sample(name: str) -> Any:
    return json.loads((tree.ROOT / "events" / "in" / name).read_text("utf-8"))


def test_fields_of_a_sign_up_bring_a_new_customer(bench: Bench) -> None:
    task = {"customer_id": "acme", "plan": "free", "name": "Acme", "keys": 2, "Comment": "new"}
    run = start(bench, task)
    assert run.status == "SUCCEEDED"
    # The run of the table's stream left word meanwhile, so this one started over.
    did = [action["action"] for action in run.output["actions"]]
    assert did == ["create_key", "attach_key"] * 2
    assert (record(bench)["plan"], record(bench)["status"]) == ("free", "active")
    assert told(bench) == ["KeyIssued", "KeyIssued"]
    assert bench.announced[0]["detail"]["caused_by"]["source"] == "console"
    before = len(bench.calls)
    assert start(bench, task).status == "SUCCEEDED"
    writes = [c for c in bench.calls[before:] if not c["operation"].startswith("Get")]
    assert writes == []


def test_an_event_and_an_entry_of_put_events_bring_one(bench: Bench) -> None:
    event = sample("customer-signed-up.json")
    entry = {"DetailType": event["detail-type"], "Source": "x", "EventBusName": "keyward"}
    other = event["detail"] | {"customer_id": "globex"}
    third = json.dumps(event["detail"] | {"customer_id": "initech"})
    for task in (
        event,
        entry | {"Detail": other},
        {"Entries": [entry | {"Detail": third}]},
    ):
        assert start(bench, task).status == "SUCCEEDED"
    issued = [e["detail"]["customer_id"] for e in bench.announced]
    assert issued == ["acme", "globex", "initech"]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_sample_event_can_be_pasted(path: Any) -> None:
    with Bench(policy=POLICY) as bench:
        start(bench, {"customer_id": "acme", "plans": ["free", "reports"]})
        bench.advance(1)
        before = record(bench)
        task = json.loads(path.read_text("utf-8"))
        run = start(bench, task)
        assert run.status == "SUCCEEDED", run.output
        if path.name.startswith(OTHERS):
            assert {*run.output["refused"]} == {"error", "reason", "remedy"}
            assert record(bench) == before
        else:
            assert told(bench)[-1:] != ["CustomerFailed"]


VALUE = new_value("kw")

REFUSED = {
    "a misspelt field": ({"customer_id": "acme", "plan": "free", "kees": 2}, "kees: "),
    "an unknown plan": ({"customer_id": "acme", "plan": "gold"}, "plan: must be a plan of the"),
    "two ways to say it": ({"customer_id": "acme", "plan": "free", "plans": ["free"]}, "plans"),
    "a sign-up without a plan": ({"customer_id": "acme", "name": "Acme"}, "detail.plan"),
    "no customer": ({"plan": "free"}, "customer_id: is missing"),
    "a bad number": ({"customer_id": "acme", "plan": "free", "keys": 9}, "detail.keys"),
    "another status": (
        {"customer_id": "acme", "plan": "free", "status": "closed"},
        "status: must be active",
    ),
    "a customer that never signed up": (
        {"detail-type": "CustomerSuspended", "detail": {"customer_id": "acme"}},
        "the Customers table has no customer acme",
    ),
    "an unknown detail-type": (
        {"detail-type": "CustomerSigned", "detail": {"customer_id": "acme"}},
        "detail-type",
    ),
    "an unknown member of the detail": (
        {"detail-type": "CustomerSignedUp", "detail": {"customer_id": "a", "plan": "free", "x": 1}},
        "detail.x",
    ),
    "a detail that is no object": ({"detail-type": "CustomerClosed", "detail": "x"}, "detail"),
    "an entry whose detail is no JSON": ({"DetailType": "PlanAdded", "Detail": "{"}, "detail"),
    "two entries": ({"Entries": [{}, {}]}, "Entries"),
    "a member that no event has": ({"detail-type": "CustomerClosed", "plan": "x"}, "plan: "),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("dry_run", [True, False])
def test_what_cannot_be_right_is_refused_and_nothing_is_recorded(
    bench: Bench, case: str, dry_run: bool
) -> None:
    task, reason = REFUSED[case]
    run = start(bench, task | {"dry_run": dry_run})
    assert run.status == "SUCCEEDED"
    assert reason in run.output["refused"]["reason"]
    # It came by no queue: no DLQ has it.
    helps = {"keyward send --help", "keyward start --help", "keyward history acme"}
    assert run.output["refused"]["remedy"] in helps
    assert bench.announced == []
    assert record(bench) == {}
    assert bench.calls == []


@pytest.mark.parametrize(
    "task",
    [
        {"customer_id": VALUE},
        {"customer_id": "acme", "plan": VALUE},
        {"customer_id": "acme", "plan": "free", "description": f"for {VALUE}"},
        {"customer_id": "acme", "plan": "free", VALUE: 1},
        {"detail-type": VALUE, "detail": {"customer_id": "acme"}},
        {"detail-type": "CustomerClosed", "detail": {"customer_id": "acme", "reason": VALUE}},
        {"detail-type": "CustomerClosed", VALUE: 1},
        {"DetailType": "CustomerClosed", "Detail": VALUE},
    ],
    ids=range(8),
)
def test_a_value_that_is_pasted_is_refused_and_repeated_nowhere(
    bench: Bench, task: dict[str, Any]
) -> None:
    run = start(bench, task)
    assert run.status == "SUCCEEDED"
    assert "refused" in run.output
    tables = [list(table.scan()["Items"]) for table in bench.tables.values()]
    assert VALUE not in str([run.output, bench.announced, tables])


def test_a_dry_run_shows_what_a_change_would_do_and_records_nothing(bench: Bench) -> None:
    run = start(bench, {"customer_id": "acme", "plan": "free", "dry_run": True})
    assert [action["action"] for action in run.output["actions"]] == ["create_key", "attach_key"]
    assert record(bench) == {}
    assert bench.calls == []
    start(bench, {"customer_id": "acme", "plan": "free"})
    closing = {"detail-type": "CustomerClosed", "detail": {"customer_id": "acme"}}
    run = start(bench, closing | {"dry_run": True})
    assert [action["action"] for action in run.output["actions"]] == ["delete_key"]
    assert record(bench)["status"] == "active"


def test_a_run_that_fails_after_the_change_is_announced_for_its_customer(bench: Bench) -> None:
    bench.gateway.create_usage_plan(name="free", tags={"keyward": "another"})
    detail = {"customer_id": "acme", "plan": "free"}
    run = start(bench, {"detail-type": "CustomerSignedUp", "detail": detail})
    assert run.status == "FAILED"
    failed = [e["detail"] for e in bench.announced if e["detail-type"] == "CustomerFailed"]
    said = {(event["customer_id"], event["error"]) for event in failed}
    assert said == {("acme", "PlanOfAnotherStackError")}


def test_a_removed_customer_is_refused_until_it_signs_up_again(bench: Bench) -> None:
    start(bench, {"customer_id": "acme", "plan": "free"})
    bench.remove("acme")
    bench.advance(5)
    run = start(bench, {"detail-type": "CustomerResumed", "detail": {"customer_id": "acme"}})
    assert "was deleted" in run.output["refused"]["reason"]
    assert start(bench, {"customer_id": "acme", "plan": "free"}).status == "SUCCEEDED"
    assert told(bench)[-1] == "KeyResumed"


def test_a_run_that_starts_over_says_one_action_as_a_list(bench: Bench) -> None:
    start(bench, {"customer_id": "acme", "plan": "free"})
    run = start(bench, {"detail-type": "CustomerSuspended", "detail": {"customer_id": "acme"}})
    assert [action["action"] for action in run.output["actions"]] == ["disable_key"]


def test_a_run_that_starts_over_records_its_change_once(bench: Bench) -> None:
    start(bench, {"customer_id": "acme", "plan": "free"})
    bench.fault("lambda", "ConcludeCustomer", 1, "death_before")
    by = {"customer_id": "acme", "by": 500}
    run = start(bench, {"detail-type": "QuotaExtensionRequested", "detail": by})
    bench.advance(600)
    assert run.status == "SUCCEEDED"
    assert told(bench).count("QuotaExtended") == 1
