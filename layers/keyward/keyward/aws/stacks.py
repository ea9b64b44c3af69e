"""CloudFormation: what a deployed stack consists of."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from keyward.aws.client import Client, service_error
from keyward.errors import KeywardError, ResourceMissingError


class Stacks:
    """Reads stacks. Raises ResourceMissingError where there is no such stack."""

    def __init__(self, client: Any) -> None:
        self._client = _StackClient(client)

    def resources(self, stack: str) -> dict[str, str]:
        """The physical ids of the stack's resources by their names in the template."""
        found: dict[str, str] = {}
        page: dict[str, str] = {}
        while True:
            answer = self._client.list_stack_resources(StackName=stack, **page)
            for item in answer["StackResourceSummaries"]:
                found[item["LogicalResourceId"]] = item.get("PhysicalResourceId", "")
            if not answer.get("NextToken"):
                return found
            page = {"NextToken": answer["NextToken"]}

    def parameters(self, stack: str) -> dict[str, str]:
        """The values of the stack's parameters."""
        (found,) = self._client.describe_stacks(StackName=stack)["Stacks"]
        items = found.get("Parameters", [])
        return {item["ParameterKey"]: item.get("ParameterValue", "") for item in items}


def _stack_error(operation: str, error: ClientError | BotoCoreError) -> KeywardError:
    """CloudFormation has no error of its own for a stack that does not exist: it answers
    ValidationError (API reference, DescribeStacks)."""
    if isinstance(error, ClientError) and error.response["Error"]["Code"] == "ValidationError":
        return ResourceMissingError(operation)
    return service_error(operation, error)


class _StackClient(Client):
    _translate = staticmethod(_stack_error)
