"""Turn the errors of every AWS client into Keyward's: one table, and the clients that use it.

Each adapter wraps the client that it is given, so no error of botocore leaves `aws`, whoever made
the client: Lambda's runtime, a test or the local AWS. Nothing else reads an error code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as NoConnectionError

from keyward import errors
from keyward.values import JSON

# BatchGetItem takes so many keys (DynamoDB API reference).
MAX_KEYS = 100
MAX_TRIES = 10
NO_ANSWER = (HTTPClientError, NoConnectionError, IncompleteReadError)
# Throttling and faults of a service, by the words that AWS puts into the codes of all services
# ("Common Error Types" and each service's API reference). A 429 or 5xx passes whatever its code.
PASSES = re.compile(
    "Throttl|TooManyRequests|ThroughputExceeded|LimitExceeded|OverLimit|SlowDown"
    "|Internal|Unavailable|Timeout|OperationAborted"
)
BY_CODE: dict[str, type[errors.KeywardError]] = {
    "ConditionalCheckFailedException": errors.ConditionNotMetError,
    "ConditionalCheckFailed": errors.ConditionNotMetError,
    "TransactionConflictException": errors.WriteConflictError,
    "TransactionConflict": errors.WriteConflictError,
    "TransactionInProgressException": errors.WriteConflictError,
    "ExecutionAlreadyExists": errors.AlreadyExistsError,
    "ExecutionDoesNotExist": errors.ResourceMissingError,
    "InvalidArn": errors.ResourceMissingError,
    "NoSuchKey": errors.ResourceMissingError,
    "ParameterNotFound": errors.ResourceMissingError,
    "ParameterVersionNotFound": errors.ResourceMissingError,
}
# LimitExceededException (429) says "rate limit" in the botocore model, for reads as well. Of a full
# account this text was recorded; a throttle has another one.
FULL = "Maximum number of"
MAKES_KEYS = ("CreateApiKey", "ImportApiKeys")
THROTTLED = re.compile("Throttl|TooManyRequests|LimitExceeded")
# Calls whose body is a file of key values.
SECRET_BODY = ("ImportApiKeys",)
# The quotas of single operations (API Gateway, "Amazon API Gateway quotas").
GATEWAY_THROTTLED = {
    "UpdateUsagePlan": errors.PlanThrottledError,
    "CreateDeployment": errors.DeploymentThrottledError,
}


def service_error(operation: str, error: ClientError | BotoCoreError) -> errors.KeywardError:
    """Turn an error of any service but API Gateway into Keyward's."""
    if isinstance(error, ClientError):
        code, words = _code(error), _words(operation, error)
        if code == "TransactionCanceledException":
            return _cancelled(error)(words)
        return _class_of(code, _status(error))(words)
    # Its text may quote a parameter, and a parameter may be a key value.
    words = f"{operation}: {type(error).__name__}"
    if isinstance(error, NO_ANSWER):
        return errors.ServiceUnavailableError(words)
    return errors.ServiceRefusedError(words)


def gateway_error(operation: str, error: ClientError | BotoCoreError) -> errors.KeywardError:
    """Turn an error of API Gateway into Keyward's.

    ConflictException has three meanings (aws-recorded.md 1, 3, 4), LimitExceededException two, and
    only their text tells which. So this table, and nothing else, looks at messages.
    """
    if not isinstance(error, ClientError):
        words = f"{operation}: {type(error).__name__}"
        no_answer = isinstance(error, NO_ANSWER)
        return (errors.GatewayUnavailableError if no_answer else errors.GatewayRefusedError)(words)
    message = error.response.get("Error", {}).get("Message", "")
    return _gateway_class(operation, _code(error), _status(error), message)(
        _words(operation, error)
    )


def stack_error(operation: str, error: ClientError | BotoCoreError) -> errors.KeywardError:
    """Turn an error of CloudFormation into Keyward's: it answers ValidationError for a stack that
    does not exist (API reference, DescribeStacks)."""
    if isinstance(error, ClientError) and _code(error) == "ValidationError":
        return errors.ResourceMissingError(operation)
    return service_error(operation, error)


def entry_error(operation: str, code: str) -> errors.KeywardError:
    """Make Keyward's error for an entry that a batch call refused with this code."""
    return _class_of(code)(f"{operation}: {code}")


def _gateway_class(
    operation: str, code: str, status: int, message: str
) -> type[errors.KeywardError]:
    if FULL in message:
        makes_keys = operation in MAKES_KEYS
        return errors.KeysFullError if makes_keys else errors.QuotaFullError
    if status == 429 or THROTTLED.search(code):
        return GATEWAY_THROTTLED.get(operation, errors.ThrottledError)
    if status >= 500 or PASSES.search(code):
        return errors.GatewayUnavailableError
    if "concurrent modification" in message:
        return errors.ConcurrentModificationError
    if status == 409:
        return _conflict(message)
    return errors.NotFoundError if status == 404 else errors.GatewayRefusedError


def _conflict(message: str) -> type[errors.ConflictError]:
    if "API Key already exists" in message:
        return errors.KeyConflictError
    if "cannot reference multiple Usage Plans" in message:
        return errors.StageConflictError
    return errors.ConflictError


def _class_of(code: str, status: int = 0) -> type[errors.KeywardError]:
    if code in BY_CODE:
        return BY_CODE[code]
    if status == 429 or status >= 500 or PASSES.search(code):
        return errors.ServiceUnavailableError
    return errors.ServiceRefusedError


def _cancelled(error: ClientError) -> type[errors.KeywardError]:
    """The class of error for a transaction: a failed condition goes before a conflict that
    passes."""
    response: JSON = dict(error.response)
    codes = [reason.get("Code", "None") for reason in response.get("CancellationReasons", [])]
    kinds = [_class_of(code) for code in codes if code != "None"]
    if errors.ConditionNotMetError in kinds:
        return errors.ConditionNotMetError
    return kinds[0] if kinds else errors.WriteConflictError


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _words(operation: str, error: ClientError) -> str:
    # What AWS says of a file of keys may quote it.
    message = error.response.get("Error", {}).get("Message", "")
    return f"{operation}: {_code(error)}" + ("" if operation in SECRET_BODY else f": {message}")


class Client:
    """A client of botocore whose calls raise Keyward's errors only. Raises the errors of
    `service_error`."""

    _translate = staticmethod(service_error)

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._client, name)
        return self._guarded(_operation(name), value) if callable(value) else value

    def _guarded(self, operation: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(**params: Any) -> Any:
            with self._translating(operation):
                return call(**params)

        return guarded

    @contextmanager
    def _translating(self, operation: str) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError) as error:
            raise self._translate(operation, error) from None

    def read(self, operation: str, body: Any) -> bytes:
        """Read the body of an answer. It arrives after the headers, so it can fail by itself."""
        with self._translating(operation):
            return bytes(body.read())


class LazyClient:
    """A client that `make` makes when it is first used."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._made is None:
            self._made = self._make()
        return getattr(self._made, name)


class GatewayClient(Client):
    """A client of API Gateway. Raises the errors of `gateway_error`."""

    _translate = staticmethod(gateway_error)


class CloudFormationClient(Client):
    """A client of CloudFormation. Raises the errors of `stack_error`."""

    _translate = staticmethod(stack_error)


class Table(Client):
    """A table of DynamoDB with plain values: `DynamoTable`, or what stands in for it."""

    def pages(self, operation: str, most: int | None = None, **params: Any) -> list[JSON]:
        """All items of a `query` or a `scan`, or the first `most`. An answer holds 1 MB at the most
        (API reference), so there may be several."""
        items: list[JSON] = []
        while True:
            limit = {"Limit": most - len(items)} if most else {}
            answer = getattr(self, operation)(**params, **limit)
            items += answer["Items"]
            if "LastEvaluatedKey" not in answer or (most and len(items) >= most):
                return items
            params["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def try_write(self, operation: str, **params: Any) -> bool:
        """Do a conditional write. False when its condition is not met: then nothing is written."""
        try:
            getattr(self, operation)(**params)
        except errors.ConditionNotMetError:
            return False
        return True

    def write(self, items: list[JSON]) -> None:
        """Write all items of a transaction, or none. Raises ConditionNotMetError."""
        with self._translating("TransactWriteItems"):
            self._client.meta.client.transact_write_items(TransactItems=items)

    def load_many(self, keys: Sequence[JSON]) -> list[JSON]:
        """Load items of this table by their keys, in requests of BatchGetItem, consistently; what
        does not exist is left out. Raises ServiceUnavailableError for what stays unprocessed."""
        found: list[JSON] = []
        for start in range(0, len(keys), MAX_KEYS):
            wanted: JSON = {
                self.name: {"Keys": list(keys[start : start + MAX_KEYS]), "ConsistentRead": True}
            }
            for _ in range(MAX_TRIES):
                with self._translating("BatchGetItem"):
                    answer = self._client.meta.client.batch_get_item(RequestItems=wanted)
                found += answer["Responses"].get(self.name, [])
                wanted = answer.get("UnprocessedKeys")
                if not wanted:
                    break
            else:
                raise errors.ServiceUnavailableError("BatchGetItem: keys stay unprocessed")
        return found

    @contextmanager
    def batch_writer(self) -> Iterator[Any]:
        """Write many items with few calls; no conditions."""
        with self._translating("BatchWriteItem"), self._client.batch_writer() as batch:
            yield batch


def _operation(method: str) -> str:
    return "".join(word.capitalize() for word in method.split("_"))
