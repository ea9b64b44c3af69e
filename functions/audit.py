"""Audit: everything that is not as desired, by the deployed truth, in one go; on request it has the
audit's state machine start the repair, and then the report."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from keyward.audit.parts import FIELDS, FINDINGS, REPAIRS, Audit
from keyward.runs import run, runtime

# Of the 900 s that the function has.
READ_SECONDS = 840


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Input `{repair?, adopt?, adopt_tag?, customers?, customers_object?}`, or a batch from the
    queue of policy changes, which repairs; output `{findings, exempt, apis, customers, keys}`, with
    `started` after a repair. Raises TooLargeError."""
    task, cause = event, getattr(context, "aws_request_id", None)
    if isinstance(event, dict) and "Records" in event:
        task, cause = {"repair": True}, event["Records"][0]["messageId"]
    run.only_fields(task, FIELDS)
    # A message or an asynchronous invocation that comes again goes on where it was.
    name = f"function-{cause or uuid.uuid4()}"
    surroundings = replace(runtime.context(), gateway=runtime.patient_gateway())
    audit = Audit(name, runtime.audits(), surroundings, runtime.setting("DEFAULT_MODE"))
    done = audit.at_once(task, runtime.pause, surroundings.now + READ_SECONDS)
    found: dict[str, Any] = audit.documents.load(name, FINDINGS)
    runtime.count({"KeysOnGateway": found["keys"]})
    if done["repair"]:
        found["started"] = sum("machine" in item for item in audit.documents.load(name, REPAIRS))
        runs = {"repairs": name}
        surroundings.bus.start(runtime.setting("AUDIT_ACCOUNT_ARN"), f"repairs-of-{name}", runs)
    return found
