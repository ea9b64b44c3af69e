"""A customer's key: its record, its name, and the value that a customer brings. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from keyward.errors import InvalidRecordError
from keyward.events.fields import MAX_TAG, MAX_TAGS, TAG, is_tag, shown
from keyward.values import frozen, parse_json

if TYPE_CHECKING:
    from keyward.customers.model import Customer

# The tag that holds the customer's name.
NAME = "name"
OWN_VALUES = "key_value_secret"

# API Gateway takes 20 to 128 characters (aws-recorded.md 1); which it refuses was never recorded.
# These can stand in a header, so that a UUID with hyphens is taken; a refusal would be announced.
OWN_VALUE = re.compile(r"[!-~]{20,128}")

MAX_NAMED = 10

CREATING = "CREATING"
CREATED = "CREATED"
DELETING = "DELETING"
# For the ledger only: the record is gone by then.
DELETED = "DELETED"


@frozen
class Grant:
    """A quota extension under way: `period` (a plan and its first day) is to have `calls` in all.
    It answers the requests up to number `upto`."""

    calls: int
    upto: int
    period: str


@frozen
class Journal:
    """What is under way on a key, written down before the call.

    `started_at` is when the last call began. `plan` is a plan to join, from before the key leaves
    another for it; `leaving` is a plan to leave; `enabled` is the switch to set. A member stays
    until API Gateway has confirmed it, so a later run finishes it first. `grant` names a total, so
    it may be repeated at any time.

    `refused` is the plan that refused the key last. `awaited` are the plans that a new key needs
    before it is announced. ImportApiKeys makes a key that has a `batch`, with others, and puts it
    into `plan`.
    """

    started_at: int = 0
    plan: str | None = None
    leaving: str | None = None
    enabled: bool | None = None
    grant: Grant | None = None
    refused: str | None = None
    awaited: tuple[str, ...] = ()
    batch: str | None = None


# The `cause` of a key that came back when its replacement was undone.
UNDONE = "undone"


@frozen
class Succession:
    """What a key takes over. `rotation` is the time of the last rotation request that it satisfies.
    Until the handover it `replaces` a key by its number. That key then works on for `overlap`
    seconds and stays, disabled, for `grace` seconds; `cause` says why."""

    rotation: int = 0
    replaces: int | None = None
    overlap: int = 0
    grace: int = 0
    cause: str | None = None


@frozen
class End:
    """How a key ends: `replaced_by` another key (0: it is one too many), disabled at `retire_at`,
    deleted at `delete_at`. It `keeps_plan` when its successor is in another plan. Its end was last
    announced `notice_days` ahead, when it was to come at `notice_expiry`."""

    replaced_by: int | None = None
    retire_at: int | None = None
    delete_at: int | None = None
    keeps_plan: bool = False
    notice_days: int | None = None
    notice_expiry: int | None = None

    def is_over(self, now: float) -> bool:
        """Whether the key must no longer work."""
        return self.retire_at is not None and self.retire_at <= now


@frozen
class Quota:
    """Extensions and use of a key. `extended` is the number of the last request granted, `granted`
    the calls that its period had in all then. `spent` is what the key used before it joined its
    plans (spent.py)."""

    extended: int = 0
    granted: int | None = None
    spent: dict[str, int] = field(default_factory=dict)


@frozen
class Labels:
    """The description and the tags that Keyward wrote on a key."""

    description: str | None
    tags: dict[str, str]


@frozen
class KeyRecord:
    """What Keyward knows of a key; times are epoch seconds.

    `state` is CREATING before CreateApiKey is called, CREATED when `key_id` is known, DELETING
    before DeleteApiKey is called. `plans` and `enabled` are what API Gateway last confirmed, the
    plans in the order in which the key joined them. `attached_at` is when the last attachment was
    asked for.

    `custom_name` is the name of a key that Keyward did not make; `adopted` is a key that the
    customer's `key_id` names. `labels` are None where nobody knows them. `reason` says why the key
    is disabled. `by_hand` is when somebody else was seen to have disabled it: it stays so until a
    person wants it back. `fingerprint` is that of a value which Keyward made.
    """

    customer_id: str
    number: int
    state: str
    key_id: str | None = None
    custom_name: str | None = None
    created_at: int | None = None
    plans: tuple[str, ...] = ()
    attached_at: int | None = None
    enabled: bool = True
    reason: str | None = None
    by_hand: int | None = None
    adopted: bool | None = None
    labels: Labels | None = None
    fingerprint: str | None = None
    journal: Journal = Journal()
    succession: Succession = Succession()
    end: End = End()
    quota: Quota = Quota()

    @property
    def name(self) -> str:
        """The key's name on API Gateway. Keyward makes its own names unique, which API Gateway
        does not ask for."""
        return self.custom_name or name_of(self.customer_id, self.number)

    @property
    def is_deleted(self) -> bool:
        """Whether only its number and its fingerprint are left."""
        return self.state == DELETED

    @property
    def plan(self) -> str | None:
        """The plan that the key joined first, None for a key in no plan."""
        return self.plans[0] if self.plans else None

    @property
    def announced_plans(self) -> frozenset[str]:
        """The plans that the customer was told of. A plan that the key lost by somebody else's hand
        is among them, as the key is on its way back."""
        lost = self.journal.leaving
        return frozenset((*self.plans, lost) if lost else self.plans)

    @property
    def is_settled(self) -> bool:
        """Whether API Gateway has confirmed the key, its plans and its switch."""
        journal = self.journal
        is_moving = journal.plan is not None or journal.leaving is not None
        return self.state == CREATED and not is_moving and journal.enabled is None

    @property
    def is_issued(self) -> bool:
        """Whether the customer was told of the key: it is in the plans that it was made for, and it
        is no successor whose rotation is under way."""
        is_placed = bool(self.announced_plans) and not self.journal.awaited
        return self.state == CREATED and is_placed and self.succession.replaces is None

    @property
    def is_in_grace(self) -> bool:
        """Whether the key was replaced, is disabled, and waits for its deletion."""
        waits = self.end.replaced_by is not None and self.end.delete_at is not None
        return waits and self.is_settled and not self.enabled

    @property
    def is_dead(self) -> bool:
        """Whether the key leaked, is disabled for good, and only waits for a successor."""
        is_over = self.end.retire_at is not None and self.end.replaced_by is None
        return is_over and self.is_settled and not self.enabled

    @property
    def age_counts_from(self) -> int:
        """When the key was made; 0 where that is not known."""
        return self.created_at or self.journal.started_at

    def with_journal(self, **changes: Any) -> KeyRecord:
        """Change members of the journal."""
        return replace(self, journal=replace(self.journal, **changes))

    def with_end(self, **changes: Any) -> KeyRecord:
        """Change members of the end."""
        return replace(self, end=replace(self.end, **changes))


def changed_at(keys: Iterable[KeyRecord]) -> int:
    """When Keyward last began to change one of the keys (epoch seconds); 0 for never."""
    times = ((k.journal.started_at, k.attached_at or 0, k.created_at or 0) for k in keys)
    return max(map(max, times), default=0)


def labels_of(customer: Customer) -> Labels:
    """The customer's description and tags, and its name as the tag `name` unless it has such a tag.
    A tag that API Gateway would refuse is left out: it costs no key."""
    name = _fitting(customer.name or "")
    tags = ({NAME: name} if name else {}) | {**customer.tags}
    good = [(name, value) for name, value in tags.items() if is_tag(name, value)]
    return Labels(customer.description, dict(good[: MAX_TAGS + 1]))


def untagged_words(customer: Customer) -> str | None:
    """Name the customer's tags that its keys cannot have, for people; None when they can have
    all."""
    had = labels_of(customer).tags
    left_out = [shown(str(name)) for name in customer.tags if name not in had]
    if not left_out:
        return None
    return (
        f"left out of the key's tags: {', '.join(left_out[:MAX_NAMED])}. At most {MAX_TAGS} tags, "
        "with names of 1 to 128 and texts of up to 256 of A-Z a-z 0-9 + - = . _ : / and space, not "
        "beginning with aws:"
    )


def name_of(customer_id: str, number: int) -> str:
    """The name of a customer's n-th key."""
    return f"{customer_id}/{number}"


def own_value(text: str, number: int) -> str:
    """The value that a customer brings for its key of this number. The text of the secret is the
    value, or a JSON object that has the values by number. Raises InvalidRecordError, which quotes
    nothing of it."""
    values = parse_json(text)
    value = values.get(str(number)) if isinstance(values, dict) else text
    if value is None:
        problem = f"the secret holds no value for key {number}"
        remedy = f'Add the member "{number}" to the JSON object that it holds'
        raise InvalidRecordError(OWN_VALUES, problem, remedy)
    if not isinstance(value, str) or not OWN_VALUE.fullmatch(value.strip()):
        raise InvalidRecordError(
            OWN_VALUES,
            f"the secret holds no usable value for key {number}",
            "Store 20 to 128 letters, digits and signs without blanks as its text, or a JSON "
            'object with one for each number: {"1": ..., "2": ...}',
        )
    return value.strip()


def _fitting(text: str) -> str:
    """Fit a text into a tag: without accents, `_` for other characters. Empty where no letter or
    digit is left."""
    parts = unicodedata.normalize("NFKD", text)
    bare = "".join(part for part in parts if not unicodedata.combining(part))
    fitting = re.sub(f"[^{TAG[1:-2]}]", "_", bare)[:MAX_TAG].strip()
    return fitting if re.search(r"[A-Za-z0-9]", fitting) else ""
