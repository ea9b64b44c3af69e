"""Faults of any client: what is to go wrong with the n-th call of an operation from now on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from local.lifetime.scheduler import Died

CLIENTS = (
    "apigateway",
    "dynamodb",
    "ssm",
    "events",
    "stepfunctions",
    "sqs",
    "s3",
    "secretsmanager",
    "logs",
    "lambda",
)
# What has its effect before it fails: its answer is lost, its caller dies, or the SDK repeats it.
AFTER, DEATH_AFTER, REPEATED = "timeout_after", "death_after", "repeated"
BEFORE, DEATH_BEFORE, REFUSED = "timeout_before", "death_before", "connection_refused"
CODES = {429: "TooManyRequestsException", 500: "InternalFailure", 503: "ServiceUnavailable"}
# DynamoDB says a conflict in two ways ("TransactWriteItems", API reference).
CONFLICT = "TransactionConflict"


@dataclass
class Order:
    """One fault to come: the `call`-th call of an operation (`PutItem`, or a function's id)."""

    client: str
    operation: str
    call: int
    error: str | int
    count: int = 0

    def meets(self, client: str, operation: str) -> bool:
        """Count the call if it is of this kind, and say whether it is the one."""
        if (client, operation) != (self.client, self.operation):
            return False
        self.count += 1
        return self.count == self.call


class Faults:
    """The faults that are ordered. A fault meets one call and is over."""

    def __init__(self) -> None:
        self._orders: list[Order] = []
        self.met: list[Order] = []

    def order(self, client: str, operation: str, call: int, error: str | int) -> None:
        """Order a fault; `call` 1 is the next one. Raises ValueError for an unknown client."""
        if client not in CLIENTS:
            raise ValueError(f"client: must be one of {', '.join(CLIENTS)}, got {client}")
        if call < 1:
            raise ValueError(f"call: must be a number from 1, got {call}")
        self._orders.append(Order(client, operation, call, error))

    def clear(self) -> None:
        """End all faults."""
        self._orders.clear()
        self.met.clear()

    def due(self, client: str, operation: str) -> str | int | None:
        """Count a call: the fault that it meets, if any."""
        if not self._orders:
            return None
        met = [order for order in self._orders if order.meets(client, operation)]
        self._orders = [order for order in self._orders if order not in met]
        self.met += met
        return met[-1].error if met else None

    def call(self, client: str, operation: str, effect: Callable[[], Any]) -> Any:
        """Do a call with the fault that is due, if any."""
        fault = self.due(client, operation)
        if fault is None:
            return effect()
        if fault == DEATH_BEFORE:
            raise Died
        if fault not in (AFTER, DEATH_AFTER, REPEATED):
            raise error_of(fault, operation)
        effect()
        if fault == DEATH_AFTER:
            raise Died
        if fault == REPEATED:
            return effect()
        raise error_of(fault, operation)


def error_of(fault: str | int, operation: str) -> Exception:
    """What botocore raises for a fault that is an error's code, an HTTP status or a kind above."""
    if fault in (AFTER, BEFORE):
        return ReadTimeoutError(endpoint_url="https://aws.invalid", error=operation)
    if fault == REFUSED:
        return EndpointConnectionError(endpoint_url="https://aws.invalid", error=operation)
    status = fault if isinstance(fault, int) else _status(fault)
    code = CODES.get(fault, "InternalFailure") if isinstance(fault, int) else fault
    answer: Any = {"Error": {"Code": code, "Message": "ordered"}}
    if code == CONFLICT and operation == "TransactWriteItems":
        answer["Error"]["Code"] = "TransactionCanceledException"
        answer["CancellationReasons"] = [{"Code": CONFLICT}]
    elif code == CONFLICT:
        answer["Error"]["Code"] = "TransactionConflictException"
    return ClientError(answer | {"ResponseMetadata": {"HTTPStatusCode": status}}, operation)


def _status(code: str) -> int:
    if "Throttl" in code or "TooManyRequests" in code:
        return 429
    return 500 if "Internal" in code or "Unavailable" in code else 400
