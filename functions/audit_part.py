"""Audit part: read on, as far as the audit's share of the calls goes; at last compare and keep what
was found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keyward.audit.parts import FIELDS, NAME, Audit, concluded
from keyward.events import contracts
from keyward.runs import run, runtime


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input: that of audit-account, and `execution_arn`; output: see `Audit.round`. `repairs`
    names an audit of the function Audit that is done, and is only to be mended."""
    run.only_fields(event, (*FIELDS, "repairs"))
    done = contracts.optional_of(event, "repairs", NAME)
    if done is not None:
        return concluded(done, True, runtime.audits())
    name = str(event["execution_arn"]).rpartition(":")[2]
    # Its gateway waits out a 429 within the call.
    surroundings = replace(runtime.context(), gateway=runtime.patient_gateway())
    audit = Audit(name, runtime.audits(), surroundings, runtime.setting("DEFAULT_MODE"))
    answer = audit.round(event)
    if not answer["unfinished"]:
        runtime.count({"KeysOnGateway": answer["summary"]["keys"]})
    return answer
