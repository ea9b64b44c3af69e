"""Why a call is denied, asked on the running stack."""

from __future__ import annotations

from tests.workflow.api_lab import Api
from tests.workflow.stack_lab import Stack


def test_a_disabled_key_is_explained_by_the_function(stack: Stack, shop: Api) -> None:
    stack.issued("puzzled", plan="free")
    stack.settle()
    (key,) = stack.gateway.get_api_keys(customerId="puzzled")["items"]
    task = {"customer_id": "puzzled", "rest_api_id": shop.id, "stage": "prod"}
    task |= {"method": "GET", "path": "/pets"}
    assert stack.invoke("ExplainDenialFunctionName", task)["allowed"]
    off = {"op": "replace", "path": "/enabled", "value": "false"}
    stack.gateway.update_api_key(apiKey=key["id"], patchOperations=[off])
    told = stack.invoke("ExplainDenialFunctionName", task)
    assert (told["cause"], told["key_id"]) == ("key_disabled", key["id"])
