"""Attach stage: put an API's stages into one usage plan, which is made or mended if need be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from keyward.apis import words as api_words
from keyward.apis.compare import digest
from keyward.apis.hold_words import Waiting
from keyward.apis.model import KEYS, Attachment, Difference, Hold
from keyward.apis.usage_plan_patch import patch, patch_all
from keyward.aws.gateway import Gateway, GatewayPlan
from keyward.aws.tables import Lease, Registry
from keyward.aws.tables.plan_queue import Asked, StageRef
from keyward.errors import (
    GatewayRefusedError,
    NotFoundError,
    PlanBusyError,
    PlanThrottledError,
    StageConflictError,
    StageMovedError,
)
from keyward.events import contracts
from keyward.policy.model import Policy
from keyward.policy.parts import PlanPolicy
from keyward.runs import runtime
from keyward.runs.usage_plans import UsagePlans, only_one

JSON = dict[str, Any]

# UpdateUsagePlan is allowed once in 20 s for the whole account (limits.html).
TURN_SECONDS = 20
# A call takes less; then the next one has the plan.
BUSY_SECONDS = 2
# So long each run attaches its own stages only, after a call for all of them failed.
ALONE_SECONDS = 300
# A run waits for its turn less long than that: who still asks died.
OLD_SECONDS = 900
MOST_AT_ONCE = 100
MOST_WAITS = 100


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{rest_api_id, lease, execution_arn, plan, stages, turn, waits}`; output: see
    `attach`. One that has to wait is the input again, with its `turn` (epoch seconds)."""
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
    told = attacher.attach(Lease.of(event), str(event["plan"]), list(event["stages"]))
    waits = int(event.get("waits") or 0) + 1
    if told["turn"] and waits > MOST_WAITS:
        raise PlanBusyError(f"plan {event['plan']}: waited {MOST_WAITS} times in vain")
    return event | {"turn": told["turn"], "waits": waits} if told["turn"] else told


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

    def attach(self, lease: Lease, plan: str, stages: list[str]) -> JSON:
        """`{plan, effective_at, held, turn}`: when the attachments have reached every host (epoch
        seconds), and the stages that cannot join because of keys in two plans; or, with `turn`
        (epoch seconds), when to come again: who comes first then attaches the stages of all.

        Idempotent: the plan is read, and only what it lacks is patched, in one call. Raises what
        the gateway raises, TryUnderwayError, DuplicatePlanError, StageMovedError.
        """
        self.registry.leases.renew(lease, self.clock())
        self.policy.plan(plan)
        own, pending = [(self.rest_api_id, stage) for stage in stages], self.registry.pending
        asked = pending.board(plan).asked
        mine = {ref: asked[ref] for ref in own if ref in asked and self._is_mine(asked[ref])}
        if own and len(mine) == len(own) and all(wish.done for wish in mine.values()):
            pending.forget(plan, own)
            return self._output(plan, [], max(wish.done or 0 for wish in mine.values()))
        new = [ref for ref in own if ref not in mine]
        pending.ask(plan, new, self.execution_arn, self.clock())
        turn = pending.turn()
        if turn > self.clock():
            return self._wait(plan, turn)
        return self._in_turn(plan, stages)

    def _in_turn(self, plan: str, stages: list[str]) -> JSON:
        own, now = [(self.rest_api_id, stage) for stage in stages], self.clock()
        try:
            with self.plans.lease(plan):
                output = self._attach_all(plan, stages)
        except PlanBusyError:
            return self._wait(plan, now + BUSY_SECONDS)
        except PlanThrottledError:
            self.registry.pending.postpone(now + TURN_SECONDS)
            return self._wait(plan, now + TURN_SECONDS)
        except (GatewayRefusedError, StageMovedError):
            self.registry.pending.forget(plan, own)
            raise
        if not output["turn"]:
            self.registry.pending.forget(plan, own)
        return output

    def _attach_all(self, plan: str, stages: list[str]) -> JSON:
        """Under the plan's lease: the stages of this run, and of all that wait. When the call fails
        because of somebody else's stage, each goes alone for a while."""
        others = self._others(plan)
        try:
            held = self._join(plan, stages, others)
        except (NotFoundError, StageConflictError) as error:
            if not others and isinstance(error, NotFoundError):
                raise StageMovedError(f"plan or stage were deleted meanwhile: {error}") from None
            if not others:
                raise
            now = self.clock()
            self.registry.pending.alone(plan, now + ALONE_SECONDS)
            self.registry.pending.postpone(now + TURN_SECONDS)
            return self._wait(plan, now + TURN_SECONDS)
        self.registry.pending.done(plan, others, self.clock())
        return self._output(plan, held)

    def _others(self, plan: str) -> dict[StageRef, Asked]:
        """The wishes of other runs. One that is old is of a run that died: it is forgotten, as the
        API may be off by now."""
        board, now = self.registry.pending.board(plan), self.clock()
        waiting = {
            ref: wish
            for ref, wish in board.asked.items()
            if not self._is_mine(wish) and ref[0] != self.rest_api_id
        }
        old = [ref for ref, wish in waiting.items() if wish.at < now - OLD_SECONDS]
        self.registry.pending.forget(plan, old)
        if board.alone_until > now:
            return {}
        fresh = {r: wish for r, wish in waiting.items() if r not in old and wish.done is None}
        return dict(list(fresh.items())[:MOST_AT_ONCE])

    def _join(self, plan: str, stages: list[str], others: Iterable[StageRef]) -> list[str]:
        """The stages of this run that cannot join."""
        wanted = self.policy.plan(plan)
        self.plans.check_create_in_flight(plan)
        there = self.gateway.plans()
        seen = only_one(plan, there)
        if seen is None:
            self._make(wanted, [(self.rest_api_id, stage) for stage in stages] + [*others])
            return []
        lacking = [stage for stage in stages if (self.rest_api_id, stage) not in seen.stages]
        conflicts = Conflicts(self, seen, there)
        held = conflicts.held_before(lacking)
        more = [ref for ref in others if ref not in seen.stages]
        return held + self._update(seen, wanted, _without(lacking, held), more, conflicts)

    def _is_mine(self, wish: Asked) -> bool:
        return wish.owner == self.execution_arn

    def _output(self, plan: str, held: list[str], at: float | None = None) -> JSON:
        done = self.clock() if at is None else at
        effective_at = done + self.policy.propagation_seconds
        return {"plan": plan, "effective_at": effective_at, "held": held, "turn": 0}

    def _wait(self, plan: str, turn: float) -> JSON:
        return {"plan": plan, "effective_at": 0, "held": [], "turn": turn}

    def _make(self, wanted: PlanPolicy, refs: list[StageRef]) -> None:
        self._note(wanted.name, None, refs, confirmed=False)
        plan_id = self.plans.make(wanted.name, dict.fromkeys(refs, wanted.methods))
        self._note(wanted.name, plan_id, refs, confirmed=True)

    def _update(
        self,
        seen: GatewayPlan,
        wanted: PlanPolicy,
        add: list[str],
        others: list[StageRef],
        conflicts: Conflicts,
    ) -> list[str]:
        """The stages of this run that cannot join. When others of it can, the task is tried again
        without them, after the 20 s that UpdateUsagePlan asks for."""
        added = [(self.rest_api_id, stage) for stage in add] + others
        operations = patch_all(seen, wanted, {self.rest_api_id, *(r[0] for r in others)}, added)
        if not operations:
            return []
        self._note(seen.name, seen.plan_id, added, confirmed=False)
        try:
            self.gateway.update_plan(seen.plan_id, operations)
        except StageConflictError:
            held = [] if others else conflicts.held_now(add)
            if not held:
                raise
            if patch(seen, wanted, self.rest_api_id, _without(add, held)):
                raise PlanThrottledError(f"plan {seen.name}: {held} held, the rest again") from None
            return held
        self._note(seen.name, seen.plan_id, added, confirmed=True)
        return []

    def _note(
        self, plan: str, plan_id: str | None, refs: Iterable[StageRef], confirmed: bool
    ) -> None:
        """The time is noted before the call, as the change takes effect some time after it."""
        at = int(self.clock())
        for rest_api_id, stage in refs:
            self.registry.apis.attached(
                rest_api_id, Attachment(stage, plan, plan_id, at, confirmed)
            )


@dataclass
class Conflicts:
    """Keys of a plan that are in another plan of a stage: they keep the stage out of the plan."""

    run: Attacher
    plan: GatewayPlan
    there: list[GatewayPlan]

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
        event = api_words.held(waiting, run.bus_name, run.execution_arn)
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
        own = set(self.run.gateway.plan_key_ids(self.plan.plan_id)) if others else set()
        for other in others:
            for key in sorted(own & set(self.run.gateway.plan_key_ids(other.plan_id))):
                plans = f"{self.plan.name} ({self.plan.plan_id}), {other.name} ({other.plan_id})"
                yield key, Difference(f"key {key} is in two plans of the stage: {plans}")


def _without(stages: list[str], held: list[str]) -> list[str]:
    return [stage for stage in stages if stage not in held]
