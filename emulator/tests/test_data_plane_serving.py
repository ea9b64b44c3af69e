from __future__ import annotations

from typing import Any

import pytest

from emulator.request import Request
from emulator.routing import find, tree
from emulator.tests.gateway_lab import VALUE, Lab, keyed, mock
from emulator.vtl import TemplateError, render


def lab_with(methods: dict[str, dict[str, Any]], **stage: Any) -> Lab:
    lab = Lab()
    lab.deploy(lab.api(methods), "prod", **stage)
    return lab


@pytest.mark.parametrize(
    ("path", "resource", "parameters"),
    [
        ("/pets", "/pets", {}),
        ("/pets/", "/pets", {}),
        ("/pets/open", "/pets/open", {}),
        ("/pets/17", "/pets/{id}", {"id": "17"}),
        ("/pets/a%2Fb", "/pets/{id}", {"id": "a/b"}),
        ("/pets/17/toys", "/pets/{id}/toys", {"id": "17"}),
        ("/pets/open/toys", "/pets/{id}/toys", {"id": "open"}),
        ("/pets/17/other", "/{proxy+}", {"proxy": "pets/17/other"}),
        ("/x", "/{proxy+}", {"proxy": "x"}),
        ("/", "/", {}),
    ],
)
def test_the_most_specific_resource_answers(
    path: str, resource: str, parameters: dict[str, str]
) -> None:
    paths = ["/", "/pets", "/pets/open", "/pets/{id}", "/pets/{id}/toys", "/{proxy+}"]
    route = find(tree(paths), path)
    assert route is not None
    assert (route.path, route.parameters) == (resource, parameters)


def test_a_greedy_resource_does_not_answer_for_its_parent() -> None:
    assert find(tree(["/a/{proxy+}"]), "/a") is None


@pytest.mark.parametrize("line", ["GET /nosuch", "DELETE /a"])
def test_an_unknown_path_or_verb_is_a_missing_authentication_token(line: str) -> None:
    reply = lab_with({"GET /a": mock()}).call(line)
    assert (reply.status, reply.body) == (403, b'{"message":"Missing Authentication Token"}')
    assert reply.headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"


def test_any_answers_for_verbs_without_a_method() -> None:
    lab = lab_with({"ANY /a": mock('"any"'), "GET /a": mock('"get"')})
    assert (lab.call("GET /a").json, lab.call("PUT /a").json) == ("get", "any")


def test_a_canary_gets_its_share_with_its_variables() -> None:
    lab = Lab()
    api = lab.api({"GET /a": mock("$stageVariables.color")})
    canary = lab.deploy(api, "other")
    settings = {"percentTraffic": 25.0, "deploymentId": canary}
    overrides = {"stageVariableOverrides": {"color": "green"}}
    lab.deploy(api, "prod", variables={"color": "blue"}, canarySettings={**settings, **overrides})
    seen = [lab.call("GET /a").body for _ in range(400)]
    assert set(seen) == {b"blue", b"green"}
    assert 60 < seen.count(b"green") < 140


def test_a_signed_method_wants_a_signature_and_the_key() -> None:
    lab = lab_with({"GET /a": keyed(authorizationType="AWS_IAM")})
    lab.plan(lab.key())
    signed = "AWS4-HMAC-SHA256 Credential=testing/x, SignedHeaders=host, Signature=0"
    assert lab.call("GET /a", VALUE).status == 403
    assert lab.call("GET /a", authorization=signed).body == b'{"message":"Forbidden"}'
    assert lab.call("GET /a", VALUE, authorization=signed).status == 200


@pytest.mark.parametrize(
    ("token", "status", "error"),
    [
        (None, 401, "UnauthorizedException"),
        ("unauthorized", 401, "UnauthorizedException"),
        ("deny", 403, "AccessDeniedException"),
        ("Bearer anything", 200, None),
    ],
)
def test_an_authorizer_goes_before_the_integration(
    token: str | None, status: int, error: str | None
) -> None:
    lab = Lab()
    api = lab.api({"GET /a": mock(authorizationType="CUSTOM", authorizerId="x")})
    api.authorizers["x"] = {"identitySource": "method.request.header.Auth", "type": "TOKEN"}
    lab.deploy(api, "prod")
    reply = lab.call("GET /a", **({"auth": token} if token else {}))
    assert (reply.status, reply.headers.get("x-amzn-errortype")) == (status, error)


def test_a_mock_chooses_its_response_by_the_status_and_sets_headers() -> None:
    method = mock()
    method["methodIntegration"] = {
        "type": "MOCK",
        "requestTemplates": {
            "application/json": '{"statusCode": #if($input.params("x") == "1")404#{else}200#end}'
        },
        "integrationResponses": {
            "404": {"statusCode": "404", "selectionPattern": "4\\d{2}"},
            "200": {
                "statusCode": "200",
                "responseParameters": {
                    "method.response.header.Access-Control-Allow-Origin": "'*'",
                    "method.response.header.X-Stage": "context.stage",
                    "method.response.header.Content-Type": "'text/html'",
                },
                "responseTemplates": {"text/html": "<b>$context.stage</b>"},
            },
        },
    }
    lab = lab_with({"GET /a": method})
    page = lab.call("GET /a")
    assert (page.status, page.body) == (200, b"<b>prod</b>")
    assert page.headers["access-control-allow-origin"] == "*"
    assert page.headers["x-stage"] == "prod"
    assert page.headers["content-type"] == "text/html"
    assert lab.call("GET /a?x=1").status == 404


@pytest.mark.parametrize(
    "integration",
    [
        {"type": "MOCK"},
        {"type": "MOCK", "requestTemplates": {"application/json": '{"statusCode": 200}'}},
        {"type": "MOCK", "requestTemplates": {"application/json": "#if($x)"}},
    ],
)
def test_an_incomplete_mock_is_an_internal_server_error(integration: dict[str, Any]) -> None:
    reply = lab_with({"GET /a": mock(methodIntegration=integration)}).call("GET /a")
    assert (reply.status, reply.body) == (500, b'{"message":"Internal server error"}')


def test_a_mock_that_takes_no_other_media_type_answers_415() -> None:
    method = mock()
    method["methodIntegration"]["passthroughBehavior"] = "NEVER"
    lab = lab_with({"POST /a": method})
    assert lab.call("POST /a", content_type="text/plain").status == 415
    assert lab.call("POST /a", content_type="application/json; charset=utf-8").status == 200


def test_other_integrations_echo_the_request_without_any_key_value() -> None:
    proxy = keyed(methodIntegration={"type": "HTTP_PROXY", "uri": "https://${stageVariables.h}/x"})
    lab = lab_with({"POST /{id}": proxy}, variables={"h": "example.org"})
    lab.plan(lab.key())
    lab.key("another-fake-value-0002")
    reply = lab.call(f"POST /7?v={VALUE}", VALUE, body="another-fake-value-0002", x_own=VALUE)
    assert reply.status == 200
    assert (reply.json["uri"], reply.json["pathParameters"]) == (
        "https://example.org/x",
        {"id": "7"},
    )
    assert reply.json["apiKeyId"] == "key0"
    assert VALUE not in reply.body.decode()
    assert "another-fake-value-0002" not in reply.body.decode()


def test_a_gateway_response_rewords_a_refusal() -> None:
    lab = Lab()
    api = lab.api({"GET /a": keyed()})
    api.gateway_responses["DEFAULT_4XX"] = {
        "statusCode": "418",
        "responseParameters": {"gatewayresponse.header.X-Why": "'no key'"},
        "responseTemplates": {"application/json": '{"why":$context.error.messageString}'},
    }
    lab.deploy(api, "prod")
    reply = lab.call("GET /a")
    assert (reply.status, reply.body) == (418, b'{"why":"Forbidden"}')
    assert reply.headers["x-why"] == "no key"


def test_required_parameters_are_asked_for_where_a_validator_says_so() -> None:
    lab = Lab()
    wanted = {"method.request.querystring.q": True, "method.request.header.h": False}
    api = lab.api({"GET /a": mock(requestValidatorId="v", requestParameters=wanted)})
    api.request_validators["v"] = {"id": "v", "validateRequestParameters": True}
    lab.deploy(api, "prod")
    assert lab.call("GET /a").json == {"message": "Missing required request parameters: [q]"}
    assert lab.call("GET /a?q=1").status == 200


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain $5 #1 \\$x", "plain $5 #1 $x"),
        ("$name $!name $nope $!nope ${name}s", "Ann Ann $nope  Anns"),
        ("#set($x = 1 + 2 * 3)$x", "7"),
        ('#set($x = "Hi $name")\n$x', "Hi Ann"),
        ("#if($n > 2 && !$nope)big#elseif($n == 2)two#{else}small#end", "two"),
        ("#foreach($i in [1..3])$i#if($foreach.hasNext),#end#end", "1,2,3"),
        ("#foreach($k in $map.keySet())$k=$map.get($k);#end", "a=1;b=2;"),
        ("## gone\n#* gone\n too *#kept", "kept"),
        ("$name.toUpperCase().replaceAll('N', 'm')", "Amm"),
        ("#set($m = {'a': [1, 'x']})$m.a[1]$m.a.size()", "x2"),
        ("#set($map.c = 'new')$map.c", "new"),
        ("$map", "{a=1, b=2}"),
    ],
)
def test_templates_render(template: str, text: str) -> None:
    variables = {"name": "Ann", "n": 2, "map": {"a": 1, "b": 2}}
    assert render(template, variables) == text


@pytest.mark.parametrize("template", ["#if(true)", "#set($x)", "#end", "#set($x = 'a)", "$x.y("])
def test_a_template_that_cannot_be_read_is_an_error(template: str) -> None:
    with pytest.raises(TemplateError):
        render(template, {})


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("$input.json('$.a.b[0]')", "7"),
        ("$input.json('$')", '{"a":{"b":[7,8]},"t":"q\\"x"}'),
        ("$input.path('$.a.b').size()", "2"),
        ("$input.path('$.a.b[*]')", "[7, 8]"),
        ("$util.escapeJavaScript($input.path('$.t'))", 'q\\"x'),
        ("$input.params('q')-$input.params().path.id-$input.params('none')", "1-5-"),
        ("$context.httpMethod $context.resourcePath $context.nothing", "POST /{id} "),
        ("$util.base64Decode($util.base64Encode('abc'))", "abc"),
    ],
)
def test_templates_see_the_request(template: str, text: str) -> None:
    body = b'{"a": {"b": [7, 8]}, "t": "q\\"x"}'
    request = Request("POST", "api1", "prod", "/5", "q=1", {}, body, "123456789012", 0.0, "id")
    request.resource, request.path_parameters = "/{id}", {"id": "5"}
    assert render(template, request.template_variables()) == text
