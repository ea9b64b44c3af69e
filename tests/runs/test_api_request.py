"""What a run of protect-api may be asked for, and what of it is refused."""

from __future__ import annotations

from typing import Any

import pytest

from keyward.errors import InvalidInputError
from keyward.runs.apis.request import FIELDS, ApiRequest, not_held
from keyward.values import JSON

API, MARK, OTHER = "a1b2c3d4e5", "0f1e2d3c4b5a6978", "8796a5b4c3d2e1f0"
WHOLE: JSON = {
    "rest_api_id": API,
    "stage": "prod",
    "dry_run": True,
    "approve": MARK,
    "reject": OTHER,
    "rollback": True,
    "execution_arn": "arn:run",
    "asked": {"by": "event"},
    "tries": 2,
    "stages": [{"stage": "test", "outcome": "unchanged"}],
}


def test_every_member_is_read() -> None:
    assert ApiRequest.of(WHOLE) == ApiRequest(
        API,
        "prod",
        True,
        MARK,
        OTHER,
        True,
        "arn:run",
        {"by": "event"},
        2,
        ({"stage": "test", "outcome": "unchanged"},),
    )


@pytest.mark.parametrize("more", [{}, {"stages": None}], ids=str)
def test_what_is_not_stated_is_not_asked_for(more: JSON) -> None:
    asked = ApiRequest.of({"rest_api_id": API} | more)
    assert asked == ApiRequest(API, None, False, None, None, False, "", None, 0, ())
    assert (asked.tries, asked.stages) == (0, ())


@pytest.mark.parametrize("is_flag", [True, False])
def test_a_flag_is_what_is_stated(is_flag: bool) -> None:
    for flag in ("dry_run", "rollback"):
        asked = ApiRequest.of({"rest_api_id": API, "stage": "prod", flag: is_flag})
        assert getattr(asked, flag) is is_flag


@pytest.mark.parametrize(
    ("wrong", "field", "problem"),
    [
        ({"rest_api_id": "../x"}, "rest_api_id", "is malformed"),
        ({"stage": "a b"}, "stage", "is malformed"),
        ({"dry_run": "yes"}, "dry_run", "must be true or false, got a text of 3 characters"),
        ({"approve": "x"}, "approve", "is malformed"),
        ({"reject": "prod"}, "reject", "is malformed"),
        ({"rollback": 1}, "rollback", "must be true or false"),
        ({"rollback": True, "stage": None}, "stage", "is missing. Name the stage to roll back"),
        *[
            ({"tries": one}, "tries", "must be as the machine writes it. Leave it out")
            for one in ("x", [7], 1.5)
        ],
        *[
            ({"stages": one}, "stages", "must be as the machine writes it")
            for one in ("prod", {"stage": "prod"}, ["prod"])
        ],
        (
            {"roll_back": True},
            "roll_back",
            f"is not a field of this input. Use {', '.join(FIELDS)}",
        ),
    ],
    ids=str,
)
def test_what_is_wrong_is_refused_by_its_field(wrong: JSON, field: str, problem: str) -> None:
    task: dict[str, Any] = {"rest_api_id": API, "stage": "prod"} | wrong
    with pytest.raises(InvalidInputError) as refusal:
        ApiRequest.of(task)
    assert str(refusal.value).startswith(f"{field}: {problem}")


def test_an_answer_to_nothing_names_the_word_and_what_was_given() -> None:
    refused = not_held("approve", MARK)
    assert refused.field == "approve"
    assert str(refused) == (
        f"approve: must be the fingerprint of a stage that is held, got {MARK}. "
        "Take it from `keyward holds`"
    )
