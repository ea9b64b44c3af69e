"""Resume run: from the ends of stopped runs to the runs that take up what was left with them."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

import start_due_work
from keyward.aws.tables.leases import FUNCTION_SECONDS
from keyward.events.requester import RESUMED
from keyward.runs import run
from keyward.runs.schedule import CALLS, LOOK
from keyward.values import JSON, run_name
from tests.machines.api_lab import Lab
from tests.support import load_event

STOPPED = load_event("execution-stopped")
TIMED_OUT = json.loads(load_event("resume-run")["Records"][1]["body"])
CUSTOMERS, APIS = STOPPED["detail"]["stateMachineArn"], TIMED_OUT["detail"]["stateMachineArn"]


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILE_CUSTOMER_ARN", CUSTOMERS)
    monkeypatch.setenv("PROTECT_API_ARN", APIS)
    monkeypatch.setenv("APPLY_POLICY_ARN", "arn:aws:states:::stateMachine:apply-policy")
    monkeypatch.setenv("RUNS_DLQ_URL", "the-runs-dlq")


def take(lab: Lab, *bodies: object) -> tuple[list[tuple[str, JSON]], list[str]]:
    """Machine and task of all that was started, and the messages that are to come again."""
    sample = load_event("resume-run")["Records"][0]
    texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    records = [sample | {"messageId": f"m{n}", "body": text} for n, text in enumerate(texts)]
    answer = start_due_work.handler({"Records": records}, None)
    failed = [item["itemIdentifier"] for item in answer["batchItemFailures"]]
    return [(machine, task) for machine, _, task in lab.bench.bus.started], failed


def held(lab: Lab, name: str, by: JSON, word: bool) -> None:
    """The run that an event is about holds the lease, with or without another's word."""
    leases, now = lab.bench.registry.leases, lab.bench.clock.now()
    assert leases.acquire(name, by["detail"]["executionArn"], now)
    if word:
        assert leases.acquire(name, "another run", now) is None


def with_detail(**changes: Any) -> JSON:
    """The sample with members of its detail changed."""
    event = copy.deepcopy(STOPPED)
    event["detail"] |= changes
    return event


def test_the_sample_batch_resumes_the_customer_and_the_api_that_somebody_waits_for(
    lab: Lab,
) -> None:
    held(lab, "customer#acme", STOPPED, word=True)
    held(lab, "api#a1b2c3d4e5", TIMED_OUT, word=True)
    assert start_due_work.handler(load_event("resume-run"), None) == {"batchItemFailures": []}
    assert [(machine, task) for machine, _, task in lab.bench.bus.started] == [
        (CUSTOMERS, {"customer_id": "acme"}),
        (APIS, {"rest_api_id": "a1b2c3d4e5"}),
    ]
    assert lab.bench.bus.sent == []


def test_a_run_of_the_policy_is_resumed(lab: Lab) -> None:
    arn = "arn:aws:states:::stateMachine:apply-policy"
    ended = with_detail(stateMachineArn=arn, input="{}")
    held(lab, "policy#in-force", ended, word=True)
    assert take(lab, ended) == ([(arn, {})], [])


def test_only_the_customer_is_taken_from_the_dead_runs_input(lab: Lab) -> None:
    held(lab, "api#a1b2c3d4e5", TIMED_OUT, word=True)
    event = copy.deepcopy(TIMED_OUT)
    task = {"rest_api_id": "a1b2c3d4e5", "stage": "prod", "approve": "0f1e2d3c4b5a6978"}
    event["detail"]["input"] = json.dumps(task)
    assert take(lab, event) == ([(APIS, {"rest_api_id": "a1b2c3d4e5"})], [])


def test_a_repeat_of_the_event_starts_nothing(lab: Lab) -> None:
    held(lab, "customer#acme", STOPPED, word=True)
    assert take(lab, STOPPED, STOPPED) == ([(CUSTOMERS, {"customer_id": "acme"})], [])


def test_the_new_run_takes_the_lease_over_and_clears_the_word(lab: Lab) -> None:
    held(lab, "customer#acme", STOPPED, word=True)
    take(lab, STOPPED)
    bench, dead = lab.bench, STOPPED["detail"]["executionArn"]
    bench.bus.stopped.add(dead)
    bench.clock.advance(FUNCTION_SECONDS)
    lease = run.begin(bench.registry.leases, bench.bus, "customer#acme", "new", bench.clock.now())
    assert lease is not None
    assert not bench.registry.leases.rerun_requested("customer#acme", "new")
    assert bench.registry.leases.release(lease)


def test_a_word_is_taken_up_even_when_the_lease_has_run_out(lab: Lab) -> None:
    held(lab, "customer#acme", STOPPED, word=True)
    lab.bench.clock.advance(1000)
    assert take(lab, STOPPED) == ([(CUSTOMERS, {"customer_id": "acme"})], [])


def test_a_run_that_nobody_waits_for_stays_stopped(lab: Lab) -> None:
    held(lab, "customer#acme", STOPPED, word=False)
    assert take(lab, STOPPED) == ([], [])


def test_a_run_whose_lease_another_took_over_is_left_to_that_one(lab: Lab) -> None:
    held(lab, "customer#acme", TIMED_OUT, word=True)
    assert take(lab, STOPPED) == ([], [])


def test_a_run_that_held_nothing_is_left_alone(lab: Lab) -> None:
    assert take(lab, STOPPED) == ([], [])
    assert lab.bench.bus.sent == []


def failed(**changes: Any) -> JSON:
    """The sample's customer run, failed."""
    return with_detail(status="FAILED", **changes)


def test_a_run_that_failed_beside_its_failure_path_is_taken_up(lab: Lab) -> None:
    held(lab, "customer#acme", STOPPED, word=True)
    assert take(lab, failed(error="States.Runtime")) == ([(CUSTOMERS, {"customer_id": "acme"})], [])


@pytest.mark.parametrize("word", [True, False])
def test_a_failed_run_that_reported_its_failure_starts_nothing(lab: Lab, word: bool) -> None:
    held(lab, "customer#acme", STOPPED, word)
    leases, arn = lab.bench.registry.leases, STOPPED["detail"]["executionArn"]
    assert run.fail_run(leases, "customer#acme", arn) is word, "then it starts over by itself"
    if word:
        assert leases.acquire("customer#acme", arn, lab.bench.clock.now())
    assert take(lab, failed()) == ([], [])


@pytest.mark.parametrize(
    "given", ["[]", '{"customer_id": "../a"}', '{"rest_api_id": "a1b2c3d4e5"}']
)
def test_a_run_that_failed_because_its_input_names_nobody_is_no_trouble(
    lab: Lab, given: str
) -> None:
    assert take(lab, failed(input=given)) == ([], [])
    assert lab.bench.bus.sent == []


def test_each_end_of_a_run_starts_one_that_says_so_in_its_input(lab: Lab) -> None:
    held(lab, "customer#acme", STOPPED, word=True)
    other = STOPPED | {"id": "another-event"}
    assert take(lab, STOPPED, other) == ([(CUSTOMERS, {"customer_id": "acme"})] * 2, [])
    names = [name for _, name, _ in lab.bench.bus.started]
    assert names == [run_name("acme", STOPPED["id"]), run_name("acme", "another-event")]
    assert lab.bench.bus.asked == [{"by": RESUMED}] * 2


@pytest.mark.parametrize("is_joined", [True, False])
def test_work_that_was_left_to_a_run_which_waited_for_its_turn_is_resumed(
    lab: Lab, is_joined: bool
) -> None:
    dead, turns = STOPPED["detail"]["executionArn"], lab.bench.context().turns
    now = lab.bench.clock.now()
    turns.take("customer#acme", dead, LOOK, {CALLS: 5000}, now)
    turns.take("customer#other", "another run", LOOK, {CALLS: 5000}, now)
    turn = turns.of("customer#acme" if is_joined else "customer#other")
    assert turn
    assert turns.join(turn)
    started = [(CUSTOMERS, {"customer_id": "acme"})] if is_joined else []
    assert take(lab, STOPPED) == (started, [])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            with_detail(stateMachineArn="arn:aws:states:::stateMachine:another"),
            "detail.stateMachineArn: must be one of Keyward's state machines. "
            "Look at the rule RunEventsRule",
        ),
        (
            with_detail(executionArn="run-1"),
            "detail.executionArn: must be an ARN. "
            "Send the event Step Functions Execution Status Change as it came",
        ),
        (
            with_detail(stateMachineArn=7),
            "detail.stateMachineArn: must be an ARN. "
            "Send the event Step Functions Execution Status Change as it came",
        ),
    ],
    ids=["machine", "execution", "number"],
)
def test_the_reason_of_a_refusal_names_the_field_and_the_remedy(
    lab: Lab, body: JSON, reason: str
) -> None:
    assert take(lab, body) == ([], [])
    [(_, _, attributes)] = lab.bench.bus.sent
    assert attributes["reason"] == reason


MALFORMED: list[object] = [
    "no json",
    "[]",
    "null",
    {},
    {"detail": "text"},
    with_detail(stateMachineArn=None),
    with_detail(stateMachineArn="arn:aws:states:us-east-1:123456789012:stateMachine:another"),
    with_detail(executionArn=["arn:"]),
    with_detail(input=None),
    failed(input=None),
    with_detail(input="{"),
    with_detail(input="[]"),
    with_detail(input='{"rest_api_id": "a1b2c3d4e5"}'),
    with_detail(input='{"customer_id": "../a"}'),
]


@pytest.mark.parametrize("body", MALFORMED, ids=lambda body: str(body)[-60:])
def test_what_is_malformed_goes_to_the_dlq_with_the_reason_and_harms_nobody(
    lab: Lab, body: object
) -> None:
    held(lab, "customer#acme", STOPPED, word=True)
    assert take(lab, body, STOPPED) == ([(CUSTOMERS, {"customer_id": "acme"})], [])
    ((queue, sent, attributes),) = lab.bench.bus.sent
    assert queue == "the-runs-dlq"
    assert sent == (body if isinstance(body, str) else json.dumps(body))
    assert ": " in attributes["reason"]


def test_what_cannot_be_started_now_comes_again_and_the_next_is_started(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    held(lab, "customer#acme", STOPPED, word=True)
    held(lab, "api#a1b2c3d4e5", TIMED_OUT, word=True)
    start = lab.bench.bus.start

    def busy(machine: str, name: str, task: JSON) -> bool:
        if machine == CUSTOMERS:
            raise ConnectionError("Step Functions is not to be reached")
        return bool(start(machine, name, task))

    monkeypatch.setattr(lab.bench.bus, "start", busy)
    assert take(lab, STOPPED, TIMED_OUT) == ([(APIS, {"rest_api_id": "a1b2c3d4e5"})], ["m0"])
