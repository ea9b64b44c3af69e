"""Parameter Store tells EventBridge of changes, and CloudFormation names parameters as it does.

- A change is an event of `aws.ssm`, detail-type "Parameter Store Change", on the default bus
  (Systems Manager user guide, "Amazon EventBridge event examples": Parameter Store events).
- A parameter without a name gets one that is no path (CloudFormation guide, AWS::SSM::Parameter,
  return value of Ref), so that `…:parameter/${Parameter}` is its ARN.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack.services import eventbridge, ssm
from ministack.services.cloudformation import provisioners

from keyward.values import JSON
from local.shims import seam


def _tell(operation: str, name: str, description: JSON) -> None:
    detail = {"operation": operation, "name": name, **description}
    entry = {
        "Source": "aws.ssm",
        "DetailType": "Parameter Store Change",
        "Detail": json.dumps(detail),
        "Resources": [ssm._param_arn(name)],
    }
    eventbridge._ensure_default_bus()
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def _tell_put(put: Callable[[JSON], Any]) -> Callable[[JSON], Any]:
    def putting(request: JSON) -> Any:
        answer = put(request)
        if answer[0] == 200:
            stored = ssm._parameters[request["Name"]]
            operation = "Create" if stored["Version"] == 1 else "Update"
            description = {"type": stored["Type"], "description": stored["Description"]}
            _tell(operation, request["Name"], description)
        return answer

    return putting


def _tell_delete(delete: Callable[[JSON], Any]) -> Callable[[JSON], Any]:
    def deleting(request: JSON) -> Any:
        answer = delete(request)
        if answer[0] == 200:
            _tell("Delete", request["Name"], {})
        return answer

    return deleting


def _name_it(create: Callable[..., Any]) -> Callable[..., Any]:
    def creating(logical_id: str, properties: JSON, stack_name: str) -> Any:
        generated = f"CFN-{logical_id}-{seam.digest(f'{stack_name}/{logical_id}')[:12]}"
        return create(logical_id, {"Name": generated, **properties}, stack_name)

    return creating


def install() -> None:
    """Mend PutParameter, DeleteParameter and the names that CloudFormation gives."""
    seam.replace(ssm, "_put_parameter", "7518a51e56531ffd", _tell_put)
    seam.replace(ssm, "_delete_parameter", "9e1e6c77dc31bcc9", _tell_delete)
    seam.replace(provisioners, "_ssm_create", "3603d09f88495960", _name_it)
    handlers = provisioners._RESOURCE_HANDLERS["AWS::SSM::Parameter"]
    handlers["create"] = provisioners._ssm_create
