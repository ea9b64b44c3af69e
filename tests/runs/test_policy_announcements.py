"""What apply-policy announces: in which words, how often, and what the ledger keeps of it."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from keyward.apis.usage_plan_patch import Change
from keyward.aws.parameter import Wanted
from keyward.aws.tables.policy import Hold, InForce
from keyward.errors import NotFoundError
from keyward.policy.change_set import Line, Touches
from keyward.policy.parse import default_text
from keyward.runs.context import Context
from keyward.runs.policy.announcements import (
    announce_applied,
    announce_failure,
    announce_hold,
    announce_refusal,
    is_about_apis,
    line_of,
)
from keyward.values import JSON, iso, plain
from tests.support import Bench

ARN = "arn:aws:states:us-east-1:123456789012:execution:apply-policy:run-1"
CAUSE: JSON = {"event_id": "e1", "detail_type": "PolicyEdited", "source": "shop"}
ASKED: JSON = {"by": "event"} | CAUSE
ELSE: JSON = {"by": "event"} | CAUSE | {"event_id": "e2"}
SLOW, FAST = ({"rateLimit": rate, "burstLimit": 10} for rate in (1.5, 5.0))
SET = ({"op": "replace", "path": "/throttle/rateLimit", "value": "1"},)
BODY: JSON = json.loads(default_text())
HELD = (Line("usage_plans.free.throttle", FAST, SLOW, "narrowing", "free", keys=1),)


def of_other_stack(bench: Bench) -> Context:
    return replace(bench.context(), stack="other")


def told(bench: Bench) -> list[tuple[str, JSON]]:
    return [(entry["DetailType"], entry["Detail"]) for entry in bench.bus.entries]


def lines(bench: Bench) -> list[JSON]:
    return [plain(line) for line in bench.registry.ledger.of("policy")]


def kept_remedies(bench: Bench) -> list[str]:
    return [event["remedy"] for line in lines(bench) for event in line["events"]]


@pytest.mark.parametrize(
    ("part", "before", "after", "operations", "kind"),
    [
        ("throttle", FAST, SLOW, SET, "narrowing"),
        ("throttle", SLOW, FAST, SET, "widening"),
        ("throttle", None, SLOW, SET, "narrowing"),
        ("quota", {"limit": 9, "period": "DAY"}, {"limit": 8, "period": "DAY"}, SET, "narrowing"),
        ("methods", {"GET /a": FAST}, {"GET /a": SLOW}, SET, "narrowing"),
        ("methods", {"GET /a": FAST}, {"GET /a": FAST, "GET /b": SLOW}, SET, "narrowing"),
        ("methods", {"GET /a": SLOW}, {"GET /a": FAST}, SET, "widening"),
        ("methods", {"GET /a": SLOW, "GET /b": SLOW}, {"GET /a": SLOW}, SET, "widening"),
        ("methods", {"GET /a": SLOW}, {}, SET, "widening"),
        ("stages", [{"rest_api_id": "a", "stage": "b"}], [], SET, "narrowing"),
        ("tag", None, "keyward", (), "neutral"),
    ],
)
def test_a_line_of_a_plan_says_whether_its_keys_can_do_less(
    part: str, before: Any, after: Any, operations: tuple[JSON, ...], kind: str
) -> None:
    assert line_of("free", Change(part, before, after, operations), ASKED) == {
        "field": f"usage_plans.free.{part}",
        "before": before,
        "after": after,
        "kind": kind,
        "touches": vars(Touches()),
        "plan": "free",
        "asked": ASKED,
    }


@pytest.mark.parametrize(
    ("field", "plan", "is_about"),
    [
        ("usage_plans.free", "free", True),
        ("usage_plans.free.stages", "free", True),
        ("usage_plans.free.adopt", "free", True),
        ("usage_plans.free.throttle", "free", False),
        ("exemptions", None, True),
        ("require_key", None, True),
        ("hold", None, True),
        ("probes", None, True),
        ("warn_days", None, True),
        ("report_days", None, False),
        ("", None, False),
    ],
)
def test_some_changes_are_about_apis(field: str, plan: str | None, is_about: bool) -> None:
    assert is_about_apis(Line(field, None, None, plan=plan)) is is_about


def applied(bench: Bench) -> InForce:
    first = line_of("free", Change("throttle", SLOW, FAST, SET), ASKED)
    exemption = {"api": "*", "method": "GET", "path": "/health", "reason": "a check"}
    opening = Line("exemptions", None, exemption, "opening", exemption=exemption).as_json()
    return InForce(BODY, version=7, applied=(first, opening | {"asked": ELSE}))


def test_what_is_applied_is_told_with_a_line_of_each_change(bench: Bench) -> None:
    in_force, now = applied(bench), bench.clock.now()
    announce_applied(bench.context(), in_force, ARN)
    first, second = in_force.applied
    changes = [{n: v for n, v in line.items() if n != "asked"} for line in (first, second)]
    detail = {
        "changes": changes,
        "reason": "2 changes of the policy are in force",
        "version": 7,
        "execution_arn": ARN,
        "effective_by": iso(now + 120),
        "caused_by": CAUSE | {"event_id": "e2"},
    }
    assert told(bench) == [("PolicyApplied", detail)]
    kept = lines(bench)
    assert [line["line"].split("#")[1:4] for line in kept] == [
        ["run-1", "0000", "change_policy"],
        ["run-1", "0001", "change_policy"],
    ]
    about = {"subject": "policy", "at": iso(now), "execution_arn": ARN, "action": "change_policy"}
    first_kept, second_kept = (
        {n: v for n, v in line.items() if n not in ("line", "events", "day")} for line in kept
    )
    assert first_kept == about | {n: first[n] for n in first if n != "touches"}
    left_out = ("touches", "before")
    told_mark = {"told": True}
    assert second_kept == about | told_mark | {n: v for n, v in second.items() if n not in left_out}
    assert "events" not in kept[0]
    assert [event["event"] for event in kept[1]["events"]] == ["PolicyApplied"]
    rate = bench.registry.ledger.of("policy")[0]["before"]["rateLimit"]
    assert rate == Decimal("1.5"), "DynamoDB takes no fraction of Python's"


def test_a_change_is_told_to_hold_by_when_the_policy_says(bench: Bench) -> None:
    in_force = applied(bench)
    body = BODY | {"propagation_seconds": 30}
    announce_applied(
        bench.context(), replace(in_force, body=body, applied=in_force.applied[:1]), ARN
    )
    [(_, detail)] = told(bench)
    assert detail["effective_by"] == iso(bench.clock.now() + 30)
    assert detail["reason"] == "1 change of the policy is in force"


def test_a_hold_is_told_once_with_the_command_that_answers(bench: Bench) -> None:
    now = int(bench.clock.now())
    hold = Hold(HELD, now - 5)
    for _ in range(2):
        announce_hold(of_other_stack(bench), hold, 7, ARN, ASKED)
    detail = {
        "fingerprint": hold.fingerprint,
        "changes": [HELD[0].as_json()],
        "error": "PolicyNarrows",
        "reason": "1 change of the policy is held, as customers would lose something or methods "
        "would be open: a person has to decide",
        "remedy": f"keyward approve --stack other {hold.fingerprint}",
        "version": 7,
        "held_since": iso(now - 5),
        "execution_arn": ARN,
        "caused_by": CAUSE,
    }
    assert told(bench) == [("PolicyHeld", detail)]
    assert kept_remedies(bench) == [detail["remedy"]]
    mark = f"policy-held#{hold.fingerprint}#{now - 5}"
    assert bench.tables["LeasesTable"].get_item(Key={"lease": mark}).get("Item")


def test_another_hold_and_one_that_began_later_are_told(bench: Bench) -> None:
    hold = Hold(HELD, 5, asked=ELSE)
    wider = (*HELD, Line("usage_plans.pro.throttle", FAST, SLOW, "narrowing", "pro", keys=1))
    for one in (hold, replace(hold, since=6), replace(hold, lines=wider)):
        announce_hold(bench.context(), one, 7, ARN, ASKED)
        bench.clock.advance(1)
    assert [detail["held_since"] for _, detail in told(bench)] == [iso(5), iso(6), iso(5)]
    assert {detail["caused_by"]["event_id"] for _, detail in told(bench)} == {"e2"}
    assert told(bench)[2][1]["reason"].startswith("2 changes of the policy are held")


def test_a_refused_version_is_told_once(bench: Bench) -> None:
    wanted = Wanted(None, 9, "usage_plans: must be an object, got []. Correct it")
    for _ in range(2):
        announce_refusal(of_other_stack(bench), InForce(BODY, 7), wanted, ARN, ASKED)
    detail = {
        "error": "PolicyRefusedError",
        "reason": wanted.refused,
        "remedy": "keyward policy show --wanted --stack other",
        "version": 9,
        "at": iso(bench.clock.now()),
        "execution_arn": ARN,
        "caused_by": CAUSE,
    }
    assert told(bench) == [("PolicyRefused", detail)]
    assert kept_remedies(bench) == [detail["remedy"]]
    for other in (replace(wanted, version=10), replace(wanted, refused="another reason")):
        bench.clock.advance(1)
        announce_refusal(bench.context(), InForce(BODY, 7), other, ARN, ASKED)
    assert [detail["version"] for _, detail in told(bench)] == [9, 10, 9]


def test_a_parameter_that_is_gone_is_told_once_where_there_was_one(bench: Bench) -> None:
    announce_refusal(bench.context(), InForce(BODY), Wanted(None), ARN, ASKED)
    assert told(bench) == []
    for _ in range(2):
        announce_refusal(bench.context(), InForce(BODY, 7), Wanted(None), ARN, ASKED)
    [(kind, detail)] = told(bench)
    assert (kind, detail["version"]) == ("PolicyRefused", 7)
    assert detail["reason"].startswith("the policy parameter is gone")


def test_the_first_version_of_a_parameter_may_be_refused(bench: Bench) -> None:
    announce_refusal(bench.context(), InForce(BODY), Wanted(None, 1, "not good"), ARN, ASKED)
    assert [detail["version"] for _, detail in told(bench)] == [1]


def test_marks_of_refusals_stay_as_stacks_that_run_have_them(bench: Bench) -> None:
    announce_refusal(bench.context(), InForce(BODY, 7), Wanted(None, 9, "why"), ARN, ASKED)
    announce_failure(bench.context(), InForce(BODY, 7), "free", NotFoundError(""), ARN, ASKED)
    items = bench.tables["LeasesTable"].scan()["Items"]
    # Another name of a mark would tell everything anew after an update of the stack.
    assert {"policy-refused#9#2be23c58", "policy-failed#free#7#4f53cda1"} <= {
        i["lease"] for i in items
    }


def test_a_plan_that_cannot_be_changed_is_told_once_for_what_it_lacks(bench: Bench) -> None:
    in_force, error = InForce(BODY, 7, revision=3), NotFoundError("no such plan")
    for _ in range(2):
        announce_failure(of_other_stack(bench), in_force, "free", error, ARN, ASKED)
    detail = {
        "error": "NotFoundError",
        "reason": "usage plan free cannot be brought in line with the policy: no such plan",
        "remedy": "keyward policy show --stack other",
        "version": 7,
        "at": iso(bench.clock.now()),
        "execution_arn": ARN,
        "plan": "free",
        "caused_by": CAUSE,
    }
    assert told(bench) == [("PolicyRefused", detail)]
    assert kept_remedies(bench) == [detail["remedy"]]
    bench.clock.advance(1)
    announce_failure(bench.context(), in_force, "pro", error, ARN, ASKED)
    # What of other plans waits, and how often the document was written, tells nothing new.
    others = replace(in_force, revision=4, pending=({"plan": "pro", "field": "a"},))
    announce_failure(bench.context(), others, "free", error, ARN, ASKED)
    assert [detail["plan"] for _, detail in told(bench)] == ["free", "pro"]
    more = replace(in_force, pending=({"plan": "free", "field": "a"},))
    same = replace(in_force, pending=({"field": "a", "plan": "free"},))
    for one in (more, same, replace(in_force, version=8)):
        announce_failure(bench.context(), one, "free", error, ARN, ASKED)
        bench.clock.advance(1)
    assert [detail["plan"] for _, detail in told(bench)] == ["free", "pro", "free", "free"]
