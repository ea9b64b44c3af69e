"""What others wrote is shown on a terminal, and not obeyed."""

from __future__ import annotations

import ast
from pathlib import Path

import click
import pytest

from keyward.cli import app
from keyward.cli.history import history_lines
from keyward.cli.holds import hold_lines
from keyward.cli.options import DURATIONS, Call, duration, say
from keyward.events.key_value import new_value
from keyward.explain.render import as_lines
from keyward.values import span
from local.bench import PARAMETER
from tests import tree
from tests.cli.desk import desk_of

Capture = pytest.CaptureFixture[str]
FORGED = "fraud\r\x1b[2K\n2026-11-24T00:00:00Z  enable key acme/1\x1b]0;x\x07\u202e\u2028"


def test_controls_and_line_breaks_are_shown(capsys: Capture) -> None:
    say(FORGED)
    [line] = capsys.readouterr().out.splitlines()
    assert line.isprintable()
    assert "fraud\\r\\x1b[2K\\n2026" in line


def test_our_own_emphasis_stays(capsys: Capture) -> None:
    say(click.style("high", fg="red"))
    assert capsys.readouterr().out in ("high\n", click.style("high", fg="red") + "\n")


def test_a_line_of_the_ledger_forges_no_other(capsys: Capture) -> None:
    line = {"at": "2026-11-23T10:00:00Z", "action": "disable_key", "asked": {"by": "event"}}
    Call().show([], history_lines([line | {"reason": FORGED, "key": FORGED}]))
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_hold_and_an_explanation_forge_no_headline(capsys: Capture) -> None:
    hold = {"rest_api_id": "a1", "stage": FORGED, "held_at": 1, "decision": "pending"}
    Call().show([], hold_lines([hold | {"kind": "plan", "message": FORGED}]))
    call = {"method": "GET", "path": FORGED, "stage": "prod", "rest_api_id": "a1"}
    Call().show([], as_lines(call | {"allowed": True, "cause": None, "cannot_be_read": [FORGED]}))
    printed = capsys.readouterr().out.splitlines()
    assert [line for line in printed if line.startswith("2026-11-24")] == []
    assert all(line.isprintable() for line in printed)


@pytest.mark.parametrize(
    "data", [(), pytest.param(("--json",), marks=pytest.mark.sizes)], ids=["text", "json"]
)
def test_a_value_in_the_wrong_place_is_not_told_to_the_log(
    data: tuple[str, ...], capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    value = new_value("kw")
    monkeypatch.chdir(tmp_path)
    with desk_of(capsys) as desk:
        api = desk.bench.api({"/pets": {"get": None}})
        desk.bench.send("CustomerSignedUp", customer_id="acme", plan="free")
        desk.bench.run()
        about = ("why", "--customer", "acme", "--api", api, "--stage", "prod", "GET")
        for words in (
            ("history", value),
            (*about, f"/pets/{value}"),
            ("lint", f"{value}.yaml"),
            ("lint", "--policy", value, "."),
            ("look", "--html", value),
            ("status", value),
            ("status", "--region", value),
            ("send", "CustomerSuspended", "--customer", "acme", "--set", f"reason={value}"),
            ("send", "CustomerSuspended", "--customer", "acme", "--set", value),
            ("policy", "show", "--wanted"),
        ):
            desk.bench.account.ssm.put_parameter(PARAMETER, f'{{"x": "{value}"}}')
            _, out, err = desk.run(*words, *data)
            assert out + err, words
            assert value not in out + err, words
        asked = desk.run("key", "reveal", "--customer", "acme", *data)[1]
        assert desk.bench.value("acme") in asked


@pytest.mark.parametrize("words", [("status", FORGED), (f"--{FORGED}",), ("send", "--set", FORGED)])
def test_a_wrong_call_is_shown_and_not_obeyed(words: tuple[str, ...], capsys: Capture) -> None:
    assert app.main([*words]) == 2
    printed = capsys.readouterr().err.split("\n")
    assert [line for line in printed if not line.isprintable()] == []


@pytest.mark.parametrize("file", ["x", '"x"', "[" * 100_000])
def test_a_member_nested_without_end_is_refused(file: str, capsys: Capture) -> None:
    words = ("send", "CustomerSuspended", "--customer", "acme", "--set", f"more={file}")
    assert app.main([*words]) == 2
    assert "detail.more: must be a member that Keyward knows" in capsys.readouterr().err


def test_the_commands_print_by_one_function() -> None:
    printing = {
        tree.name(path): call.lineno
        for path in (tree.PACKAGE / "cli").glob("*.py")
        if path.name != "options.py"
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("click.echo", "print")
    }
    assert printing == {}


@pytest.mark.parametrize("text", ["20s", "90 s", "1.5h", "15m", "15 min", "7d", "2w", "1h30m"])
def test_every_duration_is_read_by_one_parser(text: str, capsys: Capture) -> None:
    seconds = duration(text)
    assert seconds
    assert duration(span(int(seconds))) == seconds
    with desk_of(capsys) as desk:
        desk.bench.send("CustomerSignedUp", customer_id="acme", plan="free")
        desk.bench.run()
        for words in (
            ("outcomes", "--since", text),
            ("undo", "--what", "suspension", "--since", text),
            ("key", "claim", "--customer", "acme", "--for", text),
        ):
            assert "usage" not in desk.run(*words)[2].lower()


@pytest.mark.parametrize("text", ["0s", "20", "s", "-5m", "5x", "1h5", "soon", "7 days"])
def test_what_is_no_duration_is_refused_with_those_that_are(text: str, capsys: Capture) -> None:
    assert duration(text) is None
    with desk_of(capsys) as desk:
        for words in (("outcomes", "--since"), ("key", "claim", "--customer", "a", "--for")):
            code, _, err = desk.run(*words, text)
            assert (code, DURATIONS in err) == (2, True)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (150, "2 min 30 s"), (7200, "2 h"), (183_900, "2 d 3 h")],
)
def test_a_span_is_told_in_its_two_largest_units(seconds: int, text: str) -> None:
    assert span(seconds) == text
