"""The ledger's lines as they are written: who asked, what changed, and what was announced."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from keyward.customers.key import CREATED, CREATING, DELETED, DELETING, End, Journal, KeyRecord
from keyward.runs.ledger import (
    MAX_CHARACTERS,
    api_lines,
    asking_since,
    epoch_of,
    failed_line,
    key_line,
    notice_line,
    requester_of_action,
)
from keyward.values import JSON

NOW = 1_795_000_000.0  # 2026-11-18T11:06:40Z
RUN = "arn:aws:states:us-east-1:123456789012:execution:machine:run-1"
CONSOLE, EVENT, AUDIT = {"by": "console"}, {"by": "event"}, {"by": "audit"}
KEY = KeyRecord("acme", 1, CREATED, "abc", created_at=1, plans=("free",))


def event(number: int, at: int = 0) -> JSON:
    return {"by": "event", "event_id": f"e{number}", "recorded_at": at}


PLANNED = {"plan": event(1, 10), "status": event(2, 20), "quota_extension": event(3, 30)}


@pytest.mark.parametrize(
    ("action", "requester", "by_hand", "begun", "found"),
    [
        ("create_key", EVENT, (), 100, "e2"),
        ("move_key", EVENT, (), 100, "e1"),
        ("extend_quota", EVENT, (), 100, "e3"),
        ("create_key", EVENT, ("status",), 100, "e1"),
        ("label_key", EVENT, (), 100, "e3"),
        ("label_key", EVENT, ("quota_extension",), 100, "e2"),
        ("label_key", AUDIT, (), 0, None),
        ("suspend", EVENT, (), 100, "e3"),
        ("create_key", AUDIT, (), 100, None),
        ("create_key", AUDIT, (), 21, None),
        ("create_key", AUDIT, (), 20, "e2"),
        ("create_key", AUDIT, ("plan", "status"), 0, None),
    ],
)
def test_an_action_was_asked_for_by_the_newest_event_that_it_answers(
    action: str, requester: JSON, by_hand: tuple[str, ...], begun: float, found: str | None
) -> None:
    asked = requester_of_action(action, requester, {"asked": PLANNED}, by_hand, begun)
    assert asked == ({"by": "event", "event_id": found} if found else requester)


@pytest.mark.parametrize(
    ("by", "changed_at", "found"),
    [
        ("audit", 40, 41),
        ("resumed", 40, 41),
        ("audit", 200, 100),
        ("audit", 0, 1),
        ("schedule", 0, 1),
        ("drift", 0, 1),
        ("schedule", 40, 100),
        ("drift", 40, 100),
        ("console", 0, 100),
        ("event", 0, 100),
    ],
)
def test_an_event_counts_that_was_in_vain_until_now(by: str, changed_at: int, found: int) -> None:
    assert asking_since({"by": by}, 100, changed_at) == found


def test_a_record_without_events_was_asked_for_by_whoever_started_the_run() -> None:
    for record in ({}, {"asked": None}, {"asked": {}}):
        assert requester_of_action("create_key", EVENT, record, (), 0) == EVENT
    undated = {"asked": {"plan": {"by": "event", "event_id": "e9"}}}
    assert requester_of_action("create_key", AUDIT, undated, (), 1) == AUDIT
    assert requester_of_action("create_key", AUDIT, undated, (), 0)["event_id"] == "e9"


def task(action: str, place: int = 3, **more: Any) -> JSON:
    return {"action": {"action": action} | more, "execution_arn": RUN, "place": place}


def test_a_key_line_says_which_members_changed() -> None:
    moved = replace(KEY, plans=("pro",), reason="upgrade", journal=Journal(9, plan="x"))
    assert key_line(task("move_key", asked=EVENT), KEY, moved, NOW) == {
        "subject": "customer#acme",
        "line": "2026-11-18T11:06:40.000Z#run-1#0003#move_key#acme/1",
        "at": "2026-11-18T11:06:40Z",
        "execution_arn": RUN,
        "action": "move_key",
        "key": "acme/1",
        "before": {"plan": "free"},
        "after": {"plan": "pro"},
        "reason": "upgrade",
        "asked": EVENT,
    }


CREATED_AS = {"state": "CREATED", "key_id": "abc", "enabled": True, "plan": "free"}


@pytest.mark.parametrize(
    ("before", "after", "was", "is_now"),
    [
        (None, KEY, None, CREATED_AS),
        (replace(KEY, state=CREATING, key_id=None), KEY, None, CREATED_AS),
        (replace(KEY, state=DELETING), replace(KEY, state=DELETED), {"state": "CREATED"}, {}),
        (KEY, replace(KEY, plans=("free", "pro")), {"plan": "free"}, {"plan": "free, pro"}),
        (KEY, replace(KEY, plans=()), {"plan": "free"}, None),
        (KEY, replace(KEY, enabled=False), {"enabled": True}, {"enabled": False}),
        (KEY, replace(KEY, end=End(retire_at=5)), None, {"retire_at": 5}),
    ],
)
def test_the_history_of_a_key_begins_with_its_id(
    before: KeyRecord | None, after: KeyRecord, was: JSON | None, is_now: JSON | None
) -> None:
    line = key_line(task("any"), before, after, NOW)
    assert line is not None
    assert line.get("before") == was
    expected = {"state": "DELETED"} if is_now == {} else is_now
    assert line.get("after") == expected


@pytest.mark.parametrize(
    "unchanged",
    [
        KEY,
        replace(KEY, state=DELETING),
        replace(KEY, attached_at=7, created_at=8, reason="x", by_hand=9, fingerprint="f"),
        replace(KEY, journal=Journal(9, plan="pro", leaving="free", enabled=True, batch="b")),
    ],
)
def test_what_is_about_to_be_done_is_no_history(unchanged: KeyRecord) -> None:
    assert key_line(task("move_key"), KEY, unchanged, NOW) is None
    told = key_line(task("correct_record"), KEY, unchanged, NOW, reason="by hand")
    assert told is not None
    assert told["reason"] == "by hand"
    assert not {"before", "after"} & {*told}


def test_a_line_names_the_first_reason_there_is_and_cuts_it() -> None:
    off = replace(KEY, enabled=False, reason="of the key")
    reasons = [
        (key_line(task("a", reason="of the action"), KEY, off, NOW, "given") or {})["reason"],
        (key_line(task("a", reason="of the action"), KEY, off, NOW) or {})["reason"],
        (key_line(task("a"), KEY, off, NOW) or {})["reason"],
        (key_line(task("a"), KEY, off, NOW, "x" * 2000) or {})["reason"],
    ]
    assert reasons == ["given", "of the action", "of the key", "x" * MAX_CHARACTERS]


def test_who_asked_is_the_console_where_nobody_is_named() -> None:
    line = key_line({"action": {"action": "a"}}, None, KEY, NOW)
    assert line is not None
    assert line["asked"] == CONSOLE
    assert line["line"] == "2026-11-18T11:06:40.000Z##0000#a#acme/1"
    assert "execution_arn" not in line


def test_a_notice_is_a_line_of_its_customer() -> None:
    said = task("announce_notice", notice="expires in 7 days", asked=AUDIT)
    assert notice_line(said | {"customer_id": "acme"}, NOW) == {
        "subject": "customer#acme",
        "line": "2026-11-18T11:06:40.000Z#run-1#0003#announce_notice",
        "at": "2026-11-18T11:06:40Z",
        "execution_arn": RUN,
        "action": "announce_notice",
        "reason": "expires in 7 days",
        "asked": AUDIT,
    }
    bare = {"action": {"action": "a", "notice": "n"}, "customer_id": "acme"}
    assert notice_line(bare, NOW)["line"] == "2026-11-18T11:06:40.000Z##0000#a"


def failure(detail_type: str = "ApiFailed", **detail: Any) -> JSON:
    return {"detail_type": detail_type, "detail": {"execution_arn": RUN} | detail}


def test_a_failure_is_a_line_with_what_was_announced() -> None:
    announced = failure(reason="throttled", stage="prod")
    line = failed_line("api#a1", NOW, AUDIT, announced)
    assert line["line"] == "2026-11-18T11:06:40.000Z#run-1#fail#prod"
    assert (line["action"], line["reason"], line["stage"]) == ("fail", "throttled", "prod")
    assert (line["subject"], line["asked"], line["execution_arn"]) == ("api#a1", AUDIT, RUN)
    assert [told["event"] for told in line["events"]] == ["ApiFailed"]
    bare = {"detail_type": "CustomerFailed", "detail": {"reason": "r"}}
    refused = failed_line("customer#a", NOW, None, bare, "refuse_event")
    assert (refused["action"], refused["asked"]) == ("refuse_event", CONSOLE)
    assert not {"stage", "execution_arn"} & {*refused}


DEPLOYED = {"prod": ("d1", "d2")}
ACTIONS: dict[str, tuple[JSON, tuple[str | None, str | None]]] = {
    "attach": ({"action": "attach_stage", "plan": "free"}, ("not in the plan", "in the plan")),
    "require": (
        {"action": "require_key", "method": "GET", "path": "/"},
        ("asks for no key", "asks for a key"),
    ),
    "deploy": ({"action": "deploy_api", "stage": "prod"}, ("d1", "d2")),
    "deploy elsewhere": ({"action": "deploy_api", "stage": "dev"}, (None, None)),
    "deploy nowhere": ({"action": "deploy_api"}, (None, None)),
    "roll back": (
        {"action": "roll_back_stage", "stage": "prod", "deployment_id": "d1"},
        (None, "d1"),
    ),
    "set": ({"action": "set_limit", "plan": "free", "from": "1", "to": "2"}, ("1", "2")),
}


@pytest.mark.parametrize("name", ACTIONS)
def test_each_action_of_an_api_is_a_line_with_what_it_changed(name: str) -> None:
    action, (before, after) = ACTIONS[name]
    announced = failure("ApiProtected", actions=[{"action": "first"}, action], stage="prod")
    first, line = api_lines("a1", announced, NOW, EVENT, DEPLOYED)
    assert (first["subject"], first["action"]) == ("api#a1", "first")
    assert (line.get("before"), line.get("after")) == (before, after)
    said = {part: action[part] for part in ("plan", "method", "path") if part in action}
    assert {part: line.get(part) for part in said} == said
    assert line["stage"] == action.get("stage", "prod")
    assert (line["asked"], line["execution_arn"]) == (EVENT, RUN)
    assert ["#0000#" in first["line"], "#0001#" in line["line"]] == [True, True]
    assert "events" not in first
    assert [told["event"] for told in line["events"]] == ["ApiProtected"]


@pytest.mark.parametrize(
    ("detail_type", "action"),
    [
        ("ApiHeld", "hold_stage"),
        ("ApiExposed", "report_exposure"),
        ("ApiWarned", "warn"),
        ("SourceOpen", "report_open_source"),
        ("ApiFailed", "fail"),
    ],
)
def test_an_announcement_without_actions_is_one_line(detail_type: str, action: str) -> None:
    planned = [{"action": "deploy_api", "stage": "prod"}] if detail_type != "ApiFailed" else []
    done = planned if detail_type != "SourceOpen" else None
    announced = failure(detail_type, actions=done, reason="why")
    [line] = api_lines("a1", announced, NOW, None, DEPLOYED)
    assert (line["action"], line["reason"], line["asked"]) == (action, "why", CONSOLE)
    [bare] = api_lines("a1", {"detail_type": detail_type, "detail": {}}, NOW, None, {})
    assert (bare["action"], "reason" in bare) == (action, False)


@pytest.mark.parametrize(
    ("time", "epoch"),
    [("2026-11-18T11:06:40Z", NOW), (NOW, NOW), (5, 5.0), ("", 0.0), (None, 0.0), ([], 0.0)],
)
def test_a_time_of_a_state_machine_is_epoch_seconds(time: object, epoch: float) -> None:
    assert epoch_of(time) == epoch
