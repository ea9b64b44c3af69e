"""Each line of a change set: what it means for the account, and how it is written."""

from __future__ import annotations

from typing import Any

import pytest

from keyward.policy.change_set import (
    MAX_OPENED,
    NARROWING,
    NEUTRAL,
    OPENING,
    WIDENING,
    Line,
    Touches,
    change_set,
    fingerprint,
    place_of,
    settle,
)
from keyward.policy.facts import AccountFacts, PlanFacts, PlanKeys
from keyward.values import JSON

SLOW, QUICK = {"rateLimit": 1, "burstLimit": 1}, {"rateLimit": 9, "burstLimit": 9}
FEW, MANY = {"limit": 5, "period": "DAY"}, {"limit": 50, "period": "DAY"}
USED = PlanKeys(keys=3, customers=2, used=(4, 5, 6))
OURS = PlanFacts(stages={("a1", "prod"): "shop", ("a1", "dev"): "shop"}, members=USED)
THEIRS = PlanFacts(False, {"throttle": SLOW}, {("a1", "prod"): "shop"}, USED)
EVERYWHERE = {"apis": ["*"], "stages": ["*"]}
HEALTH = {"api": "*", "method": "GET", "path": "/health", "reason": "probe"}
LIVE = {"rest_api_id": "a1", "stage": "prod", "method": "GET", "path": "/health"}


def policy(plan: JSON | None, **more: Any) -> JSON:
    return {"usage_plans": {} if plan is None else {"free": plan}} | more


def lines(
    before: JSON | None, after: JSON | None, facts: PlanFacts | None = OURS
) -> list[tuple[str, str]]:
    account = AccountFacts({"free": facts} if facts else {})
    return [(line.part, line.kind) for line in change_set(policy(before), policy(after), account)]


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (None, {}, [("", WIDENING)]),
        ({}, None, [("", NARROWING)]),
        ({}, {"quota": FEW}, [("quota", NARROWING)]),
        ({"quota": FEW}, {"quota": MANY}, [("quota", WIDENING)]),
        ({"quota": FEW}, {}, [("quota", WIDENING)]),
        ({"throttle": QUICK}, {"throttle": SLOW}, [("throttle", NARROWING)]),
        ({}, {"rotate_after_days": 9}, [("rotate_after_days", NEUTRAL)]),
        ({}, {"adopt": True}, [("adopt", NEUTRAL)]),
        ({}, {"stages": ["prod"]}, [("stages", NARROWING)]),
        ({"apis": ["x"]}, {"apis": ["*"]}, [("stages", WIDENING)]),
        (
            {"methods": {"GET /a": SLOW, "GET /b": SLOW}},
            {"methods": {"GET /a": QUICK, "GET /c": SLOW}},
            [
                ("methods.GET /a", WIDENING),
                ("methods.GET /b", WIDENING),
                ("methods.GET /c", NARROWING),
            ],
        ),
        (
            {"quota": MANY, "throttle": SLOW},
            {"quota": FEW, "throttle": QUICK},
            [("quota", NARROWING), ("throttle", WIDENING)],
        ),
    ],
)
def test_each_part_of_a_plan_is_a_line_of_its_own_kind(
    before: JSON | None, after: JSON | None, found: list[tuple[str, str]]
) -> None:
    assert lines(before, after) == found


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (None, {"quota": FEW}, [("", NEUTRAL)]),
        ({}, {"quota": FEW}, [("quota", NEUTRAL)]),
        ({}, None, [("", NEUTRAL)]),
        (None, {"adopt": True}, [("", WIDENING)]),
        (None, {"adopt": True, "throttle": QUICK}, [("", WIDENING)]),
        (None, {"adopt": True, "quota": FEW}, [("", NARROWING)]),
        ({"throttle": QUICK}, {"throttle": QUICK, "adopt": True}, [("adopt", NEUTRAL)]),
        ({}, {"adopt": True, "stages": ["x"]}, [("adopt", NARROWING), ("stages", NEUTRAL)]),
        ({"adopt": True}, {}, [("adopt", NEUTRAL)]),
        ({"adopt": True, "quota": MANY}, {"adopt": True, "quota": FEW}, [("quota", NARROWING)]),
    ],
)
def test_a_plan_made_by_people_changes_only_once_it_is_adopted(
    before: JSON | None, after: JSON | None, found: list[tuple[str, str]]
) -> None:
    assert lines(before, after, THEIRS) == found


@pytest.mark.parametrize(
    ("facts", "stays"), [(OURS, (False,) * 4), (THEIRS, (True, True, True, False))]
)
def test_a_line_says_what_was_and_what_will_be_and_whether_the_plan_stays(
    facts: PlanFacts, stays: tuple[bool, ...]
) -> None:
    account = AccountFacts({"free": facts})
    limited, adopted = {"quota": FEW}, {"adopt": True}
    edits = ((None, limited), (limited, None), (limited, {}), (None, adopted))
    found = [change_set(policy(was), policy(now), account)[0] for was, now in edits]
    assert [(line.before, line.after) for line in found[:2]] == list(edits[:2])
    assert (found[2].before, found[2].after) == (FEW, None)
    assert tuple(line.stays for line in found) == stays


@pytest.mark.parametrize("glob", ["shop", "a1", "sh*"])
def test_stages_leave_by_their_apis_id_or_name(glob: str) -> None:
    facts = PlanFacts(stages={("a1", "prod"): "shop", ("b2", "prod"): "bank"}, members=USED)
    [line] = change_set(policy({}), policy({"apis": [glob]}), AccountFacts({"free": facts}))
    assert line.leaving == (("b2", "prod"),)


def test_a_plan_that_is_not_there_yet_narrows_nothing() -> None:
    assert lines(None, {"quota": FEW}, None) == [("", WIDENING)]
    assert lines({}, None, None) == [("", NARROWING)]
    assert lines({}, {"stages": ["prod"]}, None) == [("stages", NEUTRAL)]


def test_an_adopted_plan_says_which_of_its_limits_follow() -> None:
    wanted = {"adopt": True, "throttle": QUICK, "quota": FEW}
    [adopted, *_] = change_set(policy({}), policy(wanted), AccountFacts({"free": THEIRS}))
    assert adopted.follows == {
        "throttle": {"before": SLOW, "after": QUICK},
        "quota": {"before": None, "after": FEW},
    }
    assert adopted.stays is False
    same = wanted | {"throttle": SLOW, "quota": None}
    [adopted, *_] = change_set(policy({}), policy(same), AccountFacts({"free": THEIRS}))
    assert adopted.follows == {}


def test_a_narrowing_line_says_whom_it_touches_and_what_it_leaves() -> None:
    account = AccountFacts({"free": OURS})
    [quota] = change_set(policy({}), policy({"quota": FEW}), account)
    assert (quota.touches, quota.keys, quota.leaving) == (Touches(2, 1), 3, ())
    [stages] = change_set(policy({}), policy({"stages": ["prod"]}), account)
    assert (stages.touches, stages.keys) == (Touches(2, 0), 3)
    assert stages.leaving == (("a1", "dev"),)
    assert (stages.before, stages.after) == (EVERYWHERE, EVERYWHERE | {"stages": ["prod"]})
    [whole] = change_set(policy({}), policy(None), account)
    assert whole.leaving == (("a1", "dev"), ("a1", "prod"))


def test_a_line_is_read_back_from_what_is_written_of_it() -> None:
    line = Line(
        "usage_plans.free.stages",
        EVERYWHERE,
        {"apis": ["x"]},
        NARROWING,
        plan="free",
        touches=Touches(2, 1),
        leaving=(("a1", "dev"),),
        follows={"quota": {"before": None, "after": FEW}},
        methods=(LIVE,),
    )
    assert line.as_json() == {
        "field": "usage_plans.free.stages",
        "before": EVERYWHERE,
        "after": {"apis": ["x"]},
        "kind": "narrowing",
        "touches": {"customers": 2, "used_more": 1},
        "plan": "free",
        "stages": [{"rest_api_id": "a1", "stage": "dev"}],
        "follows": {"quota": {"before": None, "after": FEW}},
        "methods": [LIVE],
    }
    opened = Line("exemptions", None, HEALTH, OPENING, exemption=HEALTH, methods=(LIVE,))
    assert [Line.of(one.as_json()) for one in (line, opened)] == [line, opened]
    assert opened.as_json()["exemption"] == HEALTH
    plain = Line("hold", "always", None)
    assert Line.of(plain.as_json()) == plain
    assert {*plain.as_json()} == {"field", "before", "after", "kind", "touches"}
    assert Line("hold", 1, 2, stays=True).as_json()["stays"] is True


def test_a_line_waits_where_a_key_loses_something_or_much_is_opened() -> None:
    narrow = Line("usage_plans.free.quota", None, FEW, NARROWING, plan="free", keys=1)
    assert narrow.waits("hold")
    assert not narrow.waits("apply")
    assert not Line(narrow.field, None, FEW, NARROWING, plan="free").waits("hold")
    assert not Line(narrow.field, None, FEW, WIDENING, plan="free", keys=1).waits("hold")
    for number, waits in ((MAX_OPENED, False), (MAX_OPENED + 1, True)):
        opening = Line("exemptions", None, HEALTH, OPENING, methods=(LIVE,) * number)
        assert [opening.waits(mode) for mode in ("hold", "apply")] == [waits, waits]


def test_other_members_are_lines_by_name() -> None:
    was, now = policy({}, hold="always", warn_days=3), policy({}, hold="never", report_days=1)
    found = change_set(was, now, AccountFacts())
    assert [(line.field, line.before, line.after, line.kind) for line in found] == [
        ("hold", "always", "never", NEUTRAL),
        ("report_days", None, 1, NEUTRAL),
        ("warn_days", 3, None, NEUTRAL),
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"quota": FEW}),
        ({"quota": MANY, "stages": ["prod", "dev"]}, {"quota": FEW, "stages": ["prod"]}),
        ({"apis": ["shop"]}, {"apis": ["x"]}),
        ({"methods": {"GET /a": QUICK}}, {"methods": {"GET /a": SLOW}}),
        ({"throttle": QUICK}, {"methods": {"GET /b": SLOW}}),
        ({}, None),
    ],
)
def test_what_waits_keeps_its_former_value_until_it_is_approved(
    before: JSON, after: JSON | None
) -> None:
    account = AccountFacts({"free": OURS})
    in_force, wanted = policy(before, hold="a"), policy(after, hold="b")
    settled = settle(in_force, wanted, account)
    left = change_set(settled.policy, wanted, account)
    assert {line.field for line in settled.applied} >= {"hold"}
    assert [line.identity for line in left] == [line.identity for line in settled.held]
    assert settled.held
    assert all(line.kind == NARROWING for line in settled.held)
    approved = settle(settled.policy, wanted, account, approved=settled.held)
    assert (approved.policy, approved.held) == (wanted, ())
    applied = settle(in_force, wanted | {"narrowing": "apply"}, account)
    assert applied.held == ()


def test_a_held_line_waits_on_when_its_customers_have_left() -> None:
    in_force, wanted = policy({}), policy({"quota": FEW})
    held = settle(in_force, wanted, AccountFacts({"free": OURS})).held
    empty = AccountFacts({"free": PlanFacts()})
    assert settle(in_force, wanted, empty).held == ()
    again = settle(in_force, wanted, empty, held=held)
    assert (again.held, again.policy) == (held, in_force)
    applied = settle(in_force, wanted | {"narrowing": "apply"}, empty, held=held)
    assert applied.held == ()


def test_an_opening_that_is_held_waits_in_every_mode() -> None:
    account = AccountFacts(opened={place_of(HEALTH): (LIVE,) * (MAX_OPENED + 1)})
    in_force = policy({}, narrowing="apply", exemptions=[])
    wanted = in_force | {"exemptions": [HEALTH]}
    settled = settle(in_force, wanted, account)
    assert settled.policy["exemptions"] == []
    later = settle(settled.policy, wanted, AccountFacts(), held=settled.held)
    assert later.held == settled.held
    changed, other = HEALTH | {"reason": "uptime"}, HEALTH | {"path": "/other"}
    kept = settle(wanted, in_force | {"exemptions": [changed, other]}, account)
    assert kept.policy["exemptions"] == [HEALTH, other]


def test_a_fingerprint_names_the_lines_and_not_the_customers_they_touch() -> None:
    quota = Line("usage_plans.free.quota", None, FEW, NARROWING, plan="free")
    touching = Line("usage_plans.free.quota", None, FEW, NARROWING, "free", touches=Touches(9, 9))
    other = Line("hold", "a", "b")
    assert fingerprint([quota, other]) == fingerprint([other, touching])
    assert len({fingerprint(held) for held in ([], [quota], [other], [quota, other])}) == 4
    # An answer that was asked for before an update counts after it.
    assert fingerprint([quota, other]) == "1b2015b9199dede6"
