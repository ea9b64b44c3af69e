"""Reveal key: the one way in which Keyward hands out a key's value. Each use is recorded."""

from __future__ import annotations

from typing import Any

from keyward.aws.gateway import Gateway
from keyward.aws.tables import Registry
from keyward.errors import CustomerNotFoundError, NotFoundError
from keyward.events import contracts
from keyward.runs import runtime
from keyward.runs.run import only_fields


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Input `{customer_id, key_id?}`; output `{customer_id, keys: [{key_id, value}]}`. By IAM
    only."""
    run = runtime.context()
    revealed = reveal(event, run.gateway, run.registry)
    runtime.count({"KeyRevealed": len(revealed["keys"])})
    runtime.logger().info(
        "key revealed",
        extra={
            "customer_id": revealed["customer_id"],
            "key_ids": [key["key_id"] for key in revealed["keys"]],
            "request_id": getattr(context, "aws_request_id", None),
        },
    )
    return revealed


def reveal(task: dict[str, Any], gateway: Gateway, registry: Registry) -> dict[str, Any]:
    """The values of the customer's keys, or of the one that `key_id` names. Raises
    InvalidInputError, CustomerNotFoundError for a customer without such a key."""
    # A misspelt `key_id` would reveal all keys.
    only_fields(task, ("customer_id", "key_id"))
    customer_id = contracts.parse_customer_id(task)
    wanted = task.get("key_id")
    ids = [key.key_id for key in registry.customers.load_keys(customer_id).keys if key.key_id]
    chosen = [key_id for key_id in ids if wanted in (None, key_id)]
    if not chosen:
        # What was typed is not quoted: it may be a value.
        which = "no key of this key_id" if ids else "no key"
        raise CustomerNotFoundError(f"customer_id: customer {customer_id} has {which}")
    return {"customer_id": customer_id, "keys": [_revealed(key_id, gateway) for key_id in chosen]}


def _revealed(key_id: str, gateway: Gateway) -> dict[str, str]:
    try:
        return {"key_id": key_id, "value": gateway.reveal(key_id)}
    except NotFoundError:
        raise CustomerNotFoundError(f"key_id: key {key_id} is no longer on API Gateway") from None
