"""The remedy of each cause of a denial: one command of `keyward`, with its arguments. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from keyward.events.remedy import command
from keyward.explain.model import Facts

Remedy = Callable[[Facts, str], str]


def remedy_of(kind: str, facts: Facts, stack: str) -> str:
    """The command that helps against a cause. Where only the client or API Gateway can be changed,
    it is the question itself: it tells whether that helped."""
    return BY_KIND.get(kind, _ask_again)(facts, stack)


def _ask_again(facts: Facts, stack: str) -> str:
    request, customer = facts.request, facts.customer
    return command(
        "why",
        about=(request.method, request.path),
        customer=customer.customer_id if customer else None,
        key_id=None if customer else facts.key.key_id,
        api=request.rest_api_id,
        stage=request.stage,
        stack=stack,
    )


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
    "customer_closed": _history,
    "customer_incomplete": _history,
    "customer_not_found": _history,
    "customer_suspended": _send("CustomerResumed"),
    "key_deleted": _start,
    "key_disabled": _start,
    "key_in_no_plan": _start,
    "key_not_made": _start,
    "key_retired": _history,
    "record_deleted": _history,
    "quota_used_up": _send("QuotaExtensionRequested"),
    "stage_in_no_plan": _attach,
    "throttle_is_zero": _policy,
}
