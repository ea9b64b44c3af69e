"""Announces what was done and waits in an outbox; forgets it once EventBridge has it.

An event enters its outbox in the transaction that records what it tells, so it is announced at
least once, by this run or by the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from keyward.aws.tables.ledger import with_events
from keyward.events import contracts
from keyward.events.size import batches
from keyward.runs.context import Context

JSON = dict[str, Any]


def announce(
    context: Context, waiting: Mapping[str, JSON], forget: Callable[[list[str]], None]
) -> None:
    """Announce the waiting events in the order of their names, in requests that EventBridge takes;
    `forget` each request's names as soon as EventBridge has it."""
    names = iter(sorted(waiting))
    entries = [contracts.entry(waiting[name], context.event_bus) for name in sorted(waiting)]
    for batch in batches(entries):
        context.bus.announce(batch)
        forget([next(names) for _ in batch])


def announce_once(context: Context, mark: str, event: JSON) -> None:
    """Announce an event, with its line in the ledger, unless what `mark` names was announced. What
    broke off before that is announced by whoever comes a minute later."""
    leases = context.registry.leases
    if leases.claim(mark, context.now):
        context.registry.ledger.append(with_events([], [event], context.now))
        context.bus.announce([contracts.entry(event, context.event_bus)])
        leases.said(mark)
