"""Deploy API: publish the working copy on one stage, if it is what was planned, exactly once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from keyward.apis.compare import fingerprint
from keyward.apis.loops import Closing, closed_methods
from keyward.apis.model import Deploying, Deployment, StageSnapshot, WorkingMethod
from keyward.apis.progress import RETRY_SECONDS, Progress, stage_to_verify
from keyward.apis.rule import KeyRule
from keyward.errors import (
    DeploymentThrottledError,
    GatewayRefusedError,
    NotFoundError,
    StageMovedError,
    ThrottledError,
    TryUnderwayError,
    WorkingCopyChangedError,
)
from keyward.runs import runtime
from keyward.runs.apis.turn import ApiTurn
from keyward.runs.context import Context
from keyward.runs.journal import may_be_in_flight
from keyward.values import DEPLOY_READ_SECONDS, frozen

CREATE, INTEGRATION = "CreateDeployment", "methodIntegration"
# Of the methods that were closed so many are remembered, to see whether they are opened again.
MAX_CLOSED = 100


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input and output: a run's progress (apis/progress.py); see `step`."""
    progress = Progress.of(event)
    run = runtime.context()
    rule = KeyRule(run.policy, progress.rest_api_id, progress.api_name, run.now)
    deployer = Deployer(run, rule, progress.execution_arn, uuid4().hex)
    return deployer.step(progress).as_json()


@frozen
class Deployer:
    """Deploys one API in one run (`execution_arn`), at `rule.now`; `nonce` marks a new
    deployment."""

    context: Context
    rule: KeyRule
    execution_arn: str
    nonce: str

    def step(self, progress: Progress) -> Progress:
        """The run after its first stage to deploy, which is to be verified; or the run that waits
        for its turn. Raises what `deploy` raises, but for a 429."""
        item = progress.deploy[0]
        stage = StageSnapshot(str(item["stage"]), str(item["deployment_id"]))
        turn, calls = ApiTurn(self.context, progress), self._calls(stage.name)
        progress, is_there = turn.enter(calls)
        if not is_there:
            return progress
        before = Counter(self.context.gateway.made)
        try:
            deployment_id = self.deploy(stage, str(item["fingerprint"]))
        except DeploymentThrottledError as error:
            self.context.turns.refused(self.context.clock(), CREATE)
            return progress.later(RETRY_SECONDS, error)
        except (ThrottledError, TryUnderwayError) as error:
            return progress.later(RETRY_SECONDS, error)
        except NotFoundError as error:
            raise StageMovedError(f"the API or its stage was deleted meanwhile: {error}") from None
        finally:
            turn.settle(calls, before)
        probe = self.rule.probe(stage.name, self.rule.now)
        return progress.advanced(
            self.context.clock(),
            deploy=progress.deploy[1:],
            verify=(*progress.verify, stage_to_verify(stage.name, deployment_id, probe)),
        )

    def _calls(self, stage: str) -> dict[str, float]:
        """A deployment, unless an earlier try made it. In the lane of all calls its turn might come
        later, and then those of several APIs at once."""
        before = self.context.registry.apis.deploying(self.rule.rest_api_id, stage)
        return {} if before and self._may_be_taken(before) else {CREATE: 1}

    def deploy(self, stage: StageSnapshot, mark: str) -> str:
        """The id of the deployment that the stage serves now.

        `stage` is as it was planned for, `mark` the fingerprint that was planned or approved. The
        working copy is read before CreateDeployment and again after it: a deployment that may have
        caught an edit is thrown away. Raises WorkingCopyChangedError and StageMovedError when
        something is no longer as planned, TryUnderwayError while an earlier try may be on its way,
        and what the gateway raises. Nothing of the stage changes but its deployment.
        """
        apis, rest_api_id = self.context.registry.apis, self.rule.rest_api_id
        try:
            deployment_id, working = self._checked(stage, mark)
        except WorkingCopyChangedError:
            self._throw_away(stage.name)
            raise
        methods = tuple(sorted(method.deployed().line for method in working))
        deployment = Deployment(deployment_id, stage.name, stage.deployment_id, methods, mark)
        apis.save_deployment(rest_api_id, deployment, self.rule.now)
        self._point(stage, deployment_id, working)
        apis.forget(rest_api_id, [f"deploying#{stage.name}"])
        return deployment_id

    def _checked(self, stage: StageSnapshot, mark: str) -> tuple[str, Sequence[WorkingMethod]]:
        """The deployment, and the working copy from right before and after it was made."""
        working = self._working_copy(stage, mark)
        try:
            deployment_id = self._deployment(stage.name, mark)
        except GatewayRefusedError as error:
            raise _with_methods(error, working) from None
        return deployment_id, self._working_copy(stage, mark)

    def _working_copy(self, stage: StageSnapshot, mark: str) -> Sequence[WorkingMethod]:
        working = self.context.gateway.working_copy(self.rule.rest_api_id)
        if fingerprint(stage, working, self.rule) != mark:
            raise WorkingCopyChangedError("the working copy was edited since the plan was made")
        if self.rule.open(working):
            raise WorkingCopyChangedError("a method was opened since the plan was made")
        return working

    def _deployment(self, stage: str, mark: str) -> str:
        """The deployment of this working copy: an earlier try's, or a new one."""
        apis, rest_api_id = self.context.registry.apis, self.rule.rest_api_id
        before = apis.deploying(rest_api_id, stage)
        if before and not (before.fingerprint == mark and self._may_be_taken(before)):
            self._throw_away(stage)
            before = None
        found = self._earlier_try(before) if before else None
        if before is None or found is None:
            at = int(self.context.clock())
            before = Deploying(stage, self.nonce, mark, at, self.execution_arn)
            found = self._create(before)
        apis.save_deploying(rest_api_id, replace(before, deployment_id=found))
        return found

    def _may_be_taken(self, before: Deploying) -> bool:
        """Whether an earlier try is this run's, or was checked. What another run made and did not
        check may have caught an edit that was taken back since."""
        return before.execution_arn == self.execution_arn or self._was_checked(before.deployment_id)

    def _was_checked(self, deployment_id: str | None) -> bool:
        apis = self.context.registry.apis
        return bool(deployment_id and apis.deployment(self.rule.rest_api_id, deployment_id))

    def _throw_away(self, stage: str) -> None:
        """Delete what an earlier try made, unless that was checked: a stage may serve it."""
        apis, rest_api_id = self.context.registry.apis, self.rule.rest_api_id
        before = apis.deploying(rest_api_id, stage)
        if before is None:
            return
        gateway = self.context.gateway
        made = before.deployment_id or gateway.deployment_described(rest_api_id, before.description)
        if made and not self._was_checked(made):
            gateway.delete_deployment(rest_api_id, made)
        apis.forget(rest_api_id, [f"deploying#{stage}"])

    def _earlier_try(self, before: Deploying) -> str | None:
        if before.deployment_id:
            return before.deployment_id
        found = self.context.gateway.deployment_described(self.rule.rest_api_id, before.description)
        if found is None and may_be_in_flight(before.at, self.context.clock(), DEPLOY_READ_SECONDS):
            raise TryUnderwayError("an earlier CreateDeployment may still be under way")
        return found

    def _create(self, deploying: Deploying) -> str:
        """CreateDeployment, written ahead. What certainly had no effect need not be looked up."""
        rest_api_id = self.rule.rest_api_id
        self.context.registry.apis.save_deploying(rest_api_id, deploying)
        try:
            return self.context.gateway.deploy(rest_api_id, deploying.description)
        except (ThrottledError, GatewayRefusedError):
            self.context.registry.apis.forget(rest_api_id, [f"deploying#{deploying.stage}"])
            raise

    def _point(
        self, planned: StageSnapshot, deployment_id: str, working: Sequence[WorkingMethod]
    ) -> None:
        """Point the stage to the deployment, unless somebody moved it meanwhile."""
        rest_api_id = self.rule.rest_api_id
        try:
            live = self.context.gateway.stage(rest_api_id, planned.name)
        except NotFoundError:
            raise StageMovedError(f"stage {planned.name} was deleted meanwhile") from None
        if live.deployment_id == deployment_id:
            return
        if live.deployment_id != planned.deployment_id or live.canary:
            raise StageMovedError(f"stage {planned.name} was moved since the plan was made")
        before = self.context.registry.apis.served.load(
            rest_api_id, planned.deployment_id, self.rule.now
        )
        closed = closed_methods(before or (), (method.deployed() for method in working))
        at, opened_at = int(self.context.clock()), int(live.changed_at)
        closing = Closing(planned.name, deployment_id, at, opened_at, closed[:MAX_CLOSED])
        self.context.registry.storms.closing(rest_api_id, closing)
        try:
            answered = self.context.gateway.point_stage(rest_api_id, planned.name, deployment_id)
        except GatewayRefusedError:
            self._forget_if_gone(planned.name, deployment_id)
            raise
        if answered != deployment_id:
            raise StageMovedError(f"stage {planned.name} was moved while it was pointed")

    def _forget_if_gone(self, stage: str, deployment_id: str) -> None:
        """Raise StageMovedError when somebody deleted the deployment: the next plan makes one."""
        try:
            self.context.gateway.deployed(self.rule.rest_api_id, deployment_id)
        except NotFoundError:
            self.context.registry.apis.forget(self.rule.rest_api_id, [f"deploying#{stage}"])
            raise StageMovedError(f"deployment {deployment_id} was deleted meanwhile") from None


def _with_methods(error: GatewayRefusedError, working: Sequence[WorkingMethod]) -> Exception:
    """The error with the methods that lack an integration, if any: API Gateway names none."""
    lacking = [f"{one.verb} {one.path}" for one in working if not one.body.get(INTEGRATION)]
    if not lacking or "integration" not in str(error):
        return error
    return type(error)(f"{error}: {', '.join(lacking)}. Give each an integration, or delete it")
