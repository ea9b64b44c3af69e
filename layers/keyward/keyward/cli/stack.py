"""What a person's credentials can read: API Gateway, and the tables of a stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError

from keyward.aws.dynamodb import DynamoTable
from keyward.aws.gateway import Gateway
from keyward.aws.gateway.calls import client_config
from keyward.aws.parameter import Policies
from keyward.aws.stacks import Stacks
from keyward.aws.tables.apis import Apis
from keyward.aws.tables.customers import Customers
from keyward.aws.tables.ledger import Ledger
from keyward.errors import KeywardError, ResourceMissingError
from keyward.policy.model import Policy

# The template's default, where no stack says otherwise.
DEFAULT_MODE = "observe"
# A person waits: some seconds of throttling, not a minute.
ATTEMPTS = 4


class SetUpError(KeywardError):
    """This machine lacks something that every call needs; the message says how to give it."""


class NoStackError(KeywardError):
    """There is no such stack, or it is not one of Keyward."""


@dataclass(frozen=True)
class StackClient:
    """Where a person looks from. Region, credentials and endpoints are boto3's own settings."""

    session: Any

    @classmethod
    def here(cls, region: str | None = None) -> StackClient:
        """By the environment and the configuration of this machine. Raises SetUpError."""
        try:
            session = boto3.Session(region_name=region)
            credentials = session.get_credentials()
        except BotoCoreError as error:
            raise SetUpError(f"The AWS configuration is not usable: {error}. Correct it") from None
        if session.region_name is None:
            raise SetUpError("No Region is set. Give --region, or set AWS_DEFAULT_REGION")
        if credentials is None:
            raise SetUpError(
                "There are no AWS credentials. Sign in with the AWS CLI, or set AWS_PROFILE"
            )
        return cls(session)

    def gateway(self) -> Gateway:
        """API Gateway, for somebody who only reads."""
        config = client_config(attempts=ATTEMPTS)
        return Gateway(self.session.client("apigateway", config=config))

    def stack(self, name: str) -> Stack:
        """A deployed stack of Keyward. Raises NoStackError."""
        stacks = Stacks(self.session.client("cloudformation"))
        try:
            resources = stacks.resources(name)
        except ResourceMissingError:
            region = self.session.region_name
            raise NoStackError(f"There is no stack {name} in {region}. Give --stack") from None
        return Stack(self.session, name, resources)


@dataclass(frozen=True)
class Stack:
    """A stack of Keyward, by the names of its template."""

    session: Any
    name: str
    resources: dict[str, str]

    def default_mode(self) -> str:
        """The mode of APIs without a tag, as the stack was deployed."""
        parameters = Stacks(self.session.client("cloudformation")).parameters(self.name)
        return parameters.get("DefaultMode") or DEFAULT_MODE

    def customers(self) -> Customers:
        """The stack's Customers and Keys tables."""
        return Customers(self._table("CustomersTable"), self._table("KeysTable"), self.ledger())

    def ledger(self) -> Ledger:
        """The stack's Ledger table."""
        return Ledger(self._table("LedgerTable"))

    def apis(self) -> Apis:
        """The stack's Apis table."""
        return Apis(self._table("ApisTable"))

    def policy(self, now: float) -> Policy:
        """The stack's policy in force. Raises PolicyRefusedError."""
        parameter = self._resource("PolicyParameter")
        return Policies(self.session.client("ssm"), parameter).current(now).policy

    def _table(self, name: str) -> Any:
        return DynamoTable(self.session.client("dynamodb"), self._resource(name))

    def _resource(self, name: str) -> str:
        if name not in self.resources:
            raise NoStackError(f"The stack {self.name} has no {name}. Give a stack of Keyward")
        return self.resources[name]
