"""Tell what a customer's key opens, and whose keys a stage would refuse. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keyward.customers.model import KeyRecords
from keyward.events import remedy
from keyward.policy.model import Policy
from keyward.policy.parts import PlanPolicy
from keyward.values import JSON, counted

# So that an event stays small; the count tells of all.
MAX_CUSTOMERS = 100
MAX_OPENS = 100
# The events that tell of a key which works from now on.
OPENING = ("KeyIssued", "KeyRotated", "KeyResumed", "PlanChanged")


def with_opens(
    detail_type: str,
    detail: JSON,
    stages: Sequence[tuple[str, str]],
    policy: Policy,
    stack: str,
) -> JSON:
    """Add `opens`, the `stages` of the key's plans, to the detail of an event in OPENING. A long
    list is cut, and `reason` says how many stages there are."""
    listed = [{"rest_api_id": api_id, "stage": stage} for api_id, stage in stages[:MAX_OPENS]]
    more, helps, own = "", None, detail.get("reason")
    # Once: other events tell of a key that was explained, or have a reason of their own.
    is_news = detail_type == "KeyIssued" or (detail_type == "PlanChanged" and not own)
    if len(stages) > MAX_OPENS:
        more = f"opens {counted(len(stages), 'stage')}, of which {MAX_OPENS} are listed"
    elif not stages and is_news:
        more = why_nothing(plans_of(detail), policy)
        helps = remedy.command("policy", "show", stack=stack)
    words = [text for text in (own, more) if text]
    return detail | {"opens": listed, "reason": "; ".join(words) or None, "remedy": helps}


def plans_of(detail: JSON) -> list[str]:
    """The names of the plans that an event tells."""
    plan = detail.get("plan")
    return list(detail.get("plans") or ([plan] if plan else []))


def why_nothing(plans: Sequence[str], policy: Policy) -> str:
    """Say why a key in these plans opens nothing, as far as the policy tells."""
    return "the key opens nothing yet: " + "; ".join(
        _why_empty(name, policy.usage_plans.get(name)) for name in plans
    )


def _why_empty(name: str, plan: PlanPolicy | None) -> str:
    empty = f"usage plan {name} holds no stage"
    if plan is None:
        return f"{empty}, and the policy does not name it"
    if plan.literal_apis:
        apis = ", ".join(plan.literal_apis[:MAX_CUSTOMERS])
        return (
            f"{empty}. A stage of an API that it names ({apis}) joins it when the API has such a "
            "stage and its mode is not off, unless the stage is held or the plan is not Keyward's"
        )
    return (
        f"{empty}. It names no API without a *, so only stages of APIs in mode enforce join it. "
        "Name the API in `apis` of the plan, or tag it `keyward` = `enforce`"
    )


def uncovered(
    records: Sequence[JSON],
    records_of: Mapping[str, KeyRecords],
    policy: Policy,
    api: tuple[str, str],
    stage: str,
) -> JSON:
    """List active customers with a key in a plan that does not cover the stage; `api` is its id and
    name."""
    active = {str(r["customer_id"]) for r in records if r.get("status") == "active"}
    found = [
        {"customer_id": customer_id, "key_id": key.key_id, "plan": key.plan}
        for customer_id, customer in sorted(records_of.items())
        if customer_id in active
        for key in customer.keys
        if key.key_id and key.plan and not _covers(policy, key.plan, api, stage)
    ]
    return {"customers": len(found), "listed": found[:MAX_CUSTOMERS]}


def _covers(policy: Policy, plan: str, api: tuple[str, str], stage: str) -> bool:
    wanted = policy.usage_plans.get(plan)
    return wanted is not None and wanted.covers(*api, stage)
