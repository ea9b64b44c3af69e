"""Customers who wait for a key, and the rounds that import and verify keys taken one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from keyward.aws.tables.due import IMPORTED, NEW
from keyward.aws.tables.import_progress import ImportState
from keyward.aws.tables.imports import Imports
from keyward.customers.key import KeyRecord
from keyward.runs.keys.bulk import ImportRun, KeyImport, step
from keyward.runs.keys.bulk_check import ImportCheck
from keyward.values import JSON
from tests.machines.life_lab import LifeLab

RUNS = "arn:aws:states:us-east-1:123456789012:execution:issue-keys"
OWNER, OTHER = f"{RUNS}:run-1", f"{RUNS}:run-2"
IMPORT_CALL = "ImportApiKeys"
# What a round answers: the next batch, at once, in a second, or after those who cannot be helped
# yet; a look at what was imported; the end.
AGAIN, LATER, WAIT = (step("import", seconds) for seconds in (0, 1, 5))
LOOK, END = step("verify"), step("done")


def asked(name: str) -> JSON:
    """Who asked for the customer's key."""
    event_id, source = f"of-{name}", "shop"
    return {"by": "event", "event_id": event_id, "detail_type": "A", "source": source}


def desk_of(life: LifeLab) -> ImportDesk:
    """A desk in an account that has the two plans, at a whole second."""
    life.bench.clock.advance(1 - life.bench.clock.now() % 1)
    life.known_plans("free", "pro")
    return ImportDesk(life)


@dataclass
class ImportDesk:
    """One run of issue-keys. `value` is called for each value of a key, before it is made."""

    life: LifeLab
    pauses: list[float] = field(default_factory=list)
    values: int = 0
    at_value: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.begun = self.now

    @property
    def now(self) -> int:
        """Epoch seconds: the clock stands at whole ones."""
        return int(self.life.bench.clock.now())

    @property
    def imports(self) -> Imports:
        return self.life.bench.registry.imports

    def join(self, *names: str, plan: str = "free", **detail: Any) -> None:
        """New customers, who wait for the next batch from now on."""
        for name in names:
            self.life.hear("CustomerSignedUp", name, plan=plan, **detail)
            self.imports.wait(name, asked(name), self.now)

    def run(self, owner: str = OWNER) -> ImportRun:
        return ImportRun(self.life.bench.context(), owner, self.begun, self._pause)

    def make(self, owner: str = OWNER, **more: bool) -> JSON:
        """A round of Import keys."""
        return KeyImport(self.run(owner), self._value).round(**more)

    def look(self, owner: str = OWNER) -> JSON:
        """A round of Verify import."""
        return ImportCheck(self.run(owner)).round()

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.life.bench.clock.advance(seconds)

    def _value(self) -> str:
        self.at_value()
        self.values += 1
        return f"kw-{self.begun}-{self.values:030d}"

    # what is there

    def state(self) -> ImportState:
        return self.imports.state()

    def rows(self, most: int) -> None:
        """Let the next batch have so many."""
        self.imports.note("none", 0, most)
        self.imports.note_verified(0, ["none"])

    def waiting(self) -> list[str]:
        return sorted(name for name, _ in self.imports.waiting(NEW))

    def imported(self) -> list[str]:
        return sorted(name for name, _ in self.imports.waiting(IMPORTED))

    def own_runs(self) -> dict[str, int]:
        """Those for whom a run of their own is due, and since when."""
        return dict(self.life.bench.registry.customers.due(self.now + 10**9))

    def key(self, name: str) -> KeyRecord | None:
        return self.life.bench.registry.customers.key(name, 1)

    def lease_owner(self) -> str | None:
        held = self.life.bench.registry.leases.holder("import")
        return held.owner if held else None

    def operations(self) -> list[str]:
        """The calls of API Gateway since the last question."""
        found = self.life.bench.operations()
        self.life.bench.emulator.ledger.clear()
        return found

    def count(self, number: str) -> float:
        """A number of the schedule of calls."""
        return self.life.bench.registry.schedule.read().get(number, 0)

    def made(self, *names: str, fault: str | None = None, **more: Any) -> None:
        """Customers of one batch, whose call is over or met the fault."""
        self.join(*names, **more)
        if fault:
            self.life.fault(IMPORT_CALL, fault)
        self.make()
        self.operations()

    def key_ids(self, name: str) -> list[str]:
        """The ids of the keys of this name, as they were made."""
        state = self.life.bench.emulator.state
        return [key.id for key in state.keys.values() if key.settings.get("name") == name]

    def put_beside(self, name: str, plan: str = "free") -> str:
        """Make another key of the name, in the plan: its id."""
        key_id = str(self.life.client.create_api_key(name=name, enabled=True)["id"])
        self.life.client.create_usage_plan_key(
            usagePlanId=self.life.plan_id(plan), keyId=key_id, keyType="API_KEY"
        )
        self.operations()
        return key_id

    def drop_plan(self, name: str) -> None:
        """A person deletes the plan."""
        self.life.client.delete_usage_plan(usagePlanId=self.life.plan_id(name))
        self.operations()

    def told(self) -> list[str]:
        """Who was told of a new key, in order."""
        return [event["customer_id"] for event in self.life.events("KeyIssued")]

    def wait(self, seconds: float) -> None:
        self.life.bench.clock.advance(seconds)

    def busy(self, seconds: float) -> None:
        """Others made so many calls ahead of their turn that the next one waits so long."""
        turns, now = self.run().context.turns, float(self.now)
        turns.debit({"calls": 20 + 5 * seconds}, now)
