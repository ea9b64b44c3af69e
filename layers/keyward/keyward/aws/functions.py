"""The adapter to other functions of the stack: one call, and its answer."""

from __future__ import annotations

import json
from typing import Any

from botocore.config import Config

from keyward.aws.client import Client
from keyward.errors import CustomerNotFoundError, ServiceUnavailableError
from keyward.values import JSON

# The function may start cold, and wait for API Gateway then. A second try would be a second use.
PATIENT = Config(connect_timeout=2, read_timeout=12, retries={"total_max_attempts": 1})


class Functions:
    """Invokes functions by their names. The client is botocore's."""

    def __init__(self, client: Any) -> None:
        self._lambda = Client(client)

    def call(self, name: str, task: JSON) -> JSON:
        """Invoke a function and wait for its answer.

        Raises CustomerNotFoundError where the function did, ServiceUnavailableError for any other
        failure of it. Neither quotes the answer: it may hold a key's value.
        """
        answer = self._lambda.invoke(FunctionName=name, Payload=json.dumps(task).encode())
        body = json.loads(answer["Payload"].read())
        if not answer.get("FunctionError"):
            return dict(body)
        if body.get("errorType") == CustomerNotFoundError.__name__:
            raise CustomerNotFoundError("the function knows no such customer or key")
        raise ServiceUnavailableError("Invoke: the function failed")
