"""Deploy API: publish the working copy on one stage, if it is what was planned, exactly once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from keyward.apis.compare import fingerprint
from keyward.apis.model import Deploying, Deployment, KeyRule, StageSnapshot, WorkingMethod
from keyward.aws.gateway import Gateway
from keyward.aws.gateway.calls import CONNECT_SECONDS, DEPLOY_READ_SECONDS
from keyward.aws.tables import Lease, Registry
from keyward.aws.tables.storms import Redeploy
from keyward.errors import (
    DeploymentThrottledError,
    GatewayRefusedError,
    NotFoundError,
    StageMovedError,
    ThrottledError,
    TryUnderwayError,
    WorkingCopyChangedError,
)
from keyward.events import contracts
from keyward.runs import runtime

TURNS = "account#deploy"
# CreateDeployment is allowed once in 5 s for the whole account (limits.html); a second more, as
# what comes before the call takes its time.
SPACING_SECONDS = 6
MOST_REFUSALS = 20
# A CreateDeployment whose caller gave up may still take effect this long after it was sent.
DOUBT_SECONDS = CONNECT_SECONDS + DEPLOY_READ_SECONDS + 1


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{rest_api_id, lease, stage, deployment_id, fingerprint, api_name, turn,
    refusals?}`; output `{stage, deployment_id, probe, turn: 0}`, or the input with a `turn` (epoch
    seconds) to wait for, another one after each refusal."""
    rest_api_id, now = contracts.rest_api_id_of(event), runtime.now()
    rule = KeyRule(runtime.policy(), rest_api_id, str(event["api_name"]), now)
    deployer = Deployer(runtime.gateway(), runtime.registry(), rule, uuid4().hex, runtime.now)
    stage = StageSnapshot(str(event["stage"]), str(event["deployment_id"]))
    # Turns may be farther away than a lease lasts: it is renewed at each look on the way there.
    lease = Lease.of(event)
    deployer.registry.leases.renew(lease, now)
    spacing = float(runtime.setting("DEPLOYMENT_SPACING_SECONDS"))
    turn = deployer.turn(stage.name, float(event.get("turn") or 0), spacing)
    if turn:
        return event | {"turn": turn}
    refusals = int(event.get("refusals") or 0) + 1
    try:
        return deployer.deploy(lease, stage, str(event["fingerprint"])) | {"turn": 0}
    except DeploymentThrottledError:
        if refusals > MOST_REFUSALS:
            raise
        return event | {"turn": deployer.later_turn(), "refusals": refusals}


@dataclass(frozen=True)
class Deployer:
    """Deploys one API in one run, at `rule.now`; `nonce` marks a new deployment;
    `clock` gives epoch seconds, as reading a large API takes a while."""

    gateway: Gateway
    registry: Registry
    rule: KeyRule
    nonce: str
    clock: Callable[[], float]

    def turn(self, stage: str, turn: float, spacing: float) -> int:
        """When CreateDeployment may be called for this stage: turns are `spacing` seconds apart in
        the account, and given in the order in which runs ask. 0: now, or an earlier try made the
        deployment. `turn` is the one that was given before, 0 for none."""
        if turn:
            return math.ceil(turn) if turn > self.rule.now else 0
        if self.registry.apis.deploying(self.rule.rest_api_id, stage):
            return 0
        given = self.registry.leases.turn(TURNS, self.rule.now, spacing)
        return math.ceil(given) if given > self.rule.now else 0

    def later_turn(self) -> int:
        """Another turn after a refusal: somebody else used this one."""
        soonest = self.clock() + SPACING_SECONDS
        return math.ceil(self.registry.leases.turn(TURNS, soonest, SPACING_SECONDS))

    def deploy(self, lease: Lease, stage: StageSnapshot, mark: str) -> dict[str, Any]:
        """`{stage, deployment_id, probe}`: the deployment that the stage serves now, and what is
        to be asked of it when every host has it (`at`, epoch seconds); empty when nothing is.

        `stage` is as it was planned for, `mark` the fingerprint that was planned or approved. Read
        again just before each write: raises WorkingCopyChangedError and StageMovedError when it is
        no longer so, TryUnderwayError while an earlier try may be on its way, and what the gateway
        raises. Nothing of the stage changes but its deployment.
        """
        working = self._working_copy(stage, mark)
        deployment_id = self._deployment(stage, mark, working)
        self._point(lease, stage, deployment_id)
        self.registry.apis.forget(self.rule.rest_api_id, [f"deploying#{stage.name}"])
        return {"stage": stage.name, "deployment_id": deployment_id, "probe": self._probe(stage)}

    def _probe(self, stage: StageSnapshot) -> dict[str, Any]:
        rule = self.rule
        probe = rule.policy.probe(rule.rest_api_id, rule.name, stage.name)
        if probe is None:
            return {}
        at = rule.now + rule.policy.propagation_seconds
        return {"path": probe.path, "customer": probe.customer, "url": probe.url or "", "at": at}

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
        if found is None and self.clock() < before.at + DOUBT_SECONDS:
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
