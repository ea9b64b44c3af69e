"""Read an API from the gateway in a few calls, whatever the number of its methods."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from keyward.apis.compare import compare
from keyward.apis.head import Head, head_of
from keyward.apis.kept_plans import BY_PEOPLE, FOREIGN
from keyward.apis.model import (
    APPROVED,
    ApiRecords,
    ApiSnapshot,
    DeployedMethod,
    Difference,
    Membership,
    Place,
    StageSnapshot,
    WorkingMethod,
)
from keyward.apis.progress import DEPLOY, stage_to_verify
from keyward.apis.rule import KeyRule
from keyward.aws.gateway import Gateway, GatewayPlan
from keyward.aws.gateway.plans import STACK_TAG, only_one
from keyward.aws.tables import Registry
from keyward.aws.tables.apis import Apis
from keyward.errors import GatewayRefusedError, InvalidInputError, NotFoundError
from keyward.policy.model import Policy
from keyward.policy.parts import PlanPolicy
from keyward.values import JSON, frozen

# Each is an export to read, and a deployment, of which the account has one in 5 s. The quota of
# stages is 10 an API; it can be raised (API Gateway, "Quotas").
MAX_EXPOSED_STAGES = 40
AUTHORIZER_SOURCE = Difference(
    "keys come from an authorizer (apiKeySource AUTHORIZER) and this method has none: "
    "it would refuse everybody"
)


@frozen
class Deployments:
    """What an API's deployments serve: read once, as they never change. What was read stays in the
    Apis table, for the next try of a reading that is broken off, in whichever process; `now` is
    epoch seconds."""

    gateway: Gateway
    apis: Apis
    rest_api_id: str
    now: float

    def serve(self, deployment_id: str) -> tuple[DeployedMethod, ...]:
        """The methods of a deployment. Raises NotFoundError."""
        known = self.apis.served.load(self.rest_api_id, deployment_id, self.now)
        if known is not None:
            return known
        methods = self.gateway.deployed(self.rest_api_id, deployment_id)
        if methods:
            self.apis.served.save(self.rest_api_id, deployment_id, methods, self.now)
        return methods


def read_head(gateway: Gateway, rest_api_id: str, default_mode: str) -> Head:
    """1 call. Raises ApiNotFoundError, and InvalidInputError for a mode that is none."""
    return head_of(gateway.api(rest_api_id), rest_api_id, default_mode)


def read_stages(
    gateway: Gateway,
    head: Head,
    policy: Policy,
    only: str | None,
    plans: Callable[[], list[GatewayPlan]],
    stack: str,
    deployments: Deployments | None = None,
) -> ApiSnapshot:
    """1 call and one for each distinct deployment: what the stages serve, which plans hold them.
    `plans` gives all usage plans, with their owners; `deployments` that were read before spare
    calls. Raises InvalidInputError when there is no stage `only`, DuplicatePlanError."""
    stages = gateway.stages(head.rest_api_id)
    if only is not None:
        names = ", ".join(sorted(stage.name for stage in stages)) or "none"
        stages = [stage for stage in stages if stage.name == only]
        if not stages:
            raise InvalidInputError("stage", f"the API has no stage {only}", f"It has: {names}")
    ids = {deployment_id: None for stage in stages for deployment_id in stage.deployment_ids}
    read = deployments.serve if deployments else partial(gateway.deployed, head.rest_api_id)
    served = {deployment_id: read(deployment_id) for deployment_id in ids}
    return ApiSnapshot(
        rest_api_id=head.rest_api_id,
        name=head.name,
        stages=tuple(stage.serving(served) for stage in stages),
        **_plans_of(plans(), head, policy, stack) if stages else {},
    )


def first_part(snapshot: ApiSnapshot, records: ApiRecords, rule: KeyRule) -> ApiSnapshot:
    """The API with as many of its exposed stages as one plan can compare: those that wait for
    nobody first, then those that wait for a person, by when that was announced."""
    exposed = [stage for stage in snapshot.stages if rule.exposed(stage)]
    told_at = {hold.stage: hold.told_at for hold in records.holds if hold.decision != APPROVED}
    later = sorted(exposed, key=lambda stage: told_at.get(stage.name, 0))[MAX_EXPOSED_STAGES:]
    return replace(snapshot, stages=tuple(s for s in snapshot.stages if s not in later))


def read_working_copy(
    gateway: Gateway,
    head: Head,
    snapshot: ApiSnapshot,
    rule: KeyRule,
    required: Collection[Place] = (),
) -> ApiSnapshot:
    """1 call and one for each exposed stage: the working copy, and its differences from them. One
    more for an API whose methods use authorizers. With `hold` = `never` in the policy, differences
    hold nothing and are not read. `required` are the methods that we made ask for a key: that is
    nobody's edit, even when they need not any more."""
    working = gateway.working_copy(head.rest_api_id)
    waived = tuple(
        method
        for method in working
        if method.place in required and method.key_required and not rule.requires(method)
    )
    working = tuple(without_key(method) if method in waived else method for method in working)
    never = rule.policy.hold == "never"
    authorized = not never and any(method.uses_authorizer for method in working)
    authorizers = gateway.authorizers(head.rest_api_id) if authorized else {}
    found = {
        stage.name: (
            *_unreachable(head, working, rule),
            *(() if never else _differences(gateway, head, stage, working, rule, authorizers)),
        )
        for stage in snapshot.stages
        if rule.exposed(stage)
    }
    return replace(snapshot, working=working, differences=found, waived=waived)


def without_key(method: WorkingMethod) -> WorkingMethod:
    """The method as it is when it asks for no key."""
    return replace(method, body={**method.body, "apiKeyRequired": False})


def _plans_of(plans: list[GatewayPlan], head: Head, policy: Policy, stack: str) -> JSON:
    """`plans`, the policy's plans that the gateway has, and `others`: plans that are not Keyward's
    and hold a stage of the API."""
    named = [only_one(name, plans, stack) for name in policy.usage_plans]
    found = [_membership(plan, head.rest_api_id, policy, stack) for plan in named if plan]
    others = [
        membership
        for plan in plans
        if not plan.is_ours(stack)
        and (membership := _membership(plan, head.rest_api_id, policy, stack)).stages
        and (membership.kept or plan.name not in policy.usage_plans)
    ]
    return {"plans": tuple(found), "others": tuple(others)}


def _membership(plan: GatewayPlan, rest_api_id: str, policy: Policy, stack: str) -> Membership:
    wanted = policy.usage_plans.get(plan.name)
    kept = why_kept(plan, wanted, stack) if wanted else None
    return Membership(
        plan=plan.name,
        plan_id=plan.plan_id,
        stages=frozenset(stage for api_id, stage in plan.stages if api_id == rest_api_id),
        kept=kept,
    )


def why_kept(plan: GatewayPlan, wanted: PlanPolicy, stack: str) -> str | None:
    """Why the plan's limits and stages stay as they are; None for a plan of this stack, and for one
    that the policy adopts."""
    if plan.is_foreign(stack):
        return FOREIGN.format(stack=plan.tags[STACK_TAG])
    return None if plan.is_ours(stack) or wanted.adopt else BY_PEOPLE


def _unreachable(head: Head, working: tuple[WorkingMethod, ...], rule: KeyRule) -> list[Difference]:
    """Methods that a key would shut for good (aws-recorded.md 9: apiKeySource AUTHORIZER)."""
    return [
        replace(AUTHORIZER_SOURCE, method=method.verb, path=method.path)
        for method in rule.open(working)
        if not head.takes_key(method.authorization)
    ]


def _differences(
    gateway: Gateway,
    head: Head,
    stage: StageSnapshot,
    working: tuple[WorkingMethod, ...],
    rule: KeyRule,
    authorizers: Mapping[str, str],
) -> tuple[Difference, ...]:
    """A refused export is a difference of its own: what cannot be read may hold anything."""
    try:
        export: dict[str, Any] = gateway.export(head.rest_api_id, stage.name)
    except NotFoundError:
        raise
    except GatewayRefusedError as error:
        return (Difference(f"what the stage integrates could not be read: {error}"),)
    return compare(export, stage.methods, working, rule, authorizers)


def unproven_stages(
    registry: Registry, snapshot: ApiSnapshot, records: ApiRecords, rule: KeyRule
) -> list[JSON]:
    """The stages that serve a deployment of ours which no run verified, as items of `verify`: the
    run that made it ended before it came to that."""
    found = []
    for stage in snapshot.stages:
        planned = [
            action["fingerprint"]
            for action in records.planned.get(stage.name, ())
            if action["action"] == DEPLOY
        ]
        ours = (
            registry.apis.deployment(snapshot.rest_api_id, stage.deployment_id) if planned else None
        )
        if ours and ours.stage == stage.name and ours.fingerprint in planned:
            probe = rule.probe(stage.name, ours.created_at)
            found.append(stage_to_verify(stage.name, stage.deployment_id, probe))
    return found
