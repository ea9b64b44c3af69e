"""What a customer used, and why it is denied, asked on the running stack."""

from __future__ import annotations

from tests.stack.api_lab import Api
from tests.stack.stack_lab import Stack


def test_usage_is_read_and_a_denial_explained(stack: Stack, shop: Api) -> None:
    stack.issued("puzzled", plan="free")
    stack.settle()
    stack.put_event("QuotaExtensionRequested", customer_id="puzzled", by=5)
    (key,) = stack.keys_of("puzzled")
    task = {"customer_id": "puzzled", "rest_api_id": shop.id, "stage": "prod"}
    task |= {"method": "GET", "path": "/pets"}
    assert stack.invoke("ExplainDenialFunctionName", task)["allowed"]
    assert stack.invoke("ReadUsageFunctionName", {})["keys"] >= 1
    item = stack.aws.client("dynamodb").get_item(
        TableName=stack.aws.outputs["KeysTableName"],
        Key={"customer_id": {"S": "puzzled"}, "record": {"S": "usage#1"}},
    )["Item"]
    assert (item["key_id"], item["plan"]) == ({"S": key["id"]}, {"S": "free"})
    assert stack.outcome("QuotaExtended", customer_id="puzzled")["total"] == 1005
    off = {"op": "replace", "path": "/enabled", "value": "false"}
    stack.gateway.update_api_key(apiKey=key["id"], patchOperations=[off])
    told = stack.invoke("ExplainDenialFunctionName", task)
    assert (told["cause"], told["key_id"]) == ("key_disabled", key["id"])
