"""Usage plans by the names of the policy: found by id from a table, made at first need."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from keyward.aws.gateway import Gateway, GatewayPlan
from keyward.aws.gateway.plans import only_one
from keyward.aws.tables import Registry
from keyward.aws.tables.leases import Lease
from keyward.errors import (
    GatewayRefusedError,
    PlanBusyError,
    ThrottledError,
)
from keyward.policy.model import Policy
from keyward.policy.parts import Throttle
from keyward.runs.journal import check_landed
from keyward.runs.owners import note_made, note_owner, under_known_names
from keyward.values import JSON

Stages = Mapping[tuple[str, str], Mapping[str, Throttle]]
NO_STAGES: Stages = {}
# The functions that make plans run 60 s at most: a lease that is older belongs to one that died.
LEASE_SECONDS = 65


class UsagePlans:
    """Finds and makes the policy's usage plans for one run. `owner` is the run's execution ARN;
    `clock` gives epoch seconds; `stack` is the name of the stack whose plans they are; `asked` is
    who asked for what needs them."""

    def __init__(
        self,
        gateway: Gateway,
        registry: Registry,
        policy: Policy,
        owner: str,
        clock: Callable[[], float],
        stack: str,
        asked: JSON,
    ) -> None:
        self._gateway = gateway
        self._registry = registry
        self._policy = policy
        self._owner = owner
        self._clock = clock
        self._stack = stack
        self._asked = asked

    def plan_id(self, name: str) -> str:
        """The id of the plan, made if need be. 0 calls once it is known. Raises UnknownPlanError,
        DuplicatePlanError, PlanOfAnotherStackError, PlanBusyError, TryUnderwayError and what the
        gateway raises."""
        record = self._registry.plans.find(name)
        if record and record.plan_id:
            if record.owner is None:
                self._note_stages(name)
            return record.plan_id
        return self.find_or_create(name, NO_STAGES)[0]

    def _note_stages(self, name: str) -> None:
        """Write down what a plan of the last edition holds: once, by one call."""
        stages, began = self._registry.plan_stages, self._clock()
        if stages.of(name) is None:
            found = self._find(name)
            stages.save(name, found.stages if found else (), began)

    def stored_id(self, name: str) -> str | None:
        """The id of a plan that keys are to leave, whether the policy names it or not; None when
        there is no such plan. 0 calls when it was recorded. Raises DuplicatePlanError."""
        record = self._registry.plans.find(name)
        if record and record.plan_id:
            return record.plan_id
        found = self._find(name)
        return found.plan_id if found else None

    def refresh_plan_id(self, name: str) -> str:
        """The plan's id after a call met something that is gone (404): the recorded plan, which is
        looked for by its name then, or the key. Whose a plan is, is not forgotten while it exists:
        people may have taken its tag away."""
        record = self._registry.plans.find(name)
        if record and any(plan.plan_id == record.plan_id for plan in self._gateway.plans()):
            return str(record.plan_id)
        self._registry.plans.forget(name)
        return self.plan_id(name)

    def find_or_create(self, name: str, stages: Stages) -> tuple[str, bool]:
        """The plan's id, and whether it was made just now, with these stages in it."""
        self._policy.plan(name)
        with self.lease(name):
            self.check_create_in_flight(name)
            began = self._clock()
            found = self._find(name)
            if found:
                self._registry.plan_stages.save(name, found.stages, began)
            tried = self._registry.plans.find(name)
            if found and tried and not tried.plan_id and found.is_tagged(self._stack):
                # A call that nobody answered made it.
                self._note_made(name, found.plan_id)
                return found.plan_id, False
            if found:
                note_owner(found, self._registry, self._stack)
                return found.plan_id, False
            return self.make(name, stages), True

    def _find(self, name: str) -> GatewayPlan | None:
        """Look for the plan by its name, and by its recorded id. 1 call. Raises
        DuplicatePlanError."""
        plans = under_known_names(self._gateway.plans(), (name,), self._registry.plans)
        return only_one(name, plans, self._stack)

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
        began = self._clock()
        self._registry.plans.trying(name, began)
        try:
            about = (name, wanted.throttle, wanted.quota, stages, self._stack)
            made = self._gateway.create_plan(*about)
        except (ThrottledError, GatewayRefusedError):
            self._registry.plans.forget(name)
            raise
        self._registry.plan_stages.save(name, made.stages, began)
        self._note_made(name, made.plan_id)
        return made.plan_id

    def _note_made(self, name: str, plan_id: str) -> None:
        note_made(self._registry, name, plan_id, self._owner, self._asked, self._clock())

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
