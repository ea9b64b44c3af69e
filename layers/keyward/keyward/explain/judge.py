"""Why a call is denied: facts in, causes out, in the order in which API Gateway checks. Pure.

    API → stage → route → (authorizer) → key → plan of the stage → quota → throttle

The answers are recorded (aws-recorded.md 9). Whatever is wrong with a key is one and the same 403,
so all causes are named, not only the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from keyward.apis.head import CUSTOM
from keyward.apis.model import ENFORCE, OFF, DeployedMethod, Seen
from keyward.apis.routes import resource_for
from keyward.customers.key import CREATED
from keyward.customers.removal import DELETED
from keyward.explain import words
from keyward.explain.model import ApiFacts, DeniedRequest, Facts, KeyFacts, PlanFacts
from keyward.explain.words import Cause
from keyward.policy.parts import Throttle
from keyward.values import frozen, iso, some_of

ANY = "ANY"
CLOSED, SUSPENDED = "closed", "suspended"
# The sign-up never came.
INCOMPLETE = "incomplete"


@frozen
class Verdict:
    """`causes`, the one that the client sees first; without any the call is let in. `asks_for_key`
    and `resource` are those of the method that answers; `unread` names what nobody can read here
    and may refuse all the same; `settles_at` (epoch seconds) is when the last change that matters
    will have reached every host."""

    causes: tuple[Cause, ...]
    resource: str | None = None
    asks_for_key: bool | None = None
    unread: tuple[str, ...] = ()
    settles_at: float | None = None


def judge(facts: Facts) -> Verdict:
    """What happens to the call, as far as the facts tell."""
    stage = facts.api.stage if facts.api else None
    if facts.api is None or stage is None:
        return Verdict((_without_stage(facts), *_of_key(facts)))
    verdict = _served(facts, facts.api, stage.methods)
    if stage.canary is None:
        return verdict
    # A share of the calls meets another deployment, which may answer otherwise.
    canary = _served(facts, facts.api, stage.canary_methods)
    if canary.causes and not verdict.causes:
        first = canary.causes[0].in_canary(stage.canary.percent)
        return replace(canary, causes=(first, *canary.causes[1:]))
    if verdict.causes and not canary.causes:
        note = f"the canary, which gets {stage.canary.percent:g} % of the calls, lets them in"
        return replace(verdict, unread=(*verdict.unread, note))
    return verdict


def route(request: DeniedRequest, methods: Sequence[Seen]) -> Seen | None:
    """The method that answers the call: the verb's own before ANY, on the resource that takes the
    path."""
    resource = resource_for(request.path, {method.path for method in methods})
    by_verb = {method.verb: method for method in methods if method.path == resource}
    return by_verb.get(request.method) or by_verb.get(ANY)


def _served(facts: Facts, api: ApiFacts, methods: Sequence[DeployedMethod]) -> Verdict:
    """The verdict for one deployment."""
    method = route(facts.request, methods)
    if method is None:
        return Verdict((_without_route(facts.request, api, methods), *_of_key(facts)))
    causes = _of_method(facts, api, method)
    moments = _moments(facts, api, method)
    settles_at = max(moments.values()) + facts.settling if moments else None
    if moments and not causes:
        causes = [words.not_propagated(moments, facts.settling, facts.now)]
    unread = (*api.gates, *_gates(api, method), *_doubts(facts, method))
    return Verdict(tuple(causes), method.path, method.key_required, unread, settles_at)


def _without_stage(facts: Facts) -> Cause:
    if facts.api is None:
        return words.cause("api_not_found", api=facts.request.rest_api_id)
    if not facts.api.stages:
        return words.cause("api_not_deployed", api=facts.request.rest_api_id)
    stages = some_of(facts.api.stages)
    return words.cause("stage_not_found", stage=facts.request.stage, stages=stages)


def _without_route(
    request: DeniedRequest, api: ApiFacts, methods: Sequence[DeployedMethod]
) -> Cause:
    waiting = route(request, api.working)
    if waiting:
        method = f"{waiting.verb} {waiting.path}"
        return words.cause("method_not_deployed", method=method, stage=request.stage)
    there = sorted({method.path for method in methods})
    resource = resource_for(request.path, there)
    if resource is None:
        return words.cause("path_not_found", path=request.path, paths=some_of(there) or "nothing")
    verbs = sorted(method.verb for method in methods if method.path == resource)
    return words.cause(
        "method_not_found", resource=resource, method=request.method, methods=some_of(verbs)
    )


def _of_method(facts: Facts, api: ApiFacts, method: DeployedMethod) -> list[Cause]:
    causes: list[Cause] = []
    if method.key_required:
        if api.source == "AUTHORIZER" and method.authorization != CUSTOM:
            cause = words.cause("key_source_is_authorizer", authorization=method.authorization)
            causes.append(cause)
        causes += _of_key(facts)
    if facts.plan and (facts.key.enabled is not None):
        # A key that is sent unasked counts for the quota all the same, even a disabled one.
        causes += _of_quota(facts.plan)
        if method.key_required:
            causes += _of_plan_throttle(facts.plan, facts.request, method)
    return causes + _of_stage_throttle(api, facts.request, method)


def _of_key(facts: Facts) -> list[Cause]:
    """What is wrong with the key itself, and with its plans."""
    key = facts.key
    if key.enabled is None:
        return [_without_key(facts)]
    causes = []
    if not key.enabled:
        causes.append(_disabled(facts))
    if not key.plans:
        causes.append(words.cause("key_in_no_plan", key=key.name, remedy=_reconcile(facts)))
    elif facts.plan is None:
        held = {
            plan.name: [f"{api_id}:{stage}" for api_id, stage in plan.stages] for plan in key.plans
        }
        place = f"stage {facts.request.stage} of API {facts.request.rest_api_id}"
        causes.append(words.stage_in_no_plan(place, held, _attach(facts)))
    return causes


def _disabled(facts: Facts) -> Cause:
    key, customer, record = facts.key, facts.customer, facts.key.record
    if customer and customer.reason == DELETED:
        name = customer.customer_id
        return words.cause("record_deleted", customer=name, key_id=key.key_id)
    if customer and customer.status == SUSPENDED:
        seen = f"GetApiKey says enabled=false of {key.key_id}"
        return words.suspended(customer, seen)
    if record and not record.enabled and record.end.retire_at is not None:
        reason, since = words.because(record.reason), iso(record.end.retire_at)
        return words.cause("key_retired", key=key.name, reason=reason, since=since)
    changed_at, remedy = iso(key.changed_at), _reconcile(facts)
    return words.cause("key_disabled", key=key.name, changed_at=changed_at, remedy=remedy)


def _without_key(facts: Facts) -> Cause:
    key, customer = facts.key, facts.customer
    if customer and customer.status == CLOSED:
        return words.closed(customer)
    if customer is None:
        return words.cause("key_not_found", key=key.key_id or key.name)
    if key.key_id:
        return words.cause("key_deleted", key=key.name, key_id=key.key_id, remedy=_gone(key))
    if customer.status == INCOMPLETE:
        return words.cause("customer_incomplete", customer=customer.customer_id)
    if customer.status is None and key.record is None:
        return words.cause("customer_not_found", customer=customer.customer_id)
    if customer.status == SUSPENDED:
        seen = "and no key was made before: it gets one when it is resumed"
        return words.suspended(customer, seen)
    doing = "the Keys table has none" if key.record is None else f"key {key.name} is being created"
    return words.cause("key_not_made", customer=customer.customer_id, state=doing)


def _gone(key: KeyFacts) -> str:
    if key.record and key.record.state == CREATED:
        return "Delete its record in the Keys table, then start reconcile-customer for a new key"
    return "Use the customer's newer key: Keyward deleted this one"


def _reconcile(facts: Facts) -> str:
    """What brings a key in line that the records want otherwise."""
    if facts.customer is None:
        return "The key is none of Keyward's: enable it and attach it to a usage plan by hand"
    if facts.customer.status == CLOSED:
        return "Nothing: the customer is closed"
    return 'Invoke the audit with {"repair": true}, or undo by hand what was done by hand'


def _attach(facts: Facts) -> str:
    """What brings the stage into a plan of the key."""
    request, customer, api = facts.request, facts.customer, facts.api
    place = f"API {request.rest_api_id}"
    if api and api.held:
        return f"Answer the hold of stage {request.stage} (ApiHeld says how): it waits for a person"
    if customer is None or customer.covers is None:
        return "Add the stage to the usage plan by hand, or move the key to a plan that holds it"
    if not customer.covers:
        return f"Have plan {customer.plan} cover it: `apis` and `stages` of the plan in the policy"
    if api and api.mode == OFF:
        return (
            f"Tag {place} `keyward` = `observe`, `warn` or `enforce`: in mode off it joins no plan"
        )
    if api and api.mode != ENFORCE and not customer.names:
        return (
            f"Name the API in `apis` of plan {customer.plan}, or tag {place} `keyward` = "
            f"`enforce`: it is in mode {api.mode}, and the plan names it by a * only"
        )
    return f"Start protect-api for {place}: the policy wants its stages in plan {customer.plan}"


def _of_quota(plan: PlanFacts) -> list[Cause]:
    if plan.quota is None or plan.left is None or plan.left > 0:
        return []
    period = {"limit": plan.quota.limit, "period": plan.quota.period, "used": plan.used}
    return [words.cause("quota_used_up", plan=plan.name, renews_on=plan.renews_on, **period)]


def _of_plan_throttle(
    plan: PlanFacts, request: DeniedRequest, method: DeployedMethod
) -> list[Cause]:
    lines = (f"{request.method} {method.path}", f"{ANY} {method.path}")
    own = next((line for line in lines if line in plan.methods), "")
    return [
        *_of_throttle(f"plan {plan.name}", plan.throttle),
        *_of_throttle(f"{own} in plan {plan.name}", plan.methods.get(own)),
    ]


def _of_stage_throttle(
    api: ApiFacts, request: DeniedRequest, method: DeployedMethod
) -> list[Cause]:
    limits = api.stage.throttles if api.stage else {}
    own = f"{method.path}/{request.method}".strip("/")
    name = own if own in limits else "*/*"
    return _of_throttle(f"the stage ({name})", limits.get(name))


def _of_throttle(what: str, throttle: Throttle | None) -> list[Cause]:
    """Find a throttle whose burst of 0 refuses every call. A rate of 0 alone lets the first calls
    of the burst in."""
    if throttle is None or throttle.burst_limit != 0:
        return []
    return [words.throttled(what, throttle)]


def _moments(facts: Facts, api: ApiFacts, method: DeployedMethod) -> dict[str, float]:
    """The changes that matter to this call and that some host may not know yet."""
    moments: dict[str, float] = {}
    stage = api.stage
    # An API's first stage answers at once (aws-recorded.md 10).
    if stage and (len(api.stages) > 1 or stage.changed_at > stage.created_at):
        moments["stage changed"] = stage.changed_at
    if method.key_required:
        moments["key changed"] = facts.key.changed_at
        if facts.key.record and facts.key.record.attached_at:
            moments["key attached"] = float(facts.key.record.attached_at)
        for item in facts.attachments:
            if facts.plan and (item.stage, item.plan) == (facts.request.stage, facts.plan.name):
                moments["stage attached to the plan"] = float(item.attached_at)
    return {what: at for what, at in moments.items() if facts.now - at < facts.settling}


def _gates(api: ApiFacts, method: DeployedMethod) -> list[str]:
    """What else stands before this method."""
    gates = []
    if method.authorization == "AWS_IAM":
        gates.append("IAM authorization: the call has to be signed (Signature Version 4)")
    elif method.authorization != "NONE":
        gates.append(f"an authorizer ({method.authorization}) decides as well")
    if method.key_required and api.source == "AUTHORIZER":
        gates.append("the key is what the authorizer names (usageIdentifierKey), not x-api-key")
    return gates


def _doubts(facts: Facts, method: DeployedMethod) -> list[str]:
    """What depends on the client."""
    plan = facts.plan
    if not method.key_required:
        return ["the method asks for no key: what is wrong with one matters to its quota only"]
    doubts = ["the client has to send this very key's value, in the header x-api-key"]
    throttle = plan.throttle if plan else None
    if throttle and throttle.burst_limit:
        limits = f"{throttle.rate_limit:g} a second, burst {throttle.burst_limit}"
        doubts.append(f"429 Too Many Requests comes above {limits}")
    return doubts
