"""Which notices a customer was given, in the Keys table (`record` = `told`), so that each comes
once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keyward.aws.client import Table
from keyward.aws.tables.customers import TOLD
from keyward.aws.tables.leases import Lease, fenced
from keyward.aws.tables.ledger import Ledger
from keyward.aws.tables.outbox import Outbox, record_name
from keyward.errors import ConditionNotMetError, LeaseLostError
from keyward.values import JSON

# A notice comes back only with a new date or a new unpaid bill, never with an old one.
MAX_MARKS = 50


class Notices:
    """Marks of notices, by customer; written by the run that holds the customer's lease."""

    def __init__(self, keys: Any, ledger: Ledger) -> None:
        self._keys = Table(keys)
        self._ledger = ledger
        self._outbox = Outbox(self._keys, "customer_id")

    def announce_once(
        self,
        customer_id: str,
        marks: Sequence[str],
        announced: JSON,
        lease: Lease,
        when: str,
        line: JSON,
    ) -> bool:
        """Remember the marks, and in the same transaction put the notice into the outbox and its
        line into the ledger; False when it was given already. `when` (it sorts like time) is also
        what the oldest marks are forgotten by. Raises LeaseLostError."""
        where = {"customer_id": customer_id, "record": TOLD}
        stored = self._keys.get_item(Key=where, ConsistentRead=True).get("Item") or {}
        marked = dict(stored.get("marks", {}))
        if set(marks) <= set(marked):
            return False
        newest = sorted((marked | dict.fromkeys(marks, when)).items(), key=lambda mark: mark[1])
        item = where | {"marks": dict(newest[-MAX_MARKS:]), "fence": lease.token}
        name = record_name(f"{lease.token:08d}", when, announced["detail_type"])
        put = {"Put": {"TableName": self._keys.name, "Item": item} | fenced(lease)}
        events = self._outbox.puts(customer_id, {name: announced})
        try:
            self._keys.write([put, *events, *self._ledger.puts([line], [announced])])
        except ConditionNotMetError:
            raise LeaseLostError(f"a later run has customer {customer_id}") from None
        return True
