"""Keyward in one process on a virtual clock: the real definitions, functions and rules.

For tests, figures and outside checks. Weeks pass in seconds; a call of API Gateway takes 0.05 s of
virtual time, nothing else does. One bench at a time in a process."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any
from unittest import mock

import boto3

from emulator import data_plane
from emulator.clock import VirtualClock
from emulator.emulator import Emulator
from emulator.inprocess import attach
from keyward.aws import probe
from keyward.aws.gateway.calls import client_config
from keyward.policy.parse import default_text, parse
from keyward.runs import runtime
from keyward.values import JSON
from local.lifetime.account import Account
from local.lifetime.documents import document
from local.lifetime.stack import NAME, REGION, Stack, stack_of
from local.lifetime.states import Execution, StateFailed

SOURCE = "bench"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
}
PARAMETER, CUSTOMERS, BUCKET = f"{NAME}-policy", "CustomersTable", "ReportBucket"


class Bench:
    """An account with Keyward in it. `quotas` enforces those of API Gateway, `share` is Keyward's
    part of them in percent; changes take up to `propagation` seconds to reach every gateway host.
    `policy` is the policy parameter, by default the shipped one, without a wait for propagation
    where there is none; one that cannot be used raises PolicyRefusedError. `started` is the time at
    which it begins (ISO 8601)."""

    def __init__(
        self,
        quotas: bool = False,
        share: int = 50,
        propagation: float = 0,
        policy: JSON | None = None,
        started: str = "2026-01-01T00:00:00Z",
    ) -> None:
        self.clock = VirtualClock(epoch(started))
        self.emulator = Emulator(clock=self.clock)
        self.stack = stack_of(("ControlPlaneShare", share), ("ClaimPage", "on"))
        self.account = Account(self.stack, self.clock, self.emulator)
        self.tables: dict[str, Any] = dict(self.account.tables.by_name)
        shipped: JSON = json.loads(default_text())
        self._first = policy or (shipped if propagation else shipped | {"propagation_seconds": 0})
        parse(json.dumps(self._first))
        self._quotas, self._propagation = quotas, propagation
        self._entered = ExitStack()

    def __enter__(self) -> Bench:
        self._entered.enter_context(_in_place(self.account, self.stack))
        self.emulator.enforce_quotas(self._quotas)
        self.emulator.set_propagation(self._propagation)
        self.account.ssm.first_parameter(PARAMETER, json.dumps(self._first))
        self.run()
        return self

    def __exit__(self, *_: object) -> None:
        self.account.scheduler.close()
        self._entered.close()

    # what people and other systems do

    @cached_property
    def gateway(self) -> Any:
        """boto3's client of API Gateway, for the team that owns the account."""
        client = _owner()
        self._entered.callback(attach(self.emulator, client))
        return client

    @property
    def secretsmanager(self) -> Any:
        """A client of Secrets Manager, by boto3's names."""
        return self.account.secrets

    def api(
        self, paths: JSON, mode: str | None = "enforce", stages: list[str] | None = None
    ) -> str:
        """Make an API and deploy it on its stages (`prod`): its id. `paths` has for each path and
        verb None, or the names of security schemes: `{"/pets": {"get": None}}` asks for no key,
        `["api_key"]` does. `mode` is the tag `keyward`, None for none."""
        with self.emulator.quotas.lifted():
            body = json.dumps(document(paths)).encode()
            api_id = str(self.gateway.import_rest_api(body=body)["id"])
            if mode:
                arn = f"arn:aws:apigateway:{REGION}::/restapis/{api_id}"
                self.gateway.tag_resource(resourceArn=arn, tags={"keyward": mode})
        for stage in stages or ["prod"]:
            self.deploy(api_id, stage)
        return api_id

    def deploy(self, rest_api_id: str, stage: str) -> str:
        """Deploy an API's working copy, as its team does: the deployment's id."""
        with self.emulator.quotas.lifted():
            made = self.gateway.create_deployment(restApiId=rest_api_id, stageName=stage)
        return str(made["id"])

    def send(self, detail_type: str, **detail: Any) -> None:
        """Put an event on the stack's bus."""
        self.account.publish(self.stack.ref("EventBus"), SOURCE, detail_type, detail)

    def put(self, **record: Any) -> None:
        """Put a customer's record into the table."""
        self.tables[CUSTOMERS].put_item(Item=record)

    def remove(self, customer_id: str) -> None:
        """Delete a customer's record from the table."""
        self.tables[CUSTOMERS].delete_item(Key={"customer_id": customer_id})

    def upload(self, key: str, text: str) -> None:
        """Put an object into the stack's bucket."""
        self.account.s3.put_object(self.stack.ref(BUCKET), key, text)

    def put_policy(self, policy: JSON) -> None:
        """Change the policy parameter, as its owner does."""
        self.account.ssm.put_parameter(PARAMETER, json.dumps(policy))

    def call(
        self, rest_api_id: str, stage: str, method: str, path: str, key: str | None = None
    ) -> int:
        """Call a stage as a client does: the status."""
        headers = {"x-api-key": key} if key else {}
        request = (method, rest_api_id, stage, path, "", headers, b"")
        return int(data_plane.handle(self.emulator, *request)[0])

    def fault(self, client: str, operation: str, call: int, error: str | int) -> None:
        """Let the `call`-th call of a client's operation from now on fail. `client` is a service of
        local/lifetime/faults.py, or `lambda`, whose operations are the functions' ids. `error` is a
        code (`ThrottlingException`), an HTTP status (500), or `timeout_before`, `timeout_after`,
        `connection_refused`, `repeated`, `death_before` or `death_after`."""
        self.account.faults.order(client, operation, call, error)

    def clear_faults(self) -> None:
        """End all faults."""
        self.account.faults.clear()
        self.emulator.order_faults([])

    # time

    def run(self, until: float | str | None = None) -> None:
        """Let everything that is under way settle, or go on until a time (epoch seconds or ISO
        8601). What is due later by itself is not waited for."""
        self.account.scheduler.run(epoch(until) if isinstance(until, str) else until)

    def advance(self, seconds: float) -> None:
        """Let time pass; what becomes due by itself is done in its time."""
        self.run(self.clock.now() + seconds)

    # what is there

    @property
    def announced(self) -> list[JSON]:
        """The events that Keyward put on the bus, as a subscriber gets them, in order."""
        return self.account.announced

    @property
    def calls(self) -> list[JSON]:
        """The calls on API Gateway's control plane so far, the team's too."""
        return self.emulator.calls()

    @property
    def runs(self) -> list[Execution]:
        """All executions, in the order in which they began."""
        return list(self.account.executions.by_arn.values())

    def value(self, customer_id: str) -> str:
        """The value of a customer's newest key that is enabled, or else of the newest. Raises
        KeyError when there is none."""
        keys = [
            key
            for key in self.emulator.state.keys.values()
            if key.settings["name"].rpartition("/")[0] == customer_id
        ]
        if not keys:
            raise KeyError(f"{customer_id} has no key")
        return str(max(keys, key=_newest).value)

    def invoke(self, function: str, event: JSON | None = None) -> Any:
        """Invoke a function by its id and let what follows settle: its answer. Raises StateFailed
        when it fails."""
        ended: list[tuple[Any, StateFailed | None]] = []

        def then(answer: Any, error: StateFailed | None) -> None:
            ended.append((answer, error))

        self.account.scheduler.after(0, lambda: self.account.invoke(function, event or {}, then))
        self.run()
        [(answer, error)] = ended
        if error:
            raise error
        return answer

    def audit(self, repair: bool = False) -> JSON:
        """Audit the account: the findings, as the function Audit answers them. With `repair` they
        are handed to the reconcilers, whose runs have ended on return."""
        return dict(self.invoke("Audit", {"repair": True} if repair else {}))


def epoch(text: str) -> float:
    """Epoch seconds of an ISO 8601 time."""
    return datetime.fromisoformat(text).timestamp()


def _newest(key: Any) -> tuple[bool, int]:
    number = key.settings["name"].rpartition("/")[2]
    return bool(key.enabled), int(number) if number.isdigit() else 0


@lru_cache(maxsize=1)
def _owner() -> Any:
    return boto3.client("apigateway", config=client_config())


@contextmanager
def _in_place(account: Account, stack: Stack) -> Iterator[None]:
    """The functions' surroundings: settings, clients, time."""
    session, scheduler = account.session(), account.scheduler
    wait, quiet = time.sleep, logging.getLogger("bench")
    quiet.setLevel(logging.CRITICAL)

    def sleep(seconds: float) -> None:
        scheduler.sleep(seconds) if scheduler.worker else wait(seconds)

    with ExitStack() as patches:
        settings = stack.environment | CREDENTIALS
        patches.enter_context(mock.patch.dict(os.environ, settings))
        for place, name, fake in (
            (runtime, "_session", lambda: session),
            (runtime, "now", account.clock.now),
            (runtime, "count", lambda counts, **dimensions: None),
            (runtime, "logger", lambda: quiet),
            (time, "sleep", sleep),
            (probe, "HTTPSConnection", _connections(account.emulator)),
        ):
            patches.enter_context(mock.patch.object(place, name, fake))
        forget_adapters()
        try:
            yield
        finally:
            forget_adapters()


def forget_adapters() -> None:
    """Adapters are made once an environment; this one is another."""
    for made in vars(runtime).values():
        if hasattr(made, "cache_clear"):
            made.cache_clear()


def _connections(emulator: Emulator) -> type:
    """Connections to stages, which the emulator answers."""

    class Connection:
        def __init__(self, host: str, timeout: float) -> None:
            self._api_id, self.status = host.partition(".")[0], 0

        def request(self, method: str, target: str, headers: JSON) -> None:
            path, _, query = target.partition("?")
            _, stage, *rest = path.split("/")
            lower = {name.lower(): value for name, value in headers.items()}
            where = (self._api_id, stage, "/" + "/".join(rest), query)
            answer = data_plane.handle(emulator, method, *where, lower, b"")
            self.status = int(answer[0])
            self._headers = {name.lower(): value for name, value in answer[1]}

        def getresponse(self) -> Any:
            return self

        def getheader(self, name: str) -> str | None:
            return self._headers.get(name.lower())

        def close(self) -> None:
            pass

    return Connection
