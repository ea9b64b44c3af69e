"""What protects an API, case by case: the whole plan of one API with two stages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from keyward.apis.actions import Attach, Deploy, Held, Require
from keyward.apis.compare import fingerprint
from keyward.apis.model import (
    ApiRecords,
    ApiSnapshot,
    Attachment,
    Canary,
    DeployedMethod,
    Difference,
    Hold,
    Membership,
    StageSnapshot,
    WorkingMethod,
)
from keyward.apis.plan import (
    ANY_NOTE,
    MAX_REQUIRE_BYTES,
    ApiPlan,
    methods_to_close,
    plan_api,
    rolled_back,
)
from keyward.apis.rule import KeyRule
from keyward.policy.model import Policy
from keyward.policy.parts import Exemption, PlanPolicy
from keyward.values import in_flight_seconds

NOW = 1_795_000_000.0
HEALTH = Exemption("*", "GET", "/health", "probe")
POLICY = Policy({name: PlanPolicy(name, None, None) for name in ("free", "pro")}, (HEALTH,))
RULE = KeyRule(POLICY, "api-1", "pet shop", NOW)
OPEN, CLOSED = (DeployedMethod("/pets", "GET", "NONE", asks) for asks in (False, True))
PROD = StageSnapshot("prod", "d1", None, (OPEN,))
DEV = StageSnapshot("dev", "d0", None, (CLOSED,))
EDITED = Difference("authorization scopes differ", "GET", "/pets")


def working(path: str = "/pets", verb: str = "GET", asks: bool = False) -> WorkingMethod:
    body = {"authorizationType": "NONE", "apiKeyRequired": asks}
    return WorkingMethod(f"r{path}", path, verb, body)


COPY = (working(),)
BOTH = tuple(Membership(name, f"id-{name}", frozenset({"prod", "dev"})) for name in ("free", "pro"))
API = ApiSnapshot("api-1", "pet shop", (DEV, PROD), BOTH, COPY)
KNOWN = ApiRecords(
    attachments=tuple(
        Attachment(stage, plan, f"id-{plan}", int(NOW) - 1000, True)
        for stage in ("dev", "prod")
        for plan in ("free", "pro")
    )
)
MARK = fingerprint(PROD, COPY, RULE)
CLOSE = (Require("/pets", "GET", "r/pets"),)
PUBLISH = (Deploy("prod", "d1", MARK),)


def differing(**more: Any) -> ApiSnapshot:
    return replace(API, differences={"prod": (EDITED,)}, **more)


def held(*reasons: Difference, **more: Any) -> ApiPlan:
    return ApiPlan(held=(Held("prod", MARK, reasons, **more),), settled={"dev": "d0"})


def remembering(*holds: Hold) -> ApiRecords:
    return replace(KNOWN, holds=holds)


def test_an_exposed_stage_is_closed_and_published_and_the_other_left_alone() -> None:
    plan = plan_api(API, KNOWN, RULE)
    assert plan == ApiPlan(require=CLOSE, deploy=PUBLISH, settled={"dev": "d0"})
    assert plan_api(replace(API, stages=(DEV,)), KNOWN, RULE) == ApiPlan(settled={"dev": "d0"})


def test_a_stage_is_attached_to_the_plans_that_lack_it_before_it_is_closed() -> None:
    bare = replace(API, plans=(replace(BOTH[0], stages=frozenset({"prod"})),))
    plan = plan_api(bare, ApiRecords(), RULE)
    seen = Attachment("prod", "free", "id-free", int(NOW), confirmed=True, by_hand=True)
    assert plan == ApiPlan(
        attach=(Attach("free", ("dev",)), Attach("pro", ("dev", "prod"))),
        require=CLOSE,
        deploy=PUBLISH,
        effective_at=int(NOW) + 120,
        first_seen=(seen,),
    )
    close, publish = CLOSE[0].as_action(), PUBLISH[0].as_action()
    added = [
        {"action": "attach_stage", "stage": stage, "plan": plan}
        for stage, plan in (("dev", "free"), ("dev", "pro"), ("prod", "pro"))
    ]
    assert plan.actions() == [*added, close, publish]
    assert plan.actions_of("dev") == added[:2]
    assert plan.actions_of("prod") == [added[2], close, publish]


@pytest.mark.parametrize(
    ("attached", "at"),
    [
        (Attachment("prod", "pro", "id-pro", int(NOW) - 100, True), 20),
        (Attachment("prod", "pro", "id-pro", int(NOW) - 120, True), 0),
        (Attachment("prod", "pro", "id-pro", int(NOW) - 120, False), in_flight_seconds()),
        (Attachment("dev", "pro", "id-pro", int(NOW) - 100, True), 0),
        (Attachment("prod", "gold", "id-gold", int(NOW) - 100, True), 0),
    ],
)
def test_a_stage_is_closed_once_every_host_knows_its_plans(attached: Attachment, at: float) -> None:
    records = replace(KNOWN, attachments=(*KNOWN.attachments[:3], attached))
    late = replace(API, plans=(replace(BOTH[0]), replace(BOTH[1], stages=frozenset({"dev"}))))
    found = plan_api(late, records, RULE).effective_at
    assert found == (NOW + at if at else 0)


def test_a_stage_whose_working_copy_differs_is_held_and_says_why() -> None:
    plan = plan_api(differing(), KNOWN, RULE)
    assert plan == held(EDITED)
    assert plan.actions() == [
        {
            "action": "hold_stage",
            "stage": "prod",
            "fingerprint": MARK,
            "differences": [EDITED.as_json()],
        }
    ]
    assert plan.actions_of("prod") == []


def test_a_held_stage_is_attached_to_no_plan() -> None:
    plan = plan_api(differing(plans=()), ApiRecords(), RULE)
    assert plan.attach == (Attach("free", ("dev",)), Attach("pro", ("dev",)))
    assert plan.settled == {}


@pytest.mark.parametrize(
    ("hold", "is_published"),
    [
        (Hold("prod", MARK, "approved"), True),
        (Hold("prod", "other", "approved"), False),
        (Hold("prod", MARK, "rejected"), False),
        (Hold("dev", MARK, "approved"), False),
    ],
)
def test_an_approval_publishes_exactly_what_was_approved(hold: Hold, is_published: bool) -> None:
    plan = plan_api(differing(), remembering(hold), RULE)
    assert bool(plan.deploy) is is_published
    same = hold if hold.stage == "prod" and hold.fingerprint == MARK else None
    if not is_published:
        assert plan == held(EDITED, before=same)


def test_an_approval_by_its_fingerprint_publishes_it() -> None:
    assert plan_api(differing(), KNOWN, RULE, approve=MARK).deploy == PUBLISH
    assert plan_api(differing(), KNOWN, RULE, approve="other") == held(EDITED)


def test_a_canary_is_promoted_or_removed_by_people_first() -> None:
    stage = replace(PROD, canary=Canary("d9", 12.5))
    words = "a canary (d9) gets 12.5 % of the traffic: promote or remove it"
    mark = fingerprint(stage, COPY, RULE)
    for found, reasons in ((API, ()), (differing(), (EDITED,))):
        plan = plan_api(replace(found, stages=(stage,)), KNOWN, RULE, approve=mark)
        reason = (Difference(words), *reasons)
        assert plan.held == (Held("prod", mark, reason, approvable=False),)


@pytest.mark.parametrize("differs", [False, True])
def test_a_stage_that_was_rolled_back_is_held_as_such(differs: bool) -> None:
    back = Hold("prod", "earlier", kind="rollback", deployment_id="d1")
    seen = differing() if differs else API
    reasons = (rolled_back("d1"), *((EDITED,) if differs else ()))
    plan = plan_api(seen, remembering(back), RULE)
    assert plan == held(*reasons, kind="rollback", deployment_id="d1")
    assert rolled_back("d1").difference == (
        "was rolled back to d1: approve it, or deploy anew, to close it"
    )
    elsewhere = replace(back, deployment_id="d7")
    assert plan_api(API, remembering(elsewhere), RULE).deploy == PUBLISH
    other = replace(back, kind="deployment")
    assert plan_api(API, remembering(other), RULE).deploy == PUBLISH


def test_a_requirement_that_an_exemption_made_needless_is_taken_back() -> None:
    plan = plan_api(replace(API, waived=(working("/health", asks=True),)), KNOWN, RULE)
    waive = Require("/health", "GET", "r/health", is_waived=True)
    assert (plan.require, plan.waive) == (CLOSE, (waive,))
    actions = [CLOSE[0].as_action(), waive.as_action(), PUBLISH[0].as_action()]
    assert plan.actions() == plan.actions_of("prod") == actions
    assert plan.actions_of("dev") == []


def test_a_plan_that_people_made_is_left_and_named() -> None:
    theirs = replace(BOTH[1], stages=frozenset(), kept="people made it")
    plan = plan_api(replace(API, plans=(BOTH[0], theirs)), KNOWN, RULE)
    left = {"action": "leave_plan", "stage": "prod", "plan": "pro", "reason": "people made it"}
    assert plan.kept == (left,)
    assert plan.actions_of("prod")[0] == plan.actions()[0] == left
    assert left not in plan.actions_of("dev")
    assert plan_api(differing(plans=(BOTH[0], theirs)), KNOWN, RULE).kept == ()


def test_steps_hold_what_fits_and_say_whether_that_is_all() -> None:
    attach, publish = Attach("free", ("prod",)), PUBLISH[0]
    few = ApiPlan((attach,), CLOSE, CLOSE, (publish,), effective_at=NOW)
    assert few.steps() == {
        "attach": (attach.as_json(),),
        "effective_at": NOW,
        "require": (CLOSE[0].as_json(), CLOSE[0].as_json()),
        "is_partial": False,
        "deploy": (publish.as_json(),),
    }
    assert ApiPlan().steps()["require"] == ()
    long = tuple(Require("/" + "x" * 1000, "GET", str(number)) for number in range(200))
    steps = ApiPlan(require=long).steps()
    assert steps["is_partial"] is True
    assert sum(len(str(one)) for one in steps["require"]) > MAX_REQUIRE_BYTES * 0.9
    assert len(steps["require"]) < 100


def test_methods_are_closed_by_path_and_verb_with_a_note_for_any() -> None:
    methods = [
        working("/b", "ANY"),
        working("/a", "POST"),
        working("/a", "GET"),
        working("/a", "PUT", asks=True),
        working("/health"),
        working("/c", "ANY"),
        working("/c", "OPTIONS", asks=True),
    ]
    assert methods_to_close(methods, RULE) == (
        Require("/a", "GET", "r/a"),
        Require("/a", "POST", "r/a"),
        Require("/b", "ANY", "r/b", ANY_NOTE),
        Require("/c", "ANY", "r/c"),
    )
    deployed = [DeployedMethod("/b", "ANY", "NONE", False)]
    beside = [DeployedMethod("/b", "OPTIONS", "NONE", True)]
    assert methods_to_close(deployed, RULE) == (Require("/b", "ANY", "", ANY_NOTE),)
    assert methods_to_close(deployed, RULE, beside) == (Require("/b", "ANY"),)
