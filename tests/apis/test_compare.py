"""Comparing what a stage serves with what a deployment would publish."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from keyward.apis.compare import compare, fingerprint, from_export, from_resources
from keyward.apis.model import Canary, DeployedMethod, StageSnapshot, WorkingMethod
from keyward.apis.rule import KeyRule
from keyward.policy.parse import default_text, parse
from keyward.values import JSON

RULE = KeyRule(parse(default_text()), "a1b2c3d4e5", "pet shop", 1_795_000_000.0)
STAGE = StageSnapshot("prod", "d1")

EXPORTED: JSON = {
    "type": "http",
    "httpMethod": "GET",
    "uri": "https://example.org/pets",
    "passthroughBehavior": "when_no_match",
    "timeoutInMillis": 29000,
    "requestParameters": {"integration.request.querystring.a": "method.request.querystring.a"},
    "responses": {
        "default": {
            "statusCode": "200",
            "responseTemplates": {"application/json": "__passthrough__"},
        },
        "5\\d{2}": {"statusCode": "500"},
    },
}
WORKING: JSON = {
    "type": "HTTP",
    "httpMethod": "GET",
    "uri": "https://example.org/pets",
    "passthroughBehavior": "WHEN_NO_MATCH",
    "timeoutInMillis": 29000,
    "cacheNamespace": "r1s2t3",
    "cacheKeyParameters": [],
    "requestParameters": {"integration.request.querystring.a": "method.request.querystring.a"},
    "integrationResponses": {
        "200": {"statusCode": "200", "responseTemplates": {"application/json": None}},
        "500": {"statusCode": "500", "selectionPattern": "5\\d{2}"},
    },
}


def working(verb: str = "GET", path: str = "/pets", **body: Any) -> WorkingMethod:
    made = {"httpMethod": verb, "authorizationType": "NONE", "apiKeyRequired": False}
    return WorkingMethod("r1s2t3", path, verb, made | {"methodIntegration": WORKING} | body)


def deployed(verb: str = "GET", path: str = "/pets", key: bool = False) -> DeployedMethod:
    return DeployedMethod(path, verb, "NONE", key)


def export(*methods: tuple[str, str, list[str]], integration: JSON = EXPORTED) -> JSON:
    """An export; each method with the names of its security schemes."""
    custom = {"type": "apiKey", "x-amazon-apigateway-authtype": "custom"}
    paths: JSON = {}
    for verb, path, names in methods:
        security = {"security": [{name: []} for name in names]} if names else {}
        operation = security | {"x-amazon-apigateway-integration": integration}
        paths.setdefault(path, {})[verb] = operation
    schemes = {"blue": dict(custom), "green": dict(custom)}
    schemes["api_key"] = {"type": "apiKey", "name": "x-api-key", "in": "header"}
    return {"paths": paths, "components": {"securitySchemes": schemes}}


PETS = export(("get", "/pets", []))


def words(*args: Any) -> list[str]:
    return [difference.difference for difference in compare(*args)]


def test_the_two_ways_to_write_an_integration_are_one() -> None:
    assert from_export(EXPORTED) == from_resources(WORKING)


def test_what_is_the_same_has_no_differences() -> None:
    assert compare(PETS, [deployed()], [working()], RULE) == ()


def test_a_key_that_we_require_is_no_difference() -> None:
    assert compare(PETS, [deployed()], [working(apiKeyRequired=True)], RULE) == ()


def test_a_key_on_an_exempt_method_is_a_difference() -> None:
    document = export(("options", "/pets", []))
    method = working("OPTIONS", apiKeyRequired=True)
    assert words(document, [deployed("OPTIONS")], [method], RULE) == [
        "asks for a key: no, would be yes"
    ]


CHANGES: dict[str, Any] = {
    "type": "HTTP_PROXY",
    "httpMethod": "POST",
    "uri": "https://example.org/other",
    "credentials": "arn:aws:iam::123456789012:role/example",
    "requestParameters": {},
    "requestTemplates": {"application/json": "{}"},
    "passthroughBehavior": "NEVER",
    "contentHandling": "CONVERT_TO_TEXT",
    "timeoutInMillis": 1000,
    "cacheKeyParameters": ["method.request.querystring.a"],
    "connectionType": "VPC_LINK",
    "connectionId": "abc123",
    "tlsConfig": {"insecureSkipVerification": True},
}


@pytest.mark.parametrize("field", CHANGES)
def test_each_part_of_an_integration_is_compared(field: str) -> None:
    changed = working(methodIntegration=WORKING | {field: CHANGES[field]})
    assert words(PETS, [deployed()], [changed], RULE) == [f"integration differs in {field}"]


@pytest.mark.parametrize(
    "change",
    [
        {"selectionPattern": "4\\d{2}"},
        {"statusCode": "502"},
        {"responseParameters": {"method.response.header.a": "'b'"}},
        {"responseTemplates": {"application/json": "{}"}},
        {"contentHandling": "CONVERT_TO_BINARY"},
    ],
)
def test_each_part_of_an_integration_response_is_compared(change: JSON) -> None:
    integration = copy.deepcopy(WORKING)
    integration["integrationResponses"]["500"] |= change
    changed = working(methodIntegration=integration)
    assert words(PETS, [deployed()], [changed], RULE) == ["integration differs in responses"]


@pytest.mark.parametrize(
    "field", ["timeoutInMillis", "passthroughBehavior", "cacheNamespace", "cacheKeyParameters"]
)
def test_a_default_that_one_side_leaves_out_is_no_difference(field: str) -> None:
    shorter = {name: value for name, value in WORKING.items() if name != field}
    assert compare(PETS, [deployed()], [working(methodIntegration=shorter)], RULE) == ()


def test_a_mock_has_no_address() -> None:
    mock = {"type": "MOCK", "requestTemplates": {"application/json": "{}"}}
    assert from_resources(mock | {"httpMethod": "POST", "uri": "x"}) == from_export(
        mock | {"type": "mock"}
    )


def test_methods_that_are_on_one_side_only_are_differences() -> None:
    found = compare(PETS, [deployed(), deployed("PUT")], [working(), working("POST")], RULE)
    assert [(d.method, d.difference) for d in found] == [
        ("POST", "is in the working copy, and not deployed"),
        ("PUT", "is deployed, and gone from the working copy"),
    ]


def test_any_is_found_in_the_export_under_its_own_name() -> None:
    document = export(("x-amazon-apigateway-any-method", "/pets", []))
    assert compare(document, [deployed("ANY")], [working("ANY")], RULE) == ()


def test_another_authorization_is_a_difference() -> None:
    method = working(authorizationType="AWS_IAM")
    assert words(PETS, [deployed()], [method], RULE) == ["authorization is NONE, would be AWS_IAM"]


def test_other_scopes_are_a_difference() -> None:
    method = working(authorizationScopes=["pets.read"])
    assert words(PETS, [deployed()], [method], RULE) == ["authorization scopes differ"]


def test_a_method_that_the_export_does_not_show_is_a_difference() -> None:
    assert words({"paths": {}}, [deployed()], [working()], RULE) == [
        "its integration as deployed is not in the export"
    ]


NAMES = {"id1": "blue", "id2": "green"}


def swapped(used: dict[str, str], names: JSON = NAMES, **scheme: Any) -> list[tuple[str, str]]:
    """Differences of an API that is deployed with `blue` on all methods; `used` are the ids of the
    working copy by path."""
    document = export(*[("get", path, ["blue", "api_key"]) for path in used])
    document["components"]["securitySchemes"]["blue"] |= scheme
    live = [DeployedMethod(path, "GET", "CUSTOM", True) for path in used]
    copy_of = [
        working(path=path, authorizationType="CUSTOM", authorizerId=authorizer)
        for path, authorizer in used.items()
    ]
    found = compare(document, live, copy_of, RULE, names)
    return [(str(item.path), item.difference) for item in found]


def another(would_be: str, deployed: str = "blue") -> str:
    return f"uses another authorizer in the working copy ({would_be}, deployed: {deployed})"


def test_the_same_authorizer_is_no_difference() -> None:
    assert swapped({"/a": "id1", "/b": "id1"}) == []


def test_an_authorizer_is_told_by_its_extension_when_it_has_no_authtype() -> None:
    extension = {"x-amazon-apigateway-authtype": "awsSigv4", "x-amazon-apigateway-authorizer": {}}
    assert swapped({"/a": "id1"}, **extension) == []


@pytest.mark.parametrize("paths", [["/a"], ["/a", "/b", "/c"]])
def test_an_authorizer_that_was_swapped_on_all_methods_is_a_difference(paths: list[str]) -> None:
    assert swapped(dict.fromkeys(paths, "id2")) == [(path, another("green")) for path in paths]


@pytest.mark.parametrize("rest", ["id1", "id2"])
def test_an_authorizer_that_was_swapped_is_a_difference_whatever_the_others_use(rest: str) -> None:
    found = swapped({"/a": rest, "/b": "id2", "/c": rest})
    assert ("/b", another("green")) in found
    assert len(found) == (1 if rest == "id1" else 3)


def test_an_authorizer_that_is_not_known_is_a_difference() -> None:
    assert swapped({"/a": "id3"}) == [("/a", another("unknown id3"))]
    assert swapped({"/a": ""}) == [("/a", another("unknown"))]
    assert swapped({"/a": "id1"}, names={}) == [("/a", another("unknown id1"))]


def test_an_authorizer_that_the_export_does_not_name_is_a_difference() -> None:
    live = DeployedMethod("/pets", "GET", "CUSTOM", True)
    method = working(authorizationType="CUSTOM", authorizerId="id1")
    assert words(PETS, [live], [method], RULE, NAMES) == [another("blue", "unknown")]


def test_a_former_authorizer_of_a_method_without_one_is_nobodys_business() -> None:
    assert compare(PETS, [deployed()], [working(authorizerId="id2")], RULE, NAMES) == ()


def test_a_fingerprint_is_not_changed_by_the_keys_that_we_require() -> None:
    before, after = working(), working(apiKeyRequired=True)
    assert fingerprint(STAGE, [before], RULE) == fingerprint(STAGE, [after], RULE)


def test_a_fingerprint_does_not_depend_on_the_order_of_methods() -> None:
    methods = [working(), working("POST"), working(path="/a")]
    assert fingerprint(STAGE, methods, RULE) == fingerprint(STAGE, methods[::-1], RULE)


@pytest.mark.parametrize(
    "other",
    [
        [working(), working("POST")],
        [working(authorizationType="AWS_IAM")],
        [working(requestValidatorId="v1")],
        [working(methodIntegration=WORKING | {"uri": "https://example.org/other"})],
        [],
    ],
)
def test_a_fingerprint_changes_with_everything_else(other: list[WorkingMethod]) -> None:
    assert fingerprint(STAGE, [working()], RULE) != fingerprint(STAGE, other, RULE)


def test_a_fingerprint_is_of_one_live_deployment_and_canary() -> None:
    stages = [STAGE, StageSnapshot("prod", "d2"), StageSnapshot("prod", "d1", Canary("d2", 10.0))]
    assert len({fingerprint(stage, [working()], RULE) for stage in stages}) == 3
