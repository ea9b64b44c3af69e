"""`keyward key claim`, `reveal` and `rotate`."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator

import pytest

from tests.cli.desk import Desk, desk_of
from tests.support import load_event


@pytest.fixture
def desk(capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    with desk_of(capsys) as made:
        made.bench.send("CustomerSignedUp", customer_id="acme", plan="free")
        made.bench.run()
        yield made


def test_a_link_that_the_command_makes_gives_the_key(desk: Desk) -> None:
    code, out, err = desk.run("key", "claim", "--customer", "acme", "--for", "30m")
    assert (code, err) == (0, "")
    url, words = out.splitlines()
    assert re.fullmatch(r"It works once, until \S+\.", words)
    body = json.dumps({"token": url.partition("#")[2]})
    answer = desk.bench.invoke("ClaimKey", load_event("claim-key") | {"body": body})
    assert json.loads(answer["body"])["value"] == desk.bench.value("acme")


def test_no_link_is_made_to_a_key_that_opens_nothing(desk: Desk) -> None:
    for event in ("CustomerSuspended", "CustomerClosed"):
        desk.bench.send(event, customer_id="acme")
        desk.bench.run()
        lines = len(desk.bench.tables["LedgerTable"].scan()["Items"])
        code, out, err = desk.run("key", "claim", "--customer", "acme")
        assert (code, out) == (2, "")
        assert len(desk.bench.tables["LedgerTable"].scan()["Items"]) == lines
        if event == "CustomerSuspended":
            remedy = err.partition("Enable it first: ")[2].strip()
            assert desk.run(*shlex.split(remedy)[1:])[0] == 0
            assert desk.run("key", "claim", "--customer", "acme")[0] == 0


def test_a_value_is_revealed_to_who_may(desk: Desk) -> None:
    code, out, _ = desk.run("key", "reveal", "--customer", "acme", "--json")
    assert code == 0
    [key] = json.loads(out)["keys"]
    assert key["value"] == desk.bench.value("acme")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("claim", "--customer", "nobody"), "customer nobody has no key"),
        (("reveal", "--customer", "acme", "--key-id", "x"), "has no key of this key_id"),
        (("claim", "--customer", "acme", "--for", "2w"), "above 0, up to 168"),
        (("rotate", "--customer", "no/id"), "customer_id"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    desk: Desk, words: tuple[str, ...], sentence: str
) -> None:
    code, out, err = desk.run("key", *words)
    assert (code, out) == (2, "")
    assert sentence in err


def test_a_stack_without_a_claim_page_says_how_to_get_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keyward.cli.stack.Stacks.resources", lambda *_: {"EventBus": "b"})
    code, _, err = desk.run("key", "claim", "--customer", "acme")
    assert (code, "Deploy it with ClaimPage=on" in err) == (2, True)


def test_a_leaked_key_is_stopped_and_replaced(desk: Desk) -> None:
    before = desk.bench.value("acme")
    assert desk.run("key", "rotate", "--customer", "acme", "--leaked")[0] == 0
    assert desk.bench.value("acme") != before
    kinds = {event["detail-type"] for event in desk.bench.announced}
    assert {"KeyDisabled", "KeyRotated"} <= kinds


def test_a_misspelt_customer_is_not_reported_as_rotated(desk: Desk) -> None:
    told = len(desk.bench.announced)
    code, out, err = desk.run("key", "rotate", "--customer", "acmee", "--leaked")
    assert (code, out, "no customer acmee is known" in err) == (2, "", True)
    assert len(desk.bench.announced) == told
