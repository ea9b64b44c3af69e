"""Read what a policy edit meets in the account: usage plans, who has keys in them, what is live."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from keyward.apis.head import Head, head_of
from keyward.apis.model import OFF, DeployedMethod
from keyward.apis.rule import KeyRule
from keyward.aws.gateway import GatewayPlan
from keyward.errors import InvalidInputError
from keyward.policy.change_set import (
    MAX_OPENED,
    NARROWING,
    Line,
    change_set,
    changed_exemptions,
    place_of,
)
from keyward.policy.facts import AccountFacts, PlanFacts, PlanKeys
from keyward.policy.model import Policy
from keyward.policy.parse import policy_of
from keyward.policy.parts import matches
from keyward.runs.apis.read import Deployments, read_stages
from keyward.runs.context import Context
from keyward.runs.owners import owned_plans
from keyward.runs.policy.our_plans import OurPlans, limits_of
from keyward.values import JSON, frozen

NOBODY = PlanKeys()


@frozen
class PolicyAccount:
    """The account as one run sees it, read when needed, once. `default_mode` is that of APIs
    without a tag."""

    context: Context
    default_mode: str

    @cached_property
    def plans(self) -> OurPlans:
        """The usage plans."""
        context = self.context
        return OurPlans(context.registry, context.stack, owned_plans(context), self._name_of)

    @cached_property
    def apis(self) -> Mapping[str, JSON]:
        """All APIs by id, as GetRestApis has them."""
        return {str(api["id"]): api for api in self.context.gateway.apis()}

    def guarded_ids(self, lines: Iterable[Line]) -> list[str]:
        """The APIs for which these changes may matter."""
        globs = [glob for line in lines for glob in _apis_of(line)]
        return [
            head.rest_api_id
            for head in self._guarded()
            if matches(tuple(globs), head.rest_api_id, head.name)
        ]

    def facts(self, in_force: JSON, wanted: JSON) -> AccountFacts:
        """What the edit meets. Keys are read for plans that it narrows only, live methods for new
        exemptions only."""
        policy = policy_of(wanted)
        plans = {name: self._plan_facts(name, policy, NOBODY) for name in self.plans.by_name}
        lines = change_set(in_force, wanted, AccountFacts(plans))
        for name in {str(line.plan) for line in lines if line.plan and line.kind == NARROWING}:
            if name in plans:
                keys = self._keys_of(self.plans.by_name[name])
                plans[name] = self._plan_facts(name, policy, keys)
        return AccountFacts(plans, self._opened(in_force, changed_exemptions(in_force, wanted)))

    def _plan_facts(self, name: str, wanted: Policy, keys: PlanKeys) -> PlanFacts:
        plan = self.plans.by_name[name]
        entry, is_ours = wanted.usage_plans.get(name), name in self.plans.ours
        follows = is_ours or (entry is not None and entry.adopt)
        leaving = self.plans.detachable(plan, entry) if follows else {}
        return PlanFacts(is_ours, limits_of(plan), leaving, keys)

    def _keys_of(self, plan: GatewayPlan) -> PlanKeys:
        names = self.context.gateway.plan_keys(plan.plan_id)
        owners = {name.rpartition("/")[0] or name for name in names}
        records = self.context.registry.customers.load_all_keys().keys
        used = [
            max(item.used for item in records[customer].usage if item.plan == plan.name)
            for customer in sorted(owners & {*records})
            if any(item.plan == plan.name for item in records[customer].usage)
        ]
        return PlanKeys(sum(map(len, names.values())), len(owners), tuple(used))

    def _opened(
        self, in_force: JSON, exemptions: list[JSON]
    ) -> dict[tuple[str, ...], tuple[JSON, ...]]:
        """The live methods that each exemption would open. No more is read than tells whether a
        person has to be asked."""
        opened: dict[tuple[str, ...], tuple[JSON, ...]] = {
            place_of(item): () for item in exemptions
        }
        now, policy = self.context.now, policy_of(in_force)
        after = policy_of(in_force | {"exemptions": exemptions}).exemptions
        for head in self._guarded() if exemptions else ():
            rule = KeyRule(policy, head.rest_api_id, head.name, now)
            left = [e for e in after if len(opened[e.api, e.method, e.path]) <= MAX_OPENED]
            if not any(e.covers_api(head.rest_api_id, head.name) for e in left):
                continue
            for stage, method in self._live(head, policy):
                place = {"rest_api_id": head.rest_api_id, "stage": stage}
                opens = place | {"method": method.verb, "path": method.path}
                about = (head.rest_api_id, head.name, method.verb, method.path, now)
                first = next((e for e in after if e.covers(*about)), None)
                if first and rule.requires(method):
                    opened[first.api, first.method, first.path] += (opens,)
        return opened

    def _live(self, head: Head, policy: Policy) -> Iterable[tuple[str, DeployedMethod]]:
        context = self.context
        known = Deployments(context.gateway, context.registry.apis, head.rest_api_id, context.now)
        about = (context.gateway, head, policy)
        for stage in read_stages(*about, None, list, context.stack, known).stages:
            yield from ((stage.name, method) for method in stage.methods)

    def _guarded(self) -> Iterable[Head]:
        for api_id, api in self.apis.items():
            try:
                head = head_of(api, api_id, self.default_mode)
            except InvalidInputError:
                continue
            if head.mode != OFF:
                yield head

    def _name_of(self, api_id: str) -> str | None:
        return str(self.apis[api_id].get("name", "")) if api_id in self.apis else None


def _apis_of(line: Line) -> list[str]:
    """The globs of APIs that a change is about."""
    if line.exemption:
        return [str(line.exemption["api"])]
    if not line.plan:
        return ["*"]
    return (
        [glob for value in (line.before, line.after) for glob in (value or {}).get("apis", ["*"])]
        if isinstance(line.before or line.after, dict)
        else ["*"]
    )
