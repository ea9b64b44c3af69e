"""Turn a look at an account without tables into a report: the same page. Pure."""

from __future__ import annotations

from collections import Counter

from keyward.audit.look import Look
from keyward.audit.model import Finding
from keyward.audit.room import full_on
from keyward.policy.model import Policy
from keyward.report.apis import api_row, exemption_rows
from keyward.report.customers import limits_words
from keyward.report.model import DISABLED, ENABLED, STATES, PlanRow, Report
from keyward.report.waiting import finding_items
from keyward.values import iso


def report_of(look: Look, policy: Policy, found: list[Finding], place: str, now: float) -> Report:
    """Make the report of a look at `place` with its `found` findings; `now` in epoch seconds. A
    person has to mend all of it."""
    rows = tuple(api_row(api, policy, (), (), now) for api in look.reading.apis)
    keys = list(look.reading.keys.keys.values()) if look.reading.keys else []
    people, mending = finding_items(found, {row.rest_api_id: row.mode for row in rows})
    return Report(
        written_at=iso(now),
        read_at=iso(look.reading.began),
        place=place,
        apis=rows,
        exemptions=exemption_rows(policy, rows, now),
        plans=_plans(look),
        waiting=tuple(sorted([*people, *mending], key=lambda item: item.severity != "high")),
        keys=len(keys),
        keys_full_on=full_on(keys, [], now),
        keys_of_others=len(keys),
    )


def _plans(look: Look) -> tuple[PlanRow, ...]:
    keys = look.reading.keys.keys if look.reading.keys else {}
    counts: Counter[tuple[str, str]] = Counter()
    for key_id, plans in look.plans_of.items():
        if key_id in keys:
            state = ENABLED if keys[key_id].enabled else DISABLED
            counts.update((plan_id, state) for plan_id in plans)
    return tuple(
        PlanRow(
            plan.name,
            limits_words(plan.throttle, plan.quota),
            {state: n for state in STATES if (n := counts[plan.plan_id, state])},
            plan.plan_id,
            opens=len(plan.stages),
        )
        for plan in sorted(look.reading.plans, key=lambda plan: plan.name)
    )
