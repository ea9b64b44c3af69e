"""DynamoDB tables in this process: what moto answers to Keyward's calls, a hundred times faster.

tests/model/test_tables.py holds the two against each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from boto3.dynamodb.conditions import ConditionBase, ConditionExpressionBuilder
from botocore.exceptions import ClientError

from local import template
from local.aws import TEMPLATE
from local.lifetime import expressions

JSON = dict[str, Any]
Key = tuple[Any, ...]


class Tables:
    """All tables of the template, by their names there."""

    def __init__(self) -> None:
        resources = template.load(TEMPLATE)["Resources"]
        self.by_name = {
            name: Table(name, found["Properties"], self)
            for name, found in resources.items()
            if found["Type"] == "AWS::DynamoDB::Table"
        }
        self.meta = SimpleNamespace(client=self)

    def transact_write_items(self, TransactItems: list[JSON]) -> JSON:
        """All of them, or none when a condition of one is not met."""
        steps = [next(iter(item.items())) for item in TransactItems]
        failed = [not self.by_name[request["TableName"]].meets(request) for _, request in steps]
        if any(failed):
            reasons = [{"Code": "ConditionalCheckFailed" if f else "None"} for f in failed]
            answer: Any = {"Error": {"Code": "TransactionCanceledException"}}
            raise ClientError(answer | {"CancellationReasons": reasons}, "TransactWriteItems")
        for verb, request in steps:
            table = self.by_name[request["TableName"]]
            more = {k: v for k, v in request.items() if k in NEEDED[verb]}
            getattr(table, METHODS[verb])(**more)
        return {}

    def clear(self) -> None:
        """Empty all."""
        for table in self.by_name.values():
            table.items.clear()


METHODS = {"Put": "put_item", "Delete": "delete_item", "Update": "update_item"}
NEEDED = {
    "Put": {"Item"},
    "Delete": {"Key"},
    "Update": {"Key", "UpdateExpression"}
    | {"ExpressionAttributeNames", "ExpressionAttributeValues"},
}


class Table:
    """One table: boto3's resource, as far as Keyward uses it."""

    def __init__(self, name: str, declared: JSON, tables: Tables) -> None:
        self.name = name
        self.key_schema = declared["KeySchema"]
        self.items: dict[Key, JSON] = {}
        self._key = [part["AttributeName"] for part in self.key_schema]
        self._indexes = {
            index["IndexName"]: [part["AttributeName"] for part in index["KeySchema"]]
            for index in declared.get("GlobalSecondaryIndexes", [])
        }
        self.meta = SimpleNamespace(client=tables)

    @contextmanager
    def batch_writer(self) -> Iterator[Table]:
        """The table itself: here no call is saved by waiting for more of them."""
        yield self

    def get_item(self, Key: JSON, **_: Any) -> JSON:
        """One item."""
        item = self.items.get(self._place(Key))
        return {} if item is None else {"Item": _copy(item)}

    def put_item(self, Item: JSON, **more: Any) -> JSON:
        """Write an item."""
        self._check(Item, more)
        self.items[self._place(Item)] = _copy(Item)
        return {}

    def delete_item(self, Key: JSON, **more: Any) -> JSON:
        """Forget an item."""
        self._check(Key, more)
        self.items.pop(self._place(Key), None)
        return {}

    def update_item(self, Key: JSON, UpdateExpression: str, **more: Any) -> JSON:
        """Change an item."""
        self._check(Key, more)
        item = _copy(self.items.get(self._place(Key), Key))
        names, values = _given(more)
        touched = expressions.update(UpdateExpression, item, names, _copy(values))
        self.items[self._place(Key)] = item
        wanted = {"ALL_NEW": [*item], "UPDATED_NEW": touched}.get(more.get("ReturnValues", ""))
        if wanted is None:
            return {}
        return {"Attributes": {name: _copy(item[name]) for name in wanted if name in item}}

    def query(self, KeyConditionExpression: ConditionBase, **more: Any) -> JSON:
        """The items of one key."""
        text, names, values = _built(KeyConditionExpression, is_key=True)
        read, sort = expressions.condition(text), self._indexes.get(more.get("IndexName", ""))
        order = sort or self._key
        found = [
            item
            for item in self.items.values()
            if all(name in item for name in order) and read(item, names, values)
        ]
        found.sort(key=lambda item: item[order[-1]], reverse=more.get("ScanIndexForward") is False)
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
        if isinstance(wanted, ConditionBase):
            text, names, values = _built(wanted)
        else:
            text, (names, values) = wanted, _given(request)
        return bool(expressions.condition(text)(item, names, values))

    def _page(self, found: list[JSON], more: JSON) -> JSON:
        wanted = more.get("FilterExpression")
        if wanted is not None:
            text, names, values = _built(wanted)
            found = [item for item in found if expressions.condition(text)(item, names, values)]
        return {"Items": [_copy(item) for item in found[: more.get("Limit")]]}

    def _check(self, about: JSON, more: JSON) -> None:
        if "ConditionExpression" in more and not self.meets({"Key": about} | more):
            error = {"Error": {"Code": "ConditionalCheckFailedException"}}
            raise ClientError(error, "PutItem")  # type: ignore[arg-type]

    def _place(self, item: JSON) -> Key:
        return tuple(item[name] for name in self._key)


def _built(condition: ConditionBase, is_key: bool = False) -> tuple[str, dict[str, str], JSON]:
    built = ConditionExpressionBuilder().build_expression(condition, is_key_condition=is_key)
    return (
        built.condition_expression,
        built.attribute_name_placeholders,
        _copy(built.attribute_value_placeholders),
    )


def _given(request: JSON) -> tuple[dict[str, str], JSON]:
    values = _copy(request.get("ExpressionAttributeValues", {}))
    return request.get("ExpressionAttributeNames", {}), values


def _copy(value: Any) -> Any:
    """As it comes back from DynamoDB: numbers are Decimals, and nothing is shared."""
    if isinstance(value, dict):
        return {name: _copy(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copy(item) for item in value]
    if isinstance(value, bool):
        return value
    assert not isinstance(value, float), "boto3 refuses floats"
    return Decimal(value) if isinstance(value, int) else value
