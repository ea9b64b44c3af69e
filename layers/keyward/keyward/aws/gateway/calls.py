"""Calls API Gateway: time-outs, pages and no answer with a key value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from botocore.config import Config

from keyward.aws.client import GatewayClient
from keyward.aws.gateway.patience import Patience
from keyward.values import CONNECT_SECONDS, JSON, READ_SECONDS

# A page of any list holds at most 500 items (botocore model: `limit`).
PAGE = 500


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


class Calls:
    """Base of the adapter's parts: one client, and a call that raises only errors of ours."""

    _patience: Patience | None = None

    def __init__(self, client: Any, patient: Mapping[str, Any] | None = None) -> None:
        # How often each operation was called, so that a run can settle what its turn was for.
        self.made: Counter[str] = Counter()
        self._client = GatewayClient(client)
        self._clients = {name: GatewayClient(other) for name, other in (patient or {}).items()}

    def _call(self, operation: str, **params: Any) -> JSON:
        """`operation` is the API's name (`CreateApiKey`), `params` are botocore's."""
        call = getattr(self._clients.get(operation, self._client), _method(operation))
        self.made[operation] += 1
        if self._patience is None:
            answer: JSON = call(**params)
        else:
            answer = self._patience.call(lambda: call(**params))
        answer.pop("ResponseMetadata", None)
        return answer

    def _arn(self, path: str) -> str:
        """The ARN of a resource, for its tags."""
        about = self._client.meta
        return f"arn:{about.partition}:apigateway:{about.region_name}::{path}"

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
