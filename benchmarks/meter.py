"""Count what AWS bills while a bench runs: units of DynamoDB, events, requests of services."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from keyward.values import JSON
from local.bench import Bench
from local.lifetime.queues import Queues
from local.lifetime.tables import Table, Tables

# DynamoDB developer guide, "Read and write request units": a written unit is 1 KB, a read one 4 KB
# read consistently; a transaction doubles them.
WRITTEN, READ = 1024, 4096
WRITES, READS = ("put_item", "update_item", "delete_item"), ("get_item", "query", "scan")
# The bus takes what AWS's own services say for nothing; the others pay (EventBridge pricing).
FREE_SOURCES = ("aws.",)


class Meter:
    """Counts since the bench began, by the names of benchmarks/prices.py."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._factor = 1

    def hears(self, service: str, operation: str) -> None:
        """Count a call that a function makes."""
        if service == "ssm":
            self.counts["parameter_calls"] += 1
        elif service == "s3":
            kind = "puts" if operation.startswith(("Put", "List")) else "gets"
            self.counts[f"bucket_{kind}"] += 1

    def published(self, source: str) -> None:
        """Count an event on a bus."""
        if not source.startswith(FREE_SOURCES):
            self.counts["events"] += 1

    def sent(self) -> None:
        """Count a message that is sent to a queue."""
        self.counts["queue_requests"] += 1

    def write(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """The same write of a table, counted: the larger of both sizes, and each index with it.
        A write whose condition is not met is billed too."""

        def counted(table: Table, **params: Any) -> Any:
            place = table._place(params.get("Item") or params["Key"])
            before = table.items.get(place)
            try:
                return original(table, **params)
            finally:
                after = table.items.get(place)
                sizes = [size(item) for item in (before, after, params.get("Item")) if item]
                copies = 1
                if before != after:
                    copies = max(len(table._parts_of(item)) for item in (before, after) if item)
                units = math.ceil(max(sizes, default=1) / WRITTEN)
                self.counts["written_units"] += self._factor * units * copies

        return counted

    def read(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """The same read of a table, counted: half a unit for 4 KB, a whole one when consistent."""

        def counted(table: Table, **params: Any) -> Any:
            answer = original(table, **params)
            items = [answer["Item"]] if "Item" in answer else answer.get("Items", [])
            pages = math.ceil(max(1, sum(size(item) for item in items)) / READ)
            self.counts["half_read_units"] += pages * (2 if params.get("ConsistentRead") else 1)
            return answer

        return counted

    def transaction(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """The same writes of a transaction, counted twice."""

        def counted(tables: Tables, steps: Any) -> Any:
            self._factor = 2
            try:
                return original(tables, steps)
            finally:
                self._factor = 1

        return counted


def size(item: JSON) -> int:
    """About how many bytes DynamoDB bills for an item: names and values as text."""
    return len(str(item))


@contextmanager
def metered(bench: Bench) -> Iterator[Meter]:
    """Count everything that the bench does in here."""
    meter, account = Meter(), bench.account
    account.watch = meter.hears
    publish, send = account.publish, Queues.send

    def published(bus: str, source: str, detail_type: str, detail: JSON) -> None:
        meter.published(source)
        publish(bus, source, detail_type, detail)

    def sent(queues: Queues, *given: Any, **more: Any) -> None:
        meter.sent()
        send(queues, *given, **more)

    patched: list[tuple[Any, str, Any]] = [
        (account, "publish", published),
        (Queues, "send", sent),
        (Tables, "_write", meter.transaction(Tables._write)),
    ]
    patched += [(Table, name, meter.write(getattr(Table, name))) for name in WRITES]
    patched += [(Table, name, meter.read(getattr(Table, name))) for name in READS]
    patches = [mock.patch.object(*one) for one in patched]
    for patch in patches:
        patch.start()
    try:
        yield meter
    finally:
        for patch in reversed(patches):
            patch.stop()
        account.watch = lambda service, operation: None
