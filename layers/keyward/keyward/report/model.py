"""The report as plain data, without a key value anywhere. Its JSON is `Report.as_json`.

Days are `YYYY-MM-DD` in UTC, times ISO 8601 in UTC, shares are of 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from keyward.policy.parts import Exemption
from keyward.values import JSON, frozen

SCHEMA = 1
# States of a key in `PlanRow.keys`.
ENABLED, DISABLED, CREATING, GONE = "enabled", "disabled", "being created", "not on the gateway"
STATES = (ENABLED, DISABLED, CREATING, GONE)


@frozen
class OpenMethod:
    """A method that is live, asks for no key and has to."""

    method: str
    path: str
    authorization: str


@frozen
class ExemptMethods:
    """Live methods (`OPTIONS /pets`) that ask for no key, by the exemption that allows it: its
    place in `Report.exemptions`."""

    exemption: int
    methods: tuple[str, ...]


@frozen
class StageRow:
    """What a stage serves. `key` methods ask for a key; `authorized` ones have an authorizer,
    where the policy wants no key besides."""

    stage: str
    key: int = 0
    authorized: int = 0
    exposed: tuple[OpenMethod, ...] = ()
    exempt: tuple[ExemptMethods, ...] = ()
    plans: tuple[str, ...] = ()
    canary_percent: float = 0.0
    held: bool = False

    @property
    def exempt_count(self) -> int:
        """How many methods are exempt."""
        return sum(len(group.methods) for group in self.exempt)

    @property
    def total(self) -> int:
        """How many methods the stage serves."""
        return self.key + self.authorized + len(self.exposed) + self.exempt_count


@frozen
class ApiRow:
    """An API. `problem` says why it could not be read."""

    rest_api_id: str
    name: str
    mode: str
    stages: tuple[StageRow, ...] = ()
    problem: str | None = None


@frozen
class ExemptionRow(Exemption):
    """An exemption of the policy. `state` is `in force`, `ends soon` (within 7 days) or
    `ended`; `methods` is how many live methods it exempts, over all stages."""

    state: str = "in force"
    methods: int = 0


@frozen
class PlanRow:
    """A usage plan and the states of the keys in it, in numbers. `limits` is in words; `known`
    says that the policy names it; `opens` how many stages it holds."""

    plan: str
    limits: str
    keys: Mapping[str, int]
    plan_id: str | None = None
    known: bool = True
    opens: int = 0


@frozen
class CustomerRow:
    """A customer as the record wants it: its plans, its state (`active`, `suspended`, `closed`, or
    `unreadable` for a record that cannot be right), and its keys by their state."""

    customer_id: str
    state: str
    plans: tuple[str, ...]
    keys: Mapping[str, int]


@frozen
class CustomerUsage:
    """A customer's calls by day, and the `share` of the quota used in the current period."""

    customer_id: str
    used: tuple[int, ...]
    share: float


@frozen
class PlanUsage:
    """Usage of a plan against its quota of `limit` calls in a `period`: the customers that used
    most of it, first; `others` are the customers left out. A plan without a quota counts
    nothing."""

    plan: str
    days: tuple[str, ...]
    limit: int | None = None
    period: str | None = None
    customers: tuple[CustomerUsage, ...] = ()
    others: int = 0
    problem: str | None = None


@frozen
class ActivityRow:
    """One announcement: whom it is about, and what was done."""

    at: str
    event: str
    customer_id: str | None = None
    rest_api_id: str | None = None
    stage: str | None = None
    plan: str | None = None
    key_id: str | None = None
    reason: str | None = None
    did: tuple[str, ...] = ()
    execution: str | None = None
    remedy: str | None = None


@frozen
class PendingItem:
    """One thing that a person, or (`mended_by`) a state machine, has to do."""

    kind: str
    severity: str
    says: str
    remedy: str
    customer_id: str | None = None
    rest_api_id: str | None = None
    stage: str | None = None
    since: str | None = None
    mended_by: str | None = None


@frozen
class Report:
    """The whole report. `keys` are the keys on the gateway, which at today's pace fill the account
    on `keys_full_on`, and `keys_of_others` those that Keyward does not know; `unread` APIs were
    left out because time ran out. APIs, plans and keys are as an audit began to read them at
    `read_at`, apart from what the ledger says was closed since; usage is as of `usage_read_at`, all
    else as of `written_at`."""

    written_at: str
    place: str
    read_at: str = ""
    usage_read_at: str = ""
    apis: tuple[ApiRow, ...] = ()
    exemptions: tuple[ExemptionRow, ...] = ()
    plans: tuple[PlanRow, ...] = ()
    usage: tuple[PlanUsage, ...] = ()
    done: tuple[ActivityRow, ...] = ()
    done_counts: Mapping[str, int] | None = None
    waiting: tuple[PendingItem, ...] = ()
    mending: tuple[PendingItem, ...] = ()
    customers: int = 0
    by_customer: tuple[CustomerRow, ...] = ()
    keys: int = 0
    keys_full_on: str | None = None
    keys_of_others: int = 0
    unread: int = 0
    policy_version: int | None = None
    schema: int = SCHEMA

    def as_json(self) -> JSON:
        """Objects and lists of texts and numbers."""
        return asdict(self)
