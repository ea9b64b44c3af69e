"""Changes take time to bite, and flap. The door that shortens the time is the emulator's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.tests.conformance.account import Account, Api
from emulator.tests.conformance.answers import KEYED, OPEN, remove, replace
from emulator.tests.conformance.tags import emulator_only, recorded

pytestmark = emulator_only
TIMES = "10 Propagation: "
SECONDS = 2.0


@pytest.fixture
def slow(account: Account) -> Iterator[Account]:
    """The account, with propagation to be switched on by `start`."""
    yield account
    account.door("propagation", {"seconds": 0})


def start(account: Account) -> None:
    account.door("propagation", {"seconds": SECONDS})


def watch(account: Account, api: Api, line: str = "GET /a", **more: str) -> list[int]:
    """Statuses from now on until everything must have arrived, and a last one."""
    seen, end = [], account.clock.now() + SECONDS + 0.2
    while account.clock.now() < end:
        seen.append(account.call(api, line, **more).status)
        account.clock.advance(0.05)
    return seen


def flapped(seen: list[int]) -> bool:
    """Whether the old answer came again after the new one."""
    first_new = seen.index(seen[-1])
    return seen[0] in seen[first_new:] and seen[0] != seen[-1]


@recorded(TIMES + "attach key: 403 at first, then mixed, then 200")
def test_an_attachment_takes_its_time(slow: Account) -> None:
    api, key = slow.api(stage="prod"), slow.key()
    plan = slow.plan((api, "prod"))
    start(slow)
    slow.attach(plan, key)
    seen = watch(slow, api, key=key["value"])
    assert (seen[0], seen[-1], flapped(seen)) == (403, 200, True)


@recorded(TIMES + "disable key: still 200 after the first 403")
def test_a_disabled_key_works_a_little_longer(slow: Account) -> None:
    api = slow.api(stage="prod")
    _, key = slow.customer(api)
    start(slow)
    slow.patch_key(key, replace("/enabled", "false"))
    seen = watch(slow, api, key=key["value"])
    assert (seen[0], seen[-1], flapped(seen)) == (200, 403, True)


@recorded(TIMES + "detach key: flapping")
def test_a_detached_key_works_a_little_longer(slow: Account) -> None:
    api = slow.api(stage="prod")
    plan, key = slow.customer(api)
    start(slow)
    slow.gw.delete_usage_plan_key(usagePlanId=plan, keyId=key["id"])
    seen = watch(slow, api, key=key["value"])
    assert (seen[0], seen[-1], flapped(seen)) == (200, 403, True)


@recorded(TIMES + "redeploy: old and new mixed")
def test_a_redeployment_takes_its_time(slow: Account) -> None:
    api = slow.api({"GET /a": OPEN}, stage="prod")
    api.patch_method("GET /a", replace("/apiKeyRequired", "true"))
    start(slow)
    api.deploy("prod")
    seen = watch(slow, api)
    assert (seen[0], seen[-1], flapped(seen)) == (200, 403, True)


@recorded(TIMES + "first stage of a new API at once, the second flapping")
def test_a_first_stage_answers_at_once_and_a_second_does_not(slow: Account) -> None:
    api = slow.api({"GET /a": OPEN})
    start(slow)
    api.deploy("one")
    assert slow.call(api, stage="one").status == 200
    api.deploy("two")
    seen = watch(slow, api, stage="two")
    assert (seen[0], seen[-1], flapped(seen)) == (403, 200, True)


@recorded(TIMES + "a throttle set by PATCH holds only later")
def test_a_new_throttle_takes_its_time(slow: Account) -> None:
    api = slow.api(stage="prod")
    plan, key = slow.customer(api)
    start(slow)
    slow.patch_plan(
        plan, replace("/throttle/rateLimit", "0.01"), replace("/throttle/burstLimit", "1")
    )
    seen = watch(slow, api, key=key["value"])
    assert (seen[0], seen[-1]) == (200, 429)


@recorded(TIMES + "the control plane reads back at once")
def test_the_control_plane_knows_at_once(slow: Account) -> None:
    api, key = slow.api(stage="prod"), slow.key()
    plan = slow.plan((api, "prod"))
    start(slow)
    slow.attach(plan, key)
    slow.patch_key(key, replace("/enabled", "false"))
    slow.patch_plan(plan, remove("/apiStages", f"{api.id}:prod"))
    assert slow.plan_keys(plan) == [key["id"]]
    assert slow.gw.get_api_key(apiKey=key["id"])["enabled"] is False
    assert slow.read_plan(plan)["apiStages"] == []


@recorded(TIMES + "changes of one key do not disturb another")
def test_others_are_not_disturbed(slow: Account) -> None:
    api = slow.api({"GET /a": KEYED}, stage="prod")
    plan, key = slow.customer(api)
    other = slow.key()
    start(slow)
    slow.attach(plan, other)
    assert set(watch(slow, api, key=key["value"])) == {200}


@recorded(TIMES + "0 seconds settles what is under way (the emulator's door)")
def test_switching_it_off_settles_everything(slow: Account) -> None:
    api, key = slow.api(stage="prod"), slow.key()
    plan = slow.plan((api, "prod"))
    start(slow)
    slow.attach(plan, key)
    slow.door("propagation", {"seconds": 0})
    assert slow.call(api, key=key).status == 200
