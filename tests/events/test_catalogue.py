"""One list of events: code, rules, README, documents, samples and schemas hold the same ones.

Who adds an event is led from place to place by the messages of these tests.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import fastjsonschema
import pytest

from keyward.apis.words import CODES
from keyward.customers.model import apply_event
from keyward.events.codes import BASES, OTHER_CODES, codes
from keyward.events.contracts import customer_event
from keyward.events.incoming import (
    CUSTOMER_EVENTS,
    DECISION_EVENTS,
    EVENTS_IN,
    POLICY_EVENTS,
    REMOVALS_EVENTS,
    ROLLBACK_EVENT,
    members,
    schema,
)
from keyward.events.member_words import MEANINGS, MEANINGS_IN
from keyward.events.outgoing import CAUSED_BY, EVENTS_OUT, MEMBERS
from keyward.events.outgoing import schema as outgoing_schema
from keyward.events.third_party import (
    FOREIGN_EVENTS,
    INVOICE_EVENTS,
    SBT_EVENTS,
    SUBSCRIPTION_EVENTS,
)
from keyward.values import JSON
from local.lifetime.rules import matches
from tests import announced, tree
from tests.cli.desk import parsed
from tools import schemas

NOW = 1_795_434_400.0  # 2026-11-23T11:46:40Z
STRIPE_EVENTS = (*SUBSCRIPTION_EVENTS, *INVOICE_EVENTS)
RULES = ("CustomerEventsRule", "StopEventsRule")
README = tree.ROOT / "README.md"


def pattern(name: str) -> JSON:
    """The event pattern of a rule of the template."""
    found: JSON = tree.resources("AWS::Events::Rule")[name]["Properties"]["EventPattern"]
    return found


def rule(*names: str) -> set[str]:
    """The detail-types that rules of the template take."""
    parts = [part for name in names for part in pattern(name).get("$or", [pattern(name)])]
    return {detail_type for part in parts for detail_type in part["detail-type"]}


def sampled(folder: str) -> dict[str, JSON]:
    """The samples of events/ by file: envelopes with a detail-type that Keyward lists or could."""
    loaded = {p.name: json.loads(p.read_text("utf-8")) for p in _files(folder)}
    return {name: event for name, event in loaded.items() if event.get("detail-type")}


def _files(folder: str) -> list[Path]:
    return sorted((tree.ROOT / "events" / folder).glob("*.json"))


def samples(folder: str) -> set[str]:
    """The detail-types of the samples, but for those of AWS and of other systems."""
    found = {str(event["detail-type"]) for event in sampled(folder).values()}
    return {name for name in found if " " not in name} - set(FOREIGN_EVENTS)


def readme_rows() -> set[str]:
    """The detail-types of the README's table of events in."""
    table = README.read_text("utf-8").split("| event in |", maxsplit=1)[1].split("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return {name for cell in rows for name in re.findall(r"`([A-Z]\w+)`", cell)}


PLACES = {
    "template.yaml, CustomerEventsRule and StopEventsRule": (
        lambda: rule("CustomerEventsRule", "StopEventsRule"),
        {*CUSTOMER_EVENTS, *REMOVALS_EVENTS},
    ),
    "template.yaml, DecisionEventsRule": (
        lambda: rule("DecisionEventsRule"),
        {*DECISION_EVENTS, *POLICY_EVENTS, ROLLBACK_EVENT},
    ),
    "template.yaml, BillingEventsRule": (lambda: rule("BillingEventsRule"), FOREIGN_EVENTS),
    "template.yaml, StripeEventsRule": (lambda: rule("StripeEventsRule"), STRIPE_EVENTS),
    "template.yaml, SbtEventsRule": (lambda: rule("SbtEventsRule"), SBT_EVENTS),
    "README.md, a row of the events in": (readme_rows, EVENTS_IN),
    "events/in, a sample": (lambda: samples("in"), EVENTS_IN),
    "events/out, a sample": (lambda: samples("out"), EVENTS_OUT),
}


@pytest.mark.parametrize("place", PLACES)
def test_every_place_names_the_events_of_the_code_and_no_other(place: str) -> None:
    found, listed = PLACES[place][0](), set(PLACES[place][1])
    assert found == listed, (
        f"{place}: add {sorted(listed - found)}, remove {sorted(found - listed)}, "
        "or change the list in layers/keyward/keyward/events"
    )


STOPS = ("CustomerSuspended", "CustomerClosed")
REASONS = ("leaked", "Leaked", "LEAKED")


@pytest.mark.parametrize("detail_type", CUSTOMER_EVENTS)
@pytest.mark.parametrize("leaked", [..., True, False, None, "yes", {"a": 1}])
@pytest.mark.parametrize("reason", [..., *REASONS, "leaked key", "", None, 5, {"a": 1}])
def test_exactly_one_rule_takes_an_event_and_what_stops_a_key_has_its_own(
    detail_type: str, leaked: object, reason: object
) -> None:
    detail = {"leaked": leaked, "reason": reason}
    detail = {name: value for name, value in detail.items() if value is not ...}
    event = {"detail-type": detail_type, "detail": {"customer_id": "acme"} | detail}
    taken = {name for name in RULES if matches(pattern(name), event)}
    assert len(taken) == 1
    if detail_type in STOPS or (
        detail_type == "KeyRotationRequested" and (leaked is True or reason in REASONS)
    ):
        assert taken == {"StopEventsRule"}
    elif detail_type != "KeyRotationRequested":
        assert taken == {"CustomerEventsRule"}


def test_the_schemas_and_the_document_are_written_from_the_lists() -> None:
    wanted = schemas.documents()
    old = [tree.name(p) for p, text in wanted.items() if not p.exists() or p.read_text() != text]
    assert old == [], "run `make schemas`"
    assert [tree.name(p) for p in schemas.written() if p not in wanted] == [], "run `make schemas`"


def test_every_event_that_tells_of_trouble_has_a_code_a_sentence_and_a_command() -> None:
    trouble = [name for name in EVENTS_OUT if name.endswith(("Failed", "Held", "Refused", "Open"))]
    lacks = {name: {"error", "reason", "remedy"} - {*EVENTS_OUT[name].always} for name in trouble}
    assert {name: members for name, members in lacks.items() if members} == {}


def test_a_class_of_errors_that_is_only_a_base_is_no_code() -> None:
    assert {base.__name__ for base in BASES}.isdisjoint(codes())
    for base in BASES:
        made = rf"(?<!class )\b{base.__name__}\("
        files = [*tree.PACKAGE.rglob("*.py"), *tree.FUNCTIONS.glob("*.py")]
        found = {path.name for path in files if re.search(made, path.read_text("utf-8"))}
        # These are no part of a run: a call for a person, and the daily reading of usage.
        assert found <= {"functions.py", "read_usage.py"}


def test_every_code_that_is_no_error_is_announced_somewhere() -> None:
    sources = "".join(path.read_text("utf-8") for path in tree.PACKAGE.rglob("*.py"))
    assert {*CODES.values()} <= {*OTHER_CODES}
    assert [code for code in OTHER_CODES if sources.count(f'"{code}"') < 2] == []


@pytest.mark.parametrize("name", sampled("out"))
def test_the_code_and_the_remedy_of_a_sample_are_known(name: str) -> None:
    detail = sampled("out")[name]["detail"]
    if "error" in detail:
        assert detail["error"] in codes()
    if "remedy" in detail and "error" in detail:
        parsed(detail["remedy"])


def test_every_member_of_an_event_out_is_described_and_used() -> None:
    used = {name for event in EVENTS_OUT.values() for name in (*event.always, *event.optional)}
    assert used | {CAUSED_BY} == set(MEMBERS)


@pytest.mark.parametrize("name", sampled("in"))
def test_a_sample_of_an_event_in_is_valid(name: str) -> None:
    event = sampled("in")[name]
    if event["detail-type"] in EVENTS_IN:
        fastjsonschema.compile(schema(event["detail-type"]))(event["detail"])


@pytest.mark.parametrize("name", sampled("out"))
def test_a_sample_of_an_event_out_is_valid(name: str) -> None:
    event = sampled("out")[name]
    announced.check([{"DetailType": event["detail-type"], "Detail": event["detail"]}])


# What happened before, where an event is about something that has to be there.
BEFORE = {
    "CustomerResumed": ("CustomerSuspended", {}),
    "PaymentSucceeded": ("PaymentFailed", {}),
    "UndoRequested": ("CustomerSuspended", {}),
}
ABOUT = {"UndoRequested": {"what": "suspension"}, "CustomerPlanChanged": {"plan": "pro"}}


def heard(record: JSON | None, detail_type: str, minute: int, detail: JSON) -> JSON:
    """The record after an event, which is the sample of its detail-type with another detail."""
    [event] = [e for e in sampled("in").values() if e["detail-type"] == detail_type][:1]
    at = f"2026-11-23T10:{minute:02d}:00Z"
    changed = event | {"detail": event["detail"] | detail | {"occurred_at": at}}
    return dict(apply_event(record, customer_event(changed, NOW), {}).record)


@pytest.mark.parametrize("detail_type", CUSTOMER_EVENTS)
def test_every_customer_event_changes_the_desired_state(detail_type: str) -> None:
    record = None
    if detail_type != "CustomerSignedUp":
        record = heard(None, "CustomerSignedUp", 0, {"plan": "free"})
    if detail_type in BEFORE:
        before, detail = BEFORE[detail_type]
        record = heard(record, before, 1, detail)
    after = heard(record, detail_type, 2, ABOUT.get(detail_type, {}))
    assert after != record, "say what it does in layers/keyward/keyward/customers/updates.py"


def listed_in(page: str, detail_type: str) -> list[list[str]]:
    """The members that the page gives an event in: those that exclude each other stand together."""
    listed = page.split(f"/in/{detail_type}.json) {{")[1].partition("}")[0]
    return [one.split(" | ") for one in listed.split(", ") if one]


@pytest.mark.parametrize("detail_type", EVENTS_IN)
def test_the_page_says_truly_which_members_may_be_left_out(detail_type: str) -> None:
    page = " ".join((tree.ROOT / "docs" / "events.md").read_text("utf-8").split())
    sample = next(e for e in sampled("in").values() if e["detail-type"] == detail_type)
    accepts = fastjsonschema.compile(schema(detail_type))
    groups = listed_in(page, detail_type)
    named = [name.rstrip("?") for group in groups for name in group]
    assert sorted(named) == sorted(EVENTS_IN[detail_type].fields)
    for group in groups:
        absent = [name.rstrip("?") for name in group]
        detail = {name: value for name, value in sample["detail"].items() if name not in absent}
        try:
            accepts(detail)
        except fastjsonschema.JsonSchemaValueException:
            assert not any(name.endswith("?") for name in group), group
        else:
            assert all(name.endswith("?") for name in group), group
    excluding = [group for group in groups if len(group) > 1]
    assert [[n.rstrip("?") for n in one] for one in excluding] == [
        [*names] for names in (EVENTS_IN[detail_type].alternatives,) if names
    ]


def undescribed(schema: JSON, place: str = "") -> list[str]:
    """The members of a schema, at any depth, without a description."""
    found = []
    for name, member in schema.get("properties", {}).items():
        found += [] if member.get("description", "").strip(".") else [f"{place}{name}"]
        found += undescribed(member, f"{place}{name}.")
    return found + (undescribed(schema["items"], f"{place}[].") if "items" in schema else [])


def test_every_member_of_every_schema_says_what_it_means() -> None:
    found = {path: undescribed(json.loads(path.read_text("utf-8"))) for path in schemas.written()}
    assert {tree.name(path): names for path, names in found.items() if names} == {}
    known = {name for detail_type in EVENTS_IN for name in members(detail_type)}
    assert set(MEANINGS_IN) == known
    page = " ".join((tree.ROOT / "docs" / "events.md").read_text("utf-8").split())
    assert all(f"- `{name}`: {words}" in page for name, words in MEANINGS_IN.items())


def test_every_member_of_an_event_out_has_its_meaning_in_schema_and_page() -> None:
    assert set(MEANINGS) == set(MEMBERS)
    page = " ".join((tree.ROOT / "docs" / "events.md").read_text("utf-8").split())
    for name, event in EVENTS_OUT.items():
        properties = outgoing_schema(name)["properties"]
        assert all(properties[member]["description"] for member in properties), name
        optional = [f"{member}?" for member in event.optional]
        assert f"{{{', '.join([*event.always, *optional])}}}: {event.says}" in page
    assert all(f"- `{name}`: {words}" in page for name, words in MEANINGS.items())
