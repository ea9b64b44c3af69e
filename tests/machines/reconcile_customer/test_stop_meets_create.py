"""A stop meets a key in the making: wherever the sign-up's run breaks off, no key stays live."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from local.bench import Bench

# Whatever a sign-up does to make a key, and how it breaks off there.
BREAKS = [
    *(
        ("lambda", function, death)
        for function in ("CreateKey", "AttachKey", "ConcludeCustomer")
        for death in ("death_before", "death_after")
    ),
    *(
        ("apigateway", operation, fault)
        for operation in ("CreateApiKey", "CreateUsagePlanKey")
        for fault in ("timeout_before", "timeout_after")
    ),
]
STOPS: dict[str, Callable[[Bench], None]] = {
    "suspended": lambda bench: bench.send("CustomerSuspended", customer_id="acme"),
    "closed": lambda bench: bench.send("CustomerClosed", customer_id="acme"),
    "removed": lambda bench: bench.remove("acme"),
}


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        made.send("CustomerSignedUp", customer_id="before", plan="free")
        made.advance(60)
        yield made


def live_keys(bench: Bench) -> list[str]:
    keys = bench.emulator.state.keys.values()
    named = [key.settings for key in keys if key.settings["name"].startswith("acme/")]
    return [str(one["name"]) for one in named if one["enabled"]]


@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize(("client", "operation", "fault"), BREAKS)
def test_no_key_stays_live_wherever_the_run_breaks_off(
    bench: Bench, client: str, operation: str, fault: str, stop: str
) -> None:
    bench.fault(client, operation, 1, fault)
    bench.send("CustomerSignedUp", customer_id="acme", plan="free")
    bench.advance(0.3)
    STOPS[stop](bench)
    bench.advance(120)
    assert live_keys(bench) == []
    bench.advance(3600)
    assert live_keys(bench) == []


def test_who_is_resumed_after_such_a_stop_has_one_key_that_works(bench: Bench) -> None:
    bench.fault("lambda", "CreateKey", 1, "death_after")
    bench.send("CustomerSignedUp", customer_id="acme", plan="free")
    bench.advance(0.3)
    STOPS["suspended"](bench)
    bench.advance(120)
    bench.send("CustomerResumed", customer_id="acme")
    bench.advance(120)
    assert live_keys(bench) == ["acme/1"]
