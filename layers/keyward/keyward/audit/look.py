"""Look at an account without tables: an audit for people who have no stack yet, by GET alone.

Calls: those of an audit (audit/account.py), GetUsage for each 500 keys of a plan with a quota, and
at most `WORKING_CALLS` for working copies, or all of them in a `deep` look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from keyward.apis.head import head_of
from keyward.apis.model import OBSERVE, ApiRecords
from keyward.apis.plan import ApiPlan, plan_api
from keyward.apis.rule import KeyRule
from keyward.audit.account import AccountReading, ApiReading
from keyward.audit.model import Finding, attempt
from keyward.audit.read import AuditReader, works_of
from keyward.aws.gateway import Gateway, GatewayPlan
from keyward.errors import KeywardError
from keyward.policy.model import Policy
from keyward.policy.periods import last_days
from keyward.runs.apis.read import read_working_copy
from keyward.values import JSON, frozen

# GetResources, GetExport and GetAuthorizers of the first exposed APIs.
WORKING_CALLS = 30
# Gives the items one by one, and may show how many are done.
Each = Callable[[Iterable[Any]], Iterable[Any]]


@frozen
class Look:
    """What was read. `plans_of` are the ids of a key's usage plans. `counted` are the plans whose
    usage was read, `used` the keys that called. `closing` is what enforce would do, by API, where
    the working copy was read; `not_compared` are exposed APIs where it was not."""

    reading: AccountReading
    plans_of: Mapping[str, Sequence[str]]
    counted: frozenset[str]
    used: frozenset[str]
    closing: Mapping[str, ApiPlan] = field(default_factory=dict)
    not_compared: tuple[str, ...] = ()


@frozen
class Looker:
    """Looks at an account as the stack of this name would, with this policy; `clock` gives epoch
    seconds. Raises KeywardError when the lists of APIs or plans cannot be read; what else cannot
    be read is a finding."""

    gateway: Gateway
    policy: Policy
    clock: Callable[[], float]
    stack: str
    each: Each
    deep: bool = False

    def look(self) -> Look:
        """Read the account."""
        began, plans, apis = self.clock(), self.gateway.plans(), self.gateway.apis()
        works = works_of(apis, plans)
        about = (_first_of_each(plans), self.policy, OBSERVE)
        reader = AuditReader(self.gateway, _no_records, *about, self.clock, self.stack)
        results = [_read(reader, work) for work in self.each(works)]
        reading = AccountReading.of(began, plans, results, self.stack)
        counted, used, problems = self._usage(plans)
        closing, left, more = self._closing({str(api["id"]): api for api in apis}, reading.apis)
        reading = replace(reading, problems=[*reading.problems, *problems, *more])
        return Look(reading, _plans_of(results), counted, used, closing, left)

    def _usage(
        self, plans: Iterable[GatewayPlan]
    ) -> tuple[frozenset[str], frozenset[str], list[Finding]]:
        """Read the usage of plans with a quota: API Gateway counts nothing for the others."""
        days = last_days(self.clock(), self.policy.usage.unused_days)
        counted: set[str] = set()
        used: set[str] = set()
        problems: list[Finding] = []
        for plan in self.each(plan for plan in plans if plan.quota is not None):
            rows, problem = attempt(self.gateway.usage, plan.plan_id, days[0], days[-1])
            if rows is None:
                problems.append(_unread(f"the usage of plan {plan.name}", problem))
                continue
            counted.add(plan.plan_id)
            used |= {key_id for key_id, of_days in rows.items() if any(d.used for d in of_days)}
        return frozenset(counted), frozenset(used), problems

    def _closing(
        self, apis: Mapping[str, JSON], readings: Iterable[ApiReading]
    ) -> tuple[dict[str, ApiPlan], tuple[str, ...], list[Finding]]:
        closing: dict[str, ApiPlan] = {}
        left, problems, room = [], [], WORKING_CALLS
        for reading in self.each(readings):
            snapshot, rule = reading.snapshot, self.rule(reading)
            exposed = sum(bool(rule.exposed(s)) for s in snapshot.stages) if snapshot else 0
            if snapshot is None or not exposed:
                continue
            # GetResources, GetAuthorizers, and an export for each exposed stage.
            room -= 2 + exposed
            if room < 0 and not self.deep:
                left.append(reading.rest_api_id)
                continue
            head = head_of(apis[reading.rest_api_id], reading.rest_api_id, OBSERVE)
            copy, problem = attempt(read_working_copy, self.gateway, head, snapshot, rule)
            if copy is None:
                problems.append(_unread(f"the working copy of {reading.name}", problem))
            else:
                closing[reading.rest_api_id] = plan_api(copy, ApiRecords(), rule)
        return closing, tuple(left), problems

    def rule(self, reading: ApiReading) -> KeyRule:
        """The policy as it holds for an API that was read."""
        return KeyRule(self.policy, reading.rest_api_id, reading.name, reading.read_at)


def _read(reader: AuditReader, work: JSON) -> JSON:
    try:
        result = reader.read(work)
    except KeywardError as error:
        result = reader.not_read(work, error)
    return dict(result.document or {})


def _unread(what: str, problem: str | None) -> Finding:
    return Finding("unreadable", "high", f"{what} could not be read: {problem}")


def _plans_of(results: Iterable[JSON]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for result in results:
        for key_id in result.get("key_ids", ()):
            found.setdefault(key_id, []).append(result["plan_id"])
    return found


def _first_of_each(plans: Iterable[GatewayPlan]) -> list[GatewayPlan]:
    """One plan of each name: two of a name are a finding, and stop no look."""
    return list({plan.name: plan for plan in reversed(list(plans))}.values())


def _no_records(rest_api_id: str) -> ApiRecords:
    return ApiRecords()
