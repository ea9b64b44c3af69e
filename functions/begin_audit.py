"""Begin audit: what is to be read of the account, cut into parts that are read one by one."""

from __future__ import annotations

import re
from typing import Any

from keyward.audit import parts
from keyward.aws.bucket import Audits
from keyward.aws.gateway import Gateway
from keyward.events import contracts
from keyward.runs import run, runtime

# What a console run may state; `repairs` is the function Audit's way to have its findings mended.
FIELDS = ("repair", "repairs", "adopt", "adopt_tag", "customers", "customers_object")
AUDIT = re.compile(r"[A-Za-z0-9_-]{1,80}")


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{repair?, repairs?, adopt?, adopt_tag?, customers?, customers_object?,
    execution_arn}`; output: see `begin`."""
    run.only_fields(event, FIELDS)
    return begin(event, runtime.patient_gateway(), runtime.audits(), runtime.now())


def begin(task: dict[str, Any], gateway: Gateway, audits: Audits, now: float) -> dict[str, Any]:
    """`{audit, repair, parts, told: {batches, adoptions, summary}}`. `parts` are numbers; there are
    none when `repairs` names an audit that is done and is only to be mended. Raises
    InvalidInputError."""
    repair = contracts.flag_of(task, "repair")
    done = contracts.optional_of(task, "repairs", AUDIT)
    if done is not None:
        told = parts.kept(done, audits)
        return {"audit": done, "repair": True, "parts": [], "told": told}
    audit = str(task["execution_arn"]).rpartition(":")[2]
    sources = parts.sources_for(task, lambda: audits)
    parts.keep_sources(audit, sources, audits)
    numbers = parts.begin(audit, gateway, audits, now)
    return {"audit": audit, "repair": repair, "parts": numbers, "told": {}}
