"""Customers and keys for the tests of plans, and a plan as lines."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from keyward.customers.actions import CustomerPlan
from keyward.customers.key import CREATED, CREATING, End, KeyRecord
from keyward.customers.key import Succession as Place
from keyward.customers.model import Customer
from keyward.customers.plan import plan_customer
from keyward.customers.quota import Extension
from keyward.customers.rotation import RotationRequest
from keyward.policy.model import Policy
from keyward.policy.parse import parse
from keyward.values import DAY, HOUR, JSON

NOW = 1_795_428_000  # 2026-11-23T10:00:00Z
QUOTA = {"limit": 1000, "period": "DAY"}
AGES: dict[str, Any] = {
    "usage_plans": {"free": {}, "maps": {"quota": QUOTA}, "aged": {"rotate_after_days": 90}},
    "overlap_hours": 48,
    "grace_hours": 24,
}
POLICY = parse(json.dumps(AGES))
BY_SUCCESSOR = parse(json.dumps(AGES | {"plan_change": "successor"}))
HASTY = parse(json.dumps(AGES | {"overlap_hours": 0}))
WEEK = parse(json.dumps(AGES | {"overlap_hours": 168}))

ACME = Customer("acme", ("free",), "active")
BOTH = replace(ACME, plans=("free", "maps"))
GOLD = replace(ACME, plans=("gold",))
HALF = replace(ACME, plans=("gold", "maps"))
TWO = replace(ACME, keys=2)
ASKED = RotationRequest(NOW - 60, reason="cleaning")
LEAK = RotationRequest(NOW - 60, reason="leaked it")
ROTATED, LEAKED = replace(ACME, rotation=ASKED), replace(ACME, rotation=LEAK)


def key(number: int = 1, *plans: str, state: str = CREATED, **more: Any) -> KeyRecord:
    """A key that was made ten days ago, in the plan free unless other plans are named."""
    made = {"key_id": f"id{number}", "created_at": NOW - 10 * DAY} | more
    if state == CREATING:
        return KeyRecord("acme", number, state, **more)
    return KeyRecord("acme", number, state, plans=plans or ("free",), **made)


ISSUED = key()
NEW = key(state=CREATING)
OFF = key(enabled=False)
MORE = Extension(NOW - 30, NOW - 30, by=500)
LEAVING = key(end=End(replaced_by=2, retire_at=NOW + DAY, delete_at=NOW + 2 * DAY))
OVER = LEAVING.with_end(retire_at=NOW)
GONE = OVER.with_end(delete_at=NOW)
DEAD = key(enabled=False, reason="leaked", end=End(retire_at=NOW - HOUR))
HEIR = key(2, succession=Place(rotation=NOW - 60, replaces=1, overlap=DAY, cause="age"))
OLD = key(1, "aged", created_at=NOW - 90 * DAY)


Case = tuple[Customer, tuple[KeyRecord, ...], dict[str, Any]]


def case(customer: Customer, *keys: KeyRecord, **more: Any) -> Case:
    return customer, keys, more


def steps(customer: Customer, *keys: KeyRecord, policy: Policy = POLICY, **more: Any) -> list[str]:
    """The plan's actions, each as one line, with times as seconds from now."""
    return [_line(item.as_json()) for item in plan(customer, keys, policy, **more).actions]


def plan(customer: Customer, keys: Any, policy: Policy = POLICY, **more: Any) -> CustomerPlan:
    return plan_customer(customer, keys, policy, NOW, **more)


def _line(about: JSON) -> str:
    assert about.pop("key") == f"acme/{about['number']}"
    words = [about.pop("action"), about.pop("number"), about.pop("plan", None)]
    words += [f"{name}={_shown(name, value)}" for name, value in about.items()]
    return " ".join(str(word) for word in words if word is not None)


def _shown(name: str, value: Any) -> Any:
    if name in ("overlap", "grace"):
        return f"{value / HOUR:g}h"
    if name == "extensions":
        return [item["by"] for item in value]
    if name == "reason":
        return value.partition(":")[0]
    is_time = isinstance(value, int) and value > NOW - 100 * DAY
    return f"now{value - NOW:+d}" if is_time else value
