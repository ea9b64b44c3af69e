"""Give each cause of a denial its remedy: one command of `keyward`, with its arguments. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from operator import eq

from keyward.apis.model import DeployedMethod
from keyward.apis.routes import resource_for
from keyward.customers.desired import DATE, ENDED_BY, SUBSCRIPTION
from keyward.events.remedy import PLACEHOLDER, command
from keyward.explain.model import Facts

Remedy = Callable[[Facts, str], str]


# Members of the event that ends a suspension, by its source.
GIVEN = {
    DATE: (f"expires_at={PLACEHOLDER}",),
    SUBSCRIPTION: (f"subscription={PLACEHOLDER}", "state=active"),
}


def remedy_of(kind: str, facts: Facts, stack: str) -> str:
    """The command that helps against a cause. Where only time or a deployment helps, it is the
    question itself, which tells when it did."""
    return BY_KIND.get(kind, _ask_again)(facts, stack)


def _ask_again(facts: Facts, stack: str, **instead: str) -> str:
    """The question, or the same with what is there `instead`."""
    request, customer = replace(facts.request, **instead), facts.customer
    return command(
        "why",
        about=(request.method, request.path),
        customer=customer.customer_id if customer else None,
        key_id=None if customer else facts.key.key_id,
        api=request.rest_api_id,
        stage=request.stage,
        stack=stack,
    )


def _look(facts: Facts, stack: str) -> str:
    """What lists the APIs and stages that are there."""
    return command("look", json=True)


def _look_at_sources(facts: Facts, stack: str) -> str:
    """What lists the methods to which no key can come."""
    return command("look")


def _whose(facts: Facts, stack: str) -> str:
    """What finds the key's id by its value."""
    return command("key", "whose", stack=stack)


def _stage_there(facts: Facts, stack: str) -> str:
    stages = facts.api.stages if facts.api else ()
    return _ask_again(facts, stack, stage=_nearest(facts.request.stage, stages))


def _path_there(facts: Facts, stack: str) -> str:
    served = _served(facts)
    path = _nearest(facts.request.path, [method.path for method in served])
    verbs = [method.verb for method in served if method.path == path]
    return _ask_again(facts, stack, path=path, method=_verb(facts, verbs))


def _method_there(facts: Facts, stack: str) -> str:
    served = _served(facts)
    resource = resource_for(facts.request.path, {method.path for method in served})
    verbs = [method.verb for method in served if method.path == resource]
    return _ask_again(facts, stack, method=_verb(facts, verbs))


def _served(facts: Facts) -> Sequence[DeployedMethod]:
    return facts.api.stage.methods if facts.api and facts.api.stage else ()


def _verb(facts: Facts, verbs: Sequence[str]) -> str:
    """Return the requested verb if the stage has it, else the first verb that the stage has."""
    asked = facts.request.method
    return asked if asked in verbs or "ANY" in verbs or not verbs else min(verbs)


def _nearest(text: str, names: Sequence[str]) -> str:
    """The name that begins most like the text; the text itself where there is none."""
    alike = {name: sum(takewhile(bool, map(eq, text, name))) for name in sorted(names)}
    return max(alike, key=alike.__getitem__, default=text)


def _history(facts: Facts, stack: str) -> str:
    if facts.customer is None:
        return _ask_again(facts, stack)
    return command("history", about=(facts.customer.customer_id,), stack=stack)


def _start(facts: Facts, stack: str) -> str:
    if facts.customer is None:
        return _ask_again(facts, stack)
    return command("start", customer=facts.customer.customer_id, stack=stack)


def _send(detail_type: str) -> Remedy:
    """The command that sends an event about the customer."""

    def remedy(facts: Facts, stack: str) -> str:
        if facts.customer is None:
            return _ask_again(facts, stack)
        about = (detail_type,)
        return command("send", about=about, customer=facts.customer.customer_id, stack=stack)

    return remedy


def _resume(facts: Facts, stack: str) -> str:
    """The command that ends a suspension. Only the source that ordered it can."""
    customer = facts.customer
    if customer is None:
        return _ask_again(facts, stack)
    members = [part for given in GIVEN.get(customer.source, ()) for part in ("--set", given)]
    about, name = (ENDED_BY[customer.source],), customer.customer_id
    return command("send", *members, about=about, customer=name, stack=stack)


def _policy(facts: Facts, stack: str) -> str:
    return command("policy", "show", stack=stack)


def _attach(facts: Facts, stack: str) -> str:
    """What brings the stage into a plan of the key."""
    customer, api = facts.customer, facts.api
    if api and api.held:
        return command("holds", stack=stack)
    if customer is None or customer.covers is None:
        return _ask_again(facts, stack)
    if not customer.covers:
        return _policy(facts, stack)
    return command("start", api=facts.request.rest_api_id, stack=stack)


BY_KIND: Mapping[str, Remedy] = {
    "api_not_found": _look,
    "stage_not_found": _stage_there,
    "path_not_found": _path_there,
    "method_not_found": _method_there,
    "key_not_found": _whose,
    "customer_closed": _history,
    "customer_incomplete": _history,
    "customer_not_found": _history,
    "customer_suspended": _resume,
    "key_deleted": _start,
    "key_disabled": _start,
    "key_in_no_plan": _start,
    "key_not_made": _start,
    "key_retired": _history,
    "key_source_is_authorizer": _look_at_sources,
    "record_deleted": _history,
    "quota_used_up": _send("QuotaExtensionRequested"),
    "stage_in_no_plan": _attach,
    "throttle_is_zero": _policy,
}
