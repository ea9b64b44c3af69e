"""The usage plans of the account that Keyward made or adopted, and what each of them lacks of the
policy in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property

from keyward.apis.usage_plan_patch import Change, changes, named
from keyward.aws.gateway import GatewayPlan
from keyward.aws.gateway.plans import only_one
from keyward.aws.tables import Registry
from keyward.errors import DuplicatePlanError
from keyward.policy.change_set import ADOPT, PLANS
from keyward.policy.model import Policy
from keyward.policy.parts import PlanPolicy
from keyward.values import JSON, StageRef, frozen, stated

# A plan of the last edition, or one whose tag people took away, gets the stack's.
TAG = "tag"


@frozen
class OurPlans:
    """Usage plans as they were `read`, with their owners, for the stack of this name. `name_of`
    gives the name of an API by its id, None for an unknown one."""

    registry: Registry
    stack: str
    read: list[GatewayPlan]
    name_of: Callable[[str], str | None]

    @cached_property
    def by_name(self) -> Mapping[str, GatewayPlan]:
        """The plans that a name identifies: of several plans of one name, this stack's."""
        found = {}
        for name in {plan.name for plan in self.read}:
            with suppress(DuplicatePlanError):
                found[name] = only_one(name, self.read, self.stack)
        return {name: plan for name, plan in found.items() if plan}

    @cached_property
    def ours(self) -> Mapping[str, GatewayPlan]:
        """The plans that Keyward made or adopted; others may not be changed."""
        return {n: plan for n, plan in self.by_name.items() if plan.is_ours(self.stack)}

    def adopted(self, policy: Policy) -> Mapping[str, GatewayPlan]:
        """The plans made by people that the policy hands over to Keyward."""
        wanted = {name for name, plan in policy.usage_plans.items() if plan.adopt}
        return {
            name: plan
            for name, plan in self.by_name.items()
            if name in wanted and not plan.is_ours(self.stack) and not plan.is_foreign(self.stack)
        }

    def detachable(self, plan: GatewayPlan, wanted: PlanPolicy | None) -> dict[StageRef, str]:
        """The plan's stages that the policy does not want there and Keyward attached, with their
        API's names. What people attached stays, and so does what is not known any more. `wanted` is
        None for a plan that the policy does not name."""
        other = {
            ref: name
            for ref in plan.stages
            if not self._covers(wanted, ref) and (name := self.name_of(ref[0])) is not None
        }
        load = self.registry.apis.load_records
        records = {api_id: load(api_id) for api_id in {ref[0] for ref in other}}
        return {
            ref: name
            for ref, name in other.items()
            if (noted := records[ref[0]].attachment(ref[1], plan.name)) and not noted.by_hand
        }

    def lacking(self, policy: Policy) -> dict[str, list[Change]]:
        """List what our plans, and those to be adopted, lack of the policy in force, by name."""
        found, adopted = {}, self.adopted(policy)
        for name, plan in sorted([*self.ours.items(), *adopted.items()]):
            wanted = policy.usage_plans.get(name)
            leaving = sorted(self.detachable(plan, wanted))
            covered = [ref for ref in plan.stages if self._covers(wanted, ref)]
            found[name] = changes(plan, wanted, covered, leaving)
            if name not in adopted and plan.renamed is not None:
                found[name].append(named(plan.renamed, name))
            if name not in adopted and not plan.is_tagged(self.stack):
                found[name].append(Change(TAG, None, self.stack, ()))
            if name in adopted:
                found[name].append(Change(ADOPT, None, True, ()))
        return {name: lacks for name, lacks in found.items() if lacks}

    def as_found(self, body: JSON) -> JSON:
        """The policy with the limits and stages that plans of ours have now: an earlier edition
        left them so, and nothing of them changes without being told."""
        plans = dict(body[PLANS])
        for name, plan in self.ours.items():
            here = limits_of(plan)
            if name in plans:
                named = {n: v for n, v in plans[name].items() if n not in ("throttle", "quota")}
                plans[name] = named | here
            elif leaving := self.detachable(plan, None):
                apis, stages = ({ref[i] for ref in leaving} for i in (0, 1))
                plans[name] = here | {"apis": sorted(apis), "stages": sorted(stages)}
        return body | {PLANS: plans}

    def _covers(self, wanted: PlanPolicy | None, ref: StageRef) -> bool:
        if wanted is None:
            return False
        # Most plans cover all APIs, whatever their names.
        name = "" if wanted.apis == ("*",) else self.name_of(ref[0])
        return name is not None and wanted.covers(ref[0], name, ref[1])


def limits_of(plan: GatewayPlan) -> JSON:
    """The plan's `{throttle?, quota?}` in API Gateway's words."""
    throttle, quota = plan.throttle, plan.quota
    limits = {"throttle": throttle and throttle.as_json(), "quota": quota and quota.as_json()}
    return stated(limits)
