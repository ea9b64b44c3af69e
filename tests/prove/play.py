"""Plays a history on a bench, and keeps what the checks must know."""

from __future__ import annotations

import json
import random
from collections import Counter
from functools import lru_cache

from keyward.policy.parse import default_text
from keyward.values import JSON, iso
from local.bench import Bench
from local.lifetime.documents import document
from tests.prove import edits, hands, mistakes, plans
from tests.prove.history import History, Step
from tests.prove.played import STAGES, Played, next_second, stage_of

CLOSED: JSON = {"/pets": {"get": ["api_key"]}, "/toys": {"get": ["api_key"], "post": ["api_key"]}}
OPEN: JSON = {"/pets": {"get": None}, "/toys": {"get": ["api_key"], "post": None}}
# Some calls take a moment, so that others come in between: the share of them, and how long.
SLOW_SHARE, SLOW_SECONDS = 0.08, 0.04
DEFAULT_OVERLAP_HOURS = 168
# What comes again after a failure has come by then (start_due_work: an hour).
SETTLED = 2.2 * 3600


def overlap_seconds(event: JSON) -> float:
    """How long a key that is replaced because of the event works on."""
    return float(event["detail"].get("overlap_hours", DEFAULT_OVERLAP_HOURS)) * 3600


@lru_cache(maxsize=1)
def policy() -> JSON:
    """The shipped policy; no wait for propagation; every API belongs to both plans."""
    shipped: JSON = json.loads(default_text())
    return shipped | {"propagation_seconds": 0}


def play(bench: Bench, history: History) -> Played:
    """The account after the history, and after all that follows from it by itself."""
    played = Played(bench, history)
    plans.begin(played)
    if history.is_of_apis:
        _begin_apis(played)
    draw = random.Random(history.pace)
    account = bench.account

    def watch(service: str, operation: str) -> None:
        if account.scheduler.worker and draw.random() < SLOW_SHARE:
            account.scheduler.sleep(draw.random() * SLOW_SECONDS)

    account.watch = watch
    _look_after_each_call(played)
    for fault in history.faults:
        bench.fault(fault.client, fault.operation, fault.call, fault.error)
    for step in mistakes.with_mistakes(history, plans.with_hand_edits(history)):
        bench.advance(seconds=step.pause)
        STEPS[step.kind](played, step)
    if history.is_of_apis:
        _sign_up(played, "late")
    bench.run()
    bench.advance(seconds=SETTLED)
    bench.clear_faults()
    played.between.clear()
    bench.audit(repair=True)
    bench.advance(seconds=SETTLED)
    return played


def _begin_apis(played: Played) -> None:
    """An API whose stages serve closed methods, known to Keyward, and a customer."""
    bench = played.bench
    played.api_id = bench.api(CLOSED, stages=STAGES)
    played.working = CLOSED
    played.deployed = dict.fromkeys(STAGES, CLOSED)
    bench.run()
    bench.advance(seconds=60)
    _sign_up(played, "acme")


def _sign_up(played: Played, customer_id: str) -> None:
    """A customer whose key opens the API's stages."""
    about = {"kind": "CustomerSignedUp", "customer_id": customer_id, "plan": "free"}
    _send(played, Step(0, "send", about))


def _look_after_each_call(played: Played) -> None:
    emulator, state = played.bench.emulator, played.bench.emulator.state
    real = emulator.call
    had: set[str] = set()

    def called(operation: str, params: JSON, caller: str | None = None) -> JSON:
        if caller:
            _act_between(played, operation)
        try:
            return real(operation, params, caller)
        finally:
            if not operation.startswith("Get") and caller:
                alive = Counter(
                    key.settings["name"].rpartition("/")[0]
                    for key in state.keys.values()
                    if key.enabled and state.plans_of(key.id)
                )
                played.most_alive |= alive
                played.without.extend(name for name in had if not alive[name])
                had.update(alive)

    emulator.call = called  # type: ignore[method-assign]


def _act_between(played: Played, operation: str) -> None:
    """What the team was to do before this call of a run."""
    for order in [order for order in played.between if order["operation"] == operation]:
        order["call"] -= 1
        if not order["call"]:
            played.between.remove(order)
            STEPS[order["act"]](played, Step(0, order["act"], order))


def _between(played: Played, step: Step) -> None:
    """The team is going to do something between two calls of a run."""
    played.between.append(dict(step.about))


def _send(played: Played, step: Step) -> None:
    detail = dict(step.about)
    kind, age = detail.pop("kind"), detail.pop("age", 0)
    at = next_second(played)
    while age and at in played.times:
        at, age = at - age, 1
    played.times.add(at)
    detail["occurred_at"] = iso(at)
    if "ahead" in detail:
        detail["expires_at"] = iso(at + detail.pop("ahead"))
    played.sent.append({"detail-type": kind, "detail": detail})
    played.bench.send(kind, **detail)


def _again(played: Played, step: Step) -> None:
    """An event comes a second time."""
    events = [event for event in played.sent if event["detail-type"] not in ("record", "removed")]
    event = events[step.about["number"] % len(events)]
    played.repeats.add((len(played.sent), event["detail"]["customer_id"]))
    played.bench.send(event["detail-type"], **event["detail"])


def _put(played: Played, step: Step) -> None:
    """A record is put by hand; its stream dates it."""
    played.bench.run(until=next_second(played))
    at = iso(played.last)
    played.sent.append({"detail-type": "record", "detail": step.about | {"occurred_at": at}})
    played.bench.put(**step.about)
    played.bench.advance(seconds=1)


def _run(played: Played, step: Step) -> None:
    """A person starts a run for a customer that is there, beside whatever is at work."""
    given = {"customer_id": step.about["customer_id"]}
    if (given["customer_id"],) in played.bench.tables["CustomersTable"].items:
        played.bench.account.executions.begin("reconcile_customer", _name(played), given)


def _name(played: Played) -> str:
    return f"by-hand-{len(played.bench.account.executions.by_arn)}"


def _stop(played: Played, step: Step) -> None:
    """A person stops the run that began last, if it still runs."""
    running = [run for run in played.bench.runs if run.status == "RUNNING"]
    if running:
        played.bench.account.executions.stop_execution(running[-1].arn)
        played.stopped = True


def _import(played: Played, paths: JSON) -> None:
    body = json.dumps(document(paths)).encode()
    params = {"restApiId": played.api_id, "mode": "overwrite", "body": body}
    played.bench.emulator.call("PutRestApi", params)
    played.working = paths


def _open(played: Played, step: Step) -> None:
    """The team's template opens methods, and its pipeline deploys them to a stage."""
    _import(played, OPEN)
    _deploy(played, step)


def _edit(played: Played, step: Step) -> None:
    """The team works on something that is not to be published yet."""
    new = {f"/new{step.about['number'] % 3}": {"get": None}}
    _import(played, played.working | new)


def _deploy(played: Played, step: Step) -> None:
    stage = stage_of(step) if "number" in step.about else STAGES[0]
    params = {"restApiId": played.api_id, "stageName": stage}
    played.bench.emulator.call("CreateDeployment", params)
    played.deployed[stage] = played.working
    played.approved.pop(stage, None)


def _protect(played: Played, step: Step) -> None:
    given = {"rest_api_id": played.api_id}
    played.bench.account.executions.begin("protect_api", _name(played), given)


def _mode(played: Played, step: Step) -> None:
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{played.api_id}"
    params = {"resourceArn": arn, "tags": {"keyward": step.about["mode"]}}
    played.bench.emulator.call("TagResource", params)


def _approve(played: Played, step: Step) -> None:
    """A person approves the last hold that was announced."""
    held = [e["detail"] for e in played.bench.announced if e["detail-type"] == "ApiHeld"]
    if held and "fingerprint" in held[-1]:
        stage = held[-1]["stage"]
        about = {name: held[-1][name] for name in ("rest_api_id", "stage", "fingerprint")}
        played.bench.send("DeploymentApproved", **about)
        # It publishes what was held, if that is still so when the answer arrives.
        played.approved.setdefault(stage, []).append(played.working)


STEPS = {
    "send": _send,
    "again": _again,
    "put": _put,
    "remove": mistakes.remove,
    "run": _run,
    "stop": _stop,
    "delete_key": hands.delete_key,
    "detach_key": hands.detach_key,
    "switch_key": hands.switch_key,
    "take_stage": hands.take_stage,
    "edit_policy": lambda played, step: edits.edit_policy(played, step, policy()),
    "answer_policy": edits.answer_policy,
    "open": _open,
    "edit": _edit,
    "deploy": _deploy,
    "protect": _protect,
    "mode": _mode,
    "approve": _approve,
    "between": _between,
    "share": hands.share,
    "tidy": hands.tidy,
    "edit_plan": plans.edit_plan,
}
