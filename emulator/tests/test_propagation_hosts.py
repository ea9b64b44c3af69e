from __future__ import annotations

from collections.abc import Callable

import pytest

from emulator.tests.gateway_lab import VALUE, Lab, keyed, mock
from emulator.view import View

SECONDS = 80.0


def ready(*, attached: bool = True, seconds: float = SECONDS) -> Lab:
    lab = Lab()
    lab.api({"GET /a": keyed(), "GET /open": mock()})
    key = lab.key()
    lab.plan(*([key] if attached else []))
    lab.propagation.set(seconds)
    return lab


def attach(lab: Lab, key_id: str = "key0") -> None:
    with lab.propagation.around(
        lab.state, "CreateUsagePlanKey", {"usagePlanId": "plan0", "keyId": key_id}
    ):
        lab.state.plans["plan0"].key_ids[key_id] = None


def detach(lab: Lab) -> None:
    with lab.propagation.around(
        lab.state, "DeleteUsagePlanKey", {"usagePlanId": "plan0", "keyId": "key0"}
    ):
        del lab.state.plans["plan0"].key_ids["key0"]


def disable(lab: Lab) -> None:
    with lab.propagation.around(lab.state, "UpdateApiKey", {"apiKey": "key0"}):
        lab.state.keys["key0"].settings["enabled"] = False


def delete(lab: Lab) -> None:
    with lab.propagation.around(lab.state, "DeleteApiKey", {"apiKey": "key0"}):
        lab.state.remove_key("key0")


def drop_stage(lab: Lab) -> None:
    params = {"usagePlanId": "plan0", "patchOperations": []}
    with lab.propagation.around(lab.state, "UpdateUsagePlan", params):
        lab.state.plans["plan0"].settings["apiStages"] = []


def drop_plan(lab: Lab) -> None:
    with lab.propagation.around(lab.state, "DeleteUsagePlan", {"usagePlanId": "plan0"}):
        del lab.state.plans["plan0"]


def delete_stage(lab: Lab) -> None:
    params = {"restApiId": "api1", "stageName": "prod"}
    with lab.propagation.around(lab.state, "DeleteStage", params):
        del lab.state.rest_apis["api1"].stages["prod"]


def refused_import(lab: Lab) -> None:
    with lab.propagation.around(lab.state, "ImportApiKeys", {}):
        lab.state.plans["plan0"].key_ids["key0"] = None
        raise ValueError("a warning")


def statuses(lab: Lab, times: int = 60) -> set[int]:
    return {lab.call("GET /a", VALUE).status for _ in range(times)}


def phases(lab: Lab) -> list[set[int]]:
    """What clients see before half the time, in between, and after all of it."""
    seen = [statuses(lab)]
    lab.clock.advance(SECONDS * 0.49)
    seen.append(statuses(lab))
    lab.clock.advance(SECONDS * 0.26)
    seen.append(statuses(lab))
    lab.clock.advance(SECONDS * 0.26)
    return [*seen, statuses(lab)]


@pytest.mark.parametrize(
    "change",
    [detach, disable, delete, drop_stage, drop_plan, delete_stage],
    ids=lambda f: f.__name__,
)
def test_what_takes_access_away_flaps_before_it_holds(change: Callable[[Lab], None]) -> None:
    lab = ready()
    change(lab)
    assert phases(lab) == [{200}, {200}, {200, 403}, {403}]


def test_an_attachment_flaps_before_it_holds() -> None:
    lab = ready(attached=False)
    attach(lab)
    assert phases(lab) == [{403}, {403}, {200, 403}, {200}]


def test_a_new_deployment_flaps_and_the_old_one_may_be_gone() -> None:
    lab = ready(attached=False)
    api = lab.state.rest_apis["api1"]
    api.by_path()["/a"].methods["GET"]["apiKeyRequired"] = False
    with lab.propagation.around(lab.state, "CreateDeployment", {"restApiId": "api1"}):
        lab.deploy(api, "prod")
    del api.deployments["d0"]
    assert phases(lab) == [{403}, {403}, {200, 403}, {200}]


def test_the_first_stage_of_an_api_answers_at_once_and_the_second_does_not() -> None:
    lab = ready()
    api = lab.state.rest_apis["api1"]
    api.stages.clear()
    for name, status in (("one", 200), ("two", 403)):
        with lab.propagation.around(lab.state, "CreateStage", {"restApiId": "api1"}):
            lab.deploy(api, name)
        assert lab.call("GET /open", stage=name).status == status


def test_a_key_that_is_left_alone_is_not_disturbed() -> None:
    lab = ready()
    lab.key("fake-value-of-a-key-0002")
    attach(lab, "key1")
    for _ in range(10):
        assert statuses(lab, 10) == {200}
        lab.clock.advance(9)


def test_a_new_key_and_a_new_plan_take_their_time_and_others_stay() -> None:
    lab = ready()
    second = "fake-value-of-a-key-0002"
    with lab.propagation.around(lab.state, "CreateApiKey", {}):
        key = lab.key(second)
    with lab.propagation.around(lab.state, "CreateUsagePlan", {}):
        lab.plan(key)
    assert statuses(lab) == {200}
    assert lab.call("GET /a", second).status == 403
    lab.clock.advance(SECONDS)
    assert lab.call("GET /a", second).status == 200


def test_a_refused_creation_publishes_nothing() -> None:
    lab = ready()
    for operation in ("CreateApiKey", "CreateUsagePlan"):
        with lab.propagation.around(lab.state, operation, {}):
            pass
    assert statuses(lab) == {200}
    assert type(lab.propagation.view(lab.state)) is View


def test_zero_settles_what_is_under_way() -> None:
    lab = ready(attached=False)
    attach(lab)
    assert statuses(lab) == {403}
    lab.propagation.set(0)
    assert statuses(lab) == {200}


def test_by_default_changes_hold_at_once() -> None:
    lab = ready(seconds=0)
    disable(lab)
    assert statuses(lab) == {403}


def test_a_later_change_never_overtakes_an_earlier_one() -> None:
    lab = ready(attached=False)
    attach(lab)
    lab.clock.advance(1)
    detach(lab)
    seen = []
    for _ in range(100):
        seen.append(lab.call("GET /a", VALUE).status)
        lab.clock.advance(1)
    assert seen[-1] == 403
    lab.clock.advance(SECONDS)
    assert statuses(lab) == {403}


def test_a_refused_call_publishes_what_it_did_change() -> None:
    lab = ready(attached=False)
    with pytest.raises(ValueError, match="a warning"):
        refused_import(lab)
    assert statuses(lab) == {403}
    lab.clock.advance(SECONDS)
    assert statuses(lab) == {200}


def test_the_same_calls_give_the_same_answers() -> None:
    runs = []
    for _ in range(2):
        lab = ready(attached=False)
        attach(lab)
        lab.clock.advance(SECONDS * 0.75)
        runs.append([lab.call("GET /a", VALUE).status for _ in range(30)])
    assert runs[0] == runs[1]


def test_a_negative_time_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        ready().propagation.set(-1)
