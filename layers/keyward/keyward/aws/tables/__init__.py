"""The adapter to Keyward's memory: DynamoDB tables and the policy parameter.

An adapter's module is imported, and the adapter made, at its first use: a function only pays for
what it uses.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keyward.aws.parameter import PolicyParameter
    from keyward.aws.tables.apis import Apis
    from keyward.aws.tables.call_schedule import CallSchedule
    from keyward.aws.tables.claims import Claims
    from keyward.aws.tables.customers import Customers
    from keyward.aws.tables.edits import Edits
    from keyward.aws.tables.fingerprints import Fingerprints
    from keyward.aws.tables.imports import Imports
    from keyward.aws.tables.leases import Leases
    from keyward.aws.tables.ledger import Ledger
    from keyward.aws.tables.marks import Marks
    from keyward.aws.tables.notices import Notices
    from keyward.aws.tables.plan_queue import PlanQueue
    from keyward.aws.tables.plan_stages import PlanStages
    from keyward.aws.tables.plans import Plans
    from keyward.aws.tables.policy import Policies
    from keyward.aws.tables.removals import Removals
    from keyward.aws.tables.storm_items import StormItems
    from keyward.aws.tables.storms import Storms
    from keyward.aws.tables.usage import UsageRecords


class Registry:
    """All adapters of tables by subject. `table` gives a table of DynamoDB by its name in the
    template, say `KeysTable`. `parameter` gives the policy as its owner wants it. Lines of the
    ledger are kept for `ledger_days`, 0 for ever."""

    def __init__(
        self,
        table: Callable[[str], Any],
        parameter: Callable[[], PolicyParameter],
        ledger_days: int = 0,
    ) -> None:
        self._table, self._ledger_days = table, ledger_days
        self._make_parameter = parameter

    @cached_property
    def parameter(self) -> PolicyParameter:
        """The policy as its owner wants it."""
        return self._make_parameter()

    @cached_property
    def policies(self) -> Policies:
        """The policy in force; the first is that of the parameter."""
        from keyward.aws.tables.policy import Policies

        return Policies(self._table("PlansTable"), self.parameter.read)

    @cached_property
    def ledger(self) -> Ledger:
        """What was done, and who asked for it."""
        from keyward.aws.tables.ledger import Ledger

        return Ledger(self._table("LedgerTable"), self._ledger_days)

    @cached_property
    def customers(self) -> Customers:
        """What is desired for customers, and their keys."""
        from keyward.aws.tables.customers import Customers

        return Customers(self._table("CustomersTable"), self._table("KeysTable"), self.ledger)

    @cached_property
    def claims(self) -> Claims:
        """One-time links to keys."""
        from keyward.aws.tables.claims import Claims

        return Claims(self._table("ClaimsTable"))

    @cached_property
    def fingerprints(self) -> Fingerprints:
        """What finds the customer of a leaked value."""
        from keyward.aws.tables.fingerprints import Fingerprints

        return Fingerprints(self._table("SaltTable"))

    @cached_property
    def removals(self) -> Removals:
        """Records of customers that somebody removed."""
        from keyward.aws.tables.removals import Removals

        customers, keys = self._table("CustomersTable"), self._table("KeysTable")
        return Removals(customers, keys, self._table("LeasesTable"))

    @cached_property
    def usage(self) -> UsageRecords:
        """What keys have used of their quota."""
        from keyward.aws.tables.usage import UsageRecords

        return UsageRecords(self._table("KeysTable"), self.ledger)

    @cached_property
    def notices(self) -> Notices:
        """What customers were warned of."""
        from keyward.aws.tables.notices import Notices

        return Notices(self._table("KeysTable"), self.ledger)

    @cached_property
    def leases(self) -> Leases:
        """Which run is at work on what."""
        from keyward.aws.tables.leases import Leases

        return Leases(self._table("LeasesTable"))

    @cached_property
    def imports(self) -> Imports:
        """The wave of keys that are made together."""
        from keyward.aws.tables.imports import Imports

        customers, keys = self._table("CustomersTable"), self._table("KeysTable")
        return Imports(customers, keys, self._table("LeasesTable"), self.ledger)

    @cached_property
    def schedule(self) -> CallSchedule:
        """The account-wide schedule of calls."""
        from keyward.aws.tables.call_schedule import CallSchedule

        return CallSchedule(self._table("LeasesTable"))

    @cached_property
    def marks(self) -> Marks:
        """What is said once only."""
        from keyward.aws.tables.marks import Marks

        return Marks(self._table("LeasesTable"))

    @cached_property
    def plans(self) -> Plans:
        """The ids of usage plans."""
        from keyward.aws.tables.plans import Plans

        return Plans(self._table("PlansTable"))

    @cached_property
    def plan_stages(self) -> PlanStages:
        """Which stages usage plans hold."""
        from keyward.aws.tables.plan_stages import PlanStages

        return PlanStages(self._table("PlansTable"))

    @cached_property
    def pending(self) -> PlanQueue:
        """Changes of usage plans that wait for their writer."""
        from keyward.aws.tables.plan_queue import PlanQueue

        return PlanQueue(self._table("PlansTable"))

    @cached_property
    def apis(self) -> Apis:
        """What is remembered of an API."""
        from keyward.aws.tables.apis import Apis

        return Apis(self._table("ApisTable"))

    @cached_property
    def storms(self) -> Storms:
        """Events of an API that nobody has looked at."""
        from keyward.aws.tables.storms import Storms

        return Storms(self._table("ApisTable"), "rest_api_id")

    @cached_property
    def drifts(self) -> StormItems:
        """Changes of a customer's keys by others that nobody has looked at."""
        from keyward.aws.tables.storm_items import StormItems

        return StormItems(self._table("KeysTable"), "customer_id")

    @cached_property
    def edits(self) -> Edits:
        """Who edited which method."""
        from keyward.aws.tables.edits import Edits

        return Edits(self._table("ApisTable"))
