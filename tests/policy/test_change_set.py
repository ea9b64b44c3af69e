"""An edit as a change set, for any two policies and any account: what waits, and what holds."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from keyward.policy.change_set import (
    MAX_OPENED,
    NARROWING,
    NEUTRAL,
    WIDENING,
    change_set,
    fingerprint,
    place_of,
    settle,
)
from keyward.policy.coverage import covers
from keyward.policy.facts import AccountFacts, PlanFacts, PlanKeys
from keyward.policy.narrower import allows_less
from keyward.policy.parse import policy_of
from keyward.values import JSON

NAMES = ("free", "gold.quota", "pro.stages")
REFS = {("a1", "prod"): "shop", ("a1", "dev"): "shop", ("b2", "prod"): "bank"}

throttles = st.builds(
    lambda rate, burst: {"rateLimit": rate, "burstLimit": burst},
    st.sampled_from((0.5, 5, 50)),
    st.sampled_from((1, 10)),
)
quotas = st.builds(
    lambda limit, period: {"limit": limit, "period": period},
    st.sampled_from((1, 100, 3100)),
    st.sampled_from(("DAY", "WEEK", "MONTH")),
)


@st.composite
def plans(draw: st.DrawFn) -> JSON:
    plan: JSON = {}
    if draw(st.booleans()):
        plan["throttle"] = draw(throttles)
        methods = draw(st.dictionaries(st.sampled_from(("GET /", "GET /a")), throttles))
        plan |= {"methods": methods} if methods else {}
    if draw(st.booleans()):
        plan["quota"] = draw(quotas)
    for member, globs in (("apis", ("*", "shop", "b2")), ("stages", ("*", "prod"))):
        if draw(st.booleans()):
            plan[member] = [draw(st.sampled_from(globs))]
    return plan | draw(st.sampled_from(({}, {"adopt": True}, {"rotate_after_days": 9})))


exemptions = st.builds(
    lambda path, reason: {"api": "*", "method": "GET", "path": path, "reason": reason},
    st.sampled_from(("/health", "/open/*")),
    st.sampled_from(("probe", "free")),
)


@st.composite
def policies(draw: st.DrawFn) -> JSON:
    named = draw(st.dictionaries(st.sampled_from(NAMES), plans(), min_size=1))
    listed = draw(st.lists(exemptions, unique_by=lambda item: item["path"]))
    more = draw(st.sampled_from(({}, {"warn_days": 3}, {"narrowing": "apply"})))
    return {"usage_plans": named, "exemptions": listed} | more


@st.composite
def accounts(draw: st.DrawFn) -> AccountFacts:
    found = {
        name: PlanFacts(
            draw(st.booleans()),
            draw(st.sampled_from(({}, {"quota": {"limit": 3100, "period": "DAY"}}))),
            {ref: REFS[ref] for ref in draw(st.sets(st.sampled_from(sorted(REFS))))},
            draw(st.sampled_from((PlanKeys(), PlanKeys(2, 1, (50,))))),
        )
        for name in draw(st.sets(st.sampled_from(NAMES)))
    }
    method = {"rest_api_id": "a1", "stage": "prod", "method": "GET", "path": "/open/1"}
    opened = {("*", "GET", "/open/*"): (method,) * draw(st.sampled_from((0, 20, 21)))}
    return AccountFacts(found, opened)


def parts(plan: JSON) -> JSON:
    """What limits a key in the plan, by part."""
    methods = {f"methods.{verb}": limits for verb, limits in plan.get("methods", {}).items()}
    return {name: plan[name] for name in ("throttle", "quota") if name in plan} | methods


@given(policies(), policies(), accounts())
@settings(max_examples=100)
def test_nobody_with_a_key_loses_anything_without_being_asked(
    in_force: JSON, wanted: JSON, account: AccountFacts
) -> None:
    after = settle(in_force, wanted, account).policy
    if wanted.get("narrowing") == "apply":
        return
    for name, plan in in_force["usage_plans"].items():
        there = account.plans.get(name)
        if there is None or not there.is_ours or not there.members.keys:
            continue
        held = after["usage_plans"][name]
        limits, now = parts(plan), parts(held)
        assert not any(allows_less(part, limits.get(part), now[part]) for part in now)
        opened = {r for r, api in there.stages.items() if covers(plan, r[0], api, r[1])}
        assert all(covers(held, ref[0], REFS[ref], ref[1]) for ref in opened)


@given(policies(), policies(), accounts())
@settings(max_examples=100)
def test_what_waits_keeps_its_value_and_everything_else_holds(
    in_force: JSON, wanted: JSON, account: AccountFacts
) -> None:
    settled = settle(in_force, wanted, account)
    # What is in force may name no plan for a while, which no owner may want.
    policy_of(settled.policy)
    lines = change_set(in_force, wanted, account)
    assert sorted(line.identity for line in (*settled.applied, *settled.held)) == sorted(
        line.identity for line in lines
    )
    # What is in force differs from what is wanted by the held lines, and by nothing else.
    left = change_set(settled.policy, wanted, account)
    assert {line.identity for line in left} == {line.identity for line in settled.held}
    again = settle(settled.policy, wanted, account)
    assert (again.policy, again.applied) == (settled.policy, ())
    assert fingerprint(again.held) == fingerprint(settled.held)


@given(policies(), policies(), accounts())
@settings(max_examples=100)
def test_an_approval_of_all_lines_makes_the_policy_the_wanted_one(
    in_force: JSON, wanted: JSON, account: AccountFacts
) -> None:
    settled = settle(in_force, wanted, account)
    after = settle(settled.policy, wanted, account, approved=settled.held)
    assert (after.policy, after.held) == (wanted, ())


@given(policies(), accounts())
def test_the_policy_itself_is_no_edit(policy: JSON, account: AccountFacts) -> None:
    assert change_set(policy, policy, account) == ()


@given(policies(), policies(), accounts())
def test_a_line_says_what_was_and_what_will_be(
    in_force: JSON, wanted: JSON, account: AccountFacts
) -> None:
    for line in change_set(in_force, wanted, account):
        assert line.before != line.after
        if line.exemption:
            assert (
                line.methods == account.opened.get(place_of(line.exemption), ()) or not line.after
            )
            assert line.waits("hold") == (line.kind == "opening" and len(line.methods) > MAX_OPENED)
        elif line.kind == NARROWING:
            assert line.plan


def test_those_who_used_more_than_the_new_limit_are_counted() -> None:
    def plan(limit: int) -> JSON:
        return {"usage_plans": {"free": {"quota": {"limit": limit, "period": "DAY"}}}}

    members = PlanKeys(keys=4, customers=3, used=(5, 50, 500))
    [line] = change_set(plan(1000), plan(40), AccountFacts({"free": PlanFacts(members=members)}))
    assert (line.touches.customers, line.touches.used_more) == (3, 2)


def test_stages_that_a_plan_no_longer_covers_and_nobody_loses_widen_nothing() -> None:
    before = {"usage_plans": {"free": {}}}
    after = {"usage_plans": {"free": {"apis": ["shop"], "stages": ["prod"]}}}
    [line] = change_set(before, after, AccountFacts({"free": PlanFacts()}))
    assert line.kind == NEUTRAL
    [line] = change_set(after, before, AccountFacts({"free": PlanFacts()}))
    assert line.kind == WIDENING
