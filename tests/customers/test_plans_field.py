"""The plans of a customer as one field: read, written, and changed one by one."""

from __future__ import annotations

from typing import Any

import pytest

from keyward.customers.plans import (
    MAX_PLANS,
    as_record,
    folded,
    is_complete,
    one_field,
    plans_of,
    value_of,
)
from keyward.errors import InvalidRecordError
from keyward.values import JSON

MANY = [f"plan-{number}" for number in range(MAX_PLANS)]


@pytest.mark.parametrize(
    ("record", "one"),
    [
        ({"plan": "free", "status": "active"}, {"plan": "free", "status": "active"}),
        ({"plans": ["free"], "name": "Acme"}, {"plan": "free", "name": "Acme"}),
        ({"plans": ["free", "maps"]}, {"plan": ["free", "maps"]}),
        ({"plans": ["free"], "plan": "free"}, {"plan": "free"}),
        ({"plans": None, "plan": "free"}, {"plans": None, "plan": "free"}),
        ({"plans": []}, {"plan": []}),
        ({"plans": "a"}, {"plan": "a"}),
        ({}, {}),
    ],
)
def test_plans_are_one_field_whatever_their_shape(record: JSON, one: JSON) -> None:
    assert one_field(record) == one


@pytest.mark.parametrize(
    ("one", "record"),
    [
        ({"plan": "free", "name": "Acme"}, {"plan": "free", "name": "Acme"}),
        ({"plan": ["free", "maps"], "name": "Acme"}, {"plans": ["free", "maps"], "name": "Acme"}),
        ({"name": "Acme"}, {"name": "Acme"}),
    ],
)
def test_several_plans_stand_in_the_table_under_their_own_name(one: JSON, record: JSON) -> None:
    assert as_record(one) == record


@pytest.mark.parametrize(
    ("record", "plans"),
    [
        ({}, ()),
        ({"plan": "free"}, ("free",)),
        ({"plans": ["free", "maps"]}, ("free", "maps")),
        ({"plans": ["free", "maps"], "plan": "maps"}, ("free", "maps")),
        ({"plans": MANY}, tuple(MANY)),
    ],
)
def test_a_record_names_its_plans(record: JSON, plans: tuple[str, ...]) -> None:
    assert plans_of(record) == plans


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({"plan": ""}, "plan: must be a text of 1 to 255 characters"),
        ({"plan": " "}, "plan: must be a text of 1 to 255 characters"),
        ({"plan": 5}, "plan: must be a text of 1 to 255 characters"),
        ({"plans": "free"}, "plans: must be a list of 1 to 10 plans"),
        ({"plans": []}, "plans: must be a list of 1 to 10 plans"),
        ({"plans": [*MANY, "more"]}, "plans: must be a list of 1 to 10 plans"),
        ({"plans": ["free", ""]}, "plans: must be different names of plans"),
        ({"plans": ["free", "free"]}, "plans: must be different names of plans"),
        ({"plans": ["free"], "plan": "maps"}, "plan: must be one of `plans`"),
    ],
)
def test_plans_of_another_shape_are_refused_by_their_name(record: JSON, says: str) -> None:
    with pytest.raises(InvalidRecordError, match=r"orrect|Remove one of the two") as error:
        plans_of(record)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("record", "complete"),
    [
        (None, False),
        ({"plan": "free"}, False),
        ({"status": "active"}, False),
        ({"plan": "free", "status": None}, False),
        ({"plan": "free", "status": "active"}, True),
        ({"plans": ["free"], "status": "closed"}, True),
    ],
)
def test_a_record_is_complete_with_plans_and_a_status(record: JSON | None, complete: bool) -> None:
    assert is_complete(record) is complete


def test_one_plan_is_a_text_and_several_are_a_list() -> None:
    assert value_of(("free",)) == "free"
    assert value_of(("free", "maps")) == ["free", "maps"]


FREE = {"plan": "free", "plan_key": "k"}


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ([], {}),
        ([FREE], FREE),
        ([{"plan": "free"}, {"plan": ["maps", "free"]}], {"plan": ["maps", "free"]}),
        ([FREE, {"plan_added": "maps"}], {"plan": ["free", "maps"]}),
        ([FREE, {"plan_added": "free"}], {"plan": "free"}),
        ([FREE, {"plan_added": "maps"}, {"plan_removed": "free"}], {"plan": "maps"}),
        ([FREE, {"plan_removed": "free"}], {"plan": "free"}),
        ([FREE, {"plan_removed": "maps"}], {"plan": "free"}),
        ([{"plan_removed": "free"}], {}),
        ([{"plan_added": "maps"}, FREE], FREE),
        (
            [{"plan": ["free", "maps"]}, {"plan_removed": "free"}, {"plan_added": "pro"}],
            {"plan": ["maps", "pro"]},
        ),
    ],
)
def test_changes_of_the_plans_add_up_in_the_order_of_time(
    changes: list[dict[str, Any]], result: JSON
) -> None:
    assert folded(changes) == result
