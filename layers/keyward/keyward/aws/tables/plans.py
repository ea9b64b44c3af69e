"""The Plans table: the id of each usage plan by its name, so that nothing is read to attach a
key, and whose it is."""

from __future__ import annotations

from typing import Any

from keyward.aws.client import Table
from keyward.values import frozen

KEYWARD, PEOPLE = "keyward", "people"


@frozen
class PlanRecord:
    """`plan_id` is None while a try to make the plan may be under way; `tried_at` in epoch
    seconds. `owner` is `keyward` or `people`, None for a plan of the last edition, which kept no
    note of it: all of those are Keyward's."""

    plan: str
    plan_id: str | None
    tried_at: int = 0
    owner: str | None = None

    def is_ours(self, plan_id: str) -> bool:
        """Whether the plan of this id is Keyward's, tagged or not."""
        return self.plan_id == plan_id and self.owner != PEOPLE


class Plans:
    """The Plans table."""

    def __init__(self, table: Any) -> None:
        self._table = Table(table)

    def find(self, plan: str) -> PlanRecord | None:
        """What is recorded of the plan, None without a record."""
        item = self._table.get_item(Key={"plan": plan}, ConsistentRead=True).get("Item")
        if not item:
            return None
        tried_at = int(item.get("tried_at", 0))
        return PlanRecord(plan, item.get("plan_id"), tried_at, item.get("owner"))

    def trying(self, plan: str, now: float) -> None:
        """Record, before the call, that the plan is being made."""
        self._table.put_item(Item={"plan": plan, "tried_at": int(now)})

    def save_id(self, plan: str, plan_id: str, owner: str) -> None:
        """Record the plan's id, and whether it is KEYWARD's or was made by PEOPLE."""
        self._table.put_item(Item={"plan": plan, "plan_id": plan_id, "owner": owner})

    def forget(self, plan: str) -> None:
        """Drop the record: the id is no longer good, or the try certainly had no effect."""
        self._table.delete_item(Key={"plan": plan})
