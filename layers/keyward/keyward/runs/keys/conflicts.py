"""Hold the stages that cannot join a usage plan: one of its keys is in another plan of the stage,
and API Gateway allows a key one plan a stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from keyward.apis.compare import digest
from keyward.apis.hold_words import HeldStage
from keyward.apis.model import KEYS, Difference, Hold
from keyward.aws.gateway import GatewayPlan
from keyward.runs.apis.journal import ApiJournal
from keyward.runs.context import Context
from keyward.values import frozen


@frozen
class KeyConflicts:
    """Conflicts of one API in one run (`execution_arn`) with the plan `plan`, one of `plans`."""

    context: Context
    rest_api_id: str
    execution_arn: str
    plan: GatewayPlan
    plans: Sequence[GatewayPlan]

    def held_before(self, stages: list[str]) -> list[str]:
        """Those of the stages that an earlier try held and that still cannot join: nothing is
        written to find out."""
        records = self.context.registry.apis.load_records(self.rest_api_id)
        holds = {hold.stage: hold for hold in records.holds if hold.kind == KEYS}
        held = [stage for stage in stages if stage in holds and self._hold(stage, holds[stage])]
        resolved = [f"hold#{stage}" for stage in stages if stage in holds and stage not in held]
        self.context.registry.apis.forget(self.rest_api_id, resolved)
        return held

    def held_now(self, stages: list[str]) -> list[str]:
        """Those of the stages that cannot join."""
        return [stage for stage in stages if self._hold(stage, None)]

    def _hold(self, stage: str, before: Hold | None) -> bool:
        """Hold the stage when keys are in two plans; announced once for the same keys, and then
        daily."""
        found = list(self._differences(stage))
        if not found:
            return False
        differences = [difference for _, difference in found]
        mark = digest([stage, [difference.as_json() for difference in differences]])
        same = before if before is not None and before.fingerprint == mark else None
        if same is None or same.reminder_due(self.context.now):
            keys = sorted({key for key, _ in found})
            held = HeldStage(
                self.rest_api_id,
                stage,
                mark,
                differences,
                since=same.held_at if same else self.context.now,
                kind=KEYS,
                reminder=same is not None,
                key_ids=keys,
            )
            about = (self.context, self.rest_api_id, self.execution_arn, self.context.now)
            ApiJournal(*about).hold(held, same)
        self.context.registry.apis.forget(self.rest_api_id, [f"planned#{stage}"])
        return True

    def _differences(self, stage: str) -> Iterator[tuple[str, Difference]]:
        others = [
            plan
            for plan in self.plans
            if plan.plan_id != self.plan.plan_id and (self.rest_api_id, stage) in plan.stages
        ]
        own = set(self.context.gateway.plan_key_ids(self.plan.plan_id)) if others else set()
        for other in others:
            for key in sorted(own & set(self.context.gateway.plan_key_ids(other.plan_id))):
                plans = f"{self.plan.name} ({self.plan.plan_id}), {other.name} ({other.plan_id})"
                yield key, Difference(f"key {key} is in two plans of the stage: {plans}")
