"""Who edited which method of a working copy last, in the Apis table, beside the records of the API.

`rest_api_id` = `<id>#edits`, `record` = `<resource id>#<verb>`, the verb `*` for the resource as a
whole: no plan reads them, so they are in a partition of their own. One record a method; forgotten
by the table after `RETENTION_DAYS`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from keyward.aws.client import Table
from keyward.aws.tables.conditions import in_partition, not_later
from keyward.events.caller import Editor
from keyward.values import DAY

RETENTION_DAYS = 90


class Edits:
    """A part of the Apis table."""

    def __init__(self, table: Any) -> None:
        self._table = Table(table)

    def note(self, rest_api_id: str, resource_id: str, verb: str, editor: Editor) -> None:
        """Note who edited a method, or with the verb `*` a resource; events come in any order, the
        latest edit counts."""
        until = datetime.fromisoformat(editor.when).timestamp() + RETENTION_DAYS * DAY
        where = {"rest_api_id": f"{rest_api_id}#edits", "record": f"{resource_id}#{verb}"}
        self._table.try_write(
            "put_item",
            Item=where | editor.as_json() | {"forget_at": int(until)},
            **not_later(editor.when),
        )

    def of(self, rest_api_id: str) -> dict[tuple[str, str], Editor]:
        """By resource id and verb."""
        found: dict[tuple[str, str], Editor] = {}
        mine = in_partition("rest_api_id", f"{rest_api_id}#edits")
        for item in self._table.pages("query", **mine):
            resource_id, _, verb = str(item["record"]).partition("#")
            found[resource_id, verb] = Editor(item["who"], item["what"], item["when"])
        return found
