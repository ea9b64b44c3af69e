"""What a person types into a question about a denial, checked. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keyward.errors import InvalidInputError
from keyward.events.contracts import CUSTOMER_ID, KEY_ID, REST_API_ID, STAGE, optional_of
from keyward.explain.model import Asked

VERBS = ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD")
FIELDS = ("customer_id", "key_id", "rest_api_id", "stage", "method", "path")


@dataclass(frozen=True)
class Question:
    """A call, and whose key it is made with: a customer's, or one by its id."""

    asked: Asked
    customer_id: str | None
    key_id: str | None


def question_of(task: object) -> Question:
    """`{customer_id | key_id, rest_api_id, stage, method, path}`. Raises InvalidInputError, which
    never quotes what was given as a key's id, as it may be a value."""
    if not isinstance(task, Mapping):
        raise InvalidInputError("input", "is not a JSON object", f"Give {', '.join(FIELDS)}")
    if (task.get("customer_id") is None) == (task.get("key_id") is None):
        remedy = "Give the customer, or the id of one key"
        raise InvalidInputError("customer_id, key_id", "one of them is needed", remedy)
    customer_id = optional_of(task, "customer_id", CUSTOMER_ID)
    return Question(
        Asked(
            _needed(task, "rest_api_id", REST_API_ID),
            _needed(task, "stage", STAGE),
            _method(task.get("method")),
            _path(task.get("path")),
        ),
        customer_id,
        _key_id(task.get("key_id")),
    )


def _needed(task: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    found = optional_of(task, name, pattern)
    if found is None:
        raise InvalidInputError(name, "is missing", f"Give a text that matches {pattern.pattern}")
    return found


def _key_id(given: object) -> str | None:
    if given is None:
        return None
    if not isinstance(given, str) or not KEY_ID.fullmatch(given):
        remedy = "Give the key's id, 10 letters and digits, never its value"
        raise InvalidInputError("key_id", "is no id of a key", remedy)
    return given


def _method(given: object) -> str:
    verb = given.upper() if isinstance(given, str) else ""
    if verb not in VERBS:
        raise InvalidInputError("method", "is no method", f"Use one of {', '.join(VERBS)}")
    return verb


def _path(given: object) -> str:
    """Without a query string, which decides nothing."""
    if not isinstance(given, str) or not given.startswith("/"):
        remedy = "Give the path behind the stage, like /pets/7"
        raise InvalidInputError("path", "does not begin with /", remedy)
    return given.partition("?")[0]
