"""The real stack on the local AWS: what `make local` promises. The demos are run as they
are, by .ci/run."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import sample
from local.account import Account, Urls
from local.demo.story import Story
from local.waiting import until

ROOT = Path(__file__).parents[3]
OUTPUTS = {
    "EventBusName",
    "CustomersTableName",
    "KeysTableName",
    "ReconcileCustomerArn",
    "ProtectApiArn",
    "RevealKeyFunctionName",
    "AuditFunctionName",
    "PolicyParameterName",
}


class Served:
    """`python -m local serve --seed`: what it listens on and what it says on standard error."""

    def __init__(self, ready: dict[str, Any], said: Path) -> None:
        urls = Urls(ready["aws"], ready["apigateway"], ready["invoke"])
        self.account = Account(urls, ready["region"], ready["outputs"])
        self.said = said
        (api,) = self.account.client("apigateway").get_rest_apis()["items"]
        self.rest_api_id = str(api["id"])
        self.commands = sample.commands(self.account, self.rest_api_id)

    def type(self, command: str) -> str:
        """What the command prints, with the AWS CLI of this environment first in the path."""
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-ec", f"{self.commands.exports}\n{command}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
            env=os.environ | {"PATH": path},
        )
        return done.stdout


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    said = tmp_path_factory.mktemp("served") / "stderr"
    command = [sys.executable, "-m", "local", "serve", "--seed"]
    with (
        said.open("w") as errors,
        subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        assert process.stdout is not None
        yield Served(json.loads(process.stdout.readline()), said)
        process.terminate()
        assert process.wait(300) == 0


def test_the_outputs_are_the_stacks(served: Served) -> None:
    assert set(served.account.outputs) >= OUTPUTS


def test_the_policy_waits_for_no_propagation(served: Served) -> None:
    name = served.account.outputs["PolicyParameterName"]

    found = served.account.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]

    assert json.loads(found)["propagation_seconds"] == 0


def test_nobody_waits_for_a_turn_as_the_account_has_no_quotas(served: Served) -> None:
    functions = served.account.client("lambda").get_paginator("list_functions").paginate()

    variables = [f["Environment"]["Variables"] for page in functions for f in page["Functions"]]

    assert {float(found["CONTROL_PLANE_SHARE"]) for found in variables} == {100_000}


def test_the_sample_api_is_protected_soon(served: Served) -> None:
    assert until(lambda: "403 Forbidden" in served.type(served.commands.without_key))


def test_it_says_what_to_type(served: Served) -> None:
    said = until(served.said.read_text)

    for command in dataclasses.astuple(served.commands):
        assert all(line in said for line in command.splitlines())


def test_what_it_says_to_type_works(served: Served) -> None:
    typed = served.commands

    assert '"FailedEntryCount": 0' in served.type(typed.sign_up)
    assert until(lambda: "acme/1" in served.type(typed.keys))
    revealed = until(lambda: re.search(r'"value": "(\w+)"', served.type(typed.reveal)))
    assert "200 OK" in served.type(typed.with_key.replace("VALUE", revealed[1]))
    assert "put key acme/1 into plan free" in served.type(typed.history)
    assert "/_aws/lambda-url/" in served.type(typed.link)
    assert until(lambda: "<- KeyIssued: customer acme" in served.said.read_text())


def test_a_release_that_opens_a_method_is_closed_again(served: Served) -> None:
    typed = served.commands
    assert until(lambda: "403 Forbidden" in served.type(typed.without_key))
    served.type(typed.open_method)
    served.type(typed.release)
    said = f"-> somebody deploys API {served.rest_api_id} on stage prod"
    assert until(lambda: said in served.said.read_text())
    ended = f"protect-api of {served.rest_api_id}: "
    assert until(lambda: ended in served.said.read_text().partition(said)[2])
    assert until(lambda: "403 Forbidden" in served.type(typed.without_key))


def test_a_story_that_is_not_as_told_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    story = Story()
    story.check("answer", 200, 403)

    assert story.end() == 1
    assert "UNEXPECTED   answer: got 200, expected 403" in capsys.readouterr().out
