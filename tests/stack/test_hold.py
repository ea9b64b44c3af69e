"""Nobody's unfinished work is published; a person decides, and exactly that happens."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from keyward.values import JSON
from tests.stack.api_lab import Api, new_api
from tests.stack.stack_lab import Stack, eventually


@dataclass(frozen=True)
class Held:
    """An API that is held, the detail of ApiHeld, and how many runs there were until then."""

    api: Api
    told: JSON
    runs: int

    def decide(self, detail_type: str, **changes: str) -> None:
        """Answer as a person does."""
        names = ("rest_api_id", "stage", "fingerprint")
        answer = {name: self.told[name] for name in names} | changes
        self.api.stack.put_event(detail_type, **answer)

    def looked_at(self, times: int) -> None:
        """Wait until as many more runs have ended."""
        self.api.executions_ended(self.runs + times)


def unfinished(stack: Stack) -> Api:
    """An API whose open deployment is on no stage yet, and whose team is in the middle of its next
    edit."""
    api = new_api(stack)
    stack.gateway.create_deployment(restApiId=api.id)
    api.edit({"/draft": {"get": None}})
    return api


def staged(stack: Stack, api: Api) -> Held:
    """Put its one deployment on a stage, which makes Keyward look: the stage is held."""
    (deployment,) = stack.gateway.get_deployments(restApiId=api.id)["items"]
    stack.gateway.create_stage(restApiId=api.id, stageName="prod", deploymentId=deployment["id"])
    return held_by_now(api)


def held_by_now(api: Api) -> Held:
    """The API, once it is told that it is held and no run of it is under way."""
    (told,) = api.await_told("ApiHeld")
    api.stack.settle()
    return Held(api, told, len(api.arns()))


def touch(stack: Stack, api: Api, description: str) -> None:
    """Change the stage's description: an UpdateStage that makes Keyward look."""
    operation = {"op": "replace", "path": "/description", "value": description}
    stack.gateway.update_stage(restApiId=api.id, stageName="prod", patchOperations=[operation])


@pytest.fixture
def held(stack: Stack) -> Held:
    return staged(stack, unfinished(stack))


def own_deployments(stack: Stack, api: Api) -> int:
    """How many deployments there are besides the team's first one."""
    return len(stack.gateway.get_deployments(restApiId=api.id)["items"]) - 1


def test_unfinished_work_is_held_and_told_with_differences_and_fingerprint(
    stack: Stack, held: Held
) -> None:
    assert held.told["stage"] == "prod"
    assert held.told["differences"] == [
        {
            "method": "GET",
            "path": "/draft",
            "difference": "is in the working copy, and not deployed",
        }
    ]
    assert held.told["not_compared"]
    assert len(held.told["fingerprint"]) == 16
    held.looked_at(0)
    assert held.api.writes() == []
    assert held.api.ask("GET /pets") == 200


def test_what_was_approved_is_published_with_its_methods_closed_and_only_once(
    stack: Stack, held: Held
) -> None:
    for _ in range(2):
        held.decide("DeploymentApproved")

    eventually(lambda: "ApiProtected" in stack.event_types(rest_api_id=held.api.id))
    held.looked_at(2)

    assert held.api.live() == {
        "GET /pets": True,
        "OPTIONS /pets": False,
        "GET /health": False,
        "GET /draft": True,
    }
    assert held.api.ask("GET /draft") == 403
    assert stack.event_types(rest_api_id=held.api.id) == ["ApiHeld", "ApiProtected"]
    assert own_deployments(stack, held.api) == 1


def test_an_approval_by_console_does_the_same(stack: Stack, held: Held) -> None:
    task = {"rest_api_id": held.api.id, "stage": "prod", "approve": held.told["fingerprint"]}

    assert stack.run("ProtectApiArn", task)["status"] == "SUCCEEDED"

    assert (held.api.ask("GET /draft"), held.api.ask("GET /pets")) == (403, 403)


def test_an_approval_covers_nothing_that_came_after_it(stack: Stack, held: Held) -> None:
    held.api.edit({"/sneaked-in": {"get": None}})

    held.decide("DeploymentApproved")

    *_, told = held.api.await_told("ApiHeld", "ApiHeld")
    assert told["fingerprint"] != held.told["fingerprint"]
    assert {item["path"] for item in told["differences"]} == {"/draft", "/sneaked-in"}
    assert own_deployments(stack, held.api) == 0
    assert held.api.ask("GET /pets") == 200


def test_an_approval_of_something_else_publishes_nothing(stack: Stack, held: Held) -> None:
    held.decide("DeploymentApproved", fingerprint="0123456789abcdef")

    held.api.await_told("ApiHeld", "ApiFailed")
    assert own_deployments(stack, held.api) == 0


def test_a_rejection_silences_the_hold_until_the_work_changes(stack: Stack, held: Held) -> None:
    held.decide("DeploymentRejected")
    eventually(lambda: is_rejected(stack, held), what="the rejection")
    touch(stack, held.api, "looked at again")
    held.looked_at(1)
    assert stack.event_types(rest_api_id=held.api.id) == ["ApiHeld"]

    held.api.edit({"/draft": {"post": None}})
    touch(stack, held.api, "and again")

    *_, told = held.api.await_told("ApiHeld", "ApiHeld")
    assert told["fingerprint"] != held.told["fingerprint"]
    assert held.api.writes() == []


def is_rejected(stack: Stack, held: Held) -> bool:
    records = [item for items in stack.tables().values() for item in items]
    holds = [item for item in records if item.get("rest_api_id") == {"S": held.api.id}]
    return any(item.get("decision") == {"S": "rejected"} for item in holds)


def test_the_team_that_deploys_its_work_ends_the_hold(stack: Stack, held: Held) -> None:
    held.api.deploy()

    held.api.await_told("ApiHeld", "ApiProtected")

    assert [held.api.ask(line) for line in ("GET /pets", "GET /draft")] == [403, 403]


def test_a_canary_in_flight_is_held_and_closed_when_it_is_promoted(stack: Stack) -> None:
    api = new_api(stack, mode="off")
    api.deploy()
    api.deploy(canarySettings={"percentTraffic": 10.0})
    api.tag("enforce")
    touch(stack, api, "looked at")
    held = held_by_now(api)
    assert "canary" in held.told["differences"][0]["difference"]
    assert api.writes() == []

    promote = [
        {"op": "copy", "from": "/canarySettings/deploymentId", "path": "/deploymentId"},
        {"op": "remove", "path": "/canarySettings"},
    ]
    stack.gateway.update_stage(restApiId=api.id, stageName="prod", patchOperations=promote)

    api.await_told("ApiHeld", "ApiProtected")
    assert api.ask("GET /pets") == 403
