"""Questions to a stage: what its clients get, and when."""

from __future__ import annotations

import time

from tools.live_check.checks import Answer, check
from tools.live_check.run import KEYED, STAGE, Run

# Calls a day, where a plan has a quota to use up.
QUOTA = 3


@check(
    "propagation",
    "within 85 s",
    source="aws-recorded.md 10: up to 85 s until every host knows",
    engine="emulator/propagation.py, and `propagation_seconds` of the policy",
)
def propagation_is_measured(run: Run) -> Answer:
    """A key attached, and one disabled, without a deployment in between."""
    api = run.api("measured", KEYED)
    run.sees(403, api)
    plan = run.plan("measured", api)
    key = run.key("measured", plan)
    attached = run.sees(200, api, value=key["value"])
    patch = {"op": "replace", "path": "/enabled", "value": "false"}
    run.gateway.update_api_key(apiKey=key["id"], patchOperations=[patch])
    disabled = run.sees(403, api, value=key["value"])
    seen = f"attached after {attached:.0f} s, disabled after {disabled:.0f} s, no deployment"
    return Answer(seen, max(attached, disabled) <= 85)


@check("zero-burst", "lets nobody in, or all: told", engine="emulator/throttle.py")
def a_throttle_without_a_burst(run: Run) -> Answer:
    """`{"rateLimit": 5}` alone."""
    api = run.api("burst", KEYED)
    plan = run.plan("burst", api, throttle={"rateLimit": 5})
    key = run.key("burst", plan)
    stored = run.gateway.get_usage_plan(usagePlanId=plan)["throttle"]
    run.until(lambda: run.call(api, value=key["value"]) != 403, "an answer to the key")
    statuses = []
    for _ in range(5):
        time.sleep(0.5)
        statuses.append(run.call(api, value=key["value"]))
    return Answer(f"stored as {stored}; five calls in 2.5 s: {sorted(set(statuses))}", None)


@check(
    "quota-offset",
    "5 calls of 10 pass",
    source="API reference, QuotaSettings: offset",
    engine="emulator/throttle.py",
    here="10 calls of 10 pass",
)
def an_offset_of_a_quota(run: Run) -> str:
    """Ten a month, five of them used before."""
    api = run.api("offset", KEYED)
    quota = {"limit": 10, "period": "MONTH", "offset": 5}
    key = run.key("offset", run.plan("offset", api, quota=quota))
    run.until(lambda: run.call(api, value=key["value"]) != 403, "an answer to the key")
    # the first call passed already
    passed = 1 + sum(run.call(api, value=key["value"]) == 200 for _ in range(12))
    return f"{passed} calls of 10 pass"


@check(
    "root-throttle",
    "[200, 429] by //GET, [200, 429] by /GET",
    source="CDK writes //GET for the root's method, Keyward /GET (faults.md, M26)",
    engine="emulator/throttle.py, and layers/keyward/keyward/apis/usage_plan_patch.py",
)
def the_throttle_of_the_roots_method(run: Run) -> str:
    """Which of two paths in the plan throttles GET on /."""
    ways = (("slashes", "//GET"), ("slash", "/GET"))
    return ", ".join(f"{throttled(run, word, path)} by {path}" for word, path in ways)


def throttled(run: Run, word: str, path: str) -> list[int]:
    """What eight calls of GET on / get, where a plan allows one a second at this path."""
    api = run.api(f"root-{word}", {"/": {"get": True}})
    stage = {"apiId": api, "stage": STAGE, "throttle": {path: {"rateLimit": 1, "burstLimit": 1}}}
    made = run.gateway.create_usage_plan(name=run.name(f"root-{word}"), apiStages=[stage])
    value = run.key(f"root-{word}", run.state.keep("plan", made["id"]))["value"]
    run.until(lambda: run.call(api, "/", value) != 403, "an answer to the key")
    time.sleep(2)
    return sorted({run.call(api, "/", value) for _ in range(8)})


@check(
    "usage-after-return",
    "3 used became 0",
    engine="emulator (plan keys and usage), and carry_quota_over",
)
def usage_of_a_key_that_comes_back(run: Run) -> str:
    """Three calls, taken out of the plan, and put in again."""
    api = run.api("returned", KEYED)
    plan = run.plan("returned", api, quota={"limit": 100, "period": "DAY"})
    key = run.key("returned", plan)
    run.until(lambda: run.call(api, value=key["value"]) == 200, "the key to open the stage")
    for _ in range(2):
        run.call(api, value=key["value"])
    run.until(lambda: used(run, plan, key["id"]) >= 3, "the count of calls")
    before = used(run, plan, key["id"])
    run.gateway.delete_usage_plan_key(usagePlanId=plan, keyId=key["id"])
    run.attach(key["id"], plan)
    after = used(run, plan, key["id"])
    return f"counted on: {after} used" if after == before else f"{before} used became {after}"


@check(
    "usage-after-change",
    "1 used in the new plan, 0 in the old one",
    engine="emulator (plan keys and usage), and carry_quota_over",
)
def usage_of_a_key_in_another_plan(run: Run) -> str:
    """Three calls in one plan, the key moved to another one, and one call there."""
    api = run.api("moved", KEYED)
    limits = {"quota": {"limit": 100, "period": "DAY"}}
    plan, other = (run.plan(word, api, **limits) for word in ("moved-from", "moved-to"))
    key = run.key("moved", plan)
    run.until(lambda: run.call(api, value=key["value"]) == 200, "the key to open the stage")
    for _ in range(2):
        run.call(api, value=key["value"])
    run.until(lambda: used(run, plan, key["id"]) >= 3, "the count of calls")
    run.gateway.delete_usage_plan_key(usagePlanId=plan, keyId=key["id"])
    run.attach(key["id"], other)
    run.until(lambda: run.call(api, value=key["value"]) == 200, "the key to open the stage again")
    run.until(lambda: used(run, other, key["id"]) >= 1, "the count of calls")
    old, new = used(run, plan, key["id"]), used(run, other, key["id"])
    return f"{new} used in the new plan, {old} in the old one"


def used(run: Run, plan: str, key: str) -> int:
    """Today's calls, as GetUsage counts them."""
    used, _ = run.usage(plan, key) or (0, 0)
    return used


@check(
    "refusal-order",
    "LimitExceededException alone",
    engine="emulator/data_plane.py and layers/keyward/keyward/explain",
)
def the_refusal_when_quota_and_throttle_are_spent(run: Run) -> str:
    """Both are spent by two calls; then six come at once."""
    api, value = limited(run, "order", 2)
    for _ in range(2):
        time.sleep(1.2)
        run.call(api, value=value)
    answers = [run.answer(api, value=value) for _ in range(6)]
    seen = {error.partition(":")[0] or str(status) for status, error in answers}
    return f"{' and '.join(sorted(seen))} alone" if len(seen) == 1 else " and ".join(sorted(seen))


@check(
    "throttled-calls",
    "3 calls of 3 pass",
    source="the emulator: a throttled call does not count against the quota",
    engine="emulator/throttle.py and explain",
)
def throttled_calls_and_the_quota(run: Run) -> str:
    """Twelve calls at once, most of them throttled, and then one a second."""
    api, value = limited(run, "throttled", QUOTA)
    passed = 1 + sum(run.call(api, value=value) == 200 for _ in range(12))
    for _ in range(QUOTA + 1):
        time.sleep(1.2)
        passed += run.call(api, value=value) == 200
    return f"{passed} calls of {QUOTA} pass"


def limited(run: Run, word: str, quota: int) -> tuple[str, str]:
    """An API, and the value of a key that may call it once a second and so often a day. One call
    has passed already."""
    api = run.api(word, KEYED)
    limits = {"throttle": {"rateLimit": 1, "burstLimit": 1}}
    plan = run.plan(word, api, **limits, quota={"limit": quota, "period": "DAY"})
    value = run.key(word, plan)["value"]
    run.until(lambda: run.call(api, value=value) == 200, "an answer to the key")
    return api, str(value)
