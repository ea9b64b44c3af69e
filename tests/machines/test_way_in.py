"""The way in under load: what stops a key stands behind nothing, and a burst leaves room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

import start_customer_reconcile
from keyward.errors import PassingError
from keyward.values import JSON
from local.bench import Bench
from local.lifetime.queues import Streams
from tests import tree

STOP_SECONDS = 2
STOPS: dict[str, tuple[str, JSON]] = {
    "suspended": ("CustomerSuspended", {"reason": "abuse"}),
    "closed": ("CustomerClosed", {}),
    "leaked": ("KeyRotationRequested", {"leaked": True}),
    "leaked, in words": ("KeyRotationRequested", {"reason": "leaked"}),
}
STOPPING = ("UpdateApiKey", "DeleteApiKey")


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench(quotas=True) as made:
        yield made


def sign_up(bench: Bench, *names: str) -> None:
    for name in names:
        bench.send("CustomerSignedUp", customer_id=name, plan="free")


def stopped(bench: Bench, key_id: str, since: float) -> float:
    """How many seconds it took until API Gateway was asked to stop the key."""
    return min(
        call["at"] - since
        for call in bench.calls
        if call["operation"] in STOPPING and call["params"]["apiKey"] == key_id
    )


def key_of(bench: Bench, customer_id: str) -> str:
    [key_id] = [
        key.id
        for key in bench.emulator.state.keys.values()
        if key.settings["name"] == f"{customer_id}/1"
    ]
    return str(key_id)


@pytest.mark.parametrize("burst", [100, pytest.param(300, marks=pytest.mark.sizes)])
@pytest.mark.parametrize(("stop", "moment"), [*zip(STOPS, (0, 0.5, 2, 5), strict=True)])
def test_what_stops_a_key_is_there_within_two_seconds_of_a_burst(
    bench: Bench, stop: str, moment: float, burst: int
) -> None:
    sign_up(bench, "acme")
    bench.advance(60)
    key_id = key_of(bench, "acme")
    sign_up(bench, *(f"customer-{n}" for n in range(burst)))
    bench.advance(moment)
    began = bench.clock.now()
    detail_type, detail = STOPS[stop]
    bench.send(detail_type, customer_id="acme", **detail)
    bench.advance(STOP_SECONDS)
    assert stopped(bench, key_id, began) <= STOP_SECONDS


@pytest.mark.parametrize("stop", STOPS)
def test_what_stops_a_key_does_not_wait_for_the_stream(
    bench: Bench, stop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_up(bench, "acme")
    bench.advance(60)
    key_id, began = key_of(bench, "acme"), bench.clock.now()
    with monkeypatch.context() as patch:
        patch.setattr(Streams, "_deliver", lambda *_: None)
        detail_type, detail = STOPS[stop]
        bench.send(detail_type, customer_id="acme", **detail)
        bench.advance(STOP_SECONDS)
    assert stopped(bench, key_id, began) <= STOP_SECONDS


def test_the_streams_later_word_of_a_stop_writes_nothing(bench: Bench) -> None:
    sign_up(bench, "acme")
    bench.advance(60)
    bench.send("CustomerSuspended", customer_id="acme")
    bench.advance(60)
    asked = Counter(call["operation"] for call in bench.calls)
    assert asked["UpdateApiKey"] == 1
    assert [e["detail-type"] for e in bench.announced] == ["KeyIssued", "KeySuspended"]


def test_a_customer_whose_record_is_held_up_holds_up_few_others(bench: Bench) -> None:
    names = [f"customer-{n}" for n in range(30)]
    taken = start_customer_reconcile.Starter.take

    def take(self: Any, item: Any) -> None:
        if item.body["customer_id"] == names[0]:
            raise PassingError("held up")
        taken(self, item)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(start_customer_reconcile.Starter, "take", take)
        for name in names:
            bench.put(customer_id=name, plan="free", status="active")
        bench.advance(30)
    runs = [run for run in bench.runs if run.machine == "reconcile_customer"]
    started = {run.input["customer_id"] for run in runs}
    assert len(names) > len(started) > len(names) * 0.7


def test_no_queue_takes_more_of_lambda_than_its_share(bench: Bench) -> None:
    at_work, most = Counter[str](), Counter[str]()
    begin = bench.account.queues._invoke

    def watched(function: str, payload: JSON, then: Any) -> None:
        def ended(answer: Any, error: Any) -> None:
            at_work[function] -= 1
            then(answer, error)

        at_work[function] += 1
        most[function] = max(most[function], at_work[function])
        # A real batch takes its time; here only calls of API Gateway do.
        bench.account.scheduler.after(1, lambda: begin(function, payload, ended))

    bench.account.queues._invoke = watched
    sign_up(bench, *(f"customer-{n}" for n in range(1000)))
    bench.advance(3)
    [mapping] = [source for source in bench.stack.sources if source.queue == "CustomersQueue"]
    assert most["RecordCustomer"] == mapping.at_once < 100


def test_every_queue_but_the_one_of_stops_has_a_most_of_lambda() -> None:
    for name, mapping in tree.deployed_resources("AWS::Lambda::EventSourceMapping").items():
        properties = mapping["Properties"]
        if "StartingPosition" in properties:
            assert 1 < properties["ParallelizationFactor"] <= 10, name
        else:
            most = properties.get("ScalingConfig", {}).get("MaximumConcurrency")
            assert most is None if name == "StopsMapping" else 2 <= most <= 20, name


def test_changes_of_one_customer_come_in_order_however_many_batches_go_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    came: dict[str, list[str]] = {}
    at_work: list[int] = []

    def take(self: Any, item: Any) -> None:
        at_work.append(len(bench.account.at_work))
        bench.account.scheduler.sleep(0.05)
        came.setdefault(item.body["customer_id"], []).append(item.body["plan"])

    monkeypatch.setattr(start_customer_reconcile.Starter, "take", take)
    plans = [f"plan-{n}" for n in range(12)]
    for plan in plans:
        for n in range(20):
            bench.put(customer_id=f"customer-{n}", plan=plan, status="active")
    bench.advance(60)
    assert came == {f"customer-{n}": plans for n in range(20)}
    assert max(at_work) > 5
