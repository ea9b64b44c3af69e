"""The checks of the code and the JSON Schemas of events/schemas accept the same details."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import fastjsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyward.errors import InvalidEventError
from keyward.events.contracts import customer_event, decision, policy_answer, rollback
from keyward.events.fields import ISO_8601
from keyward.events.incoming import (
    CUSTOMER_EVENTS,
    DECISION_EVENTS,
    EVENTS_IN,
    POLICY_EVENTS,
    ROLLBACK_EVENT,
    schema,
)
from keyward.values import JSON
from tests import tree

TIME = "2026-11-23T11:46:40Z"
NOW = 1_795_434_400.0
FOLDER = tree.ROOT / "events" / "schemas" / "in"

TIMES_IN_SCHEMAS = [
    schema(detail_type)["properties"][name]
    for detail_type in EVENTS_IN
    for name in ("occurred_at", "expires_at", "ends_at")
    if name in schema(detail_type)["properties"]
]
TIMES = st.one_of(
    st.datetimes().map(lambda when: f"{when.isoformat()}Z"),
    st.dates().map(lambda day: day.isoformat()),
    st.sampled_from(["20261123T100000+0100", "2026-W48-1", "2026-11-23 10:00"]),
)
ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    2.0,
    10**400,
    "",
    " ",
    "../x",
    [],
    ["x"],
    {},
    {"a": 1},
)
ODD_TAGS: tuple[JSON, ...] = (
    {"aws:x": "y"},
    {"k": 5},
    {"k": "<"},
    {"k": "v\n"},
    {"k" * 129: ""},
    {"k": "v" * 257},
    {"": ""},
    {f"k{number}": "" for number in range(41)},
)


def mutants(of: JSON, value: Any) -> list[Any]:
    """Values near a good one, most of which are bad: each kind of bound is passed by one step."""
    found = [*ODD, *([{**value, **tags} for tags in ODD_TAGS] if isinstance(value, dict) else [])]
    if isinstance(value, str):
        found += [f"{value}\n", f"{value}!", f"!{value}", value.upper(), value * 300, value[:-1]]
    for one in of.get("anyOf", [of]):
        for name in ("minimum", "maximum"):
            found += [one[name] + step for step in (-1, 0, 0.5, 1)] if name in one else []
    return found


def compiled(detail_type: str) -> Callable[[JSON], JSON]:
    """The schema as it is in the tree, compiled."""
    made: Callable[[JSON], JSON] = fastjsonschema.compile(
        json.loads((FOLDER / f"{detail_type}.json").read_text("utf-8"))
    )
    return made


def values(of: JSON) -> st.SearchStrategy[Any]:
    """Values that a schema of ours allows."""
    if "anyOf" in of:
        return st.one_of([values(one) for one in of["anyOf"]])
    if "enum" in of:
        return st.sampled_from(of["enum"])
    if of["type"] == "boolean":
        return st.booleans()
    if of["type"] == "null":
        return st.none()
    if of["type"] in ("integer", "number"):
        whole = st.integers(of["minimum"], of["maximum"])
        return whole if of["type"] == "integer" else whole | st.floats(of["minimum"], of["maximum"])
    if of["type"] == "object":
        names = st.from_regex(r"\A[A-Za-z0-9+=._:/ -]{1,128}\Z").filter(
            lambda name: not name.startswith("aws:")
        )
        texts = st.from_regex(r"\A[A-Za-z0-9+=._:/ -]{0,256}\Z")
        return st.dictionaries(names, texts, max_size=40)
    if of["type"] == "array":
        most = of["maxItems"]
        return st.lists(values(of["items"]), min_size=of["minItems"], max_size=most, unique=True)
    if of["pattern"] == ISO_8601:
        return TIMES
    if of["pattern"] == r"\S":
        return st.text(min_size=1, max_size=of["maxLength"]).filter(lambda text: text.strip())
    return st.from_regex(rf"\A{of['pattern'][1:-1]}\Z")


@st.composite
def details(draw: st.DrawFn, detail_type: str) -> JSON:
    """A detail with some of the optional members, which the schema allows."""
    of = schema(detail_type)
    detail = {
        name: draw(values(member))
        for name, member in of["properties"].items()
        if name in of["required"] or draw(st.booleans())
    }
    event = EVENTS_IN[detail_type]
    for name in event.alternatives:
        detail.pop(name, None)
    if event.alternatives and (event.needs_one or draw(st.booleans())):
        name = draw(st.sampled_from(event.alternatives))
        sent = values(of["properties"][name]).filter(lambda value: value is not None)
        detail[name] = draw(sent)
    return detail


def code_accepts(detail_type: str, detail: JSON) -> bool:
    envelope = {"detail-type": detail_type, "time": TIME, "detail": detail}
    try:
        if detail_type in CUSTOMER_EVENTS:
            # A time ahead is refused by the clock, which no schema has.
            customer_event(envelope, 10**12)
        elif detail_type in DECISION_EVENTS:
            decision(envelope)
        elif detail_type in POLICY_EVENTS:
            policy_answer(envelope)
        elif detail_type == ROLLBACK_EVENT:
            rollback(envelope)
        else:
            EVENTS_IN[detail_type].read(detail)
    except InvalidEventError:
        return False
    return True


def schema_accepts(check: Callable[[JSON], JSON], detail: JSON) -> bool:
    try:
        check(detail)
    except fastjsonschema.JsonSchemaValueException:
        return False
    return True


@pytest.mark.parametrize("detail_type", EVENTS_IN)
def test_a_detail_that_the_schema_describes_is_taken(detail_type: str) -> None:
    check = compiled(detail_type)

    @settings(max_examples=30, deadline=None)
    @given(details(detail_type))
    def holds(detail: JSON) -> None:
        assert schema_accepts(check, detail)
        assert code_accepts(detail_type, detail)

    holds()


@pytest.mark.parametrize("detail_type", EVENTS_IN)
def test_a_changed_detail_is_refused_by_both_or_taken_by_both(detail_type: str) -> None:
    check, of = compiled(detail_type), schema(detail_type)

    @settings(max_examples=20, deadline=None)
    @given(details(detail_type), st.data())
    def holds(detail: JSON, data: st.DataObject) -> None:
        for name, member in of["properties"].items():
            good = detail[name] if name in detail else data.draw(values(member))
            for value in mutants(member, good):
                changed = detail | {name: value}
                by_code, by_schema = (
                    code_accepts(detail_type, changed),
                    schema_accepts(check, changed),
                )
                # A schema cannot know the calendar: the code alone may refuse a text like a time.
                if isinstance(value, str) and member in TIMES_IN_SCHEMAS:
                    assert by_schema or not by_code, changed
                else:
                    assert by_code == by_schema, changed

    holds()


@pytest.mark.parametrize("detail_type", [n for n in EVENTS_IN if schema(n)["required"]])
def test_every_required_member_is_missed_by_both(detail_type: str) -> None:
    check, of = compiled(detail_type), schema(detail_type)

    @settings(max_examples=10, deadline=None)
    @given(details(detail_type))
    def holds(detail: JSON) -> None:
        for name in of["required"]:
            changed = {key: detail[key] for key in detail if key != name}
            assert not schema_accepts(check, changed)
            assert not code_accepts(detail_type, changed)

    holds()


def test_two_alternatives_at_once_are_refused_by_both() -> None:
    both = {"customer_id": "acme", "by": 5, "limit": 6}
    assert not schema_accepts(compiled("QuotaExtensionRequested"), both)
    assert not code_accepts("QuotaExtensionRequested", both)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_at_the_end_of_the_calendar_is_refused_with_its_field(at: str) -> None:
    event = {"detail-type": "CustomerSignedUp", "time": TIME}
    detail = {"customer_id": "acme", "plan": "free", "expires_at": at}
    with pytest.raises(InvalidEventError, match=r"detail\.expires_at: must be an ISO 8601 time"):
        customer_event(event | {"detail": detail}, NOW)
