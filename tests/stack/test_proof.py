"""What a closed stage answers is proven, the former state is one event away, and a hold says whose
work it is."""

from __future__ import annotations

from tests.stack.api_lab import new_api, protected_api
from tests.stack.stack_lab import Stack, eventually
from tests.stack.test_hold import staged, unfinished


def test_a_closed_stage_is_asked_with_and_without_a_customers_key(stack: Stack) -> None:
    value = stack.issued("canary")
    api = new_api(stack, mode="enforce")
    rename = [{"op": "replace", "path": "/name", "value": "probed"}]
    stack.gateway.update_rest_api(restApiId=api.id, patchOperations=rename)
    since = stack.mark()

    api.deploy()

    api.await_told("ApiProtected")
    readers = {
        call["caller"] for call in stack.aws.calls()[since:] if call["operation"] == "GetApiKey"
    }
    assert [reader for reader in readers if "ProbeStage" not in str(reader)] == []
    assert readers
    assert (api.ask("GET /pets"), api.ask("GET /pets", value)) == (403, 200)


def test_a_rollback_is_one_event_and_an_approval_closes_it_again(stack: Stack) -> None:
    api = protected_api(stack)

    for _ in range(2):
        stack.put_event("RollbackRequested", rest_api_id=api.id, stage="prod")

    eventually(lambda: "ApiRolledBack" in stack.event_types(rest_api_id=api.id))
    (told,) = eventually(lambda: stack.outcomes("ApiHeld", rest_api_id=api.id))
    api.executions_ended(2)
    assert api.ask("GET /pets") == 200

    stack.run("ProtectApiArn", told["answers"]["approve"]["console_input"])

    assert api.ask("GET /pets") == 403
    types = stack.event_types(rest_api_id=api.id)
    assert sorted(types) == ["ApiHeld", "ApiProtected", "ApiProtected", "ApiRolledBack"]


def test_a_hold_names_who_edited_last(stack: Stack) -> None:
    api = unfinished(stack)
    eventually(lambda: is_noted(stack, api.id), what="the note of the edit")

    held = staged(stack, api)

    assert held.told["last_editor"]["what"] == "PutRestApi"
    assert held.told["last_editor"]["who"] in held.told["message"]


def is_noted(stack: Stack, api_id: str) -> bool:
    records = [item for items in stack.tables().values() for item in items]
    mine = [item for item in records if item.get("rest_api_id") == {"S": api_id}]
    return any(item.get("record") == {"S": "editor"} for item in mine)
