"""A bench and what became of a history on it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from keyward.customers.rotation import LEAK_WORDS
from keyward.values import JSON
from local.bench import Bench
from tests.prove.history import History, Step

STAGES = ["prod", "test"]


@dataclass
class Played:
    """A bench after a history. `live` are the names of keys that worked, by customer, at each call
    that changed one; `deployed` what the team deployed last, by stage, `approved` what
    persons approved since, `between` what the team is to do before a call of a run. `switched` are
    the customers of the keys that a person `disabled`, `removed` those whose record was."""

    bench: Bench
    history: History
    api_id: str = ""
    sent: list[JSON] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    most_alive: Counter[str] = field(default_factory=Counter)
    deployed: dict[str, JSON] = field(default_factory=dict)
    working: JSON = field(default_factory=dict)
    approved: dict[str, list[JSON]] = field(default_factory=dict)
    between: list[JSON] = field(default_factory=list)
    by_hand: bool = False
    switched: set[str] = field(default_factory=set)
    disabled: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    last: float = 0.0
    times: set[float] = field(default_factory=set)
    stopped: bool = False
    tidied: bool = False
    # How much had been sent when an event of a customer came again.
    repeats: set[tuple[int, str]] = field(default_factory=set)

    def wanted_always(self, customer_id: str) -> bool:
        """Whether nothing in the history lets a customer be without a working key."""
        details = [event for event in self.sent if event["detail"]["customer_id"] == customer_id]
        return not self.by_hand and all(map(_keeps_a_key, details))


def _keeps_a_key(event: JSON) -> bool:
    kind, detail = event["detail-type"], event["detail"]
    if kind == "CustomerPlanChanged":
        return detail.get("key") == "successor"
    reason = str(detail.get("reason")).casefold()
    return kind == "KeyRotationRequested" and not any(word in reason for word in LEAK_WORDS)


def next_second(played: Played) -> float:
    """A time of its own for what happens now: of two in one second the later arrival would win, and
    which one that is depends on the faults."""
    played.last = max(played.last + 1, float(int(played.bench.clock.now())))
    played.times.add(played.last)
    return played.last


def stage_of(step: Step) -> str:
    return STAGES[step.about["number"] % len(STAGES)]
