"""What a client of a stage gets."""

from __future__ import annotations

import pytest

from emulator.tests.conformance.account import Account, Api
from emulator.tests.conformance.answers import FUNCTION, KEYED, OPEN, Reply, replace
from emulator.tests.conformance.tags import documented, emulator_only, recorded

DATA = "9 Data plane with keys: "
TYPE = "x-amzn-errortype"


def is_forbidden(reply: Reply) -> bool:
    return (reply.status, reply.body, reply.headers.get(TYPE)) == (
        403,
        b'{"message":"Forbidden"}',
        "ForbiddenException",
    )


def with_authorizer(account: Account, method: dict[str, object], **settings: str) -> Api:
    """An API whose GET /a asks a Lambda authorizer; the function is nobody's on AWS."""
    api = account.bare_api(**settings)
    made = account.gw.create_authorizer(
        restApiId=api.id,
        name="a",
        type="TOKEN",
        authorizerUri=FUNCTION,
        identitySource="method.request.header.Authorization",
    )
    api.method("GET /a", authorizationType="CUSTOM", authorizerId=made["id"], **method)
    api.method("GET /b", **KEYED)
    api.deploy("prod")
    return api


@documented("usage plans: a method that asks for no key answers everybody")
def test_an_open_method_answers_its_body(account: Account) -> None:
    api = account.api({"GET /a": OPEN}, stage="prod")
    assert account.sees(200, api).json == {"ok": True}


@recorded(DATA + "no key, 23 bytes, no byte more")
def test_no_key_is_forbidden(account: Account) -> None:
    reply = account.sees(403, account.api(stage="prod"))
    assert is_forbidden(reply)
    assert len(reply.body) == 23


@recorded(DATA + "no Retry-After, no trace id on a refusal; a trace id on 200")
def test_only_an_answer_has_a_trace_id(account: Account) -> None:
    api = account.api({"GET /a": KEYED, "GET /open": OPEN}, stage="prod")
    opened, refused = account.sees(200, api, "GET /open"), account.sees(403, api)
    assert opened.headers["x-amzn-trace-id"]
    assert not {"x-amzn-trace-id", "retry-after"} & set(refused.headers)


@recorded(DATA + "a key in a plan of the stage")
def test_a_customer_comes_in(account: Account) -> None:
    api = account.api(stage="prod")
    _, key = account.customer(api)
    assert account.sees(200, api, key=key).json == {"ok": True}


@recorded(DATA + "wrong, disabled, in no plan, in a plan without this stage: all the same")
@pytest.mark.parametrize("case", ["wrong", "disabled", "in no plan", "in a plan of another stage"])
def test_a_key_that_does_not_fit_is_forbidden(account: Account, case: str) -> None:
    api = account.api(stage="prod")
    api.deploy("dev")
    key = account.key(enabled=case != "disabled")
    if case == "disabled":
        account.attach(account.plan((api, "prod")), key)
    if case == "in a plan of another stage":
        account.attach(account.plan((api, "dev")), key)
    value = account.value() if case == "wrong" else key["value"]
    account.sees(403, api)
    assert is_forbidden(account.call(api, key=value))


@recorded("1 CreateApiKey: legacy stageKeys without a plan are refused")
def test_stage_keys_let_nobody_in(account: Account) -> None:
    api = account.api(stage="prod")
    key = account.key(stageKeys=[{"restApiId": api.id, "stageName": "prod"}])
    assert is_forbidden(account.sees(403, api, key=key))


@recorded(DATA + "an unknown stage answers like a bad key")
def test_an_unknown_stage_is_forbidden(account: Account) -> None:
    api = account.api({"GET /a": OPEN}, stage="prod")
    assert is_forbidden(account.sees(403, api, stage="nosuch"))


@recorded(DATA + "unknown path or verb")
@pytest.mark.parametrize("line", ["GET /nosuch", "DELETE /a"])
def test_an_unknown_method_is_a_missing_token(account: Account, line: str) -> None:
    api = account.api({"GET /a": OPEN}, stage="prod")
    account.sees(200, api)
    reply = account.call(api, line)
    assert (reply.status, reply.json) == (403, {"message": "Missing Authentication Token"})
    assert reply.headers[TYPE] == "MissingAuthenticationTokenException"


@recorded(DATA + "the header has no case (sent X-API-Key)")
@pytest.mark.parametrize("name", ["X-API-Key", "x-api-key", "X-Api-Key"])
def test_the_header_has_no_case(account: Account, name: str) -> None:
    api = account.api(stage="prod")
    _, key = account.customer(api)
    account.sees(200, api, key=key)
    assert account.call(api, **{name: key["value"]}).status == 200


@recorded(DATA + "a route that needs no key takes any")
def test_an_open_method_takes_a_wrong_key(account: Account) -> None:
    api = account.api({"GET /a": OPEN}, stage="prod")
    account.sees(200, api)
    assert account.call(api, key=account.value()).status == 200


@recorded(DATA + "a route that needs no key shows the key and, of a known one, its id")
def test_an_open_method_tells_which_key_was_sent(account: Account) -> None:
    api = account.bare_api()
    api.method("GET /a", body="$context.identity.apiKey|$context.identity.apiKeyId", **OPEN)
    api.deploy("prod")
    key = account.key()
    account.sees(200, api)
    assert account.call(api, key="wrong").body == b"wrong|"
    assert account.call(api, key=key).body.decode() == f"{key['value']}|{key['id']}"


@documented("apiKeySource HEADER: the key is read from X-API-Key only")
def test_a_key_in_the_query_is_none(account: Account) -> None:
    api = account.api(stage="prod")
    _, key = account.customer(api)
    account.sees(200, api, key=key)
    assert is_forbidden(account.call(api, f"GET /a?x-api-key={key['value']}"))


@recorded(DATA + "AWS_IAM and key: unsigned with a valid key is refused")
def test_a_key_is_no_signature(account: Account) -> None:
    signed = {"authorizationType": "AWS_IAM", "apiKeyRequired": True}
    api = account.api({"GET /a": signed, "GET /b": KEYED}, stage="prod")
    _, key = account.customer(api)
    account.sees(200, api, "GET /b", key=key)
    assert account.call(api, key=key).status == 403


@recorded(DATA + "CUSTOM without its identity header: 401, with or without a key")
def test_an_authorizer_wants_its_header(account: Account) -> None:
    api = with_authorizer(account, {"apiKeyRequired": True})
    _, key = account.customer(api)
    account.sees(200, api, "GET /b", key=key)
    for sent in (None, key):
        reply = account.call(api, key=sent)
        assert (reply.status, reply.headers[TYPE]) == (401, "UnauthorizedException")


@emulator_only
@recorded(DATA + "CUSTOM: Deny with a valid key 403, Allow without a key 403")
def test_authorizer_and_key_are_both_asked(account: Account) -> None:
    api = with_authorizer(account, {"apiKeyRequired": True})
    _, key = account.customer(api)
    assert account.call(api, key=key, Authorization="deny").status == 403
    assert is_forbidden(account.call(api, Authorization="allow"))
    assert account.call(api, key=key, Authorization="allow").status == 200


@emulator_only
@recorded(DATA + "apiKeySource AUTHORIZER: only usageIdentifierKey counts")
def test_the_authorizer_names_the_key(account: Account) -> None:
    api = with_authorizer(account, {"apiKeyRequired": True}, apiKeySource="AUTHORIZER")
    _, key = account.customer(api)
    assert account.call(api, Authorization=f"allow {key['value']}").status == 200
    assert is_forbidden(account.call(api, key=key, Authorization="allow"))
    assert is_forbidden(account.call(api, "GET /b", key=key))


@recorded(DATA + "UpdateMethod has no effect until CreateDeployment; other stages keep theirs")
def test_a_change_waits_for_a_deployment_of_the_stage(account: Account) -> None:
    api = account.api({"GET /a": OPEN}, stage="dev")
    api.deploy("prod")
    api.patch_method("GET /a", replace("/apiKeyRequired", "true"))
    account.sees(200, api)
    api.deploy("prod")
    account.sees(403, api)
    assert account.call(api, stage="dev").status == 200


@documented("patch operations: UpdateStage /deploymentId goes back")
def test_a_rollback_opens_again(account: Account) -> None:
    api = account.api({"GET /a": OPEN})
    first = api.deploy("prod")
    api.patch_method("GET /a", replace("/apiKeyRequired", "true"))
    api.deploy("prod")
    account.sees(403, api)
    api.patch_stage(replace("/deploymentId", first))
    account.sees(200, api)


@recorded("10 Propagation: disable, enable")
def test_a_disabled_key_is_shut_out_and_comes_back(account: Account) -> None:
    api = account.api(stage="prod")
    _, key = account.customer(api)
    account.sees(200, api, key=key)
    account.patch_key(key, replace("/enabled", "false"))
    account.sees(403, api, key=key)
    account.patch_key(key, replace("/enabled", "true"))
    account.sees(200, api, key=key)


@recorded("10 Propagation: detach, re-attach")
def test_a_detached_key_is_shut_out_and_comes_back(account: Account) -> None:
    api = account.api(stage="prod")
    plan, key = account.customer(api)
    account.sees(200, api, key=key)
    account.gw.delete_usage_plan_key(usagePlanId=plan, keyId=key["id"])
    account.sees(403, api, key=key)
    account.attach(plan, key)
    account.sees(200, api, key=key)
