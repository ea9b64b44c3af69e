"""The policy: which usage plans there are, which methods are exempt, how long things take.

Pure. The words are API Gateway's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from keyward.errors import UnknownPlanError
from keyward.policy.billing import BillingPolicy
from keyward.policy.parts import (
    Exemption,
    Lifecycle,
    PlanPolicy,
    Probe,
    UsagePolicy,
    matches,
)
from keyward.values import frozen, some_of


@frozen
class Policy:
    """The whole policy, checked. Times in it are seconds and hours as their names say."""

    usage_plans: Mapping[str, PlanPolicy]
    exemptions: tuple[Exemption, ...] = ()
    require_key: str = "all"
    plan_change: str = "in_place"
    propagation_seconds: int = 120
    overlap_hours: float = 168
    hold: str = "always"
    warn_days: int = 14
    report_days: int = 7
    narrowing: str = "hold"
    most_removals_an_hour: int = 20
    probes: tuple[Probe, ...] = ()
    billing: BillingPolicy = field(default_factory=BillingPolicy)
    usage: UsagePolicy = field(default_factory=UsagePolicy)
    lifecycle: Lifecycle = field(default_factory=Lifecycle)

    def plan(self, name: str) -> PlanPolicy:
        """The plan of that name. Raises UnknownPlanError, which lists the names there are."""
        try:
            return self.usage_plans[name]
        except KeyError:
            names = some_of(sorted(self.usage_plans))
            raise UnknownPlanError(
                f"plan: the policy names no usage plan {name!r}. "
                f"Use one of {names}, or add it to usage_plans in the policy parameter"
            ) from None

    def exemption(
        self, api_id: str, api_name: str, method: str, path: str, now: float
    ) -> Exemption | None:
        """The first exemption that covers the method at `now` (epoch seconds), if any."""
        found = (e for e in self.exemptions if e.covers(api_id, api_name, method, path, now))
        return next(found, None)

    def probe(self, api_id: str, api_name: str, stage: str) -> Probe | None:
        """The first probe for the stage, if one is asked for."""
        found = (
            p
            for p in self.probes
            if matches((p.api,), api_id, api_name) and matches((p.stage,), stage)
        )
        return next(found, None)
