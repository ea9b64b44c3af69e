"""CloudTrail's record of a call, in the EventBridge envelope that brings it to a bus.

Shapes as in real records (aws-recorded.md 11, data/cloudtrail): path parameters, one
`<operation>Input` for the body, `template: false`; the answer with its links. Whether AWS redacts
key values in the records of CreateApiKey, CreateUsagePlanKey and ImportApiKeys is unknown: no
public record was found. Here they never appear, nor does an imported document.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from emulator.cloudtrail_links import links
from emulator.copies import copy_of
from emulator.errors import ApiGatewayError
from emulator.model import JSON
from emulator.service_model import operation_model

# What all records have, in the envelope and, of a write, in its detail.
ENVELOPE: JSON = {
    "version": "0",
    "detail-type": "AWS API Call via CloudTrail",
    "source": "aws.apigateway",
    "resources": [],
}
WRITE: JSON = {
    "eventVersion": "1.11",
    "eventSource": "apigateway.amazonaws.com",
    "sourceIPAddress": "203.0.113.10",
    "userAgent": "Boto3/1.43.102 md/Botocore#1.43.106 ua/2.1 lang/python#3.13",
    "readOnly": False,
    "eventType": "AwsApiCall",
    "managementEvent": True,
    "eventCategory": "Management",
}
TLS = {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256"}
SECRET = frozenset({"value"})
# logged although the caller did not send them (aws-recorded.md 11)
DEFAULTS: dict[str, JSON] = {
    "CreateRestApi": {"disableExecuteApiEndpoint": False},
    "PutMethod": {"apiKeyRequired": False},
    "CreateStage": {"cacheClusterEnabled": False, "tracingEnabled": False},
}


def event_for(
    operation: str,
    params: JSON,
    output: JSON | None,
    caller: str | None,
    at: float,
    region: str,
    account_id: str,
    error: ApiGatewayError | None = None,
) -> JSON:
    """The EventBridge event of a write: its `detail` is the CloudTrail record.

    `caller` is the name of one of Keyward's roles (path `/keyward/`), a role with a path of its own
    (`deploy/pipeline`), or None for an IAM user; `at` is in epoch seconds. With `error` it is the
    record of a refused call.
    """
    detail = WRITE | {
        "userIdentity": _identity(caller, account_id, at),
        "eventTime": iso(at),
        "eventName": operation,
        "awsRegion": region,
        **({"errorCode": error.code, "errorMessage": error.message} if error else {}),
        "requestParameters": _request(operation, params),
        "responseElements": None if error else _response(operation, params, output or {}),
        "requestID": str(uuid.uuid4()),
        "eventID": str(uuid.uuid4()),
        "recipientAccountId": account_id,
        "tlsDetails": TLS | {"clientProvidedHostHeader": f"apigateway.{region}.amazonaws.com"},
    }
    return ENVELOPE | {
        "id": str(uuid.uuid4()),
        "account": account_id,
        "time": iso(at),
        "region": region,
        "detail": detail,
    }


def iso(at: float) -> str:
    """Epoch seconds as CloudTrail writes them: `2026-09-24T20:16:28Z`."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _identity(caller: str | None, account_id: str, at: float) -> JSON:
    attributes = {"creationDate": iso(at - at % 900), "mfaAuthenticated": "false"}
    if caller is None:
        # recorded: an IAM user's sessionIssuer is there, and empty
        return {
            "type": "IAMUser",
            "principalId": "AIDACKCEVSFODNN2EXAMPLE",
            "arn": f"arn:aws:iam::{account_id}:user/developer",
            "accountId": account_id,
            "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
            "userName": "developer",
            "sessionContext": {
                "sessionIssuer": {},
                "webIdFederationData": {},
                "attributes": attributes,
            },
        }
    path = caller if "/" in caller else f"keyward/{caller}"
    name = path.rpartition("/")[2]
    return {
        "type": "AssumedRole",
        "principalId": f"AROADBQP57FF2AEXAMPLE:{name}",
        "arn": f"arn:aws:sts::{account_id}:assumed-role/{name}/{name}",
        "accountId": account_id,
        "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": "AROADBQP57FF2AEXAMPLE",
                "arn": f"arn:aws:iam::{account_id}:role/{path}",
                "accountId": account_id,
                "userName": name,
            },
            "webIdFederationData": {},
            "attributes": attributes,
        },
    }


def _request(operation: str, params: JSON) -> JSON:
    model = operation_model(operation)
    members = model.input_shape.members if model.input_shape else {}
    made: JSON = {}
    body: JSON = dict(DEFAULTS.get(operation, {}))
    for name, item in params.items():
        shape = members.get(name)
        if shape is None or shape.type_name == "blob" or name in SECRET:
            continue
        if shape.serialization.get("location"):
            made[name] = item
        else:
            body[name] = _without_values(item) if name == "patchOperations" else item
    if body:
        made[f"{operation[0].lower()}{operation[1:]}Input"] = body
    made["template"] = False
    return copy_of(made)


def _without_values(operations: list[JSON]) -> list[JSON]:
    """Patch operations, but for the value of one on `/value`, which API Gateway refuses anyway."""
    return [
        {name: item for name, item in one.items() if one.get("path") != "/value" or name != "value"}
        for one in operations
    ]


def _response(operation: str, params: JSON, output: JSON) -> JSON | None:
    shape = operation_model(operation).output_shape
    if shape is None or not output:
        return None
    shown = {name: copy_of(item) for name, item in output.items() if name not in SECRET}
    shown.pop("ResponseMetadata", None)
    for name in shown:
        if name.endswith("Date") and isinstance(shown[name], int | float):
            shown[name] = iso(shown[name])
    return {**shown, **links(shape.name, params, output)}
