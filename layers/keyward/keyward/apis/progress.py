"""The progress of a run of protect-api: one document that each function takes and gives back. Pure.

The state machine carries the document and follows `next`. Every decision is made here and in the
functions, so a state machine has nothing to compute.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from keyward.errors import PassingError
from keyward.values import JSON, frozen

PLAN, SETTLE = "plan_protection", "settle"
REPORT, ATTACH, REQUIRE = "report_exposure", "attach_stage", "require_key"
DEPLOY, VERIFY, PROBE = "deploy_api", "verify_stage", "probe_stage"
ROLL_BACK, CONCLUDE, END = "roll_back_stage", "conclude_api", "end"
# How a run can end for a stage.
PROTECTED, HELD, UNCHANGED = "protected", "held", "unchanged"
EXPOSED, SWITCHED_OFF = "exposed", "off"
ROLLED_BACK, UNVERIFIED, FAILED = "rolled_back", "unverified", "failed"
# A step that has to wait is tried this often; then its error ends the run, which is postponed.
MAX_TRIES = 60
# Between two tries of a call that was throttled.
RETRY_SECONDS = 2


@frozen
class Progress:
    """One run on one API. Times are epoch seconds.

    `exposed` are stages whose access logs are read, `queries` those under way; `attach` has one
    item a usage plan, `deploy` and `verify` one a stage; `outcomes` are stages that are verified,
    rolled back or unreadable. `unproven` says that `verify` is what an earlier run left, `has_more`
    that stages are left for another plan: the run starts over then. `stages` has the outcome of
    each stage so far: `{stage, outcome}`, and the `fingerprint` of a held one; `gone` says that
    the API does not exist. `token` is that of a lease that was given back for a wait,
    `waited` how long the run has waited for turns, in seconds. `output` is what the execution
    answers.
    """

    rest_api_id: str
    execution_arn: str = ""
    asked: JSON | None = None
    lease: JSON | None = None
    api_name: str = ""
    exposed: tuple[JSON, ...] = ()
    queries: JSON | None = None
    round: int = 0
    attach: tuple[JSON, ...] = ()
    effective_at: float = 0
    require: tuple[JSON, ...] = ()
    is_partial: bool = False
    deploy: tuple[JSON, ...] = ()
    verify: tuple[JSON, ...] = ()
    unproven: bool = False
    has_more: bool = False
    outcomes: tuple[JSON, ...] = ()
    stages: tuple[JSON, ...] = ()
    gone: bool = False
    token: int = 0
    waited: int = 0
    tries: int = 0
    wait_seconds: int = 0
    next: str = PLAN
    output: JSON | None = None

    @classmethod
    def of(cls, task: JSON) -> Progress:
        """From a task's input."""
        known = {*cls.__annotations__}
        stated = {name: value for name, value in task.items() if name in known}
        lists = {name: tuple(v) for name, v in stated.items() if isinstance(v, list)}
        return cls(**stated | lists)

    def as_json(self) -> JSON:
        """For the state machine: `next`, `wait_seconds`, and what is not empty."""
        stated = {name: value for name, value in vars(self).items() if value}
        return stated | {"next": self.next, "wait_seconds": self.wait_seconds}

    def advanced(self, now: float, **changes: Any) -> Progress:
        """Finish a step: make these changes, and go to the step that follows."""
        done = replace(self, **{"tries": 0, "round": 0} | changes)
        if not done.deploy:
            # The stages were held meanwhile: only what we required ourselves is taken back.
            taken_back = tuple(method for method in done.require if method.get("is_waived"))
            done = replace(done, require=taken_back)
        step = _step_after(done)
        until = done.effective_at if step == REQUIRE else 0
        if step == PROBE:
            until = done.verify[0]["probe"]["at"]
        return replace(done, next=step, wait_seconds=_seconds(until, now))

    def later(self, seconds: float, error: PassingError, **changes: Any) -> Progress:
        """Try the same step again after so many seconds. Raises the error after `MAX_TRIES`."""
        if self.tries >= MAX_TRIES:
            raise error
        return replace(self, tries=self.tries + 1, wait_seconds=math.ceil(seconds), **changes)

    def again(self, step: str, seconds: int = 0) -> Progress:
        """Repeat a step that did a part of its work; with PLAN the run starts over."""
        return replace(self, next=step, wait_seconds=seconds)

    def ended(self, **output: Any) -> Progress:
        """End the run with this answer."""
        answer = {"rest_api_id": self.rest_api_id} | output
        return replace(self, next=END, wait_seconds=0, output=answer)

    def with_outcome(self, now: float, **outcome: Any) -> Progress:
        """Finish the first stage to verify."""
        stage, *others = self.verify
        ending = {"stage": stage["stage"], "deployment_id": stage["deployment_id"]} | outcome
        return self.advanced(now, verify=tuple(others), outcomes=(*self.outcomes, ending))

    def with_stage(self, now: float, step: str, **changes: Any) -> Progress:
        """Take the first stage to verify to another step."""
        stage, *others = self.verify
        return self.advanced(now, verify=(stage | changes | {"step": step}, *others))

    def without_stages(self, held: list[str]) -> tuple[JSON, ...]:
        """Drop the `held` stages from those to deploy."""
        return tuple(item for item in self.deploy if item["stage"] not in held)


def outcomes_after(before: Iterable[JSON], later: Iterable[JSON]) -> tuple[JSON, ...]:
    """Merge the outcomes of each stage: a later one counts, but `unchanged` replaces none."""
    found = {item["stage"]: item for item in before}
    for item in later:
        if item["outcome"] != UNCHANGED or item["stage"] not in found:
            found[item["stage"]] = item
    return tuple(found[stage] for stage in sorted(found))


def stage_to_verify(stage: str, deployment_id: str, probe: JSON, step: str = VERIFY) -> JSON:
    """An item of `verify`. An empty `probe` asks nothing of the stage."""
    return {
        "stage": stage,
        "deployment_id": deployment_id,
        "step": step,
        "probe": probe,
        "round": 1,
        "mismatch": [],
    }


def _step_after(run: Progress) -> str:
    """Stages are attached before keys are required, and keys required before anything is deployed,
    so that no customer with a good key gets a 403."""
    if run.exposed:
        return REPORT
    if run.attach:
        return ATTACH
    if run.require or (run.deploy and run.next in (PLAN, ATTACH)):
        return REQUIRE
    if run.deploy:
        return PLAN if run.is_partial else DEPLOY
    return str(run.verify[0]["step"]) if run.verify else CONCLUDE


def _seconds(until: float, now: float) -> int:
    return max(0, math.ceil(until - now))
