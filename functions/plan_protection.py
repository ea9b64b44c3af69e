"""Plan protection: take the API's lease, read what its stages serve, plan what protects them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from keyward.apis.model import APPROVED, REJECTED
from keyward.apis.progress import RETRY_SECONDS, SETTLE, Progress, outcomes_after
from keyward.aws.gateway import Patience
from keyward.errors import (
    ApiNotFoundError,
    NotFoundError,
    StageMovedError,
    ThrottledError,
)
from keyward.events.size import shortened
from keyward.events.storm import settle_seconds
from keyward.runs import run, runtime, turns
from keyward.runs.apis.protection import Protection
from keyward.runs.apis.request import ApiRequest, not_held
from keyward.runs.apis.turn import ApiTurn
from keyward.runs.context import Context
from keyward.runs.schedule import calls_of
from keyward.values import frozen, iso

# Of the 60 s of this function: what is not read by then is read by the next call. What deployments
# serve, which is most of it, was kept (runs/apis/read.py).
PATIENCE_SECONDS, READ_SECONDS = 35, 45
# What the look at an API with one open stage takes. What a closed one does not is given back, and
# what others take beyond it is debited.
READS = calls_of(
    ["GetRestApi", "GetStages", "GetUsagePlans", "GetDeployment", "GetResources", "GetExport"]
)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{rest_api_id, execution_arn, stage?, dry_run?, approve?, reject?, rollback?,
    tries?}`; output: a run's progress (apis/progress.py)."""
    request = ApiRequest.of(event)
    until = runtime.now() + READ_SECONDS
    patience = Patience(PATIENCE_SECONDS, runtime.pause, until, runtime.now)
    surroundings = runtime.context()
    planner = Planner(
        replace(surroundings, gateway=surroundings.gateway.patiently(patience)),
        runtime.setting("DEFAULT_MODE"),
        float(runtime.setting("STORM_SECONDS")),
        runtime.now(),
    )
    return planner.plan(request).as_json()


@frozen
class Planner:
    """Plans one run. `default_mode` is that of APIs without a tag; a storm of events is over after
    `storm_seconds`; `now` in epoch seconds."""

    context: Context
    default_mode: str
    storm_seconds: float
    now: float

    def plan(self, request: ApiRequest) -> Progress:
        """Plan under the API's lease, and return the progress of the run.

        A dry run takes no lease, writes nothing, and ends with what mode enforce does. A run also
        ends when another one has the API: that one will start over. Of an API that is gone
        everything remembered is forgotten. Raises InvalidInputError, DuplicatePlanError and what
        the gateway raises.
        """
        progress = Progress(
            request.rest_api_id, request.execution_arn, request.requester, stages=request.stages
        )
        if request.dry_run:
            return self._dry_run(request, progress)
        self._note_answers(request)
        turn = ApiTurn(self.context, progress)
        joined = turn.joined()
        if joined:
            return progress.ended(busy=True, ready_by=iso(joined.ready_at))
        leases, bus = self.context.registry.leases, self.context.bus
        lease = run.begin(leases, bus, turn.subject, request.execution_arn, self.now)
        if lease is None:
            return progress.ended(busy=True)
        return self._under_lease(request, replace(progress, lease=lease.as_json()))

    def _under_lease(self, request: ApiRequest, progress: Progress) -> Progress:
        """Wait until nobody changes the API, take the turn for the reads, read and plan."""
        storm = self.context.registry.storms.of(request.rest_api_id)
        settle = 0 if request.approve else settle_seconds(storm, self.storm_seconds, self.now)
        if settle:
            return progress.again(SETTLE, settle)
        turn = ApiTurn(self.context, progress)
        entered, is_there = turn.enter(READS, effect=turns.READS)
        # Whatever came while it waited is seen by the reads that follow.
        if not is_there and entered.wait_seconds:
            return entered
        self.context.registry.storms.clear(request.rest_api_id)
        before = Counter(self.context.gateway.made)
        try:
            steps = self._protection(request).steps()
        except ApiNotFoundError:
            self.context.registry.apis.forget_api(request.rest_api_id)
            steps = {"gone": True}
        except NotFoundError as error:
            raise StageMovedError(f"something was deleted meanwhile: {error}") from None
        except ThrottledError as error:
            return progress.later(RETRY_SECONDS, error)
        finally:
            turn.settle(READS if is_there else {}, before)
        stages = outcomes_after(progress.stages, steps.pop("stages", ()))
        return progress.advanced(self.now, stages=stages, **steps)

    def _dry_run(self, request: ApiRequest, progress: Progress) -> Progress:
        try:
            actions = self._protection(request).dry_run()
        except ApiNotFoundError:
            return progress.ended(dry_run=True, gone=True, actions=[])
        return progress.ended(dry_run=True, **shortened({"actions": actions}))

    def _protection(self, request: ApiRequest) -> Protection:
        policy = self.context.policy
        return Protection(self.context, policy, request, self.default_mode, self.now)

    def _note_answers(self, request: ApiRequest) -> None:
        """Note what a person wants before the lease is asked for: whichever run has it will find
        that. Raises WrongAnswerError when nothing is held so."""
        if request.rollback and request.stage:
            self.context.registry.apis.request_rollback(
                request.rest_api_id, request.stage, self.now
            )
        if request.approve:
            self._decide(request, "approve", request.approve, APPROVED)
        if request.reject:
            self._decide(request, "reject", request.reject, REJECTED)

    def _decide(self, request: ApiRequest, word: str, fingerprint: str, decision: str) -> None:
        """Write the decision down with each stage that is held so. A run that starts over, or a
        repeated event, finds its answer noted: the hold may have ended by it."""
        apis, rest_api_id = self.context.registry.apis, request.rest_api_id
        records = apis.load_records(rest_api_id)
        decided = [
            apis.decide(rest_api_id, hold.stage, fingerprint, decision)
            for hold in records.holds
            if hold.fingerprint == fingerprint and request.stage in (None, hold.stage)
        ]
        known = any(decided) or fingerprint in records.answers.values()
        # What a dry run said may be approved before anything is held: the plan knows.
        if not known and decision == REJECTED:
            raise not_held(word, fingerprint)
