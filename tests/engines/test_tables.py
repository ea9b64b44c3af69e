"""DynamoDB's expressions: the bench's tables and dynalite answer alike, request by request."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from keyward.aws.dynamodb import DynamoTable
from keyward.values import JSON
from local.bench import Bench
from local.lifetime.tables import Tables
from tests import tree
from tests.engines import kit
from tests.machines.moto_lab import Both, created, differences, policy_parameter
from tests.machines.test_tables import what_no_history_does
from tests.prove.history import history
from tests.prove.play import play, policy
from tests.support import registry_of

SEEDS = (1, 2)
METHODS = {"Put": "put_item", "Delete": "delete_item", "Update": "update_item"}


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    kit.module("dynalite")
    command = ["node", str(kit.HERE / "dynalite.cjs"), str(kit.PLACE / "node_modules")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout
        url = f"http://127.0.0.1:{int(running.stdout.readline())}"
        yield boto3.client("dynamodb", endpoint_url=url)
        running.terminate()


class Transactions:
    """TransactWriteItems, which dynalite lacks, by one call an item: its conditions and updates
    are dynalite's all the same. No two of them are about one item, so their order is nobody's."""

    def __init__(self, tables: dict[str, DynamoTable]) -> None:
        self._tables = tables
        first = next(iter(tables.values()))
        self.batch_get_item = first.meta.client.batch_get_item

    def transact_write_items(self, TransactItems: list[JSON]) -> JSON:
        """All of them, or none when a condition of one is not met."""
        before, codes = [], []
        for item in TransactItems:
            [(verb, request)] = item.items()
            table = self._tables[request["TableName"]]
            key = request.get("Key") or {name: request["Item"][name] for name in keys(table.name)}
            before.append((table, key, table.get_item(Key=key).get("Item")))
            codes.append(tried(verb, table, request))
        if any(code != "None" for code in codes):
            for table, key, item in before:
                table.put_item(Item=item) if item else table.delete_item(Key=key)
            reasons = [{"Code": code} for code in codes]
            answer: Any = {"Error": {"Code": "TransactionCanceledException"}}
            raise ClientError(answer | {"CancellationReasons": reasons}, "TransactWriteItems")
        return {}


def keys(table: str) -> list[str]:
    declared = tree.template()["Resources"][table]["Properties"]["KeySchema"]
    return [part["AttributeName"] for part in declared]


def tried(verb: str, table: DynamoTable, request: JSON) -> str:
    """Do one item of a transaction: its code in the reasons of a cancellation."""
    more = {name: given for name, given in request.items() if name != "TableName"}
    try:
        # A check writes nothing: UpdateItem without an expression is the condition alone.
        getattr(table, METHODS.get(verb, "update_item"))(**more)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return "ConditionalCheckFailed"
    return "None"


class Counted(Both):
    """A table of the bench with dynalite's beside it; counts the requests.

    dynalite finds no map equal to another one, DynamoDB compares what is in them (API reference,
    Condition, EQ; docs/live-checks.md): it is asked without such a comparison, and not at all where
    the bench refuses because of one."""

    requests = 0

    def _same(self, ours: Any, real: Any, request: JSON) -> Any:
        self.requests += 1
        refused: list[ClientError] = []

        def noted(**given: Any) -> Any:
            try:
                return ours(**given)
            except ClientError as error:
                refused.append(error)
                raise

        def loosened(**given: Any) -> Any:
            without = without_documents(given)
            if refused and without != given:
                raise refused[0]
            return real(**without)

        return super()._same(noted, loosened, request)


def without_documents(request: Any) -> Any:
    """A request whose conditions compare no map and no list."""
    if isinstance(request, list):
        return [without_documents(item) for item in request]
    if not isinstance(request, dict):
        return request
    request = {name: without_documents(item) for name, item in request.items()}
    values = request.get("ExpressionAttributeValues", {})
    for name in [name for name, value in values.items() if isinstance(value, dict | list)]:
        text = str(request.get("ConditionExpression", ""))
        loose = re.sub(rf"(\S+) = {name}\b", r"attribute_exists(\1)", text)
        if loose != text:
            request["ConditionExpression"] = loose
            # DynamoDB refuses a value that no expression names.
            if name not in re.findall(r":\w+", str(request.get("UpdateExpression"))):
                rest = {other: value for other, value in values.items() if other != name}
                request["ExpressionAttributeValues"] = values = rest
    return request


def mirrored(ours: JSON, client: Any) -> dict[str, Counted]:
    """The bench's tables with new ones of dynalite's beside them."""
    for name in client.list_tables()["TableNames"]:
        client.delete_table(TableName=name)
    made = {name: created(name, client) for name in ours}
    for table in made.values():
        table.meta = SimpleNamespace(client=Transactions(made))
    return {name: Counted(table, made[name]) for name, table in ours.items()}


def held_together(tables: dict[str, Counted], what: str) -> None:
    """Nothing was answered otherwise."""
    found = differences(tables)
    requests = sum(table.requests for table in tables.values())
    kit.agreed("dynalite", what, requests - len(found), requests)
    assert requests
    assert found == []


@pytest.mark.parametrize("seed", SEEDS)
def test_dynalite_answers_a_random_history_as_the_bench_does(client: Any, seed: int) -> None:
    bench = Bench(policy=policy())
    tables = mirrored(bench.tables, client)
    bench.tables = {**tables}
    bench.account.tables = SimpleNamespace(by_name=tables)
    with bench:
        play(bench, history(seed))
    held_together(tables, f"requests of history {seed}")


def test_dynalite_answers_what_no_history_does_as_the_bench_does(client: Any) -> None:
    tables = mirrored(Tables().by_name, client)
    what_no_history_does(registry_of(tables, policy_parameter()), 1_795_434_400)
    held_together(tables, "requests that no history makes")
