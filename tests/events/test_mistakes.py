"""People's mistakes are answered by name: a detail-type that is nearly right, an unknown member."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyward.errors import InvalidEventError
from keyward.events.contracts import customer_event
from keyward.events.fields import distance
from keyward.events.incoming import CUSTOMER_EVENTS, EVENTS_IN, is_unrelated, members, near_miss
from keyward.events.member_words import MEANINGS_IN
from keyward.events.outgoing import EVENTS_OUT
from keyward.events.third_party import FOREIGN_EVENTS
from keyward.values import JSON
from local.bench import Bench
from local.lifetime.rules import matches
from tests import tree
from tests.support import load_event

# The rules of the bus by which something comes in; others hand on what Keyward announces.
BUS_RULES = {
    name: rule["Properties"]["EventPattern"]
    for name, rule in tree.resources("AWS::Events::Rule").items()
    if rule["Properties"].get("EventBusName") == {"Ref": "EventBus"}
    and rule["Properties"]["EventPattern"].get("source") != ["keyward"]
}
# What EventBridge takes (EventBridge quotas: "Event pattern size").
MAX_PATTERN = 2048


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


def letters(bench: Bench, queue: str = "CustomersDlq") -> list[tuple[JSON, str]]:
    """The messages of a DLQ, parsed, with their reasons, which are taken out."""
    found = bench.account.queues.by_name[queue].messages
    told = [(json.loads(m.body), m.attributes["reason"]["StringValue"]) for m in found]
    found.clear()
    return told


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("CustomerSignedup", "CustomerSignedUp"),
        ("customer_signed_up", "CustomerSignedUp"),
        ("Customer Signed-Up", "CustomerSignedUp"),
        ("CustomerSignUp", "CustomerSignedUp"),
        ("KeyRotationRequest", "KeyRotationRequested"),
        ("PlanAdd", "PlanAdded"),
        ("DeploymentAproved", "DeploymentApproved"),
        ("customer suspendet", "CustomerSuspended"),
    ],
)
def test_a_detail_type_that_is_nearly_right_ends_in_the_dlq_with_the_right_name(
    bench: Bench, sent: str, meant: str
) -> None:
    bench.send(sent, customer_id="acme", plan="free")
    bench.run()
    [(event, reason)] = letters(bench)
    assert event["detail-type"] == sent
    assert reason.startswith(f"detail-type: must be {meant}, got {sent}.")
    answer = bench.announced.pop()
    assert (answer["detail-type"], answer["detail"]["reason"]) == ("CustomerFailed", reason)


@pytest.mark.parametrize("sent", ["OrderPlaced", "CustomerMoved", "aws.health", "X" * 128])
def test_an_event_of_somebody_else_is_dropped(bench: Bench, sent: str) -> None:
    before = len(bench.announced)
    bench.send(sent, customer_id="acme", plan="free")
    bench.run()
    assert letters(bench) == []
    assert bench.announced[before:] == []


def taken_by(detail_type: str, source: str = "shop") -> set[str]:
    event = {"detail-type": detail_type, "source": source, "detail": {"customer_id": "acme"}}
    return {name for name, pattern in BUS_RULES.items() if matches(pattern, event)}


@pytest.mark.parametrize("detail_type", [*EVENTS_IN, *FOREIGN_EVENTS])
def test_a_known_event_is_not_taken_for_an_unknown_one(detail_type: str) -> None:
    assert "UnknownEventsRule" not in taken_by(detail_type)


@pytest.mark.parametrize("detail_type", ["CustomerSignedup", "OrderPlaced"])
def test_an_unknown_event_is_taken_by_one_rule(detail_type: str) -> None:
    assert taken_by(detail_type) == {"UnknownEventsRule"}


@pytest.mark.parametrize("detail_type", EVENTS_OUT)
def test_what_keyward_announces_never_comes_in_again(detail_type: str) -> None:
    assert taken_by(detail_type, source="keyward") == set()
    assert is_unrelated(detail_type)


@pytest.mark.parametrize("name", tree.resources("AWS::Events::Rule"))
def test_a_pattern_is_no_longer_than_eventbridge_takes(name: str) -> None:
    pattern = tree.resources("AWS::Events::Rule")[name]["Properties"]["EventPattern"]
    # Room for the ARNs that stand in the place of references.
    assert len(json.dumps(pattern, separators=(",", ":"))) + 200 <= MAX_PATTERN


@given(st.sampled_from([*EVENTS_IN]), st.data())
def test_two_wrong_letters_at_any_place_are_a_near_miss(name: str, data: st.DataObject) -> None:
    wrong = name
    for _ in range(2):
        place = data.draw(st.integers(0, len(wrong)))
        kept = data.draw(st.integers(0, 1))
        wrong = wrong[:place] + data.draw(st.sampled_from(["x", ""])) + wrong[place + kept :]
    if wrong not in EVENTS_IN:
        assert near_miss(wrong)
        assert distance(wrong, name, 2) <= 2


SAMPLES = {
    load_event(path.stem)["detail-type"]: load_event(path.stem)
    for path in (tree.ROOT / "events" / "in").glob("*.json")
    if load_event(path.stem).get("detail-type") in CUSTOMER_EVENTS
}


@pytest.mark.parametrize("detail_type", CUSTOMER_EVENTS)
def test_an_unknown_member_is_refused_by_its_name(detail_type: str) -> None:
    event = SAMPLES[detail_type]
    with pytest.raises(InvalidEventError) as refused:
        customer_event(event | {"detail": event["detail"] | {"keyz": 3}}, 2e9)
    assert refused.value.field == "detail.keyz"
    assert ", ".join(members(detail_type)) in str(refused.value)


@pytest.mark.parametrize(
    ("sent", "near"),
    [("Plan", "plan"), ("expire_at", "expires_at"), ("tag", "tags"), ("customerid", "customer_id")],
)
def test_an_unknown_member_is_answered_by_the_nearest_one(
    bench: Bench, sent: str, near: str
) -> None:
    bench.send("CustomerSignedUp", customer_id="acme", plan="free", **{sent: "x"})
    bench.run()
    [(_, reason)] = letters(bench)
    assert reason.startswith(f"detail.{sent}: ")
    assert f"Do you mean {near}?" in reason
    assert bench.announced.pop()["detail"]["error"] == "InvalidEventError"


def test_a_misspelt_member_is_named_before_the_one_that_is_missing(bench: Bench) -> None:
    bench.send("CustomerSignedUp", customer_id="acme", plna="free")
    bench.run()
    [(_, reason)] = letters(bench)
    assert reason.startswith("detail.plna: ")
    assert reason.endswith("Do you mean plan? Rename it")


def test_an_unknown_name_is_shown_and_not_obeyed(bench: Bench) -> None:
    bench.send("CustomerClosed", customer_id="acme", **{"a\x1b[2K\n": 1})
    bench.run()
    [(_, reason)] = letters(bench)
    assert reason.startswith("detail.a\\x1b[2K\\n: ")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (5, "a number"),
        (True, "true or false"),
        ({}, "an object"),
        ([], "a list"),
        (None, "missing"),
    ],
    ids=str,
)
def test_a_wrong_kind_is_called_as_json_calls_it(value: object, says: str) -> None:
    with pytest.raises(InvalidEventError, match=says):
        CUSTOMER_EVENTS["CustomerSignedUp"].read({"plan": value})


def sample_of(detail_type: str) -> JSON:
    """The detail of its sample, without a time: that is ahead of the bench's."""
    names = sorted(path.stem for path in (tree.ROOT / "events" / "in").glob("*.json"))
    sample = next(e for e in map(load_event, names) if e.get("detail-type") == detail_type)
    return {name: value for name, value in sample["detail"].items() if name != "occurred_at"}


# The members that say a time, of each event.
TIMES = [
    (detail_type, name)
    for detail_type in EVENTS_IN
    for name in members(detail_type)
    if "ISO 8601" in MEANINGS_IN[name]
]


@pytest.mark.parametrize(("detail_type", "name"), TIMES)
def test_a_time_that_no_calendar_has_is_refused_at_once_by_its_name(
    bench: Bench, detail_type: str, name: str
) -> None:
    for at in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", 10**30, -(10**30)):
        before = len(bench.runs)
        bench.send(detail_type, **sample_of(detail_type) | {name: at})
        bench.run()
        [(_, why)] = [*letters(bench), *letters(bench, "ApisDlq")]
        assert why.startswith(f"detail.{name}: must be an ISO 8601 time")
        assert len(bench.runs) == before
        if detail_type in CUSTOMER_EVENTS:
            assert bench.announced.pop()["detail"]["reason"] == why


@pytest.mark.parametrize("detail_type", EVENTS_IN)
def test_an_unknown_member_of_any_event_on_the_bus_is_refused_by_its_name(
    bench: Bench, detail_type: str
) -> None:
    before = len(bench.runs)
    bench.send(detail_type, **sample_of(detail_type) | {"plna": "pro"})
    bench.run()
    [(_, why)] = [*letters(bench), *letters(bench, "ApisDlq")]
    assert why.startswith("detail.plna: must be a member that Keyward knows")
    assert len(bench.runs) == before
