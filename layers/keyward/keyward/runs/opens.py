"""Say in the events of keys which stages they open, by the Plans table, without a call of API
Gateway."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field

from keyward.aws.tables.plan_stages import PlanStages
from keyward.customers.coverage import OPENING, plans_of, with_opens
from keyward.events.contracts import announcement
from keyward.policy.model import Policy
from keyward.values import JSON, StageRef, frozen


@frozen
class Opens:
    """The stages of plans, each plan read once. It serves one task. `stack` is the stack's name,
    for remedies."""

    stages: PlanStages
    policy: Policy
    stack: str
    known: dict[str, list[StageRef] | None] = field(default_factory=dict)

    def add_to(self, events: Iterable[JSON]) -> list[JSON]:
        """Add `opens` to the announcements of keys that work from now on. It is left out for a plan
        whose stages nobody wrote down."""
        return [self._with_opens(event["detail_type"], event["detail"]) for event in events]

    def _with_opens(self, detail_type: str, detail: JSON) -> JSON:
        plans = plans_of(detail)
        found = [self._of(plan) for plan in plans] if detail_type in OPENING else []
        if not found or None in found:
            return {"detail_type": detail_type, "detail": detail}
        stages = sorted({ref for refs in found for ref in refs or ()})
        members = with_opens(detail_type, detail, stages, self.policy, self.stack)
        return announcement(detail_type, **members)

    def _of(self, plan: str) -> Sequence[StageRef] | None:
        if plan not in self.known:
            self.known[plan] = self.stages.of(plan)
        return self.known[plan]
