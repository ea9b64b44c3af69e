"""One change of a customer's record: what is written, what is ignored, and what a removal voids."""

from __future__ import annotations

from typing import Any

import pytest

from keyward.customers.key import CREATED, End, KeyRecord, Succession
from keyward.customers.removal import Removal
from keyward.errors import InvalidEventError, InvalidRecordError, PassingError
from keyward.events.contracts import CustomerEvent
from keyward.runs.record import ROUNDS, Change, record
from keyward.values import JSON
from tests.support import Bench, registry_of

GONE = "customer_id: the record of acme was deleted"


def event(bench: Bench, kind: str, after: int = 0, **fields: Any) -> CustomerEvent:
    at = int(bench.clock.now()) + after
    return CustomerEvent(kind, "acme", at, fields, f"id-{kind}", "shop", int(bench.clock.now()))


def send(bench: Bench, *events: CustomerEvent, dry_run: bool = False) -> Change:
    return record(bench.registry, "acme", lambda _: events, dry_run=dry_run)


def sign_up(bench: Bench, after: int = 0, plan: str = "free") -> Change:
    return send(bench, event(bench, "CustomerSignedUp", after, plan=plan))


def stored(bench: Bench) -> JSON | None:
    return bench.registry.customers.desired("acme")


def removed(bench: Bench, after: int = 0, **more: Any) -> Removal:
    found = Removal("acme", int(bench.clock.now()) + after, "cause", **more)
    bench.registry.removals.save(found)
    return found


def removal(bench: Bench) -> Removal | None:
    return bench.registry.customers.removal("acme")


def key(bench: Bench, **more: Any) -> None:
    bench.save_key(KeyRecord("acme", 1, CREATED, key_id="key-1", plans=("free",), **more))


def test_a_sign_up_is_written_once(bench: Bench) -> None:
    change = sign_up(bench)
    assert (change.before, change.written, change.waits) == (None, True, False)
    assert (change.ignored, change.void) == (0, None)
    assert change.after
    assert (change.after["plan"], change.after["status"]) == ("free", "active")
    again = sign_up(bench)
    assert (again.written, again.before) == (False, again.after)
    found = stored(bench)
    assert found
    assert (found["plan"], found["asked"]["plan"]["event_id"]) == ("free", "id-CustomerSignedUp")


def refused(**request: Any) -> None:
    raise AssertionError(request)


def test_a_change_that_is_there_already_is_not_written_again(bench: Bench) -> None:
    removed(bench, -5)
    sign_up(bench)
    before = stored(bench)
    bench.tables["CustomersTable"].put_item = refused
    bench.tables["KeysTable"].put_item = refused
    assert sign_up(bench) == Change(before, before)


def test_whoever_gives_the_events_sees_the_record_and_may_leave_it(bench: Bench) -> None:
    seen: list[JSON | None] = []

    def nothing(before: JSON | None) -> list[CustomerEvent]:
        seen.append(before)
        return []

    assert record(bench.registry, "acme", nothing) == Change(None, None)
    sign_up(bench)
    found = stored(bench)
    assert record(bench.registry, "acme", nothing) == Change(found, found)
    assert seen == [None, found]


def test_a_dry_run_shows_the_record_and_writes_nothing(bench: Bench) -> None:
    change = send(bench, event(bench, "CustomerSignedUp", plan="free"), dry_run=True)
    assert change.after
    assert (change.after["plan"], change.written, stored(bench)) == ("free", True, None)


def test_fields_that_a_newer_change_set_are_counted(bench: Bench) -> None:
    sign_up(bench)
    older = [event(bench, "CustomerPlanChanged", -second, plan="pro") for second in (2, 1)]
    newer = event(bench, "CustomerSuspended", 1)
    change = send(bench, *older, newer)
    assert change.ignored == 2
    assert change.after
    assert (change.after["plan"], change.after["status"]) == ("free", "suspended")


@pytest.mark.parametrize(("times", "is_written"), [(ROUNDS - 1, True), (ROUNDS, False)])
def test_who_loses_against_another_change_reads_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, times: int, is_written: bool
) -> None:
    sign_up(bench)
    customers, left = bench.registry.customers, [*range(times)]
    save, others = customers.save_desired, registry_of(bench.tables, bench.ssm)

    def crossed(after: JSON, before: JSON | None) -> bool:
        if left:
            named = {"name": f"name {left.pop()}", "plan": "free"}
            crossing = event(bench, "CustomerSignedUp", times - len(left), **named)
            assert record(others, "acme", lambda _: [crossing]).written
        return save(after, before)

    monkeypatch.setattr(customers, "save_desired", crossed)
    change = event(bench, "CustomerPlanChanged", 60, plan="pro")
    if is_written:
        assert send(bench, change).written
    else:
        with pytest.raises(PassingError) as passing:
            send(bench, change)
        assert str(passing.value) == "the record of acme keeps changing"
    found = stored(bench)
    assert found
    assert (found["name"], found["plan"]) == ("name 0", "pro" if is_written else "free")


@pytest.mark.parametrize("is_there", [False, True])
def test_what_occurred_before_a_removal_is_void_without_an_answer(
    bench: Bench, is_there: bool
) -> None:
    if is_there:
        sign_up(bench)
    before = stored(bench)
    removed(bench, 5)
    change = send(bench, event(bench, "CustomerPlanChanged", 4, plan="pro"))
    assert change == Change(before, before)
    assert (change.waits, stored(bench)) == (False, before)


def test_an_event_of_a_removed_customer_waits_for_a_sign_up(bench: Bench) -> None:
    removed(bench)
    change = send(bench, event(bench, "CustomerPlanChanged", 1, plan="pro"))
    void = f"{GONE}. Send CustomerSignedUp, or put the record back"
    assert (change, change.waits) == (Change(None, None, 0, void), True)
    assert change == Change(None, None, void=void)


def test_a_sign_up_brings_a_removed_customer_back_and_dates_that(bench: Bench) -> None:
    gone = removed(bench)
    early = event(bench, "CustomerPlanChanged", 1, plan="pro")
    change = send(bench, early, event(bench, "CustomerSignedUp", 3, plan="free"), dry_run=True)
    assert removal(bench) == gone
    change = send(bench, early, event(bench, "CustomerSignedUp", 3, plan="free"))
    assert change.after
    assert (change.after["plan"], change.waits, change.void is None) == ("free", False, False)
    back = removal(bench)
    assert back == Removal("acme", gone.at, "cause", back_at=gone.at + 3)
    late = send(bench, event(bench, "CustomerSuspended", 2))
    assert late.void == f"{GONE} when this occurred, and is back since. Send it again"
    assert (late.written, late.waits) == (False, False)
    bench.tables["KeysTable"].put_item = refused
    assert send(bench, event(bench, "CustomerSuspended", 4)).written
    assert removal(bench) == back


def test_what_stops_a_key_whose_removal_is_held_is_kept_with_the_record(bench: Bench) -> None:
    sign_up(bench)
    # What an unpaid bill means, the policy says.
    send(bench, event(bench, "PaymentFailed"))
    was = stored(bench)
    bench.tables["CustomersTable"].delete_item(Key={"customer_id": "acme"})
    gone = removed(bench, held=True, record=was)
    key(bench)
    change = send(bench, event(bench, "CustomerSuspended", 1))
    assert (change.after, change.void) == (None, None)
    found = removal(bench)
    assert found
    assert found.record
    assert (found.held, found.stopped, found.at) == (True, True, gone.at)
    assert found.record["status"] == "suspended"


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("has_key", [True, False])
def test_a_leak_of_a_removed_customers_key_is_kept(
    bench: Bench, dry_run: bool, has_key: bool
) -> None:
    gone = removed(bench)
    if has_key:
        key(bench)
    leak = event(bench, "KeyRotationRequested", 1, leaked=True)
    change = send(bench, leak, dry_run=dry_run)
    assert (change.after, change.void is None) == (None, has_key)
    found = removal(bench)
    assert found
    assert (found.leak is not None) is (has_key and not dry_run)
    assert found.at == gone.at
    if not dry_run:
        assert send(bench, leak).void == change.void
        assert removal(bench) == found


def test_what_stops_a_key_counts_in_a_record_that_nobody_can_read(bench: Bench) -> None:
    sign_up(bench)
    table = bench.tables["CustomersTable"]
    item = table.get_item(Key={"customer_id": "acme"})["Item"]
    table.put_item(Item=item | {"recorded": 7})
    with pytest.raises(InvalidRecordError):
        send(bench, event(bench, "CustomerPlanChanged", 1, plan="pro"))
    change = send(bench, event(bench, "CustomerSuspended", 1))
    assert (change.written, change.ignored) == (True, 0)
    found = stored(bench)
    assert found
    assert found["status"] == "suspended"


def rotate(bench: Bench, after: int, **fields: Any) -> Change:
    return send(bench, event(bench, "KeyRotationRequested", after, **fields))


def test_a_request_for_a_rotation_that_is_sent_again_changes_nothing(bench: Bench) -> None:
    sign_up(bench)
    seconds = bench.context().policy.propagation_seconds
    assert rotate(bench, 0).written
    first = stored(bench)
    repeat = rotate(bench, seconds)
    assert (repeat.written, repeat.ignored, stored(bench)) == (False, 0, first)
    suspended = send(bench, event(bench, "CustomerSuspended", seconds))
    assert suspended.written
    assert rotate(bench, seconds, leaked=True).written
    assert rotate(bench, 2 * seconds + 1, leaked=True).written


def test_a_rotation_whose_old_key_is_gone_cannot_be_undone(bench: Bench) -> None:
    sign_up(bench)
    rotate(bench, 0)
    at = int(bench.clock.now())
    key(bench, succession=Succession(at), end=End())
    before = stored(bench)
    with pytest.raises(InvalidEventError) as refusal:
        send(bench, event(bench, "UndoRequested", 1, what="rotation"))
    assert str(refusal.value).startswith("detail.what: must name a rotation whose old key")
    assert stored(bench) == before


def test_a_rotation_that_was_undone_in_time_stops_no_later_event(bench: Bench) -> None:
    sign_up(bench)
    rotate(bench, 0)
    assert send(bench, event(bench, "UndoRequested", 1, what="rotation")).written
    key(bench, succession=Succession(int(bench.clock.now())))
    assert send(bench, event(bench, "CustomerSuspended", 2)).written
