"""How far the import of keys is: the item `import` of the Leases table, which is also the lease of
the run that imports. It has `rows` (how many keys the next batch may have), `verified_at` (epoch
seconds) and `batch-<id>` for each batch under way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from keyward.aws.client import Table
from keyward.values import frozen

LEASE = "import"
BATCH = "batch-"
# What the attribute of a batch says instead of the time at which its call began.
LANDED, REFUSED = 0, -1
FIRST_ROWS, MAX_ROWS, MIN_ROWS = 100, 500, 25


@frozen
class ImportState:
    """How far the import is: `batches` says when the call of each began (epoch seconds), or that it
    LANDED or was REFUSED."""

    rows: int = FIRST_ROWS
    verified_at: float = 0.0
    batches: Mapping[str, int] = field(default_factory=dict)

    def of(self, batch: str | None) -> int:
        """Return the state of a batch. A batch without an entry has landed: entries are deleted
        after that."""
        return self.batches.get(batch or "", LANDED)


class ImportProgress:
    """A part of the Leases table. Times are epoch seconds."""

    _leases: Table

    def state(self) -> ImportState:
        """How far the import is."""
        item = self._leases.get_item(Key={"lease": LEASE}, ConsistentRead=True).get("Item") or {}
        batches = {
            name.removeprefix(BATCH): int(value)
            for name, value in item.items()
            if name.startswith(BATCH)
        }
        rows = int(item.get("rows", FIRST_ROWS))
        return ImportState(rows, float(item.get("verified_at", 0)), batches)

    def note(self, batch: str, answer: float, rows: int | None = None) -> None:
        """Write down when the call of a batch begins, or how it was answered (LANDED, REFUSED), and
        how many `rows` the next one may have."""
        changes = {BATCH + batch: int(answer)} | ({} if rows is None else {"rows": rows})
        self._set(changes, [])

    def note_verified(self, now: float, done: Iterable[str]) -> None:
        """Write down that the plans were read, and forget the batches that are `done`."""
        self._set({"verified_at": int(now)}, [BATCH + batch for batch in done])

    def _set(self, changes: Mapping[str, int], forgotten: Sequence[str]) -> None:
        names = {f"#n{place}": name for place, name in enumerate([*changes, *forgotten])}
        marks = [*names]
        update = "SET " + ", ".join(f"#n{n} = :v{n}" for n in range(len(changes)))
        if forgotten:
            update += " REMOVE " + ", ".join(marks[len(changes) :])
        self._leases.update_item(
            Key={"lease": LEASE},
            UpdateExpression=update,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={f":v{n}": v for n, v in enumerate(changes.values())},
        )
