"""Audit part: read a part of the account, as far as the audit's share of the calls goes."""

from __future__ import annotations

from typing import Any

from keyward.audit import parts
from keyward.audit.read import AuditReader
from keyward.runs import runtime


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{audit, part, last, next, tries}`; output `{next, tries, wait_seconds, done}`:
    where to go on, and when."""

    def reader(plans: Any) -> AuditReader:
        return AuditReader(
            runtime.patient_gateway(),
            runtime.registry(),
            plans,
            runtime.policy(),
            runtime.setting("DEFAULT_MODE"),
            runtime.now(),
        )

    begin = parts.Round(int(event["next"]), int(event["tries"]))
    part = (event["audit"], int(event["part"]), begin, bool(event["last"]))
    return parts.read_round(*part, runtime.audits(), reader).as_json()
