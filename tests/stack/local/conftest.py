"""A local AWS for the tests of a file, with the trial stack on it.

Some files start another one in this process, so none lasts longer than its file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.aws import LocalAws
from tests.one_local_aws import only_local_aws

TRIAL = Path(__file__).parent / "fixtures/trial/template.yaml"


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    yield from only_local_aws(TRIAL)


class Trial:
    """The trial stack, by the names of its parts."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws

    def put(self, **item: Any) -> None:
        self.aws.client("dynamodb").put_item(TableName=self.aws.outputs["TableName"], Item=item)

    def get(self, id: str) -> Any:
        key = {"id": {"S": id}}
        table = self.aws.outputs["TableName"]
        return self.aws.client("dynamodb").get_item(TableName=table, Key=key).get("Item")

    def items(self) -> list[Any]:
        table = self.aws.outputs["TableName"]
        return list(self.aws.pages("dynamodb", "scan", "Items", TableName=table))

    def send(self, detail_type: str, detail: str = "{}", **entry: Any) -> Any:
        entry |= {"EventBusName": self.aws.outputs["BusName"], "Source": "test"}
        entry |= {"DetailType": detail_type, "Detail": detail}
        return self.aws.client("events").put_events(Entries=[entry])

    def finished(self, id: str) -> Any:
        """The finished execution that was started for the item `id`, if there is one."""
        for execution in self.aws.executions(self.aws.outputs["MachineArn"]):
            if execution.input["id"] == id and execution.status != "RUNNING":
                return execution
        return None


@pytest.fixture
def trial(aws: LocalAws) -> Trial:
    return Trial(aws)
