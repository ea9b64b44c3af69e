"""Which keys that were made by hand can be taken into the records, and for whom. Pure.

A key is adopted when nothing would have to be done afterwards: the planner is asked. So an adoption
leads to no call of API Gateway, and no key loses its name, value or plan."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from keyward.audit.account import AccountKeys
from keyward.audit.model import error_words
from keyward.aws.gateway import GatewayKey
from keyward.aws.tables.customers import AccountRecords
from keyward.customers.key import CREATED, Journal, KeyRecord, name_of
from keyward.customers.key_item import key_item, key_of
from keyward.customers.model import KeyRecords, customer_of
from keyward.customers.plan import plan_customer
from keyward.customers.plans import as_record, value_of
from keyward.errors import InvalidInputError
from keyward.events.fields import CUSTOMER_ID, KEY_ID
from keyward.policy.model import Policy
from keyward.values import JSON

TAG = "customer_id"
WAS_DISABLED = "its key was disabled when it was adopted"
UNREADABLE = "The records of its customer {owner} cannot be understood: correct them first"
BESIDES = "The key is disabled, and another key of its customer is not: enable or delete it"
MORE = "Give the key a customerId or the tag {tag}, or name its customer in `customers`"


@dataclass(frozen=True)
class OwnerLookup:
    """Who a key belongs to: by its id, else by its tag, else by its customerId."""

    tag: str = TAG
    customers: Mapping[str, str] = field(default_factory=dict)

    def owner_of(self, key: GatewayKey) -> str | None:
        """The customer, None when nothing names one that a customer can be called."""
        named = self.customers.get(key.key_id) or key.tags.get(self.tag) or key.customer_id
        return named if named and CUSTOMER_ID.fullmatch(named) else None


@dataclass(frozen=True)
class Adoption:
    """Keys of one customer that become records; `record` is the customer's desired state, None when
    it is there already."""

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


@dataclass(frozen=True)
class Adopter:
    """Plans adoptions at `now` (epoch seconds)."""

    account: AccountKeys
    policy: Policy
    sources: OwnerLookup
    now: float

    def plan(
        self, strays: Sequence[GatewayKey], records: AccountRecords
    ) -> tuple[list[Adoption], dict[str, str]]:
        """The adoptions, and by the id of each other key why it is not adopted."""
        desired = {str(record.get("customer_id")): record for record in records.desired}
        left: dict[str, str] = {}
        owned: dict[str, list[GatewayKey]] = {}
        for key in strays:
            owner, problem = self.sources.owner_of(key), self._problem(key)
            if owner is None:
                left[key.key_id] = MORE.format(tag=self.sources.tag)
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
        found = " and ".join(self.account.plans_of(key.key_id) or ()) or "none"
        return f"The key is in no plan of the policy (its plans: {found}): name its plan there"

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
    """Why the customer's keys are not adopted: what would have to be done then; None when nothing
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


def parse_owners(task: Mapping[str, Any], text: str | None = None) -> OwnerLookup:
    """From the input `adopt_tag` and `customers` (a map, or CSV text); `text` is CSV from
    elsewhere. Raises InvalidInputError, which quotes no row: it may hold a key's value."""
    tag = task.get("adopt_tag") or TAG
    if not isinstance(tag, str) or len(tag) > 128:
        raise InvalidInputError("adopt_tag", "is no tag's key", "Write 1 to 128 characters")
    given = text if text is not None else task.get("customers") or {}
    if not isinstance(given, str | dict):
        remedy = "Write {key id: customer id}, or lines of `key id,customer id`"
        raise InvalidInputError("customers", "is neither a map nor CSV", remedy)
    rows = _rows(given) if isinstance(given, str) else enumerate(given.items(), 1)
    return OwnerLookup(tag, dict(_checked(number, row) for number, row in rows))


def _rows(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The rows of CSV text with their numbers, as an editor shows them; no heading."""
    for number, cells in enumerate(csv.reader(text.splitlines()), 1):
        row = tuple(cell.strip() for cell in cells)
        if row and row[0] != "key_id":
            yield number, row


def _checked(number: int, row: tuple[Any, ...]) -> tuple[str, str]:
    if len(row) != 2:
        remedy = "Write lines of `key id,customer id`"
        raise InvalidInputError("customers", f"row {number} has {len(row)} columns", remedy)
    key_id, customer_id = row
    if not KEY_ID.fullmatch(key_id):
        remedy = "Give the key's id, 10 letters and digits, never its value"
        raise InvalidInputError("customers", f"row {number} begins with no id of a key", remedy)
    if not isinstance(customer_id, str) or not CUSTOMER_ID.fullmatch(customer_id):
        remedy = f"Name a customer that matches {CUSTOMER_ID.pattern}"
        raise InvalidInputError("customers", f"row {number} names no customer", remedy)
    return key_id, customer_id


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
