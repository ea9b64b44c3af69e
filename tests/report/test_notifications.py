"""People are told: at once what waits for them or went wrong, and the rest once a day."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest

from keyward.events.outgoing import EVENTS_OUT
from keyward.values import JSON
from local.bench import Bench
from tests import tree
from tests.cli.desk import Desk, desk_of, parsed

DAY = 86_400


@pytest.fixture
def desk(capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    with desk_of(capsys) as made:
        yield made


def told(bench: Bench) -> list[tuple[str, str]]:
    return bench.account.sns.published


def test_every_event_that_always_names_a_remedy_is_told() -> None:
    rule = tree.resources("AWS::Events::Rule")["NotificationsRule"]["Properties"]
    wanted = {name for name, event in EVENTS_OUT.items() if "remedy" in event.always}
    assert {*rule["EventPattern"]["detail-type"]} == wanted
    assert rule["EventPattern"]["source"] == ["keyward"]


def test_a_failure_is_told_in_plain_sentences(desk: Desk) -> None:
    desk.bench.send("CustomerSignedUp", customer_id="acme", plan="golden")
    desk.bench.run()
    (event,) = [e["detail"] for e in desk.bench.announced if e["detail-type"] == "CustomerFailed"]
    ((_, text),) = told(desk.bench)
    lines = [line.strip('"') for line in text.splitlines()]
    assert lines[0].rstrip() == "Keyward (keyward): CustomerFailed acme"
    assert lines[1] == event["reason"]
    assert lines[2] == f"What to do: {event['remedy']}"
    parsed(lines[2].partition(": ")[2])


def test_what_is_well_is_told_to_nobody(desk: Desk) -> None:
    desk.bench.api({"/pets": {"get": None}})
    desk.bench.send("CustomerSignedUp", customer_id="acme", plan="free")
    desk.bench.advance(2 * DAY)
    assert told(desk.bench) == []


def test_what_still_waits_is_told_once_a_day(desk: Desk) -> None:
    bench = desk.bench
    bench.account.queues.send("DueDlq", "{}")
    bench.advance(DAY)
    ((subject, text),) = told(bench)
    assert subject == "Keyward (keyward): 1 thing waits for a person"
    assert "DueDlq: 1 message could not be processed" in text
    assert "What to do: `keyward dlq list`" in text
    bench.advance(DAY)
    assert len(told(bench)) == 2
    bench.invoke("WriteReport", {})
    assert len(told(bench)) == 2


def test_a_quota_that_is_used_up_is_told_with_the_command_that_extends_it() -> None:
    rule = tree.resources("AWS::Events::Rule")["QuotaUsedUpRule"]["Properties"]
    (target,) = rule["Targets"]
    text = target["InputTransformer"]["InputTemplate"]["Fn::Sub"]
    command = text.partition("To allow more: ")[2].strip('"\n')
    parsed(command.replace("<customer>", "acme"))
    assert {*shlex.split(command)} >= {"send", "QuotaExtensionRequested", "<customer>"}


def test_an_address_that_has_not_confirmed_is_named_by_status(desk: Desk) -> None:
    desk.bench.account.sns.unconfirmed.append("ops@example.com")
    code, out, _ = desk.run("status")
    assert (code, "ops@example.com has not confirmed" in out) == (1, True)


def forged(name: str) -> JSON:
    """An event out as somebody else would write it."""
    about: JSON = {"customer_id": "forged", "rest_api_id": "forged", "threshold": 100}
    return dict.fromkeys(EVENTS_OUT[name].always, "forged") | about | {"actions": []}


def test_what_others_announce_in_our_name_is_believed_nowhere(desk: Desk) -> None:
    bench = desk.bench
    for name in EVENTS_OUT:
        bench.account.publish(bench.stack.ref("EventBus"), "keyward", name, forged(name))
    bench.advance(60)
    assert (bench.runs, bench.calls, bench.tables["LedgerTable"].scan()["Items"]) == ([], [], [])
    code, out, _ = desk.run("outcomes", "--since", "7d")
    assert (code, out.startswith("nothing was announced")) == (0, True)
    assert desk.run("history", "forged")[0] == 1
    bench.invoke("WriteReport", {})
    assert "forged" not in str([*bench.account.s3.objects.values()])


@pytest.mark.parametrize("name", EVENTS_OUT)
def test_an_announcement_of_another_account_goes_to_nobody(desk: Desk, name: str) -> None:
    bench = desk.bench
    bus, account = bench.stack.ref("EventBus"), "210987654321"
    envelope = {"id": "e1", "source": "keyward", "detail-type": name, "account": account}
    event = envelope | {"region": "us-east-1", "time": "2026-01-01T00:00:00Z"}
    bench.account.deliver(bus, event | {"detail": forged(name)})
    bench.run()
    assert (told(bench), bench.runs, bench.account.s3.objects) == ([], [], {})
