"""Says in the events of keys which stages the keys open: as the Plans table has it, without a call
of API Gateway."""

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
    """What plans hold, each read once. For one task: it is not read again. `stack` is the stack's
    name, for remedies."""

    stages: PlanStages
    policy: Policy
    stack: str
    known: dict[str, list[StageRef] | None] = field(default_factory=dict)

    def told(self, events: Iterable[JSON]) -> list[JSON]:
        """The announcements, those of a key that works from now on with `opens`. A plan of which
        nobody wrote down what it holds leaves it out."""
        return [self._told(event["detail_type"], event["detail"]) for event in events]

    def _told(self, detail_type: str, detail: JSON) -> JSON:
        plans = plans_of(detail)
        found = [self._of(plan) for plan in plans] if detail_type in OPENING else []
        if not found or None in found:
            return {"detail_type": detail_type, "detail": detail}
        stages = sorted({ref for refs in found for ref in refs or ()})
        told = with_opens(detail_type, detail, stages, self.policy, self.stack)
        return announcement(detail_type, **told)

    def _of(self, plan: str) -> Sequence[StageRef] | None:
        if plan not in self.known:
            self.known[plan] = self.stages.of(plan)
        return self.known[plan]
