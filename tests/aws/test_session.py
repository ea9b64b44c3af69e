"""The runtime's session makes the clients that botocore makes, from a part of its data."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.loaders import create_loader
from moto import mock_aws

from keyward.aws.client import LazyClient
from keyward.aws.session import SERVICES, Session, loader
from tests import tree

REGIONS = ("us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1")


# Services of which few operations are called have a model of just these.
PARTS = {"ssm": {"GetParameter"}, "lambda": {"Invoke"}}
# What botocore reads for a client it keeps for the next one: all its data takes a second.
LOADER = create_loader()


def theirs_of(service: str) -> Any:
    """The client that botocore makes."""
    session = botocore.session.Session()
    session.register_component("data_loader", LOADER)
    return session.create_client(service)


def address(client: Any) -> tuple[Any, ...]:
    """Where a client sends its requests, and how it signs them."""
    signer = client._request_signer
    signed = (signer.signing_name, signer.region_name, signer.signature_version)
    return client.meta.endpoint_url, client.meta.partition, *signed


@pytest.mark.parametrize("variant", ["", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"])
@pytest.mark.parametrize("service", SERVICES)
def test_a_client_calls_the_address_that_botocore_knows(
    service: str, variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variant:
        monkeypatch.setenv(variant, "true")
    for region in REGIONS[:1] if variant else REGIONS:
        monkeypatch.setenv("AWS_DEFAULT_REGION", region)
        assert address(Session().client(service)) == address(theirs_of(service)), region


@pytest.mark.parametrize("service", SERVICES)
def test_a_model_is_read_as_botocore_reads_it(service: str) -> None:
    for kind in ("endpoint-rule-set-1", *(() if service in PARTS else ("service-2",))):
        ours = loader().load_service_model(service, kind)
        assert ours == LOADER.load_service_model(service, kind)


@pytest.mark.parametrize("service", PARTS)
def test_a_model_of_ours_is_a_part_of_botocores(service: str) -> None:
    ours, theirs = (
        made.load_service_model(service, "service-2") for made in (loader(), create_loader())
    )
    assert set(ours["operations"]) == PARTS[service]
    assert ours["metadata"] == theirs["metadata"]
    for part in ("operations", "shapes"):
        for name, found in ours[part].items():
            whole = without_prose(theirs[part][name])
            # An error without its shape is a ClientError with the same code.
            assert found == (whole | {"errors": []} if found.get("errors") == [] else whole)


def test_a_parameter_is_read_with_the_model_of_ssm() -> None:
    with mock_aws():
        boto3.client("ssm").put_parameter(Name="policy", Type="String", Value="text")
        client = Session().client("ssm")
        assert client.get_parameter(Name="policy")["Parameter"]["Value"] == "text"
        with pytest.raises(client.exceptions.ParameterNotFound):
            client.get_parameter(Name="none")


def without_prose(model: Any) -> Any:
    """A model without its documentation."""
    if isinstance(model, dict):
        return {name: without_prose(v) for name, v in model.items() if name != "documentation"}
    return [without_prose(item) for item in model] if isinstance(model, list) else model


def test_a_client_is_made_once_at_its_first_use() -> None:
    made: list[str] = []
    lazy = LazyClient(lambda: made.append("a client") or "text")
    assert made == []
    assert (lazy.upper(), lazy.title()) == ("TEXT", "Text")
    assert made == ["a client"]


@pytest.mark.parametrize(("name", "seldom"), [("AWS_LAMBDA_FUNCTION_NAME", True), ("OTHER", False)])
def test_garbage_is_collected_seldom_in_lambda_only(name: str, seldom: bool) -> None:
    code = "import gc, keyward; print(gc.get_threshold()[0] > 10_000)"
    environment = {"PYTHONPATH": str(tree.PACKAGE.parent), name: "CreateKey"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(seldom)


def test_every_service_that_a_function_asks_for_is_among_them() -> None:
    runtime = (tree.PACKAGE / "runs" / "runtime.py").read_text("utf-8")
    asked = {*re.findall(r"(?:_lazy|client)\(\"(\w+)\"", runtime)}
    assert asked
    assert asked <= {*SERVICES}
