"""One-time claims, in the Claims table: by the hash of their token, never the token itself.

Whoever comes first reserves a claim, for as long as reading the value may take; only then it is
used up, or freed when the reading failed. Each step is a conditional write, so however many come
at once, one gets the value.
"""

from __future__ import annotations

from typing import Any

from keyward.aws.client import Table
from keyward.aws.tables.conditions import unchanged
from keyward.customers.claim import RESERVED_SECONDS, Claim
from keyward.values import JSON

UNUSED = "attribute_not_exists(#used)"
NOBODYS = "(attribute_not_exists(#until) OR #until <= :now)"
MINE = "#by = :by"
FREED = "REMOVE #by, #until"
NAMES = {"#used": "used_at", "#until": "reserved_until", "#by": "reserved_by"}


class Claims:
    """Claims by the SHA-256 of their token."""

    def __init__(self, table: Any) -> None:
        self._table = Table(table)

    def add(self, claim: Claim) -> None:
        """Remember a new claim. DynamoDB forgets it some time after its end (`ttl`)."""
        item = {
            "claim": claim.digest,
            "customer_id": claim.customer_id,
            "key_id": claim.key_id,
            "expires_at": claim.expires_at,
            "ttl": claim.forget_at,
        }
        self._table.put_item(Item=item, **unchanged(None, "claim", ()))

    def find(self, digest: str) -> Claim | None:
        """The claim of a token, None when there is none."""
        item = self._table.get_item(Key={"claim": digest}, ConsistentRead=True).get("Item")
        if item is None:
            return None
        return Claim(
            digest,
            str(item["customer_id"]),
            str(item["key_id"]),
            int(item["expires_at"]),
            int(item.get("used_at", 0)),
        )

    def reserve(self, digest: str, owner: str, now: float) -> bool:
        """Reserve an unused claim for `owner`; False while it is another's, or used up."""
        return self._change(
            digest,
            "SET #by = :by, #until = :until",
            f"attribute_exists(claim) AND {UNUSED} AND {NOBODYS}",
            {":by": owner, ":until": int(now) + RESERVED_SECONDS, ":now": int(now)},
        )

    def use_up(self, digest: str, owner: str, now: float) -> bool:
        """Use up the claim that `owner` reserved; False when another has reserved it since."""
        return self._change(
            digest,
            f"SET #used = :now {FREED}",
            f"{UNUSED} AND {MINE}",
            {":by": owner, ":now": int(now)},
        )

    def free(self, digest: str, owner: str) -> None:
        """Give back what `owner` reserved and did not use up."""
        self._change(digest, FREED, f"{UNUSED} AND {MINE}", {":by": owner})

    def _change(self, digest: str, update: str, condition: str, values: JSON) -> bool:
        used = {name: NAMES[name] for name in NAMES if name in update + condition}
        return self._table.try_write(
            "update_item",
            Key={"claim": digest},
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeNames=used,
            ExpressionAttributeValues=values,
        )
