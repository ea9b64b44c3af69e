"""Plan protection: take the API's lease, read what its stages serve, plan what protects them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from keyward.apis.loops import settle_seconds
from keyward.apis.model import (
    APPROVED,
    OBSERVE,
    OFF,
    REJECTED,
    ROLLBACK,
    WARN,
    ApiRecords,
    ApiSnapshot,
    KeyRule,
    Place,
    StageSnapshot,
)
from keyward.apis.plan import ApiPlan, exposures, plan_api
from keyward.aws.bus import Bus
from keyward.aws.gateway import Gateway
from keyward.aws.tables import Registry
from keyward.errors import InvalidInputError, NotFoundError
from keyward.events import contracts
from keyward.events.fields import FINGERPRINT, STAGE
from keyward.policy.model import Policy
from keyward.runs import run, runtime
from keyward.runs.api_journal import ApiJournal
from keyward.runs.read_api import Head, read_head, read_loops, read_stages, read_working_copy

JSON = dict[str, Any]

# What a console run may state.
FIELDS = ("rest_api_id", "stage", "dry_run", "approve", "reject", "rollback")
# A batch is done well within its function's time-out, and 300 methods stay small in the state.
METHODS_A_BATCH = 50


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{rest_api_id, execution_arn, stage?, dry_run?, approve?, reject?, rollback?}`;
    output: see `plan`."""
    request = Request.of(event)
    planner = Planner(
        runtime.gateway(),
        runtime.registry(),
        runtime.bus(),
        runtime.announced_policy(),
        runtime.setting("DEFAULT_MODE"),
        runtime.setting("EVENT_BUS"),
        runtime.setting("APIS_QUEUE_URL"),
        float(runtime.setting("STORM_SECONDS")),
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
    reject: str | None
    rollback: bool
    execution_arn: str

    @classmethod
    def of(cls, task: JSON) -> Request:
        """From a task's input. Raises InvalidInputError, which names the field."""
        run.only_fields(task, FIELDS)
        rollback = contracts.flag_of(task, "rollback")
        if rollback and task.get("stage") is None:
            raise InvalidInputError("stage", "is missing", "Name the stage to roll back")
        return cls(
            contracts.rest_api_id_of(task),
            contracts.optional_of(task, "stage", STAGE),
            contracts.flag_of(task, "dry_run"),
            contracts.optional_of(task, "approve", FINGERPRINT),
            contracts.optional_of(task, "reject", FINGERPRINT),
            rollback,
            str(task.get("execution_arn", "")),
        )


@dataclass(frozen=True)
class Planner:
    """Reads, plans, notes. `default_mode` is that of APIs without a tag, `bus_name` the bus that
    answers are sent to; a storm of events is over after `storm_seconds`; `now` in epoch
    seconds."""

    gateway: Gateway
    registry: Registry
    bus: Bus
    policy: Policy
    default_mode: str
    bus_name: str
    queue_url: str
    storm_seconds: float
    now: float

    def plan(self, request: Request) -> JSON:
        """`{rest_api_id, dry_run, busy, settle_seconds, lease, actions, attach, effective_at,
        require, deploy, stopped, rollback, exposed, api_name?, unannounced}`.

        `busy`: another run has the API and will start over. `settle_seconds`: more events may come,
        nothing was read yet, plan again after so long. `actions`, in a dry run only: what mode
        enforce does; a dry run takes no lease and writes nothing. `attach`: one item a usage plan.
        `require`: batches of methods. `deploy`: one item a stage. `stopped`: the stages that are
        left as they are from now on, as somebody opens them again and again. `rollback`: stages
        that are to serve their former deployment again; nothing else is done then. `exposed`:
        stages of which mode observe or warn has news, with their access logs. `unannounced`:
        something waits in the outbox. Raises InvalidInputError, ApiNotFoundError,
        DuplicatePlanError and what the gateway raises.
        """
        if request.dry_run:
            return _output(request, actions=self._dry_run(request))
        if request.rollback and request.stage:
            self.registry.apis.ask_rollback(request.rest_api_id, request.stage, self.now)
        if request.approve:
            self._decide(request.rest_api_id, request.approve, APPROVED)
        if request.reject and not self._decide(request.rest_api_id, request.reject, REJECTED):
            raise InvalidInputError(
                "reject", "no stage is held with this fingerprint", "Take it from ApiHeld"
            )
        name = f"api#{request.rest_api_id}"
        lease = run.begin(self.registry.leases, self.bus, name, request.execution_arn, self.now)
        if lease is None:
            return _output(request, busy=True)
        settle = 0 if request.approve else self._settle_seconds(request.rest_api_id)
        if settle:
            return _output(request, lease=lease.as_json(), settle_seconds=settle)
        self.registry.storms.looked(request.rest_api_id)
        return _output(request, lease=lease.as_json()) | self._act(request)

    def _settle_seconds(self, rest_api_id: str) -> int:
        storm = self.registry.storms.of(rest_api_id)
        return settle_seconds(storm, self.storm_seconds, self.now)

    def _dry_run(self, request: Request) -> list[JSON]:
        if request.rollback and request.stage:
            known = self.registry.apis.known(request.rest_api_id)
            found = self._to_roll_back(request.rest_api_id, [request.stage], known)
            return [{"action": "roll_back_stage", **item} for item in found]
        head = read_head(self.gateway, request.rest_api_id, self.default_mode)
        if head.mode == OFF:
            return []
        known = self.registry.apis.known(request.rest_api_id)
        return self._enforce(head, request, known)[1].actions()

    def _act(self, request: Request) -> JSON:
        head = read_head(self.gateway, request.rest_api_id, self.default_mode)
        known = self.registry.apis.known(request.rest_api_id)
        waiting = bool(known.outbox)
        back = self._rollbacks(head.rest_api_id, known)
        if back:
            return {"rollback": back, "unannounced": waiting}
        tagged = head.mode == WARN
        head = head.dated(known.enforce_on, self.now, self.policy.warn_days)
        notes = ApiJournal(
            self.registry,
            head.rest_api_id,
            request.execution_arn,
            self.now,
            self.policy.propagation_seconds,
            self.bus_name,
        )
        notes.warning(tagged, known, head.enforce_on)
        if head.mode == OFF:
            return {"unannounced": waiting}
        if head.mode in (OBSERVE, WARN):
            seen = self._read(head, request)
            found = exposures(seen, self._rule(head))
            told = notes.exposures(
                found, known, [stage.name for stage in seen.stages], head.enforce_on
            )
            logs = [_log(stage) for stage in seen.stages if stage.name in told]
            return {"unannounced": waiting or bool(told), "exposed": logs, "api_name": head.name}
        seen, planned = self._enforce(head, request, known)
        news = notes.plan(planned, known, seen)
        stopped = notes.loops(planned, known, self._places(head, seen))
        if stopped:
            self._look_again(head.rest_api_id, planned)
        if request.stage is None:
            notes.gone(known, [stage.name for stage in seen.stages])
        news = news or bool(stopped)
        return _steps(planned, head) | {"stopped": stopped, "unannounced": waiting or news}

    def _enforce(
        self, head: Head, request: Request, known: ApiRecords
    ) -> tuple[ApiSnapshot, ApiPlan]:
        rule = self._rule(head)
        seen = self._read(head, request)
        loops = read_loops(self.registry, seen, rule)
        if any(stage.name not in loops and rule.exposed(stage) for stage in seen.stages):
            seen = read_working_copy(self.gateway, head, seen, rule)
        return seen, plan_api(seen, known, rule, request.approve, loops)

    def _places(self, head: Head, seen: ApiSnapshot) -> dict[str, list[Place]]:
        rule = self._rule(head)
        return {stage.name: [m.place for m in rule.exposed(stage)] for stage in seen.stages}

    def _look_again(self, rest_api_id: str, planned: ApiPlan) -> None:
        """When the hour is over, whether somebody deploys then or not."""
        due = max(loop.until for loop in planned.stopped.values())
        body = {"rest_api_id": rest_api_id, "not_before": due}
        self.bus.send_later(self.queue_url, body, math.ceil(due - self.now))

    def _rollbacks(self, rest_api_id: str, known: ApiRecords) -> list[JSON]:
        """What persons asked for. What is done, or cannot be done, is not asked for any more."""
        wanted = known.rollbacks
        try:
            found = self._to_roll_back(rest_api_id, wanted, known)
        except InvalidInputError:
            self.registry.apis.forget(rest_api_id, [f"rollback#{stage}" for stage in wanted])
            raise
        done = {*wanted} - {item["stage"] for item in found}
        self.registry.apis.forget(rest_api_id, [f"rollback#{stage}" for stage in sorted(done)])
        return found

    def _to_roll_back(
        self, rest_api_id: str, stages: Iterable[str], known: ApiRecords
    ) -> list[JSON]:
        """`{stage, deployment_id}` of those that serve a deployment of ours; one that was rolled
        back already is left out. Raises InvalidInputError for any other."""
        found = []
        for stage in stages:
            live = self._live(rest_api_id, stage)
            hold = known.hold(stage)
            if hold and (hold.kind, hold.deployment_id) == (ROLLBACK, live):
                continue
            ours = self.registry.apis.deployment(rest_api_id, live)
            if ours is None or ours.stage != stage:
                problem = f"{stage} serves {live}, which is no deployment of Keyward's for it"
                remedy = "Point it elsewhere yourself: Keyward takes back only what it did"
                raise InvalidInputError("stage", problem, remedy)
            found.append({"stage": stage, "deployment_id": live})
        return found

    def _live(self, rest_api_id: str, stage: str) -> str:
        try:
            return self.gateway.stage(rest_api_id, stage).deployment_id
        except NotFoundError:
            raise InvalidInputError("stage", f"there is no stage {stage}", "Name one") from None

    def _read(self, head: Head, request: Request) -> ApiSnapshot:
        return read_stages(self.gateway, head, self.policy, request.stage)

    def _rule(self, head: Head) -> KeyRule:
        return KeyRule(self.policy, head.rest_api_id, head.name, self.now)

    def _decide(self, rest_api_id: str, fingerprint: str, decision: str) -> bool:
        """Whether something is held so. Recorded before the lease is asked for: the run that has it
        will find the decision."""
        apis = self.registry.apis
        held = [h for h in apis.known(rest_api_id).holds if h.fingerprint == fingerprint]
        for hold in held:
            apis.decide(rest_api_id, hold.stage, fingerprint, decision)
        return bool(held)


def _output(request: Request, **stated: Any) -> JSON:
    output = {
        "rest_api_id": request.rest_api_id,
        "dry_run": request.dry_run,
        "busy": False,
        "settle_seconds": 0,
        "lease": None,
        "actions": [],
        "attach": [],
        "effective_at": 0,
        "require": [],
        "deploy": [],
        "rollback": [],
        "exposed": [],
        "stopped": [],
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


def _log(stage: StageSnapshot) -> JSON:
    return {"stage": stage.name, "log_arn": stage.log_arn, "log_format": stage.log_format}
