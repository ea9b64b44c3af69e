"""What a person's credentials can reach: API Gateway, and the tables, bus and policy of a stack."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError

from keyward.apis.model import ApiRecords
from keyward.aws.bus import Bus
from keyward.aws.client import Client
from keyward.aws.dynamodb import DynamoTable
from keyward.aws.functions import PATIENT, Functions
from keyward.aws.gateway import Gateway
from keyward.aws.gateway.calls import client_config
from keyward.aws.parameter import PolicyParameter
from keyward.aws.stacks import Stacks
from keyward.aws.tables import Registry
from keyward.aws.tables.apis import Apis
from keyward.aws.tables.customers import Customers
from keyward.aws.tables.ledger import Ledger
from keyward.errors import (
    ApiNotFoundError,
    CustomerNotFoundError,
    GatewayRefusedError,
    KeywardError,
    ResourceMissingError,
)
from keyward.policy.model import Policy
from keyward.runs.context import Context
from keyward.values import JSON, frozen, parse_json

# The template's default, where no stack says otherwise.
DEFAULT_MODE = "observe"
# A person waits: some seconds of throttling, not a minute.
ATTEMPTS = 4
# The source of events that a person sends by the command.
SOURCE = "keyward-command"
# A standard parameter holds 4 KB, an advanced one 8 KB (Systems Manager quotas).
MAX_PARAMETER_BYTES = 8192
# Where `make local` listens unless PORT says otherwise: API Gateway is on the next port.
LOCAL_PORT = 4580


def local_endpoints(port: int) -> dict[str, str]:
    """What boto3's environment says when everything is on this machine. Any credentials do."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ENDPOINT_URL_API_GATEWAY": f"http://127.0.0.1:{port + 1}",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_SESSION_TOKEN": "",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
    }


class SetUpError(KeywardError):
    """This machine lacks something that every call needs; the message says how to give it."""


class NoStackError(KeywardError):
    """There is no such stack, or it is not one of Keyward."""


@frozen
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

    def client(self, service: str, config: Any = None) -> Any:
        """A client of boto3. Raises SetUpError for settings of which none can be made."""
        try:
            return self.session.client(service, config=config)
        # botocore answers an endpoint that is no URL with ValueError.
        except (BotoCoreError, ValueError) as error:
            raise SetUpError(f"The AWS configuration is not usable: {error}. Correct it") from None

    def caller(self) -> str:
        """The ARN of whoever has these credentials; it takes no right (STS, GetCallerIdentity)."""
        return str(Client(self.client("sts")).get_caller_identity()["Arn"])

    def gateway(self) -> Gateway:
        """API Gateway, for somebody who only reads."""
        return Gateway(self.client("apigateway", client_config(attempts=ATTEMPTS)))

    def stack(self, name: str) -> Stack:
        """A deployed stack of Keyward. Raises NoStackError."""
        stacks = Stacks(self.client("cloudformation"))
        try:
            resources = stacks.resources(name)
        except ResourceMissingError:
            region = self.session.region_name
            raise NoStackError(f"There is no stack {name} in {region}. Give --stack") from None
        return Stack(self, name, resources)


@frozen
class Stack:
    """A stack of Keyward, by the names of its template."""

    account: StackClient
    name: str
    resources: dict[str, str]

    def default_mode(self) -> str:
        """The mode of APIs without a tag, as the stack was deployed."""
        parameters = Stacks(self.account.client("cloudformation")).parameters(self.name)
        return parameters.get("DefaultMode") or DEFAULT_MODE

    def customers(self) -> Customers:
        """The stack's Customers and Keys tables."""
        return Customers(self._table("CustomersTable"), self._table("KeysTable"), self.ledger())

    def expect(self, customer_id: str) -> None:
        """Raise CustomerNotFoundError for a customer of whom nothing is known."""
        known = self.customers()
        if known.desired(customer_id) is None and not known.load_keys(customer_id).keys:
            words = f"customer_id: no customer {customer_id} is known. Correct the id"
            raise CustomerNotFoundError(words)

    def expect_api(self, rest_api_id: str) -> None:
        """Raise ApiNotFoundError for an API that neither the account nor a record knows."""
        try:
            self.account.gateway().api(rest_api_id)
        except ApiNotFoundError:
            # What is remembered of an API that is gone wants to be forgotten.
            if self.apis().load_records(rest_api_id) == ApiRecords():
                raise
        except GatewayRefusedError:
            # Who may not read API Gateway may start a run all the same.
            return

    def ledger(self) -> Ledger:
        """The stack's Ledger table."""
        return Ledger(self._table("LedgerTable"))

    def apis(self) -> Apis:
        """The stack's Apis table."""
        return Apis(self._table("ApisTable"))

    def policy(self, now: float) -> Policy:
        """The stack's policy in force."""
        return self.registry.policies.current(now).policy

    @cached_property
    def registry(self) -> Registry:
        """All tables of the stack, and its policy parameter."""
        return Registry(self._table, self._wanted)

    def context(self, now: Callable[[], float]) -> Context:
        """What a run works with, for a person who only reads; `now` tells epoch seconds."""
        bus = self._resource("EventBus")
        return Context(self.account.gateway(), self.registry, self._bus(), now, bus, self.name)

    def wanted_policy(self) -> str:
        """What the policy parameter says, be it usable or not; an object that it names is read."""
        ssm = Client(self.account.client("ssm"))
        text = str(ssm.get_parameter(Name=self._parameter)["Parameter"]["Value"])
        named = parse_json(text)
        key = named.get("object") if isinstance(named, dict) else None
        return (self.object(key) if isinstance(key, str) else None) or text

    def _wanted(self) -> PolicyParameter:
        return PolicyParameter(self.account.client("ssm"), self._parameter, self.object)

    def object(self, key: str) -> str | None:
        """An object of the stack's bucket as text; None when there is none."""
        s3 = Client(self.account.client("s3"))
        try:
            found = s3.get_object(Bucket=self._resource("ReportBucket"), Key=key)
        except ResourceMissingError:
            return None
        return bytes(s3.read("GetObject", found["Body"])).decode()

    def put_policy(self, text: str, name: str) -> int:
        """Write the policy parameter, or the object policy/NAME.json of a policy that is larger:
        the parameter's version. The object of each policy is another one, so that undoing is to
        name the one before."""
        value = text
        if len(text.encode()) > MAX_PARAMETER_BYTES:
            digest = hashlib.sha256(text.encode()).hexdigest()[:8]
            key = f"policy/{re.sub('[^A-Za-z0-9_.-]', '-', name)[:80]}-{digest}.json"
            bucket = self._resource("ReportBucket")
            s3 = Client(self.account.client("s3"))
            s3.put_object(Bucket=bucket, Key=key, Body=text.encode())
            value = json.dumps({"object": key})
        ssm = Client(self.account.client("ssm"))
        tier = {"Tier": "Intelligent-Tiering"}
        put = {"Name": self._parameter, "Value": value, "Type": "String", "Overwrite": True}
        return int(ssm.put_parameter(**put, **tier)["Version"])

    def send(self, detail_type: str, detail: JSON) -> None:
        """Put an event on the stack's bus."""
        self.send_all(detail_type, [detail])

    def send_all(self, detail_type: str, details: Iterable[JSON]) -> None:
        """Put events of one type on the stack's bus."""
        entry = {"Source": SOURCE, "DetailType": detail_type}
        entry |= {"EventBusName": self._resource("EventBus")}
        self._bus().announce([entry | {"Detail": detail} for detail in details])

    def start(self, machine: str, task: JSON) -> str:
        """Start a state machine by its name in the template: the execution's ARN."""
        arn, name = self._resource(machine), f"{SOURCE}-{uuid.uuid4().hex[:20]}"
        self._bus().start(arn, name, task)
        return f"{arn.replace(':stateMachine:', ':execution:', 1)}:{name}"

    def invoke(self, function: str, task: JSON) -> JSON:
        """Invoke a function by its name in the template, and wait for its answer."""
        client = self.account.client("lambda", PATIENT)
        return Functions(client).call(self._resource(function), task)

    @property
    def _parameter(self) -> str:
        return f"{self.name}-policy"

    def _bus(self) -> Bus:
        return Bus(*(self.account.client(name) for name in ("events", "stepfunctions", "sqs")))

    def _table(self, name: str) -> Any:
        return DynamoTable(self.account.client("dynamodb"), self._resource(name))

    def _resource(self, name: str) -> str:
        if name not in self.resources:
            raise NoStackError(f"The stack {self.name} has no {name}. Give a stack of Keyward")
        return self.resources[name]
