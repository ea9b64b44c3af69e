"""A burst of everything at once, with faults of every client at random: nobody fails for them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest

from keyward.errors import LAMBDA_DEATHS
from local.bench import Bench

DEATHS = ("death_before", "death_after")
SERVICE = ("ThrottlingException", 500, "timeout_before", "timeout_after", *DEATHS)
ERRORS: dict[str, tuple[str | int, ...]] = {
    "apigateway": (429, *SERVICE[1:]),
    "dynamodb": (*SERVICE, "TransactionConflict", "repeated"),
    "lambda": tuple(LAMBDA_DEATHS),
}
# One call in so many meets a fault; most calls are DynamoDB's.
ONE_IN = {"dynamodb": 40, "lambda": 25}
ONE_IN_OTHERS = 7
TAGGED = {"tags": {"team": "blue"}}
PATHS = {f"/p{number}": {"get": None} for number in range(4)}


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench(quotas=True, share=80) as made:
        yield made


def at_random(bench: Bench, seed: int) -> Counter[str]:
    """From now on calls of all clients fail at random: how many did, by client."""
    chance, met = random.Random(seed), Counter[str]()

    def due(client: str, operation: str) -> str | int | None:
        if chance.randrange(ONE_IN.get(client, ONE_IN_OTHERS)):
            return None
        met[client] += 1
        return chance.choice(ERRORS.get(client, SERVICE))

    bench.account.faults.due = due  # type: ignore[method-assign]
    return met


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.sizes) for n in (1, 2))])
def test_no_fault_that_passes_fails_anybody_in_a_burst(bench: Bench, seed: int) -> None:
    api_ids = [bench.api(PATHS) for _ in range(4)]
    met = at_random(bench, seed)
    for number in range(60):
        bench.send("CustomerSignedUp", customer_id=f"crowd-{number}", plan="free")
    for number in range(15):
        bench.send("CustomerSignedUp", customer_id=f"tagged-{number}", plan="pro", **TAGGED)
    bench.advance(30)
    for number in range(10):
        bench.send("CustomerSuspended", customer_id=f"crowd-{number}")
        bench.send("KeyRotationRequested", customer_id=f"tagged-{number}")
    bench.advance(1800)
    bench.account.faults.clear()
    del bench.account.faults.due
    bench.advance(3600)

    failures = [
        event["detail"]
        for event in bench.announced
        if event["detail-type"] in ("CustomerFailed", "ApiFailed", "ApiRolledBack")
    ]
    assert failures == []
    assert len(met) >= 5, "every kind of client failed"
    keys, plans = bench.emulator.state.keys.values(), bench.emulator.state.plans.values()
    names = Counter(str(key.settings["name"]) for key in keys)
    assert [name for name, count in names.items() if count > 1] == []
    # Who was suspended while its key was made may have one in no plan, which opens nothing.
    in_plans = {key_id for plan in plans for key_id in plan.key_ids}
    working = {
        str(key.settings["name"]).partition("/")[0]
        for key in keys
        if key.enabled and key.id in in_plans
    }
    assert working == {
        *(f"crowd-{number}" for number in range(10, 60)),
        *(f"tagged-{number}" for number in range(15)),
    }
    assert {bench.call(api_id, "prod", "GET", "/p1") for api_id in api_ids} == {403}
    assert bench.audit()["findings"] == []
