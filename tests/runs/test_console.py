"""What a person gives a run of reconcile-customer: which change it is, when, and for whom."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator

import pytest

from keyward.customers.model import manual_fields
from keyward.errors import CustomerNotFoundError, InvalidEventError, InvalidInputError
from keyward.policy.model import Policy
from keyward.policy.parse import default_text, parse
from keyward.runs.console import MAX_NAMED, bring, customer_in
from keyward.values import HOUR, JSON, iso
from tests.support import Bench, load_event, put_in_force, workbench

ARN = "arn:aws:states:us-east-1:123456789012:execution:reconcile-customer:by-hand-1"
SIGN_UP: JSON = {"customer_id": "acme", "plan": "free", "execution_arn": ARN}
CLOSE: JSON = {"detail-type": "CustomerClosed", "detail": {"customer_id": "acme"}}
STRIPE = load_event("stripe-subscription-created")
POLICY = json.loads(default_text()) | {
    "billing": {
        "stripe": {"plans": {"price_1QExamplePro": "pro"}},
        "sbt": {"plans": {"basic": "free"}},
    }
}


@pytest.fixture
def bench() -> Iterator[Bench]:
    with workbench() as made:
        made.ssm.put_parameter(Name="policy", Value=json.dumps(POLICY), Overwrite=True)
        put_in_force(made.registry)
        yield made


def record(bench: Bench, customer_id: str = "acme") -> JSON | None:
    return bench.registry.customers.desired(customer_id)


def reason(bench: Bench, task: JSON) -> str:
    before = record(bench)
    with pytest.raises(InvalidInputError) as refusal:
        bring(task, bench.context())
    assert record(bench) == before
    return str(refusal.value)


def test_what_is_left_of_the_task_is_about_the_customer_alone(bench: Bench) -> None:
    more = {"look": True, "begun": None, "asked": {"by": "console"}, "tries": 1, "Comment": "new"}
    task = SIGN_UP | {"name": "Acme"} | more
    left = {"customer_id": "acme", "execution_arn": ARN} | more
    assert bring(task | {"dry_run": False}, bench.context()) == (left | {"dry_run": False}, None)
    found = record(bench)
    assert found
    assert (found["plan"], found["name"], found["status"]) == ("free", "Acme", "active")


def test_a_dry_run_gives_the_record_as_it_would_be_and_writes_nothing(bench: Bench) -> None:
    left, wanted = bring(SIGN_UP | {"dry_run": True}, bench.context())
    assert left == {"customer_id": "acme", "dry_run": True, "execution_arn": ARN}
    assert wanted
    assert wanted["plan"] == "free"
    assert record(bench) is None


def test_a_change_counts_as_of_the_runs_begin_whatever_times_stand_in_it(bench: Bench) -> None:
    begun = bench.clock.now() - HOUR
    old = load_event("customer-signed-up") | {"time": "2020-01-01T00:00:00Z"}
    old["detail"]["occurred_at"] = "2021-01-01T00:00:00Z"
    bring(old | {"begun": iso(begun)}, bench.context())
    found = record(bench)
    assert found
    assert found["recorded"]["plan"]["at"] == int(begun)
    bring(CLOSE, bench.context())
    closed = record(bench)
    assert closed
    assert closed["recorded"]["status"]["at"] == int(bench.clock.now())


def test_a_change_names_the_run_that_brought_it_or_its_own_event(bench: Bench) -> None:
    bring(SIGN_UP, bench.context())
    found = record(bench)
    assert found
    assert found["asked"]["plan"]["event_id"] == "by-hand-1"
    bring(CLOSE | {"id": "an-event", "execution_arn": ARN}, bench.context())
    closed = record(bench)
    assert closed
    assert closed["asked"]["status"]["event_id"] == "an-event"


def test_a_change_of_no_run_names_none(bench: Bench) -> None:
    bring({"customer_id": "acme", "plan": "free"}, bench.context())
    found = record(bench)
    assert found
    assert found["asked"]["plan"].get("event_id", "") == ""


def test_an_event_of_another_system_counts_as_of_the_runs_begin(bench: Bench) -> None:
    bring(load_event("sbt-onboarding-request"), bench.context())
    tenant = load_event("sbt-onboarding-request")["detail"]["tenantId"]
    found = record(bench, tenant)
    assert found
    assert found["recorded"]["plan"]["at"] == int(bench.clock.now())
    bring(load_event("sbt-deactivate-request"), bench.context())
    stopped = record(bench, tenant)
    assert stopped
    assert (stopped["status"], stopped["recorded"]["status"]["at"]) == (
        "suspended",
        int(bench.clock.now()),
    )


def test_an_event_that_means_nothing_for_keys_is_refused(bench: Bench) -> None:
    event = copy.deepcopy(STRIPE)
    event["detail"]["data"]["object"]["status"] = "incomplete"
    assert reason(bench, event) == (
        "detail: must say something about the customer's keys, got nothing. Send it no more"
    )


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (
            SIGN_UP | {"status": "closed"},
            "status: must be active. Send CustomerSuspended or CustomerClosed for another",
        ),
        (
            SIGN_UP | {"plan": "gold"},
            "plan: must be a plan of the policy, got gold. Use one of free, pro",
        ),
        (
            {"customer_id": "acme", "plans": ["free", "gold"]},
            "plan: must be a plan of the policy, got gold. Use one of free, pro",
        ),
    ],
    ids=["status", "plan", "plans"],
)
def test_what_is_refused_says_what_may_stand_there(bench: Bench, task: JSON, words: str) -> None:
    assert reason(bench, task) == words


def test_of_many_plans_the_first_are_named(bench: Bench) -> None:
    names = [f"plan-{number:02}" for number in range(MAX_NAMED + 1)]
    many = POLICY | {"usage_plans": {name: {} for name in reversed(names)}, "billing": {}}
    bench.ssm.put_parameter(Name="policy", Value=json.dumps(many), Overwrite=True)
    put_in_force(bench.registry)
    assert reason(bench, SIGN_UP).endswith(f"Use one of {', '.join(names[:MAX_NAMED])}")


def test_a_record_that_is_active_may_be_pasted_as_a_sign_up(bench: Bench) -> None:
    bring(SIGN_UP | {"status": "active"}, bench.context())
    found = record(bench)
    assert found
    assert "status" not in found["recorded"].get("changes", {})
    assert found["status"] == "active"


REMOVED: JSON = {
    "detail-type": "PlanRemoved",
    "detail": {"customer_id": "acme", "plan": "gold"},
}


def test_a_plan_that_the_policy_names_no_longer_can_be_taken_away(bench: Bench) -> None:
    bring({"customer_id": "acme", "plans": ["free", "pro"]}, bench.context())
    table = bench.tables["CustomersTable"]
    put = dict(table.get_item(Key={"customer_id": "acme"})["Item"])
    put["plans"] = ["free", "pro", "gold"]
    table.put_item(Item=put)
    now = int(bench.clock.now())
    bench.registry.customers.note_dates("acme", manual_fields(record(bench) or {}), now)
    bench.clock.advance(1)
    bring(REMOVED, bench.context())
    found = record(bench)
    assert found
    assert found["plans"] == ["free", "pro"]


def test_a_plan_that_nobody_knows_cannot_be_taken_away(bench: Bench) -> None:
    bring({"customer_id": "acme", "plans": ["free", "pro"]}, bench.context())
    before = record(bench)
    with pytest.raises(InvalidEventError) as refusal:
        bring(REMOVED, bench.context())
    assert str(refusal.value) == (
        "detail.plan: must be a plan of the customer or of the policy, got gold. "
        "Correct it and send it again"
    )
    assert record(bench) == before


def test_nobody_is_changed_who_never_signed_up(bench: Bench) -> None:
    with pytest.raises(CustomerNotFoundError) as refusal:
        bring(CLOSE | {"detail-type": "CustomerSuspended"}, bench.context())
    assert str(refusal.value) == (
        "customer_id: the Customers table has no customer acme. Send CustomerSignedUp first"
    )
    assert record(bench) is None


POLICY_OF_STRIPE: Policy = parse(json.dumps(POLICY))


@pytest.mark.parametrize(
    ("task", "policy", "customer_id"),
    [
        ({"customer_id": "acme"}, None, "acme"),
        ({"customer_id": "acme"}, POLICY_OF_STRIPE, "acme"),
        (CLOSE, None, "acme"),
        ({"DetailType": "CustomerClosed", "Detail": json.dumps(CLOSE["detail"])}, None, "acme"),
        (STRIPE, POLICY_OF_STRIPE, "CUSTOMER"),
    ],
    ids=range(5),
)
def test_the_customer_of_an_input_is_found_wherever_it_stands(
    task: JSON, policy: Policy | None, customer_id: str
) -> None:
    about = STRIPE["detail"]["data"]["object"].get("metadata", {})
    wanted = customer_id.replace("CUSTOMER", str(about.get("customer_id")))
    assert customer_in(task, policy) == wanted


@pytest.mark.parametrize(
    ("task", "policy"),
    [
        ({}, POLICY_OF_STRIPE),
        ("acme", POLICY_OF_STRIPE),
        (STRIPE, None),
        (CLOSE | {"detail": {}}, POLICY_OF_STRIPE),
    ],
    ids=range(4),
)
def test_an_input_that_names_nobody_is_refused(task: object, policy: Policy | None) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        customer_in(task, policy)
    assert refusal.value.field == "customer_id"
