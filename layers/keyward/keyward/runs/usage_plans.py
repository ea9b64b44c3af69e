"""Usage plans by the names of the policy: found by id from a table, made at first need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from keyward.aws.gateway import Gateway, GatewayPlan
from keyward.aws.gateway.plans import STACK_TAG, only_one
from keyward.aws.tables import Registry
from keyward.aws.tables.leases import Lease
from keyward.aws.tables.plans import KEYWARD, PEOPLE
from keyward.errors import (
    GatewayRefusedError,
    PlanBusyError,
    PlanOfAnotherStackError,
    ThrottledError,
)
from keyward.policy.model import Policy
from keyward.policy.parts import Throttle
from keyward.runs.journal import check_landed

Stages = Mapping[tuple[str, str], Mapping[str, Throttle]]
NO_STAGES: Stages = {}
# The functions that make plans run 60 s at most: a lease that is older belongs to one that died.
LEASE_SECONDS = 65


def with_owners(plans: Iterable[GatewayPlan], registry: Registry, stack: str) -> list[GatewayPlan]:
    """The usage plans, with the stack's tag on those that the records say are Keyward's: plans of
    the last edition have none yet, and people take tags away. A request of DynamoDB for each plan
    without a stack."""
    return [_with_owner(plan, registry, stack) for plan in plans]


def _with_owner(plan: GatewayPlan, registry: Registry, stack: str) -> GatewayPlan:
    if plan.is_ours(stack) or plan.is_foreign(stack):
        return plan
    record = registry.plans.find(plan.name)
    return plan.owned_by(stack) if record and record.is_ours(plan.plan_id) else plan


def refuse_foreign(plan: GatewayPlan, stack: str) -> None:
    """Raise PlanOfAnotherStackError for another stack's plan."""
    if plan.is_foreign(stack):
        raise PlanOfAnotherStackError(
            f"plan: usage plan {plan.name} ({plan.plan_id}) belongs to the stack "
            f"{plan.tags[STACK_TAG]}. Name another plan in the policy, or take the tag "
            f"{STACK_TAG} off that plan"
        )


class UsagePlans:
    """Finds and makes the policy's usage plans for one run. `owner` is the run's execution ARN;
    `clock` gives epoch seconds; `stack` is the name of the stack whose plans they are."""

    def __init__(
        self,
        gateway: Gateway,
        registry: Registry,
        policy: Policy,
        owner: str,
        clock: Callable[[], float],
        stack: str,
    ) -> None:
        self._gateway = gateway
        self._registry = registry
        self._policy = policy
        self._owner = owner
        self._clock = clock
        self._stack = stack

    def plan_id(self, name: str) -> str:
        """The id of the plan, made if need be. 0 calls once it is known. Raises UnknownPlanError,
        DuplicatePlanError, PlanOfAnotherStackError, PlanBusyError, TryUnderwayError and what the
        gateway raises."""
        record = self._registry.plans.find(name)
        if record and record.plan_id:
            return record.plan_id
        return self.find_or_create(name, NO_STAGES)[0]

    def stored_id(self, name: str) -> str | None:
        """The id of a plan that keys are to leave, whether the policy names it or not; None when
        there is no such plan. 0 calls when it was recorded. Raises DuplicatePlanError."""
        record = self._registry.plans.find(name)
        if record and record.plan_id:
            return record.plan_id
        found = only_one(name, self._gateway.plans(), self._stack)
        return found.plan_id if found else None

    def refresh_plan_id(self, name: str) -> str:
        """The plan's id after the recorded one turned out to be gone (404)."""
        self._registry.plans.forget(name)
        return self.plan_id(name)

    def find_or_create(self, name: str, stages: Stages) -> tuple[str, bool]:
        """The plan's id, and whether it was made just now, with these stages in it."""
        self._policy.plan(name)
        with self.lease(name):
            self.check_create_in_flight(name)
            found = only_one(name, self._gateway.plans(), self._stack)
            if found:
                self.note_owner(found)
                return found.plan_id, False
            return self.make(name, stages), True

    def check_create_in_flight(self, name: str) -> None:
        """Raises TryUnderwayError while a call of CreateUsagePlan that nobody answered may still
        take effect: it has no client token, so a second call would make a second plan. For the
        holder of the plan's lease, before it looks for the plan."""
        record = self._registry.plans.find(name)
        if record and not record.plan_id:
            check_landed(record.tried_at, self._clock(), f"create plan {name}")

    def make(self, name: str, stages: Stages) -> str:
        """CreateUsagePlan with these stages: its id. For the holder of the plan's lease, who has
        just looked for it and found none."""
        wanted = self._policy.plan(name)
        self._registry.plans.trying(name, self._clock())
        try:
            about = (name, wanted.throttle, wanted.quota, stages, self._stack)
            made = self._gateway.create_plan(*about)
        except (ThrottledError, GatewayRefusedError):
            self._registry.plans.forget(name)
            raise
        self._registry.plans.save_id(name, made.plan_id, KEYWARD)
        return made.plan_id

    def note_owner(self, found: GatewayPlan) -> GatewayPlan:
        """Record the plan's id and whose it is, as far as its tag and the records say: the plan as
        `with_owners` has it. Writes nothing on API Gateway. Raises PlanOfAnotherStackError."""
        refuse_foreign(found, self._stack)
        [plan] = with_owners([found], self._registry, self._stack)
        if plan.tags == found.tags:
            owner = KEYWARD if plan.is_ours(self._stack) else PEOPLE
            self._registry.plans.save_id(plan.name, plan.plan_id, owner)
        return plan

    def take(self, plan: GatewayPlan) -> None:
        """Tag the plan as this stack's, and record it: from then on its limits and stages are the
        policy's. Idempotent. For the holder of the plan's lease. Raises PlanOfAnotherStackError,
        NotFoundError."""
        refuse_foreign(plan, self._stack)
        if not plan.is_ours(self._stack):
            self._gateway.tag_plan(plan.plan_id, self._stack)
        self._registry.plans.save_id(plan.name, plan.plan_id, KEYWARD)

    @contextmanager
    def lease(self, name: str) -> Iterator[Lease]:
        """The plan's lease: one run at a time makes or changes it. A run that died in it is
        overtaken when the lease runs out. Raises PlanBusyError."""
        owner = f"{self._owner}#{name}"
        lease = self._registry.leases.acquire(f"plan#{name}", owner, self._clock(), LEASE_SECONDS)
        if lease is None:
            raise PlanBusyError(f"plan {name} is being made by another run")
        try:
            yield lease
        finally:
            self._registry.leases.give_back(lease)
