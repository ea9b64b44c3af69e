"""Where a run takes place: an AWS account, or a local AWS that is started for a rehearsal."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from botocore.config import Config
from botocore.exceptions import NoRegionError

from keyward.values import JSON
from local.account import Account, Urls
from local.ministack import ACCOUNT_ID
from tools.account import session
from tools.live_check.state import TAG

ROOT = Path(__file__).resolve().parents[2]
# Quotas of one call in 20 and 30 seconds (api-gateway.md) are waited out by the SDK.
PATIENT = Config(retries={"total_max_attempts": 12, "mode": "standard"})
HASTY = Config(retries={"total_max_attempts": 1})
# Other APIs of the account are left alone; the trail is what CloudTrail's rules hear by.
PARAMETERS = {"DefaultMode": "off", "CreateTrail": "true", "LogRetentionDays": "1"}


class World(Protocol):
    """What differs between an account and a rehearsal. `patience` is how long a change may take,
    in seconds, `rows` the sizes of CSV files that are tried."""

    region: str
    partition: str
    account: str
    patience: float
    look_every: float
    propagation_seconds: int
    rows: tuple[int, ...]
    is_local: bool

    def client(self, service: str) -> Any:
        """A client that waits for quotas, the same one each time."""

    def hasty(self, service: str) -> Any:
        """A client that calls once and shows each refusal."""

    def as_role(self, arn: str) -> Any:
        """A client of API Gateway with the rights of a role, which calls once."""

    def stage_url(self, api: str, stage: str) -> str:
        """Where clients call a stage."""

    def deploy(self, name: str, run: str) -> JSON:
        """Deploy Keyward as a stack of this name, or find it: `id` and `outputs`."""

    def update(self, name: str, run: str) -> None:
        """Update the stack with another value of a parameter."""

    def owns(self, stack: JSON, run: str) -> bool:
        """Whether a described stack is the one that this run made."""

    def quotas(self, enforced: bool) -> None:
        """Have the account's quotas enforced, where they are not always."""


class Aws:
    """The account and Region of the AWS credentials."""

    patience, look_every, propagation_seconds = 900.0, 1.0, 120
    rows: tuple[int, ...] = (100, 500, 1000)
    is_local = False

    def __init__(self) -> None:
        self._session: Any = session()
        if self._session.region_name is None:
            raise NoRegionError
        self._clients: dict[str, Any] = {}
        self.region = str(self._session.region_name)
        self.account = str(self.client("sts").get_caller_identity()["Account"])
        self.partition = str(self._session.get_partition_for_region(self.region))

    def client(self, service: str) -> Any:
        """A client that waits for quotas, the same one each time."""
        if service not in self._clients:
            self._clients[service] = self._session.client(service, config=PATIENT)
        return self._clients[service]

    def hasty(self, service: str) -> Any:
        """A client that calls once and shows each refusal."""
        return self._session.client(service, config=HASTY)

    def as_role(self, arn: str) -> Any:
        """A client of API Gateway with the rights of a role, which calls once."""
        return self._session.client("apigateway", config=HASTY, **credentials(self, arn))

    def stage_url(self, api: str, stage: str) -> str:
        """Where clients call a stage."""
        return f"https://{api}.execute-api.{self.region}.amazonaws.com/{stage}"

    def deploy(self, name: str, run: str) -> JSON:
        """Build and deploy by sam; a stack that stands already is brought to the same template."""
        subprocess.run(["sam", "build"], cwd=ROOT, check=True)
        self._deploy(name, run, PARAMETERS)
        return described(self.client("cloudformation"), name)

    def update(self, name: str, run: str) -> None:
        """Logs are kept longer."""
        self._deploy(name, run, PARAMETERS | {"LogRetentionDays": "3"})

    def _deploy(self, name: str, run: str, parameters: dict[str, str]) -> None:
        command = ["sam", "deploy", "--stack-name", name, "--resolve-s3", "--region", self.region]
        command += ["--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"]
        command += ["--capabilities", "CAPABILITY_IAM", "--tags", f"{TAG}={run}"]
        overrides = [f"{key}={value}" for key, value in parameters.items()]
        subprocess.run([*command, "--parameter-overrides", *overrides], cwd=ROOT, check=True)

    def owns(self, stack: JSON, run: str) -> bool:
        """The stack's tag says which run made it."""
        return tagged(stack, run)

    def quotas(self, enforced: bool) -> None:
        """They always are."""


def tagged(stack: JSON, run: str) -> bool:
    """Whether a described stack has the tag of this run."""
    return {"Key": TAG, "Value": run} in stack.get("Tags", [])


def credentials(world: World, arn: str) -> dict[str, str]:
    """Temporary credentials of a role, as boto3 names them for a client."""
    sts = world.client("sts")
    found = sts.assume_role(RoleArn=arn, RoleSessionName="live-check")["Credentials"]
    return {
        "aws_access_key_id": found["AccessKeyId"],
        "aws_secret_access_key": found["SecretAccessKey"],
        "aws_session_token": found["SessionToken"],
    }


def described(client: Any, name: str) -> JSON:
    """A stack's `id` and `outputs`."""
    [stack] = client.describe_stacks(StackName=name)["Stacks"]
    outputs = {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}
    return {"id": stack["StackId"], "outputs": outputs, "status": stack["StackStatus"]}


@dataclass
class Rehearsal:
    """A local AWS, on which the stack stands already: its contract's line says where it is."""

    ready: JSON
    patience: float = 60.0
    look_every: float = 0.1
    propagation_seconds: int = 0
    rows: tuple[int, ...] = (20, 60)
    partition: str = "aws"
    account: str = ACCOUNT_ID
    stack: str = "keyward"
    is_local: bool = True

    def __post_init__(self) -> None:
        urls = Urls(self.ready["aws"], self.ready["apigateway"], self.ready["invoke"])
        self.region = str(self.ready["region"])
        self.local = Account(urls, self.region, self.ready["outputs"])
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """A client that tries again, as on AWS; the same one each time."""
        if service not in self._clients:
            self._clients[service] = self._made(service)
        return self._clients[service]

    def _made(self, service: str) -> Any:
        urls = self.local.urls
        url = urls.apigateway if service == "apigateway" else urls.aws
        # Names like sync-states.… are not to be had here. An answer that is late is lost by a
        # fault, and comes no more.
        config = PATIENT.merge(Config(inject_host_prefix=False, read_timeout=10))
        return self.local.session.client(service, endpoint_url=url, config=config)

    def hasty(self, service: str) -> Any:
        """A client that calls once and shows each refusal."""
        return self.local.client(service)

    def as_role(self, arn: str) -> Any:
        """A client of API Gateway with the rights of a role, which calls once."""
        url, given = self.local.urls.apigateway, credentials(self, arn)
        return self.local.session.client("apigateway", endpoint_url=url, config=HASTY, **given)

    def stage_url(self, api: str, stage: str) -> str:
        """Where clients call a stage."""
        return self.local.urls.stage(api, stage)

    def deploy(self, name: str, run: str) -> JSON:
        """It stands already."""
        return described(self.client("cloudformation"), self.stack)

    def update(self, name: str, run: str) -> None:
        """By CloudFormation alone, with the template that it has."""
        client = self.client("cloudformation")
        [stack] = client.describe_stacks(StackName=self.stack)["Stacks"]
        keep = [
            {"ParameterKey": one["ParameterKey"], "UsePreviousValue": True}
            for one in stack["Parameters"]
            if one["ParameterKey"] != "LogRetentionDays"
        ]
        client.update_stack(
            StackName=self.stack,
            UsePreviousTemplate=True,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[*keep, {"ParameterKey": "LogRetentionDays", "ParameterValue": "3"}],
        )
        pace = {"Delay": 0.2, "MaxAttempts": 300}
        client.get_waiter("stack_update_complete").wait(StackName=self.stack, WaiterConfig=pace)

    def owns(self, stack: JSON, run: str) -> bool:
        """The stack that stands already is the rehearsal's; others have the run's tag."""
        return bool(stack["StackName"] == self.stack) or tagged(stack, run)

    def quotas(self, enforced: bool) -> None:
        """Order them by the emulator's door."""
        self.local.order("quotas", {"enforce": enforced})


@contextmanager
def rehearsal(faults: list[JSON] | None = None) -> Iterator[Rehearsal]:
    """A local AWS of its own, with ordered faults."""
    command = [sys.executable, "-m", "local", "serve"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            world = Rehearsal(json.loads(process.stdout.readline()))
            if faults:
                world.local.order("faults", faults)
            yield world
        finally:
            process.terminate()
            process.wait(60)
