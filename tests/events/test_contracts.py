from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from keyward.errors import InvalidEventError, InvalidInputError
from keyward.events.contracts import (
    customer_event,
    customer_named_in,
    decision,
    flag_of,
    parse_customer_id,
)
from keyward.events.incoming import CUSTOMER_EVENTS
from tests.support import load_event

NOW = 1795434400.0  # 2026-11-23T11:46:40Z


def kebab(detail_type: str) -> str:
    """The file of a detail-type's sample, without its ending."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", detail_type).lower()


def signed_up(**detail: Any) -> dict[str, Any]:
    event = copy.deepcopy(load_event("customer-signed-up"))
    event["detail"] |= detail
    event["detail"] = {name: value for name, value in event["detail"].items() if value != "ABSENT"}
    return event


@pytest.mark.parametrize("detail_type", CUSTOMER_EVENTS)
def test_each_sample_is_accepted_as_what_it_is(detail_type: str) -> None:
    event = customer_event(load_event(kebab(detail_type)), NOW)
    assert (event.detail_type, event.customer_id) == (detail_type, "acme")


def test_an_event_without_a_time_of_its_own_has_that_of_its_envelope() -> None:
    event = signed_up(occurred_at="ABSENT") | {"time": "2026-11-23T10:00:00Z"}
    assert customer_event(event, NOW).occurred_at == 1795428000


def test_fractions_of_a_second_do_not_count() -> None:
    whole = customer_event(signed_up(occurred_at="2026-11-23T10:00:00Z"), NOW).occurred_at
    half = customer_event(signed_up(occurred_at="2026-11-23T10:00:00.900Z"), NOW).occurred_at
    assert whole == half


def test_time_zones_are_understood() -> None:
    utc = customer_event(signed_up(occurred_at="2026-11-23T10:00:00Z"), NOW).occurred_at
    oslo = customer_event(signed_up(occurred_at="2026-11-23T11:00:00+01:00"), NOW).occurred_at
    assert utc == oslo


def test_a_time_up_to_five_minutes_ahead_is_accepted() -> None:
    soon = signed_up(occurred_at="2026-11-23T11:51:40Z")
    assert customer_event(soon, NOW).occurred_at == NOW + 300


@pytest.mark.parametrize(
    ("detail", "field"),
    [
        ({"customer_id": "ABSENT"}, "detail.customer_id"),
        ({"customer_id": "|ab"}, "detail.customer_id"),
        ({"customer_id": "a" * 129}, "detail.customer_id"),
        ({"customer_id": "has space"}, "detail.customer_id"),
        ({"customer_id": "acme\n"}, "detail.customer_id"),
        ({"customer_id": 17}, "detail.customer_id"),
        ({"customer_id": None}, "detail.customer_id"),
        ({"plan": "ABSENT"}, "detail.plan"),
        ({"plan": ""}, "detail.plan"),
        ({"plan": ["free"]}, "detail.plan"),
        ({"plan": "x" * 256}, "detail.plan"),
        ({"name": 5}, "detail.name"),
        ({"name": "half a character: \ud800"}, "detail.name"),
        ({"tags": "none"}, "detail.tags"),
        ({"occurred_at": "yesterday"}, "detail.occurred_at"),
        ({"occurred_at": 1795434400}, "detail.occurred_at"),
        ({"occurred_at": "2026-11-23T11:51:41Z"}, "detail.occurred_at"),
    ],
)
def test_a_malformed_sign_up_is_refused_by_the_name_of_its_field(
    detail: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidEventError) as told:
        customer_event(signed_up(**detail), NOW)
    assert told.value.field == field


@pytest.mark.parametrize(
    ("sample", "detail", "field"),
    [
        ("customer-plan-changed", {"key": "other"}, "detail.key"),
        ("customer-suspended", {"reason": {}}, "detail.reason"),
        ("key-rotation-requested", {"overlap_hours": -1}, "detail.overlap_hours"),
        ("key-rotation-requested", {"overlap_hours": "168"}, "detail.overlap_hours"),
        ("key-rotation-requested", {"overlap_hours": True}, "detail.overlap_hours"),
        ("customer-expiry-changed", {"expires_at": "soon"}, "detail.expires_at"),
        ("customer-expiry-changed", {"expires_at": 10**20}, "detail.expires_at"),
        ("subscription-changed", {"state": "new"}, "detail.state"),
        ("subscription-changed", {"state": None}, "detail.state"),
        ("subscription-changed", {"subscription": ""}, "detail.subscription"),
        ("subscription-changed", {"ends_at": []}, "detail.ends_at"),
        ("undo-requested", {"what": "everything"}, "detail.what"),
    ],
)
def test_other_malformed_events_are_refused_by_the_name_of_their_field(
    sample: str, detail: dict[str, Any], field: str
) -> None:
    event = load_event(sample)
    event["detail"] |= detail
    with pytest.raises(InvalidEventError) as told:
        customer_event(event, NOW)
    assert told.value.field == field


@pytest.mark.parametrize("envelope", [None, [], "text", {}, {"detail": []}, {"detail": None}])
def test_what_is_no_envelope_is_refused(envelope: object) -> None:
    with pytest.raises(InvalidEventError):
        customer_event(envelope, NOW)
    assert customer_named_in(envelope) is None


def test_an_unknown_detail_type_is_refused_with_the_known_ones() -> None:
    event = load_event("customer-signed-up") | {"detail-type": "CustomerWon"}
    with pytest.raises(InvalidEventError, match="CustomerSignedUp"):
        customer_event(event, NOW)


def test_a_message_never_repeats_what_was_sent() -> None:
    with pytest.raises(InvalidEventError) as told:
        customer_event(signed_up(customer_id="kwSecretLooking value"), NOW)
    assert "kwSecretLooking" not in str(told.value)


def test_a_malformed_event_still_names_its_customer() -> None:
    assert customer_named_in(signed_up(plan="ABSENT")) == "acme"


@pytest.mark.parametrize("sample", ["deployment-approved", "deployment-rejected"])
def test_a_decision_is_read_from_its_sample(sample: str) -> None:
    made = decision(load_event(sample))
    assert made.approved is (sample == "deployment-approved")
    assert made.stage == "prod"


def test_a_decision_without_a_fingerprint_is_refused() -> None:
    event = load_event("deployment-approved")
    del event["detail"]["fingerprint"]
    with pytest.raises(InvalidEventError, match=r"detail\.fingerprint: is missing"):
        decision(event)


@pytest.mark.parametrize("task", [{}, [], "acme", {"customer_id": ""}, {"customer_id": 5}])
def test_a_console_run_without_a_customer_is_told_the_field(task: object) -> None:
    with pytest.raises(InvalidInputError, match="customer_id"):
        parse_customer_id(task)


def test_a_flag_is_true_or_false_and_nothing_else() -> None:
    assert flag_of({"dry_run": True}, "dry_run")
    assert not flag_of({}, "dry_run")
    with pytest.raises(InvalidInputError, match="dry_run"):
        flag_of({"dry_run": "yes"}, "dry_run")
