"""What somebody on call asks at night: how things stand, what happened, and how to take it back."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.cli.desk import Desk, desk_of

HOUR = 3600


@pytest.fixture
def desk(capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    with desk_of(capsys) as made:
        yield made


def customers(desk: Desk, *names: str) -> None:
    for name in names:
        desk.bench.send("CustomerSignedUp", customer_id=name, plan="free")
    desk.bench.advance(HOUR)


def enabled(desk: Desk) -> dict[str, bool]:
    keys = desk.bench.emulator.state.keys.values()
    return {str(key.settings["name"]).partition("/")[0]: bool(key.enabled) for key in keys}


def test_suspensions_by_mistake_are_undone_together(desk: Desk) -> None:
    customers(desk, "ann", "bob", "cem", "dan", "eve")
    desk.bench.send("CustomerSuspended", customer_id="eve")
    desk.bench.advance(3 * HOUR)
    for name in ("ann", "bob", "cem", "dan"):
        desk.bench.send("CustomerSuspended", customer_id=name)
    desk.bench.advance(HOUR / 2)
    desk.bench.send("CustomerClosed", customer_id="cem")
    desk.bench.send("CustomerResumed", customer_id="dan")
    desk.bench.advance(HOUR / 2)
    words = ("undo", "--since", "2h", "--what", "suspension")
    assert desk.run(*words, "--dry-run")[:2] == (
        0,
        "would change for ann: status suspended -> active\n"
        "would change for bob: status suspended -> active\n",
    )
    assert enabled(desk)["ann"] is False
    code, out, _ = desk.run(*words)
    assert (code, out.count("sent UndoRequested for")) == (0, 2)
    assert enabled(desk) == {"ann": True, "bob": True, "dan": True, "eve": False}
    assert desk.run(*words)[:2] == (1, "there is no suspension to undo\n")


def test_a_dry_run_tells_what_an_undo_would_change(desk: Desk) -> None:
    customers(desk, "acme")
    asks = ("undo", "--customer", "acme", "--dry-run")
    assert "nothing. detail.what: must name a change" in desk.run(*asks)[1]
    for kind, members, words in (
        ("CustomerPlanChanged", {"plan": "pro"}, "plan pro -> free"),
        ("CustomerSuspended", {}, "status suspended -> active"),
        ("PlanAdded", {"plan": "free"}, "plan pro, free -> pro"),
        ("KeyRotationRequested", {}, "the key that was replaced stays, and its successor ends"),
    ):
        desk.bench.send(kind, customer_id="acme", **members)
        desk.bench.advance(HOUR)
        assert desk.run(*asks)[:2] == (0, f"would change for acme: {words}\n")


def test_an_undo_of_nothing_is_refused_before_it_is_sent(desk: Desk) -> None:
    bench = desk.bench
    bench.send("CustomerSignedUp", customer_id="acme", plan="free")
    bench.send("CustomerSuspended", customer_id="acme")
    bench.advance(60)
    asks = ("undo", "--customer", "acme", "--what", "suspension")
    assert desk.run(*asks)[0] == 0
    bench.advance(60)
    announced = len(bench.announced)
    code, out, err = desk.run(*asks)
    bench.run()
    assert (code, out, "detail.what" in err) == (2, "", True)
    assert len(bench.announced) == announced


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--since", "2h"),
        ("--since", "2h", "--what", "suspension", "--customer", "ann"),
        ("--since", "soon", "--what", "suspension"),
    ],
)
def test_an_undo_names_one_customer_or_a_time_and_a_change(
    desk: Desk, words: tuple[str, ...]
) -> None:
    assert desk.run("undo", *words)[0] == 2


def test_the_history_tells_what_was_done_in_words(desk: Desk) -> None:
    customers(desk, "acme")
    desk.bench.send("CustomerPlanChanged", customer_id="acme", plan="pro")
    desk.bench.advance(HOUR)
    desk.bench.send("CustomerSuspended", customer_id="acme", reason="invoice 4711")
    desk.bench.advance(HOUR)
    (key_id,) = desk.bench.emulator.state.keys
    out = desk.run("history", "acme")[1]
    told = [line.partition("  ")[2] for line in out.splitlines()[::2]]
    assert told == [
        f"made key acme/1 ({key_id})",
        "put key acme/1 into plan free",
        "moved key acme/1 into plan pro",
        "disabled key acme/1 (invoice 4711)",
    ]


def test_the_history_tells_what_was_extended_until_when_and_what_failed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    free = {"quota": {"limit": 1000, "period": "MONTH"}}
    with desk_of(capsys, policy={"usage_plans": {"free": free}}) as desk:
        customers(desk, "acme")
        # The second period gets as much as the first.
        for _ in range(2):
            desk.bench.send("QuotaExtensionRequested", customer_id="acme", by=500)
            desk.bench.advance(31 * 24 * HOUR)
        desk.bench.send("PlanAdded", customer_id="acme", plan="gold")
        desk.bench.send("PlanAdded", customer_id="acme", plan=5)
        desk.bench.advance(HOUR)
        told = [line[22:] for line in desk.run("history", "acme")[1].splitlines()[::2]]
    assert [line for line in told if line.startswith("extended")] == [
        "extended the quota of key acme/1 to 1500 calls until 2026-02-01",
        "extended the quota of key acme/1 to 1500 calls until 2026-03-01",
    ]
    assert "announced (KeyUnused)" in told
    assert {line.partition(" (")[0] for line in told} >= {"failed", "refused an event"}


def test_the_history_of_an_api_tells_what_was_done_in_words(desk: Desk) -> None:
    api = desk.bench.api({"/pets": {"get": None}})
    desk.bench.advance(HOUR)
    out = desk.run("history", "--api", api)[1]
    told = [line.partition("  ")[2] for line in out.splitlines()[::2]]
    assert told[-2:] == ["had GET /pets ask for a key", "deployed stage prod"]


def test_the_status_tells_what_waits(desk: Desk) -> None:
    code, out, _ = desk.run("status")
    assert (code, "dead letters: 0" in out, "none was yet" in out) == (0, True, True)
    customers(desk, "acme")
    desk.bench.audit()
    desk.bench.send("CustomerSignedUp", customer_id="bad", plan=5)
    desk.bench.run()
    desk.run("stop")
    code, out, _ = desk.run("status", "--json")
    found = json.loads(out)
    assert (code, found["dead_letters"], found["stopped"]) == (1, {"CustomersDlq": 1}, "writes")
    assert (found["keys"], found["keys_at_most"]) == (1, 10_000)
    code, out, _ = desk.run("status")
    assert out.startswith("STOPPED since 2026-01-01T01:")
    assert "1 in CustomersDlq: see keyward dlq list" in out


def test_the_status_tells_how_many_failed(desk: Desk) -> None:
    desk.bench.send("CustomerSignedUp", customer_id="acme", plan="nosuch")
    desk.bench.run()
    assert "failed in the last hour: 1: see keyward outcomes --since 1h" in desk.run("status")[1]
    desk.bench.advance(HOUR + 60)
    assert json.loads(desk.run("status", "--json")[1])["failed"] == 0


def test_the_status_tells_how_many_calls_wait_in_which_lane(desk: Desk) -> None:
    bench = desk.bench
    for number in range(40):
        bench.send("CustomerSignedUp", customer_id=f"c{number}", plan="free")
    bench.run(bench.clock.now() + 3)
    found = json.loads(desk.run("status", "--json")[1])
    assert found["share_in_use"] > 50
    assert found["calls_waiting"].keys() <= {"new", "import"}


def test_a_policy_that_cannot_be_used_is_told_and_found(desk: Desk) -> None:
    bench, good = desk.bench, {"usage_plans": {"free": {}}}
    bench.put_policy({"usage_plans": {"free": {"throttle": {"rate": 5}}}})
    bench.run()
    ((_, text),) = bench.account.sns.published
    assert text.startswith('"Keyward (keyward): PolicyRefused')
    (found,) = bench.audit()["findings"]
    assert (found["kind"], "usage_plans.free.throttle" in found["says"]) == ("policy_refused", True)
    assert found["remedy"] == "keyward policy show --wanted"
    bench.put_policy(good)
    bench.run()
    assert "policy_refused" not in [one["kind"] for one in bench.audit()["findings"]]
