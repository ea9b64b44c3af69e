"""`keyward why` on a stack that CloudFormation knows, and without one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from keyward.cli import app, stack
from keyward.cli.stack import StackClient
from tests.explain.denial_lab import VALUE, World, remembered
from tests.support import workbench

POLICY = '{"usage_plans": {"free": {}}, "propagation_seconds": 0}'


@dataclass
class Desk:
    """Where a person types: the world, and what came out."""

    world: World
    capture: pytest.CaptureFixture[str]

    def why(self, *arguments: str) -> tuple[int, str, str]:
        """The exit code, stdout and stderr."""
        place = ("--api", self.world.api, "--stage", "prod")
        code = app.main(("why", *arguments[:2], *place, *arguments[2:]), self.world.now)
        return code, *self.capture.readouterr()


class Stacks:
    """Stands in for CloudFormation: one stack, `keyward`, with these resources."""

    def __init__(self, resources: dict[str, str]) -> None:
        self.resources = resources

    def list_stack_resources(self, StackName: str, NextToken: str = "0") -> dict[str, Any]:
        """One resource a page."""
        self._check(StackName)
        page = int(NextToken)
        name, there = list(self.resources.items())[page]
        more = {"NextToken": str(page + 1)} if page + 1 < len(self.resources) else {}
        item = {"LogicalResourceId": name, "PhysicalResourceId": there}
        return {"StackResourceSummaries": [item]} | more

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        self._check(StackName)
        parameter = {"ParameterKey": "DefaultMode", "ParameterValue": "enforce"}
        return {"Stacks": [{"Parameters": [parameter]}]}

    def _check(self, name: str) -> None:
        if name == "secret":
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "ListStackResources")
        if name != "keyward":
            raise ClientError({"Error": {"Code": "ValidationError"}}, "ListStackResources")


@dataclass
class Session:
    """A session of boto3 whose CloudFormation is the stand-in."""

    inner: Any
    stacks: Stacks
    region_name: str = "us-east-1"

    def client(self, service: str, **more: Any) -> Any:
        return self.stacks if service == "cloudformation" else self.inner.client(service, **more)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with workbench() as bench, pytest.MonkeyPatch.context() as patch:
        made = remembered(bench)
        bench.ssm.put_parameter(Name="policy", Value=POLICY, Overwrite=True)
        resources = {name: table.name for name, table in bench.tables.items()}
        session = Session(bench.session, Stacks(resources))
        patch.setattr(stack, "DynamoTable", lambda client, name: bench.tables[name])
        patch.setattr(StackClient, "here", lambda region=None: StackClient(session))
        yield made


@pytest.fixture
def desk(world: World, capsys: pytest.CaptureFixture[str]) -> Desk:
    world.spend(3)
    world.enable(True)
    return Desk(world, capsys)


def test_a_call_that_would_be_let_in_ends_with_0(desk: Desk) -> None:
    code, out, err = desk.why("--customer", "acme", "GET", "/pets/7")
    assert (code, err) == (0, "")
    assert out.startswith("LET IN  GET /pets/7 on stage prod")


def test_a_denial_ends_with_1_and_names_cause_evidence_and_remedy(desk: Desk) -> None:
    desk.world.enable(False)
    code, out, _ = desk.why("--customer", "acme", "GET", "/pets")
    assert code == 1
    assert "403 Forbidden" in out
    assert "key_disabled: key acme/1 is disabled" in out
    assert "evidence: GetApiKey: enabled=false" in out
    assert 'helps:    Invoke the audit with {"repair": true}' in out
    assert "remedy:   keyward start --customer acme\n" in out


def test_the_explanation_is_printed_as_json(desk: Desk) -> None:
    desk.world.spend(0)
    code, out, _ = desk.why("--key-id", desk.world.key, "--json", "GET", "/pets")
    told = json.loads(out)
    assert code == 1
    assert (told["cause"], told["status"], told["plan"]) == ("quota_used_up", 429, "free")


def test_without_a_stack_api_gateway_alone_is_read(desk: Desk) -> None:
    desk.world.enable(False)
    code, out, err = desk.why("--key-id", desk.world.key, "--stack", "nowhere", "GET", "/pets")
    assert code == 1
    assert "There is no stack nowhere in us-east-1. Give --stack" in err
    assert "key_disabled" in out


@pytest.mark.parametrize(
    "call",
    [
        ("--customer", "a b", "GET", "/pets"),
        ("--customer", "acme", "GET", "pets"),
        ("--key-id", VALUE, "GET", "/pets"),
    ],
)
def test_a_question_that_cannot_be_answered_ends_with_2(desk: Desk, call: tuple[str, ...]) -> None:
    code, out, err = desk.why(*call)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert VALUE not in err


def test_a_stack_that_may_not_be_read_ends_with_2(desk: Desk) -> None:
    code, _, err = desk.why("--customer", "acme", "--stack", "secret", "GET", "/pets")
    assert code == 2
    assert "AccessDenied" in err
