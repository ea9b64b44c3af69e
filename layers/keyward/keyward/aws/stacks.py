"""CloudFormation: what a deployed stack consists of."""

from __future__ import annotations

from typing import Any

from keyward.aws.client import CloudFormationClient


class Stacks:
    """Reads stacks. Raises ResourceMissingError where there is no such stack."""

    def __init__(self, client: Any) -> None:
        self._client = CloudFormationClient(client)

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
