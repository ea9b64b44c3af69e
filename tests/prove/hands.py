"""What people do by hand on API Gateway, beside Keyward."""

from __future__ import annotations

from tests.prove.history import Step
from tests.prove.played import STAGES, Played, next_second, stage_of


def _key(played: Played, step: Step) -> str | None:
    keys = [*played.bench.emulator.state.keys]
    return keys[step.about["number"] % len(keys)] if keys else None


def delete_key(played: Played, step: Step) -> None:
    played.by_hand = True
    key_id = _key(played, step)
    if key_id:
        played.bench.emulator.call("DeleteApiKey", {"apiKey": key_id})


def detach_key(played: Played, step: Step) -> None:
    played.by_hand = True
    key_id, state = _key(played, step), played.bench.emulator.state
    for plan in state.plans_of(key_id) if key_id else []:
        params = {"usagePlanId": plan.id, "keyId": key_id}
        played.bench.emulator.call("DeleteUsagePlanKey", params)


def switch_key(played: Played, step: Step) -> None:
    """A person disables a key that is enabled, after all that was said so far: times run ahead of
    the clock. One that is disabled keeps no trace of who wants it so."""
    played.by_hand = True
    played.bench.run(until=next_second(played) + 1)
    key_id = _key(played, step)
    key = played.bench.emulator.state.keys[key_id] if key_id else None
    if key and key.enabled:
        name = key.settings["name"]
        played.switched.add(name.rpartition("/")[0])
        played.disabled.add(name)
        change = {"op": "replace", "path": "/enabled", "value": "false"}
        played.bench.emulator.call("UpdateApiKey", {"apiKey": key_id, "patchOperations": [change]})


def take_stage(played: Played, step: Step) -> None:
    """A person takes a stage out of a usage plan that holds it."""
    stage = {"apiId": played.api_id, "stage": stage_of(step)}
    for plan in played.bench.emulator.call("GetUsagePlans", {}).get("items", []):
        if any(stage.items() <= held.items() for held in plan.get("apiStages", ())):
            value = f"{stage['apiId']}:{stage['stage']}"
            taken = {"op": "remove", "path": "/apiStages", "value": value}
            params = {"usagePlanId": plan["id"], "patchOperations": [taken]}
            played.bench.emulator.call("UpdateUsagePlan", params)
            return


def share(played: Played, step: Step) -> None:
    """The team points one stage to what the other serves."""
    source, target = STAGES if step.about["number"] % 2 else STAGES[::-1]
    call, about = played.bench.emulator.call, {"restApiId": played.api_id}
    deployment = call("GetStage", about | {"stageName": source})["deploymentId"]
    patch = {"op": "replace", "path": "/deploymentId", "value": deployment}
    call("UpdateStage", about | {"stageName": target, "patchOperations": [patch]})
    played.deployed[target] = played.deployed[source]
    played.approved[target] = list(played.approved.get(source, ()))


def tidy(played: Played, step: Step) -> None:
    """The team deletes every deployment that no stage serves."""
    call, about = played.bench.emulator.call, {"restApiId": played.api_id}
    served = {stage["deploymentId"] for stage in call("GetStages", about)["item"]}
    for deployment in call("GetDeployments", about | {"limit": 500})["items"]:
        if deployment["id"] not in served:
            played.tidied = True
            call("DeleteDeployment", about | {"deploymentId": deployment["id"]})
