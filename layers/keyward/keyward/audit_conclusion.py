"""What an audit says in the end, from all that it has read, and what is to be started."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from keyward import exemptions, findings, usage_findings
from keyward.gateway import KeySeen
from keyward.ledger import AUDIT
from keyward.policy import Policy
from keyward.registry import Registry

JSON = dict[str, Any]


def conclude(
    pieces: Iterable[JSON], registry: Registry, policy: Policy, now: float
) -> dict[str, Any]:
    """`{findings, exempt, apis, customers, keys}` from what came of each piece of work (`told` of
    `Piece`); `exempt` are the methods that are open by an exemption. `now` is epoch seconds."""
    found: list[JSON] = []
    exempt: list[JSON] = []
    keys: list[KeySeen] | None = None
    apis = 0
    for piece in pieces:
        apis += piece["kind"] == "api"
        found += piece.get("unread", []) + piece.get("findings", [])
        exempt += piece.get("exempt", [])
        if "keys" in piece:
            keys = [KeySeen(**key) for key in piece["keys"]]
    records, known = registry.customers.everything()
    key_ids = None if keys is None else {key.key_id for key in keys}
    customers = findings.of_customers(records, known, key_ids, policy, now)
    customers += usage_findings.of_usage(known, policy, now)
    unused = exemptions.findings_of(policy, {method["exemption"] for method in exempt}, now)
    return {
        "findings": [item.as_json() for item in customers]
        + found
        + [item.as_json() for item in unused],
        "exempt": exempt,
        "apis": apis,
        "customers": len(records),
        "keys": len(keys or ()),
    }


def repairs_of(found: Iterable[JSON], audit: str) -> list[JSON]:
    """One run for each customer and API that a state machine can mend: `{machine, name, task}`.
    The name comes from the audit, so that a repeat starts nothing."""
    wanted = {
        (finding["mended_by"], finding.get("customer_id"), finding.get("rest_api_id"))
        for finding in found
        if "mended_by" in finding
    }
    return [_repair(*one, audit) for one in sorted(wanted, key=str)]


def counts_of(found: Iterable[JSON]) -> dict[str, int]:
    """How many findings there are of each kind."""
    counts: dict[str, int] = {}
    for finding in found:
        counts[finding["kind"]] = counts.get(finding["kind"], 0) + 1
    return dict(sorted(counts.items()))


def _repair(machine: str, customer_id: str | None, rest_api_id: str | None, audit: str) -> JSON:
    about = {"customer_id": customer_id} if customer_id else {"rest_api_id": rest_api_id}
    task = about | {"asked": {"by": AUDIT}}
    subject = customer_id or rest_api_id or ""
    digest = hashlib.sha256(f"{audit} {subject}".encode()).hexdigest()[:16]
    return {"machine": machine, "name": f"audit-{subject[:40]}-{digest}", "task": task}
