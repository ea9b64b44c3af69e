"""Conclude audit: put together what was read, say what is not as desired, and what mends it."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from keyward.audit import parts
from keyward.audit.conclude import Conclusion, repairs_of
from keyward.runs import run, runtime


@runtime.metrics.log_metrics
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{audit, parts, repair}`; output `{batches, adoptions, summary}`: how much was
    found, and the numbers of the batches in which it is mended. The findings are in the bucket."""
    audits, policy, now = runtime.audits(), runtime.announced_policy(), runtime.now()
    audit = event["audit"]
    plans, began = parts.plans_of(audit, audits), parts.begun_at(audit, audits)
    read = parts.pieces(audit, event["parts"], audits)
    seen = (runtime.registry(), plans, policy, began, now)
    told, adoptions = Conclusion(*seen, parts.kept_sources(audit, audits)).of(read)
    runtime.metrics.add_metric(name="KeysOnGateway", unit=MetricUnit.Count, value=told["keys"])
    audits.publish(told)
    repairs = []
    if event["repair"]:
        repairs = repairs_of(told["findings"], event["audit"])
        bus_name = runtime.setting("EVENT_BUS")
        registry, bus = runtime.registry(), runtime.bus()
        run.tell_expiring(policy, told["exempt"], registry, bus, bus_name, now)
    adopted = adoptions if event["repair"] else []
    return parts.keep(audit, repairs, adopted, told, audits)
