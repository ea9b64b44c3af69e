"""Reduce a report to the few numbers of its head. Pure."""

from __future__ import annotations

from keyward.report.model import CustomerUsage, Report
from keyward.values import frozen

NEAR = 0.8


@frozen
class Summary:
    """`methods` are all live ones of managed APIs, counted on every stage; `covered` is the share
    that asks for a key, or need not; `unknown` APIs could not be read; `near_quota` are customers
    above 80 % of theirs."""

    methods: int
    exposed: int
    stages: int
    open_stages: int
    unknown: int
    covered: float
    waiting: int
    urgent: int
    mending: int
    keys: int
    near_quota: tuple[CustomerUsage, ...]


def summary_of(report: Report) -> Summary:
    """The numbers of a report."""
    stages = [stage for api in report.apis for stage in api.stages]
    methods = sum(stage.total for stage in stages)
    exposed = sum(len(stage.exposed) for stage in stages)
    near = [c for usage in report.usage for c in usage.customers if c.share >= NEAR]
    return Summary(
        methods=methods,
        exposed=exposed,
        stages=len(stages),
        open_stages=sum(bool(stage.exposed) for stage in stages),
        unknown=report.unread + sum(api.problem is not None for api in report.apis),
        covered=(methods - exposed) / methods if methods else 1.0,
        waiting=len(report.waiting),
        urgent=sum(item.severity == "high" for item in report.waiting),
        mending=len(report.mending),
        keys=sum(plan.keys.get("enabled", 0) for plan in report.plans),
        near_quota=tuple(sorted(near, key=lambda customer: -customer.share)),
    )
