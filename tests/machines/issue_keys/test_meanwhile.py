"""What happens to a customer between waiting and the key: nobody keeps a key that should not work,
and nobody is forgotten."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emulator.operations import common
from keyward.runs import runtime, waiting
from keyward.values import JSON
from tests.machines.import_lab import REQUESTER, ImportLab

SIZE = 25
# Just before which call something happens: while all wait, while the keys are made, and after.
MOMENTS = ("BatchGetItem", "ImportApiKeys", "GetUsagePlanKeys")
ODD = "c0007"


def rest(names: list[str]) -> list[str]:
    return [name for name in names if name != ODD]


def crowd_with(lab: ImportLab, moment: str, act: Callable[[], None], size: int = SIZE) -> list[str]:
    """A crowd, and something that happens at that moment; all runs have ended on return."""
    lab.once(moment, act, "VerifyImport" if moment == "GetUsagePlanKeys" else "ImportKeys")
    names = lab.crowd(size)
    lab.settle()
    return names


def put(lab: ImportLab, **record: str) -> Callable[[], None]:
    """Put the odd customer's record, which starts a run."""
    return lambda: lab.bench.put(**{"customer_id": ODD, "plan": "free"} | record)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_suspension_stops_the_key_within_two_seconds(lab: ImportLab, moment: str) -> None:
    stopped: list[float] = []

    def suspend() -> None:
        asked = lab.bench.clock.now()
        lab.bench.send("CustomerSuspended", customer_id=ODD)
        stopped.append(asked)

    names = crowd_with(lab, moment, suspend)
    lab.assert_issued(rest(names))
    assert {enabled for enabled, _ in lab.keys(ODD)} <= {False}
    calls = [call for call in lab.bench.calls if call["operation"] == "UpdateApiKey"]
    assert all(call["at"] - stopped[0] <= 2 for call in calls)
    assert bool(calls) == (moment != "BatchGetItem")
    lab.bench.send("CustomerResumed", customer_id=ODD)
    lab.settle()
    assert lab.keys(ODD) == [(True, ["free"])]
    lab.assert_nothing_is_left()


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_closed_customer_keeps_no_key(lab: ImportLab, moment: str) -> None:
    names = crowd_with(lab, moment, put(lab, status="closed"))
    lab.assert_issued(rest(names))
    assert lab.keys(ODD) == []
    assert lab.key_record(ODD) is None
    lab.assert_nothing_is_left()


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_changed_plan_is_the_one_in_the_end(lab: ImportLab, moment: str) -> None:
    names = crowd_with(lab, moment, put(lab, status="active", plan="pro"))
    assert {str(lab.keys(name)) for name in rest(names)} == {"[(True, ['free'])]"}
    assert lab.keys(ODD) == [(True, ["pro"])]
    lab.assert_nothing_is_left()


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_same_event_again_makes_no_second_key(lab: ImportLab, moment: str) -> None:
    names = crowd_with(lab, moment, put(lab, status="active", name="Acme"))
    lab.assert_issued(names)
    lab.assert_nothing_is_left()


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_removed_record_stops_no_other(lab: ImportLab, moment: str) -> None:
    names = crowd_with(lab, moment, lambda: lab.bench.remove(ODD))
    lab.assert_issued(rest(names))
    assert len(lab.keys(ODD)) <= 1


def test_a_plan_that_was_deleted_before_is_made_anew(lab: ImportLab) -> None:
    [plan] = lab.bench.emulator.state.plans
    del lab.bench.emulator.state.plans[plan]
    names = lab.crowd(SIZE)
    lab.settle()
    lab.assert_issued(names)
    lab.assert_nothing_is_left()


def test_a_plan_that_is_deleted_at_the_call_leaves_each_to_a_run_of_its_own(
    lab: ImportLab,
) -> None:
    names = crowd_with(lab, "ImportApiKeys", lab.bench.emulator.state.plans.clear)
    lab.assert_issued(names)
    lab.assert_nothing_is_left()


def by_hand(lab: ImportLab, name: str) -> str:
    """A key that a person made, with the name of a customer's first one, in its plan: its id."""
    lab.bench.emulator.enforce_quotas(False)
    key_id = lab.bench.gateway.create_api_key(name=f"{name}/1", enabled=True)["id"]
    [plan] = lab.bench.emulator.state.plans
    lab.bench.gateway.create_usage_plan_key(usagePlanId=plan, keyId=key_id, keyType="API_KEY")
    return str(key_id)


def test_a_key_that_a_person_made_before_stays_and_is_nobodys(lab: ImportLab) -> None:
    old = by_hand(lab, ODD)
    lab.bench.advance(3600)
    names = lab.crowd(SIZE)
    lab.settle()
    record = lab.key_record(ODD)
    assert record
    assert record.key_id not in (None, old)
    assert old in lab.bench.emulator.state.keys
    lab.assert_issued(rest(names))


def test_of_two_keys_of_one_batch_the_older_stays(lab: ImportLab) -> None:
    names = crowd_with(lab, "GetUsagePlanKeys", lambda: by_hand(lab, ODD) and None)
    lab.assert_issued(names)
    assert lab.operations["DeleteApiKey"] == 1


def test_a_full_account_leaves_the_rest_to_their_own_runs(
    lab: ImportLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common, "MAX_KEYS", 20)
    names = lab.crowd(SIZE)
    lab.bench.run()
    lab.bench.advance(120)
    served = [name for name in names if lab.keys(name)]
    lab.assert_records_of(served)
    assert len(served) == 19
    failed = [e["detail"] for e in lab.told if e["detail-type"] == "CustomerFailed"]
    assert sorted(event["customer_id"] for event in failed) == sorted({*names} - {*served})
    assert lab.operations["ImportApiKeys"] == 1


def test_two_imports_at_once_make_one(lab: ImportLab) -> None:
    names = lab.crowd(SIZE)
    for number in range(3):
        lab.bench.account.executions.begin("issue_keys", f"by-hand-{number}", {})
    lab.settle()
    lab.assert_issued(names)
    assert lab.operations["ImportApiKeys"] == 1
    lab.assert_nothing_is_left()


def test_an_import_that_was_stopped_is_taken_up(lab: ImportLab) -> None:
    def stop() -> None:
        [run] = lab.runs()
        lab.bench.account.executions.stop_execution(run.arn)

    names = crowd_with(lab, "ImportApiKeys", stop)
    lab.assert_issued(names)
    assert len(lab.runs()) == 2


def test_who_is_at_work_on_a_customer_is_not_disturbed(lab: ImportLab) -> None:
    leases, now = runtime.context().registry.leases, lab.bench.clock.now()
    assert leases.acquire(f"customer#{ODD}", "somebody", now)
    names = lab.crowd(SIZE)
    lab.bench.advance(60)
    lab.assert_issued(rest(names))
    assert lab.keys(ODD) == []
    lab.settle()
    lab.assert_issued(names)


@pytest.mark.parametrize(
    "more",
    [
        {"tags": {"team": "one"}},
        {"key_id": "abc1234567"},
        {"keys": 2},
        {"key_value_secret": "keyward/own"},
        {"status": "suspended"},
        {"plan": "unknown"},
        {"status": 7},
        {"description": 'two "cells", at least'},
    ],
    ids=str,
)
def test_who_needs_more_than_a_file_can_say_has_a_run_of_its_own(
    lab: ImportLab, more: JSON
) -> None:
    lab.record(ODD, **more)
    waiting.hand_over(runtime.context(), lab.machine_arn, ODD, REQUESTER)
    lab.bench.run()
    lab.bench.advance(120)
    assert lab.operations["ImportApiKeys"] == 0
    assert [run.input["customer_id"] for run in lab.runs("reconcile_customer")][:1] == [ODD]


@pytest.mark.parametrize(
    "more",
    [{"plan": {"a": 1}}, {"recorded": "x"}, {"tags": ["a"]}, {"billing": 7}, {"rotation": "x"}],
    ids=str,
)
@pytest.mark.parametrize("moment", ["BatchGetItem", "GetUsagePlanKeys"])
def test_a_record_of_any_shape_stops_no_other(lab: ImportLab, moment: str, more: JSON) -> None:
    names = crowd_with(lab, moment, lambda: lab.write(ODD, **more))
    assert {str(lab.keys(name)) for name in rest(names)} == {"[(True, ['free'])]"}
    issued = [e["detail"]["customer_id"] for e in lab.told if e["detail-type"] == "KeyIssued"]
    assert {*rest(names)} <= {*issued}


def test_a_busy_customer_costs_few_calls(lab: ImportLab) -> None:
    def take() -> None:
        leases = runtime.context().registry.leases
        assert leases.acquire(f"customer#{ODD}", "somebody", lab.bench.clock.now())

    names = crowd_with(lab, "GetUsagePlanKeys", take)
    lab.assert_issued(names)
    assert lab.operations["GetUsagePlanKeys"] <= 70
