"""GetUsage and UpdateUsage; the figures themselves are with the limits."""

from __future__ import annotations

import pytest

from emulator.tests.conformance.account import Account
from emulator.tests.conformance.answers import refusal_of, replace
from emulator.tests.conformance.tags import believed, documented, recorded

QUOTA = {"limit": 10, "period": "DAY"}


@documented("botocore model: Usage")
def test_usage_names_its_plan_and_dates(account: Account) -> None:
    plan = account.plan(quota=QUOTA)
    found = account.gw.get_usage(
        usagePlanId=plan, startDate=account.today(2), endDate=account.today()
    )
    assert (found["usagePlanId"], found["startDate"], found["endDate"]) == (
        plan,
        account.today(2),
        account.today(),
    )


@believed("UpdateUsage replace /remaining is read back")
def test_granted_calls_are_read_back(account: Account) -> None:
    plan, key = account.plan(quota=QUOTA), account.key()
    account.attach(plan, key)
    update = account.gw.update_usage
    update(usagePlanId=plan, keyId=key["id"], patchOperations=[replace("/remaining", "25")])
    found = account.gw.get_usage(
        usagePlanId=plan, startDate=account.today(), endDate=account.today()
    )
    assert found["items"][key["id"]][-1][1] == 25


@recorded("5 GetUsage: one pair a day")
def test_each_day_has_a_pair(account: Account) -> None:
    plan, key = account.plan(quota=QUOTA), account.key()
    account.attach(plan, key)
    update = account.gw.update_usage
    update(usagePlanId=plan, keyId=key["id"], patchOperations=[replace("/remaining", "25")])
    found = account.gw.get_usage(
        usagePlanId=plan, keyId=key["id"], startDate=account.today(2), endDate=account.today()
    )
    assert [len(pair) for pair in found["items"][key["id"]]] == [2, 2, 2]


@believed("counters belong to plan and key: another plan counts from its own limit")
def test_a_changed_plan_has_counters_of_its_own(account: Account) -> None:
    free, pro, key = account.plan(quota=QUOTA), account.plan(quota=QUOTA), account.key()
    account.attach(free, key)
    grant, read = account.gw.update_usage, account.gw.get_usage
    grant(usagePlanId=free, keyId=key["id"], patchOperations=[replace("/remaining", "3")])
    account.gw.delete_usage_plan_key(usagePlanId=free, keyId=key["id"])
    account.attach(pro, key)
    grant(usagePlanId=pro, keyId=key["id"], patchOperations=[replace("/remaining", "7")])
    found = read(usagePlanId=pro, startDate=account.today(), endDate=account.today())["items"]
    assert found[key["id"]][-1][1] == 7


@believed("a key that left the plan is not in its usage, and comes back without counters")
def test_a_key_that_comes_back_begins_anew(account: Account) -> None:
    plan, key = account.plan(quota=QUOTA), account.key()
    account.attach(plan, key)
    grant, read = account.gw.update_usage, account.gw.get_usage
    grant(usagePlanId=plan, keyId=key["id"], patchOperations=[replace("/remaining", "3")])
    account.gw.delete_usage_plan_key(usagePlanId=plan, keyId=key["id"])
    assert read(usagePlanId=plan, startDate=account.today(), endDate=account.today())["items"] == {}
    account.attach(plan, key)
    assert read(usagePlanId=plan, startDate=account.today(), endDate=account.today())["items"] == {}


@documented("API reference: UpdateUsage, NotFoundException")
def test_a_key_outside_the_plan_is_granted_nothing(account: Account) -> None:
    plan, key = account.plan(quota=QUOTA), account.key()
    update = account.gw.update_usage
    patch = [replace("/remaining", "25")]
    refusal = refusal_of(lambda: update(usagePlanId=plan, keyId=key["id"], patchOperations=patch))
    assert (refusal.code, refusal.status) == ("NotFoundException", 404)


@believed("dates that are none, or the wrong way round, are a bad request")
@pytest.mark.parametrize(
    "dates", [("nodate", "nodate"), ("2026-01-04", "2026-01-01")], ids=["none", "turned"]
)
def test_dates_that_cannot_be_are_refused(account: Account, dates: tuple[str, str]) -> None:
    plan = account.plan(quota=QUOTA)
    read = account.gw.get_usage
    refusal = refusal_of(lambda: read(usagePlanId=plan, startDate=dates[0], endDate=dates[1]))
    assert (refusal.code, refusal.status) == ("BadRequestException", 400)
