"""What GetRestApi tells of an API: its name, its mode, where its keys come from. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from keyward.apis.model import ENFORCE, MODE_TAG, MODES, WARN
from keyward.errors import InvalidInputError
from keyward.values import DAY, frozen, iso

CUSTOM = "CUSTOM"
UNTIL = re.compile(r"warn-until-(\d{4}-\d{2}-\d{2})")


@frozen
class Head:
    """What GetRestApi tells. `keys_from_authorizer`: the header x-api-key counts for nothing.
    `enforce_on` (YYYY-MM-DD) is the day in the tag on which mode warn becomes enforce."""

    rest_api_id: str
    name: str
    mode: str
    keys_from_authorizer: bool
    enforce_on: str | None = None

    def dated(self, noted: str | None, now: float, days: int) -> Head:
        """Give mode warn its day: that of the tag, else the one noted before, else `days` from now.
        From 00:00 UTC of that day on the mode is enforce. `now` is in epoch seconds."""
        if self.mode != WARN:
            return self
        day = self.enforce_on or noted or iso(now + days * DAY)[:10]
        due = iso(now)[:10] >= day
        return replace(self, mode=ENFORCE if due else WARN, enforce_on=day)

    def takes_key(self, authorization: str) -> bool:
        """Whether a key can reach a method with this authorization: a Lambda authorizer alone names
        one (usageIdentifierKey)."""
        return not self.keys_from_authorizer or authorization == CUSTOM


def head_of(api: Mapping[str, Any], rest_api_id: str, default_mode: str) -> Head:
    """From an answer of GetRestApi or an item of GetRestApis. Raises InvalidInputError."""
    tag = str((api.get("tags") or {}).get(MODE_TAG, default_mode))
    until = UNTIL.fullmatch(tag)
    mode = WARN if until and _is_day(until[1]) else tag
    if mode not in MODES:
        raise InvalidInputError(
            f"tag {MODE_TAG} of API {rest_api_id}",
            f"must be {', '.join(MODES)} or warn-until-YYYY-MM-DD, got {tag[:32]!r}",
            "Correct the tag",
        )
    source = api.get("apiKeySource") == "AUTHORIZER"
    day = until[1] if until else None
    return Head(rest_api_id, str(api.get("name", "")), mode, source, day)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
