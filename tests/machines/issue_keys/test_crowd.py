"""Many new customers at once get their keys with few calls, and are told what one is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from keyward.runs import runtime
from keyward.values import DAY, JSON
from local.bench import Bench
from tests.machines.import_lab import REQUESTER, ImportLab
from tests.support import load_event

MADE = ("ImportApiKeys", "CreateUsagePlanKey")


@pytest.mark.sizes
def test_a_thousand_sign_ups_at_once_have_their_keys_in_ten_seconds() -> None:
    with Bench(quotas=True, share=50) as bench:
        bench.send("CustomerSignedUp", customer_id="first", plan="free")
        bench.run()
        began, before = bench.clock.now(), len(bench.calls)
        for number in range(1000):
            bench.send("CustomerSignedUp", customer_id=f"c{number:04d}", plan="free")
        bench.run()
        calls = bench.calls[before:]
        assert Counter(event["detail-type"] for event in bench.announced) == {"KeyIssued": 1001}
        assert {run.status for run in bench.runs} == {"SUCCEEDED"}
        assert max(call["at"] for call in calls if call["operation"] in MADE) - began <= 10
        assert sum(call["status"] == 429 for call in calls) == 0
        assert len(calls) <= 60


@pytest.mark.sizes
def test_a_crowd_of_trials_is_imported_and_each_is_told_once_of_its_end_and_then_disabled() -> None:
    with Bench(quotas=True, share=50) as bench:
        bench.send("CustomerSignedUp", customer_id="first", plan="free")
        bench.run()
        began, before = bench.clock.now(), len(bench.calls)
        names = [f"trial-{number:03d}" for number in range(150)]
        for name in names:
            bench.send(
                "CustomerSignedUp", customer_id=name, plan="free", expires_at=int(began + 7 * DAY)
            )
        bench.run()
        bench.advance(90)
        calls = bench.calls[before:]
        assert max(call["at"] for call in calls) - began <= 10
        assert len(calls) <= 60
        assert told(bench, names) == {
            (name, kind): 1 for name in names for kind in ("KeyIssued", "CustomerExpiring")
        }
        # The second notice comes a day ahead.
        bench.run(until=began + 7 * DAY + 300)
        assert told(bench, names) == {
            (name, kind): times
            for name in names
            for kind, times in (("KeyIssued", 1), ("CustomerExpiring", 2), ("KeySuspended", 1))
        }
        enabled = [k.settings["name"] for k in bench.emulator.state.keys.values() if k.enabled]
        assert enabled == ["first/1"]
        assert {run.status for run in bench.runs} == {"SUCCEEDED"}


def told(bench: Bench, names: list[str]) -> Counter[tuple[str, str]]:
    """How often each of the customers was told what."""
    events = [(event["detail"]["customer_id"], event["detail-type"]) for event in bench.announced]
    return Counter(event for event in events if event[0] in names)


@pytest.mark.parametrize(
    ("more", "notice"),
    [
        (lambda now: {"expires_at": int(now + DAY / 2)}, "CustomerExpiring"),
        (lambda now: {"billing": {"failed_at": [int(now - DAY)]}}, "PaymentOverdue"),
    ],
    ids=["expiring", "overdue"],
)
def test_who_is_to_be_given_notice_is_imported_and_told_within_two_minutes(
    lab: ImportLab, more: Callable[[float], JSON], notice: str
) -> None:
    names = lab.crowd(50, **more(lab.bench.clock.now()))
    lab.bench.advance(120)
    assert told(lab.bench, names) == {
        (name, kind): 1 for name in names for kind in ("KeyIssued", notice)
    }
    assert lab.operations == {"GetUsagePlans": 1, "ImportApiKeys": 1, "GetUsagePlanKeys": 1}
    # Nothing more is due than after a single sign-up: no run comes before the next date.
    lab.bench.advance(600)
    assert sum(run.input["customer_id"] in names for run in lab.runs("reconcile_customer")) == 50


def test_a_crowd_is_issued_by_few_calls_and_a_second_run_does_nothing(lab: ImportLab) -> None:
    names = lab.crowd(260)
    lab.bench.run()
    lab.assert_issued(names)
    assert lab.operations == {"GetUsagePlans": 1, "ImportApiKeys": 2, "GetUsagePlanKeys": 1}
    for name in names[:3]:
        lab.bench.account.executions.begin(
            "reconcile_customer", name, {"customer_id": name, "look": False}
        )
    lab.bench.run()
    assert lab.operations.total() == 4
    assert lab.types() == {"KeyIssued": 260}


@pytest.mark.sizes
def test_batches_grow_from_a_hundred_to_five_hundred(lab: ImportLab) -> None:
    lab.crowd(1300)
    lab.bench.run()
    # 100, 200, 400, 500 and the rest.
    assert lab.operations["ImportApiKeys"] == 5
    assert lab.operations["GetUsagePlanKeys"] == 3
    assert runtime.context().registry.imports.state().rows == 500


def test_a_plan_with_more_than_a_page_of_keys_is_read_to_its_end(lab: ImportLab) -> None:
    lab.crowd(700)
    lab.bench.run()
    for name in (late := ["d0001", "d0002"]):
        lab.record(name)
        runtime.context().registry.imports.wait(name, REQUESTER, lab.bench.clock.now())
    lab.settle()
    lab.assert_issued(late)


def test_two_plans_are_imported_with_one_call(lab: ImportLab) -> None:
    names = lab.crowd(30)
    for name in names[::2]:
        lab.record(name, plan="pro")
    lab.bench.run()
    assert {str(lab.keys(name)) for name in names[::2]} == {"[(True, ['pro'])]"}
    lab.assert_issued(names[1::2])
    assert lab.operations["ImportApiKeys"] == 1


def test_who_waits_is_imported_without_any_other_start_within_a_minute(lab: ImportLab) -> None:
    lab.record("crowd")
    runtime.context().registry.imports.wait("crowd", REQUESTER, lab.bench.clock.now())
    lab.bench.advance(90)
    lab.assert_issued(["crowd"])
    lab.assert_nothing_is_left()


def facts(bench: Bench, name: str) -> JSON:
    """All that is kept and told of a customer, without what differs from run to run."""
    keys, ledger = bench.tables["KeysTable"], bench.tables["LedgerTable"]
    [told] = [event for event in bench.announced if event["detail"].get("customer_id") == name]
    record = {item["record"]: dict(item) for item in keys.part_of(None, name)}
    lines = [dict(item) for item in ledger.part_of(None, f"customer#{name}")]
    return {
        "told": (told["detail-type"], sorted(told["detail"]), told["detail"]["actions"]),
        "plan": told["detail"]["plan"],
        "kept": {kind: sorted({*item} - {"fence"}) for kind, item in record.items()},
        "key": {name: record["key#1"][name] for name in ("state", "plan", "enabled", "rotation")},
        "lines": [
            (sorted(line), line["action"], line["key"], line["asked"], line.get("events") is None)
            for line in lines
        ],
    }


@pytest.mark.parametrize(
    "more", [{}, {"expires_at": "2027-01-01"}, {"description": "The first one"}], ids=str
)
def test_an_imported_customer_is_told_what_a_single_one_is_told(more: JSON) -> None:
    found = []
    for is_import in (False, True):
        with Bench() as bench:
            lab = ImportLab(bench)
            if is_import:
                lab.crowd(25, **more)
            else:
                lab.record("c0000", **more)
                task = {"customer_id": "c0000", "asked": REQUESTER}
                bench.account.executions.begin("reconcile_customer", "single", task)
            bench.run()
            [key] = [
                k for k in bench.emulator.state.keys.values() if k.settings["name"] == "c0000/1"
            ]
            about = key.settings.get("description"), key.enabled
            found.append(facts(bench, "c0000") | {"about": about})
    assert found[0] == found[1]


@pytest.mark.parametrize("function", ["ImportKeys", "VerifyImport"])
def test_a_function_takes_its_sample(lab: ImportLab, function: str) -> None:
    samples = {"ImportKeys": "import-keys", "VerifyImport": "verify-import"}
    answer = lab.bench.invoke(function, load_event(samples[function]))
    assert set(answer) == {"next", "wait_seconds", "closing"}
