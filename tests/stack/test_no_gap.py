"""While an API is being closed no customer with a good key is ever refused."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from keyward.values import JSON
from tests.stack.api_lab import Api, new_api, protected_api
from tests.stack.stack_lab import Stack, eventually

HOLDS_WITHIN_SECONDS = 10
PROPAGATION_SECONDS = 3
POLICY_SECONDS = 4


class Probe(threading.Thread):
    """A client that asks again and again: its answers as (time, status)."""

    def __init__(self, api: Api, line: str, key: str | None) -> None:
        super().__init__(daemon=True)
        self._api, self._line, self._key = api, line, key
        self._ending = threading.Event()
        self.answers: list[tuple[float, int]] = []

    def run(self) -> None:
        ending = False
        while not ending:
            ending = self._ending.wait(0.05)
            asked = time.time()
            self.answers.append((asked, self._api.ask(self._line, self._key)))

    def end(self) -> list[int]:
        """Ask once more, then stop: the statuses, in order."""
        self._ending.set()
        self.join()
        return [status for _, status in self.answers]


def probes(api: Api, key: str) -> tuple[Probe, Probe]:
    """One client with a good key, one without; both ask already."""
    with_key, without = Probe(api, "GET /pets", key), Probe(api, "GET /pets", None)
    for probe in (with_key, without):
        probe.start()
    return with_key, without


def test_a_good_key_is_good_all_the_time(stack: Stack, shop: Api) -> None:
    key = stack.issued("steady")
    api = new_api(stack)
    api.deploy()
    with_key, without = probes(api, key)

    api.await_told("ApiProtected")

    assert set(with_key.end()) == {200}
    statuses = without.end()
    closed = statuses.index(403)
    assert set(statuses[:closed]) <= {200}
    assert set(statuses[closed:]) == {403}


@pytest.fixture
def slowly(stack: Stack, policy: JSON) -> Iterator[None]:
    """Changes take their time on the gateway, and the policy knows."""
    stack.put_policy(json.dumps(policy | {"propagation_seconds": POLICY_SECONDS}))
    # A change of the policy holds within 10 s (DESIGN 6): before, a function may know the former.
    time.sleep(HOLDS_WITHIN_SECONDS)
    stack.settle()
    stack.aws.order("propagation", {"seconds": PROPAGATION_SECONDS})
    yield
    stack.aws.order("propagation", {"seconds": 0})


def test_a_good_key_is_good_while_changes_propagate(
    stack: Stack, shop: Api, request: pytest.FixtureRequest
) -> None:
    key = stack.issued("patient")
    request.getfixturevalue("slowly")
    api, mark = new_api(stack), stack.mark()
    api.deploy()
    with_key, without = probes(api, key)

    (told,) = api.await_told("ApiProtected")
    effective_by = datetime.fromisoformat(told["effective_by"]).timestamp()

    def late() -> list[int]:
        return [status for asked, status in without.answers if asked > effective_by]

    eventually(lambda: len(late()) > 3)
    assert set(with_key.end()) == {200}
    without.end()
    assert set(late()) == {403}
    attached = [call["at"] for call in calls(stack, mark, "UpdateUsagePlan")]
    (moved,) = [call["at"] for call in calls(stack, mark, "UpdateStage")]
    assert moved - max(attached) >= POLICY_SECONDS - 1


def calls(stack: Stack, since: int, operation: str) -> list[JSON]:
    return [call for call in stack.aws.calls()[since:] if call["operation"] == operation]


def test_a_method_added_to_a_closed_api_does_not_shut_the_others_out(stack: Stack) -> None:
    key = stack.issued("next-door")
    api = protected_api(stack)
    api.edit({"/orders": {"get": None}})
    with_key, without = probes(api, key)

    api.deploy()
    api.await_told("ApiProtected", "ApiProtected")

    assert set(with_key.end()) == {200}
    assert set(without.end()) == {403}
    assert (api.ask("GET /orders"), api.ask("GET /orders", key)) == (403, 200)
