"""What may stand before a command and behind it, and goes on into the commands that it prints."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.parsers import ResponseParserError

from keyward.cli.stack import local_endpoints
from tests.cli.desk import Desk, desk_of
from tests.cli.test_commands import held


@pytest.fixture
def desk(capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    with desk_of(capsys) as made:
        yield made


def test_an_option_may_stand_before_a_command_or_behind_it(desk: Desk) -> None:
    for options in (("--json",), ("--stack", "another"), ("--region", "eu-west-1")):
        for command in (("holds",), ("outcomes",), ("look", "--iam")):
            if command[0] != "look" or options[0] != "--stack":
                code, out, err = desk.run(*options, *command)
                assert (code, out, err) == desk.run(*command, *options)
                assert code < 2
    assert "eu-west-1" in desk.run("--region", "eu-west-1", "look", "--iam")[1]


def test_a_printed_command_goes_where_the_one_went_that_printed_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = held(desk)
    for before in ((), ("--region", "eu-west-1")):
        out = desk.run(*before, "holds")[1]
        assert " ".join(["keyward", *before, told["remedy"].removeprefix("keyward ")]) in out
    monkeypatch.setenv("PORT", "4600")
    for name in local_endpoints(4600):
        monkeypatch.setenv(name, "")
    out = desk.run("holds", "--local")[1]
    assert "PORT=4600 " + told["remedy"].replace("keyward ", "keyward --local ") in out
    assert " keyward approve" not in out


@pytest.mark.parametrize(
    "words",
    [
        ("history", ""),
        ("start", "--customer", ""),
        ("undo", "--customer", ""),
        ("outcomes", "--since", ""),
        ("status", "--stack", ""),
        ("--region", "", "status"),
    ],
    ids=" ".join,
)
def test_an_empty_variable_of_the_shell_names_nothing(desk: Desk, words: tuple[str, ...]) -> None:
    code, out, err = desk.run(*words)
    assert (code, out) == (2, "")
    assert "must not be empty" in err


def test_who_is_not_aws_is_named_in_a_sentence(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def misread(*_: object, **__: object) -> None:
        raise ResponseParserError("Unable to parse response")

    monkeypatch.setattr("keyward.cli.stack.StackClient.stack", misread)
    code, out, err = desk.run("status")
    assert (code, out) == (2, "")
    assert "What answered is not AWS" in err
