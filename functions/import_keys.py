"""Import keys: make the keys of many waiting customers with one call of ImportApiKeys."""

from __future__ import annotations

from typing import Any

from keyward.errors import PassingError
from keyward.events.key_value import new_value
from keyward.runs import ledger, runtime
from keyward.runs.keys.bulk import ImportRun, KeyImport


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{execution_arn, begun, closing?}`; output `{next, wait_seconds, closing}`: what
    the machine does next, import, verify or done, and how long it waits before. What passes by
    itself is waited for. Raises PolicyRefusedError."""
    begun = ledger.epoch_of(event["begun"])
    run = ImportRun(runtime.context(), str(event["execution_arn"]), begun, runtime.pause)
    prefix = runtime.setting("KEY_PREFIX")
    try:
        importing = KeyImport(run, lambda: new_value(prefix))
        return importing.round(closing=bool(event.get("closing")))
    except PassingError as error:
        runtime.logger().warning("the import waits: %s", error)
        return run.after(error)
