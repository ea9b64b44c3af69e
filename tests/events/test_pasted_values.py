"""A key value that somebody pastes into an event or a record is refused, and rests nowhere."""

from __future__ import annotations

import copy
import json
import random
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyward.events.incoming import EVENTS_IN
from keyward.events.key_value import BLOT, blotted, new_value
from keyward.values import JSON
from local.bench import Bench
from tests import tree
from tests.support import load_event

VALUE = new_value("kw")
SAMPLES = [
    event
    for path in sorted((tree.ROOT / "events" / "in").glob("*.json"))
    if (event := load_event(path.stem)).get("detail-type") in EVENTS_IN
]
AROUND = st.sampled_from(["", "found ", "x-api-key=", "kw", "7", "\n"])


@pytest.fixture(scope="module")
def shared() -> Iterator[Bench]:
    with Bench() as made:
        yield made


def everything(bench: Bench) -> str:
    """All that rests anywhere: tables, queues, announcements, runs, their names and answers, and
    objects."""
    account = bench.account
    rests: list[Any] = [table.scan()["Items"] for table in account.tables.by_name.values()]
    rests += [[vars(m) for m in queue.messages] for queue in account.queues.by_name.values()]
    rests += [bench.announced, [vars(run) for run in bench.runs], [*account.s3.objects.values()]]
    return json.dumps(rests, default=str)


def places(part: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    yield place
    if isinstance(part, dict):
        for name in part:
            yield from places(part[name], (*place, name))


def with_text(event: JSON, place: tuple[Any, ...], text: str, how: str) -> JSON:
    """The event with the text in the place, beside it, within it or as a name in it."""
    changed = copy.deepcopy(event)
    here: Any = changed
    for name in place[:-1]:
        here = here[name]
    if how == "instead":
        here[place[-1]] = text
    elif how == "nested":
        here[place[-1]] = {"a": [{"b": text}]}
    elif how == "name":
        here[place[-1]] = {text: 1}
    else:
        here[text if how == "named beside" else "more"] = text
    return changed


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SAMPLES), AROUND, AROUND, st.data())
def test_a_value_at_any_place_of_any_event_is_refused_and_rests_nowhere(
    shared: Bench, event: JSON, before: str, after: str, data: st.DataObject
) -> None:
    inside = [("detail",), *(("detail", *p) for p in places(event["detail"]) if p)]
    place = data.draw(st.sampled_from([*inside, ("source",), ("detail-type",)]))
    ways = ["instead", "nested", "name", "beside", "named beside"]
    how = data.draw(st.sampled_from(ways if len(place) > 1 else ways[:1]))
    sent = with_text(event, place, f"{before}{VALUE}{after}", how)
    about = (sent["source"], sent["detail-type"], sent["detail"])
    shared.account.publish(shared.stack.ref("EventBus"), *about)
    shared.run()
    assert VALUE not in everything(shared)


def test_the_message_names_the_place_and_the_remedy(shared: Bench) -> None:
    shared.send("CustomerSuspended", customer_id="acme", reason=f"found {VALUE} on a forum")
    shared.run()
    answer = shared.announced[-1]["detail"]
    assert answer["reason"].startswith("detail.reason: must hold no value of an API key. ")
    assert "rotate the key" in answer["reason"]
    letter = shared.account.queues.by_name["CustomersDlq"].messages[-1]
    assert json.loads(letter.body)["detail"]["reason"] == f"found {BLOT} on a forum"


def test_a_place_is_named_in_words_that_a_queue_takes(shared: Bench) -> None:
    letters = shared.account.queues.by_name["CustomersDlq"].messages
    for name in ("a\x00b\x1b[2J\ud800", "long" * 50_000, f"two {VALUE} {VALUE}"):
        shared.send("CustomerSuspended", customer_id="acme", **{name: {"x": VALUE}})
        shared.run()
        reason = letters[-1].attributes["reason"]["StringValue"]
        assert reason.startswith("detail")
        assert reason.endswith("a value that was sent is known to others")
        assert reason.isprintable()
        assert VALUE not in everything(shared)


DIGITS = "".join(random.Random(7).choices("01234", k=200_000))


# A checksum may begin at each digit: to look for a value takes seconds, and a function has few.
@pytest.mark.parametrize(
    "costly",
    [DIGITS, [DIGITS[i : i + 60] for i in range(0, 200_000, 60)], {DIGITS: 1}, DIGITS + VALUE],
    ids=["one text", "many", "a name", "with a value"],
)
def test_what_takes_long_to_look_through_is_refused_at_once(
    shared: Bench, costly: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, tried = zlib.crc32, 0

    def counted(data: bytes) -> int:
        nonlocal tried
        tried += 1
        return plain(data)

    monkeypatch.setattr(zlib, "crc32", counted)
    for member in ("reason", "more"):
        shared.send("CustomerSuspended", customer_id="acme", **{member: costly})
        shared.run()
        letter = shared.account.queues.by_name["CustomersDlq"].messages[-1]
        said = letter.attributes["reason"]["StringValue"]
        assert said.startswith(f"detail.{member}: must have fewer letters and digits without a")
        assert json.loads(letter.body)["detail"]["customer_id"] == "acme"
        assert VALUE not in everything(shared)
    assert tried < 200_000


HELD: dict[str, tuple[str, Any]] = {
    **{name: (name, VALUE) for name in ("plan", "name", "status", "note", "customer_id")},
    "a tag": ("tags", {"a": VALUE}),
    "a list": ("note", [{"a": [VALUE]}]),
    "a set": ("note", {f"found {VALUE}", "a string set"}),
    "a member's name": ("note", {VALUE: 1}),
}


# Each worker has a value of its own, so no name of a test may hold it.
@pytest.mark.parametrize(("name", "held"), HELD.values(), ids=HELD)
def test_a_value_in_a_record_is_refused_and_goes_no_further(name: str, held: Any) -> None:
    with Bench() as bench:
        record = {"customer_id": "acme", "plan": "free", "status": "active"}
        bench.put(**record | {name: held})
        bench.run()
        bench.send("CustomerResumed", customer_id="acme")
        bench.audit(repair=True)
        bench.tables["CustomersTable"].items.clear()
        assert VALUE not in everything(bench)
        failed = [e["detail"] for e in bench.announced if e["detail-type"] == "CustomerFailed"]
        if name != "customer_id":
            assert failed[0]["reason"].startswith(f"{name}")


def test_a_value_that_people_gave_a_key_a_plan_or_an_api_for_a_name_goes_no_further() -> None:
    with Bench(policy={"usage_plans": {"free": {"adopt": True}}}) as bench:
        gateway = bench.gateway
        plan, odd = (gateway.create_usage_plan(name=name)["id"] for name in ("free", VALUE))
        api = bench.api({"/pets": {"get": None}})
        renamed = {"op": "replace", "path": "/name", "value": VALUE}
        gateway.update_rest_api(restApiId=api, patchOperations=[renamed])
        words = [{"customerId": "acme"}, {"customerId": VALUE}, {"tags": {"a": VALUE}}]
        for number, about in enumerate([*words, {"description": f"found {VALUE}"}]):
            key = gateway.create_api_key(name=f"{VALUE}-{number}", enabled=True, **about)["id"]
            gateway.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
            gateway.create_usage_plan_key(usagePlanId=odd, keyId=key, keyType="API_KEY")
        bench.advance(120)
        bench.put(customer_id="brought", plan="free", status="active", key_id=key)
        bench.account.executions.begin("audit_account", "adopt", {"adopt": True, "repair": True})
        bench.advance(120)
        bench.send("CustomerSuspended", customer_id="brought")
        bench.gateway.update_usage_plan(usagePlanId=odd, patchOperations=[])
        bench.advance(120)
        found = bench.audit(repair=True)
        bench.invoke("WriteReport")
        assert VALUE not in everything(bench) + json.dumps(found)
        assert BLOT in json.dumps(found)
        adopted = {item["customer_id"] for item in bench.tables["CustomersTable"].scan()["Items"]}
        assert adopted == {"acme", "brought"}


@pytest.mark.parametrize("member", ["customer_id", "rest_api_id", "stage", "dry_run"])
def test_a_value_in_a_console_run_is_refused_and_told_nowhere(shared: Bench, member: str) -> None:
    about = {"rest_api_id": "a1b2c3d4e5"} if member == "stage" else {"customer_id": "acme"}
    machine = "protect_api" if member in ("stage", "rest_api_id") else "reconcile_customer"
    before = len(shared.announced)
    run = shared.account.executions.begin(machine, f"by-hand-{member}", about | {member: VALUE})
    shared.run()
    assert "refused" in run.output
    assert VALUE not in json.dumps([run.output, shared.announced[before:]])
    run.input = None


ASKED = {"by": "event", "event_id": f"e-{VALUE}", "source": VALUE, VALUE: "x"}
STATED: dict[str, tuple[str, JSON]] = {
    "who asked": ("reconcile_customer", {"plan": "free", "asked": ASKED | {"detail_type": VALUE}}),
    "who asked in vain": ("reconcile_customer", {"asked": ASKED}),
    "no text": ("reconcile_customer", {"plan": "free", "asked": {"by": {"a": VALUE}}}),
    "who asked for an API": ("protect_api", {"asked": ASKED}),
}


@pytest.mark.parametrize(("machine", "stated"), STATED.values(), ids=STATED)
def test_a_value_in_what_only_the_machine_states_is_told_nowhere(
    machine: str, stated: JSON
) -> None:
    with Bench() as bench:
        api = bench.api({"/pets": {"get": None}})
        about = {"rest_api_id": api} if machine == "protect_api" else {"customer_id": "acme"}
        run = bench.account.executions.begin(machine, "by-hand", about | stated)
        bench.run()
        bench.advance(60)
        assert run.status == "SUCCEEDED"
        run.input = None
        assert VALUE not in everything(bench)


def test_a_file_whose_name_holds_a_value_is_refused_and_harms_no_record() -> None:
    with Bench() as bench:
        bench.send("CustomerSignedUp", customer_id="acme", plan="free")
        bench.run()
        bench.upload(f"onboarding/{VALUE}.csv", "customer_id,plan\nacme,pro\n")
        bench.run()
        assert VALUE not in everything(bench)
        [letter] = bench.account.queues.by_name["CustomersDlq"].messages
        assert "must hold no value" in letter.attributes["reason"]["StringValue"]
        bench.send("CustomerSuspended", customer_id="acme")
        bench.run()
        assert bench.announced[-1]["detail-type"] == "KeySuspended"


@given(st.text(), st.text(alphabet="Aa0"), st.text(alphabet="Zz9"), st.text())
def test_a_value_is_found_between_other_letters(one: str, two: str, three: str, four: str) -> None:
    text = f"{one}{two}{VALUE}{three}{four}"
    assert VALUE not in blotted(text)
    assert blotted(f"{one}{four}") == f"{one}{four}"
