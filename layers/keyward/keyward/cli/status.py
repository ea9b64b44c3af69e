"""`keyward status`: what waits, for a person or for its turn, and how full the account is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import click

from keyward.apis.model import PENDING
from keyward.audit.customers import CustomerAudit
from keyward.audit.room import MAX_KEYS
from keyward.aws.bucket import FINDINGS
from keyward.aws.client import Client
from keyward.cli.dead_letters import SOURCES
from keyward.cli.options import FINE, FOUND, Call, of_stack
from keyward.cli.outcomes import announced
from keyward.cli.policy_lines import pending
from keyward.cli.stack import Stack
from keyward.values import JSON, iso

TOPIC = "NotificationsTopic"
UNCONFIRMED = "PendingConfirmation"
FAILURES, SINCE = ("CustomerFailed", "ApiFailed"), "1h"


@click.command()
@of_stack
def status(call: Call) -> int:
    """Count what waits, and tell how full the account is.

    It says too whether writes are stopped. The exit code is 1 when something waits for a person.
    """
    found = _status(call.stack(), call.now)
    call.show(found, _lines(found))
    waits = (
        *("stages_held", "policy_held", "removals_held"),
        *("dead_letters", "stopped_since", "unconfirmed"),
    )
    return FOUND if any(found[name] for name in waits) else FINE


def _status(stack: Stack, now: Callable[[], float]) -> JSON:
    at, stop = now(), stack.registry.schedule.stop()
    due = stack.customers().due(at)
    used, waiting = stack.context(now).turns.in_use(at)
    return {
        "stopped_since": iso(stop.at) if stop else None,
        "stopped": ("everything" if stop.everything else "writes") if stop else None,
        "wait_for_start": len(_waiting_for_start(stack, at)) if stop else 0,
        "stages_held": sum(one["decision"] == PENDING for one in stack.apis().all_holds()),
        "policy_held": pending(stack.registry.policies.load().hold) is not None,
        "removals_held": len(stack.registry.removals.held()),
        "dead_letters": _dead_letters(stack),
        "failed": _failed(stack, at),
        "customers_due": len(due),
        "due_since": iso(due[0][1]) if due else None,
        "calls_waiting": {lane: round(calls) for lane, calls in waiting.items()},
        "share_in_use": round(100 * used),
        "keys": _keys(stack),
        "keys_at_most": MAX_KEYS,
        "unconfirmed": _unconfirmed(stack),
    }


def _waiting_for_start(stack: Stack, now: float) -> set[str | None]:
    """The customers for whom something waits for the end of the stop, by the tables alone."""
    records = stack.registry.customers.load_all()
    return CustomerAudit(None, stack.policy(now), now).waiting_for_calls(records)


def _failed(stack: Stack, now: float) -> int:
    """How many customers and APIs were said to have failed in the last hour."""
    failures = [
        one for one in announced(stack.ledger(), SINCE, now, None) if one["event"] in FAILURES
    ]
    return len({one.get("customer_id") or one.get("rest_api_id") for one in failures})


def _dead_letters(stack: Stack) -> dict[str, int]:
    """How many messages lie in which dead-letter queues, if any."""
    sqs, name = Client(stack.account.client("sqs")), "ApproximateNumberOfMessages"
    counts = {}
    for queue in SOURCES:
        url = stack.resources[queue]
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        counts[queue] = int(answer["Attributes"][name])
    return {queue: count for queue, count in counts.items() if count}


def _keys(stack: Stack) -> int | None:
    """How many API keys the account had at the last audit; None before the first."""
    text = stack.object(FINDINGS)
    found = json.loads(text) if text else {}
    return found.get("keys")


def _unconfirmed(stack: Stack) -> list[str]:
    """The addresses that have not confirmed that they want to be told."""
    if TOPIC not in stack.resources:
        return []
    sns = Client(stack.account.client("sns"))
    answer = sns.list_subscriptions_by_topic(TopicArn=stack.resources[TOPIC])
    waiting = [s for s in answer["Subscriptions"] if s["SubscriptionArn"] == UNCONFIRMED]
    return [str(one["Endpoint"]) for one in waiting]


def _lines(found: JSON) -> Iterator[str]:
    if found["stopped_since"]:
        yield f"STOPPED since {found['stopped_since']} ({found['stopped']}): keyward start ends it"
        yield f"customers who wait for the end of the stop: {found['wait_for_start']}"
    yield f"held stages without an answer: {found['stages_held']}"
    yield f"held changes of the policy: {'yes, see keyward holds' if found['policy_held'] else 0}"
    held = found["removals_held"]
    yield f"held removals of customers' records: {held}" + (", see keyward holds" if held else "")
    letters = ", ".join(f"{count} in {queue}" for queue, count in found["dead_letters"].items())
    yield f"dead letters: {letters or 0}" + (": see keyward dlq list" if letters else "")
    more = f": see keyward outcomes --since {SINCE}" if found["failed"] else ""
    yield f"customers and APIs that failed in the last hour: {found['failed']}{more}"
    since = f", since {found['due_since']}" if found["due_since"] else ""
    yield f"customers for whom something is due: {found['customers_due']}{since}"
    waiting = ", ".join(f"{calls} {lane}" for lane, calls in found["calls_waiting"].items())
    yield f"calls that wait for their turn: {waiting or 0}"
    yield f"share of the control plane in use: {found['share_in_use']} %"
    known = f"{found['keys']} of {found['keys_at_most']}"
    yield f"API keys at the last audit: {'none was yet' if found['keys'] is None else known}"
    for address in found["unconfirmed"]:
        yield f"{address} has not confirmed its subscription: open the mail of AWS, and confirm"
