"""Tables that say who old keys belong to, as people and spreadsheets write them."""

from __future__ import annotations

import re

import pytest

from keyward.audit.adoption_table import parse_owners
from keyward.errors import InvalidInputError
from keyward.events.spreadsheet import text_of
from keyward.runs import runtime
from keyward.values import JSON
from tests.audit.test_adopt import adopted, old_key
from tests.machines.audit_lab import AuditLab
from tests.machines.machine import refusal

TABLES = {
    "commas": "key_id,customer_id\n{0},acme\n{1},beta\n",
    "no heading": "{0},acme\n{1},beta",
    "byte order mark": "\ufeffkey_id,customer_id\r\n{0},acme\r\n{1},beta\r\n",
    "semicolons": "key_id;customer_id\n{0};acme\n{1};beta\n",
    "tabs": "Key ID\tCustomer ID\n{0}\tacme\n{1}\tbeta\n",
    "blanks": "key_id, customer_id\n\n{0}, acme\n  \n , \n{1}, beta\n  ",
    "other headings": "Customer;Name;API key id\nacme;Acme Inc.;{0}\nbeta;Beta; {1}\n",
    "notes": "# from the portal, 2026; by ada\nkey_id,customer_id\n{0},acme\n# the last\n{1},beta",
    "empty columns": "key_id,customer_id,,\n{0},acme,,\n{1},beta,,\n",
    "quotes": '"key_id","customer_id"\n"{0}","acme"\n"{1}","beta"\n',
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_a_table_is_read_as_spreadsheets_write_it(table: str, encoding: str) -> None:
    text = text_of(table.format("abcdefghij", "klmnopqrst").encode(encoding))
    assert parse_owners({}, text).customers == {"abcdefghij": "acme", "klmnopqrst": "beta"}


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("key_id,customer_id\nabcdefghij,acme\nabcdefghij,other\n", "row 3 must name another key"),
        ("abcdefghij,acme\nabcdefghij,acme\n", "row 2 must name another key than row 1"),
        ("key_id,customer_id\nabcdefghij\n", "row 2 must name a customer"),
        ("key_id,name\nabcdefghij,acme\n", "row 1 must name both columns"),
        ("abcdefghij,acme,x\n", "row 1 must have 2 columns, got 3"),
        ("abcdefghij,a b\n", "row 1 must name a customer, got a text of 3 characters"),
        ('abcdefghij,"acme\n', "row 1 cannot be read"),
    ],
)
def test_a_bad_row_of_a_table_is_named_by_its_number(table: str, says: str) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(says)):
        parse_owners({"customers": table})


def test_rows_that_are_not_used_are_named(account: AuditLab) -> None:
    old = old_key(account, "free", name="old")
    table = f"key_id,customer_id\n{old},acme\nzzzzzzzzzz,third\n"
    [found] = [
        one
        for one in account.findings(adopt=True, customers=table)
        if one["kind"] == "adoption_row_unused"
    ]
    assert "row 3 (there is no key zzzzzzzzzz)" in found["says"]
    assert adopted(account, customers=table) == 1
    again = account.findings(adopt=True, customers=table.replace("acme", "other"))
    [found] = [one for one in again if one["kind"] == "adoption_row_unused"]
    assert f"row 2 (key {old} is already acme's)" in found["says"]


VALUE = "abcde12345" * 2
MIXED_UP = f"key_id,customer_id\nabcdefghij,acme\n\n{VALUE},other\n"


@pytest.mark.parametrize(
    ("given", "row"),
    [
        ({"customers": {"abcdefghij": "acme", VALUE: "other"}}, 2),
        ({"customers": MIXED_UP}, 4),
        ({"customers_object": "adopt/mixed-up.csv"}, 4),
        ({"customers": {VALUE: "a b"}}, 1),
    ],
    ids=["map", "text", "object", "no customer"],
)
def test_a_value_in_the_place_of_an_id_is_neither_kept_nor_quoted(
    account: AuditLab, given: JSON, row: int
) -> None:
    where = {"Bucket": runtime.setting("REPORT_BUCKET")}
    account.s3.put_object(**where, Key="adopt/mixed-up.csv", Body=MIXED_UP.encode())
    refused = refusal(account.run(adopt=True, **given))
    assert refused["error"] == "InvalidInputError"
    assert f"customers: row {row} must begin with a key's id" in refused["reason"]
    assert VALUE not in str(refused)
    kept = [item["Key"] for item in account.s3.list_objects_v2(**where)["Contents"]]
    assert kept == ["adopt/mixed-up.csv"]
