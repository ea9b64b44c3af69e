"""The AWS CLI against the emulator: the console's manual job, done by hand."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.emulator import Emulator
from emulator.server import start
from emulator.tests.cli_lab import AwsCli, Done, aws_cli


class Cli:
    def __init__(self, aws: AwsCli, url: str) -> None:
        self._aws = aws
        self._environment = os.environ | {"AWS_ENDPOINT_URL_API_GATEWAY": url, "AWS_PAGER": ""}

    def run(self, *words: str) -> Done:
        return self._aws.run(["apigateway", *words], self._environment)

    def __call__(self, *words: str) -> Any:
        done = self.run(*words, "--output", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsCli]:
    with aws_cli() as made:
        yield made


@pytest.fixture
def cli(aws: AwsCli) -> Iterator[Cli]:
    running = start(Emulator())
    yield Cli(aws, running.url)
    running.stop()


def test_a_customer_is_served_by_hand(cli: Cli, tmp_path: Path) -> None:
    document = tmp_path / "petstore.json"
    document.write_text(json.dumps(petstore()))
    api = cli("import-rest-api", "--body", f"fileb://{document}")["id"]
    cli("create-deployment", "--rest-api-id", api, "--stage-name", "prod")
    stage = json.dumps([{"apiId": api, "stage": "prod"}])
    plan = cli("create-usage-plan", "--name", "free", "--api-stages", stage)["id"]
    key = cli("create-api-key", "--name", "acme", "--enabled")["id"]
    attach = ("--usage-plan-id", plan, "--key-id", key, "--key-type", "API_KEY")
    assert cli("create-usage-plan-key", *attach)["id"] == key
    limits = "op=replace,path=/throttle/rateLimit,value=5"
    changed = cli("update-usage-plan", "--usage-plan-id", plan, "--patch-operations", limits)
    assert changed["throttle"] == {"burstLimit": 0, "rateLimit": 5.0}
    keys = cli("get-api-keys", "--name-query", "acme", "--include-values")["items"]
    assert [item["enabled"] for item in keys] == [True]
    exported = tmp_path / "exported.json"
    where = ("--rest-api-id", api, "--stage-name", "prod", "--export-type", "oas30")
    cli("get-export", *where, str(exported))
    assert list(json.loads(exported.read_text())["paths"]) == ["/pets"]


def test_an_error_is_told_in_the_words_of_aws(cli: Cli) -> None:
    done = cli.run("get-api-key", "--api-key", "nosuchkey0")
    assert done.returncode != 0
    assert (
        "An error occurred (NotFoundException) when calling the GetApiKey operation: "
        "Invalid API Key identifier specified"
    ) in done.stderr


def petstore() -> dict[str, Any]:
    operation = {
        "responses": {"200": {"description": "ok"}},
        "x-amazon-apigateway-integration": {"type": "mock"},
    }
    return {
        "openapi": "3.0.1",
        "info": {"title": "petstore", "version": "1"},
        "paths": {"/pets": {"get": operation}},
    }
