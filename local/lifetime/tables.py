"""DynamoDB tables in this process: what moto answers to Keyward's calls, a hundred times faster.

They also know limits that moto does not. tests/machines/test_tables.py holds the two together."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import cache
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from keyward.values import JSON
from local import template
from local.aws import TEMPLATE
from local.lifetime import expressions

Key = tuple[Any, ...]
# Hears of a change: the table's name, the item's partition key, the item before and after (None for
# none).
Change = Callable[[str, str, JSON | None, JSON | None], None]
# The most bytes of an item (DynamoDB quotas).
MAX_ITEM = 400 * 1024
# The most actions of a transaction, and the most keys of BatchGetItem (API reference).
MAX_STEPS = 100
MAX_KEYS = 100
# How long a transaction holds its items: what meets it there is in conflict (DynamoDB developer
# guide, "Transactional conflict handling").
TRANSACTION_SECONDS = 0.01
UNCHANGED = {str, Decimal, bool, type(None)}


class Tables:
    """All tables of the template, by their names there. `sleep` lets time pass while a transaction
    holds its items; `changed` hears of every change, as a stream does."""

    def __init__(
        self,
        sleep: Callable[[float], None] = lambda seconds: None,
        changed: Change = lambda name, key, before, after: None,
    ) -> None:
        self.by_name = {name: Table(name, found, self) for name, found in _declared().items()}
        self.meta = SimpleNamespace(client=self)
        self.changed = changed
        self.held: set[tuple[str, Key]] = set()
        self._sleep = sleep

    def transact_write_items(self, TransactItems: list[JSON]) -> JSON:
        """All of them, or none when a condition of one is not met or another one holds an item."""
        assert len(TransactItems) <= MAX_STEPS
        steps = [next(iter(item.items())) for item in TransactItems]
        places = [self.by_name[request["TableName"]].place_of(request) for _, request in steps]
        # DynamoDB refuses two actions on one item (TransactWriteItems, API reference).
        assert len({*places}) == len(places)
        if any(place in self.held for place in places):
            codes = ["TransactionConflict" if place in self.held else "None" for place in places]
            raise _cancelled(codes)
        self.held.update(places)
        try:
            self._sleep(TRANSACTION_SECONDS)
        finally:
            self.held.difference_update(places)
        return self._write(steps)

    def batch_get_item(self, RequestItems: JSON) -> JSON:
        """Items of any tables by their keys, those that exist."""
        assert sum(len(wanted["Keys"]) for wanted in RequestItems.values()) <= MAX_KEYS
        found = {
            name: self.by_name[name].items_of(wanted["Keys"])
            for name, wanted in RequestItems.items()
        }
        return {"Responses": found, "UnprocessedKeys": {}}

    def _write(self, steps: list[tuple[str, JSON]]) -> JSON:
        failed = [not self.by_name[request["TableName"]].meets(request) for _, request in steps]
        if any(failed):
            raise _cancelled(["ConditionalCheckFailed" if f else "None" for f in failed])
        for verb, request in steps:
            if verb == "ConditionCheck":
                continue
            table = self.by_name[request["TableName"]]
            more = {k: v for k, v in request.items() if k in NEEDED[verb]}
            getattr(table, METHODS[verb])(**more)
        return {}

    def clear(self) -> None:
        """Empty all."""
        for table in self.by_name.values():
            table.clear()


@cache
def _declared() -> dict[str, JSON]:
    """The properties of the template's tables, by name."""
    return {
        name: found["Properties"]
        for name, found in template.load(TEMPLATE)["Resources"].items()
        if found["Type"] == "AWS::DynamoDB::Table"
    }


def _cancelled(codes: list[str]) -> ClientError:
    answer: Any = {"Error": {"Code": "TransactionCanceledException"}}
    reasons = [{"Code": code} for code in codes]
    return ClientError(answer | {"CancellationReasons": reasons}, "TransactWriteItems")


METHODS = {"Put": "put_item", "Delete": "delete_item", "Update": "update_item"}
NEEDED = {
    "Put": {"Item"},
    "Delete": {"Key"},
    "Update": {"Key", "UpdateExpression"}
    | {"ExpressionAttributeNames", "ExpressionAttributeValues"},
}


class Table:
    """One table, as far as Keyward uses it."""

    def __init__(self, name: str, declared: JSON, tables: Tables) -> None:
        self.name = name
        self.items: dict[Key, JSON] = {}
        self._key = [part["AttributeName"] for part in declared["KeySchema"]]
        self._indexes = {
            index["IndexName"]: [part["AttributeName"] for part in index["KeySchema"]]
            for index in declared.get("GlobalSecondaryIndexes", [])
        }
        # What an index has of an item, where that is not all of it.
        self._projected = {
            index["IndexName"]: {*self._key, *self._indexes[index["IndexName"]]}
            for index in declared.get("GlobalSecondaryIndexes", [])
            if index["Projection"]["ProjectionType"] == "KEYS_ONLY"
        }
        # Items by the hash key of the table (None) and of each index.
        self._parts: dict[tuple[str | None, Any], dict[Key, JSON]] = {}
        self.meta = SimpleNamespace(client=tables)

    @contextmanager
    def batch_writer(self) -> Iterator[Table]:
        """The table itself: here no call is saved by waiting for more of them."""
        yield self

    def clear(self) -> None:
        """Forget all items."""
        self.items.clear()
        self._parts.clear()

    def get_item(self, Key: JSON, **_: Any) -> JSON:
        """One item."""
        item = self.items.get(self._place(Key))
        return {} if item is None else {"Item": _copy(item)}

    def items_of(self, keys: list[JSON]) -> list[JSON]:
        """The items with these keys."""
        found = (self.items.get(self._place(key)) for key in keys)
        return [_copy(item) for item in found if item is not None]

    def put_item(self, Item: JSON, **more: Any) -> JSON:
        """Write an item."""
        self._check(Item, more)
        self._store(self._place(Item), _copy(Item))
        return {}

    def delete_item(self, Key: JSON, **more: Any) -> JSON:
        """Forget an item."""
        self._check(Key, more)
        self._store(self._place(Key), None)
        return {}

    def update_item(self, Key: JSON, UpdateExpression: str, **more: Any) -> JSON:
        """Change an item."""
        self._check(Key, more)
        before = self.items.get(self._place(Key), {})
        item = _copy(before or Key)
        names, values = _given(more)
        touched = expressions.update(UpdateExpression, item, names, values)
        self._store(self._place(Key), item)
        answers = {
            "ALL_OLD": before,
            "ALL_NEW": item,
            "UPDATED_NEW": {name: item[name] for name in touched if name in item},
        }
        answer = answers.get(more.get("ReturnValues", ""))
        return {"Attributes": _copy(answer)} if answer else {}

    def query(self, KeyConditionExpression: str, **more: Any) -> JSON:
        """The items of one key."""
        names, values = _given(more)
        read, index = expressions.condition(KeyConditionExpression), more.get("IndexName")
        order = self._indexes[index] if index else self._key
        # The hash key comes first in the key conditions of Keyward.
        part = self.part_of(index, values[KeyConditionExpression.split()[2]])
        found = [item for item in part if read(item, names, values)]
        found.sort(key=lambda item: item[order[-1]], reverse=more.get("ScanIndexForward") is False)
        kept = self._projected.get(index)
        if kept:
            found = [{name: item[name] for name in kept} for item in found]
        return self._page(found, more)

    def scan(self, **more: Any) -> JSON:
        """All items."""
        return self._page(list(self.items.values()), more)

    def meets(self, request: JSON) -> bool:
        """Whether a request's condition is met."""
        wanted = request.get("ConditionExpression")
        if wanted is None:
            return True
        item = self.items.get(self._place(request.get("Item") or request["Key"]), {})
        return bool(expressions.condition(wanted)(item, *_given(request)))

    def _page(self, found: list[JSON], more: JSON) -> JSON:
        wanted = more.get("FilterExpression")
        if wanted is not None:
            read, given = expressions.condition(wanted), _given(more)
            found = [item for item in found if read(item, *given)]
        return {"Items": [_copy(item) for item in found[: more.get("Limit")]]}

    def place_of(self, request: JSON) -> tuple[str, Key]:
        """Where a request of a transaction writes."""
        return self.name, self._place(request.get("Item") or request["Key"])

    def part_of(self, index: str | None, value: Any) -> list[JSON]:
        """The items with this hash key of an index, or of the table."""
        return list(self._parts.get((index, value), {}).values())

    def _store(self, place: Key, item: JSON | None) -> None:
        """Have the item there, or none."""
        if item is not None and _is_too_large(item):
            raise ClientError({"Error": {"Code": "ValidationException"}}, "PutItem")
        before = self.items.pop(place, None)
        if before is not None:
            for part in self._parts_of(before):
                self._parts[part].pop(place, None)
        if item is not None:
            self.items[place] = item
            for part in self._parts_of(item):
                self._parts.setdefault(part, {})[place] = item
        if before != item:
            self.meta.client.changed(self.name, str(place[0]), before, item)

    def _parts_of(self, item: JSON) -> list[tuple[str | None, Any]]:
        found: list[tuple[str | None, Any]] = [(None, item[self._key[0]])]
        for name, key in self._indexes.items():
            # An item whose attribute is of another type is not in the index: one from before the
            # index was made, as DynamoDB takes no new one.
            if all(isinstance(item.get(part), str | int | Decimal) for part in key):
                found.append((name, item[key[0]]))
        return found

    def _check(self, about: JSON, more: JSON) -> None:
        if (self.name, self._place(about)) in self.meta.client.held:
            raise ClientError({"Error": {"Code": "TransactionConflictException"}}, "PutItem")
        if "ConditionExpression" in more and not self.meets({"Key": about} | more):
            error = {"Error": {"Code": "ConditionalCheckFailedException"}}
            raise ClientError(error, "PutItem")  # type: ignore[arg-type]

    def _place(self, item: JSON) -> Key:
        return tuple(item[name] for name in self._key)


def _given(request: JSON) -> tuple[dict[str, str], JSON]:
    values = _copy(request.get("ExpressionAttributeValues", {}))
    return request.get("ExpressionAttributeNames", {}), values


def _is_too_large(item: JSON) -> bool:
    """Whether DynamoDB refuses an item for its size. JSON needs six times as much at most as the
    text of Python, which is made in a tenth of the time."""
    return len(repr(item)) * 6 > MAX_ITEM and len(json.dumps(item, default=str)) > MAX_ITEM


def _copy(value: Any) -> Any:
    """As it comes back from DynamoDB: numbers are Decimals, and nothing is shared."""
    kind = type(value)
    if kind in UNCHANGED:
        return value
    # Most members are texts and numbers, for which a call would cost more than the copy.
    if kind is dict:
        return {k: v if type(v) in UNCHANGED else _copy(v) for k, v in value.items()}
    if isinstance(value, dict):
        return {name: _copy(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [v if type(v) in UNCHANGED else _copy(v) for v in value]
    assert not isinstance(value, float), "DynamoDB holds no floats"
    return Decimal(value) if kind is int else value
