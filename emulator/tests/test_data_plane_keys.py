from __future__ import annotations

import pytest

from emulator.tests.gateway_lab import VALUE, Lab, Reply, keyed, mock


def is_forbidden(reply: Reply) -> bool:
    return (
        reply.status == 403
        and reply.body == b'{"message":"Forbidden"}'
        and reply.headers["x-amzn-errortype"] == "ForbiddenException"
    )


@pytest.fixture
def lab() -> Lab:
    made = Lab()
    made.api({"GET /a": keyed(), "GET /open": mock()})
    return made


def test_a_key_in_a_plan_of_the_stage_opens_the_method(lab: Lab) -> None:
    lab.plan(lab.key())
    assert lab.call("GET /a", VALUE).json == {"ok": True}


def test_no_key_and_a_wrong_key_are_forbidden_in_the_same_words(lab: Lab) -> None:
    assert is_forbidden(lab.call("GET /a"))
    assert is_forbidden(lab.call("GET /a", "no-such-value-0000000000"))


def test_a_key_in_no_plan_is_forbidden(lab: Lab) -> None:
    lab.key()
    assert is_forbidden(lab.call("GET /a", VALUE))


def test_a_disabled_key_is_forbidden(lab: Lab) -> None:
    lab.plan(lab.key(enabled=False))
    assert is_forbidden(lab.call("GET /a", VALUE))


def test_a_key_of_another_stage_is_forbidden(lab: Lab) -> None:
    lab.plan(lab.key(), stages=("dev",))
    assert is_forbidden(lab.call("GET /a", VALUE))


def test_an_unknown_stage_answers_like_a_bad_key(lab: Lab) -> None:
    assert is_forbidden(lab.call("GET /a", VALUE, stage="nosuch"))


def test_a_refusal_has_no_trace_id_and_no_retry_after(lab: Lab) -> None:
    headers = lab.call("GET /a").headers
    assert not {"x-amzn-trace-id", "retry-after"} & set(headers)
    assert {"x-amzn-requestid", "x-amz-apigw-id"} <= set(headers)
    assert headers["content-type"] == "application/json"


def test_an_accepted_call_has_a_trace_id(lab: Lab) -> None:
    assert lab.call("GET /open").headers["x-amzn-trace-id"].startswith("Root=1-")


def test_an_open_method_takes_any_key(lab: Lab) -> None:
    assert lab.call("GET /open", "wrong").status == 200


def test_an_open_method_refuses_a_key_with_a_spent_quota_even_when_it_is_disabled(lab: Lab) -> None:
    key = lab.key()
    lab.plan(key, quota={"limit": 1, "period": "DAY"})
    assert [lab.call("GET /a", VALUE).status for _ in range(2)] == [200, 429]
    key.settings["enabled"] = False
    assert lab.call("GET /open", VALUE).body == b'{"message":"Limit Exceeded"}'
    assert is_forbidden(lab.call("GET /a", VALUE))


def test_an_open_method_shows_the_key_it_was_sent(lab: Lab) -> None:
    told = "$context.identity.apiKey/$context.identity.apiKeyId"
    lab.api({"GET /open": mock(told)})
    lab.key()
    assert lab.call("GET /open", VALUE).body.decode() == f"{VALUE}/key0"
    assert lab.call("GET /open", "wrong").body == b"wrong/"
    assert lab.call("GET /open").body == b"/"


def test_the_method_as_deployed_counts(lab: Lab) -> None:
    api = lab.state.rest_apis["api1"]
    api.by_path()["/open"].methods["GET"]["apiKeyRequired"] = True
    assert lab.call("GET /open").status == 200
    lab.deploy(api, "prod")
    assert is_forbidden(lab.call("GET /open"))


def test_the_authorizer_source_takes_the_usage_identifier_key_only() -> None:
    lab = Lab()
    method = keyed(authorizationType="CUSTOM", authorizerId="auth")
    api = lab.api({"GET /a": method, "GET /b": keyed()}, apiKeySource="AUTHORIZER")
    api.authorizers["auth"] = {"id": "auth", "type": "TOKEN"}
    lab.deploy(api, "prod")
    lab.plan(lab.key())
    assert lab.call("GET /a", authorization=f"allow {VALUE}").status == 200
    assert is_forbidden(lab.call("GET /a", VALUE, authorization="allow"))
    assert is_forbidden(lab.call("GET /b", VALUE))


def test_the_header_source_ignores_the_usage_identifier_key() -> None:
    lab = Lab()
    api = lab.api({"GET /a": keyed(authorizationType="CUSTOM", authorizerId="auth")})
    api.authorizers["auth"] = {"id": "auth", "type": "TOKEN"}
    lab.deploy(api, "prod")
    lab.plan(lab.key())
    assert is_forbidden(lab.call("GET /a", authorization=f"allow {VALUE}"))
