"""An API whose keys come from an authorizer: no key in the header x-api-key opens it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from keyward.values import JSON
from local.bench import Bench

LAMBDA = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:f/invocations"
POOL = "arn:aws:cognito-idp:us-east-1:123456789012:userpool/pool"
BEHIND: dict[str, JSON] = {
    "NONE": {},
    "CUSTOM": {"type": "TOKEN", "authorizerUri": LAMBDA},
    "COGNITO_USER_POOLS": {"type": "COGNITO_USER_POOLS", "providerARNs": [POOL]},
}


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


def api_behind(bench: Bench, authorization: str, source: str, mode: str = "observe") -> str:
    """An API that asks for a key behind an authorization, and takes keys from a source."""
    paths: JSON = {"/pets": {"get": ["api_key"]}}
    api, gateway = bench.api(paths, mode), bench.gateway
    patch = [{"op": "replace", "path": "/apiKeySource", "value": source}]
    gateway.update_rest_api(restApiId=api, patchOperations=patch)
    if settings := BEHIND[authorization]:
        about = settings | {"identitySource": "method.request.header.Authorization"}
        made = gateway.create_authorizer(restApiId=api, name="ours", **about)["id"]
        change_method(bench, api, {"/authorizationType": authorization, "/authorizerId": made})
    bench.deploy(api, "prod")
    bench.run()
    return str(api)


def change_method(bench: Bench, api: str, change: dict[str, str]) -> None:
    items = bench.gateway.get_resources(restApiId=api)["items"]
    [resource] = [one["id"] for one in items if one["path"] == "/pets"]
    patch = [{"op": "replace", "path": name, "value": to} for name, to in change.items()]
    place = {"restApiId": api, "resourceId": resource, "httpMethod": "GET"}
    bench.gateway.update_method(**place, patchOperations=patch)


def found(bench: Bench, api: str) -> list[JSON]:
    findings = bench.audit()["findings"]
    kind = "key_source_is_authorizer"
    return [one for one in findings if (one["kind"], one.get("rest_api_id")) == (kind, api)]


@pytest.mark.parametrize(
    ("authorization", "severity"),
    [("NONE", "high"), ("CUSTOM", "low"), ("COGNITO_USER_POOLS", "high")],
)
def test_an_api_that_takes_keys_from_an_authorizer_is_found(
    bench: Bench, authorization: str, severity: str
) -> None:
    api = api_behind(bench, authorization, "AUTHORIZER")
    [finding] = found(bench, api)
    assert finding["severity"] == severity
    assert ("GET /pets of prod" in finding["says"]) == (severity == "high")
    assert "apiKeySource" in finding["helps"]


@pytest.mark.parametrize("authorization", BEHIND)
def test_an_api_that_takes_them_from_the_header_is_not(bench: Bench, authorization: str) -> None:
    assert found(bench, api_behind(bench, authorization, "HEADER")) == []


@pytest.mark.parametrize(
    ("authorization", "is_held"),
    [("NONE", True), ("CUSTOM", False), ("COGNITO_USER_POOLS", True)],
)
def test_a_method_that_a_key_would_shut_is_held(
    bench: Bench, authorization: str, is_held: bool
) -> None:
    api = api_behind(bench, authorization, "AUTHORIZER")
    change_method(bench, api, {"/apiKeyRequired": "false"})
    tags = {"keyward": "enforce"}
    bench.gateway.tag_resource(
        resourceArn=f"arn:aws:apigateway:us-east-1::/restapis/{api}", tags=tags
    )
    bench.deploy(api, "prod")
    bench.run()
    held = [e["detail"]["stage"] for e in bench.announced if e["detail-type"] == "ApiHeld"]
    assert held == (["prod"] if is_held else [])
