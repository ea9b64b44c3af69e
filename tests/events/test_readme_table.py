"""The README's table of events in: each event has the effect that its row says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from keyward.events.incoming import EVENTS_IN
from keyward.policy.parse import default_text
from keyward.values import JSON
from local.bench import Bench
from tests.events.test_catalogue import readme_rows

HOUR, DAY = 3600, 86_400
POLICY: JSON = json.loads(default_text()) | {"propagation_seconds": 0, "most_removals_an_hour": 1}
OPEN: JSON = {"/pets": {"get": None}}
CROWD = ("acme", "globex", "initech")


def send(bench: Bench, detail_type: str, seconds: float = 60, **detail: Any) -> list[str]:
    """What is announced within these seconds."""
    before = len(bench.announced)
    bench.send(detail_type, **detail)
    bench.advance(seconds)
    return [event["detail-type"] for event in bench.announced[before:]]


def tell(bench: Bench, detail_type: str, seconds: float = 60, **detail: Any) -> list[str]:
    return send(bench, detail_type, seconds, customer_id="acme", **detail)


def keys(bench: Bench) -> dict[str, tuple[bool, list[str]]]:
    """Whether each key works, and its plans."""
    found = bench.gateway.get_api_keys()["items"]
    return {key["name"]: (key["enabled"], plans(bench, key["id"])) for key in found}


def plans(bench: Bench, key_id: str) -> list[str]:
    return sorted(p["name"] for p in bench.gateway.get_usage_plans(keyId=key_id)["items"])


def sign_up(bench: Bench) -> None:
    assert tell(bench, "CustomerSignedUp", plan="free") == ["KeyIssued"]
    assert keys(bench) == {"acme/1": (True, ["free"])}


def sign_up_in_several(bench: Bench) -> None:
    assert tell(bench, "CustomerSignedUp", plans=["free", "pro"]) == ["KeyIssued"]
    assert keys(bench) == {"acme/1": (True, ["free", "pro"])}


def plan_change(bench: Bench) -> None:
    sign_up(bench)
    assert tell(bench, "CustomerPlanChanged", plan="pro") == ["PlanChanged"]
    assert keys(bench) == {"acme/1": (True, ["pro"])}
    tell(bench, "CustomerPlanChanged", plan="free", key="successor")
    assert keys(bench) == {"acme/1": (True, ["pro"]), "acme/2": (True, ["free"])}


def one_plan_more_and_one_less(bench: Bench) -> None:
    sign_up(bench)
    assert tell(bench, "PlanAdded", plan="pro") == ["PlanChanged"]
    assert keys(bench) == {"acme/1": (True, ["free", "pro"])}
    assert tell(bench, "PlanRemoved", plan="free") == ["PlanChanged"]
    assert keys(bench) == {"acme/1": (True, ["pro"])}


def suspension_and_resumption(bench: Bench) -> None:
    sign_up(bench)
    assert tell(bench, "CustomerSuspended") == ["KeySuspended"]
    assert keys(bench) == {"acme/1": (False, ["free"])}
    assert tell(bench, "CustomerResumed") == ["KeyResumed"]
    assert keys(bench) == {"acme/1": (True, ["free"])}


def closing(bench: Bench) -> None:
    sign_up(bench)
    assert tell(bench, "CustomerClosed") == ["KeyRevoked"]
    assert keys(bench) == {}


def last_day(bench: Bench) -> None:
    sign_up(bench)
    tell(bench, "CustomerExpiryChanged", expires_at="2026-01-05")
    bench.run(until="2026-01-04T12:00:00Z")
    assert keys(bench) == {"acme/1": (True, ["free"])}
    bench.advance(2 * DAY)
    assert keys(bench) == {"acme/1": (False, ["free"])}


def rotation(bench: Bench) -> None:
    sign_up(bench)
    assert tell(bench, "KeyRotationRequested", overlap_hours=1) == ["KeyRotated"]
    assert [works for works, _ in keys(bench).values()] == [True, True]
    bench.advance(2 * HOUR)
    assert keys(bench) == {"acme/1": (False, ["free"]), "acme/2": (True, ["free"])}


def bill(bench: Bench) -> None:
    sign_up(bench)
    assert "PaymentOverdue" in tell(bench, "PaymentFailed", 60 * DAY)
    assert [works for works, _ in keys(bench).values()] == [False]
    tell(bench, "PaymentSucceeded")
    assert keys(bench) == {"acme/1": (True, ["free"])}


def subscription(bench: Bench) -> None:
    about = {"subscription": "sub-1", "state": "active"}
    assert tell(bench, "SubscriptionChanged", plan="free", **about) == ["KeyIssued"]
    assert tell(bench, "SubscriptionChanged", plan="pro", **about) == ["PlanChanged"]
    assert keys(bench) == {"acme/1": (True, ["pro"])}


def more_quota(bench: Bench) -> None:
    sign_up(bench)
    assert tell(bench, "QuotaExtensionRequested", by=5) == ["QuotaExtended"]
    limit = POLICY["usage_plans"]["free"]["quota"]["limit"]
    assert bench.announced[-1]["detail"]["total"] == limit + 5


def undo(bench: Bench) -> None:
    sign_up(bench)
    tell(bench, "CustomerPlanChanged", plan="pro")
    assert tell(bench, "UndoRequested") == ["PlanChanged"]
    assert keys(bench) == {"acme/1": (True, ["free"])}


def held_stage(bench: Bench) -> JSON:
    """An API with a method that nobody has deployed yet: where it is, and its fingerprint."""
    api_id, team = bench.api(OPEN), bench.gateway
    ids = {one["path"]: one["id"] for one in team.get_resources(restApiId=api_id)["items"]}
    toys = team.create_resource(restApiId=api_id, parentId=ids["/"], pathPart="toys")["id"]
    about = {"restApiId": api_id, "resourceId": toys, "httpMethod": "GET"}
    team.put_method(**about, authorizationType="NONE")
    team.put_integration(**about, type="MOCK")
    bench.run()
    [held] = [e["detail"] for e in bench.announced if e["detail-type"] == "ApiHeld"]
    return {name: held[name] for name in ("rest_api_id", "stage", "fingerprint")}


def pets(bench: Bench, place: JSON) -> int:
    return bench.call(place["rest_api_id"], place["stage"], "GET", "/pets")


def approved_and_rolled_back_deployment(bench: Bench) -> None:
    held = held_stage(bench)
    assert pets(bench, held) == 200
    assert send(bench, "DeploymentApproved", **held) == ["ApiProtected"]
    assert pets(bench, held) == 403
    place = {name: held[name] for name in ("rest_api_id", "stage")}
    assert "ApiRolledBack" in send(bench, "RollbackRequested", **place)
    assert pets(bench, held) == 200


def rejected_deployment(bench: Bench) -> None:
    held = held_stage(bench)
    assert send(bench, "DeploymentRejected", **held) == []
    assert pets(bench, held) == 200
    bench.audit(repair=True)
    bench.advance(HOUR)
    assert [e["detail-type"] for e in bench.announced].count("ApiHeld") == 1


def held_policy(bench: Bench) -> str:
    sign_up(bench)
    narrow = json.loads(json.dumps(POLICY))
    narrow["usage_plans"]["free"]["throttle"] = {"rateLimit": 1, "burstLimit": 1}
    bench.put_policy(narrow)
    bench.advance(60)
    [held] = [e["detail"] for e in bench.announced if e["detail-type"] == "PolicyHeld"]
    return str(held["fingerprint"])


def rate(bench: Bench) -> float:
    [plan] = [p for p in bench.gateway.get_usage_plans()["items"] if p["name"] == "free"]
    return float(plan["throttle"]["rateLimit"])


def approved_policy(bench: Bench) -> None:
    assert "PolicyApplied" in send(bench, "PolicyApproved", fingerprint=held_policy(bench))
    assert rate(bench) == 1


def rejected_policy(bench: Bench) -> None:
    assert send(bench, "PolicyRejected", fingerprint=held_policy(bench)) == []
    assert rate(bench) == POLICY["usage_plans"]["free"]["throttle"]["rateLimit"]


def held_removals(bench: Bench) -> list[bool]:
    """Three records are removed, of which one an hour is let through: which keys work."""
    for name in CROWD:
        send(bench, "CustomerSignedUp", customer_id=name, plan="free")
    for name in CROWD:
        bench.remove(name)
        bench.advance(60)
    return [works for works, _ in keys(bench).values()]


def approved_removals(bench: Bench) -> None:
    assert held_removals(bench) == [False, True, True]
    assert send(bench, "RemovalsApproved", 10) == ["KeySuspended"] * 2
    causes = [event["detail"]["caused_by"]["detail_type"] for event in bench.announced[-2:]]
    assert causes == ["RemovalsApproved"] * 2
    # They were due as well, in case nothing came of their runs.
    assert send(bench, "RemovalsApproved", 300) == []
    assert [works for works, _ in keys(bench).values()] == [False] * 3


def rejected_removals(bench: Bench) -> None:
    assert held_removals(bench) == [False, True, True]
    send(bench, "RemovalsRejected")
    records = bench.tables["CustomersTable"].scan()["Items"]
    assert sorted(record["customer_id"] for record in records) == [*CROWD]
    assert [works for works, _ in keys(bench).values()] == [True] * 3


EFFECTS: tuple[tuple[Callable[[Bench], None], str], ...] = (
    (sign_up, "CustomerSignedUp"),
    (sign_up_in_several, "CustomerSignedUp"),
    (plan_change, "CustomerPlanChanged"),
    (one_plan_more_and_one_less, "PlanAdded PlanRemoved"),
    (suspension_and_resumption, "CustomerSuspended CustomerResumed"),
    (closing, "CustomerClosed"),
    (last_day, "CustomerExpiryChanged"),
    (rotation, "KeyRotationRequested"),
    (bill, "PaymentFailed PaymentSucceeded"),
    (subscription, "SubscriptionChanged"),
    (more_quota, "QuotaExtensionRequested"),
    (undo, "UndoRequested"),
    (approved_and_rolled_back_deployment, "DeploymentApproved RollbackRequested"),
    (rejected_deployment, "DeploymentRejected"),
    (approved_policy, "PolicyApproved"),
    (rejected_policy, "PolicyRejected"),
    (approved_removals, "RemovalsApproved"),
    (rejected_removals, "RemovalsRejected"),
)


@pytest.mark.parametrize("effect", [effect for effect, _ in EFFECTS], ids=lambda e: e.__name__)
def test_an_event_has_the_effect_that_its_row_says(effect: Callable[[Bench], None]) -> None:
    with Bench(policy=POLICY) as bench:
        effect(bench)


def test_every_row_has_its_effect_tried() -> None:
    assert {name for _, names in EFFECTS for name in names.split()} == readme_rows() == {*EVENTS_IN}
