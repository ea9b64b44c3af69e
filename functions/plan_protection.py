"""Plan protection: take the API's lease, read what its stages serve, plan what protects them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keyward import contracts, runs, runtime
from keyward.api import APPROVED, OBSERVE, OFF, ApiKnown, ApiSeen, KeyRule
from keyward.api_notes import Notes
from keyward.api_plan import ApiPlan, exposures, plan_api
from keyward.api_reading import Head, read_head, read_stages, read_working_copy
from keyward.bus import Bus
from keyward.gateway import Gateway
from keyward.policy import Policy
from keyward.registry import Registry

JSON = dict[str, Any]

# What a console run may state.
FIELDS = ("rest_api_id", "stage", "dry_run", "approve")
# A batch is done well within its function's time-out, and 300 methods stay small in the state.
METHODS_A_BATCH = 50


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{rest_api_id, execution_arn, stage?, dry_run?, approve?}`; output: see `plan`."""
    request = Request.of(event)
    planner = Planner(
        runtime.gateway(),
        runtime.registry(),
        runtime.bus(),
        runtime.announced_policy(),
        runtime.setting("DEFAULT_MODE"),
        runtime.now(),
    )
    return planner.plan(request)


@dataclass(frozen=True)
class Request:
    """What a run was asked for."""

    rest_api_id: str
    stage: str | None
    dry_run: bool
    approve: str | None
    execution_arn: str

    @classmethod
    def of(cls, task: JSON) -> Request:
        """From a task's input. Raises InvalidInputError, which names the field."""
        rest_api_id = contracts.rest_api_id_of(task)
        runs.only_fields(task, FIELDS)
        return cls(
            rest_api_id,
            contracts.optional_of(task, "stage", contracts.STAGE),
            contracts.flag_of(task, "dry_run"),
            contracts.optional_of(task, "approve", contracts.FINGERPRINT),
            str(task.get("execution_arn", "")),
        )


@dataclass(frozen=True)
class Planner:
    """Reads, plans, notes. `default_mode` is that of APIs without a tag; `now` in epoch seconds."""

    gateway: Gateway
    registry: Registry
    bus: Bus
    policy: Policy
    default_mode: str
    now: float

    def plan(self, request: Request) -> JSON:
        """`{rest_api_id, dry_run, busy, lease, actions, attach, effective_at, require, deploy,
        unannounced}`.

        `busy`: another run has the API and will start over. `actions`, in a dry run only: what mode
        enforce does; a dry run takes no lease and writes nothing. `attach`: one item a usage plan.
        `require`: batches of methods. `deploy`: one item a stage. `unannounced`: something waits in
        the outbox. Raises InvalidInputError, ApiNotFoundError, DuplicatePlanError and what the
        gateway raises.
        """
        if request.dry_run:
            return _output(request, actions=self._dry_run(request))
        if request.approve:
            self._approve(request.rest_api_id, request.approve)
        name = f"api#{request.rest_api_id}"
        lease = runs.begin(self.registry.leases, self.bus, name, request.execution_arn, self.now)
        if lease is None:
            return _output(request, busy=True)
        return _output(request, lease=lease.as_json()) | self._act(request)

    def _dry_run(self, request: Request) -> list[JSON]:
        head = read_head(self.gateway, request.rest_api_id, self.default_mode)
        if head.mode == OFF:
            return []
        known = self.registry.apis.known(request.rest_api_id)
        return self._enforce(head, request, known)[1].actions()

    def _act(self, request: Request) -> JSON:
        head = read_head(self.gateway, request.rest_api_id, self.default_mode)
        known = self.registry.apis.known(request.rest_api_id)
        waiting = bool(known.outbox)
        if head.mode == OFF:
            return {"unannounced": waiting}
        notes = Notes(
            self.registry,
            head.rest_api_id,
            request.execution_arn,
            self.now,
            self.policy.propagation_seconds,
        )
        if head.mode == OBSERVE:
            seen = self._read(head, request)
            news = notes.exposures(exposures(seen, self._rule(head)), known, _names(seen))
            return {"unannounced": waiting or news}
        seen, planned = self._enforce(head, request, known)
        news = notes.plan(planned, known, _names(seen))
        if request.stage is None:
            notes.gone(known, _names(seen))
        return _steps(planned, head) | {"unannounced": waiting or news}

    def _enforce(self, head: Head, request: Request, known: ApiKnown) -> tuple[ApiSeen, ApiPlan]:
        rule = self._rule(head)
        seen = self._read(head, request)
        if any(rule.exposed(stage) for stage in seen.stages):
            seen = read_working_copy(self.gateway, head, seen, rule)
        return seen, plan_api(seen, known, rule, request.approve)

    def _read(self, head: Head, request: Request) -> ApiSeen:
        return read_stages(self.gateway, head, self.policy, request.stage)

    def _rule(self, head: Head) -> KeyRule:
        return KeyRule(self.policy, head.rest_api_id, head.name, self.now)

    def _approve(self, rest_api_id: str, fingerprint: str) -> None:
        """Recorded before the lease is asked for: the run that has it will find the decision."""
        for hold in self.registry.apis.known(rest_api_id).holds:
            if hold.fingerprint == fingerprint:
                self.registry.apis.decide(rest_api_id, hold.stage, fingerprint, APPROVED)


def _output(request: Request, **stated: Any) -> JSON:
    output = {
        "rest_api_id": request.rest_api_id,
        "dry_run": request.dry_run,
        "busy": False,
        "lease": None,
        "actions": [],
        "attach": [],
        "effective_at": 0,
        "require": [],
        "deploy": [],
        "unannounced": False,
    }
    return output | stated


def _steps(planned: ApiPlan, head: Head) -> JSON:
    methods = [item.as_json() for item in planned.require]
    starts = range(0, len(methods), METHODS_A_BATCH)
    return {
        "attach": [item.as_json() for item in planned.attach],
        "effective_at": planned.effective_at,
        "require": [methods[start : start + METHODS_A_BATCH] for start in starts],
        "deploy": [item.as_json() | {"api_name": head.name} for item in planned.deploy],
    }


def _names(seen: ApiSeen) -> list[str]:
    return [stage.name for stage in seen.stages]
