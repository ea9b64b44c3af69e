"""Attach stage: put an API's stages into one usage plan, which is made or mended if need be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from keyward import api_events, contracts, runtime
from keyward.api import KEYS, Attachment, Difference, Hold
from keyward.api_compare import digest
from keyward.errors import (
    NotFoundError,
    PlanThrottledError,
    StageConflictError,
    StageMovedError,
)
from keyward.gateway import Gateway, PlanSeen
from keyward.hold_words import Waiting
from keyward.plan_patch import patch
from keyward.plans import UsagePlans, only_one
from keyward.policy import PlanPolicy, Policy
from keyward.registry import Lease, Registry


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{rest_api_id, lease, execution_arn, plan, stages}`; output: see `attach`."""
    attacher = Attacher(
        runtime.gateway(),
        runtime.registry(),
        runtime.usage_plans(str(event["execution_arn"])),
        runtime.policy(),
        runtime.now,
        contracts.rest_api_id_of(event),
        str(event["execution_arn"]),
        runtime.setting("EVENT_BUS"),
    )
    return attacher.attach(Lease.of(event), str(event["plan"]), list(event["stages"]))


@dataclass(frozen=True)
class Attacher:
    """Attaches stages of one API in one run; `clock` gives epoch seconds."""

    gateway: Gateway
    registry: Registry
    plans: UsagePlans
    policy: Policy
    clock: Callable[[], float]
    rest_api_id: str
    execution_arn: str
    bus_name: str

    def attach(self, lease: Lease, plan: str, stages: list[str]) -> dict[str, Any]:
        """`{plan, effective_at, held}`: when the attachments have reached every host (epoch
        seconds), and the stages that cannot join because of keys in two plans.

        Idempotent: the plan is read, and only what it lacks is patched, in one call. Raises what
        the gateway raises, PlanBusyError, TryUnderwayError, DuplicatePlanError, StageMovedError.
        """
        self.registry.leases.renew(lease, self.clock())
        wanted = self.policy.plan(plan)
        there = self.gateway.plans()
        seen = only_one(plan, there)
        if seen is None:
            if self._make(wanted, stages):
                return self._output(plan, [])
            there = self.gateway.plans()
            seen = only_one(plan, there)
        if seen is None:
            raise StageMovedError(f"plan {plan} was deleted meanwhile")
        lacking = [stage for stage in stages if (self.rest_api_id, stage) not in seen.stages]
        conflicts = Conflicts(self, seen, there)
        held = conflicts.held_before(lacking)
        held += self._update(seen, wanted, _without(lacking, held), conflicts)
        return self._output(plan, held)

    def _output(self, plan: str, held: list[str]) -> dict[str, Any]:
        effective_at = self.clock() + self.policy.propagation_seconds
        return {"plan": plan, "effective_at": effective_at, "held": held}

    def _make(self, wanted: PlanPolicy, stages: list[str]) -> bool:
        """Whether the plan was made just now. Another run may be faster: then it is there."""
        self._note(wanted.name, None, stages, confirmed=False)
        refs = {(self.rest_api_id, stage): wanted.methods for stage in stages}
        try:
            plan_id, made = self.plans.found_or_made(wanted.name, refs)
        except NotFoundError as error:
            raise StageMovedError(f"a stage was deleted meanwhile: {error}") from None
        if made:
            self._note(wanted.name, plan_id, stages, confirmed=True)
        return made

    def _update(
        self, seen: PlanSeen, wanted: PlanPolicy, add: list[str], conflicts: Conflicts
    ) -> list[str]:
        """The stages that cannot join. When others can, the task is tried again without them, after
        the 20 s that UpdateUsagePlan asks for."""
        operations = patch(seen, wanted, self.rest_api_id, add)
        if not operations:
            return []
        self._note(seen.name, seen.plan_id, add, confirmed=False)
        try:
            self.gateway.update_plan(seen.plan_id, operations)
        except NotFoundError as error:
            raise StageMovedError(f"plan or stage were deleted meanwhile: {error}") from None
        except StageConflictError:
            held = conflicts.held_now(add)
            if not held:
                raise
            if patch(seen, wanted, self.rest_api_id, _without(add, held)):
                raise PlanThrottledError(f"plan {seen.name}: {held} held, the rest again") from None
            return held
        self._note(seen.name, seen.plan_id, add, confirmed=True)
        return []

    def _note(self, plan: str, plan_id: str | None, stages: Iterable[str], confirmed: bool) -> None:
        """The time is noted before the call, as the change takes effect some time after it."""
        at = int(self.clock())
        for stage in stages:
            self.registry.apis.attached(
                self.rest_api_id, Attachment(stage, plan, plan_id, at, confirmed)
            )


@dataclass
class Conflicts:
    """Keys of a plan that are in another plan of a stage: they keep the stage out of the plan."""

    run: Attacher
    plan: PlanSeen
    there: list[PlanSeen]

    def held_before(self, stages: list[str]) -> list[str]:
        """Those of the stages that an earlier try held and that still cannot join: nothing is
        written to find out."""
        known = self.run.registry.apis.known(self.run.rest_api_id)
        holds = {hold.stage: hold for hold in known.holds if hold.kind == KEYS}
        held = [stage for stage in stages if stage in holds and self._hold(stage, holds[stage])]
        resolved = [f"hold#{stage}" for stage in stages if stage in holds and stage not in held]
        self.run.registry.apis.forget(self.run.rest_api_id, resolved)
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
        if same is None or same.reminder_due(self.run.clock()):
            keys = sorted({key for key, _ in found})
            self._announce(stage, mark, differences, keys, same)
        self.run.registry.apis.forget(self.run.rest_api_id, [f"planned#{stage}"])
        return True

    def _announce(
        self,
        stage: str,
        mark: str,
        differences: list[Difference],
        keys: list[str],
        before: Hold | None,
    ) -> None:
        run, now = self.run, self.run.clock()
        waiting = Waiting(
            run.rest_api_id,
            stage,
            mark,
            differences,
            since=before.held_at if before else now,
            kind=KEYS,
            reminder=before is not None,
            key_ids=keys,
        )
        event = api_events.held(waiting, run.bus_name, run.execution_arn)
        if before:
            run.registry.apis.remind(run.rest_api_id, before, event, now)
        else:
            run.registry.apis.hold(run.rest_api_id, Hold(stage, mark, kind=KEYS), event, now)

    def _differences(self, stage: str) -> Iterator[tuple[str, Difference]]:
        others = [
            plan
            for plan in self.there
            if plan.plan_id != self.plan.plan_id and (self.run.rest_api_id, stage) in plan.stages
        ]
        own = set(self.run.gateway.keys_in(self.plan.plan_id)) if others else set()
        for other in others:
            for key in sorted(own & set(self.run.gateway.keys_in(other.plan_id))):
                plans = f"{self.plan.name} ({self.plan.plan_id}), {other.name} ({other.plan_id})"
                yield key, Difference(f"key {key} is in two plans of the stage: {plans}")


def _without(stages: list[str], held: list[str]) -> list[str]:
    return [stage for stage in stages if stage not in held]
