"""GetUsage and UpdateUsage (aws-recorded.md 5); the counting is in throttle."""

from __future__ import annotations

from emulator import throttle
from emulator.context import Context, Handler
from emulator.model import JSON
from emulator.operations.paging import first, start


def get_usage(context: Context, params: JSON) -> JSON:
    """GetUsage, paged by key."""
    plan_id, begin, end = params["usagePlanId"], params["startDate"], params["endDate"]
    after = "".join(start(params))
    rows = throttle.usage_rows(context.state, plan_id, begin, end, params.get("keyId"), after)
    shown = first(rows, params, lambda row: (("keyId", row[0]),), lambda row: dict([row]))
    items = {key_id: days for row in shown["items"] for key_id, days in row.items()}
    return {"usagePlanId": plan_id, "startDate": begin, "endDate": end} | shown | {"items": items}


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
