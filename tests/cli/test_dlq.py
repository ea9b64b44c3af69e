"""Dead letters of every kind: listed, mended and sent again, or dropped, on a bench."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from keyward.cli import dead_letters
from keyward.errors import PassingError
from keyward.values import JSON
from local.bench import Bench
from tests import tree
from tests.cli.desk import PERSON, Desk, Sts, desk_of
from tests.rules.test_template import dead_letter_queues, queues


@pytest.fixture
def desk(capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    with desk_of(capsys) as made:
        yield made


def letters(bench: Bench, queue: str) -> list[str]:
    return [message.body for message in bench.account.queues.by_name[queue].messages]


def listed(desk: Desk, *words: str) -> list[JSON]:
    return list(json.loads(desk.run("dlq", "list", "--json", *words)[1]))


def put(bench: Bench, queue: str, body: JSON) -> None:
    bench.account.queues.send(queue, json.dumps(body))


def test_the_command_knows_every_dead_letter_queue_and_its_source() -> None:
    assert {*dead_letters.SOURCES} == {*dead_letter_queues()}
    for queue, source in dead_letters.SOURCES.items():
        if source:
            ends = queues()[source]["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]
            assert ends == {"Fn::GetAtt": [queue, "Arn"]}
    others = {queue for queue, about in queues().items() if "RedrivePolicy" in about["Properties"]}
    reached = {*dead_letters.SOURCES.values(), *dead_letters.QUEUES.values()}
    assert others == (reached - {None}) | {"StopsQueue", "DueQueue", "UnknownEventsQueue"}


def test_a_malformed_event_is_mended_and_sent_again(desk: Desk) -> None:
    bench = desk.bench
    bench.send("CustomerSignedUp", customer_id="acme", plan="free", keys=77)
    bench.send("CustomerSignedUp", customer_id="other", plan=5)
    bench.advance(7200)
    assert len(letters(bench, "CustomersDlq")) == 2
    (one,) = listed(desk, "--customer", "acme")
    assert (one["age_seconds"], "keys" in one["reason"]) == (7200, True)
    code, out, _ = desk.run("dlq", "list")
    assert (code, out.count("CustomersDlq  2 h")) == (1, 2)
    again = ("dlq", "resend", "--customer", "acme", "--set")
    code, _, err = desk.run(*again, "keys=78")
    assert (code, "keys" in err, len(letters(bench, "CustomersDlq"))) == (2, True, 2)
    assert desk.run(*again, "keys=2")[:2] == (0, "sent 1 of CustomersDlq\n")
    names = sorted(key.settings["name"] for key in bench.emulator.state.keys.values())
    assert names == ["acme/1", "acme/2"]
    assert desk.run("dlq", "drop")[0] == 2
    assert desk.run("dlq", "drop", "--all", "--yes")[:2] == (0, "dropped 1 of CustomersDlq\n")
    assert desk.run("dlq", "list")[0] == 0
    assert desk.run("dlq", "drop", "--all")[0] == 1


def test_what_the_stream_gave_up_is_made_up_for_by_one_audit(desk: Desk) -> None:
    bench = desk.bench
    for number in range(3):
        put(bench, "CustomersDlq", {"DDBStreamBatchInfo": {"shardId": "s", "batchSize": number}})
    assert {one["goes_to"] for one in listed(desk)} == {"AuditAccount"}
    before = len(bench.runs)
    assert desk.run("dlq", "resend", "--all")[0] == 0
    assert [run.machine for run in bench.runs[before:]] == ["audit_account"]
    assert letters(bench, "CustomersDlq") == []


@pytest.mark.parametrize(
    ("queue", "body", "target"),
    [
        ("CustomersDlq", {"customer_id": "acme", "plan": 5}, "ReconcileCustomer"),
        ("CustomersDlq", {"detail-type": "Object Created", "detail": {}}, "OnboardingQueue"),
        ("CustomersDlq", {"key": "onboarding/a.csv"}, "OnboardingQueue"),
        ("CustomersDlq", {"detail-type": "AWS API Call via CloudTrail"}, "KeyChangesQueue"),
        ("CustomersDlq", {"detail-type": "onboardingRequest", "detail": {}}, "CustomersQueue"),
        ("ApisDlq", {"detail-type": "AWS API Call via CloudTrail"}, "ApisQueue"),
        ("ApisDlq", {"rest_api_id": "a", "not_before": 5}, "ApisQueue"),
        ("RunsDlq", {"detail-type": "Step Functions Execution Status Change"}, "RunsQueue"),
        ("DueDlq", {"due": [["acme", 5]]}, "DueQueue"),
        ("DueDlq", {}, ""),
        ("UsageDlq", {}, "ReadUsage"),
        ("AuditDlq", {"repair": True}, "AuditAccount"),
        ("ReportDlq", {"audit": "a"}, "ReportQueue"),
    ],
)
def test_each_kind_of_message_goes_to_where_it_belongs(queue: str, body: JSON, target: str) -> None:
    letter = dead_letters.DeadLetter(queue, "1", "1", json.dumps(body), "", 0)
    assert letter.target == target


def test_a_misspelt_member_is_left_out_and_the_right_one_set(desk: Desk) -> None:
    desk.bench.send("CustomerSignedUp", customer_id="acme", plna="free")
    desk.bench.run()
    (one,) = listed(desk)
    assert one["reason"].endswith("Do you mean plan? Rename it")
    assert one["remedy"] == f"keyward dlq resend --id {one['id']} --set plan=VALUE --unset plna"
    words = shlex.split(one["remedy"].replace("VALUE", "free"))[1:]
    assert desk.run(*words)[0] == 0
    assert desk.bench.value("acme")


def test_a_member_that_nobody_knows_is_left_out(desk: Desk) -> None:
    desk.bench.send("CustomerSignedUp", customer_id="acme", plan="free", colour="red")
    desk.bench.run()
    (one,) = listed(desk)
    assert "Remove it" in one["reason"]
    assert one["remedy"] == f"keyward dlq resend --id {one['id']} --unset colour"
    assert desk.run(*shlex.split(one["remedy"])[1:])[0] == 0
    assert desk.bench.value("acme")


def test_the_answer_to_a_malformed_event_leads_to_the_event(desk: Desk) -> None:
    bench = desk.bench
    bench.send("CustomerSignedUp", customer_id="acme", plan=5)
    bench.send("CustomerSignedUp", customer_id="other", plan=5)
    bench.run()
    (failed,) = [one["detail"] for one in bench.announced if about(one) == "acme"]
    code, out, _ = desk.run(*shlex.split(failed["remedy"])[1:])
    assert (code, "acme: detail.plan" in out, "other" in out) == (1, True, False)
    bench.invoke("WriteReport")
    waiting = json.loads(desk.run("report", "--json")[1])["waiting"]
    (item,) = [one for one in waiting if one["customer_id"] == "acme"]
    assert f"`{failed['remedy']}`" in item["remedy"]


def about(event: JSON) -> object:
    return event["detail"].get("customer_id")


def test_a_misspelt_event_is_renamed(desk: Desk) -> None:
    desk.bench.send("CustomerSignedup", customer_id="acme", plan="free")
    desk.bench.run()
    (one,) = listed(desk)
    code, _, err = desk.run("dlq", "resend", "--all")
    assert (code, "must be CustomerSignedUp" in err) == (2, True)
    assert "CustomerSignedUp" in one["reason"]
    assert one["remedy"].endswith("--set detail-type=CustomerSignedUp")
    assert desk.run(*shlex.split(one["remedy"])[1:])[0] == 0
    assert desk.bench.value("acme")


def test_a_message_that_would_come_back_is_named_and_stops_no_other(desk: Desk) -> None:
    bench = desk.bench
    bench.send("CustomerSignedUp", customer_id="bad", plan=5)
    bench.run()
    (bad,) = listed(desk)
    assert bad["remedy"].endswith("--set plan=VALUE")
    good = {"detail-type": "CustomerSignedUp", "time": "2026-01-01T00:00:00Z", "id": "good"}
    put(bench, "CustomersDlq", good | {"detail": {"customer_id": "good", "plan": "free"}})
    code, out, err = desk.run("dlq", "resend", "--all")
    assert (code, out) == (2, "sent 1 of CustomersDlq\n")
    assert f"1 message is left. {bad['id']}: detail.plan: must be" in err
    assert bench.value("good")
    assert [one["id"] for one in listed(desk)] == [bad["id"]]


def test_a_placeholder_is_not_sent(desk: Desk) -> None:
    desk.bench.send("CustomerSignedUp", customer_id="bad", plan=5)
    desk.bench.run()
    (bad,) = listed(desk)
    code, _, err = desk.run(*shlex.split(bad["remedy"])[1:])
    assert (code, "put the right plan in the place of VALUE" in err) == (2, True)
    assert [one["id"] for one in listed(desk)] == [bad["id"]]


def waiting(desk: Desk) -> list[JSON]:
    desk.bench.advance(1)
    desk.bench.invoke("WriteReport")
    return [
        one
        for one in json.loads(desk.run("report", "--json")[1])["waiting"]
        if one["kind"] == "failed"
    ]


def test_what_is_dropped_is_in_the_ledger_and_no_failure_in_the_report(desk: Desk) -> None:
    bench = desk.bench
    for name in ("acme", "other"):
        bench.send("CustomerSignedUp", customer_id=name, plan=5)
    put(bench, "UsageDlq", {})
    bench.run()
    assert {one["customer_id"] for one in waiting(desk)} == {"acme", "other"}
    (one,) = listed(desk, "--customer", "acme")
    assert desk.run("dlq", "drop", "--customer", "acme", "--yes")[0] == 0
    assert [one["customer_id"] for one in waiting(desk)] == ["other"]
    _, out, _ = desk.run("history", "acme", "--last", "1")
    assert f"dropped CustomerSignedUp from CustomersDlq (message {one['id']})" in out
    assert PERSON in out
    assert desk.run("dlq", "drop", "--all", "--yes")[0] == 0
    assert waiting(desk) == []
    assert "dropped a message from UsageDlq" in desk.run("history")[1]
    assert "dropped CustomerSignedUp" in desk.run("history", "other")[1]
    assert "drop" not in desk.run("outcomes")[1]


def test_what_is_sent_again_is_in_the_ledger_and_a_failure_only_if_it_fails_again(
    desk: Desk,
) -> None:
    bench = desk.bench
    bench.send("CustomerSignedUp", customer_id="acme", plan="free")
    bench.advance(60)
    bench.send("CustomerPlanChanged", customer_id="acme", plan="free", colour="red")
    bench.send("UndoRequested", customer_id="acme", colour="red")
    bench.run()
    assert len(waiting(desk)) == 1
    # That there is nothing to undo is known to its intake alone.
    assert desk.run("dlq", "resend", "--all", "--unset", "colour")[0] == 0
    assert "sent CustomerPlanChanged from CustomersDlq again" in desk.run("history", "acme")[1]
    (left,) = waiting(desk)
    assert "must name a change that can be undone" in left["says"]
    assert desk.run("dlq", "drop", "--all", "--yes")[:2] == (0, "dropped 1 of CustomersDlq\n")
    assert waiting(desk) == []


def test_a_value_that_lies_in_a_queue_does_not_come_into_the_ledger(desk: Desk) -> None:
    desk.bench.send("CustomerSignedUp", customer_id="acme", plan="free")
    desk.bench.run()
    value = desk.bench.value("acme")
    put(desk.bench, "CustomersDlq", {"detail-type": value, "id": value, "detail": {}})
    assert desk.run("dlq", "drop", "--all", "--yes")[0] == 0
    items = str(list(desk.bench.tables["LedgerTable"].items.values()))
    assert ("drop_message" in items, value in items) == (True, False)


def test_a_message_is_dropped_where_the_ledger_cannot_be_written(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(_: Sts) -> None:
        raise PassingError("sts")

    monkeypatch.setattr(Sts, "get_caller_identity", nobody)
    put(desk.bench, "UsageDlq", {})
    code, out, err = desk.run("dlq", "drop", "--all", "--yes")
    assert (code, out) == (0, "dropped 1 of UsageDlq\n")
    assert "the ledger has no line of it" in err


def test_queues_without_a_source_are_resent_too(desk: Desk) -> None:
    bench = desk.bench
    put(bench, "UsageDlq", {})
    assert desk.run("dlq", "resend", "--all")[0] == 0
    assert bench.account.invoked["ReadUsage"] == 1
    for queue, body in (("AuditDlq", {"repair": True}), ("DueDlq", {})):
        put(bench, queue, body)
    code, out, _ = desk.run("dlq", "resend", "--all")
    assert (code, len(out.splitlines())) == (0, 2)
    assert bench.runs[-1].machine == "audit_account"


def test_nobody_is_told_to_redrive_a_queue() -> None:
    texts = [*tree.ROOT.glob("docs/*.md"), tree.ROOT / "template.yaml", tree.ROOT / "README.md"]
    texts += tree.ROOT.glob("layers/keyward/keyward/**/*.py")
    found = [tree.name(path) for path in texts if re.search("redrive (it|the)", _words(path))]
    assert found == []


def _words(path: Path) -> str:
    return path.read_text("utf-8").lower()
