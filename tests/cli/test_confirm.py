"""What nothing brings back is done after a yes: every command is one that asks, or one that need
not."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator

import pytest

from keyward.cli import app
from keyward.events.incoming import EVENTS_IN
from local.bench import Bench
from tests.cli.desk import Desk, desk_of
from tests.rules.test_documented_commands import leaves

ASKING = {"dlq drop", "dlq resend", "send"}
# What they change can be changed back: by the same command, its counterpart, undo or a release.
HARMLESS = """approve, completion, dlq list, history, holds, key check, key claim, key reveal,
key rotate, key scan, key whose, lint, look, outcomes, policy check, policy diff,
policy put, policy show, reject, report, start, status, stop, undo, why"""
FINAL = (
    ("dlq", "drop", "--all"),
    ("dlq", "drop", "--customer", "bad"),
    ("dlq", "resend", "--customer", "acme", "--unset", "why"),
    ("send", "CustomerClosed", "--customer", "acme"),
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def desk(capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    with desk_of(capsys) as made:
        made.bench.send("CustomerSignedUp", customer_id="acme", plan="free")
        made.bench.send("CustomerSignedUp", customer_id="bad", plan=5)
        made.bench.send("CustomerClosed", customer_id="acme", why="it is not a member")
        made.bench.run()
        yield made


def what_is_there(bench: Bench) -> tuple[int, int]:
    return len(bench.emulator.state.keys), len(
        bench.account.queues.by_name["CustomersDlq"].messages
    )


def test_every_command_asks_or_is_known_to_be_harmless() -> None:
    commands = {name.removeprefix("keyward "): one for name, one in leaves(app.commands).items()}
    assert {*commands} == ASKING | {*re.split(r",\s+", HARMLESS)}
    options = {
        name: [o for each in one.params for o in each.opts] for name, one in commands.items()
    }
    assert {name for name, those in options.items() if "--yes" in those} == ASKING
    assert all(any(" ".join(words).startswith(name) for words in FINAL) for name in ASKING)


def test_the_event_that_deletes_for_good_is_marked() -> None:
    said = {name for name, event in EVENTS_IN.items() if "for good" in event.effect}
    assert said == {name for name, event in EVENTS_IN.items() if event.is_final}


@pytest.mark.parametrize("words", FINAL, ids=" ".join)
def test_nothing_is_deleted_where_nobody_can_answer(desk: Desk, words: tuple[str, ...]) -> None:
    before = what_is_there(desk.bench)
    code, out, err = desk.run(*words)
    assert (code, out, "Give --yes" in err) == (2, "", True)
    assert what_is_there(desk.bench) == before
    assert desk.run(*words, "--yes")[0] == 0
    assert what_is_there(desk.bench) != before


@pytest.mark.parametrize("words", FINAL, ids=" ".join)
def test_a_person_is_asked_on_a_terminal(
    desk: Desk, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = what_is_there(desk.bench)
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    code, out, err = desk.run(*words)
    assert (code, out.strip(), "nothing was done" in err) == (2, "", True)
    assert what_is_there(desk.bench) == before
    # What was looked at is not hidden from the next command.
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert desk.run(*words)[0] == 0
    assert what_is_there(desk.bench) != before


def test_what_can_be_changed_back_is_sent_on_without_a_question(desk: Desk) -> None:
    assert desk.run("dlq", "resend", "--customer", "bad", "--set", "plan=free")[0] == 0
