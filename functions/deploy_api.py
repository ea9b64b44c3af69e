"""Deploy API: publish the working copy on one stage, if it is what was planned, exactly once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from keyward.apis.compare import fingerprint
from keyward.apis.loops import Redeploy
from keyward.apis.model import Deploying, Deployment, KeyRule, StageSnapshot, WorkingMethod
from keyward.apis.progress import RETRY_SECONDS, Progress, stage_to_verify
from keyward.aws.gateway import Gateway
from keyward.aws.tables import Lease, Registry
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
from keyward.runs.journal import may_be_in_flight
from keyward.runs.turn import CREATE_DEPLOYMENT
from keyward.values import DEPLOY_READ_SECONDS


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input and output: a run's progress (apis/progress.py); see `step`."""
    progress = Progress.of(event)
    run = runtime.context()
    rule = KeyRule(run.policy, progress.rest_api_id, progress.api_name, run.now)
    deployer = Deployer(run.gateway, run.registry, rule, uuid4().hex, run.clock)
    spacing = float(runtime.setting("DEPLOYMENT_SPACING_SECONDS"))
    return deployer.step(progress, spacing).as_json()


@dataclass(frozen=True)
class Deployer:
    """Deploys one API in one run, at `rule.now`; `nonce` marks a new deployment;
    `clock` gives epoch seconds, as reading a large API takes a while."""

    gateway: Gateway
    registry: Registry
    rule: KeyRule
    nonce: str
    clock: Callable[[], float]

    def step(self, progress: Progress, spacing: float) -> Progress:
        """The run after its first stage to deploy, which is to be verified; or with the `turn`
        to wait for: turns are `spacing` seconds apart in the account. Raises what `deploy` raises,
        but for a 429."""
        # Turns may be farther away than a lease lasts: it is renewed at each look on the way there.
        lease = Lease.of({"lease": progress.lease})
        self.registry.leases.renew(lease, self.rule.now)
        item = progress.deploy[0]
        stage = StageSnapshot(str(item["stage"]), str(item["deployment_id"]))
        turn = self._turn(stage.name, progress.turn, spacing)
        if turn:
            return progress.until(turn, self.clock())
        try:
            deployment_id = self.deploy(lease, stage, str(item["fingerprint"]))
        except DeploymentThrottledError as error:
            later = CREATE_DEPLOYMENT.take_later(self.registry.turns, self.clock())
            return progress.at(later, self.clock(), error)
        except (ThrottledError, TryUnderwayError) as error:
            return progress.later(RETRY_SECONDS, error)
        probe = self.rule.probe(stage.name, self.rule.now)
        return progress.advanced(
            self.clock(),
            deploy=progress.deploy[1:],
            verify=(*progress.verify, stage_to_verify(stage.name, deployment_id, probe)),
        )

    def _turn(self, stage: str, turn: float, spacing: float) -> float:
        """When CreateDeployment may be called for this stage, in the order in which runs ask. 0:
        now, or an earlier try made the deployment. `turn` was given before, 0 for none."""
        if turn:
            return turn if turn > self.rule.now else 0
        if self.registry.apis.deploying(self.rule.rest_api_id, stage):
            return 0
        return CREATE_DEPLOYMENT.take(self.registry.turns, self.rule.now, spacing)

    def deploy(self, lease: Lease, stage: StageSnapshot, mark: str) -> str:
        """The id of the deployment that the stage serves now.

        `stage` is as it was planned for, `mark` the fingerprint that was planned or approved. Read
        again just before each write: raises WorkingCopyChangedError and StageMovedError when it is
        no longer so, TryUnderwayError while an earlier try may be on its way, and what the gateway
        raises. Nothing of the stage changes but its deployment.
        """
        working = self._working_copy(stage, mark)
        deployment_id = self._deployment(stage, mark, working)
        self._point(lease, stage, deployment_id)
        self.registry.apis.forget(self.rule.rest_api_id, [f"deploying#{stage.name}"])
        return deployment_id

    def _working_copy(self, stage: StageSnapshot, mark: str) -> Sequence[WorkingMethod]:
        working = self.gateway.working_copy(self.rule.rest_api_id)
        if fingerprint(stage, working, self.rule) != mark:
            raise WorkingCopyChangedError("the working copy was edited since the plan was made")
        if self.rule.open(working):
            raise WorkingCopyChangedError("a method was opened since the plan was made")
        return working

    def _deployment(self, stage: StageSnapshot, mark: str, working: Sequence[WorkingMethod]) -> str:
        """The deployment of this working copy: an earlier try's, or a new one."""
        before = self.registry.apis.deploying(self.rule.rest_api_id, stage.name)
        found = self._earlier_try(before) if before and before.fingerprint == mark else None
        if before is None or found is None:
            before = Deploying(stage.name, self.nonce, mark, int(self.clock()))
            found = self._create(before)
        methods = tuple(sorted(method.deployed().line for method in working))
        deployment = Deployment(found, stage.name, stage.deployment_id, methods, mark)
        self.registry.apis.save_deployment(self.rule.rest_api_id, deployment, self.rule.now)
        self.registry.apis.save_deploying(
            self.rule.rest_api_id, replace(before, deployment_id=found)
        )
        return found

    def _earlier_try(self, before: Deploying) -> str | None:
        if before.deployment_id:
            return before.deployment_id
        found = self.gateway.deployment_described(self.rule.rest_api_id, before.description)
        if found is None and may_be_in_flight(before.at, self.clock(), DEPLOY_READ_SECONDS):
            raise TryUnderwayError("an earlier CreateDeployment may still be under way")
        return found

    def _create(self, deploying: Deploying) -> str:
        """CreateDeployment, written ahead. What certainly had no effect need not be looked up."""
        rest_api_id = self.rule.rest_api_id
        self.registry.apis.save_deploying(rest_api_id, deploying)
        try:
            return self.gateway.deploy(rest_api_id, deploying.description)
        except (ThrottledError, GatewayRefusedError):
            self.registry.apis.forget(rest_api_id, [f"deploying#{deploying.stage}"])
            raise

    def _point(self, lease: Lease, planned: StageSnapshot, deployment_id: str) -> None:
        """Point the stage to the deployment, unless somebody moved it meanwhile."""
        rest_api_id = self.rule.rest_api_id
        try:
            live = self.gateway.stage(rest_api_id, planned.name)
        except NotFoundError:
            raise StageMovedError(f"stage {planned.name} was deleted meanwhile") from None
        if live.deployment_id == deployment_id:
            return
        if live.deployment_id != planned.deployment_id or live.canary:
            raise StageMovedError(f"stage {planned.name} was moved since the plan was made")
        again = Redeploy(lease.token, planned.name, deployment_id, int(self.rule.now))
        self.registry.storms.redeploying(rest_api_id, again)
        answered = self.gateway.point_stage(rest_api_id, planned.name, deployment_id)
        if answered != deployment_id:
            raise StageMovedError(f"stage {planned.name} was moved while it was pointed")
