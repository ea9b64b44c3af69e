"""Methods, integrations and what they use: what was recorded beside the shared cases."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.tests.door_lab import (
    BAD,
    CONFLICT,
    MISSING,
    ONLY_REPLACE,
    Account,
    bare,
    refused,
    replace,
)


def where(account: Account) -> dict[str, str]:
    """The one method of a deployed API."""
    api = account.api()
    items = account.gw.get_resources(restApiId=api)["items"]
    resource = next(item["id"] for item in items if item["path"] == "/a")
    return {"restApiId": api, "resourceId": resource, "httpMethod": "GET"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"httpMethod": "FETCH"}, "Invalid HttpMethod specified. Valid options are GET,PUT,POST,"),
        ({"authorizationType": "CUSTOM"}, "Invalid authorizer ID specified. Setting the auth"),
        ({"requestValidatorId": "nosuch"}, "Invalid Request Validator identifier specified"),
        ({"requestModels": {"a/b": "Pet"}}, "Invalid model identifier specified: Pet"),
        (
            {
                "requestParameters": {
                    "method.request.header.a": True,
                    "method.request.querystring.a": True,
                }
            },
            "Parameter names must be unique across querystring, header and path",
        ),
    ],
)
def test_a_method_that_points_to_nothing_is_refused(gw: Any, settings: Any, message: str) -> None:
    api, root = bare(gw)
    wanted = {"httpMethod": "GET", "authorizationType": "NONE"} | settings
    code, status, words = refused(lambda: gw.put_method(restApiId=api, resourceId=root, **wanted))
    assert (code, status) == (BAD, 400)
    assert words.startswith(message)


def test_a_method_is_patched_all_or_nothing(account: Account) -> None:
    method = where(account)
    wrong = [replace("/apiKeyRequired", "false"), replace("/httpMethod", "PUT")]

    def call() -> Any:
        return account.gw.update_method(**method, patchOperations=wrong)

    assert refused(call) == (BAD, 400, "Invalid patch path /httpMethod")
    assert account.gw.get_method(**method)["apiKeyRequired"] is True


def test_a_key_requirement_can_only_be_replaced(account: Account) -> None:
    method = where(account)
    patch = [{"op": "add", "path": "/apiKeyRequired", "value": "true"}]
    assert refused(lambda: account.gw.update_method(**method, patchOperations=patch)) == (
        ONLY_REPLACE
    )


def test_an_integration_has_the_recorded_defaults(account: Account) -> None:
    method = where(account)
    made = account.gw.put_integration(
        **method, type="HTTP_PROXY", integrationHttpMethod="GET", uri="http://example.com"
    )
    made.pop("ResponseMetadata")
    assert made == {
        "type": "HTTP_PROXY",
        "httpMethod": "GET",
        "uri": "http://example.com",
        "passthroughBehavior": "WHEN_NO_MATCH",
        "timeoutInMillis": 29000,
        "cacheNamespace": method["resourceId"],
        "cacheKeyParameters": [],
        "responseTransferMode": "BUFFERED",
    }


def test_a_missing_integration_response_is_told_by_its_status_code(account: Account) -> None:
    method = where(account)
    get = account.gw.get_integration_response
    missing = (MISSING, 404, "Invalid Response status code specified")
    assert refused(lambda: get(**method, statusCode="200")) == missing
    pattern = "Member must satisfy regular expression pattern: [1-5]\\d\\d"
    assert refused(lambda: get(**method, statusCode="wrong")) == (
        "ValidationException",
        400,
        "1 validation error detected: Value 'wrong' at 'statusCode' failed to satisfy "
        f"constraint: {pattern}",
    )


def test_a_new_api_has_the_default_models_and_gateway_responses(gw: Any) -> None:
    api, _ = bare(gw)
    assert {item["name"] for item in gw.get_models(restApiId=api)["items"]} == {"Empty", "Error"}
    responses = gw.get_gateway_responses(restApiId=api)["items"]
    assert len(responses) == 21
    assert all(item["defaultResponse"] for item in responses)


def test_a_default_gateway_response_is_inherited_but_still_a_default(gw: Any) -> None:
    api, _ = bare(gw)
    gw.put_gateway_response(restApiId=api, responseType="DEFAULT_5XX", statusCode="599")
    get = gw.get_gateway_response
    inherited = get(restApiId=api, responseType="INTEGRATION_FAILURE")
    assert (inherited["statusCode"], inherited["defaultResponse"]) == ("599", True)
    gw.delete_gateway_response(restApiId=api, responseType="DEFAULT_5XX")
    assert get(restApiId=api, responseType="INTEGRATION_FAILURE")["statusCode"] == "504"
    missing = (MISSING, 404, "Gateway response type not defined on api")

    def again() -> Any:
        return gw.delete_gateway_response(restApiId=api, responseType="DEFAULT_5XX")

    assert refused(again) == missing


def test_a_model_in_use_is_not_deleted(account: Account) -> None:
    api, root = bare(account.gw)
    account.gw.create_model(
        restApiId=api, name="Pet", schema='{"type":"object"}', contentType="application/json"
    )
    account.gw.put_method(
        restApiId=api,
        resourceId=root,
        httpMethod="ANY",
        authorizationType="NONE",
        requestModels={"application/json": "Pet"},
    )

    def call() -> Any:
        return account.gw.delete_model(restApiId=api, modelName="Pet")

    words = "Cannot delete model 'Pet', is referenced in method request: //ANY"
    assert refused(call) == (CONFLICT, 409, words)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda gw: gw.create_authorizer(
                restApiId="nosuchapi0", name="a", type="TOKEN", authorizerUri="arn:aws:x"
            ),
            (
                CONFLICT,
                409,
                "Unable to complete operation due to concurrent modification. "
                "Please try again later.",
            ),
        ),
        (
            lambda gw: gw.create_request_validator(restApiId="nosuchapi0"),
            (BAD, 400, "Invalid REST API identifier specified"),
        ),
        (
            lambda gw: gw.get_model(restApiId="nosuchapi0", modelName="Pet"),
            (MISSING, 404, "Invalid model name specified: Pet"),
        ),
        (
            lambda gw: gw.get_method(restApiId="nosuchapi0", resourceId="nosuch", httpMethod="GET"),
            (MISSING, 404, "Invalid Resource identifier specified"),
        ),
        (
            lambda gw: gw.get_models(restApiId="nosuchapi0"),
            (MISSING, 404, "Invalid API identifier specified 123456789012:nosuchapi0"),
        ),
    ],
)
def test_an_unknown_api_is_told_in_many_ways(gw: Any, call: Any, expected: Any) -> None:
    assert refused(lambda: call(gw)) == expected


def test_a_method_is_tried_out_without_key_and_deployment(account: Account) -> None:
    api, root = bare(account.gw)
    pet = account.gw.create_resource(restApiId=api, parentId=root, pathPart="{petId}")["id"]
    method = {"restApiId": api, "resourceId": pet, "httpMethod": "GET"}
    account.gw.put_method(**method, authorizationType="NONE", apiKeyRequired=True)
    templates = {"application/json": '{"statusCode": 200}'}
    account.gw.put_integration(**method, type="MOCK", requestTemplates=templates)
    account.gw.put_integration_response(
        **method,
        statusCode="200",
        responseTemplates={"application/json": '{"petId": "$input.params(\'petId\')"}'},
    )
    answer = account.gw.test_invoke_method(**method, pathWithQueryString="/123?foo=bar")
    assert (answer["status"], answer["body"]) == (200, '{"petId": "123"}')
    assert "Method request path: {petId=123}\n" in answer["log"]
    assert "Method request query string: {foo=bar}\n" in answer["log"]
    assert answer["log"].endswith("Method completed with status: 200\n")
    assert account.emulator.calls()[-1]["params"] == method
    assert "TestInvokeMethod" not in [e["detail"]["eventName"] for e in account.events]


def test_a_method_without_integration_is_tried_out_in_vain(gw: Any) -> None:
    api, root = bare(gw)
    method = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    gw.put_method(**method, authorizationType="NONE")
    gw.put_integration(**method, type="MOCK")
    answer = gw.test_invoke_method(**method)
    assert answer["status"] == 500
    assert answer["headers"]["x-amzn-ErrorType"] == "InternalServerErrorException"
