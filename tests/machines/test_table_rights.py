"""What functions ask of tables on the bench is what their roles in the template grant."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from local.bench import Bench
from local.lifetime.tables import Table
from tests.rules.test_template_rights import as_list, functions, role_of, roles, statements

JSON = dict[str, Any]
# A call by a function: its name, the action, and the table or the index.
Asked = tuple[str, str, str]
ACTIONS = {
    "get_item": "GetItem",
    "put_item": "PutItem",
    "update_item": "UpdateItem",
    "delete_item": "DeleteItem",
    "query": "Query",
    "scan": "Scan",
}
DAY = 86_400


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[Asked]]:
    """What functions ask; a transaction is its single writes, as IAM has it."""
    found: set[Asked] = set()
    with Bench() as bench:
        scheduler = bench.account.scheduler

        def noted(method: str) -> Any:
            plain = getattr(Table, method)

            def note(table: Table, *args: Any, **params: Any) -> Any:
                if scheduler.worker and scheduler.worker.invocation:
                    index = params.get("IndexName")
                    place = f"{table.name}/{index}" if index else table.name
                    found.add((scheduler.worker.invocation.function, ACTIONS[method], place))
                return plain(table, *args, **params)

            return note

        for method in ACTIONS:
            monkeypatch.setattr(Table, method, noted(method))
        live(bench)
        yield found


def live(bench: Bench) -> None:
    """The lives of an API and of three customers, told in every way."""
    api = bench.api({"/pets": {"get": None}}, mode="enforce", stages=["prod"])
    bench.run()
    for name in ("acme", "early", "late"):
        bench.send("CustomerSignedUp", customer_id=name, plan="free")
    bench.run()
    bench.send("QuotaExtensionRequested", customer_id="acme", calls=5)
    bench.run()
    for event in ("CustomerSuspended", "CustomerResumed", "KeyRotationRequested"):
        bench.send(event, customer_id="acme")
        bench.run()
    bench.send("CustomerPlanChanged", customer_id="early", plan="pro")
    bench.send("CustomerClosed", customer_id="late")
    bench.deploy(api, "prod")
    bench.run()
    bench.send("RollbackRequested", rest_api_id=api, stage="prod")
    bench.advance(9 * DAY)
    bench.audit(repair=True)
    bench.advance(DAY)


def granted() -> set[Asked]:
    """What the roles of the template grant of tables and indexes."""
    found = set()
    for name, function in functions().items():
        for statement in statements(roles()[role_of(function)]):
            for action in as_list(statement["Action"]):
                for resource in as_list(statement["Resource"]):
                    named = re.search(
                        r"(\w+Table)\W+Arn(?:\}/index/([\w-]+))?", json.dumps(resource)
                    )
                    if action.startswith("dynamodb:") and named:
                        place = "/".join(part for part in named.groups() if part)
                        found.add((name, action.removeprefix("dynamodb:"), place))
    return found


def test_a_function_asks_of_tables_what_its_role_grants(asked: set[Asked]) -> None:
    assert len({function for function, _, _ in asked}) > 20
    assert asked - granted() == set()
