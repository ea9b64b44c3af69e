"""Mode warn: a day is announced once, and on that day Keyward enforces by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.machines.api_lab import PETS, Lab
from tests.machines.audit_lab import AuditLab
from tests.machines.machine import refusal

DAY = 24 * 3600


def day(lab: Lab, ahead: int) -> str:
    now = datetime.fromtimestamp(lab.bench.clock.now(), UTC)
    return (now + timedelta(days=ahead)).strftime("%Y-%m-%d")


def to_midnight(lab: Lab, ahead: int, before: int = 0) -> None:
    """To 00:00 UTC of a day, or some seconds before."""
    now = lab.bench.clock.now()
    lab.bench.clock.advance((now // DAY + ahead) * DAY - now - before)


def test_the_day_is_announced_once_with_what_will_happen(lab: Lab) -> None:
    api_id = lab.api(mode="warn")
    for _ in range(3):
        assert lab.run(api_id).status == "SUCCEEDED"
        lab.bench.clock.advance(DAY)
    (event,) = lab.events()
    assert lab.event_types() == ["ApiWarned"]
    assert event["enforce_on"] == day(lab, 14 - 3)
    assert event["report"]["exposed_methods"] == ["GET /pets"]
    assert event["actions"]


def test_nothing_is_changed_before_the_day(lab: Lab) -> None:
    api_id = lab.api(mode=f"warn-until-{day(lab, 3)}")
    lab.forget()
    lab.run(api_id)
    to_midnight(lab, 3, before=1)
    lab.run(api_id)
    assert lab.calls()[1] == []
    assert not lab.live(api_id)["GET /pets"]


@pytest.mark.parametrize("tag", ["warn", "warn-until"])
def test_it_is_enforced_on_the_day_by_any_run(lab: Lab, tag: str) -> None:
    api_id = lab.api(mode=tag if tag == "warn" else f"warn-until-{day(lab, 14)}")
    lab.run(api_id)
    to_midnight(lab, 14)
    lab.run(api_id)
    assert lab.live(api_id)["GET /pets"]
    assert lab.event_types() == ["ApiWarned", "ApiProtected"]


@pytest.mark.parametrize("tag", ["warn", "warn-until"])
def test_that_nights_audit_enforces_it_though_nobody_deploys(account: AuditLab, tag: str) -> None:
    lab = account.lab
    api_id = lab.api(mode=tag if tag == "warn" else f"warn-until-{day(lab, 2)}")
    lab.policy(warn_days=2)
    lab.run(api_id)
    for _ in range(2):
        account.mend()
        assert not lab.live(api_id)["GET /pets"]
        to_midnight(lab, 1)
    account.mend()
    assert lab.live(api_id)["GET /pets"]
    assert lab.event_types() == ["ApiWarned", "ApiProtected"]


def test_another_day_is_announced_too(lab: Lab) -> None:
    api_id = lab.api(mode=f"warn-until-{day(lab, 3)}")
    lab.run(api_id)
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{api_id}"
    lab.client.tag_resource(resourceArn=arn, tags={"keyward": f"warn-until-{day(lab, 9)}"})
    lab.run(api_id)
    assert [event["enforce_on"] for event in lab.events("ApiWarned")] == [day(lab, 3), day(lab, 9)]


def test_a_warning_that_was_taken_back_counts_anew(lab: Lab) -> None:
    api_id = lab.api(mode="warn")
    lab.run(api_id)
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{api_id}"
    lab.client.tag_resource(resourceArn=arn, tags={"keyward": "observe"})
    lab.run(api_id)
    lab.bench.clock.advance(30 * DAY)
    lab.client.tag_resource(resourceArn=arn, tags={"keyward": "warn"})
    lab.forget()
    lab.run(api_id)
    assert not lab.live(api_id)["GET /pets"]
    (event,) = lab.events("ApiWarned")
    assert event["enforce_on"] == day(lab, 14)


def test_the_policy_says_how_many_days(lab: Lab) -> None:
    lab.policy(warn_days=30)
    lab.run(lab.api(mode="warn"))
    (event,) = lab.events("ApiWarned")
    assert event["enforce_on"] == day(lab, 30)


def test_what_is_opened_after_the_day_is_closed_as_in_enforce(lab: Lab) -> None:
    api_id = lab.api(mode=f"warn-until-{day(lab, 1)}")
    to_midnight(lab, 1)
    lab.run(api_id)
    lab.edit(api_id, PETS | {"/new": {"get": None}})
    lab.deploy(api_id)
    lab.run(api_id)
    assert lab.live(api_id) == {"GET /pets": True, "OPTIONS /pets": False, "GET /new": True}


@pytest.mark.parametrize("tag", ["warn-until-2026-13-01", "warn-until-tomorrow", "warning"])
def test_a_day_that_is_none_is_refused_and_changes_nothing(lab: Lab, tag: str) -> None:
    api_id = lab.api(mode=tag)
    run = lab.run(api_id, asked={"by": "audit"})
    assert refusal(run)["error"] == "InvalidInputError"
    assert "warn-until-YYYY-MM-DD" in lab.events("ApiFailed")[0]["reason"]
