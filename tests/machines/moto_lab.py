"""Tables of the bench with moto's beside them, which get the same requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.exceptions import ClientError

from emulator.clock import VirtualClock
from keyward.aws.dynamodb import DynamoTable
from keyward.policy.parse import default_text
from keyward.values import JSON
from local.lifetime.services import Ssm
from tests.support import load_template


class Both:
    """A table of the bench and one of moto's, which get the same requests and are to answer the
    same; `differences` keeps what they do not."""

    def __init__(self, ours: Any, real: Any) -> None:
        self.name, self.items, self.part_of = ours.name, ours.items, ours.part_of
        self.meta = self.client = self
        self.differences: list[str] = []
        self._ours, self._real = ours, real

    def __getattr__(self, name: str) -> Any:
        return lambda **request: self._same(
            getattr(self._ours, name), getattr(self._real, name), request
        )

    def transact_write_items(self, **request: Any) -> Any:
        ours = self._ours.meta.client.transact_write_items
        return self._same(ours, self._real.meta.client.transact_write_items, request)

    def batch_get_item(self, **request: Any) -> Any:
        ours = self._ours.meta.client.batch_get_item
        return self._same(ours, self._real.meta.client.batch_get_item, request)

    @contextmanager
    def batch_writer(self) -> Iterator[Any]:
        yield self

    def _same(self, ours: Any, real: Any, request: JSON) -> Any:
        found = answer(ours, request)
        # What meets a transaction that is under way conflicts on the bench alone.
        if "TransactionConflict" not in str(found.get("Refused")):
            told = answer(real, request)
            if "Attributes" in told:
                # moto leaves out what was the same before; DynamoDB tells all that was named.
                both = found["Attributes"].keys() & told["Attributes"]
                found["Attributes"] = {name: found["Attributes"][name] for name in both}
            if found != told:
                self.differences.append(f"{request}: {found}, {told}")
        if "Refused" in found:
            raise ClientError(found["Refused"], "Some")
        return found


def answer(call: Any, request: JSON) -> JSON:
    """What counts of an answer: items in the order of their keys where the order is nobody's."""
    try:
        given = call(**request) or {}
    except ClientError as error:
        reasons: list[JSON] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
        codes = [{"Code": reason["Code"]} for reason in reasons]
        code = {"Code": error.response["Error"]["Code"]}
        return {"Refused": {"Error": code, "CancellationReasons": codes}}
    kept = {name: given[name] for name in ("Item", "Items", "Attributes") if name in given}
    if "Responses" in given:
        kept["Responses"] = {n: sorted(items, key=str) for n, items in given["Responses"].items()}
    # moto adds the key where the item is new; DynamoDB tells what was updated (API reference).
    for name in {*request.get("Key", {})} & {*kept.get("Attributes", {})}:
        del kept["Attributes"][name]
    if "KeyConditionExpression" not in request and "Items" in kept:
        kept["Items"] = sorted(kept["Items"], key=str)
    return kept


def created(name: str, client: Any) -> DynamoTable:
    """A table as the template declares it, on any engine."""
    wanted = load_template()["Resources"][name]["Properties"]
    parts = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        **{part: wanted[part] for part in parts if part in wanted},
    )
    return DynamoTable(client, name)


def mirrored(ours: JSON) -> dict[str, Both]:
    """Tables of the bench with moto's beside them."""
    client = boto3.client("dynamodb")
    return {name: Both(table, created(name, client)) for name, table in ours.items()}


def differences(tables: Mapping[str, Both]) -> list[str]:
    return [found for table in tables.values() for found in table.differences]


def policy_parameter() -> Ssm:
    """A parameter with the policy of a new stack, as the tables read it at their first use."""
    ssm = Ssm(VirtualClock(), lambda name, operation: None)
    ssm.first_parameter("policy", default_text())
    return ssm
