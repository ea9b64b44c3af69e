"""GetUsage and UpdateUsage (aws-recorded.md 5); the counting is in throttle."""

from __future__ import annotations

from emulator import throttle
from emulator.context import Context, Handler
from emulator.model import JSON
from emulator.operations.paging import by, page


def get_usage(context: Context, params: JSON) -> JSON:
    """GetUsage, paged by key."""
    answer = throttle.get_usage(
        context.state,
        params["usagePlanId"],
        params["startDate"],
        params["endDate"],
        params.get("keyId"),
    )
    rows = answer["items"]
    shown = page(rows, params, by("keyId", str), lambda key_id: {key_id: rows[key_id]})
    items: JSON = {}
    for row in shown["items"]:
        items |= row
    return answer | shown | {"items": items}


def update_usage(context: Context, params: JSON) -> JSON:
    """UpdateUsage: grants calls for what is left of the period."""
    return throttle.update_usage(
        context.state,
        context.clock,
        params["usagePlanId"],
        params["keyId"],
        params.get("patchOperations") or [],
    )


HANDLERS: dict[str, Handler] = {"GetUsage": get_usage, "UpdateUsage": update_usage}
