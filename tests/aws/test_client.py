"""Every passing error of every AWS client becomes one of Keyward's classes that pass."""

from __future__ import annotations

import ast
import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    ParamValidationError,
    ReadTimeoutError,
)

from keyward import errors
from keyward.aws import session
from keyward.aws.client import Client, GatewayClient, Table
from tests import tree

SECRET = "kw_" + "A" * 40


def refusal(code: str, status: int = 0, **more: Any) -> ClientError:
    """An error as botocore raises it; `status` 0 for one without an HTTP status."""
    metadata = {"ResponseMetadata": {"HTTPStatusCode": status}} if status else {}
    return ClientError({"Error": {"Code": code, "Message": "why"}, **metadata, **more}, "Op")  # type: ignore[arg-type]


PASSING = [
    refusal("ThrottlingException"),
    refusal("ProvisionedThroughputExceededException", 400),
    refusal("RequestLimitExceeded", 400),
    refusal("TooManyRequestsException", 429),
    refusal("RequestThrottled", 403),
    refusal("SlowDown", 503),
    refusal("InternalServerError", 500),
    refusal("InternalException"),
    refusal("ServiceUnavailableException"),
    refusal("RequestTimeout", 400),
    refusal("Whatever", 502),
    ReadTimeoutError(endpoint_url="https://x"),
    EndpointConnectionError(endpoint_url="https://x"),
]
SERVICES = [*session.SERVICES, "cloudformation"]


def raised(kind: type[Client], error: Exception, service: str = "dynamodb") -> Exception:
    def fail(**params: Any) -> None:
        raise error

    client = kind(SimpleNamespace(put_item=fail, service=service))
    with pytest.raises(errors.KeywardError) as found:
        client.put_item(Item={"value": SECRET})
    return found.value


@pytest.mark.parametrize("error", PASSING, ids=lambda e: getattr(e, "response", e).__class__)
@pytest.mark.parametrize("service", SERVICES)
def test_what_passes_at_a_service_passes_at_keyward(service: str, error: Exception) -> None:
    kind = GatewayClient if service == "apigateway" else Client
    found = raised(kind, error, service)
    assert isinstance(found, errors.PassingError)
    assert type(found).__name__ in errors.PASSING


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refusal("ConditionalCheckFailedException", 400), errors.ConditionNotMetError),
        (refusal("TransactionConflictException", 400), errors.WriteConflictError),
        (refusal("ExecutionAlreadyExists", 400), errors.AlreadyExistsError),
        (refusal("ExecutionDoesNotExist", 400), errors.ResourceMissingError),
        (refusal("NoSuchKey", 404), errors.ResourceMissingError),
        (refusal("AccessDeniedException", 400), errors.ServiceRefusedError),
        (ParamValidationError(report=SECRET), errors.ServiceRefusedError),
    ],
)
def test_what_does_not_pass_has_its_own_class(
    error: Exception, kind: type[errors.KeywardError]
) -> None:
    found = raised(Client, error)
    assert type(found) is kind
    assert SECRET not in str(found)


FULL = "Maximum number of {} has been reached.  Please contact AWS if you need additional {}."


@pytest.mark.parametrize("code", ["LimitExceededException", "TooManyRequestsException"])
@pytest.mark.parametrize(
    ("operation", "words", "kind"),
    [
        ("create_api_key", FULL, errors.KeysFullError),
        ("import_api_keys", FULL, errors.KeysFullError),
        ("create_usage_plan", FULL, errors.QuotaFullError),
        ("create_api_key", "Too Many Requests", errors.ThrottledError),
        ("get_usage_plans", "The request exceeded the rate limit", errors.ThrottledError),
        ("update_usage_plan", "Rate exceeded", errors.PlanThrottledError),
    ],
)
def test_a_429_is_a_full_account_only_where_its_text_says_so(
    code: str, operation: str, words: str, kind: type[errors.KeywardError]
) -> None:
    error = refusal(code, 429)
    error.response["Error"]["Message"] = words

    def fail() -> None:
        raise error

    with pytest.raises(errors.KeywardError) as found:
        getattr(GatewayClient(SimpleNamespace(**{operation: fail})), operation)()
    assert type(found.value) is kind


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        (["None", "TransactionConflict"], errors.WriteConflictError),
        (["TransactionConflict", "ConditionalCheckFailed"], errors.ConditionNotMetError),
        (["ThrottlingError"], errors.ServiceUnavailableError),
        (["ProvisionedThroughputExceeded"], errors.ServiceUnavailableError),
        (["ValidationError"], errors.ServiceRefusedError),
        ([], errors.WriteConflictError),
    ],
)
def test_a_cancelled_transaction_says_why(
    codes: list[str], kind: type[errors.KeywardError]
) -> None:
    reasons = [{"Code": code} for code in codes]
    error = refusal("TransactionCanceledException", 400, CancellationReasons=reasons)

    def fail(TransactItems: Any) -> None:
        raise error

    client = SimpleNamespace(transact_write_items=fail)
    table = Table(SimpleNamespace(meta=SimpleNamespace(client=client)))
    with pytest.raises(errors.KeywardError) as found:
        table.write([])
    assert type(found.value) is kind


def test_a_body_that_breaks_off_passes() -> None:
    def fail() -> bytes:
        raise ReadTimeoutError(endpoint_url="https://x")

    with pytest.raises(errors.ServiceUnavailableError):
        Client(object()).read("GetObject", SimpleNamespace(read=fail))
    assert json.loads(Client(object()).read("G", SimpleNamespace(read=lambda: b"{}"))) == {}


def test_only_the_table_of_errors_knows_those_of_botocore() -> None:
    names = {ClientError.__name__, BotoCoreError.__name__}
    users = {
        path.relative_to(tree.PACKAGE).as_posix()
        for path in tree.PACKAGE.rglob("*.py")
        for node in ast.walk(tree.syntax(path))
        if isinstance(node, ast.ImportFrom) and names & {name.name for name in node.names}
    }
    command = {name for name in users if name.startswith("cli/")}
    assert users - command == {"aws/client.py"}


def test_every_adapter_wraps_its_client() -> None:
    bare = [
        f"{path.relative_to(tree.PACKAGE).as_posix()}:{node.lineno}"
        for path in (tree.PACKAGE / "aws").rglob("*.py")
        if path.name != "client.py"
        for node in ast.walk(tree.syntax(path))
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Attribute)
        and node.targets[0].attr
        in {"_table", "_customers", "_keys", "_client", "_s3", "_ssm", "_sqs", "_events", "_states"}
        and isinstance(node.value, ast.Name)
    ]
    assert bare == []
