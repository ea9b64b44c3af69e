"""The one-time claim on the bench: the link, the value once, and what goes wrong."""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from keyward.customers.claim import TOKEN, digest_of, new_token
from keyward.report.html.claim import HEADERS, PAGE
from keyward.values import DAY, JSON, iso
from local.bench import Bench
from local.lifetime.states import StateFailed
from tests.support import load_event


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        made.api({"/pets": {"get": None}})
        made.send("CustomerSignedUp", customer_id="acme", plan="free")
        made.run()
        yield made


def link(bench: Bench, **more: Any) -> str:
    """The token of a new link."""
    made = bench.invoke("CreateClaim", {"customer_id": "acme"} | more)
    return str(made["url"].partition("#")[2])


def request(token: object, method: str = "POST") -> JSON:
    event: JSON = load_event("claim-key")
    event["requestContext"]["http"]["method"] = method
    return event | {"body": json.dumps({"token": token})}


def click(bench: Bench, token: object) -> tuple[int, JSON]:
    answer = bench.invoke("ClaimKey", request(token))
    return answer["statusCode"], json.loads(answer["body"])


def announced(bench: Bench) -> list[JSON]:
    return [event["detail"] for event in bench.announced if event["detail-type"] == "KeyClaimed"]


def test_a_link_gives_the_value_once_with_a_receipt(bench: Bench) -> None:
    made = bench.invoke("CreateClaim", load_event("create-claim"))
    url, _, token = made["url"].partition("#")
    assert url == bench.stack.environment["CLAIM_URL"]
    assert made["expires_at"] == iso(bench.clock.now() + DAY)

    status, body = click(bench, token)
    assert (status, body["value"]) == (200, bench.value("acme"))
    assert set(body) == {"key_id", "value"}
    assert click(bench, token)[0] == 410

    [event] = announced(bench)
    assert (event["customer_id"], event["key_id"]) == ("acme", body["key_id"])
    assert event.keys() == load_event("key-claimed")["detail"].keys()
    lines = [i for i in bench.tables["LedgerTable"].scan()["Items"] if "claim" in i["action"]]
    assert [(line["action"], line["asked"]["by"]) for line in lines] == [
        ("create_claim", "console"),
        ("claim_key", "link"),
    ]


def test_of_a_thousand_clicks_at_once_one_gets_the_value(bench: Bench) -> None:
    token, answers = link(bench), []
    # Any other click may come between any two calls.
    chance, scheduler = random.Random(4), bench.account.scheduler
    bench.account.watch = lambda *_: scheduler.sleep(chance.random() / 50)
    for _ in range(1000):
        then = answers.append
        bench.account.invoke("ClaimKey", request(token), lambda answer, _, then=then: then(answer))
    bench.run()
    statuses = sorted(answer["statusCode"] for answer in answers)
    assert statuses == [200] + [410] * 999
    assert len(announced(bench)) == 1
    assert [call["operation"] for call in bench.calls].count("GetApiKey") == 1


WRONG = [None, 7, "", {}, "a" * 43, "../" * 15, "é" * 43, new_token()]


# Workers of one run have to agree on the names of tests, and a new token is new for each.
@pytest.mark.parametrize("token", WRONG, ids=range(len(WRONG)))
def test_a_wrong_token_is_not_found(bench: Bench, token: object) -> None:
    link(bench)
    status, body = click(bench, token)
    assert (status, set(body)) == (404, {"reason"})


@pytest.fixture
def as_deep_as_lambda() -> Iterator[None]:
    """Hypothesis lets tests call themselves more often than Python does by itself."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(limit)


# Of a long body the first kilobyte is read: as deep as Python reads no JSON.
BODIES = [None, "", "no JSON", "[]", "7", "{", "\x00", "[" * 2000, '{"token":' * 200, '"\xff"']


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.usefixtures("as_deep_as_lambda")
def test_a_body_that_is_none_is_not_found(bench: Bench, body: str | None) -> None:
    answer = bench.invoke("ClaimKey", request("") | {"body": body})
    assert answer["statusCode"] == 404
    answer = bench.invoke("ClaimKey", request("") | {"body": body, "isBase64Encoded": True})
    assert answer["statusCode"] == 404


def test_an_expired_link_says_so_and_gives_nothing(bench: Bench) -> None:
    token = link(bench, expires_in_hours=0.5)
    bench.advance(1800)
    status, body = click(bench, token)
    assert (status, "expired" in body["reason"]) == (410, True)
    assert announced(bench) == []


FAULTS = [
    ("apigateway", "GetApiKey", 500, 503),
    ("apigateway", "GetApiKey", "timeout_before", 503),
    ("lambda", "Invoke", "TooManyRequestsException", 503),
    ("dynamodb", "Query", "InternalServerError", 503),
    ("events", "PutEvents", "InternalException", 503),
    ("dynamodb", "PutItem", "InternalServerError", 503),
]


@pytest.mark.parametrize(("client", "operation", "error", "status"), FAULTS)
def test_a_claim_that_broke_off_is_free_again_at_once(
    bench: Bench, client: str, operation: str, error: str | int, status: int
) -> None:
    token = link(bench)
    bench.fault(client, operation, 1, error)
    assert click(bench, token)[0] == status
    bench.clear_faults()
    assert click(bench, token)[0] == 200
    assert click(bench, token)[0] == 410


def test_a_claim_whose_reader_died_is_free_after_half_a_minute(bench: Bench) -> None:
    token = link(bench)
    bench.fault("events", "PutEvents", 1, "death_before")
    with pytest.raises(StateFailed):
        click(bench, token)
    bench.clear_faults()
    assert click(bench, token)[0] == 409
    bench.advance(30)
    assert click(bench, token)[0] == 200


def test_a_key_that_is_gone_is_told_and_keeps_the_link(bench: Bench) -> None:
    token = link(bench)
    [key] = bench.gateway.get_api_keys()["items"]
    bench.gateway.delete_api_key(apiKey=key["id"])
    status, body = click(bench, token)
    assert (status, "no longer exists" in body["reason"]) == (410, True)
    assert announced(bench) == []


def test_a_link_is_for_the_key_that_stays_or_for_one_that_is_named(bench: Bench) -> None:
    bench.send("KeyRotationRequested", customer_id="acme")
    bench.run()
    assert click(bench, link(bench))[1]["value"] == bench.value("acme")
    bench.put(customer_id="acme", plan="free", status="active", keys=2)
    bench.run()
    with pytest.raises(StateFailed, match="several keys"):
        link(bench)
    [first, *_] = bench.gateway.get_api_keys()["items"]
    assert click(bench, link(bench, key_id=first["id"]))[1]["key_id"] == first["id"]


@pytest.mark.parametrize(
    "wrong",
    [{"customer_id": "nobody"}, {"key_id": "nosuchkey1"}, {"customer_id": "no/id"}, {"hours": 1}]
    + [{"key_id": odd} for odd in ([], {}, 7, True)]
    + [{"expires_in_hours": hours} for hours in (0, -1, 169, "1", True, float("nan"))],
)
def test_a_link_that_cannot_be_is_refused_and_leaves_nothing(bench: Bench, wrong: JSON) -> None:
    with pytest.raises(StateFailed, match=r"^(CustomerNotFoundError|InvalidInputError)"):
        link(bench, **wrong)
    assert bench.tables["ClaimsTable"].scan()["Items"] == []


def test_neither_token_nor_value_is_stored_or_announced(bench: Bench) -> None:
    token = link(bench)
    assert click(bench, token)[0] == 200
    stored = {name: table.scan()["Items"] for name, table in bench.tables.items()}
    everything = json.dumps([stored, bench.announced], default=str)
    assert digest_of(token) in everything
    assert token not in everything
    assert bench.value("acme") not in everything
    [claim] = stored["ClaimsTable"]
    assert claim["ttl"] > claim["expires_at"]


def test_a_token_is_256_bits_that_nobody_can_guess() -> None:
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(TOKEN.fullmatch(token) for token in tokens)
    # Each character of base64 is drawn: 43 of them hold 256 bits.
    assert all(len({token[place] for token in tokens}) > 50 for place in range(42))


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "HEAD"])
def test_every_answer_forbids_storing_framing_sniffing_and_referrers(
    bench: Bench, method: str
) -> None:
    answer = bench.invoke("ClaimKey", request("x", method))
    assert answer["headers"].items() >= HEADERS.items()
    assert HEADERS["cache-control"] == "no-store"
    assert HEADERS["referrer-policy"] == "no-referrer"
    assert HEADERS["x-content-type-options"] == "nosniff"
    policy = HEADERS["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy


def test_the_page_names_no_other_address_and_has_no_inline_handlers() -> None:
    assert re.findall(r"(?:src|href)=\"(?!data:,)", PAGE) == []
    assert re.findall(r"\son\w+=|style=", PAGE) == []
