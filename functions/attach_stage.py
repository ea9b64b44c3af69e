"""Attach stage: put an API's stages into one usage plan, and make the plan if need be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from keyward.apis.model import Attachment
from keyward.apis.progress import RETRY_SECONDS, Progress
from keyward.apis.usage_plan_patch import additions
from keyward.aws.gateway import GatewayPlan
from keyward.aws.gateway.plans import only_one
from keyward.aws.tables.plan_queue import JoinRequest
from keyward.errors import (
    GatewayRefusedError,
    GatewayUnavailableError,
    NotFoundError,
    PlanBusyError,
    PlanThrottledError,
    StageConflictError,
    StageMovedError,
    ThrottledError,
    TryUnderwayError,
)
from keyward.events.requester import POLICY
from keyward.policy.parts import PlanPolicy
from keyward.runs import runtime
from keyward.runs.apis.read import why_kept
from keyward.runs.apis.turn import ApiTurn
from keyward.runs.context import Context
from keyward.runs.keys.conflicts import KeyConflicts
from keyward.runs.owners import owned_plans
from keyward.runs.schedule import PROTECTION
from keyward.runs.turns import OLD_SECONDS
from keyward.values import StageRef, frozen

# So long each run attaches its own stages only, after a call for all of them failed.
ISOLATED_SECONDS = 300
MAX_AT_ONCE = 100
UPDATE = "UpdateUsagePlan"


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input and output: a run's progress (apis/progress.py); see `step`."""
    progress = Progress.of(event)
    attacher = Attacher(runtime.context(), progress.rest_api_id, progress.execution_arn)
    return attacher.step(progress).as_json()


@frozen
class Attached:
    """When the stages joined the plan (`at`, epoch seconds). The stages in `held` did not join, as
    keys in two plans keep them out."""

    at: float
    held: list[str]


@frozen
class Attacher:
    """Attaches stages of one API in one run."""

    context: Context
    rest_api_id: str
    execution_arn: str

    def step(self, progress: Progress) -> Progress:
        """The run after the first plan that its stages are to join, without the stages that are
        held; or the run that waits for the plan's turn. Who comes first then attaches the stages of
        all runs that wait.

        Idempotent: the plan is read, and only what it lacks is patched, in one call. Raises what
        passes, but for a busy plan or API Gateway; DuplicatePlanError and StageMovedError.
        """
        item = progress.attach[0]
        plan, stages = str(item["plan"]), list(item["stages"])
        self.context.policy.plan(plan)
        attached = self._attached(plan, stages)
        for later in progress.attach[1:]:
            # So that whoever's turn comes first at that plan takes these along.
            self._request(str(later["plan"]), self._own(list(later["stages"])))
        if attached and not self._is_waited_for(plan):
            # Nobody needs the turn any more for which this run, or others, came to wait.
            turns, now = self.context.turns, self.context.now
            turns.take(f"plan#{plan}", progress.execution_arn, PROTECTION, {}, now)
        turn, calls = ApiTurn(self.context, progress), {} if attached else {UPDATE: 1}
        progress, is_there = turn.enter(calls, f"plan#{plan}" if calls else None)
        if not is_there:
            return progress
        before = Counter(self.context.gateway.made)
        try:
            attached = attached or self._attach(plan, stages)
        except PlanThrottledError as error:
            self.context.turns.refused(self.context.now, UPDATE)
            return progress.later(RETRY_SECONDS, error)
        except (ThrottledError, GatewayUnavailableError, PlanBusyError, TryUnderwayError) as error:
            # Here, not by a new plan: other runs wait for what this one attaches.
            return progress.later(RETRY_SECONDS, error)
        finally:
            turn.settle(calls, before)
        return self._after(progress, attached)

    def _after(self, progress: Progress, attached: Attached) -> Progress:
        """The run whose stages joined its first plan: it deploys once every host knows that."""
        effective_at = attached.at + self.context.policy.propagation_seconds
        return progress.advanced(
            self.context.now,
            attach=progress.attach[1:],
            deploy=progress.without_stages(attached.held),
            effective_at=max(progress.effective_at, effective_at),
        )

    def _is_waited_for(self, plan: str) -> bool:
        board = self.context.registry.pending.board(plan)
        return any(request.done is None for request in board.requests.values())

    def _attached(self, plan: str, stages: list[str]) -> Attached | None:
        """What another run attached for this one. Otherwise the request stays on the board."""
        own = self._own(stages)
        mine = self._request(plan, own)
        if own and len(mine) == len(own) and all(request.done for request in mine.values()):
            self.context.registry.pending.forget(plan, own)
            return Attached(max(request.done or 0 for request in mine.values()), [])
        return None

    def _request(self, plan: str, own: list[StageRef]) -> dict[StageRef, JoinRequest]:
        """The requests of this run that stand on the plan's board. Those that do not are put
        there."""
        queue = self.context.registry.pending
        board = queue.board(plan).requests
        mine = {ref: board[ref] for ref in own if ref in board and self._is_mine(board[ref])}
        queue.request(plan, [r for r in own if r not in mine], self.execution_arn, self.context.now)
        return mine

    def _attach(self, plan: str, stages: list[str]) -> Attached:
        own, queue = self._own(stages), self.context.registry.pending
        try:
            with self.context.plans(self.execution_arn).lease(plan):
                held = self._attach_all(plan, stages)
        except (GatewayRefusedError, StageMovedError):
            queue.forget(plan, own)
            raise
        queue.forget(plan, own)
        return Attached(self.context.now, held)

    def _attach_all(self, plan: str, stages: list[str]) -> list[str]:
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
            self.context.registry.pending.isolate(plan, self.context.now + ISOLATED_SECONDS)
            raise PlanThrottledError(f"plan {plan}: a stage of another API is refused") from None
        self.context.registry.pending.mark_done(plan, others, self.context.now)
        return held

    def _others(self, plan: str) -> dict[StageRef, JoinRequest]:
        """The requests of other runs. An old request is of a run that died; it is forgotten, as the
        API may be off by now."""
        board, now = self.context.registry.pending.board(plan), self.context.now
        waiting = {
            ref: request
            for ref, request in board.requests.items()
            if not self._is_mine(request) and ref[0] != self.rest_api_id
        }
        old = [ref for ref, request in waiting.items() if request.at < now - OLD_SECONDS]
        self.context.registry.pending.forget(plan, old)
        if board.isolated_until > now:
            return {}
        fresh = {r: w for r, w in waiting.items() if r not in old and w.done is None}
        return dict(list(fresh.items())[:MAX_AT_ONCE])

    def _join(self, plan: str, stages: list[str], others: Iterable[StageRef]) -> list[str]:
        """The stages of this run that cannot join."""
        wanted = self.context.policy.plan(plan)
        self.context.plans(self.execution_arn).check_create_in_flight(plan)
        plans = owned_plans(self.context)
        found = only_one(plan, plans, self.context.stack)
        if found is None:
            self._make(wanted, [*self._own(stages), *others])
            return []
        kept = why_kept(found, wanted, self.context.stack)
        if kept:
            raise StageMovedError(f"{plan}: {kept}")
        lacking = [ref[1] for ref in self._own(stages) if ref not in found.stages]
        conflicts = KeyConflicts(self.context, self.rest_api_id, self.execution_arn, found, plans)
        held = conflicts.held_before(lacking)
        more = [ref for ref in others if ref not in found.stages]
        return held + self._update(found, wanted, _without(lacking, held), more, conflicts)

    def _own(self, stages: list[str]) -> list[StageRef]:
        return [(self.rest_api_id, stage) for stage in stages]

    def _is_mine(self, request: JoinRequest) -> bool:
        return request.owner == self.execution_arn

    def _make(self, wanted: PlanPolicy, refs: list[StageRef]) -> None:
        self._note(wanted.name, None, refs, confirmed=False)
        plan_id = self.context.plans(self.execution_arn, {"by": POLICY}).make(
            wanted.name, dict.fromkeys(refs, wanted.methods)
        )
        self._note(wanted.name, plan_id, refs, confirmed=True)

    def _update(
        self,
        plan: GatewayPlan,
        wanted: PlanPolicy,
        add: list[str],
        others: list[StageRef],
        conflicts: KeyConflicts,
    ) -> list[str]:
        """The stages of this run that cannot join. When others of it can, the task is tried again
        without them, after the 20 s that UpdateUsagePlan asks for."""
        added = self._own(add) + others
        operations = additions(plan, wanted, added)
        began, stages = self.context.now, self.context.registry.plan_stages
        if not operations:
            stages.save(plan.name, plan.stages, began)
            return []
        self._note(plan.name, plan.plan_id, added, confirmed=False)
        try:
            updated = self.context.gateway.update_plan(plan.plan_id, operations)
        except StageConflictError:
            held = [] if others else conflicts.held_now(add)
            if not held:
                raise
            if _without(add, held):
                raise PlanThrottledError(f"plan {plan.name}: {held} held, the rest again") from None
            return held
        stages.save(plan.name, updated.stages, began)
        self._note(plan.name, plan.plan_id, added, confirmed=True)
        return []

    def _note(
        self, plan: str, plan_id: str | None, refs: Iterable[StageRef], confirmed: bool
    ) -> None:
        """The time is noted before the call, as the change takes effect some time after it."""
        at = int(self.context.now)
        for rest_api_id, stage in refs:
            self.context.registry.apis.attached(
                rest_api_id, Attachment(stage, plan, plan_id, at, confirmed)
            )


def _without(stages: list[str], held: list[str]) -> list[str]:
    return [stage for stage in stages if stage not in held]
