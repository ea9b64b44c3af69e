"""The rows of an onboarding file: whatever a spreadsheet writes, whatever a person types."""

from __future__ import annotations

import csv
import io
import json
import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyward.customers.onboarding import COLUMNS, MAX_ROWS, File, Refused, SignUp
from keyward.errors import InvalidEventError
from keyward.events import spreadsheet
from keyward.events.contracts import customer_event
from keyward.events.key_value import new_value
from tests import tree
from tests.support import load_event

PLANS = ("free", "pro")
ROWS = "customer_id,plan,name\nacme,free,Müller\nbeta,pro,\n"


def read(content: str | bytes) -> File:
    data = content.encode() if isinstance(content, str) else content
    return File.of("onboarding/x.csv", 1_767_225_600, data, PLANS)


def served(file: File) -> list[str]:
    return [row.customer_id for row in file.rows if isinstance(row, SignUp)]


def refused(file: File) -> list[tuple[int, str]]:
    return [(row.number, row.error.field) for row in file.rows if isinstance(row, Refused)]


def names(file: File) -> list[str | None]:
    return [row.fields.get("name") for row in file.rows if isinstance(row, SignUp)]


@pytest.mark.parametrize(
    "content",
    [
        ROWS.encode("utf-8"),
        ROWS.encode("utf-8-sig"),
        ROWS.encode("utf-16"),
        b"\xfe\xff" + ROWS.encode("utf-16-be"),
        ROWS.encode("utf-16-le"),
        ROWS.encode("utf-16-be"),
        ROWS.encode("utf-32"),
        ROWS.replace(",", ";").encode(),
        ROWS.replace(",", "\t").encode(),
        ("sep=;\n" + ROWS.replace(",", ";")).encode(),
        ROWS.replace("\n", "\r\n").encode(),
        ROWS.replace("\n", "\r").encode(),
        ROWS.replace("\n", "\n\n , ,\n").encode(),
        ROWS.replace("acme", '"acme"').encode(),
        ROWS.replace("customer_id,plan", " Customer_ID , PLAN ").encode(),
        "\n".join(line + ",,," for line in ROWS.splitlines()).encode(),
        ROWS.rstrip(",\n").encode(),
        ROWS.replace("customer_id,plan", "Customer ID,Plan").encode(),
        ("# from the shop, 2026; by ada\n" + ROWS.replace("\n", "\n# a note\n", 1)).encode(),
    ],
)
def test_what_spreadsheets_write_is_read(content: bytes) -> None:
    file = read(content)
    assert (served(file), names(file)) == (["acme", "beta"], ["Müller", None])


def test_a_row_without_its_last_cells_is_read() -> None:
    assert served(read("customer_id,plan,name\nacme,free\n")) == ["acme"]


def test_bytes_of_an_unknown_encoding_refuse_their_row_only() -> None:
    file = read("customer_id,plan,name\nacme,free,Müller\nbeta,pro,Beta\n".encode("latin-1"))
    assert (served(file), refused(file)) == (["beta"], [(2, "name")])
    [bad] = [row for row in file.rows if isinstance(row, Refused)]
    assert "CSV UTF-8" in str(bad.error)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("acme,platinum,", "plan"),
        ("acme,,", "plan"),
        (",free,", "customer_id"),
        ("a b,free,", "customer_id"),
        ("acme,free,x,y", "row"),
        ('acme,free,"x', "row"),
        ('acme,free,"x"y', "row"),
        ("acme,free,a\0b", "name"),
        ("acme,free,\x1b[31m", "name"),
        ('acme,free,"=HYPERLINK(""http://x"")"', "name"),
        ("acme,free,@SUM(A1)", "name"),
        ("acme,free,+cmd|x", "name"),
        (f"acme,free,{'x' * 257}", "name"),
        (f"acme,free,{'x' * 10_000_000}", "row"),
        (f"acme,{'x' * 60_000},", "plan"),
        ("good,free,", "customer_id"),
    ],
)
def test_a_bad_row_is_named_by_number_and_column_and_stops_no_other(row: str, column: str) -> None:
    file = read(f"customer_id,plan,name\ngood,free,\n{row}\nlast,pro,Last\n")
    assert (served(file), refused(file)) == (["good", "last"], [(3, column)])
    [bad] = [item for item in file.rows if isinstance(item, Refused)]
    error = str(bad.error)
    assert error.startswith((f"{column}: must ", f"{column}: is missing"))
    assert "x" * 20 not in error
    assert json.dumps(bad.as_json())


@pytest.mark.parametrize(
    ("cell", "helps"), [("free,pro", True), ("free / pro", True), ("a,b", False)]
)
def test_several_plans_in_one_cell_are_told_what_stands_between(cell: str, helps: bool) -> None:
    for column in ("plan", "plans"):
        [row] = read(f'customer_id,{column}\nacme,"{cell}"\n').rows
        assert row.error.field == column
        assert ("Put | between plans" in str(row.error)) is helps


@pytest.mark.parametrize("cell", ["1" * 5000, "1" * 30, "٣", "²", "0", "-1", "1e400", "true"])
def test_a_number_of_keys_of_any_shape_costs_its_own_row_only(cell: str) -> None:
    file = read(f"customer_id,plan,keys\nacme,free,{cell}\ngood,free,2\n")
    assert served(file)[-1] == "good"
    assert refused(file) == ([] if cell == "٣" else [(2, "keys")])


def test_a_customer_who_is_in_the_file_twice_is_refused_with_both_rows() -> None:
    file = read("customer_id,plan\nacme,free\nbeta,free\nacme,pro\n")
    bad = [item for item in file.rows if isinstance(item, Refused)]
    assert served(file) == ["beta"]
    assert [(item.number, str(item.error)) for item in bad] == [
        (
            number,
            f"customer_id: must be in the file once, got it in row {other} too. "
            "Remove all but one row of it",
        )
        for number, other in ((2, 4), (4, 2))
    ]


def test_of_rows_of_a_customer_that_say_the_same_the_first_counts() -> None:
    file = read("customer_id,plan\nacme,free\nacme,free\nbeta,free\nbeta,free\nbeta,pro\n")
    assert served(file) == ["acme"]
    assert [number for number, _ in refused(file)] == [3, 4, 5, 6]


def test_a_quote_in_the_midst_of_a_cell_is_a_character() -> None:
    assert names(read('customer_id,plan,name\nacme,free,5" pipes\n')) == ['5" pipes']


def test_a_cell_in_quotes_may_have_separators_and_line_breaks() -> None:
    text = 'customer_id,plan,name\nacme,free,"Acme, ""the""\nfirst"\nbeta,pro,\n'
    assert names(read(text)) == ['Acme, "the"\nfirst', None]


def test_every_open_quote_costs_its_own_row_only() -> None:
    text = "customer_id,plan,name\n" + 'x1,free,"a\ngood1,pro,\n' * 1
    text += 'x2,free,"b\n' + "".join(f"many-{n},pro,\n" for n in range(60))
    file = read(text)
    assert refused(file) == [(2, "row"), (4, "row")]
    assert len(served(file)) == 61


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("", "file: must have rows, got an empty file"),
        ("\n\n \n", "file: must have rows, got an empty file"),
        ("customer_id,name\nacme,x\n", "plan: must be a column, got none of this name"),
        ("id,plan\nacme,free\n", "id: must be one of the columns"),
        ("customer_id,plan,plan\nacme,free,pro\n", "plan: must be one column, got it as column 3"),
        ("customer_id,plan,expiry\nacme,free,\n", "expiry: must be one of the columns"),
        ("acme,free,Acme Ltd\n", "acme: must be one of the columns"),
        ("customer_id,plan,tag:\nacme,free,\n", "tag:: must be one of the columns"),
        ("customer_id,plan,=x\nacme,free,\n", "column 3: must be a value, got a formula"),
        (f"customer_id,plan,{'x' * 70_000}\n", "row: must have at most"),
        ('customer_id,"plan\n', "row: must have quotes in pairs"),
        ("customer_id,plan\n" + "x,free\n" * (MAX_ROWS + 1), "file: must have at most 20000 rows"),
        ("\n" * (spreadsheet.MAX_LINES + 1), "file: must have at most"),
    ],
)
def test_a_file_without_good_columns_is_refused_with_a_remedy(content: str, error: str) -> None:
    with pytest.raises(InvalidEventError) as refusal:
        read(content)
    assert str(refusal.value).startswith(error)


@pytest.mark.parametrize(
    ("wrong", "near"),
    [("planname", "plan"), ("customer_ident", "customer_id"), ("expires", "expires_at")],
)
def test_a_wrong_column_is_answered_by_the_nearest_right_one(wrong: str, near: str) -> None:
    with pytest.raises(InvalidEventError, match=f"Do you mean {near}"):
        read(f"customer_id,plan,{wrong}\n")


def test_a_column_without_a_name_may_hold_nothing() -> None:
    assert refused(read("customer_id,,plan\nacme,x,free\n")) == [(2, "column 2")]
    assert served(read("customer_id,,plan\nacme,,free\n")) == ["acme"]


@pytest.mark.parametrize(
    "value", [new_value("kw"), f"x{new_value('kw')}z", "aB3" * 14], ids=["ours", "within", "long"]
)
@pytest.mark.parametrize("place", range(4))
def test_what_looks_like_a_key_value_is_never_quoted(value: str, place: int) -> None:
    cells = ["acme", "free", "Acme", "a"]
    cells[place] = f"{value}" if place < 2 else f"is {value}."
    text = f"customer_id,plan,name,tag:team\n{','.join(cells)}\n"
    [row] = read(text).rows
    assert isinstance(row, Refused)
    assert value not in json.dumps(row.as_json())
    header = ["customer_id", "plan", "name", "tag:team"]
    header[place] = value
    with pytest.raises(InvalidEventError) as refusal:
        read(",".join(header) + "\n")
    assert value not in str(refusal.value)


def test_a_row_is_the_event_that_its_members_make() -> None:
    sample = load_event("customer-signed-up")
    sample["detail"]["plan"] = "free"
    by_event = customer_event(sample, 2_000_000_000)
    detail = {n: v for n, v in sample["detail"].items() if n not in ("occurred_at", "tags")}
    tags = sample["detail"].get("tags", {})
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow([*detail, *(f"tag:{name}" for name in tags)])
    rows.writerow([*detail.values(), *tags.values()])
    file = read(written.getvalue())
    [row] = file.rows
    assert isinstance(row, SignUp)
    event = file.event(row, 1_767_225_600)
    assert (event.customer_id, event.fields) == (by_event.customer_id, by_event.fields)
    assert (event.detail_type, event.occurred_at) == (by_event.detail_type, 1_767_225_600)


def test_the_page_shows_a_file_that_is_read_and_names_every_column() -> None:
    page = (tree.ROOT / "docs" / "onboarding.md").read_text("utf-8")
    lines = re.findall(r"^ {7}(.*,.*)$", page, re.MULTILINE)
    file = read("\n".join(lines))
    assert (served(file), refused(file)) == (["acme", "globex"], [])
    table = page.partition("## Columns")[2].partition("##")[0]
    cells = re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE)
    assert sorted(re.findall(r"`(.+?)`", " ".join(cells))) == sorted(COLUMNS)


CELLS = st.text(st.characters(codec="utf-8"), max_size=12)
LINES = st.lists(st.tuples(CELLS, st.sampled_from(["free", "pro", "x", ""]), CELLS), max_size=8)


@given(LINES, st.sampled_from(",;\t"))
def test_whatever_is_in_the_cells_each_row_is_served_or_refused(
    lines: list[tuple[str, str, str]], separator: str
) -> None:
    written = io.StringIO()
    rows = csv.writer(written, delimiter=separator)
    rows.writerow(["customer_id", "plan", "name"])
    rows.writerows(lines)
    rows.writerow(["the-last-one", "free", "Last"])
    file = read(written.getvalue().encode("utf-8"))
    assert "the-last-one" in served(file)
    assert len({row.number for row in file.rows}) == len(file.rows)
    for row in file.rows:
        if isinstance(row, Refused):
            assert str(row.error).startswith(row.error.field)


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reading(content: bytes) -> None:
    head = b"customer_id,plan,name\nacme,free,\n"
    with suppress(InvalidEventError):
        read(content)
    after = read(head + content + b"\n")
    assert after.rows[0] == SignUp(2, "acme", {"plan": "free"})


@pytest.mark.sizes
def test_ten_thousand_rows_of_every_mistake_cost_their_own_rows_only() -> None:
    mistakes = {
        1: b"twice,pro",
        2: b"planless,",
        3: b"unknown,platinum",
        4: "m\u00fcller,free".encode("latin-1"),
        5: b"wide,free,more,cells",
        6: b'open,"free',
        7: b"long," + b"x" * 10_000_000,
    }
    lines = [mistakes.get(n % 1000, f"cust-{n},free".encode()) for n in range(10_000)]
    lines[7::1000] = [mistakes[7], *[b"long," + b"x" * 70_000] * 9]
    file = read(b"customer_id,plan\n" + b"\n".join(lines) + b"\n")
    bad = [n + 2 for n in range(10_000) if n % 1000 in mistakes]
    # The columns are line 1. Of rows of one customer that say the same the first is served.
    assert [number for number, _ in refused(file)] == [number for number in bad if number != 3]
    assert len(served(file)) == 10_000 - len(bad) + 1
