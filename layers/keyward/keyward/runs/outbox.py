"""Announces what was done: from an outbox, at once, or once in the life of a stack.

An event enters its outbox in the transaction that records what it tells. So it is announced at
least once, by this run or by the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from keyward.aws.tables.ledger import with_events
from keyward.aws.tables.outbox import Outbox
from keyward.events import contracts
from keyward.events.remedy import of_stack
from keyward.events.requester import with_cause
from keyward.events.size import batches
from keyward.runs.context import Context
from keyward.values import JSON


def announce(context: Context, outbox: Outbox, owner: str, waiting: Mapping[str, JSON]) -> None:
    """Announce the owner's waiting events in the order of their names, in requests that EventBridge
    takes; forget each request's events as soon as EventBridge has them. The steps by which a key
    came into other plans are one event."""
    told = _by_change(waiting)
    entries = [_entry(event, context) for _, event in told]
    names = iter([names for names, _ in told])
    for batch in batches(entries):
        context.bus.announce(batch)
        outbox.forget(owner, [name for _ in batch for name in next(names)])


def _by_change(waiting: Mapping[str, JSON]) -> list[tuple[list[str], JSON]]:
    """The events with the names of their items: what one request changed in the plans of a key is
    told once, as it is after the last step and with the actions of all."""
    told: list[tuple[list[str], JSON]] = []
    for name in sorted(waiting):
        event, names, actions = waiting[name], [name], list[JSON]()
        for earlier in [one for one in told if _is_step_before(one[1], event)]:
            told.remove(earlier)
            names, actions = [*earlier[0], *names], earlier[1]["detail"]["actions"]
        if actions:
            detail = event["detail"]
            event = event | {"detail": detail | {"actions": [*actions, *detail["actions"]]}}
        told.append((names, event))
    return told


def _is_step_before(earlier: JSON, event: JSON) -> bool:
    """Whether both tell of the plans of one key, as the same request wanted them."""
    same = ("key_id", "caused_by", "replaces")
    return earlier["detail_type"] == event["detail_type"] == "PlanChanged" and all(
        earlier["detail"].get(n) == event["detail"].get(n) for n in same
    )


def announce_many(context: Context, events: Iterable[JSON]) -> None:
    """Announce events of the outboxes of many customers; the caller forgets them afterwards."""
    context.bus.announce([_entry(event, context) for event in events])


def announce_now(context: Context, event: JSON, lines: Iterable[JSON]) -> None:
    """Announce an event that tells of no record; its lines enter the ledger first. A caller that
    fails in between is called again, and announces it then."""
    *others, last = lines
    for line in (*others, last):
        event = with_cause(event, line["asked"])
    context.registry.ledger.append(others)
    entry = _entry(event, context)
    context.registry.ledger.announce(last, lambda: context.bus.announce([entry]))


def announce_once(context: Context, mark: str, event: JSON, seconds: float | None = None) -> None:
    """Announce an event, with its line in the ledger, unless `mark` was announced ever, or within
    so many seconds."""
    lines = with_events([], [event], context.now)
    tell_once(context, mark, lambda: announce_now(context, event, lines), seconds)


def tell_once(
    context: Context, mark: str, tell: Callable[[], None], seconds: float | None = None
) -> None:
    """Call `tell` unless `mark` was told ever, or within so many seconds. After a failure the next
    caller, a minute later, tells it."""
    marks = context.registry.marks
    if marks.claim(mark, context.now):
        tell()
        marks.mark_done(mark, None if seconds is None else context.now + seconds)


def _entry(event: JSON, context: Context) -> JSON:
    """The entry of PutEvents; its remedy names the stack."""
    detail = event["detail"]
    if "remedy" in detail:
        detail = detail | {"remedy": of_stack(str(detail["remedy"]), context.stack)}
    return contracts.entry(event | {"detail": detail}, context.event_bus)
