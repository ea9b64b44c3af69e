"""Extend quota: a key has more calls left in this period than its plan gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from keyward.aws.gateway import Gateway
from keyward.aws.tables import Registry
from keyward.customers import words as key_words
from keyward.customers.key import KeyRecord
from keyward.customers.quota import Extension, extension_of
from keyward.errors import NotFoundError
from keyward.policy.model import Policy
from keyward.policy.parts import Quota
from keyward.policy.periods import day_of, first_day, next_first_day
from keyward.runs import runtime
from keyward.runs.key_step import Step, gone
from keyward.runs.usage_plans import UsagePlans

JSON = dict[str, Any]


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, lease, action: {number, extensions}, execution_arn}`; output
    `{key_id, extended}`, the requests that were granted."""
    return extend_quota(
        event,
        runtime.gateway(),
        runtime.registry(),
        runtime.usage_plans(str(event["execution_arn"])),
        runtime.policy(),
        runtime.now,
    )


def extend_quota(
    task: JSON,
    gateway: Gateway,
    registry: Registry,
    plans: UsagePlans,
    policy: Policy,
    clock: Callable[[], float],
) -> JSON:
    """Grant what the requests ask for: GetUsage, UpdateUsage; 1 read, 1 write.

    What the period has in all (used and left together) stays the same whatever is called, so it is
    written down before the call: a try that nobody answered is told by it, and never granted twice.
    QuotaExtended goes into the outbox with the record. Raises KeyGoneError and what the gateway
    raises.
    """
    step = Step.begin(task, registry, clock)
    record = step.made()
    wanted = [extension_of(item) for item in task["action"]["extensions"]]
    fresh = [item for item in wanted if item.taken > record.extended]
    quota = policy.plan(str(record.plan)).quota
    plan_id = plans.known_id(str(record.plan))
    if not (fresh and quota and plan_id):
        return {"key_id": record.key_id, "extended": []}
    _Granting(step, record, gateway, plan_id, quota).grant(fresh)
    return {"key_id": record.key_id, "extended": [item.taken for item in fresh]}


@dataclass
class _Granting:
    """One key in one plan."""

    step: Step
    record: KeyRecord
    gateway: Gateway
    plan_id: str
    quota: Quota

    def grant(self, fresh: Sequence[Extension]) -> None:
        """Let the period have in all what the requests ask for, on top of what an earlier try
        began; a period that has it already is left alone."""
        used, left = self._read()
        total = self._journal(fresh, used + left)
        if used + left < total:
            try:
                self.gateway.set_remaining(self.plan_id, str(self.record.key_id), total - used)
            except NotFoundError:
                raise gone(self.record) from None
        finished = replace(
            self.record,
            extended=fresh[-1].taken,
            granted=total,
            extending=None,
            extending_to=None,
            extending_for=None,
        )
        self.step.save(finished, self._told(fresh, used, left, total))

    def _journal(self, fresh: Sequence[Extension], now: int) -> int:
        """The calls that the period is to have in all, written down; it has `now` of them."""
        period = f"{self.record.plan} {first_day(self.quota, day_of(self.step.now))}"
        is_begun = self.record.extending_for == period
        total = max(now, (self.record.extending or 0) if is_begun else 0)
        begun_to = (self.record.extending_to or 0) if is_begun else 0
        rest = [item for item in fresh if item.taken > begun_to]
        for item in rest:
            total = item.total(total, self.quota.limit)
        if rest:
            begun = replace(self.record, extending=total, tried_at=self.step.now)
            begun = replace(begun, extending_to=rest[-1].taken, extending_for=period)
            self.record = self.step.save(begun)
        return total

    def _read(self) -> tuple[int, int]:
        """Used in this period, and left of it."""
        today = day_of(self.step.now)
        first, key_id = first_day(self.quota, today), str(self.record.key_id)
        rows = self.gateway.usage(self.plan_id, first.isoformat(), today.isoformat(), key_id)
        days = rows.get(key_id)
        if not days:
            return 0, self.quota.limit
        return sum(day.used for day in days), days[-1].remaining

    def _told(self, done: Sequence[Extension], used: int, left: int, total: int) -> JSON:
        action = {"action": "extend_quota", "key": self.record.name, "from": used + left}
        return key_words.about(
            "QuotaExtended",
            self.record,
            self.step.execution_arn,
            [action | {"to": total}],
            plan=self.record.plan,
            used=used,
            remaining=max(left, total - used),
            limit=self.quota.limit,
            total=total,
            period=self.quota.period,
            period_ends=next_first_day(self.quota, day_of(self.step.now)).isoformat(),
            reason=next((item.reason for item in reversed(done) if item.reason), None),
        )
