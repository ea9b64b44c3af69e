"""The report's week: each event that went out, once, from the ledger alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

import read_usage
from emulator.model import Usage
from keyward.report.activity import activity_of, days_of_week
from keyward.values import iso
from tests.machines.audit_lab import AuditLab
from tests.machines.life_lab import DAY, LifeLab

Story = Callable[[AuditLab], None]
NAMED = ("customer_id", "rest_api_id", "stage", "plan", "key_id", "reason")


def key_life(account: AuditLab) -> None:
    life = account.life
    life.policy(propagation_seconds=0)
    life.after("CustomerSignedUp", plan="free")
    life.after("CustomerPlanChanged", plan="pro")
    life.after("KeyRotationRequested", overlap_hours=1)
    life.wait(hours=3)
    life.after("CustomerSuspended", reason="invoice 4711 is open")
    life.after("CustomerResumed")
    life.after("CustomerClosed", reason="gone")
    life.wait(days=2)


def bill(account: AuditLab) -> None:
    life = account.life
    life.after("CustomerSignedUp", plan="free")
    life.after("PaymentFailed")
    life.wait(days=1)


def failed_run(account: AuditLab) -> None:
    account.life.after("CustomerSignedUp", plan="no such plan")
    account.lab.run("a1b2c3d4e5")


def apis(account: AuditLab) -> None:
    for mode in ("enforce", "observe", "warn"):
        account.lab.run(account.lab.api(mode=mode, stages=("prod", "test")))


def held_stage(account: AuditLab) -> None:
    lab = account.lab
    lab.policy(hold="always")
    api_id = lab.api({"/pets": {"get": ["api_key"]}})
    lab.run(api_id)
    lab.edit(api_id, {"/pets": {"get": None}, "/new": {"get": None}})
    lab.deploy(api_id)
    lab.edit(api_id, {"/other": {"get": None}})
    lab.run(api_id)


def used_quota(account: AuditLab) -> None:
    life = account.life
    life.after("CustomerSignedUp", plan="free")
    state = life.bench.emulator.state
    (place,) = [(plan.id, key_id) for plan in state.plans.values() for key_id in plan.key_ids]
    state.usage[place] = Usage(used={iso(life.bench.clock.now())[:10]: 990})
    read_usage.handler({}, None)


def bad_policy(account: AuditLab) -> None:
    life = account.life
    life.after("CustomerSignedUp", plan="free")
    life.bench.ssm.put_parameter(Name="policy", Value="{}", Overwrite=True)
    life.bench.clock.advance(10)
    life.run()


def ending_exemption(account: AuditLab) -> None:
    soon = iso(account.lab.bench.clock.now() + 2 * DAY)[:10]
    probe = {"api": "*", "method": "GET", "path": "/pets", "reason": "probe", "expires": soon}
    account.lab.policy(exemptions=[probe])
    account.run(repair=True)


STORIES: tuple[Story, ...] = (
    *(key_life, bill, failed_run, apis, held_stage, used_quota, bad_policy, ending_exemption),
)


def heard(life: LifeLab) -> Counter[tuple[str, ...]]:
    return Counter(
        (entry["DetailType"], *(str(entry["Detail"].get(name)) for name in NAMED))
        for entry in life.bench.bus.entries
    )


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_each_event_that_went_out_is_told_once(account: AuditLab, story: Story) -> None:
    account.life.forget()
    story(account)
    bench = account.lab.bench
    now = bench.clock.now()
    rows = activity_of(bench.registry.ledger.of_days(days_of_week(now)), now)
    told = Counter((row.event, *(str(getattr(row, name)) for name in NAMED)) for row in rows)
    assert told == heard(account.life)
    assert told
