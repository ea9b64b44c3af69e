"""Create claim: a one-time link by which a customer takes the value of its key."""

from __future__ import annotations

from typing import Any

from keyward.customers.claim import Claim, digest_of, key_to_claim, new_token, seconds_of
from keyward.events import contracts
from keyward.events.requester import CONSOLE
from keyward.runs import runtime
from keyward.runs.context import Context
from keyward.runs.keys.claims import receipt
from keyward.runs.run import only_fields
from keyward.values import JSON, iso


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Input `{customer_id, key_id?, expires_in_hours?}`; output `{url, expires_at}`. By IAM only:
    whoever has the url gets the key."""
    return create_claim(event, runtime.context(), runtime.setting("CLAIM_URL"))


def create_claim(task: JSON, run: Context, claim_url: str) -> JSON:
    """Remember a claim and make its link. Each call makes another one: an earlier link stays good.

    Raises InvalidInputError, for a disabled key too, which would open nothing, and
    CustomerNotFoundError for a customer without such a key.
    """
    only_fields(task, ("customer_id", "key_id", "expires_in_hours"))
    customer_id = contracts.parse_customer_id(task)
    seconds = seconds_of(task.get("expires_in_hours"))
    keys = run.registry.customers.load_keys(customer_id).keys
    key_id = key_to_claim(keys, customer_id, task.get("key_id"), run.stack)
    token, now = new_token(), run.now
    claim = Claim(str(digest_of(token)), customer_id, key_id, int(now) + seconds)
    run.registry.ledger.append([receipt("create_claim", claim, now, CONSOLE)])
    run.registry.claims.add(claim)
    return {"url": f"{claim_url}#{token}", "expires_at": iso(claim.expires_at)}
