"""The comparable form of an integration, whichever side and whichever way it is written."""

from __future__ import annotations

from typing import Any

import pytest

from keyward.apis.compare import compare, digest, fingerprint, from_export, from_resources
from keyward.apis.model import Canary, DeployedMethod, StageSnapshot, WorkingMethod
from keyward.apis.rule import KeyRule
from keyward.policy.parse import default_text, parse
from keyward.values import JSON

RULE = KeyRule(parse(default_text()), "a1b2c3d4e5", "pet shop", 1_795_000_000.0)
HTTP: JSON = {"type": "HTTP", "uri": "https://example.org/pets", "httpMethod": "GET"}


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ({}, {}),
        ({"type": "http", "uri": "u"}, {"type": "HTTP", "uri": "u"}),
        ({"type": "mock", "uri": "u", "httpMethod": "GET"}, {"type": "MOCK"}),
        ({"timeoutInMillis": "1000"}, {"timeoutInMillis": 1000}),
        ({"timeoutInMillis": "29000", "passthroughBehavior": "when_no_match"}, {}),
        ({"connectionType": "INTERNET", "responseTransferMode": "buffered"}, {}),
        ({"connectionType": "vpc_link"}, {"connectionType": "VPC_LINK"}),
        ({"responseTransferMode": "stream"}, {"responseTransferMode": "STREAM"}),
        ({"contentHandling": "convert_to_text"}, {"contentHandling": "CONVERT_TO_TEXT"}),
        ({"tlsConfig": {"insecureSkipVerification": False}}, {}),
        ({"tlsConfig": {}}, {}),
        (
            {"tlsConfig": {"insecureSkipVerification": True}},
            {"tlsConfig": {"insecureSkipVerification": True}},
        ),
        ({"cacheNamespace": "r1", "credentials": ""}, {}),
        ({"cacheKeyParameters": ["b", "a"]}, {"cacheKeyParameters": ["a", "b"]}),
        (
            {"requestTemplates": {"a": "__passthrough__", "b": "", "c": None, "d": "{}"}},
            {"requestTemplates": {"a": None, "b": None, "c": None, "d": "{}"}},
        ),
    ],
)
def test_an_integration_has_one_form(written: JSON, form: JSON) -> None:
    assert from_export(written) == form
    assert from_resources(written) == form


RESPONSE: JSON = {
    "statusCode": "200",
    "contentHandling": None,
    "responseParameters": {},
    "responseTemplates": {},
}


@pytest.mark.parametrize(
    ("more", "form"),
    [
        ({}, {}),
        ({"contentHandling": "convert_to_text"}, {"contentHandling": "CONVERT_TO_TEXT"}),
        ({"responseParameters": {"a": "'b'"}}, {"responseParameters": {"a": "'b'"}}),
        ({"responseTemplates": {"a": ""}}, {"responseTemplates": {"a": None}}),
    ],
)
def test_a_response_has_one_form(more: JSON, form: JSON) -> None:
    exported = from_export({"responses": {"5..": {"statusCode": 200, **more}}})
    working = from_resources({"integrationResponses": {"200": {"selectionPattern": "5..", **more}}})
    assert exported == working == {"responses": {"5..": RESPONSE | form}}


def test_a_response_without_a_pattern_is_the_default() -> None:
    assert from_resources({"integrationResponses": {"200": {}}}) == {
        "responses": {"default": RESPONSE}
    }
    assert from_export({"responses": {"default": {}}}) == {
        "responses": {"default": RESPONSE | {"statusCode": ""}}
    }


def test_of_two_responses_of_one_pattern_the_later_status_counts() -> None:
    both = from_resources({"integrationResponses": {"500": {}, "200": {}}})
    assert both == {"responses": {"default": RESPONSE | {"statusCode": "500"}}}


def method(**body: Any) -> WorkingMethod:
    made = {"authorizationType": "NONE", "apiKeyRequired": False, "methodIntegration": HTTP}
    return WorkingMethod("r1", "/pets", "GET", made | body)


def export(operation: JSON, schemes: JSON | None = None) -> JSON:
    integrated = {"x-amazon-apigateway-integration": HTTP} | operation
    paths = {"/pets": {"get": integrated, "parameters": []}}
    return {"paths": paths, "components": {"securitySchemes": schemes}}


LIVE = DeployedMethod("/pets", "GET", "NONE", False)
PAID = DeployedMethod("/pets", "GET", "NONE", True)


@pytest.mark.parametrize(
    ("live", "operation", "body", "says"),
    [
        (LIVE, {}, {}, []),
        (LIVE, {}, {"methodIntegration": None}, ["integration differs in httpMethod, type, uri"]),
        (
            LIVE,
            {"x-amazon-apigateway-integration": None},
            {},
            ["integration differs in httpMethod, type, uri"],
        ),
        (LIVE, {"security": [{"pool": ["b"]}, {"other": ["a"]}]}, {}, ["scopes"]),
        (
            LIVE,
            {"security": [{"pool": ["b"]}, {"other": ["a"]}]},
            {"authorizationScopes": ["b", "a"]},
            [],
        ),
        (PAID, {}, {"apiKeyRequired": True}, []),
        (PAID, {}, {}, []),
        (
            LIVE,
            {"security": [{"pool": ["a"]}]},
            {"authorizationType": "AWS_IAM", "methodIntegration": HTTP | {"uri": "x"}},
            [
                "authorization is NONE, would be AWS_IAM",
                "scopes",
                "integration differs in uri",
            ],
        ),
    ],
)
def test_a_method_differs_in_what_it_says(
    live: DeployedMethod, operation: JSON, body: JSON, says: list[str]
) -> None:
    found = compare(export(operation), [live], [method(**body)], RULE)
    assert [(item.path, item.method) for item in found] == [("/pets", "GET")] * len(says)
    whole = ["authorization scopes differ" if words == "scopes" else words for words in says]
    assert [item.difference for item in found] == whole


def test_a_key_that_would_go_from_an_exempt_method_is_a_difference() -> None:
    document = {"paths": {"/pets": {"options": {"x-amazon-apigateway-integration": HTTP}}}}
    live = DeployedMethod("/pets", "OPTIONS", "NONE", True)
    copy = WorkingMethod("r1", "/pets", "OPTIONS", {"methodIntegration": HTTP})
    assert [item.difference for item in compare(document, [live], [copy], RULE)] == [
        "asks for a key: yes, would be no"
    ]
    assert [item.difference for item in compare({}, [live], [copy], RULE)] == [
        "asks for a key: yes, would be no",
        "its integration as deployed is not in the export",
    ]


CUSTOM = DeployedMethod("/pets", "GET", "CUSTOM", False)


@pytest.mark.parametrize(
    ("scheme", "is_authorizer"),
    [
        ({"x-amazon-apigateway-authorizer": {}}, True),
        ({"x-amazon-apigateway-authtype": "custom"}, True),
        ({"x-amazon-apigateway-authtype": "awsSigv4"}, False),
        ({}, False),
    ],
)
def test_a_security_scheme_is_an_authorizer_by_its_extensions(
    scheme: JSON, is_authorizer: bool
) -> None:
    document = export({"security": [{"blue": []}, {"api_key": []}]}, {"blue": scheme})
    copy = method(authorizationType="CUSTOM", authorizerId="id1")
    found = compare(document, [CUSTOM], [copy], RULE, {"id1": "blue"})
    missing = "uses another authorizer in the working copy (blue, deployed: unknown)"
    assert [item.difference for item in found] == ([] if is_authorizer else [missing])


def test_two_authorizers_of_an_operation_are_named_in_order() -> None:
    schemes = {name: {"x-amazon-apigateway-authorizer": {}} for name in ("blue", "red")}
    document = export({"security": [{"red": []}, {"blue": []}]}, schemes)
    copy = method(authorizationType="CUSTOM", authorizerId="id1")
    [found] = compare(document, [CUSTOM], [copy], RULE, {"id1": "blue"})
    assert found.difference == (
        "uses another authorizer in the working copy (blue, deployed: blue, red)"
    )


def test_an_authorizer_is_nobodys_business_where_authorization_changes_anyway() -> None:
    copy = method(authorizationType="CUSTOM", authorizerId="id1")
    [found] = compare(export({}), [LIVE], [copy], RULE, {"id1": "blue"})
    assert found.difference == "authorization is NONE, would be CUSTOM"


def test_a_fingerprint_is_of_what_would_be_published_and_where() -> None:
    stage, bare = StageSnapshot("prod", "d1"), method(apiKeyRequired=None, authorizationScopes=[])
    mark = fingerprint(stage, [method()], RULE)
    assert len(mark) == 16
    assert mark == fingerprint(stage, [bare], RULE)
    other_api = KeyRule(RULE.policy, "other", RULE.name, RULE.now)
    others = [
        fingerprint(stage, [method()], other_api),
        fingerprint(StageSnapshot("dev", "d1"), [method()], RULE),
        fingerprint(StageSnapshot("prod", "d2"), [method()], RULE),
        fingerprint(StageSnapshot("prod", "d1", Canary("d2", 5)), [method()], RULE),
        fingerprint(stage, [WorkingMethod("r1", "/cats", "GET", method().body)], RULE),
        fingerprint(stage, [WorkingMethod("r1", "/pets", "PUT", method().body)], RULE),
    ]
    assert len({mark, *others}) == 7


def test_a_fingerprint_is_the_same_however_the_method_is_written_and_in_every_release() -> None:
    stage = StageSnapshot("prod", "d1")
    stated = method(methodIntegration=HTTP | {"timeoutInMillis": 29000})
    silent = WorkingMethod("r1", "/pets", "GET", {"methodIntegration": HTTP})
    # A hold that a person approved before an update stays approved after it.
    assert fingerprint(stage, [method()], RULE) == "a9387c21c51c9d2d"
    assert fingerprint(stage, [stated], RULE) == "a9387c21c51c9d2d"
    assert fingerprint(stage, [silent], RULE) == "4b3a7d7c20277c40"


def test_a_key_of_an_exempt_method_changes_the_fingerprint() -> None:
    stage = StageSnapshot("prod", "d1")
    options = [
        WorkingMethod("r1", "/pets", "OPTIONS", {"apiKeyRequired": asks}) for asks in (False, True)
    ]
    assert fingerprint(stage, options[:1], RULE) != fingerprint(stage, options[1:], RULE)


def test_a_digest_is_of_the_value_and_not_of_its_writing() -> None:
    # echo -n '{"a":1,"b":[2,"x"]}' | sha256sum
    assert digest({"b": [2, "x"], "a": 1}) == "454597f51f0e5988"
    assert digest({"a": 1, "b": [2, "x"]}) == digest({"b": [2, "x"], "a": 1})
    assert digest(1.5) != digest(RULE.policy)
