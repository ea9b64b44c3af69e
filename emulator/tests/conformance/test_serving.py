"""How a stage routes and serves: paths, templates, preflight, gateway responses, canaries."""

from __future__ import annotations

from emulator.tests.conformance.account import Account
from emulator.tests.conformance.answers import KEYED, OPEN, Reply, replace
from emulator.tests.conformance.documents import MOCK
from emulator.tests.conformance.tags import believed, documented, emulator_only

TYPE = "x-amzn-errortype"


def is_forbidden(reply: Reply) -> bool:
    return (reply.status, reply.body, reply.headers.get(TYPE)) == (
        403,
        b'{"message":"Forbidden"}',
        "ForbiddenException",
    )


@documented("API reference: DeleteStage")
def test_a_deleted_stage_answers_no_more(account: Account) -> None:
    api = account.api({"GET /a": OPEN}, stage="prod")
    account.sees(200, api)
    account.gw.delete_stage(restApiId=api.id, stageName="prod")
    assert is_forbidden(account.sees(403, api))


@documented("developer guide: siblings of a proxy resource are not the proxy's")
def test_a_fixed_path_goes_before_a_greedy_one(account: Account) -> None:
    api = account.api({"ANY /{proxy+}": KEYED, "GET /health": OPEN}, stage="prod")
    account.sees(200, api, "GET /health")
    assert is_forbidden(account.call(api, "GET /some/where"))


@believed("a path parameter is one segment; a fixed sibling goes first")
def test_a_fixed_path_goes_before_a_parameter(account: Account) -> None:
    api = account.api({"GET /pets/{id}": KEYED, "GET /pets/open": OPEN}, stage="prod")
    account.sees(200, api, "GET /pets/open")
    assert is_forbidden(account.call(api, "GET /pets/17"))


@documented("API reference: ANY answers for verbs that have no method")
def test_any_takes_what_is_left(account: Account) -> None:
    api = account.api({"ANY /a": KEYED, "GET /a": OPEN}, stage="prod")
    account.sees(200, api)
    assert is_forbidden(account.call(api, "PUT /a"))
    assert is_forbidden(account.call(api, "OPTIONS /a"))


@documented("developer guide, stage variables: $stageVariables in a mapping template")
def test_stage_variables_reach_a_template(account: Account) -> None:
    api = account.bare_api()
    api.method("GET /a", body="$stageVariables.color", **OPEN)
    api.deploy("prod", variables={"color": "green"})
    assert account.sees(200, api).body == b"green"


@documented("developer guide, mapping templates: $input.params, $context")
def test_a_template_sees_the_request(account: Account) -> None:
    api = account.bare_api()
    body = "$input.params('id') $input.params('q') $context.httpMethod $context.resourcePath"
    api.method("GET /pets/{id}", body=body, **OPEN)
    api.deploy("prod")
    assert account.sees(200, api, "GET /pets/17?q=x").body == b"17 x GET /pets/{id}"


@documented("developer guide, CORS: headers by responseParameters of a MOCK")
def test_a_preflight_answers_its_headers_without_a_key(account: Account) -> None:
    api = account.api({"GET /a": KEYED})
    where = api.where("OPTIONS /a")
    name = "Access-Control-Allow-Origin"
    account.gw.put_method(**where, **OPEN)
    account.gw.put_integration(**where, type="MOCK", requestTemplates=MOCK["requestTemplates"])
    account.gw.put_method_response(
        **where, statusCode="200", responseParameters={f"method.response.header.{name}": False}
    )
    account.gw.put_integration_response(
        **where,
        statusCode="200",
        responseParameters={f"method.response.header.{name}": "'https://example.org'"},
    )
    api.deploy("prod")
    reply = account.sees(200, api, "OPTIONS /a")
    assert reply.headers[name.lower()] == "https://example.org"


@documented("developer guide, gateway responses: INVALID_API_KEY reworded")
def test_a_refusal_can_be_reworded(account: Account) -> None:
    api = account.api()
    account.gw.put_gateway_response(
        restApiId=api.id,
        responseType="INVALID_API_KEY",
        statusCode="401",
        responseTemplates={"application/json": '{"why":$context.error.messageString}'},
    )
    api.deploy("prod")
    assert account.sees(401, api).json == {"why": "Forbidden"}


@documented("developer guide, canary: a share of the traffic gets the canary's deployment")
def test_a_whole_canary_takes_all_traffic(account: Account) -> None:
    api = account.api({"GET /a": OPEN}, stage="prod")
    api.patch_method("GET /a", replace("/apiKeyRequired", "true"))
    api.deploy("prod", canarySettings={"percentTraffic": 100.0})
    assert is_forbidden(account.sees(403, api))


@documented("usage plans: one plan may cover several APIs")
def test_one_plan_opens_two_apis(account: Account) -> None:
    one, two, key = account.api(stage="prod"), account.api(stage="live"), account.key()
    account.attach(account.plan((one, "prod"), (two, "live")), key)
    account.sees(200, one, key=key)
    account.sees(200, two, key=key, stage="live")


@emulator_only
@believed("the emulator's echo of other integrations never shows a key")
def test_an_echo_shows_no_key(account: Account) -> None:
    api = account.bare_api()
    where = api.where("GET /a")
    account.gw.put_method(**where, **KEYED)
    account.gw.put_integration(
        **where, type="HTTP_PROXY", integrationHttpMethod="GET", uri="https://example.org/"
    )
    api.deploy("prod")
    _, key = account.customer(api)
    reply = account.call(api, f"GET /a?again={key['value']}", key=key, X_Other=key["value"])
    assert (reply.status, key["value"] in reply.body.decode()) == (200, False)
    assert reply.json["apiKeyId"] == key["id"]
