"""Tables with plain values answer as those of boto3's resource, value by value."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from keyward.aws.dynamodb import DynamoTable, from_wire, to_wire
from keyward.values import JSON

numbers = st.one_of(
    st.integers(-(10**38) + 1, 10**38 - 1),
    st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-9999, max_value=9999),
)
scalars = st.one_of(st.none(), st.booleans(), st.text(), numbers, st.binary())
sets = st.one_of(*(st.sets(kind, min_size=1) for kind in (st.text(), numbers, st.binary())))
values = st.recursive(
    scalars | sets, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(values)
def test_a_value_is_written_and_read_as_boto3_does(value: Any) -> None:
    written, theirs = to_wire(value), TypeSerializer().serialize(value)
    assert _in_order(written) == _in_order(theirs)
    assert from_wire(written) == _plain(TypeDeserializer().deserialize(theirs))


@pytest.mark.parametrize(
    "value",
    [1.5, object(), Decimal("NaN"), Decimal("Infinity"), {1, "a"}, {None}, 10**39, [{"a": 1.5}]],
)
def test_what_boto3_refuses_is_refused(value: Any) -> None:
    for write in (to_wire, TypeSerializer().serialize):
        with pytest.raises((TypeError, ArithmeticError)):
            write(value)


@pytest.mark.parametrize(
    "text",
    ["1" + "0" * 125, "-1" + "0" * 125, "9" * 126, "1E125", "1E-130", "0." + "0" * 129 + "1"],
)
@pytest.mark.parametrize("kind", ["N", "NS"])
def test_a_number_of_any_length_can_be_read_and_written_again(kind: str, text: str) -> None:
    found = from_wire({kind: text if kind == "N" else [text]})
    again = from_wire(to_wire(found))
    assert again == found
    [number] = found if kind == "NS" else [found]
    assert abs(number / Decimal(text) - 1) < Decimal("1E-36")


def test_a_type_that_dynamodb_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="no type X"):
        from_wire({"X": "1"})


@pytest.fixture
def table() -> Iterator[DynamoTable]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        client.create_table(
            TableName="t",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        yield DynamoTable(client, "t")


def test_an_attribute_may_have_the_name_of_a_member_of_requests(table: DynamoTable) -> None:
    item = {"id": "a", "Key": {"Item": [1, {"Items": "x"}]}, "Attributes": None}
    table.put_item(Item=item)
    assert table.get_item(Key={"id": "a"})["Item"] == item
    assert table.scan()["Items"] == [item]


def test_a_transaction_and_an_update_take_plain_values(table: DynamoTable) -> None:
    put = {"Put": {"TableName": "t", "Item": {"id": "a", "n": 1}}}
    table.meta.client.transact_write_items(TransactItems=[put])
    answer = table.update_item(
        Key={"id": "a"},
        UpdateExpression="ADD n :one",
        ConditionExpression="n = :one",
        ExpressionAttributeValues={":one": 1},
        ReturnValues="ALL_NEW",
    )
    assert answer["Attributes"] == {"id": "a", "n": 2}
    new = {"Put": put["Put"] | {"ConditionExpression": "attribute_not_exists(id)"}}
    with pytest.raises(ClientError):
        table.meta.client.transact_write_items(TransactItems=[new])


def test_a_page_goes_on_where_the_last_one_ended(table: DynamoTable) -> None:
    for name in "abc":
        table.put_item(Item={"id": name})
    first = table.scan(Limit=2)
    rest = table.scan(ExclusiveStartKey=first["LastEvaluatedKey"])
    assert sorted(item["id"] for item in first["Items"] + rest["Items"]) == ["a", "b", "c"]


def test_a_batch_of_any_size_is_written_and_deleted(table: DynamoTable) -> None:
    with table.batch_writer() as batch:
        for number in range(60):
            batch.put_item(Item={"id": str(number)})
    assert len(table.scan()["Items"]) == 60
    with table.batch_writer() as batch:
        for number in range(59):
            batch.delete_item(Key={"id": str(number)})
    assert table.scan()["Items"] == [{"id": "59"}]


def test_what_a_batch_left_unprocessed_is_sent_again() -> None:
    written: list[JSON] = []

    def take_half(RequestItems: JSON) -> JSON:
        puts = RequestItems["t"]
        most = max(1, len(puts) // 2)
        written.extend(put["PutRequest"]["Item"] for put in puts[:most])
        return {"UnprocessedItems": {"t": puts[most:]}} if puts[most:] else {}

    table = DynamoTable(SimpleNamespace(batch_write_item=take_half), "t")
    with table.batch_writer() as batch:
        for number in range(60):
            batch.put_item(Item={"id": number})
    assert sorted(int(item["id"]["N"]) for item in written) == list(range(60))


def _in_order(value: Any) -> Any:
    """A set has no order."""
    if isinstance(value, dict):
        return {k: sorted(v) if k in ("SS", "NS", "BS") else _in_order(v) for k, v in value.items()}
    return [_in_order(item) for item in value] if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    """boto3 wraps bytes into a class of its own."""
    if hasattr(value, "value"):
        return bytes(value.value)
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return type(value)(_plain(item) for item in value) if isinstance(value, list | set) else value
