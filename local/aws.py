"""A whole local AWS in this process: ministack, the emulator of API Gateway, the stack on both."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from emulator import server
from emulator.emulator import Emulator
from keyward.policy.parse import default_text
from keyward.values import JSON
from local import ministack, sinks
from local.account import Account, Urls
from local.dependencies import link_packages
from local.packaging import Stack
from local.waiting import until

ROOT = Path(__file__).parent.parent
TEMPLATE = ROOT / "template.yaml"
STACK_NAME = "keyward"
POLICY_PARAMETER = f"{STACK_NAME}-policy"
# Nobody on this machine wants to wait ten minutes for a report, and a link to a key is safe here.
HERE = {"ReportDelaySeconds": "1", "ClaimPage": "on"}
# The emulator's account has no quotas (unless a test door enforces them: then a refused call is
# tried again), so nobody waits for a turn. The parameter allows 100 percent at most.
SHARE_PARAMETER, NO_LIMIT = "ControlPlaneShare", {"CONTROL_PLANE_SHARE": "100000"}
QUIET_SECONDS = 0.6


class LocalAws(Account):
    """A local AWS with a stack on it; a process has one at a time.

    `emulator` is the API Gateway behind `urls.apigateway`; what it writes becomes CloudTrail events
    on the account's default bus.
    """

    def __init__(
        self, urls: Urls, region: str, outputs: dict[str, str], emulator: Emulator, stop: ExitStack
    ) -> None:
        super().__init__(urls, region, outputs)
        self.emulator = emulator
        self._stop = stop

    @classmethod
    def start(
        cls,
        template: Path = TEMPLATE,
        *,
        region: str = "us-east-1",
        parameters: Mapping[str, str] | None = None,
        policy: JSON | None = None,
        port: int = 0,
    ) -> LocalAws:
        """Start everything and deploy the template with the stack `parameters` that it declares,
        and Keyward's `policy`, by default the shipped one.

        Unless these say otherwise, the policy waits for no propagation, because the emulator's
        takes no time, and no run waits for its turn to call. With a `port` everything but API
        Gateway is there, its control plane on the next one, its stages on the one after.

        Raises:
            StartError: a server does not come up.
            DeployError: CloudFormation refuses the stack.
            DependencyError: this environment lacks what the layer locks.
        """
        with ExitStack() as stack:
            emulator = Emulator(region=region, account_id=ministack.ACCOUNT_ID)
            gateway = _gateway(emulator, port)
            stack.callback(gateway.stop)
            services = ministack.start(region, port)
            stack.callback(services.stop)
            urls = Urls(services.url, gateway.url, gateway.invoke_url)
            _open_workers(stack, urls, emulator)
            _connect_cloudtrail(emulator, region)
            aws = cls(urls, region, {}, emulator, stack.pop_all())
        try:
            aws._deploy(template, {**HERE, **(parameters or {})}, policy)
        except BaseException:
            aws.stop()
            raise
        return aws

    def _deploy(self, template: Path, parameters: Mapping[str, str], policy: JSON | None) -> None:
        keyward = Stack(self.client, template, STACK_NAME)
        first = policy or json.loads(default_text()) | {"propagation_seconds": 0}
        about = {"Name": POLICY_PARAMETER, "Type": "String", "Tier": "Advanced"}
        self.client("ssm").put_parameter(**about, Value=json.dumps(first))
        share = {} if SHARE_PARAMETER in parameters else NO_LIMIT
        variables = _local(self.urls) | share
        self.outputs.update(keyward.deploy(parameters=parameters, variables=variables))

    def events(self, detail_type: str | None = None) -> list[JSON]:
        """What was put on any bus since the start, as PutEvents took it, in order.

        `Detail` is parsed. Only those of the detail-type when one is given.
        """
        from ministack.services import eventbridge

        logs = eventbridge._events_log.to_dict().values()
        return [
            {**event, "Detail": eventbridge._decoded_detail(event["Detail"])}
            for event in (event for log in logs for event in list(log))
            if detail_type in (None, event["DetailType"])
        ]

    def settle(self, seconds: float = 300.0) -> None:
        """Wait until nothing runs and nothing is on its way any more.

        Raises:
            TimeoutError: something still does after `seconds`.
        """
        from local.activity import is_busy

        quiet_since = time.monotonic()

        def is_quiet() -> bool:
            nonlocal quiet_since
            if is_busy():
                quiet_since = time.monotonic()
            return time.monotonic() - quiet_since > QUIET_SECONDS

        until(is_quiet, seconds, "silence")

    def sinks(self) -> Iterator[tuple[str, str]]:
        """Every place where text may rest, and the text."""
        yield from sinks.read(self)
        # CloudTrail's records are not Keyward's: what rules take of them lies in queues.
        for event in (one for one in self.events() if one["Source"] != "aws.apigateway"):
            yield f"event {event['DetailType']}", json.dumps(event)

    def stop(self) -> None:
        """Stop servers and workers; a second call does nothing."""
        self._stop.close()

    def __enter__(self) -> LocalAws:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


def _gateway(emulator: Emulator, port: int) -> server.Running:
    """API Gateway beside everything else."""
    control, invoke = (port + 1, port + 2) if port else (0, 0)
    try:
        return server.start(emulator, port=control, invoke_port=invoke)
    except OSError:
        raise ministack.taken(control) from None


def _local(urls: Urls) -> dict[str, str]:
    """Settings of functions that are other than on AWS: where they call, and a short storm."""
    return _endpoints(urls) | {"INVOKE_URL": urls.invoke, "STORM_SECONDS": "1"}


def _endpoints(urls: Urls) -> dict[str, str]:
    return {"AWS_ENDPOINT_URL": urls.aws, "AWS_ENDPOINT_URL_API_GATEWAY": urls.apigateway}


def _open_workers(stack: ExitStack, urls: Urls, emulator: Emulator) -> None:
    # ministack may be imported only once its settings are in place
    from local.shims import workers

    packages = link_packages(ROOT / "layers/keyward/requirements.txt")
    # a worker may still write byte code there
    stack.callback(shutil.rmtree, packages, ignore_errors=True)
    # first, as they import from there
    stack.callback(workers.close)
    workers.open_for(workers.WorkerSettings(packages, _endpoints(urls), emulator.add_caller))


def _connect_cloudtrail(emulator: Emulator, region: str) -> None:
    from local.shims import delivery

    emulator.on_event = lambda event: delivery.put_aws_event(
        event, account_id=emulator.account_id, region=region
    )
