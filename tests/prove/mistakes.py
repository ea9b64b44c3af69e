"""What people do by mistake, or too often: records that are removed and come back, rotations within
an overlap, and words that say that a key leaked."""

from __future__ import annotations

import random
from collections.abc import Sequence

from keyward.values import iso
from tests.prove.history import PAUSES, PLANS, History, Step
from tests.prove.played import Played, next_second

# In so many histories of customers.
SHARE = 0.3
REASONS = ("yearly", "Leaked on GitHub", "the laptop was stolen", "COMPROMISED")
ROTATE = "KeyRotationRequested"


def with_mistakes(history: History, steps: Sequence[Step]) -> list[Step]:
    """The steps, and in some histories mistakes between them. Drawn from a seed of their own, so
    that all else is played as it was before there were any."""
    draw, found = random.Random(f"mistakes {history.seed}"), list(steps)
    if history.is_of_apis or draw.random() >= SHARE:
        return found
    for _ in range(draw.randint(1, 3)):
        place = draw.randint(1, len(found))
        customer = {"customer_id": found[0].about["customer_id"]}
        made = [Step(s.pause, s.kind, customer | s.about) for s in draw.choice(MISTAKES)(draw)]
        found[place:place] = made
    return found


def _removed(draw: random.Random) -> list[Step]:
    """A record is removed, and perhaps comes back."""
    back = (
        Step(draw.choice(PAUSES), "send", {"kind": "CustomerSignedUp", "plan": draw.choice(PLANS)}),
        Step(draw.choice(PAUSES), "put", {"plan": draw.choice(PLANS), "status": "active"}),
        Step(draw.choice(PAUSES), "send", {"kind": "CustomerClosed"}),
        Step(draw.choice(PAUSES), "send", {"kind": "CustomerResumed", "age": 60}),
    )
    steps = [Step(draw.choice(PAUSES), "remove"), draw.choice(back)]
    return steps[: draw.choice((1, 2, 2))]


def _rotated(draw: random.Random) -> list[Step]:
    """Rotations that follow each other."""
    about = {"kind": ROTATE, "overlap_hours": draw.choice((0, 1, 168))}
    return [Step(draw.choice(PAUSES), "send", dict(about)) for _ in range(draw.randint(2, 4))]


def _leaked(draw: random.Random) -> list[Step]:
    """A rotation with a reason."""
    about = {"kind": ROTATE, "reason": draw.choice(REASONS)}
    return [Step(draw.choice(PAUSES), "send", about)]


def _hopped(draw: random.Random) -> list[Step]:
    """Plan changes that follow each other."""
    how = draw.choice(({}, {"key": "successor"}, {"key": "in_place"}))
    plans = draw.choice((("pro", "free"), ("free", "pro", "free"), ("pro", "free", "pro")))
    about = ({"kind": "CustomerPlanChanged", "plan": plan} | how for plan in plans)
    return [Step(draw.choice(PAUSES), "send", one) for one in about]


MISTAKES = (_removed, _removed, _rotated, _leaked, _hopped)


def remove(played: Played, step: Step) -> None:
    """Somebody deletes the item of a customer who is there."""
    customer_id = step.about["customer_id"]
    played.bench.run(until=next_second(played))
    if (customer_id,) in played.bench.tables["CustomersTable"].items:
        about = {"customer_id": customer_id, "occurred_at": iso(played.last)}
        played.sent.append({"detail-type": "removed", "detail": about})
        played.removed.add(customer_id)
        played.bench.remove(customer_id)
        played.bench.advance(seconds=1)
