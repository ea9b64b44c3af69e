"""Steps of an onboarding file: what each records, counts and saves, and when the next is due."""

from __future__ import annotations

from typing import Any

import pytest

from keyward.aws.tables import Registry
from keyward.errors import InvalidInputError, PassingError
from keyward.runs import onboarding
from keyward.runs.onboarding import MAX_LOOKS, RESERVE_SECONDS, SAVE_SECONDS
from keyward.runs.record import Change
from keyward.values import iso
from tests.runs.onboarding_desk import KEY, TWO, Desk, figures
from tests.support import Bench

NEVER_BEGUN = "file: must be in the bucket, got none. Put it there"
LATE = "row: could not be recorded for hours. Put the file again"
UNREADABLE = "customer_id: must be of a record that Keyward can read. Correct it in the table"
BUSY = PassingError("busy")


@pytest.fixture
def desk(bench: Bench) -> Desk:
    return Desk(bench)


def test_the_first_step_records_all_rows_and_saves_what_it_did(desk: Desk) -> None:
    at = iso(desk.bench.clock.now())
    result = desk.begin()
    assert result == {
        "file": KEY,
        "begun_at": at,
        "rows": 2,
        "read": 2,
        "recorded": 2,
        "unchanged": 0,
        "issued": 0,
        "failed": 0,
        "pending": 2,
        "looks": 0,
        "refused": [],
        "failures": [],
        "again": [],
        "version": "v1",
        "put_at": at,
    }
    assert desk.files.saved == [result | {"updated_at": at}]
    acme, beta = desk.record("acme"), desk.record("beta")
    assert acme
    assert beta
    assert (acme["plan"], beta["plan"]) == ("free", "pro")
    assert acme["asked"]["plan"]["event_id"] == "row 2"


def test_a_look_counts_keys_and_the_last_one_ends_the_file(desk: Desk) -> None:
    begun = desk.begin()
    desk.bench.clock.advance(5)
    desk.key("acme", "free")
    result, wait = desk.step()
    assert (figures(result), wait) == ((2, 2, 2, 0, 1, 0, 1, 1), 10)
    assert desk.files.saved[-1]["updated_at"] == iso(desk.bench.clock.now())
    desk.key("beta", "pro")
    desk.bench.clock.advance(10)
    result, wait = desk.step()
    at = iso(desk.bench.clock.now())
    assert (figures(result), wait) == ((2, 2, 2, 0, 2, 0, 0, 2), None)
    assert (result["finished_at"], result["begun_at"]) == (at, begun["begun_at"])
    assert desk.files.saved[-1] == result | {"updated_at": at}
    saves = len(desk.files.saved)
    desk.bench.clock.advance(60)
    assert desk.step() == (desk.files.saved[-1], None)
    assert len(desk.files.saved) == saves


def test_a_file_that_is_not_there_leaves_no_result(desk: Desk) -> None:
    at = iso(desk.bench.clock.now())
    result, wait = desk.step()
    assert (result["error"], wait, desk.files.saved) == (NEVER_BEGUN, None, [])
    assert (result["file"], result["begun_at"], "finished_at" in result) == (KEY, at, False)


def test_a_file_that_is_deleted_while_it_is_worked_off_ends_with_the_reason(desk: Desk) -> None:
    begun = desk.begin()
    desk.files.upload = None
    desk.bench.clock.advance(5)
    at = iso(desk.bench.clock.now())
    ended = begun | {"error": NEVER_BEGUN, "finished_at": at, "updated_at": at}
    result, wait = desk.step()
    assert (result | {"updated_at": at}, wait) == (ended, None)
    assert desk.files.saved[-1] == ended
    assert desk.step() == (ended, None)
    assert desk.files.saved[-1] == ended
    assert len(desk.files.saved) == 2


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (InvalidInputError("file", "must be readable", "Put it again"), "file: must be readable."),
        (None, "file: must have rows, got an empty file."),
    ],
    ids=["refused", "empty"],
)
def test_a_file_that_cannot_be_read_ends_with_the_reason(
    desk: Desk, refused: InvalidInputError | None, words: str
) -> None:
    desk.put("")
    if refused:
        desk.files.upload = refused
    result, wait = desk.step()
    assert result["error"].startswith(words)
    assert (wait, result["finished_at"]) == (None, iso(desk.bench.clock.now()))
    assert desk.files.saved == [result | {"updated_at": iso(desk.bench.clock.now())}]


def test_a_new_version_of_the_file_begins_anew(desk: Desk) -> None:
    desk.begin()
    desk.bench.clock.advance(60)
    desk.put(TWO, "v2")
    result, wait = desk.step()
    assert (figures(result), wait) == ((2, 2, 0, 2, 0, 0, 2, 0), 5)
    now = iso(desk.bench.clock.now())
    assert (result["version"], result["begun_at"], result["put_at"]) == ("v2", now, now)


@pytest.mark.parametrize(("left", "read"), [(RESERVE_SECONDS, 2), (RESERVE_SECONDS - 1, 0)])
def test_a_step_ends_before_its_time_is_over_and_the_next_goes_on(
    desk: Desk, left: float, read: int
) -> None:
    desk.put(TWO)
    desk.left = left
    result, wait = desk.step()
    assert (result["read"], wait) == (read, 5 if read else 0)
    assert desk.files.saved[-1]["read"] == read
    desk.left = 900
    desk.bench.clock.advance(1)
    result, wait = desk.step()
    assert (result["read"], result["recorded"], result["looks"]) == (2, 2, 1 if read else 0)
    assert wait == (10 if read else 5)


def test_a_step_that_broke_off_in_the_middle_goes_on_with_the_next_row(desk: Desk) -> None:
    desk.put("customer_id,plan\na,free\nb,free\nc,free\n")
    asked: list[int] = []

    def ask() -> None:
        asked.append(1)
        desk.left = 900 if len(asked) == 1 else 0

    desk.ask = ask
    result, wait = desk.step()
    assert (result["read"], result["recorded"], wait) == (1, 1, 0)
    desk.ask, desk.left = lambda: None, 900
    result, wait = desk.step()
    assert (result["read"], result["recorded"], wait) == (3, 3, 5)


def test_progress_is_saved_every_few_seconds(desk: Desk) -> None:
    desk.put("customer_id,plan\n" + "".join(f"c{number},free\n" for number in range(6)))
    desk.ask = lambda: desk.bench.clock.advance(SAVE_SECONDS / 2)
    desk.step()
    assert [saved["read"] for saved in desk.files.saved] == [2, 4, 6, 6]


def test_a_step_whose_result_was_lost_counts_its_rows_as_recorded(desk: Desk) -> None:
    desk.begin()
    desk.files.saved.clear()
    result, _ = desk.step()
    assert (result["recorded"], result["unchanged"]) == (2, 0)
    desk.bench.clock.advance(5)
    desk.put(TWO)
    desk.files.saved.clear()
    result, _ = desk.step()
    assert (result["recorded"], result["unchanged"], result["pending"]) == (0, 2, 2)


def test_a_wrong_row_is_named_and_stops_no_other(desk: Desk, failing: dict[str, Exception]) -> None:
    table = desk.bench.tables["CustomersTable"]
    failing["odd"] = AttributeError("whatever a person wrote")
    table.put_item(Item={"customer_id": "gone", "plan": "free", "status": "closed"})
    text = "customer_id,plan\na b,free\nodd,pro\ngone,free\nacme,free\n"
    result = desk.begin(text)
    assert [
        (item["row"], item.get("customer_id"), item["column"]) for item in result["refused"]
    ] == [
        (2, None, "customer_id"),
        (3, "odd", "customer_id"),
        (4, "gone", "customer_id"),
    ]
    errors = [item["error"] for item in result["refused"]]
    assert errors[0].startswith("customer_id: must")
    assert errors[1] == UNREADABLE
    assert errors[2].startswith("customer_id: must be an open customer, got a closed one")
    assert figures(result) == (4, 4, 1, 0, 0, 0, 1, 0)
    desk.key("acme", "free")
    result, wait = desk.step()
    assert (figures(result), wait) == ((4, 4, 1, 0, 1, 0, 0, 1), None)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> dict[str, Exception]:
    """The customers whose records cannot be written now, and why."""
    found: dict[str, Exception] = {}
    real = onboarding.record

    def record(registry: Registry, customer_id: str, wanted: Any) -> Change:
        if customer_id in found:
            raise found[customer_id]
        return real(registry, customer_id, wanted)

    monkeypatch.setattr(onboarding, "record", record)
    return found


def test_a_row_that_could_not_be_recorded_is_tried_again_by_each_look(
    desk: Desk, failing: dict[str, Exception]
) -> None:
    failing |= {"acme": BUSY, "beta": BUSY}
    result = desk.begin()
    assert (result["again"], figures(result)) == ([2, 3], (2, 2, 0, 0, 0, 0, 0, 0))
    del failing["beta"]
    result, wait = desk.step()
    assert (result["again"], figures(result), wait) == ([2], (2, 2, 1, 0, 0, 0, 1, 1), 10)
    desk.key("beta", "pro")
    desk.left = RESERVE_SECONDS - 1
    failing.clear()
    result, wait = desk.step()
    assert (result["again"], figures(result), wait) == ([2], (2, 2, 1, 0, 1, 0, 0, 2), 20)
    desk.left = RESERVE_SECONDS
    result, wait = desk.step()
    assert (result["again"], figures(result), wait) == ([], (2, 2, 2, 0, 1, 0, 1, 3), 40)


def test_a_row_that_could_not_be_recorded_for_hours_is_refused(
    desk: Desk, failing: dict[str, Exception]
) -> None:
    failing["acme"] = BUSY
    desk.begin("customer_id,plan\nacme,free\nbeta,pro\na b,free\n")
    desk.key("beta", "pro")
    wait: int | None = 0
    while wait is not None:
        result, wait = desk.step()
    wrong, late = result["refused"]
    assert (wrong["row"], late) == (4, {"row": 2, "column": "row", "error": LATE})
    assert (result["again"], result["looks"]) == ([], MAX_LOOKS)
