"""Holds everything that tests announce to the list of events out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import cache

import fastjsonschema
import pytest

from keyward.aws.bus import Bus
from keyward.events import outgoing
from keyward.events.contracts import SOURCE
from keyward.values import JSON

LIST = "layers/keyward/keyward/events/outgoing.py"


@cache
def validator(detail_type: str) -> Callable[[JSON], JSON]:
    """The compiled schema of an event out."""
    made: Callable[[JSON], JSON] = fastjsonschema.compile(outgoing.schema(detail_type))
    return made


def check(entries: Iterable[JSON]) -> None:
    """Fail for an entry of PutEvents that the list does not describe."""
    for entry in entries:
        detail_type, detail = entry["DetailType"], entry["Detail"]
        assert detail_type in outgoing.EVENTS_OUT, f"add {detail_type} to EVENTS_OUT in {LIST}"
        try:
            validator(detail_type)(json.loads(json.dumps(detail, default=str)))
        except fastjsonschema.JsonSchemaValueException as error:
            raise AssertionError(f"{detail_type} is not as {LIST} has it: {error}") from None


@pytest.fixture(scope="session", autouse=True)
def listed_events_only() -> Iterator[None]:
    """Check what any test has the product's own adapter announce, the bench's included."""
    announce = Bus.announce

    def checked(bus: Bus, entries: list[JSON]) -> None:
        check(entry for entry in entries if entry["Source"] == SOURCE)
        announce(bus, entries)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bus, "announce", checked)
        yield
