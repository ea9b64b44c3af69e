"""How API Gateway is called, and the one table that turns its answers into errors of ours."""

from __future__ import annotations

from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from keyward import errors

CONNECT_SECONDS = 2
READ_SECONDS = 5
PAGE = 500
DEPLOY_READ_SECONDS = 15
# A try whose caller gave up may still take effect this long after it was sent.
TRY_SECONDS = CONNECT_SECONDS + READ_SECONDS + 1

JSON = dict[str, Any]

_THROTTLED = {
    "UpdateUsagePlan": errors.PlanThrottledError,
    "CreateDeployment": errors.DeploymentThrottledError,
}


def client_config(read_seconds: int = READ_SECONDS, attempts: int = 1) -> Config:
    """Time-outs in which an unanswered call ends while the function still runs.

    No retries in the SDK: Step Functions retries by error class, and a doubtful write must be
    looked up first. The audit only reads, outside of a state machine: it has more `attempts`.
    """
    return Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=read_seconds,
        retries={"total_max_attempts": attempts, "mode": "standard"},
    )


def translated(operation: str, error: ClientError) -> errors.KeywardError:
    """Our error for an answer of API Gateway.

    ConflictException has three meanings and no other mark than its text (aws-recorded.md 1, 3, 4),
    so this table, and nothing else, looks at messages.
    """
    status = int(error.response["ResponseMetadata"].get("HTTPStatusCode", 0))
    code = error.response["Error"].get("Code", "")
    said = error.response["Error"].get("Message", "")
    words = f"{operation}: {code}: {said}"
    if code == "LimitExceededException":
        # 429 as well, but a resource quota does not pass (botocore model).
        return errors.GatewayRefusedError(words)
    if status == 429:
        return _THROTTLED.get(operation, errors.ThrottledError)(words)
    if status >= 500:
        return errors.GatewayUnavailableError(words)
    if "concurrent modification" in said:
        return errors.ConcurrentModificationError(words)
    if status == 409:
        return _conflict(said)(words)
    return errors.NotFoundError(words) if status == 404 else errors.GatewayRefusedError(words)


def _conflict(said: str) -> type[errors.ConflictError]:
    if "API Key already exists" in said:
        return errors.KeyConflictError
    if "cannot reference multiple Usage Plans" in said:
        return errors.StageConflictError
    return errors.ConflictError


class Calls:
    """Base of the adapter's parts: one client, and a call that raises only errors of ours."""

    def __init__(self, client: Any, deploy_client: Any | None = None) -> None:
        self._client = client
        self._deploy_client = deploy_client or client

    def _call(self, operation: str, **params: Any) -> JSON:
        """`operation` is the API's name (`CreateApiKey`), `params` are botocore's."""
        client = self._deploy_client if operation == "CreateDeployment" else self._client
        try:
            answer: JSON = getattr(client, _method(operation))(**params)
        except ClientError as error:
            raise translated(operation, error) from None
        except (HTTPClientError, NoConnectionError) as error:
            raise errors.GatewayUnavailableError(f"{operation}: {type(error).__name__}") from None
        except BotoCoreError as error:
            # Its text may quote a parameter, and a parameter may be a key value.
            raise errors.GatewayRefusedError(f"{operation}: {type(error).__name__}") from None
        answer.pop("ResponseMetadata", None)
        return answer

    def _pages(self, operation: str, **params: Any) -> list[JSON]:
        """All items of a list, 500 a page. The position is used here and goes nowhere else: that of
        GetApiKeys holds a key value (aws-recorded.md 1)."""
        items: list[JSON] = []
        more: JSON = {}
        while True:
            answer = self._call(operation, limit=PAGE, **params, **more)
            items += answer.get("items", [])
            if not answer.get("position"):
                return items
            more = {"position": answer["position"]}


def _method(operation: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation)[1:]
