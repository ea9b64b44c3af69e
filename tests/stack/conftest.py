"""One local AWS for all tests of this folder, with the real stack on it.

Each test has customers and APIs of its own."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from keyward.policy.parse import default_text
from local.aws import LocalAws
from tests.one_local_aws import only_local_aws
from tests.stack.api_lab import Api, protected_api
from tests.stack.stack_lab import Stack

NOWHERE = {"apis": ["no API"], "throttle": {"rateLimit": 50, "burstLimit": 100}}


def initial_policy() -> dict[str, Any]:
    """The default policy, without propagation; with an exempt path, and plans that no API joins;
    the API called probed is asked after it was closed."""
    body: dict[str, Any] = json.loads(default_text()) | {"propagation_seconds": 0}
    body["usage_plans"] |= {"late": NOWHERE}
    body["exemptions"].append(
        {"api": "*", "method": "GET", "path": "/health", "reason": "probe", "owner": "ops"}
    )
    body["probes"] = [{"api": "probed", "path": "/pets", "customer": "canary"}]
    return body


@pytest.fixture(scope="session")
def aws() -> Iterator[LocalAws]:
    yield from only_local_aws(policy=initial_policy())


@pytest.fixture(scope="session")
def stack(aws: LocalAws) -> Stack:
    return Stack(aws)


@pytest.fixture(scope="session")
def shop(stack: Stack) -> Api:
    """An API that asks for keys: where a key shows what it is worth."""
    return protected_api(stack)


@pytest.fixture
def policy(stack: Stack) -> Iterator[dict[str, Any]]:
    """The policy in force, to change; put back afterwards, which holds some seconds later."""
    before = stack.policy()
    yield copy.deepcopy(before)
    stack.put_policy(json.dumps(before))
