"""How many keys rotations leave, what repeats a request, and what says that a key leaked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from keyward.policy.parse import default_text
from keyward.values import JSON
from local.bench import Bench

MINUTE, HOUR, DAY = 60, 3600, 86_400
LEAKS = (
    "leaked",
    "Leaked",
    "leak",
    "LEAKED on GitHub",
    "compromised",
    "Stolen laptop",
    "was exposed in a log",
    "pwned",
    "somebody published it",
)


@pytest.fixture
def bench() -> Iterator[Bench]:
    """The shipped policy: a change is known everywhere after two minutes."""
    with Bench(policy=json.loads(default_text())) as made:
        made.send("CustomerSignedUp", customer_id="acme", plan="free")
        made.advance(HOUR)
        yield made


def rotate(bench: Bench, seconds: float, **detail: Any) -> None:
    """A request, and as much time."""
    bench.send("KeyRotationRequested", customer_id="acme", **detail)
    bench.advance(seconds)


def working(bench: Bench) -> list[str]:
    keys = bench.emulator.state.keys.values()
    return sorted(key.settings["name"] for key in keys if key.enabled)


def types(bench: Bench) -> list[str]:
    return [event["detail-type"] for event in bench.announced]


@pytest.mark.parametrize("reason", LEAKS)
@pytest.mark.parametrize("detail", [{}, {"overlap_hours": 24}])
def test_a_reason_that_says_the_key_leaked_stops_it_first(
    bench: Bench, reason: str, detail: JSON
) -> None:
    rotate(bench, MINUTE, reason=reason, **detail)
    assert working(bench) == ["acme/2"]
    assert types(bench)[1:] == ["KeyDisabled", "KeyRotated", "KeyRetired"]


def test_who_says_that_a_key_did_not_leak_is_believed(bench: Bench) -> None:
    rotate(bench, MINUTE, reason="the key of another customer leaked", leaked=False)
    assert working(bench) == ["acme/1", "acme/2"]


def test_a_hundred_rotations_in_two_hours_never_leave_more_than_two_keys(bench: Bench) -> None:
    first, most = bench.value("acme"), 0
    for _ in range(120):
        rotate(bench, MINUTE)
        most = max(most, len(working(bench)))
    assert most == 2
    assert working(bench)[0] == "acme/1"
    assert len(bench.emulator.state.keys) == 2
    assert "CustomerFailed" not in types(bench)
    [retires] = {
        event["detail"]["retires_at"]
        for event in bench.announced
        if event["detail-type"] == "KeyRotated" and event["detail"]["key_id"] == key_id(bench, 2)
    }
    bench.run(until=retires)
    assert first in {key.value for key in bench.emulator.state.keys.values() if key.enabled}
    bench.advance(2 * MINUTE)
    assert len(working(bench)) == 1


def test_plan_changes_by_successor_never_leave_more_than_two_keys() -> None:
    with Bench(policy={"usage_plans": {"a": {}, "b": {}}}) as bench:
        bench.send("CustomerSignedUp", customer_id="acme", plan="a")
        bench.advance(HOUR)
        for number in range(12):
            change = {"plan": "ba"[number % 2], "key": "successor"}
            bench.send("CustomerPlanChanged", customer_id="acme", **change)
            bench.advance(3 * MINUTE)
            assert len(working(bench)) <= 2
            bench.send(
                "KeyRotationRequested" if number % 3 else "UndoRequested", customer_id="acme"
            )
            bench.advance(3 * MINUTE)
            assert len(working(bench)) <= 2
        assert len(bench.emulator.state.keys) == 2


def key_id(bench: Bench, number: int) -> str:
    """The id of a key that was announced as the n-th."""
    told = [e["detail"]["key_id"] for e in bench.announced if e["detail-type"] == "KeyRotated"]
    return str(told[number - 2])


@pytest.mark.parametrize("overlap", [0, 0.05, 1, 168])
@pytest.mark.parametrize("pause", [30, 125, 190, 1000])
def test_at_every_moment_one_key_is_known_everywhere(overlap: float, pause: int) -> None:
    with Bench(policy=json.loads(default_text()), propagation=85) as bench:
        api = bench.api({"/pets": {"get": ["api_key"]}})
        bench.send("CustomerSignedUp", customer_id="acme", plan="free")
        bench.advance(HOUR)
        bench.send("CustomerPlanChanged", customer_id="acme", plan="pro")
        bench.advance(HOUR)
        values = {bench.value("acme")}
        for _ in range(6):
            bench.send("KeyRotationRequested", customer_id="acme", overlap_hours=overlap)
            for _ in range(5):
                bench.advance(pause / 5)
                values |= {key.value for key in bench.emulator.state.keys.values()}
                assert 200 in {bench.call(api, "prod", "GET", "/pets", key=v) for v in values}


def test_a_request_that_a_sender_repeats_is_one_request(bench: Bench) -> None:
    for _ in range(3):
        rotate(bench, 40)
    assert working(bench) == ["acme/1", "acme/2"]
    assert types(bench).count("KeyRotated") == 1
    bench.send("UndoRequested", customer_id="acme", what="rotation")
    bench.advance(MINUTE)
    last = [event for event in bench.announced if event["detail-type"] == "KeyRotated"][-1]
    assert last["detail"]["reason"] == "undone"


def test_the_word_that_a_key_leaked_is_no_repeat(bench: Bench) -> None:
    rotate(bench, 20)
    rotate(bench, 20, leaked=True)
    assert working(bench) == ["acme/3"]


def test_an_undone_rotation_is_none_that_a_request_repeats(bench: Bench) -> None:
    rotate(bench, 20)
    bench.send("UndoRequested", customer_id="acme", what="rotation")
    bench.advance(20)
    rotate(bench, 20)
    assert working(bench) == ["acme/1", "acme/3"]


def test_the_undo_of_a_rotation_within_an_overlap_keeps_the_key_in_use(bench: Bench) -> None:
    rotate(bench, 10 * MINUTE)
    rotate(bench, 10 * MINUTE)
    assert working(bench) == ["acme/1", "acme/3"]
    bench.send("UndoRequested", customer_id="acme", what="rotation")
    bench.advance(9 * DAY)
    assert working(bench) == ["acme/1"]


def test_a_rotation_waits_for_the_end_of_an_overlap_that_is_near(bench: Bench) -> None:
    rotate(bench, HOUR - MINUTE, overlap_hours=1)
    rotate(bench, 30, overlap_hours=1)
    assert working(bench) == ["acme/1", "acme/2"]
    bench.advance(3 * MINUTE)
    assert working(bench) == ["acme/2", "acme/3"]


@pytest.mark.parametrize("keys", [1, 2])
@pytest.mark.parametrize("lost", ["successor", "both"])
def test_deleted_keys_leave_no_more_than_one_overlap_a_key(keys: int, lost: str) -> None:
    with Bench() as bench:
        bench.send("CustomerSignedUp", customer_id="acme", plan="free", keys=keys)
        bench.advance(MINUTE)
        for _ in range(2):
            rotate(bench, MINUTE)
            for newest in working(bench)[-keys if lost == "both" else -1 :]:
                delete(bench, newest)
            bench.advance(MINUTE)
        rotate(bench, MINUTE)
        assert len(working(bench)) <= 2 * keys


@pytest.mark.parametrize("way_back", ["console", "resumed", "signed up again"])
@pytest.mark.parametrize("request_of_another", ["rotation", "plan change"])
def test_a_key_that_a_person_wants_back_adds_no_overlap(
    bench: Bench, way_back: str, request_of_another: str
) -> None:
    rotate(bench, HOUR)
    disable(bench, "acme/1")
    if request_of_another == "rotation":
        rotate(bench, HOUR)
    else:
        bench.send("CustomerPlanChanged", customer_id="acme", plan="pro", key="successor")
        bench.advance(HOUR)
    assert working(bench) == ["acme/2", "acme/3"]
    if way_back == "console":
        bench.account.executions.begin("reconcile_customer", "by-hand", {"customer_id": "acme"})
    elif way_back == "resumed":
        bench.send("CustomerResumed", customer_id="acme")
    else:
        # The keys that work are disabled when the other one is wanted back.
        bench.tables["CustomersTable"].delete_item(Key={"customer_id": "acme"})
        bench.advance(HOUR)
        plan = "free" if request_of_another == "rotation" else "pro"
        bench.send("CustomerSignedUp", customer_id="acme", plan=plan)
    bench.advance(HOUR)
    assert working(bench) == ["acme/2", "acme/3"]
    assert "KeyRetired" in types(bench)
    assert bench.audit()["findings"] == []


def test_of_several_keys_that_are_wanted_back_the_newest_works_on(bench: Bench) -> None:
    for number in (1, 2, 3):
        rotate(bench, HOUR)
        disable(bench, f"acme/{number}")
    assert working(bench) == ["acme/4"]
    bench.send("CustomerResumed", customer_id="acme")
    bench.advance(HOUR)
    assert working(bench) == ["acme/3", "acme/4"]
    assert bench.audit()["findings"] == []


def delete(bench: Bench, name: str) -> None:
    """Somebody deletes a key by hand."""
    bench.gateway.delete_api_key(apiKey=id_of(bench, name))


def disable(bench: Bench, name: str) -> None:
    """Somebody disables a key by hand."""
    change = {"op": "replace", "path": "/enabled", "value": "false"}
    bench.gateway.update_api_key(apiKey=id_of(bench, name), patchOperations=[change])
    bench.advance(MINUTE)


def id_of(bench: Bench, name: str) -> str:
    [key] = [key for key in bench.emulator.state.keys.values() if key.settings["name"] == name]
    return key.id
