"""Audit: everything that is not as desired, by the deployed truth; on request it starts the
repair, and then the report."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from keyward import contracts, exemptions, findings, runs, runtime, usage_findings
from keyward.account_reading import look_at
from keyward.api import KeyRule
from keyward.bus import Bus
from keyward.exemptions import ExemptMethod
from keyward.gateway import Gateway
from keyward.policy import Policy
from keyward.registry import Registry


@runtime.metrics.log_metrics
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Input `{repair?}`, or a batch from the queue of policy changes, which repairs; output: see
    `Auditor.audit`."""
    auditor = Auditor(
        runtime.patient_gateway(),
        runtime.registry(),
        runtime.bus(),
        runtime.announced_policy(),
        runtime.setting("DEFAULT_MODE"),
        runtime.now(),
    )
    told = auditor.audit()
    runtime.metrics.add_metric(name="KeysOnGateway", unit=MetricUnit.Count, value=told["keys"])
    if contracts.flag_of(event, "repair") or "Records" in event:
        machines = {
            "reconcile-customer": runtime.setting("RECONCILE_CUSTOMER_ARN"),
            "protect-api": runtime.setting("PROTECT_API_ARN"),
        }
        told["started"] = auditor.repair(told["findings"], machines)
        auditor.tell_expiring(told["exempt"], runtime.setting("EVENT_BUS"))
        runtime.bus().send(runtime.setting("REPORT_QUEUE_URL"), "{}")
    return told


@dataclass(frozen=True)
class Auditor:
    """Reads APIs, plans and keys once each; `now` in epoch seconds."""

    gateway: Gateway
    registry: Registry
    bus: Bus
    policy: Policy
    default_mode: str
    now: float

    def audit(self) -> dict[str, Any]:
        """`{findings, exempt, apis, customers, keys}`; changes nothing. `exempt` are the methods
        that are open by an exemption. Calls: one for 500 APIs, keys or plans, and for each managed
        API one and one more for each deployment that a stage serves."""
        records, known = self.registry.customers.everything()
        key_ids = self.gateway.key_ids()
        plans = self.gateway.plans()
        apis = self.gateway.apis()
        found = findings.of_customers(records, known, key_ids, self.policy, self.now)
        live: list[ExemptMethod] = []
        for api in apis:
            seen = (self.gateway, api, plans, self.policy, self.default_mode, self.now)
            look = look_at(*seen, self.registry.apis.known)
            found += look.findings
            if look.seen:
                rule = KeyRule(self.policy, look.rest_api_id, look.name, self.now)
                live += exemptions.exempt_methods(look.seen, rule)
        found += usage_findings.of_usage(known, self.policy, self.now)
        found += exemptions.findings_of(self.policy, {m.exemption for m in live}, self.now)
        return {
            "findings": [finding.as_json() for finding in found],
            "exempt": [method.as_json() for method in live],
            "apis": len(apis),
            "customers": len(records),
            "keys": len(key_ids),
        }

    def tell_expiring(self, exempt: list[dict[str, Any]], bus_name: str) -> None:
        """Announce the exemptions that end soon, each once."""
        live = [ExemptMethod(**{"owner": None, "expires": None} | item) for item in exempt]
        runs.tell_expiring(self.policy, live, self.registry.leases, self.bus, bus_name, self.now)

    def repair(self, found: list[dict[str, Any]], machines: dict[str, str]) -> int:
        """Start one run for each customer and API that a state machine can mend; how many."""
        wanted = {
            (finding["mended_by"], finding.get("customer_id"), finding.get("rest_api_id"))
            for finding in found
            if "mended_by" in finding
        }
        started = 0
        for machine, customer_id, rest_api_id in sorted(wanted, key=str):
            about = {"customer_id": customer_id} if customer_id else {"rest_api_id": rest_api_id}
            about |= {"asked": {"by": "audit"}}
            subject = customer_id or rest_api_id or ""
            digest = hashlib.sha256(subject.encode()).hexdigest()[:12]
            name = f"audit-{subject[:40]}-{digest}-{int(self.now)}"
            started += self.bus.start(machines[machine], name, about)
        return started
