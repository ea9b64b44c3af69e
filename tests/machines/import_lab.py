"""Crowds of new customers on the bench, and the import that issues their keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest import mock

from keyward.aws.tables import Registry
from keyward.aws.tables.imports import Issued
from keyward.customers.key import CREATED, CREATING, Journal, KeyRecord
from keyward.customers.model import manual_fields
from keyward.runs import runtime, waiting
from keyward.values import JSON
from local.bench import Bench
from local.lifetime.states import Execution

REQUESTER = {"by": "event", "event_id": "e-1", "detail_type": "CustomerSignedUp", "source": "shop"}
WORKERS = ("ImportKeys", "VerifyImport")


class ImportLab:
    """A bench with usage plan `free` on it. A crowd's own runs are over: they handed the customers
    over, one by one, as Plan customer does where many wait."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.machine_arn = bench.stack.ref("IssueKeys")
        bench.send("CustomerSignedUp", customer_id="first", plan="free")
        # So long that the policy is read anew.
        bench.advance(90)
        self.calls_before, self.told_before = len(bench.calls), len(bench.announced)
        self.runs_before = len(bench.runs)

    def crowd(self, size: int, **more: Any) -> list[str]:
        """So many new customers who wait: their ids."""
        names = [f"c{number:04d}" for number in range(size)]
        for name in names:
            self.record(name, **more)
        for name in names:
            waiting.hand_over(runtime.context(), self.machine_arn, name, REQUESTER)
        return names

    def record(self, name: str, **more: Any) -> None:
        """Write a desired record that starts no run."""
        record = {"customer_id": name, "plan": "free", "status": "active"} | more
        self.write(name, **more)
        # As the stream would have it.
        customers, now = runtime.context().registry.customers, int(self.bench.clock.now())
        customers.note_dates(name, manual_fields(record), now)

    def write(self, name: str, **more: Any) -> None:
        """Write any record, past the stream."""
        record = {"customer_id": name, "plan": "free", "status": "active"} | more
        with mock.patch.object(self.bench.account.tables, "changed"):
            self.bench.put(**record)

    def settle(self) -> None:
        """Let all runs end, and what is due within ten minutes."""
        self.bench.run()
        self.bench.advance(600)

    def once(self, operation: str, act: Callable[[], None], worker: str = "") -> None:
        """Do something just before the next call of the operation by a function."""
        account, before = self.bench.account, self.bench.account.watch
        done = []

        def watch(service: str, called: str) -> None:
            before(service, called)
            if called == operation and not done and worker in ("", self.worker()):
                done.append(called)
                act()

        account.watch = watch

    def worker(self) -> str:
        """The function that is at work."""
        worker = self.bench.account.scheduler.worker
        return worker.invocation.function if worker and worker.invocation else ""

    # what is there

    @property
    def operations(self) -> Counter[str]:
        """The calls of API Gateway since the crowd came, by operation."""
        return Counter(call["operation"] for call in self.bench.calls[self.calls_before :])

    @property
    def told(self) -> list[JSON]:
        """What was announced since the crowd came."""
        return self.bench.announced[self.told_before :]

    def types(self) -> Counter[str]:
        """The detail-types of it."""
        return Counter(event["detail-type"] for event in self.told)

    def runs(self, machine: str = "issue_keys") -> list[Execution]:
        """The runs of a machine since the crowd came."""
        return [run for run in self.bench.runs[self.runs_before :] if run.machine == machine]

    def key_record(self, name: str) -> KeyRecord | None:
        """What Keyward knows of the customer's first key."""
        return runtime.context().registry.customers.key(name, 1)

    def keys(self, name: str) -> list[tuple[bool, list[str]]]:
        """The customer's keys at API Gateway: whether each is enabled, and the plans it is in."""
        state = self.bench.emulator.state
        return [
            (key.enabled, [p.settings["name"] for p in state.plans.values() if key.id in p.key_ids])
            for key in state.keys.values()
            if key.settings.get("name") == f"{name}/1"
        ]

    def assert_issued(self, names: list[str], *, once: bool = True) -> None:
        """Each of them has one key, in its plan, recorded and announced."""
        assert {name for name in names if self.keys(name) != [(True, ["free"])]} == set()
        self.assert_records_of(names)
        issued = Counter(
            event["detail"]["customer_id"]
            for event in self.told
            if event["detail-type"] == "KeyIssued"
        )
        assert {*names} <= {*issued}
        assert not once or {issued[name] for name in names} == {1}

    def assert_records_of(self, names: list[str]) -> None:
        """The records say that each of them has its key."""
        records = [self.key_record(name) for name in names]
        assert {record.state for record in records if record} == {CREATED}
        assert all(record and record.plan == "free" and record.is_settled for record in records)

    def assert_nothing_is_left(self) -> None:
        """Nobody waits, no run failed, the lease is free, and the next import has no old batch."""
        self.record("last")
        waiting.hand_over(runtime.context(), self.machine_arn, "last", REQUESTER)
        self.bench.run()
        table = self.bench.tables["KeysTable"]
        assert not table.part_of("due-index", "new") + table.part_of("due-index", "imported")
        registry = runtime.context().registry
        assert registry.imports.state().batches == {}
        assert registry.leases.holder("import") is None
        assert {run.status for run in self.bench.runs} == {"SUCCEEDED"}


def of_imports(registry: Registry, now: int) -> None:
    """Call the methods of the import's tables, where conditions are met and where not."""
    imports, leases = registry.imports, registry.leases
    names = [f"new{number}" for number in range(5)]
    for name in names:
        imports.wait(name, {"by": "record"}, now)
        imports.wait(name, {"by": "event"}, now)
    assert leases.acquire("customer#new4", "run-1", now)
    assert leases.is_held("customer#new4", now)
    assert not leases.is_held("customer#new4", now + 301)
    journal = Journal(now, "free", batch="b1")
    keys = [KeyRecord(name, 1, CREATING, journal=journal) for name in names]
    imports.note("b1", now)
    imports.note("b1", now, 50)
    # Of these five one is held by a run of its own.
    assert imports.begin(keys, now) == {*names[:4]}
    assert imports.begin(keys, now) == set()
    assert imports.waiting("new", 5) == [("new4", now)]
    assert {member.customer_id for member in imports.members(names) if member.key} == {*names[:4]}
    assert imports.undo(keys[:1], now) == {"new0"}
    imports.to_runs({"new1": keys[1]}, "imported", now)
    line = {"line": "1", "at": "2026-11-23T10:00:00Z"}
    told = {"detail_type": "KeyIssued", "detail": {"n": 1}}
    issued = [
        Issued(
            key,
            replace(key, state=CREATED, key_id="k", attached_at=now),
            [told],
            [line | {"subject": key.customer_id}],
            due,
        )
        for key, due in zip(keys[1:4], (None, None, now + 9.0), strict=True)
    ]
    assert imports.issue(issued, now) == {"new2", "new3"}
    imports.settle(issued)
    registry.customers.note_imported("new0", now)
    assert len(imports.waiting("imported")) == 1
    assert imports.state().batches == {"b1": now}
    imports.note_verified(now, ["b1"])
    imports.note_verified(now, [])
    assert imports.state().batches == {}
