"""`make deploy`: what it asks, and what it says before anything is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.exceptions import NoCredentialsError
from botocore.stub import Stubber

from keyward.values import JSON
from tests import tree
from tools import deploy, prepare_update, take_over
from tools.deploy import DeployError
from tools.live_check import __main__ as live_check

FIRST: JSON = {"stack_name": "keyward"}
OWNED = {"Resources": {"PolicyParameter": {"Type": "AWS::SSM::Parameter"}}}
# The service of each type whose name differs from botocore's.
NAMES = {"serverless": "lambda", "iam": "", "events": "events"}


@cache
def botocore_session() -> boto3.Session:
    """One for all tests: it reads 1.3 MB of Regions."""
    return boto3.Session("testing", "testing", region_name="eu-west-1")


class Account:
    """A session whose account has (or lacks) a stack, with `botocore`'s own list of Regions."""

    def __init__(self, template: JSON | None = None, refusal: str = "") -> None:
        self._template, self._refusal = template, refusal
        self._session = botocore_session()
        self.region_name: str | None = "eu-west-1"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def client(self, service: str, region_name: str) -> Any:
        client = self._session.client(service, region_name=region_name)
        stub = Stubber(client)
        if self._refusal:
            code, text = self._refusal.split(": ")
            stub.add_client_error("get_caller_identity", code, text)
        elif service == "sts":
            stub.add_response("get_caller_identity", {})
        elif self._template is None:
            stub.add_client_error("get_template", "ValidationError", "does not exist")
        else:
            stub.add_response("get_template", {"TemplateBody": str(self._template)})
        if service == "cloudformation" and self._template is not None:
            client.get_template = lambda **_: {"TemplateBody": self._template}
        if service == "sts" or not self._template:
            stub.activate()
        return client


def answers(*given: str) -> Iterator[str]:
    yield from given


def test_the_first_time_six_things_are_asked_at_most_and_each_has_a_default() -> None:
    asked: list[str] = []

    def read(text: str) -> str:
        asked.append(text.partition(":")[0])
        return ""

    arguments = deploy.plan(Account(), read, FIRST)

    assert len(asked) <= 6
    assert asked[:3] == ["Stack", "Region", "DefaultMode"]
    assert arguments[:5] == ["--stack-name", "keyward", "--region", "eu-west-1", "--save-params"]
    assert "DefaultMode=observe" in arguments


def test_an_answer_that_cannot_be_is_asked_again(capsys: pytest.CaptureFixture[str]) -> None:
    given = answers("perhaps", "enforce")
    about = {"Description": "d.", "AllowedValues": ["observe", "enforce"], "Default": "observe"}

    assert deploy.ask(lambda _: next(given), "DefaultMode", about) == "enforce"
    assert "must be one of observe, enforce, got perhaps" in capsys.readouterr().err


def test_a_later_time_nothing_is_asked() -> None:
    def read(_: str) -> str:
        raise AssertionError("asked")

    before = FIRST | {"region": "us-east-1", "parameter_overrides": "DefaultMode=enforce"}
    arguments = deploy.plan(Account(), read, before)
    assert arguments == ["--stack-name", "keyward", "--region", "us-east-1"]


@pytest.mark.parametrize(
    ("region", "says"),
    [("mars-north-1", "There is no Region mars-north-1"), ("us-isof-south-1", "has no apigateway")],
)
def test_a_region_that_is_not_there_or_lacks_a_service_is_named(region: str, says: str) -> None:
    with pytest.raises(DeployError, match=says):
        deploy.check(Account(), "keyward", region)


def test_the_region_may_stand_in_either_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_REGION", "mars-north-1")
    monkeypatch.setattr(deploy, "saved", lambda: FIRST)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert deploy.main() == 1
    assert "There is no Region mars-north-1. Nothing was made" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("main", "arguments"),
    [
        (take_over.main, [["keyward"]]),
        (prepare_update.main, [["keyward"]]),
        (live_check.main, [["--yes"]]),
    ],
    ids=["take-over", "prepare-update", "live-check"],
)
@pytest.mark.parametrize(
    ("region", "says"),
    [("", "No Region is set. Set AWS_REGION"), ("eu-west-1", "There are no AWS credentials")],
    ids=["region", "credentials"],
)
def test_a_tool_says_what_is_missing_in_a_sentence(
    main: Callable[..., int],
    arguments: list[Any],
    region: str,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", region)
    assert main(*arguments) in (1, 2)
    shown = capfd.readouterr()
    assert says in shown.out + shown.err


def test_credentials_without_rights_are_one_sentence() -> None:
    with pytest.raises(DeployError, match="AWS refuses your credentials: Expired"):
        deploy.check(Account(refusal="ExpiredToken: Expired"), "keyward", "eu-west-1")


def test_no_credentials_are_one_sentence() -> None:
    class Nobody(Account):
        def client(self, service: str, region_name: str) -> Any:
            raise NoCredentialsError

    with pytest.raises(DeployError, match="There are no AWS credentials"):
        deploy.check(Nobody(), "keyward", "eu-west-1")


def test_a_stack_whose_update_would_delete_the_policy_is_not_updated() -> None:
    with pytest.raises(DeployError, match=r"tools\.prepare_update keyward first"):
        deploy.check(Account(OWNED), "keyward", "eu-west-1")


def test_every_service_of_the_template_is_looked_for() -> None:
    kinds = {item["Type"].split("::")[1].lower() for item in tree.template()["Resources"].values()}
    assert {NAMES.get(kind, kind) for kind in kinds} - {""} <= set(deploy.SERVICES)
