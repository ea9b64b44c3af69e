"""Exemptions are records: who, why, until when; they are announced, and then they lapse."""

from __future__ import annotations

import json
from typing import Any

import pytest

import audit
from keyward.values import JSON, iso
from tests.machines.api_lab import Lab
from tests.machines.audit_lab import AuditLab
from tests.support import load_event

HEALTH: JSON = {"/health": {"get": None}, "/pets": {"get": None}}
DAY = 86_400
SOON = 3 * DAY


def exemption(lab: Lab, in_seconds: float | None = SOON, **more: Any) -> JSON:
    record = {"api": "*", "method": "GET", "path": "/health", "reason": "probe", "owner": "ops"}
    ends = {"expires": iso(lab.bench.clock.now() + in_seconds)[:10]} if in_seconds else {}
    return record | ends | more


@pytest.fixture
def audited(account: AuditLab) -> Lab:
    return account.lab


def look(lab: Lab, **event: Any) -> JSON:
    told: JSON = json.loads(json.dumps(audit.handler(event, None)))
    return told


def kinds(told: JSON) -> list[str]:
    return [finding["kind"] for finding in told["findings"]]


def protected(lab: Lab, *exemptions: JSON) -> str:
    lab.policy(propagation_seconds=0, exemptions=list(exemptions))
    api_id = lab.api(HEALTH)
    assert lab.run(api_id).status == "SUCCEEDED"
    lab.forget()
    return api_id


def test_every_exempt_live_method_is_listed_with_who_why_and_until_when(audited: Lab) -> None:
    record = exemption(audited, in_seconds=30 * DAY)
    api_id = protected(audited, record)
    told = look(audited)
    assert told["findings"] == []
    (listed,) = told["exempt"]
    mark = listed.pop("exemption")
    assert len(mark) == 16
    assert listed == {
        "rest_api_id": api_id,
        "stage": "prod",
        "method": "GET",
        "path": "/health",
        "reason": "probe",
        "owner": "ops",
        "expires": record["expires"],
    }


def test_an_exemption_that_matches_nothing_is_a_finding(audited: Lab) -> None:
    unused = exemption(audited, in_seconds=None, path="/nowhere")
    protected(audited, exemption(audited, in_seconds=None), unused)
    (finding,) = look(audited)["findings"]
    assert finding["kind"] == "exemption_unused"
    assert "GET /nowhere of API * (probe, by ops)" in finding["says"]


def test_a_rule_for_what_may_come_needs_no_method(audited: Lab) -> None:
    preflight = {"api": "*", "method": "OPTIONS", "path": "*", "reason": "CORS preflight"}
    protected(audited, preflight, exemption(audited, in_seconds=None))
    assert look(audited)["findings"] == []


def test_one_that_ends_soon_is_found_and_announced_once(audited: Lab) -> None:
    record = exemption(audited)
    api_id = protected(audited, record)
    assert kinds(look(audited)) == ["exemption_expiring"]
    assert audited.event_types() == []  # without repair the audit changes and says nothing
    for _ in range(3):
        look(audited, repair=True)
    assert audited.event_types() == ["ExemptionExpiring"]
    (told,) = audited.events("ExemptionExpiring")
    sample = load_event("exemption-expiring")["detail"]
    assert set(told) == set(sample)
    assert told | {"expires": ""} == sample | {
        "expires": "",
        "methods": [sample["methods"][0] | {"rest_api_id": api_id}],
    }
    assert told["expires"] == record["expires"]


def test_one_that_is_prolonged_is_announced_anew_when_its_time_comes(audited: Lab) -> None:
    protected(audited, exemption(audited))
    look(audited, repair=True)
    audited.policy(propagation_seconds=0, exemptions=[exemption(audited, in_seconds=6 * DAY)])
    look(audited, repair=True)
    assert audited.event_types() == ["ExemptionExpiring"] * 2


def test_one_that_ends_later_is_not_announced(audited: Lab) -> None:
    protected(audited, exemption(audited, in_seconds=9 * DAY))
    look(audited, repair=True)
    assert audited.event_types() == []


def test_when_it_ends_the_audit_closes_the_method(audited: Lab) -> None:
    api_id = protected(audited, exemption(audited))
    assert audited.live(api_id) == {"GET /health": False, "GET /pets": True}
    audited.bench.clock.advance(SOON + DAY)
    told = look(audited, repair=True)
    assert kinds(told) == ["exposed_methods", "exemption_lapsed"]
    assert [finding.get("rest_api_id") for finding in told["findings"]] == [api_id, None]
    assert told["started"] == 1
    assert audited.machine.run({"rest_api_id": api_id}).status == "SUCCEEDED"
    assert audited.live(api_id) == {"GET /health": True, "GET /pets": True}


def test_a_lapsed_exemption_is_found_until_it_is_taken_out(audited: Lab) -> None:
    api_id = protected(audited, exemption(audited))
    audited.bench.clock.advance(SOON + DAY)
    assert audited.run(api_id).status == "SUCCEEDED"
    assert kinds(look(audited)) == ["exemption_lapsed"]


def test_observed_apis_are_listed_too_and_those_that_are_off_are_not(audited: Lab) -> None:
    audited.policy(exemptions=[exemption(audited, in_seconds=None)])
    observed, _ = audited.api(HEALTH, mode="observe"), audited.api(HEALTH, mode="off")
    assert {method["rest_api_id"] for method in look(audited)["exempt"]} == {observed}
