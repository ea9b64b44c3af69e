"""The local AWS has the limits of AWS that bite."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.aws import LocalAws
from local.shims import limits
from local.waiting import until
from tests.stack.local.test_branches import greet, machine, run

KIB = 1024


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


@pytest.mark.parametrize("kind", ["Pass", "Task"])
def test_a_state_of_more_than_256_kib_fails_past_every_wildcard(aws: LocalAws, kind: str) -> None:
    padded = "{% $pad('', 270000, 'x') %}"
    states = {
        "Pass": {"Type": "Pass", "Output": padded, "End": True},
        "Task": greet(aws, padded, Output="{% $states.result.Payload.process %}"),
    }

    ended = run(aws, machine({"StartAt": kind, "States": {kind: states[kind]}}))

    assert (ended.status, ended.states) == ("FAILED", ["Run", kind])
    failed = [event["executionFailedEventDetails"] for event in ended.history[-1:]]
    assert failed[0]["error"] == "States.DataLimitExceeded"


def test_a_request_of_more_than_256_kib_of_events_is_refused_whole(aws: LocalAws) -> None:
    def put(*sizes: int) -> Any:
        entries = [
            {"Source": "test", "DetailType": "Large", "Detail": json.dumps("x" * size)}
            for size in sizes
        ]
        return aws.client("events").put_events(Entries=entries)

    assert put(120 * KIB, 120 * KIB)["FailedEntryCount"] == 0
    with pytest.raises(ClientError) as refused:
        put(130 * KIB, 130 * KIB)

    assert code(refused) == "ValidationException"
    assert len(aws.events("Large")) == 2


def test_an_item_of_more_than_400_kb_is_refused(aws: LocalAws) -> None:
    item = {"id": {"S": "large"}, "text": {"S": "x" * 401 * KIB}}
    with pytest.raises(ClientError) as refused:
        aws.client("dynamodb").put_item(TableName=aws.outputs["TableName"], Item=item)

    assert code(refused) == "ValidationException"


def test_more_than_40_parameters_a_second_are_throttled(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssm, name = aws.client("ssm"), aws.outputs["ParameterName"]
    now = [time.monotonic()]
    monkeypatch.setattr(limits, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def read() -> str:
        try:
            ssm.get_parameter(Name=name)
        except ClientError as refused:
            return str(refused.response["Error"]["Code"])
        return "read"

    # What this second has left, and then exactly what half a second brings.
    assert Counter(read() for _ in range(50))["ThrottlingException"] >= 10
    now[0] += 0.51
    assert Counter(read() for _ in range(30))["read"] in (20, 21)


def test_who_meets_a_transaction_is_told_of_the_conflict(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, client = aws.outputs["TableName"], aws.client("dynamodb")
    item = {"id": {"S": "contended"}, "expires": {"N": "1"}}
    other = {"id": {"S": "alone"}}

    def transact() -> list[str]:
        puts = [{"Put": {"TableName": table, "Item": one}} for one in (item, other)]
        try:
            client.transact_write_items(TransactItems=puts)
        except client.exceptions.TransactionCanceledException as refused:
            return [str(reason["Code"]) for reason in refused.response["CancellationReasons"]]
        return []

    def put() -> list[str]:
        try:
            client.put_item(TableName=table, Item=item)
        except ClientError as refused:
            return [str(refused.response["Error"]["Code"])]
        return []

    over = threading.Event()

    async def held(_seconds: float) -> None:
        while not over.is_set():
            await asyncio.sleep(0.005)

    with monkeypatch.context() as patch, ThreadPoolExecutor(1) as beside:
        patch.setattr(limits, "asyncio", SimpleNamespace(sleep=held))
        try:
            first = beside.submit(transact)
            until(lambda: limits._ongoing)
            assert transact() == ["TransactionConflict", "TransactionConflict"]
            assert put() == ["TransactionConflictException"]
        finally:
            over.set()
        assert first.result() == []
    assert put() == transact() == []
