"""Keys that are in two plans of a stage keep it out of a plan, and are named."""

from __future__ import annotations

from tests.machines.api_lab import Lab
from tests.support import OURS


def conflict(lab: Lab, *stages: str) -> tuple[str, str]:
    """An API whose stages cannot join plan pro, and the key that is in both plans."""
    for plan in ("free", "pro"):
        lab.client.create_usage_plan(name=plan, tags=OURS)
    key = lab.key_in("free", "pro")
    api_id = lab.api(stages=stages or ("prod",))
    lab.forget()
    return api_id, key


def test_a_key_in_two_plans_of_the_stage_holds_it_and_is_named(lab: Lab) -> None:
    api_id, key = conflict(lab)
    run = lab.run(api_id)
    assert run.status == "SUCCEEDED", run.cause
    (event,) = lab.events("ApiHeld")
    assert event["key_ids"] == [key]
    assert event["stage"] == "prod"
    assert lab.event_types() == ["ApiHeld"]
    assert not lab.live(api_id)["GET /pets"]
    assert "UpdateMethod" not in lab.bench.operations()


def test_a_conflict_of_keys_is_told_once_and_looked_at_without_a_write(lab: Lab) -> None:
    api_id, _ = conflict(lab)
    lab.run(api_id)
    lab.forget()
    assert lab.run(api_id).status == "SUCCEEDED"
    assert lab.calls()[1] == []
    assert lab.event_types() == []


def test_a_stage_is_closed_when_its_keys_are_in_one_plan_each(lab: Lab) -> None:
    api_id, key = conflict(lab)
    lab.run(api_id)
    (pro,) = [p["id"] for p in lab.client.get_usage_plans()["items"] if p["name"] == "pro"]
    lab.client.delete_usage_plan_key(usagePlanId=pro, keyId=key)
    lab.forget()
    assert lab.run(api_id).status == "SUCCEEDED"
    assert lab.plans_of(api_id) == ["free", "pro"]
    assert lab.live(api_id)["GET /pets"]
    assert lab.event_types() == ["ApiProtected"]


def test_a_conflict_of_one_stage_does_not_keep_the_others_out(lab: Lab) -> None:
    lab.policy(usage_plans={"free": {"stages": ["dev"]}, "pro": {}})
    api_id, _ = conflict(lab, "dev", "prod")
    run = lab.run(api_id)
    assert run.status == "SUCCEEDED", run.cause
    assert [event["stage"] for event in lab.events("ApiHeld")] == ["dev"]
    assert [event["stage"] for event in lab.events("ApiProtected")] == ["prod"]
    assert lab.plans_of(api_id, "prod") == ["pro"]
    assert not lab.live(api_id, "dev")["GET /pets"]


def test_a_value_of_a_key_is_nowhere(lab: Lab) -> None:
    api_id, key = conflict(lab)
    lab.run(api_id)
    value = lab.client.get_api_key(apiKey=key, includeValue=True)["value"]
    tables = [table.scan()["Items"] for table in lab.bench.tables.values()]
    assert value not in str([tables, lab.bench.bus.entries])
