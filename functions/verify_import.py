"""Verify import: look up in the plans which keys were made, and issue them to their customers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keyward.aws.gateway import Patience
from keyward.errors import PassingError
from keyward.runs import ledger, runtime
from keyward.runs.keys.bulk import ImportRun
from keyward.runs.keys.bulk_check import ImportCheck

PATIENCE_SECONDS = 60


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{execution_arn, begun}`; output `{next, wait_seconds, closing}` as Import keys
    answers it. Idempotent; what passes by itself is waited for."""
    made = runtime.context()
    patient = made.gateway.patiently(Patience(PATIENCE_SECONDS, runtime.pause))
    begun = ledger.epoch_of(event["begun"])
    run = ImportRun(
        replace(made, gateway=patient), str(event["execution_arn"]), begun, runtime.pause
    )
    try:
        return ImportCheck(run).round()
    except PassingError as error:
        runtime.logger().warning("the import is verified later: %s", error)
        return run.after(error)
