"""The data plane: what a client gets that calls a deployed stage (aws-recorded.md 9).

    route → authorize → API key (enabled, plan, quota, throttle) → validate → integration

The order of the first three is recorded; that quota is looked at before throttle, and parameters
only after both, is believed.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from threading import RLock
from typing import Protocol

from emulator import authorize, integration, refusals, throttle
from emulator.clock import Clock
from emulator.model import JSON, Snapshot, State
from emulator.propagation import Propagation
from emulator.refusals import (
    FORBIDDEN,
    NO_ROUTE,
    QUOTA,
    THROTTLED,
    Answer,
    Refused,
    missing_parameters,
)
from emulator.request import Request, lower_names
from emulator.routing import find
from emulator.throttle import Bucket
from emulator.view import PlanView, StageView, View

# the account's own limits, where method settings name only one of the two (api-gateway.md 1)
ACCOUNT_RATE, ACCOUNT_BURST = 10_000.0, 5_000


class Gateway(Protocol):
    """What the data plane needs of the emulator."""

    state: State
    clock: Clock
    propagation: Propagation
    lock: RLock


def handle(
    emulator: Gateway,
    method: str,
    rest_api_id: str,
    stage: str,
    path: str,
    query: str,
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
    body: bytes,
) -> Answer:
    """Answers one request of a client: status, headers and body.

    `path` begins behind the stage and is percent-encoded, as `query` is.
    """
    with emulator.lock:
        request = Request(
            method=method.upper(),
            api_id=rest_api_id,
            stage=stage,
            path=path if path.startswith("/") else f"/{path}",
            query=query,
            headers=lower_names(headers),
            body=body,
            account_id=emulator.state.account_id,
            at=emulator.clock.now(),
            id=str(uuid.uuid4()),
        )
        return _answer(emulator, request)


def _answer(emulator: Gateway, request: Request) -> Answer:
    view = emulator.propagation.view(emulator.state)
    stage = view.stage(request.api_id, request.stage)
    if stage is None:
        # recorded: an unknown stage answers as a bad key does
        return refusals.answer(FORBIDDEN, request, None)
    snapshot = _serving(emulator, request, stage)
    try:
        method = _method(request, snapshot)
        authorize.authorize(request, method, snapshot)
        _admit(emulator.state, request, method, snapshot, view)
        _throttle_stage(emulator.state, request, stage)
        _validate(request, method, snapshot)
        return integration.serve(request, method, emulator.state)
    except Refused as refused:
        return refusals.answer(refused.refusal, request, snapshot)


def _serving(emulator: Gateway, request: Request, stage: StageView) -> Snapshot:
    """The snapshot for this request: the stage's, or the canary's for its share of the traffic."""
    variables = dict(stage.settings.get("variables") or {})
    canary = stage.settings.get("canarySettings") or {}
    share = float(canary.get("percentTraffic") or 0)
    request.variables = variables
    if stage.canary is None or not emulator.propagation.falls_within(share):
        return stage.snapshot
    request.variables = {**variables, **(canary.get("stageVariableOverrides") or {})}
    return stage.canary


def _method(request: Request, snapshot: Snapshot) -> JSON:
    route = find(snapshot.routes, request.path)
    if route is None:
        raise Refused(NO_ROUTE)
    methods = snapshot.paths[route.path]
    method = methods.get(request.method) or methods.get("ANY")
    if method is None:
        raise Refused(NO_ROUTE)
    request.resource, request.path_parameters = route.path, route.parameters
    return method


def _admit(state: State, request: Request, method: JSON, snapshot: Snapshot, view: View) -> None:
    """Ask for the key where the method does. A key that no method asks for still spends its quota,
    even when it is disabled (aws-recorded.md 9)."""
    from_authorizer = snapshot.settings.get("apiKeySource") == "AUTHORIZER"
    request.key_value = (
        request.authorizer.get("usageIdentifierKey")
        if from_authorizer
        else request.header("x-api-key")
    )
    if request.key_value:
        request.key = view.key(request.key_value)
    key = request.key
    plan = view.plan(key.id, request.api_id, request.stage) if key else None
    if method.get("apiKeyRequired"):
        if key is None or plan is None or not key.enabled:
            raise Refused(FORBIDDEN)
        _check_quota(state, request, key.id, plan)
        _take_tokens(state, request, key.id, plan)
        throttle.count(state, plan.id, key.id, plan.quota, request.at)
    elif key is not None and plan is not None:
        _check_quota(state, request, key.id, plan)


def _check_quota(state: State, request: Request, key_id: str, plan: PlanView) -> None:
    if plan.quota:
        usage = state.usage.get((plan.id, key_id))
        if throttle.remaining(usage, plan.quota, throttle.today(request.at)) <= 0:
            raise Refused(QUOTA)


def _take_tokens(state: State, request: Request, key_id: str, plan: PlanView) -> None:
    buckets = []
    if plan.throttle:
        buckets.append(_bucket(("plan", plan.id, key_id), plan.throttle))
    own = {name.strip("/"): limits for name, limits in plan.methods.items()}
    for verb in (request.method, "ANY"):
        name = f"{request.resource}/{verb}".strip("/")
        if name in own:
            where = ("method", plan.id, key_id, request.api_id, request.stage, name)
            buckets.append(_bucket(where, own[name]))
            break
    if not throttle.take(state, request.at, buckets):
        raise Refused(THROTTLED)


def _bucket(name: tuple[str, ...], limits: JSON) -> Bucket:
    return Bucket(name, float(limits.get("rateLimit") or 0), float(limits.get("burstLimit") or 0))


def _throttle_stage(state: State, request: Request, stage: StageView) -> None:
    """The limits of the stage's method settings, shared by all callers."""
    settings = stage.settings.get("methodSettings") or {}
    wanted = f"{request.resource.strip('/')}/{request.method}"
    by_method = {name.replace("~1", "/").strip("/"): item for name, item in settings.items()}
    for name in (wanted, "*/*"):
        limits = by_method.get(name)
        if limits and {"throttlingRateLimit", "throttlingBurstLimit"} & set(limits):
            rate = float(limits.get("throttlingRateLimit", ACCOUNT_RATE))
            burst = float(limits.get("throttlingBurstLimit", ACCOUNT_BURST))
            bucket = Bucket(("stage", request.api_id, request.stage, name), rate, burst)
            if rate >= 0 and burst >= 0 and not throttle.take(state, request.at, [bucket]):
                raise Refused(THROTTLED)
            return


_PARAMETER = re.compile(r"method\.request\.(header|querystring|path)\.(.+)")


def _validate(request: Request, method: JSON, snapshot: Snapshot) -> None:
    """Required parameters, where the method's validator asks for them; bodies are not validated."""
    validator = snapshot.request_validators.get(method.get("requestValidatorId") or "")
    if not validator or not validator.get("validateRequestParameters"):
        return
    missing = []
    for source, required in (method.get("requestParameters") or {}).items():
        found = _PARAMETER.fullmatch(source)
        if found and required and not request.value_of(source):
            missing.append(found[2])
    if missing:
        raise Refused(missing_parameters(missing))
