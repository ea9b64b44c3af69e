"""What waits for a person, and what was done, from what was read."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from keyward.audit.model import Finding
from keyward.aws.bucket import DATA
from keyward.aws.tables.ledger import with_events
from keyward.events.contracts import announcement
from keyward.events.outgoing import EVENTS_OUT
from keyward.events.summary import summary_of
from keyward.report import waiting
from keyward.report.activity import activity_of
from keyward.report.html.parts import commands
from keyward.report.model import ActivityRow, ExemptionRow, PendingItem
from keyward.values import JSON
from local.bench import Bench
from tests.cli.desk import parsed

NOW = 1_795_428_124.0
HOLD: JSON = {
    "rest_api_id": "a1b2c3",
    "stage": "prod",
    "fingerprint": "0123456789abcdef",
    "decision": "pending",
    "kind": "deployment",
    "held_at": 1_795_428_124,
}


def failed(at: str = "2026-11-23T10:00:00Z", **about: Any) -> ActivityRow:
    return ActivityRow(at, "CustomerFailed" if "customer_id" in about else "ApiFailed", **about)


def test_a_pending_hold_names_its_differences_and_the_input_that_publishes_it() -> None:
    announced = ActivityRow(
        "x", "ApiHeld", rest_api_id="a1b2c3", stage="prod", did=("GET /a is new",)
    )
    (told,) = waiting.hold_items([HOLD], [announced])
    assert told.says.endswith("GET /a is new")
    task = {"rest_api_id": "a1b2c3", "stage": "prod", "approve": HOLD["fingerprint"]}
    assert json.dumps(task) in told.remedy
    assert told.since == "2026-11-23T10:02:04Z"


@pytest.mark.parametrize(
    ("kind", "says"),
    [("deployment", "would publish more"), ("rollback", "rolled back"), ("keys", "another plan")],
)
def test_a_hold_says_what_it_is_for(kind: str, says: str) -> None:
    (told,) = waiting.hold_items([HOLD | {"kind": kind}], [])
    assert says in told.says


def test_a_hold_shows_the_commands_that_answer_it_and_no_others() -> None:
    answer = {"command": "aws events put-events --entries '[]'", "console_input": {"reject": "0"}}
    (told,) = waiting.hold_items([HOLD | {"answers": {"reject": answer}}], [])
    assert f"To reject it: `{answer['command']}`" in told.remedy
    assert "approve" not in told.remedy


def test_a_decided_hold_waits_no_more() -> None:
    assert waiting.hold_items([HOLD | {"decision": "rejected"}], []) == []


def test_a_failure_that_was_followed_by_something_better_is_settled() -> None:
    better = ActivityRow("2026-11-23T11:00:00Z", "KeyIssued", customer_id="acme")
    assert waiting.failure_items([better, failed(customer_id="acme")], []) == []
    (told,) = waiting.failure_items([failed(customer_id="acme"), better], [])
    assert told.customer_id == "acme"


@pytest.mark.parametrize("again", [True, False], ids=["mended", "not yet"])
def test_what_a_run_could_not_do_waits_while_the_customer_is_not_as_desired(again: bool) -> None:
    with Bench(policy={"usage_plans": {"free": {}}}) as bench:
        for plan in ("free", "gold", *(["free"] if again else [])):
            bench.put(customer_id="acme", plan=plan, status="active")
            bench.advance(60)
        bench.audit()
        bench.invoke("WriteReport")
        [data] = [body for (_, key), body in bench.account.s3.objects.items() if key == DATA]
        found = [item for item in json.loads(data)["waiting"] if item.get("customer_id") == "acme"]
        assert [item["kind"] for item in found] == ([] if again else ["not_possible"])


def test_a_request_that_was_refused_waits_though_the_customer_is_as_desired() -> None:
    refused = replace(failed(customer_id="acme"), execution=None)
    for row, count in ((refused, 1), (replace(refused, execution="a run"), 0)):
        assert len(waiting.failure_items([row], [], {"acme"})) == count


def test_a_failure_without_a_stage_is_settled_by_any_stage_of_its_api() -> None:
    better = ActivityRow("2026-11-23T11:00:00Z", "ApiProtected", rest_api_id="a1b2c3", stage="prod")
    assert waiting.failure_items([better, failed(rest_api_id="a1b2c3")], []) == []
    other = failed(rest_api_id="a1b2c3", stage="test")
    assert len(waiting.failure_items([better, other], [])) == 1


def test_ten_failures_of_one_customer_are_one_thing() -> None:
    assert len(waiting.failure_items([failed(customer_id="acme")] * 10, [])) == 1


def test_what_is_observed_is_a_persons_to_decide() -> None:
    found = Finding("exposed_methods", "low", "open", "protect-api", rest_api_id="a", stage="prod")
    people, mending = waiting.finding_items([found], {"a": "observe"})
    assert (len(people), len(mending)) == (1, 0)
    people, mending = waiting.finding_items([found], {"a": "enforce"})
    assert (len(people), len(mending)) == (0, 1)


def test_what_waits_for_a_person_does_not_mend_itself() -> None:
    held = PendingItem("held", "high", "", "", rest_api_id="a", stage="prod")
    open_one = PendingItem("exposed_methods", "high", "", "", rest_api_id="a", stage="prod")
    assert waiting.without_pending([held], [open_one]) == []


def test_exemptions_that_end_or_exempt_nothing_are_told() -> None:
    def says(**more: Any) -> list[str]:
        item = ExemptionRow("*", "GET", "/a", "why", methods=1, **more)
        return [one.says for one in waiting.exemption_items([item])]

    assert says() == []
    assert "ends on 2026-12-01" in says(state="ends soon", expires="2026-12-01")[0]
    assert "ended on 2026-11-01" in says(state="ended", expires="2026-11-01")[0]
    unused = ExemptionRow("*", "GET", "/a", "why")
    assert "exempts no live method" in waiting.exemption_items([unused])[0].says
    general = ExemptionRow("*", "OPTIONS", "*", "CORS preflight")
    assert waiting.exemption_items([general]) == []


@pytest.mark.parametrize("stack", ["keyward", "a-stack"])
def test_each_thing_that_waits_ends_with_a_command_of_keyward(stack: str) -> None:
    odd = {"rest_api_id": "a1b2c3", "stage": "prod", "decision": "pending", "held_at": "x"}
    exemptions = [ExemptionRow("a", "GET", "/x", "why", state=state) for state in ("ended", "")]
    findings = [
        Finding(kind, "high", "says", customer_id=name, rest_api_id=api)
        for kind in (*waiting.REMEDY, "held", "key_disabled", "duplicate_plan")
        for name, api in ((None, None), ("o'brien; rm -rf ~", None), (None, "a1b2c3"))
    ]
    answer = {"command": "keyward approve a1b2c3 prod 0123456789abcdef", "console_input": {}}
    items = [
        *waiting.finding_items(findings, {})[0],
        *waiting.hold_items([HOLD, odd, HOLD | {"answers": {"approve": answer}}], []),
        *waiting.failure_items([failed(customer_id="acme")], []),
        *waiting.queue_items({"CUSTOMERS_DLQ": 1}),
        *waiting.exemption_items(exemptions),
        *waiting.policy_items("refused"),
    ]
    assert len(items) > 20
    for item in items:
        told = waiting.with_command(item, stack)
        commands = re.findall("`(keyward [^`]*)`", told.remedy)
        assert commands
        for command in commands:
            parsed(command)


def test_only_queues_with_messages_are_told() -> None:
    (told,) = waiting.queue_items({"CUSTOMERS_DLQ": 2, "APIS_DLQ": 0})
    assert told.says == "CUSTOMERS_DLQ: 2 messages could not be processed"


@pytest.mark.parametrize("detail_type", EVENTS_OUT)
def test_every_event_out_is_a_row_of_the_report(detail_type: str) -> None:
    for about in ({"customer_id": "acme"}, {"rest_api_id": "a1b2c3"}, {}):
        event = announcement(detail_type, key_id="k1", execution_arn="arn:run-1", **about)
        lines = with_events([], [event], NOW)
        (row,) = activity_of(lines, NOW)
        assert (row.event, row.key_id, row.execution) == (detail_type, "k1", "arn:run-1")
        assert (row.customer_id, row.rest_api_id) == (
            about.get("customer_id"),
            about.get("rest_api_id"),
        )


def test_events_of_one_action_are_rows_of_their_own() -> None:
    events = [announcement(name, customer_id="acme") for name in ("KeyRotated", "PlanChanged")]
    line = {"subject": "customer#acme", "line": "1", "at": "2026-11-23T10:00:00Z"}
    rows = activity_of(with_events([line | {"line": "0"}, line], events, NOW), NOW)
    assert [row.event for row in rows] == ["KeyRotated", "PlanChanged"]
    assert {row.at for row in rows} == {"2026-11-23T10:00:00Z"}


def test_only_named_members_are_remembered_and_none_is_long() -> None:
    actions = [{"action": "require_key", "method": "GET", "path": f"/{n}"} for n in range(300)]
    event = announcement(
        "ApiProtected", stage="prod", value="a secret", reason="x" * 9000, actions=actions
    )
    summary = summary_of(event)
    assert "a secret" not in json.dumps(summary)
    assert len(summary["reason"]) == 500
    assert summary["did"][0] == "require key GET /0"
    assert summary["did"][-1] == "and 280 more"


def test_a_failure_keeps_its_code_and_its_remedy_whole_or_not_at_all() -> None:
    helps = "keyward start --customer acme"
    event = announcement("CustomerFailed", error="PolicyRefusedError", remedy=helps)
    summary = summary_of(event)
    assert (summary["error"], summary["remedy"]) == ("PolicyRefusedError", helps)
    long = announcement("CustomerFailed", error="x" * 9000, remedy=helps + "x" * 9000)
    summary = summary_of(long)
    assert len(summary["error"]) == 500
    assert "remedy" not in summary


def test_a_difference_of_more_than_a_method_is_told_without_stars() -> None:
    places = (("*", "*"), ("*", "/pets"), ("GET", "/pets"))
    found = [{"method": verb, "path": path, "difference": "is new"} for verb, path in places]
    event = announcement("ApiHeld", stage="prod", differences=found)
    assert summary_of(event)["did"] == ["is new", "/pets is new", "GET /pets is new"]


def test_what_is_older_than_a_week_is_left_out() -> None:
    event = announcement("KeyIssued", customer_id="acme")
    week = 7 * 24 * 3600
    lines = [line for at in (NOW - week - 1, NOW - week) for line in with_events([], [event], at)]
    assert len(activity_of(lines, NOW)) == 1


def test_keys_that_nobody_uses_wait_for_somebody_to_ask() -> None:
    found = Finding("keys_unused", "low", "2 keys of plan free not used for 30 days: acme/1, b/1")
    ((item,), mending) = waiting.finding_items([found], {})
    assert (item.kind, mending) == ("keys_unused", [])
    assert "CustomerClosed" in item.remedy


def test_words_around_a_name_keep_their_blanks_and_commands_stand_alone() -> None:
    told = commands("Tag it `keyward` = `enforce` to close it: `keyward holds`. Then wait")
    assert "<code>keyward</code> = <code>enforce</code> to close it" in told
    assert "keyward holds</pre>Then wait" in told
