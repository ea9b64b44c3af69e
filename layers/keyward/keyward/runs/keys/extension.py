"""Gives a key more calls in this period than its plan gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from keyward.aws.gateway import Gateway
from keyward.customers.key import Grant, KeyRecord
from keyward.customers.quota import Extension, extension_of
from keyward.errors import NotFoundError
from keyward.policy.parts import Quota
from keyward.policy.periods import day_of, first_day, next_first_day
from keyward.runs.keys.step import KeyStep, gone
from keyward.values import JSON


def extend_quota(step: KeyStep) -> JSON:
    """Grant what the requests ask for: GetUsage, UpdateUsage; 1 read, 1 write.

    What the period has in all (used and left together) stays the same whatever is called, so it is
    written down before the call: an unanswered try is recognised by it, and never granted twice.
    Raises KeyGoneError and what the gateway raises.
    """
    run, record = step.run, step.created_record()
    requests = [extension_of(item) for item in step.action["extensions"]]
    fresh = [item for item in requests if item.taken > record.quota.extended]
    plan = str(step.action["plan"])
    quota = run.policy.plan(plan).quota
    plan_id = run.plans(step.execution_arn).stored_id(plan)
    if not (fresh and quota and plan_id and plan in record.plans):
        return {"key_id": record.key_id, "extended": []}
    _Granting(step, record, run.gateway, plan, plan_id, quota).grant(fresh)
    return {"key_id": record.key_id, "extended": [item.taken for item in fresh]}


@dataclass
class _Granting:
    """One key in one plan."""

    step: KeyStep
    record: KeyRecord
    gateway: Gateway
    plan: str
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
        quota = replace(self.record.quota, extended=fresh[-1].taken, granted=total)
        granted = replace(self.record, quota=quota)
        facts: dict[str, JSON] = {"extend_quota": {"from": used + left, "to": total}}
        facts["QuotaExtended"] = {"plan": self.plan} | self._period(
            fresh, used, max(left, total - used), total
        )
        self.step.save(granted.with_journal(grant=None), **facts)

    def _journal(self, fresh: Sequence[Extension], now: int) -> int:
        """The calls that the period is to have in all, written down; it has `now` of them."""
        period = f"{self.plan} {first_day(self.quota, day_of(self.step.now))}"
        begun = self.record.journal.grant
        if begun is None or begun.period != period:
            begun = Grant(0, 0, period)
        total = max(now, begun.calls)
        rest = [item for item in fresh if item.taken > begun.upto]
        for item in rest:
            total = item.total(total, self.quota.limit)
        if rest:
            grant = Grant(total, rest[-1].taken, period)
            self.record = self.record.with_journal(grant=grant, started_at=self.step.now)
            self.step.save(self.record)
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

    def _period(self, done: Sequence[Extension], used: int, left: int, total: int) -> JSON:
        return {
            "used": used,
            "remaining": left,
            "limit": self.quota.limit,
            "total": total,
            "period": self.quota.period,
            "period_ends": next_first_day(self.quota, day_of(self.step.now)).isoformat(),
            "reason": next((item.reason for item in reversed(done) if item.reason), None),
        }
