"""What an audit says of usage, by the last reading: keys that nobody uses. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from keyward.audit.model import Finding
from keyward.customers.model import Known
from keyward.customers.usage_update import is_unused
from keyward.policy.model import Policy

MOST_NAMED = 20


def of_usage(known: Mapping[str, Known], policy: Policy, now: float) -> list[Finding]:
    """One finding a plan, because there may be thousands of such keys; `now` in epoch seconds."""
    unused: dict[str, list[str]] = {}
    for one in known.values():
        keys = {key.number: key for key in one.keys}
        for usage in one.usage:
            key = keys.get(usage.number)
            if key and is_unused(usage, key, policy.usage, now):
                unused.setdefault(usage.plan, []).append(key.name)
    return [_finding(plan, sorted(names), policy) for plan, names in sorted(unused.items())]


def _finding(plan: str, names: list[str], policy: Policy) -> Finding:
    more = len(names) - MOST_NAMED
    listed = ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    keys = "1 key" if len(names) == 1 else f"{len(names)} keys"
    says = f"{keys} of plan {plan} not used for {policy.usage.unused_days} days: {listed}"
    return Finding("keys_unused", "low", says)
