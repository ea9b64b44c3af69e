"""Adopt key: a key that somebody else made becomes the customer's. It reads, and writes nothing on
API Gateway."""

from __future__ import annotations

from keyward.aws.gateway import GatewayKey, GatewayPlan
from keyward.aws.gateway.plans import STACK_TAG
from keyward.customers.key import (
    CREATED,
    Journal,
    KeyRecord,
    Labels,
    Succession,
    labels_of,
    name_of,
)
from keyward.customers.model import Customer
from keyward.errors import KeyNotTakenError, NotFoundError, TryUnderwayError
from keyward.events.key_value import BLOT
from keyward.runs.keys.step import KeyStep
from keyward.runs.owners import under_known_names
from keyward.values import JSON

# The index by which a key's customer is found shows a record within a second.
CLAIM_SECONDS = 5


def adopt_key(step: KeyStep, customer: Customer) -> JSON:
    """Write the key of the action's `key_id` down as the customer's, in those of its plans that it
    is in. Idempotent, 2 reads. It stays in all other plans: others put it there, and Keyward never
    takes it out. Raises KeyNotTakenError with why not, TryUnderwayError while another customer's
    run looks at the same key, and what the gateway raises."""
    key_id = str(step.action["key_id"])
    earlier = step.find()
    if earlier is None:
        key, plans = _found(step, key_id)
        step.save(_record(step, customer, key, plans))
    return {"key_id": key_id}


def _found(step: KeyStep, key_id: str) -> tuple[GatewayKey, list[GatewayPlan]]:
    """The key and its plans. Raises KeyNotTakenError."""
    run, mine = step.run, step.lease.name.partition("#")[2]
    if not run.registry.leases.acquire(f"key#{key_id}", mine, run.now, CLAIM_SECONDS):
        raise TryUnderwayError(f"key {key_id}: another customer's run looks at it")
    owner = run.registry.customers.owner_of(key_id)
    if owner not in (None, mine):
        raise _not_taken(f"key {key_id} belongs to customer {owner}", "Name another key")
    try:
        key = run.gateway.key(key_id)
    except NotFoundError:
        problem = f"API Gateway has no key {key_id} in this account and Region"
        raise _not_taken(problem, "Correct the id") from None
    # The adapter blots a value out of what it reads.
    if BLOT in f"{key.name} {key.description} {key.tags}":
        problem = f"the name, the description or a tag of key {key_id} holds a value of an API key"
        raise _not_taken(problem, "Remove the value there")
    wanted = [str(plan) for plan in step.action["plans"]]
    plans = under_known_names(run.gateway.plans_of(key_id), wanted, run.registry.plans)
    for plan in plans:
        if plan.is_foreign(run.stack):
            other = f"usage plan {plan.name} of the stack {plan.tags[STACK_TAG]}"
            raise _not_taken(f"key {key_id} is in {other}", "Take it out, name another key")
    return key, plans


def _record(
    step: KeyStep, customer: Customer, key: GatewayKey, plans: list[GatewayPlan]
) -> KeyRecord:
    """The record: its age counts from now, as a policy of rotation would end an old key at once.
    The customer is told of it when all its plans are confirmed."""
    names, wanted = {plan.name for plan in plans}, tuple(map(str, step.action["plans"]))
    own = key.name in ("", name_of(customer.customer_id, step.number))
    labels = labels_of(customer)
    there = {name: key.tags[name] for name in labels.tags if name in key.tags}
    return KeyRecord(
        customer.customer_id,
        step.number,
        CREATED,
        key_id=key.key_id,
        custom_name=None if own else key.name,
        plans=tuple(plan for plan in wanted if plan in names),
        enabled=key.enabled,
        adopted=True,
        labels=Labels(key.description if labels.description else None, there),
        journal=Journal(started_at=step.now, awaited=wanted),
        succession=Succession(rotation=step.rotation),
    )


def _not_taken(problem: str, remedy: str) -> KeyNotTakenError:
    return KeyNotTakenError(f"key_id: {problem}. {remedy}, or send null for a new key")
