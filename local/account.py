"""Ask a local AWS over its APIs, from this process or another one."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from boto3.session import Session
from botocore.config import Config

from keyward.values import JSON

# Any credentials do: who is not a function owns the one account.
ANYBODY = "local"


@dataclass(frozen=True)
class Urls:
    """Where a local AWS listens: `aws` for everything but API Gateway's control plane, which is at
    `apigateway`; `invoke` is the data plane's template with `{rest_api_id}` and `{stage}`."""

    aws: str
    apigateway: str
    invoke: str

    def stage(self, rest_api_id: str, stage: str) -> str:
        """The URL of a stage."""
        return self.invoke.format(rest_api_id=rest_api_id, stage=stage)


@dataclass(frozen=True)
class Execution:
    """An execution of a state machine with its whole history, in order."""

    arn: str
    status: str
    input: JSON
    output: Any
    history: list[JSON] = field(repr=False)

    @property
    def states(self) -> list[str]:
        """Names of the states as they were entered, those inside a Map included."""
        entered = (event.get("stateEnteredEventDetails") for event in self.history)
        return [str(details["name"]) for details in entered if details]

    @property
    def tasks(self) -> list[JSON]:
        """Each task's `parameters` (None when not recorded) and `output`, `error` or neither."""
        found: list[JSON] = []
        for event in self.history:
            if scheduled := event.get("taskScheduledEventDetails"):
                found.append({"parameters": _parsed(scheduled.get("parameters"))})
            elif succeeded := event.get("taskSucceededEventDetails"):
                found.append({"output": _parsed(succeeded.get("output"))})
            elif failed := event.get("taskFailedEventDetails"):
                found.append({"error": failed.get("error"), "cause": failed.get("cause")})
        return found


def _parsed(text: str | None) -> Any:
    return None if text is None else json.loads(text)


class Account:
    """The account behind a local AWS: clients, executions, logs and the emulator's test doors."""

    def __init__(self, urls: Urls, region: str, outputs: dict[str, str]) -> None:
        self.urls = urls
        self.region = region
        self.outputs = outputs
        # as Any: its stubs know every service by name, but not a name that comes as a variable
        self.session: Any = Session(ANYBODY, ANYBODY, region_name=region)
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """A boto3 client of the service, made once; API Gateway's goes to the emulator."""
        if service not in self._clients:
            url = self.urls.apigateway if service == "apigateway" else self.urls.aws
            # loopback never needs a retry, and the ledger should show what was asked for
            config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
            client = self.session.client(service, endpoint_url=url, config=config)
            self._clients[service] = client
        return self._clients[service]

    def pages(self, service: str, operation: str, result: str, **request: Any) -> Iterator[Any]:
        """The items under `result` of a paged operation, all pages."""
        for page in self.client(service).get_paginator(operation).paginate(**request):
            yield from page.get(result, [])

    def machines(self) -> list[str]:
        """ARNs of the state machines."""
        found = self.pages("stepfunctions", "list_state_machines", "stateMachines")
        return [machine["stateMachineArn"] for machine in found]

    def executions(self, machine: str) -> list[Execution]:
        """The executions of a state machine (an ARN), oldest first."""
        listed = self.pages(
            "stepfunctions", "list_executions", "executions", stateMachineArn=machine
        )
        in_order = sorted(listed, key=lambda item: item["startDate"])
        return [self.execution(item["executionArn"]) for item in in_order]

    def execution(self, arn: str) -> Execution:
        """An execution with its history as it is now."""
        described = self.client("stepfunctions").describe_execution(executionArn=arn)
        history = list(
            self.pages("stepfunctions", "get_execution_history", "events", executionArn=arn)
        )
        output = _parsed(described.get("output"))
        given = json.loads(described["input"])
        return Execution(arn, described["status"], given, output, history)

    def logs(self) -> list[str]:
        """The lines of every log group, Lambda's included."""
        lines: list[str] = []
        for group in self.pages("logs", "describe_log_groups", "logGroups"):
            name = group["logGroupName"]
            events = self.pages("logs", "filter_log_events", "events", logGroupName=name)
            lines += [event["message"] for event in events]
        return lines

    def calls(self) -> list[JSON]:
        """The emulator's ledger of control-plane calls (DESIGN.md, section 6)."""
        answer = self._door("calls")
        assert isinstance(answer, list)
        return answer

    def order(self, door: str, body: JSON | list[JSON] | None = None) -> None:
        """Use a test door of the emulator: `reset`, `quotas`, `propagation` or `faults`."""
        self._door(door, {} if body is None else body)

    def _door(self, door: str, body: JSON | list[JSON] | None = None) -> Any:
        request = urllib.request.Request(
            f"{self.urls.apigateway}/_emulator/{door}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None
