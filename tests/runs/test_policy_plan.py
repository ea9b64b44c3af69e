"""The first step of apply-policy: what is in force at once, what waits, and who is looked at."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyward.customers.key import CREATED, KeyRecord
from keyward.customers.key_item import key_item
from keyward.runs.policy.run import SUBJECT
from tests.runs.policy_desk import (
    ARN,
    ASKED,
    END,
    OTHER,
    QUEUE,
    QUOTA,
    QUOTA_FIELD,
    UPDATE,
    Edits,
    a_plan,
    an_api,
    exempt,
    limited,
    policy,
)


def test_without_an_edit_nothing_is_done(edits: Edits) -> None:
    before = edits.in_force
    assert (edits.plan(), edits.plan()) == (END, END)
    assert (edits.in_force, edits.told(), edits.bench.bus.later) == (before, [], [])
    assert edits.run().plan() == {"next": "end", "wait_seconds": 0, "failed": []}


def test_what_needs_no_plan_is_in_force_and_told_at_once(edits: Edits) -> None:
    assert edits.in_force.version == 1
    assert edits.plan(limited(50) | {"report_days": 3}) == END
    assert edits.told() == [("PolicyApplied", [QUOTA_FIELD, "report_days"])]
    found = edits.in_force
    assert (found.version, found.body["report_days"]) == (2, 3)
    assert (found.pending, found.applied, found.hold, found.is_found) == ((), (), None, False)
    detail = edits.bench.bus.entries[0]["Detail"]
    assert (detail["version"], detail["execution_arn"]) == (2, ARN)
    assert detail["caused_by"]["event_id"] == "e1"
    lines = edits.registry.ledger.of("policy")
    assert [line["asked"] for line in lines] == [ASKED, ASKED]
    assert edits.plan() == END
    assert len(edits.told()) == 1


def test_a_run_from_the_console_says_so(edits: Edits) -> None:
    assert edits.in_force.version == 1
    edits.plan(limited(50), asked=None)
    [line] = edits.registry.ledger.of("policy")
    assert line["asked"] == {"by": "console"}


def test_what_a_plan_lacks_is_told_when_the_plan_has_it(edits: Edits) -> None:
    a_plan(edits.bench, "free", quota=QUOTA)
    assert edits.in_force.version == 1
    assert edits.plan(limited(200) | {"report_days": 3}) == UPDATE
    assert (edits.told(), edits.quota()) == ([], 100)
    found = edits.in_force
    assert [line["field"] for line in found.pending] == [QUOTA_FIELD]
    assert [line["field"] for line in found.applied] == ["report_days"]
    assert found.pending[0]["asked"] == ASKED
    assert edits.plan() == UPDATE, "a step that is replayed finds it so"
    assert edits.in_force == found


def test_a_version_that_is_refused_leaves_the_last_good_one_in_force(edits: Edits) -> None:
    assert edits.in_force.version == 1
    edits.put(limited(50))
    assert edits.plan("no policy") == END
    kinds = [kind for kind, _ in edits.told()]
    assert kinds == ["PolicyRefused", "PolicyApplied"]
    refused = edits.bench.bus.entries[0]["Detail"]
    assert (refused["version"], refused["execution_arn"]) == (3, ARN)
    assert refused["caused_by"]["event_id"] == "e1"
    found = edits.in_force
    assert (found.refused, found.version) == (refused["reason"], 3)
    assert found.body["usage_plans"]["free"]["quota"]["limit"] == 50
    edits.bench.clock.advance(1)
    assert edits.plan(limited(50)) == END
    assert (edits.in_force.refused, edits.in_force.version) == (None, 4)
    assert len(edits.told()) == 2


def test_a_parameter_that_is_gone_changes_nothing_and_is_told(edits: Edits) -> None:
    a_plan(edits.bench, "free", quota=QUOTA | {"limit": 7})
    before = edits.in_force
    edits.ssm.delete_parameter(Name="policy")
    assert edits.plan() == UPDATE, "what plans lack is put right all the same"
    assert [kind for kind, _ in edits.told()] == ["PolicyRefused"]
    assert edits.in_force == before


def test_a_policy_that_met_plans_of_an_earlier_edition_begins_with_their_limits(
    new_stack: Edits,
) -> None:
    plan_id = a_plan(new_stack.bench, "free", quota=QUOTA | {"limit": 7})
    new_stack.registry.plans.save_id("free", plan_id, "keyward")
    assert new_stack.in_force.is_found
    assert new_stack.plan() == UPDATE
    found = new_stack.in_force
    assert ([line["before"]["limit"] for line in found.pending], found.is_found) == ([7], False)


def test_parts_of_the_former_revision_are_forgotten(edits: Edits) -> None:
    revision, table = edits.in_force.revision, edits.bench.tables["PlansTable"]
    key = {"plan": f"#policy#{revision}#0"}
    table.put_item(Item=key | {"body": "a part"})
    assert edits.plan() == END
    assert table.get_item(Key=key).get("Item"), "nothing was written"
    edits.plan(limited(50))
    assert table.get_item(Key=key).get("Item") is None


def test_apis_are_looked_at_when_functions_know_the_policy(edits: Edits) -> None:
    pets, shop = (an_api(edits.bench, name) for name in ("pets", "shop"))
    untagged = an_api(edits.bench, "untagged", None)
    assert edits.in_force.version == 1
    body = limited(100) | {"report_days": 3}
    edits.plan(body)
    assert edits.bench.bus.later == []
    body |= {"exemptions": [exempt("pets", path="/other")]}
    edits.plan(body)
    look = (QUEUE, {"rest_api_id": pets, "asked": ASKED}, 6)
    assert edits.bench.bus.later == [look]
    edits.plan(body | {"warn_days": 2})
    ids = [body["rest_api_id"] for _, body, _ in edits.bench.bus.later[1:]]
    assert sorted(ids) == sorted([pets, shop, untagged])
    edits.bench.bus.later.clear()
    edits.plan(body | {"warn_days": 3}, mode="off")
    assert untagged not in [body["rest_api_id"] for _, body, _ in edits.bench.bus.later]


def a_customer(edits: Edits, name: str, *held: str, **wants: object) -> None:
    edits.bench.tables["CustomersTable"].put_item(Item={"customer_id": name} | wants)
    if held:
        made = KeyRecord(name, 1, CREATED, "id1", plans=held)
        edits.bench.tables["KeysTable"].put_item(Item={"customer_id": name} | key_item(made))


def due(edits: Edits) -> dict[str, int]:
    """In how many seconds customers are due."""
    now = int(edits.bench.clock.now())
    return {name: at - now for name, at in edits.registry.customers.due(now + 1000)}


def test_who_waits_for_a_plan_that_is_new_is_looked_at(edits: Edits) -> None:
    a_customer(edits, "new", plan="gold")
    a_customer(edits, "many", "free", plan="free", plans=["free", "gold"])
    a_customer(edits, "moves", "free", plan="gold")
    a_customer(edits, "has", "gold", plan="gold")
    a_customer(edits, "other", plan="free")
    a_customer(edits, "odd", plan=7, plans="gold")
    a_customer(edits, "odder", plans=[["gold"], 7])
    a_customer(edits, "none")
    assert edits.in_force.version == 1
    quota = {"quota": QUOTA}
    edits.plan(policy(free=quota | {"rotate_after_days": 9}, old=quota) | {"warn_days": 3})
    assert due(edits) == {}
    edits.plan(policy(free=quota, gold=quota))
    assert due(edits) == {"new": 6, "many": 6, "moves": 6}


def test_a_plan_that_leaves_the_policy_concerns_no_customer(edits: Edits) -> None:
    a_customer(edits, "acme", plan="free")
    assert edits.in_force.version == 1
    edits.plan(policy(gold={"quota": QUOTA}))
    assert due(edits) == {}


def spent(edits: Edits) -> float:
    return edits.registry.schedule.read().get("calls.spent", 0)


def test_the_calls_of_a_step_are_counted_even_when_it_fails(edits: Edits) -> None:
    a_plan(edits.bench, "free", quota=QUOTA)
    assert edits.in_force.version == 1
    for _ in range(2):
        before, was = len(edits.bench.operations()), spent(edits)
        edits.plan()
        made = len(edits.bench.operations()) - before
        assert spent(edits) - was == made > 0
    real = edits.context
    before, was = len(edits.bench.operations()), spent(edits)
    edits.context = replace(real, bus=None)  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        edits.plan(policy(free={"quota": QUOTA}) | {"report_days": 5})
    assert spent(edits) - was == len(edits.bench.operations()) - before


def test_a_run_that_meets_another_leaves_it_to_that_one(edits: Edits) -> None:
    leases, now = edits.registry.leases, edits.bench.clock.now()
    lease = leases.acquire(SUBJECT, OTHER, now)
    assert lease is not None
    assert edits.plan(limited(50)) == END | {"busy": True}
    assert (edits.in_force.version, edits.told()) == (1, [])
    assert leases.release(lease) is False, "it hears that it has to start over"


def test_a_run_that_others_left_word_with_starts_over(edits: Edits) -> None:
    class Busy:
        """A parameter that is read while another run comes."""

        def read(self, known: int = 0) -> object:
            assert edits.run(OTHER).plan()["busy"] is True
            return real(known)

    assert edits.in_force.version == 1
    real = edits.registry.parameter.read
    edits.registry.__dict__["parameter"] = Busy()
    edits.registry.policies  # noqa: B018 - made before, with the real one
    assert edits.plan() == {"next": "plan_policy"}


def test_a_run_that_was_stopped_is_taken_over(edits: Edits) -> None:
    assert edits.registry.leases.acquire(SUBJECT, OTHER, edits.bench.clock.now())
    edits.bench.bus.stopped.add(OTHER)
    edits.bench.clock.advance(70)
    assert edits.plan(limited(50)) == END
    assert edits.in_force.body["usage_plans"]["free"]["quota"]["limit"] == 50


def test_an_update_that_meets_another_run_leaves_it_to_that_one(edits: Edits) -> None:
    assert edits.in_force.version == 1
    a_plan(edits.bench, "free", quota=QUOTA)
    assert edits.plan(limited(200)) == UPDATE
    assert edits.registry.leases.acquire(SUBJECT, OTHER, edits.bench.clock.now())
    assert edits.update() == END | {"busy": True}
    assert edits.quota() == 100
