"""What functions get for boto3: clients of the services in this process, with ordered faults."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace
from typing import Any

from botocore import xform_name
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from emulator.errors import ApiGatewayError, NeverAnswered, NoAnswer
from emulator.service_model import service_model
from keyward.aws.dynamodb import BATCH, Batch
from keyward.values import JSON
from local.lifetime.services import refusal
from local.lifetime.tables import Table, Tables

# How a call is made: the service, the operation, and what it does.
Call = Callable[[str, str, Callable[[], Any]], Any]
# The SDK waits so long at most between two tries (botocore, standard mode).
MAX_BACKOFF = 20.0


class Client:
    """A client: each call of `target` goes through `call`."""

    def __init__(self, service: str, target: Any, call: Call) -> None:
        self._service, self._target, self._call = service, target, call

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._target, method)
        operation = "".join(word.capitalize() for word in method.split("_"))
        return lambda **params: self._call(self._service, operation, lambda: found(**params))


class TableClient(Client):
    """A table with plain values."""

    def __init__(self, table: Table, call: Call) -> None:
        super().__init__("dynamodb", table, call)
        self.name = table.name
        self.meta = SimpleNamespace(client=Client("dynamodb", table.meta.client, call))

    @contextmanager
    def batch_writer(self) -> Iterator[Any]:
        """Write what was put, a batch a call."""
        batch = Batch()
        yield batch
        for start in range(0, len(batch.requests), BATCH):
            part = batch.requests[start : start + BATCH]
            self._call("dynamodb", "BatchWriteItem", partial(self._write, part))

    def _write(self, requests: list[JSON]) -> JSON:
        for request in requests:
            if "PutRequest" in request:
                self._target.put_item(**request["PutRequest"])
            else:
                self._target.delete_item(**request["DeleteRequest"])
        return {"UnprocessedItems": {}}


class GatewayClient:
    """API Gateway without the wire, where botocore spends most of its time. `sleep` is what passes
    between the tries of an SDK that makes several."""

    def __init__(
        self,
        send: Callable[[str, JSON], JSON],
        call: Call,
        attempts: int,
        sleep: Callable[[float], None],
    ) -> None:
        self.meta = SimpleNamespace(partition="aws", region_name="us-east-1")
        self._send, self._call = send, call
        self._attempts, self._sleep = attempts, sleep

    def __getattr__(self, method: str) -> Any:
        operation = OPERATIONS[method]
        return lambda **params: self._call(
            "apigateway", operation, lambda: self._tried(operation, params)
        )

    def _tried(self, operation: str, params: JSON) -> JSON:
        for tries in range(1, self._attempts):
            try:
                return self._sent(operation, params)
            except ApiGatewayError as error:
                if error.status not in (429, 500, 502, 503, 504):
                    raise refusal(operation, error.code, error.message, error.status) from None
            self._sleep(min(MAX_BACKOFF, 2.0**tries / 2))
        try:
            return self._sent(operation, params)
        except ApiGatewayError as error:
            raise refusal(operation, error.code, error.message, error.status) from None

    def _sent(self, operation: str, params: JSON) -> JSON:
        try:
            answer = _dated(self._send(operation, params))
        except NeverAnswered as problem:
            raise ReadTimeoutError(endpoint_url="https://aws.invalid", error=problem) from problem
        except NoAnswer as problem:
            raise EndpointConnectionError(endpoint_url="https://aws.invalid") from problem
        if isinstance(answer.get("body"), bytes):
            answer["body"] = io.BytesIO(answer["body"])
        return dict(answer)


OPERATIONS = {xform_name(name): name for name in service_model().operation_names}


def _dated(value: Any) -> Any:
    """As botocore reads it: times are datetimes, and nothing is shared with the emulator."""
    if isinstance(value, dict):
        return {
            name: datetime.fromtimestamp(item, UTC)
            if name.endswith("Date") and isinstance(item, int | float)
            else _dated(item)
            for name, item in value.items()
        }
    return [_dated(item) for item in value] if isinstance(value, list | tuple) else value


class Session:
    """What stands in for the runtime's session."""

    def __init__(self, services: JSON, tables: Tables, gateway: Callable[[int], Any]) -> None:
        self._services, self._tables, self._gateway = services, tables, gateway

    def client(self, service_name: str, config: Any = None, **_: Any) -> Any:
        """A client of a service."""
        if service_name == "apigateway":
            retries = getattr(config, "retries", None) or {}
            return self._gateway(int(retries.get("total_max_attempts", 1)))
        return self._services[service_name]

    def table(self, name: str) -> TableClient:
        """A table of DynamoDB."""
        return TableClient(self._tables.by_name[name], self._services["dynamodb"])
