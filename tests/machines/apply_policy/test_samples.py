"""The samples in events/ are what apply-policy gets and what it announces."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.bench import PARAMETER, Bench
from local.lifetime.account import DEFAULT_BUS
from local.lifetime.states import StateFailed
from tests.apis.test_task_samples import shape
from tests.machines.policy_lab import FREE, answer, customer, edit, plan, policy
from tests.support import load_event


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


def held(bench: Bench) -> str:
    """An edit is held: its fingerprint."""
    customer(bench)
    narrow = policy(free=FREE | {"quota": {"limit": 10, "period": "DAY"}}, pro={})
    return str(edit(bench, narrow)[0]["fingerprint"])


@pytest.mark.parametrize("name", ["policy-held", "policy-applied-changes", "policy-refused"])
def test_a_sample_is_made_as_what_is_announced(bench: Bench, name: str) -> None:
    answer(bench, "PolicyApproved", fingerprint=held(bench))
    edit(bench, {"usage_plans": {}})
    sample = load_event(name)
    made = [e["detail"] for e in bench.announced if e["detail-type"] == sample["detail-type"]]
    assert shape(sample["detail"]) in [shape(detail) for detail in made]


@pytest.mark.parametrize(("name", "limit"), [("policy-approved", 10), ("policy-rejected", 1000)])
def test_a_sample_of_an_answer_answers(bench: Bench, name: str, limit: int) -> None:
    envelope = load_event(name) | {"detail": {"fingerprint": held(bench)}}
    bench.account.deliver(bench.stack.ref("EventBus"), envelope)
    bench.advance(100)
    assert plan(bench)["quota"]["limit"] == limit


@pytest.mark.parametrize("name", ["policy-parameter-changed", "policy-object-put"])
def test_the_sample_of_a_changed_policy_starts_a_run(bench: Bench, name: str) -> None:
    sample = load_event(name)
    assert sample["detail"].get("name", PARAMETER) == PARAMETER
    bench.account.deliver(DEFAULT_BUS, sample)
    bench.run()
    assert [run.machine for run in bench.runs] == ["apply_policy"]


def test_a_console_run_without_input_compares_anew(bench: Bench) -> None:
    customer(bench)
    run = bench.account.executions.begin("apply_policy", "by-hand", load_event("apply-policy"))
    bench.run()
    assert (run.status, run.output["next"]) == ("SUCCEEDED", "end")


def test_the_samples_of_tasks_are_taken(bench: Bench) -> None:
    assert bench.invoke("UpdatePlan", load_event("update-plan"))["next"] == "end"
    with pytest.raises(StateFailed, match="must be the fingerprint of what is held of the policy"):
        bench.invoke("PlanPolicy", load_event("plan-policy"))
