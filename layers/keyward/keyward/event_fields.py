"""What may stand in the `detail` of a customer's event: one check a member, by detail-type."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from keyward.errors import InvalidEventError

JSON = dict[str, Any]

TAG = re.compile(r"[A-Za-z0-9+\-=._:/ ]*")


def seen(value: object) -> str:
    """A glimpse of what was sent: kind and length only, as it may hold what must not be
    repeated."""
    if isinstance(value, str):
        return f"a text of {len(value)} characters"
    return "a missing value" if value is None else f"a value of type {type(value).__name__}"


def one_of(choices: tuple[str, ...]) -> str:
    """The remedy where only some texts are known."""
    return f"Use one of {', '.join(choices)}"


def _text(detail: JSON, name: str, longest: int = 256) -> str:
    value = detail.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > longest or _torn(value):
        problem = "is missing" if value is None else f"{seen(value)} is malformed"
        raise InvalidEventError(
            f"detail.{name}", problem, f"Give a text of 1 to {longest} characters"
        )
    return value


def _torn(text: str) -> bool:
    """Whether it holds half a character (a lone surrogate), which no table can store."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _optional_text(detail: JSON, name: str) -> JSON:
    return {} if detail.get(name) is None else {name: _text(detail, name)}


def _plan(detail: JSON) -> JSON:
    return {"plan": _text(detail, "plan", 255)}


def _tags(detail: JSON) -> JSON:
    """Tags as API Gateway takes them: at most 50, key 1–128, value up to 256 (botocore model)."""
    tags = detail.get("tags")
    if tags is None:
        return {}
    good = (
        isinstance(tags, dict)
        and len(tags) <= 40
        and all(
            isinstance(v, str)
            and 0 < len(k) <= 128
            and len(v) <= 256
            and TAG.fullmatch(k)
            and TAG.fullmatch(v)
            and not k.startswith("aws:")
            for k, v in tags.items()
        )
    )
    if not good:
        raise InvalidEventError(
            "detail.tags",
            "is malformed",
            "Give an object of at most 40 texts, characters A-Z a-z 0-9 + - = . _ : / and space",
        )
    return {"tags": tags}


def _choice(detail: JSON, name: str, choices: tuple[str, ...]) -> JSON:
    value = detail.get(name)
    if value is None:
        return {}
    if value not in choices:
        raise InvalidEventError(f"detail.{name}", f"{seen(value)} is not known", one_of(choices))
    return {name: value}


def _overlap(detail: JSON) -> JSON:
    value = detail.get("overlap_hours")
    if value is None:
        return {}
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 8760:
        raise InvalidEventError(
            "detail.overlap_hours",
            f"{seen(value)} is malformed",
            "Give a number of hours from 0 to 8760",
        )
    return {"overlap_hours": Decimal(str(round(value, 2)))}


FIELDS: dict[str, Callable[[JSON], JSON]] = {
    "CustomerSignedUp": lambda d: _plan(d) | _optional_text(d, "name") | _tags(d),
    "CustomerPlanChanged": lambda d: _plan(d) | _choice(d, "key", ("in_place", "successor")),
    "CustomerSuspended": lambda d: _optional_text(d, "reason"),
    "CustomerResumed": lambda d: {},
    "CustomerClosed": lambda d: _optional_text(d, "reason"),
    "KeyRotationRequested": lambda d: _overlap(d) | _optional_text(d, "reason"),
}
