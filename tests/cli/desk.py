"""The command `keyward` on a bench: its stack, its clients, what it prints."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from keyward.cli import app, stack
from keyward.cli.stack import StackClient
from keyward.values import JSON
from local.bench import Bench

PERSON = "arn:aws:sts::123456789012:assumed-role/on-call/ada"


@dataclass
class CloudFormation:
    """A stand-in: what the stack of a bench consists of."""

    bench: Bench

    def list_stack_resources(self, **_: Any) -> JSON:
        made = self.bench.stack
        names = [*made.resources]
        return {
            "StackResourceSummaries": [
                {"LogicalResourceId": name, "PhysicalResourceId": physical(made, name)}
                for name in names
            ]
        }

    def describe_stacks(self, **_: Any) -> JSON:
        return {"Stacks": [{"Parameters": []}]}


class Sts:
    """A stand-in: who the person is."""

    def get_caller_identity(self) -> JSON:
        return {"Arn": PERSON}


def physical(made: Any, name: str) -> str:
    return str(made.ref(name))


@dataclass
class Session:
    """boto3's session of a person beside a bench."""

    bench: Bench
    region_name: str = "us-east-1"

    def client(self, service: str, config: Any = None) -> Any:
        if service == "cloudformation":
            return CloudFormation(self.bench)
        if service == "sts":
            return Sts()
        return self.bench.account.session().client(service, config)


@dataclass
class Desk:
    """A person with a command line."""

    bench: Bench
    capsys: pytest.CaptureFixture[str]

    def run(self, *words: str) -> tuple[int, str, str]:
        """Exit code, standard output and error of a command; what follows has settled."""
        code = app.main(words, self.bench.clock.now)
        out, err = self.capsys.readouterr()
        self.bench.run()
        return code, out, err


@contextmanager
def desk_of(capsys: pytest.CaptureFixture[str], **bench: Any) -> Iterator[Desk]:
    """A desk beside a new bench."""
    with Bench(**bench) as made, pytest.MonkeyPatch.context() as patch:
        patch.setattr(stack, "DynamoTable", lambda client, name: made.account.session().table(name))
        patch.setattr(StackClient, "here", lambda region=None: StackClient(Session(made)))
        yield Desk(made, capsys)


def parsed(command: str) -> None:
    """Parse a command as a shell and the program do."""
    words = shlex.split(command)
    assert words.pop(0) == "keyward"
    group: Any = app.commands
    while hasattr(group, "commands"):
        group = group.commands[words.pop(0)]
    group.make_context("keyward", words)
