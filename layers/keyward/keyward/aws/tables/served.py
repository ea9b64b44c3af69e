"""What deployments serve, as it was read: items `deployment#<id>#served` of the Apis table."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence

from keyward.apis.model import DeployedMethod
from keyward.aws.client import Table

# A deployment never changes. But a summary that was read too early must not hide for long what is
# open: so what was read holds for an hour, and the audit always reads API Gateway.
SECONDS = 3600
# An item of DynamoDB has 400 KB.
MAX_BYTES = 300_000


class Served:
    """A part of the Apis table."""

    def __init__(self, table: Table) -> None:
        self._records = table

    def load(
        self, rest_api_id: str, deployment_id: str, now: float
    ) -> tuple[DeployedMethod, ...] | None:
        """What a deployment serves, None when it was not read within the hour; `now` in epoch
        seconds."""
        where = {"rest_api_id": rest_api_id, "record": _name(deployment_id)}
        item = self._records.get_item(Key=where, ConsistentRead=True).get("Item")
        try:
            if item is None or now >= int(item["forget_at"]):
                return None
            methods = json.loads(zlib.decompress(base64.b64decode(item["methods"])))
            return tuple(DeployedMethod(*method) for method in methods)
        except (ValueError, TypeError, KeyError, ArithmeticError, zlib.error):
            return None  # whatever a person wrote there: API Gateway knows

    def save(
        self, rest_api_id: str, deployment_id: str, methods: Sequence[DeployedMethod], now: float
    ) -> None:
        """Note what a deployment serves; what is too large for an item is left out."""
        lines = [[m.path, m.verb, m.authorization, m.key_required] for m in methods]
        packed = base64.b64encode(zlib.compress(json.dumps(lines).encode())).decode()
        if len(packed) <= MAX_BYTES:
            where = {"rest_api_id": rest_api_id, "record": _name(deployment_id)}
            item = where | {"methods": packed, "forget_at": int(now) + SECONDS}
            self._records.put_item(Item=item)


def _name(deployment_id: str) -> str:
    return f"deployment#{deployment_id}#served"
