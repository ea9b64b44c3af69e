"""Holds of the policy: what waits for a person, until when, and what each answer does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyward.apis.model import APPROVED, REJECTED
from keyward.aws.tables.policy import PENDING
from keyward.errors import WrongAnswerError
from keyward.runs.policy.run import SUBJECT
from tests.runs.policy_desk import (
    ARN,
    ASKED,
    END,
    QUOTA,
    QUOTA_FIELD,
    UPDATE,
    Edits,
    a_key,
    a_plan,
    limited,
)


def with_keys(edits: Edits) -> None:
    a_key(edits.bench, a_plan(edits.bench, "free", quota=QUOTA), "acme/1")


def test_what_customers_would_lose_waits_for_a_person(edits: Edits) -> None:
    with_keys(edits)
    assert edits.in_force.version == 1
    now = int(edits.bench.clock.now())
    assert edits.plan(limited(10) | {"report_days": 3}) == END
    assert edits.told() == [("PolicyHeld", [QUOTA_FIELD]), ("PolicyApplied", ["report_days"])]
    found = edits.in_force
    assert found.hold is not None
    assert (found.hold.since, found.hold.decision, found.hold.asked) == (now, PENDING, ASKED)
    assert found.body["usage_plans"]["free"]["quota"] == QUOTA
    held = edits.bench.bus.entries[0]["Detail"]
    assert (held["version"], held["execution_arn"]) == (2, ARN)
    assert held["caused_by"]["event_id"] == "e1"
    edits.bench.clock.advance(60)
    assert edits.plan(asked={"by": "audit"}) == END
    assert (len(edits.told()), edits.in_force) == (2, found)


def hold(edits: Edits) -> str:
    with_keys(edits)
    assert edits.in_force.version == 1
    edits.plan(limited(10))
    held = edits.in_force.hold
    assert held is not None
    return held.fingerprint


def test_what_a_person_approves_is_brought_to_the_plan(edits: Edits) -> None:
    mark = hold(edits)
    approver = {"by": "event", "event_id": "e2", "detail_type": "PolicyApproved", "source": "me"}
    assert edits.plan(approve=mark, asked=approver) == UPDATE
    found = edits.in_force
    assert (found.hold, [line["asked"] for line in found.pending]) == (None, [approver])
    assert found.body["usage_plans"]["free"]["quota"]["limit"] == 10
    answer = edits.registry.policies.answered()
    assert answer is not None
    assert (answer["decision"], answer["asked"], answer["mark"]) == (APPROVED, approver, mark)
    assert answer["at"] == int(edits.bench.clock.now())
    assert edits.plan(approve=mark) == UPDATE, "the same answer may come again"


def test_what_a_person_rejects_stays_held_in_silence(edits: Edits) -> None:
    mark = hold(edits)
    edits.bench.clock.advance(60)
    assert edits.plan(reject=mark) == END
    for _ in range(2):
        found = edits.in_force.hold
        assert found is not None
        assert (found.decision, found.fingerprint) == (REJECTED, mark)
        assert edits.plan() == END
    assert edits.told() == [("PolicyHeld", [QUOTA_FIELD])]
    assert edits.plan(approve=mark) == UPDATE, "people change their minds"


def test_an_answer_to_an_earlier_edit_is_over(edits: Edits) -> None:
    mark = hold(edits)
    edits.plan(reject=mark)
    edits.bench.clock.advance(60)
    edits.plan(limited(100))
    assert edits.in_force.hold is None
    edits.bench.clock.advance(60)
    assert edits.plan(limited(10)) == END
    found = edits.in_force.hold
    assert found is not None
    assert (found.fingerprint, found.decision) == (mark, PENDING)
    assert found.since == int(edits.bench.clock.now())
    assert [kind for kind, _ in edits.told()] == ["PolicyHeld", "PolicyHeld"]
    assert edits.plan() == END
    assert edits.in_force.hold == found


def test_a_hold_keeps_its_time_while_others_who_asked_come(edits: Edits) -> None:
    mark = hold(edits)
    first = edits.in_force.hold
    assert first is not None
    edits.bench.clock.advance(60)
    a_key(edits.bench, edits.bench.gateway.plans()[0].plan_id, "zoo/1")
    edits.plan(limited(10) | {"report_days": 3}, asked={"by": "audit"})
    found = edits.in_force.hold
    assert found is not None
    assert (found.fingerprint, found.since, found.asked) == (mark, first.since, ASKED)
    assert found.lines[0].touches.customers == 2


def test_a_hold_stays_when_its_customers_have_left(edits: Edits) -> None:
    mark = hold(edits)
    [plan] = edits.bench.gateway.plans()
    [key_id] = edits.bench.gateway.plan_key_ids(plan.plan_id)
    edits.bench.gateway.detach_key(plan.plan_id, key_id)
    edits.plan()
    found = edits.in_force.hold
    assert found is not None
    assert found.fingerprint == mark


def test_a_hold_of_an_earlier_edition_does_not_say_who_asked(edits: Edits) -> None:
    hold(edits)
    found = edits.in_force
    assert found.hold is not None
    edits.bench.clock.advance(1)
    earlier = replace(found.hold, asked=None, since=found.hold.since - 1)
    edits.registry.policies.save(replace(found, hold=earlier))
    edits.plan()
    assert edits.bench.bus.entries[-1]["Detail"]["caused_by"]["event_id"] == "e1"
    assert len(edits.told()) == 2


@pytest.mark.parametrize("word", ["approve", "reject"])
def test_an_answer_to_nothing_is_refused(edits: Edits, word: str) -> None:
    with pytest.raises(WrongAnswerError) as refusal:
        edits.plan(**{word: "0f1e2d3c4b5a6978"})
    assert str(refusal.value) == (
        f"{word}: must be the fingerprint of what is held of the policy, got 0f1e2d3c4b5a6978. "
        "Take it from `keyward holds`"
    )
    hold(edits)
    with pytest.raises(WrongAnswerError):
        edits.plan(**{word: "0f1e2d3c4b5a6978"})
    assert edits.registry.policies.answered() is None
    assert edits.registry.leases.holder(SUBJECT) is None
