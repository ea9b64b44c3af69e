"""DynamoDB's tables with plain values in their items, in the shape of boto3's resource.

boto3's own resource costs a cold start 45 ms of CPU: it imports boto3, reads a second model of the
service and makes classes from it, for nothing but this translation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Clamped, Context, Decimal, Inexact, Overflow, Rounded, Underflow
from types import SimpleNamespace
from typing import Any

from keyward.values import JSON

# A number has 38 digits and lies between 1E-130 and 1E+126 (DynamoDB developer guide, "Data types
# and naming rules"). What would be rounded is refused.
NUMBERS = Context(
    prec=38, Emin=-128, Emax=126, traps=[Clamped, Overflow, Inexact, Rounded, Underflow]
)
# A number that somebody put comes with up to 126 digits, zeros most of them: one such item must not
# end the reading of a whole page. With 38 digits it can be written again.
NUMBERS_READ = Context(prec=38, traps=[])
# The members of requests and answers that hold values by name, and those that list such maps.
MAPS = {"Item", "Key", "ExpressionAttributeValues", "ExclusiveStartKey"}
MAPS |= {"Attributes", "LastEvaluatedKey"}
LISTS_OF_MAPS = {"Items", "Keys"}
# What BatchGetItem found, by table.
FOUND = "Responses"
# BatchWriteItem takes so many items (DynamoDB API reference).
BATCH = 25


def to_wire(value: Any) -> JSON:
    """Write a value as DynamoDB's JSON. Raises TypeError for a value that it cannot hold, a float
    for one, and ArithmeticError for a number that it would round."""
    if value is None:
        return {"NULL": True}
    if isinstance(value, dict):
        return {"M": {str(name): to_wire(member) for name, member in value.items()}}
    if isinstance(value, list | tuple):
        return {"L": [to_wire(member) for member in value]}
    if isinstance(value, set | frozenset):
        # A set has one type; DynamoDB refuses an empty one.
        members = [to_wire(member) for member in sorted(value)]
        kinds = {kind for member in members for kind in member}
        if len(kinds) != 1 or not kinds <= {"S", "N", "B"}:
            raise TypeError("a set must have texts, numbers or bytes only, and at least one")
        [kind] = kinds
        return {f"{kind}S": [member[kind] for member in members]}
    return _scalar(value)


def _scalar(value: Any) -> JSON:
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, int | Decimal):
        number = NUMBERS.create_decimal(value)
        if not number.is_finite():
            raise TypeError("DynamoDB holds no infinity and no NaN")
        return {"N": str(number)}
    if isinstance(value, bytes):
        return {"B": value}
    raise TypeError(f"DynamoDB holds no {type(value).__name__}")


def from_wire(value: JSON) -> Any:
    """Read a value of DynamoDB's JSON. Numbers become Decimals. Raises ValueError for what is no
    such value."""
    [(kind, found)] = value.items()
    read = READ.get(kind)
    if read is None:
        raise ValueError(f"DynamoDB has no type {kind}")
    return read(found)


READ: dict[str, Callable[[Any], Any]] = {
    "S": str,
    "N": NUMBERS_READ.create_decimal,
    "B": bytes,
    "BOOL": bool,
    "NULL": lambda _: None,
    "M": lambda found: {name: from_wire(member) for name, member in found.items()},
    "L": lambda found: [from_wire(member) for member in found],
    "SS": set,
    "NS": lambda found: {NUMBERS_READ.create_decimal(member) for member in found},
    "BS": set,
}


class PlainClient:
    """A client of botocore for DynamoDB that takes and gives plain values."""

    def __init__(self, client: Any) -> None:
        self._botocore = client

    def __getattr__(self, method: str) -> Callable[..., JSON]:
        call = getattr(self._botocore, method)

        def plain(**params: Any) -> JSON:
            return _translated(call(**_translated(params, to_wire)), from_wire)

        return plain


class DynamoTable:
    """A table. `meta.client` takes transactions, as boto3's resource has it."""

    def __init__(self, client: Any, name: str) -> None:
        self._plain = PlainClient(client)
        self.name = name
        self.meta = SimpleNamespace(client=self._plain)

    def __getattr__(self, method: str) -> Callable[..., JSON]:
        call = getattr(self._plain, method)
        return lambda **params: call(TableName=self.name, **params)

    @contextmanager
    def batch_writer(self) -> Iterator[Batch]:
        """Write or delete many items with few calls when the block ends; no conditions."""
        batch = Batch()
        yield batch
        waiting = batch.requests
        while waiting:
            answer = self._plain.batch_write_item(RequestItems={self.name: waiting[:BATCH]})
            left: JSON = answer.get("UnprocessedItems", {})
            waiting = [*waiting[BATCH:], *left.get(self.name, [])]


class Batch:
    """Puts and deletes that are sent together; one for each key at most."""

    def __init__(self) -> None:
        self.requests: list[JSON] = []

    def put_item(self, Item: JSON) -> None:
        """Add an item to write."""
        self.requests.append({"PutRequest": {"Item": Item}})

    def delete_item(self, Key: JSON) -> None:
        """Add an item to delete."""
        self.requests.append({"DeleteRequest": {"Key": Key}})


def _translated(part: JSON, translate: Callable[[Any], Any]) -> JSON:
    """A request or an answer with its values translated, wherever they stand in it."""
    return {name: _member(name, found, translate) for name, found in part.items()}


def _member(name: str, found: Any, translate: Callable[[Any], Any]) -> Any:
    if name in MAPS:
        return {key: translate(value) for key, value in found.items()}
    if name in LISTS_OF_MAPS:
        return [_member("Item", item, translate) for item in found]
    if name == FOUND:
        return {table: _member("Items", items, translate) for table, items in found.items()}
    if isinstance(found, dict):
        return _translated(found, translate)
    if isinstance(found, list):
        return [_member("", item, translate) for item in found]
    return found
