"""The adapter to other functions of the stack: one call, and its answer."""

from __future__ import annotations

import json
from typing import Any

from botocore.config import Config

from keyward.aws.client import Client
from keyward.errors import (
    CustomerNotFoundError,
    KeywardError,
    PassingError,
    ServiceUnavailableError,
    class_named,
)
from keyward.values import JSON

# The function may start cold, and wait for API Gateway then. A second try would be a second use.
PATIENT = Config(connect_timeout=2, read_timeout=12, retries={"total_max_attempts": 1})


class Functions:
    """Invokes functions by their names. The client is botocore's."""

    def __init__(self, client: Any) -> None:
        self._lambda = Client(client)

    def call(self, name: str, task: JSON) -> JSON:
        """Invoke a function and wait for its answer.

        Raises CustomerNotFoundError or KeywardError where the function refused the task, with its
        words, and ServiceUnavailableError for any other failure. An answer is never quoted: it may
        hold a key's value.
        """
        answer = self._lambda.invoke(FunctionName=name, Payload=json.dumps(task).encode())
        body = json.loads(answer["Payload"].read())
        if not answer.get("FunctionError"):
            return dict(body)
        kind, words = class_named(str(body.get("errorType"))), str(body.get("errorMessage"))
        if kind is None or issubclass(kind, PassingError):
            raise ServiceUnavailableError("Invoke: the function failed")
        raise CustomerNotFoundError(words) if kind is CustomerNotFoundError else KeywardError(words)
