"""Keyward's adapters outside of Lambda: a person's credentials, and the tables of a stack by the
names of its template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from keyward.aws.gateway import Gateway
from keyward.aws.gateway.calls import client_config
from keyward.aws.parameter import Policies
from keyward.aws.tables import Apis, Customers, Ledger
from keyward.policy.model import Policy

# The template's default, where no stack says otherwise.
DEFAULT_MODE = "observe"
# A person waits: some seconds of throttling, not a minute.
ATTEMPTS = 4


@dataclass(frozen=True)
class StackClient:
    """Where a person looks from. Region, credentials and endpoints are boto3's own settings."""

    session: Any

    @classmethod
    def here(cls, region: str | None = None) -> StackClient:
        """By the environment and the configuration of this machine."""
        return cls(boto3.Session(region_name=region))

    def gateway(self) -> Gateway:
        """API Gateway, for somebody who only reads."""
        config = client_config(attempts=ATTEMPTS)
        return Gateway(self.session.client("apigateway", config=config))

    def default_mode(self, stack: str) -> str:
        """The mode of APIs without a tag, as the stack was deployed."""
        found = self.session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        parameters = {
            item["ParameterKey"]: item.get("ParameterValue")
            for item in found[0].get("Parameters", [])
        }
        return str(parameters.get("DefaultMode") or DEFAULT_MODE)

    def resources(self, stack: str) -> dict[str, str] | None:
        """The stack's resources by their names in the template, None when there is no such stack.
        Raises botocore's errors when it may not be read."""
        pages = self.session.client("cloudformation").get_paginator("list_stack_resources")
        try:
            return {
                item["LogicalResourceId"]: item.get("PhysicalResourceId", "")
                for page in pages.paginate(StackName=stack)
                for item in page["StackResourceSummaries"]
            }
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            return None

    def customers(self, resources: dict[str, str]) -> Customers:
        """The stack's Customers and Keys tables."""
        tables = self.session.resource("dynamodb")
        return Customers(
            tables.Table(resources["CustomersTable"]),
            tables.Table(resources["KeysTable"]),
            self.ledger(resources),
        )

    def ledger(self, resources: dict[str, str]) -> Ledger:
        """The stack's Ledger table."""
        return Ledger(self.session.resource("dynamodb").Table(resources["LedgerTable"]))

    def apis(self, resources: dict[str, str]) -> Apis:
        """The stack's Apis table."""
        return Apis(self.session.resource("dynamodb").Table(resources["ApisTable"]))

    def policy(self, resources: dict[str, str], now: float) -> Policy:
        """The stack's policy in force. Raises PolicyRefusedError."""
        ssm = self.session.client("ssm")
        return Policies(ssm, resources["PolicyParameter"]).current(now).policy
