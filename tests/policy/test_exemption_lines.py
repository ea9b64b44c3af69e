"""Exemptions in a change set: what they are about, and what they open."""

from __future__ import annotations

from typing import Any

import pytest

from keyward.policy.change_set import (
    NARROWING,
    NEUTRAL,
    OPENING,
    change_set,
    changed_exemptions,
    place_of,
)
from keyward.policy.facts import AccountFacts
from keyward.values import JSON

HEALTH = {"api": "*", "method": "GET", "path": "/health", "reason": "probe"}
LIVE = {"rest_api_id": "a1", "stage": "prod", "method": "GET", "path": "/health"}


def policy(plan: JSON, **more: Any) -> JSON:
    return {"usage_plans": {"free": plan}} | more


@pytest.mark.parametrize(
    ("before", "after", "opened", "kind"),
    [
        ([], [HEALTH], (), OPENING),
        ([HEALTH], [], (LIVE,), NARROWING),
        ([HEALTH], [HEALTH | {"reason": "uptime"}], (), NEUTRAL),
        ([HEALTH], [HEALTH | {"reason": "uptime"}], (LIVE,), OPENING),
    ],
)
def test_an_exemption_is_a_line(
    before: list[JSON], after: list[JSON], opened: tuple[JSON, ...], kind: str
) -> None:
    account = AccountFacts(opened={("*", "GET", "/health"): opened})
    was, now = policy({}, exemptions=before), policy({}, exemptions=after)
    [line] = change_set(was, now, account)
    assert (line.field, line.kind) == ("exemptions", kind)
    assert (line.before, line.after) == (next(iter(before), None), next(iter(after), None))
    assert line.exemption == {"api": "*", "method": "GET", "path": "/health"}
    assert line.methods == (opened if after else ())
    assert place_of(HEALTH) == ("*", "GET", "/health")


def test_of_two_exemptions_of_one_place_the_first_counts() -> None:
    twice = [HEALTH, HEALTH | {"reason": "second"}]
    account = AccountFacts()
    [added] = change_set(policy({}), policy({}, exemptions=twice), account)
    [removed] = change_set(policy({}, exemptions=twice), policy({}), account)
    assert added.after == removed.before == HEALTH


def test_exemptions_that_are_new_or_changed_are_found() -> None:
    other = HEALTH | {"path": "/other"}
    was, now = policy({}, exemptions=[HEALTH]), policy({}, exemptions=[HEALTH, other])
    assert changed_exemptions(was, now) == [other]
    assert changed_exemptions(now, was) == []
    assert changed_exemptions(policy({}), was) == [HEALTH]
    assert changed_exemptions(was, policy({})) == []
