"""Decide which keys made by hand can become records, and of which customer. Pure.

A key is adopted when nothing would have to be done afterwards: the planner is asked. So an adoption
leads to no call of API Gateway, and no key loses its name, value or plan.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from keyward.audit.account import AccountKeys
from keyward.audit.adoption_table import OwnerLookup
from keyward.audit.model import error_words
from keyward.aws.gateway import GatewayKey
from keyward.aws.tables.customers import AccountRecords
from keyward.customers.key import CREATED, Journal, KeyRecord, name_of
from keyward.customers.key_item import key_item, key_of
from keyward.customers.model import KeyRecords, customer_of
from keyward.customers.plan import plan_customer
from keyward.customers.plans import as_record, value_of
from keyward.policy.model import Policy
from keyward.values import JSON, frozen

WAS_DISABLED = "its key was disabled when it was adopted"
UNREADABLE = "The records of its customer {owner} cannot be understood: correct them first"
BESIDES = "The key is disabled, and another key of its customer is not: enable or delete it"


@frozen
class Adoption:
    """Keys of one customer that become records. `record` is the customer's desired state; None when
    the table has it already."""

    customer_id: str
    record: JSON | None
    keys: tuple[KeyRecord, ...]

    def as_json(self) -> JSON:
        """For the documents of an audit."""
        keys = [key_item(key) for key in self.keys]
        return {"customer_id": self.customer_id, "record": self.record, "keys": keys}

    @classmethod
    def of(cls, document: JSON) -> Adoption:
        """From `as_json`."""
        return cls(
            document["customer_id"],
            document["record"],
            tuple(key_of(item) for item in document["keys"]),
        )


@frozen
class Adopter:
    """Plans adoptions at `now` (epoch seconds)."""

    account: AccountKeys
    policy: Policy
    sources: OwnerLookup
    now: float

    def plan(
        self, strays: Sequence[GatewayKey], records: AccountRecords
    ) -> tuple[list[Adoption], dict[str, str]]:
        """Plan the adoptions; returns also, by the id of each other key, why it is not adopted."""
        desired = {str(record.get("customer_id")): record for record in records.desired}
        left: dict[str, str] = {}
        owned: dict[str, list[GatewayKey]] = {}
        for key in strays:
            owner, problem = self.sources.owner_of(key), self._problem(key)
            if owner is None:
                left[key.key_id] = self.sources.why_nobody(key)
            elif problem or owner in records.unreadable:
                left[key.key_id] = problem or UNREADABLE.format(owner=owner)
            else:
                owned.setdefault(owner, []).append(key)
        adoptions = []
        for customer_id, keys in sorted(owned.items()):
            if any(key.enabled for key in keys):
                left |= {key.key_id: BESIDES for key in keys if not key.enabled}
                keys = [key for key in keys if key.enabled]
            mine = records.keys.get(customer_id, KeyRecords())
            made = self._made(customer_id, keys, desired.get(customer_id), mine)
            why = why_not_adopted(made, desired.get(customer_id), mine, self.policy, self.now)
            if why is None:
                adoptions.append(made)
            else:
                left |= {key.key_id: why for key in keys}
        return adoptions, left

    def _problem(self, key: GatewayKey) -> str | None:
        if self._plans(key):
            return None
        found = " and ".join(self.account.plans_of(key.key_id) or ())
        if not found:
            known = ", ".join(self.policy.usage_plans)
            return f"The key is in no usage plan: attach it to a plan of the policy ({known})"
        return f"The policy names none of the key's plans ({found}): name its plan there"

    def _plans(self, key: GatewayKey) -> list[str]:
        plans = self.account.plans_of(key.key_id) or ()
        return [name for name in plans if name in self.policy.usage_plans]

    def _made(
        self, customer_id: str, keys: Sequence[GatewayKey], desired: JSON | None, stored: KeyRecords
    ) -> Adoption:
        used = {stored.last_number, *(key.number for key in stored.keys)}
        made = []
        for key in sorted(keys, key=lambda key: (_number(customer_id, key) or 10**9, key.key_id)):
            number = _number(customer_id, key)
            if number is None or number in used:
                number = max(used, default=0) + 1
            used.add(number)
            made.append(self._record(customer_id, number, key))
        if desired is not None:
            return Adoption(customer_id, None, tuple(made))
        return Adoption(customer_id, _desired(customer_id, made), tuple(made))

    def _record(self, customer_id: str, number: int, key: GatewayKey) -> KeyRecord:
        """Its age counts from the adoption: a policy of rotation would end old keys at once."""
        own = key.name in ("", name_of(customer_id, number))
        return KeyRecord(
            customer_id,
            number,
            CREATED,
            key_id=key.key_id,
            custom_name=None if own else key.name,
            plans=tuple(self._plans(key)),
            enabled=key.enabled,
            journal=Journal(started_at=int(self.now)),
        )


def why_not_adopted(
    adoption: Adoption, desired: JSON | None, stored: KeyRecords, policy: Policy, now: float
) -> str | None:
    """Say what would have to be done after an adoption of the customer's keys; None when nothing
    would."""
    record = desired if desired is not None else adoption.record
    keys = (*stored.keys, *adoption.keys)
    try:
        customer = customer_of(record or {})
        planned = plan_customer(customer, keys, policy, now, stored.last_number)
    except Exception as error:  # noqa: BLE001 - one bad record keeps no other key from its adoption
        return f"The customer's record would not do: {error_words(error)}"
    if planned.problem:
        return str(planned.problem)
    if planned.actions:
        does = ", ".join(f"{action.action} {action.key}" for action in planned.actions)
        return f"The customer's record does not fit its keys: reconcile-customer would do {does}"
    return None


def _desired(customer_id: str, keys: Sequence[KeyRecord]) -> JSON:
    """What the gateway says already. A disabled key stays so: its customer is suspended."""
    one = {"plan": value_of(keys[0].plans)}
    record: JSON = as_record({"customer_id": customer_id, "status": "active"} | one)
    if not any(key.enabled for key in keys):
        record |= {"status": "suspended", "status_reason": WAS_DISABLED}
    return record | ({"keys": len(keys)} if len(keys) > 1 else {})


def _number(customer_id: str, key: GatewayKey) -> int | None:
    """The number in a name like Keyward's own, so that no later key has the same name."""
    found = re.fullmatch(re.escape(customer_id) + r"/([1-9][0-9]{0,6})", key.name)
    return int(found[1]) if found else None
