"""Find keys without a record: made by hand, made twice, or of customers who are gone. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from keyward.audit.account import AccountKeys
from keyward.audit.adopt import Adoption
from keyward.audit.model import Finding, of_each
from keyward.aws.gateway import GatewayKey
from keyward.aws.tables.customers import AccountRecords
from keyward.customers.key import CREATING
from keyward.customers.model import KeyRecords
from keyward.customers.usage_update import is_unused
from keyward.policy.model import Policy
from keyward.values import counted, some_of

ADOPT_KEYS = "adopt-keys"
ADOPT = 'Adopt it (start audit-account with {"repair": true, "adopt": true}), or delete it'
TWICE = "Delete the one that nobody uses; the usage of its plan tells which"
CLOSED = "Delete it, or disable it: Keyward did not make it, and deletes only what it made"


def unrecorded(account: AccountKeys, records: AccountRecords) -> list[GatewayKey]:
    """List keys without a record, in a fixed order. Left out are keys that a run is just making,
    that belong to another stack, or whose customer's records cannot be understood."""
    all_recorded = [key for one in records.keys.values() for key in one.keys]
    recorded = {key.key_id for key in all_recorded}
    in_the_making = {(key.customer_id, key.name) for key in all_recorded if key.state == CREATING}
    strays = [
        key
        for key in account.keys.values()
        if key.key_id not in recorded
        and key.key_id not in account.foreign
        and (owner_of(key), key.name) not in in_the_making
        and owner_of(key) not in records.unreadable
    ]
    return sorted(strays, key=lambda key: (key.customer_id or "", key.name, key.key_id))


def owner_of(key: GatewayKey) -> str | None:
    """Guess a key's customer: by its customerId, which keys of the last edition have, else by its
    name, as imported keys have no customerId."""
    customer_id, slash, number = key.name.rpartition("/")
    by_name = customer_id if slash and number.isdigit() else None
    return key.customer_id or by_name


def of_keys(
    strays: Sequence[GatewayKey], account: AccountKeys, records: AccountRecords
) -> list[Finding]:
    """Make one finding for each key without a record."""
    closed = {str(r.get("customer_id")) for r in records.desired if r.get("status") == "closed"}
    recorded = {(key.customer_id, key.name) for one in records.keys.values() for key in one.keys}
    names = Counter((owner_of(key), key.name) for key in strays)
    found = []
    for key in strays:
        about = (owner_of(key), key.name)
        twice = about in recorded or (about[0] and key.name and names[about] > 1)
        if key.customer_id in closed:
            kind, severity, remedy = "key_of_closed_customer", _severity(key), CLOSED
            says = f"the closed customer has key {_words(key, account)}"
        elif twice:
            kind, severity, remedy = "duplicate_key", _severity(key), TWICE
            says = f"there is another key of this name and customer: {_words(key, account)}"
        else:
            kind, severity, remedy = "key_by_hand", "low", ADOPT
            says = f"a key was made by hand: {_words(key, account)}"
        plans = account.plans_of(key.key_id) or ()
        found.append(
            Finding(
                kind,
                severity,
                says,
                customer_id=key.customer_id,
                key_id=key.key_id,
                plan=plans[0] if len(plans) == 1 else None,
                remedy=remedy,
            )
        )
    return found


def of_other_plans(account: AccountKeys, records: AccountRecords, policy: Policy) -> list[Finding]:
    """Find recorded keys that somebody else put into another plan of the policy as well. They stay:
    a key may be in several plans, and Keyward takes no key out of a plan that it did not put it
    into."""
    found = []
    for key in (key for one in records.keys.values() for key in one.keys):
        plans = account.plans_of(str(key.key_id)) or ()
        named = {*key.plans, key.journal.plan, key.journal.leaving}
        others = [name for name in plans if name in policy.usage_plans and name not in named]
        if key.key_id and {*key.plans} & {*plans} and others:
            found.append(
                Finding(
                    "key_in_other_plan",
                    "low",
                    f"key {key.name} is in {' and '.join(others)} where Keyward did not put it",
                    customer_id=key.customer_id,
                    key_id=key.key_id,
                    plan=key.plan,
                    remedy=f"Take it out of {' and '.join(others)} by hand, if that is not meant",
                )
            )
    return found


def adoptable(
    found: Sequence[Finding], adoptions: Iterable[Adoption], left: Mapping[str, str]
) -> list[Finding]:
    """Add to the findings what an adoption does, or why it cannot."""
    taken = {key.key_id: key for one in adoptions for key in one.keys}
    result = []
    for finding in found:
        key = taken.get(finding.key_id)
        if key is None:
            result.append(replace(finding, remedy=left.get(str(finding.key_id), finding.remedy)))
            continue
        action = {"action": "adopt_key", "key": key.name, "number": key.number, "plan": key.plan}
        result.append(
            replace(
                finding,
                kind="key_by_hand",
                severity="low",
                mended_by=ADOPT_KEYS,
                customer_id=key.customer_id,
                actions=(action,),
                remedy=None,
            )
        )
    return result


def without_new_keys(found: Iterable[Finding], adoptions: Iterable[Adoption]) -> list[Finding]:
    """Drop the findings of customers who get back their own old key: they need no new one."""
    adopted = {one.customer_id for one in adoptions}
    return [
        finding
        for finding in found
        if finding.kind != "customer_without_key" or finding.customer_id not in adopted
    ]


def _severity(key: GatewayKey) -> str:
    return "high" if key.enabled else "low"


def _words(key: GatewayKey, account: AccountKeys) -> str:
    plans = account.plans_of(key.key_id)
    where = "" if plans is None else f", in {'plan ' + ' and '.join(plans) if plans else 'no plan'}"
    name = f" ({key.name})" if key.name else ""
    return f"{key.key_id}{name}, {'enabled' if key.enabled else 'disabled'}{where}"


def of_usage(records: AccountRecords, policy: Policy, now: float) -> list[Finding]:
    """Find unused keys, in one finding a plan, because there may be thousands of them; `now` in
    epoch seconds."""
    unused: dict[str, list[str]] = {}
    found: list[Finding] = []
    for customer_id, mine in records.keys.items():
        find = partial(_note_unused, mine, unused, policy, now)
        found += of_each(customer_id, find)
    return found + [_finding(plan, sorted(names), policy) for plan, names in sorted(unused.items())]


def _note_unused(
    mine: KeyRecords, unused: dict[str, list[str]], policy: Policy, now: float
) -> tuple[Finding, ...]:
    keys = {key.number: key for key in mine.keys}
    for usage in mine.usage:
        key = keys.get(usage.number)
        if key and is_unused(usage, key, policy.usage, now):
            unused.setdefault(usage.plan, []).append(key.name)
    return ()


def _finding(plan: str, names: list[str], policy: Policy) -> Finding:
    keys, days = counted(len(names), "key"), counted(policy.usage.unused_days, "day")
    says = f"{keys} of plan {plan} not used for {days}: {some_of(names)}"
    return Finding("keys_unused", "low", says)
