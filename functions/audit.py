"""Audit: everything that is not as desired, by the deployed truth, in one go; on request it has the
audit's state machine start the repair, and then the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from keyward.audit import parts
from keyward.audit.adopt import Adoption, Sources
from keyward.audit.conclude import Conclusion, repairs_of
from keyward.audit.read import AuditReader, works_of
from keyward.aws.bucket import Audits
from keyward.aws.bus import Bus
from keyward.aws.gateway import Gateway
from keyward.aws.tables import Registry
from keyward.events import contracts
from keyward.policy.model import Policy
from keyward.runs import run, runtime


@runtime.metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Input `{repair?, adopt?, adopt_tag?, customers?, customers_object?}`, or a batch from the
    queue of policy changes, which repairs; output: see `Auditor.look`, with `started` after a
    repair."""
    sources = parts.sources_for(event, runtime.audits)
    auditor = Auditor(
        runtime.patient_gateway(),
        runtime.registry(),
        runtime.bus(),
        runtime.announced_policy(),
        runtime.setting("DEFAULT_MODE"),
        runtime.now(),
    )
    told, adoptions = auditor.look(sources)
    runtime.metrics.add_metric(name="KeysOnGateway", unit=MetricUnit.Count, value=told["keys"])
    if contracts.flag_of(event, "repair") or "Records" in event:
        audit = f"function-{getattr(context, 'aws_request_id', int(auditor.now))}"
        machine = runtime.setting("AUDIT_ACCOUNT_ARN")
        told["started"] = auditor.repair(told, adoptions, audit, runtime.audits(), machine)
        auditor.tell_expiring(told["exempt"], runtime.setting("EVENT_BUS"))
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
        """`look`, for who adopts nothing."""
        return self.look(None)[0]

    def look(self, sources: Sources | None) -> tuple[dict[str, Any], list[Adoption]]:
        """`{findings, exempt, apis, customers, keys}`, and what can be adopted; changes nothing.
        `exempt` are the methods that are open by an exemption. Calls: one for 500 APIs, keys,
        plans, or keys of a plan, and for each managed API one and one more for each deployment
        that a stage serves."""
        plans = self.gateway.plans()
        works = works_of(self.gateway.apis(), plans)
        about = (self.gateway, self.registry, plans, self.policy, self.default_mode, self.now)
        reader = AuditReader(*about)
        read = (reader.read_or_report(work).told for work in works)
        seen = (self.registry, plans, self.policy, self.now, self.now)
        return Conclusion(*seen, sources).of(read)

    def repair(
        self,
        told: dict[str, Any],
        adoptions: list[Adoption],
        audit: str,
        audits: Audits,
        machine_arn: str,
    ) -> int:
        """Have the audit's machine start one run for each customer and API that a state machine can
        mend, some at a time, and then the report; how many there are."""
        repairs = repairs_of(told["findings"], audit)
        parts.keep(audit, repairs, adoptions, told, audits)
        self.bus.start(machine_arn, f"repairs-of-{audit}", {"repairs": audit})
        return len(repairs)

    def tell_expiring(self, exempt: list[dict[str, Any]], bus_name: str) -> None:
        """Announce the exemptions that end soon, each once."""
        run.tell_expiring(self.policy, exempt, self.registry, self.bus, bus_name, self.now)
