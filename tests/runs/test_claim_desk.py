"""The desk of one-time links: what each click gets, what it costs the link, and the receipt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from keyward.customers.claim import RESERVED_SECONDS, Claim, digest_of, new_token
from keyward.errors import CustomerNotFoundError, PassingError
from keyward.runs.keys.claims import (
    BUSY,
    EXPIRED,
    LOOK_SECONDS,
    LOOKS,
    NO_KEY,
    NOT_READ,
    USED,
    WRONG,
    Answer,
    ClaimDesk,
    receipt,
    value_in,
)
from keyward.values import HOUR, JSON, iso
from tests.support import Bench, workbench

GIVEN = Answer(200, {"key_id": "key-1", "value": "the value of key-1 of acme"})


def refused(status: int, reason: str) -> Answer:
    return Answer(status, {"reason": reason})


@dataclass
class Lab:
    """A link to a key of acme. `reading` is called before its value is read."""

    bench: Bench
    token: str = field(default_factory=new_token)
    reading: Callable[[], object] = lambda: None
    read: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    pausing: Callable[[], object] = lambda: None

    @property
    def digest(self) -> str:
        return str(digest_of(self.token))

    def click(self, owner: str = "request-1") -> Answer:
        return ClaimDesk(self.bench.context(), self._reveal, self._pause).take(self.token, owner)

    def _reveal(self, customer_id: str, key_id: str) -> str:
        self.reading()
        self.read.append(key_id)
        return f"the value of {key_id} of {customer_id}"

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.pausing()

    def receipts(self) -> list[JSON]:
        return self.bench.registry.ledger.of("customer#acme")


@pytest.fixture
def lab() -> Iterator[Lab]:
    with workbench() as bench:
        made = Lab(bench)
        until = int(bench.clock.now()) + HOUR
        bench.registry.claims.add(Claim(made.digest, "acme", "key-1", until))
        yield made


def fail(error: Exception) -> Callable[[], object]:
    def reading() -> None:
        raise error

    return reading


def test_the_first_click_gets_the_value_and_every_other_is_told_so(lab: Lab) -> None:
    assert lab.click() == GIVEN
    for _ in range(2):
        assert lab.click() == refused(410, USED)
    assert (lab.read, lab.pauses) == (["key-1"], [])


def test_the_receipt_stands_in_the_ledger_and_is_announced(lab: Lab) -> None:
    now = lab.bench.clock.now()
    lab.click()
    [line] = lab.receipts()
    [entry] = lab.bench.bus.entries
    assert (line["action"], line["key"], line["asked"], line["at"]) == (
        "claim_key",
        "key-1",
        {"by": "link"},
        iso(now),
    )
    assert [event["event"] for event in line["events"]] == ["KeyClaimed"]
    detail = {name: entry["Detail"][name] for name in ("customer_id", "key_id", "at")}
    assert entry["DetailType"] == "KeyClaimed"
    assert detail == {"customer_id": "acme", "key_id": "key-1", "at": iso(now)}


@pytest.mark.parametrize("token", ["", None, 7, new_token()], ids=range(4))
def test_another_token_is_not_right(lab: Lab, token: object) -> None:
    desk = ClaimDesk(lab.bench.context(), lambda *_: "a value", lab.pauses.append)
    assert desk.take(token, "request-1") == refused(404, WRONG)
    assert lab.pauses == []


@pytest.mark.parametrize(("seconds", "answer"), [(HOUR - 1, GIVEN), (HOUR, refused(410, EXPIRED))])
def test_a_link_ends_at_its_time(lab: Lab, seconds: float, answer: Answer) -> None:
    lab.bench.clock.advance(seconds)
    assert lab.click() == answer


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (CustomerNotFoundError("no such key"), refused(410, NO_KEY)),
        (PassingError("busy"), refused(503, NOT_READ)),
    ],
    ids=["gone", "busy"],
)
def test_a_click_that_reads_nothing_costs_nobody_the_key(
    lab: Lab, error: Exception, answer: Answer
) -> None:
    lab.reading = fail(error)
    assert lab.click() == answer
    assert lab.receipts() == []
    lab.reading = lambda: None
    assert (lab.click("request-2"), lab.pauses) == (GIVEN, [])


def test_a_receipt_that_cannot_be_written_keeps_the_value_back(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus, announce = lab.bench.bus, lab.bench.bus.announce
    monkeypatch.setattr(bus, "announce", lambda entries: fail(PassingError("no bus"))())
    assert lab.click() == refused(503, NOT_READ)
    monkeypatch.setattr(bus, "announce", announce)
    assert lab.click("request-2") == GIVEN


def test_a_link_that_is_being_opened_is_looked_at_again_for_a_while(lab: Lab) -> None:
    lab.bench.registry.claims.reserve(lab.digest, "another", lab.bench.clock.now())
    assert lab.click() == refused(409, BUSY)
    assert lab.pauses == [LOOK_SECONDS] * LOOKS
    lab.pauses.clear()
    lab.pausing = lambda: lab.bench.registry.claims.free(lab.digest, "another")
    assert (lab.click(), lab.pauses) == (GIVEN, [LOOK_SECONDS])


def test_a_link_that_another_used_meanwhile_says_so(lab: Lab) -> None:
    claims, now = lab.bench.registry.claims, lab.bench.clock.now()
    claims.reserve(lab.digest, "another", now)
    lab.pausing = lambda: claims.use_up(lab.digest, "another", now)
    assert lab.click() == refused(410, USED)


def test_who_read_so_long_that_another_took_over_gets_nothing(lab: Lab) -> None:
    claims = lab.bench.registry.claims

    def taken_over() -> None:
        lab.bench.clock.advance(RESERVED_SECONDS)
        assert claims.reserve(lab.digest, "another", lab.bench.clock.now())

    lab.reading = taken_over
    assert lab.click() == refused(409, BUSY)
    assert claims.use_up(lab.digest, "another", lab.bench.clock.now())


def test_the_line_of_a_link_says_who_made_it() -> None:
    line = receipt("create_claim", Claim("d", "acme", "key-1", 9), 0, "console")
    assert (line["subject"], line["action"], line["key"]) == (
        "customer#acme",
        "create_claim",
        "key-1",
    )
    assert (line["asked"], line["at"]) == ({"by": "console"}, iso(0))


def test_the_value_is_that_of_the_one_key() -> None:
    assert value_in({"keys": [{"value": 7, "key_id": "key-1"}]}) == "7"
