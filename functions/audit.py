"""Audit: everything that is not as desired, by the deployed truth, in one go; on request it has the
audit's state machine start the repair, and then the report."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from keyward.audit.parts import FIELDS, FINDINGS, REPAIRS, Audit
from keyward.runs import run, runtime


def handler(event: object, context: Any) -> dict[str, Any]:
    """Input `{repair?, adopt?, adopt_tag?, customers?, customers_object?}`, or a batch from the
    queue of policy changes, which repairs; output `{findings, exempt, apis, customers, keys}`, with
    `started` after a repair."""
    is_batch = isinstance(event, dict) and "Records" in event
    task: Any = {"repair": True} if is_batch else event
    run.only_fields(task, FIELDS)
    # An asynchronous invocation that is repeated has the same id, and goes on where it was.
    name = f"function-{getattr(context, 'aws_request_id', None) or uuid.uuid4()}"
    surroundings = replace(runtime.context(), gateway=runtime.patient_gateway())
    audit = Audit(name, runtime.audits(), surroundings, runtime.setting("DEFAULT_MODE"))
    done = audit.at_once(task, runtime.pause)
    found: dict[str, Any] = audit.documents.load(name, FINDINGS)
    runtime.count({"KeysOnGateway": found["keys"]})
    if done["repair"]:
        found["started"] = sum("machine" in item for item in audit.documents.load(name, REPAIRS))
        runs = {"repairs": name}
        surroundings.bus.start(runtime.setting("AUDIT_ACCOUNT_ARN"), f"repairs-of-{name}", runs)
    return found
