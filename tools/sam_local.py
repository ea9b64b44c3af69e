"""`make sam-local`: the real `sam build`, and `sam local invoke` in containers, on the local AWS.

    python -m tools.sam_local            validate, build, start the local AWS, invoke
    python -m tools.sam_local --image    only print the name of the runtime image that SAM uses

The containers do what the state machine would, with the task inputs of events/: plan a customer,
create its key, attach it; then the emulator is asked whether the key is there. `sam local invoke`
exits with 0 even when the handler raised, so its output is what is judged.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shlex
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from samcli.local.docker.lambda_image import LambdaImage

from local.account import ANYBODY, Account, Urls
from tools.forwarder import forwarded

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = "python3.13"
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
BRIDGE = "docker0"
SIOCGIFADDR = 0x8915  # Linux: an interface's IPv4 address (netdevice(7))
STOP_SECONDS = 15  # what `python -m local serve` promises
NOWHERE = "http://127.0.0.1:9"  # nobody listens there

# Functions with their events, in the order in which the state machine calls them.
STORY = (
    ("PlanCustomer", "plan-customer"),
    ("CreateKey", "create-key"),
    ("AttachKey", "attach-key"),
)


class SamLocalError(Exception):
    """Something on the way to an invoked function is not as it should be."""


def main(arguments: list[str]) -> int:
    """Runs the chain; the exit status is 0 only when every invoked handler returned."""
    if arguments == ["--image"]:
        print(runtime_image())
        return 0
    try:
        bridge = bridge_address()
        sam("validate", "--lint")
        sam("build", *parameters())
        with local_aws() as aws:
            put_customer(aws)
            invoke_all(aws, bridge)
            check_outcome(aws)
    except SamLocalError as error:
        print(f"sam-local: {error}", file=sys.stderr)
        return 1
    return 0


def runtime_image() -> str:
    """The image in which SAM starts a function of our runtime."""
    repository: str = LambdaImage._INVOKE_REPO_PREFIX
    return f"{repository}/{RUNTIME.replace('python', 'python:')}-{ARCHITECTURE}"


def bridge_address() -> str:
    """This machine as its containers see it: the address of Docker's bridge (Linux only)."""
    try:
        subprocess.run(["docker", "info"], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise SamLocalError("needs Docker, and there is no `docker` here") from None
    except subprocess.CalledProcessError as error:
        raise SamLocalError(f"needs a running Docker engine: {error.stderr.strip()}") from None
    # asked of the kernel: the engine leaves out the gateway of a docker0 that it has just made
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            answer = fcntl.ioctl(asking, SIOCGIFADDR, struct.pack("256s", BRIDGE.encode()))
        except OSError:
            raise SamLocalError(f"there is no bridge {BRIDGE} on this machine") from None
    return socket.inet_ntoa(answer[20:24])


def parameters() -> tuple[str, ...]:
    """The template's architecture must be this machine's, or no container could run it."""
    return ("--parameter-overrides", f"Architecture={ARCHITECTURE}")


@contextmanager
def local_aws() -> Iterator[Account]:
    """`python -m local serve` while the block runs."""
    started = time.monotonic()
    command = [sys.executable, "-m", "local", "serve"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            line = server.stdout.readline()  # it says why on stderr when it cannot start
            if not line:
                raise SamLocalError("the local AWS did not start")
            say(f"the local AWS is up after {time.monotonic() - started:.1f} s")
            told = json.loads(line)
            urls = Urls(told["aws"], told["apigateway"], told["invoke"])
            yield Account(urls, told["region"], told["outputs"])
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()


def put_customer(aws: Account) -> None:
    """The customer of events/, whom only the containers are to see: the stream is switched off."""
    client = aws.client("lambda")
    for mapping in client.list_event_source_mappings()["EventSourceMappings"]:
        if ":dynamodb:" in mapping["EventSourceArn"]:
            client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    record = json.loads(
        (ROOT / "events" / "in" / "customer-record.json").read_text(encoding="utf-8")
    )
    table = aws.session.resource("dynamodb", endpoint_url=aws.urls.aws).Table(
        aws.outputs["CustomersTableName"]
    )
    table.put_item(Item=record)


def invoke_all(aws: Account, bridge: str) -> None:
    """Invoke each function in a container that sees the local AWS through the bridge."""
    with ExitStack() as stack:
        endpoints = {
            "AWS_ENDPOINT_URL": stack.enter_context(forwarded(aws.urls.aws, bridge)),
            "AWS_ENDPOINT_URL_API_GATEWAY": stack.enter_context(
                forwarded(aws.urls.apigateway, bridge)
            ),
        }
        settings = {name: variables | endpoints for name, variables in deployed(aws).items()}
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        env_vars = Path(folder) / "env.json"
        env_vars.write_text(json.dumps(settings), encoding="utf-8")
        for function, event in STORY:
            invoke(function, event, env_vars, environment(aws.region, aws.urls.aws))


def deployed(aws: Account) -> dict[str, dict[str, str]]:
    """The environment of each deployed function, by its id in the template: real table names."""
    settings = {}
    for stack in aws.client("cloudformation").describe_stacks()["Stacks"]:
        resources = aws.pages(
            "cloudformation",
            "list_stack_resources",
            "StackResourceSummaries",
            StackName=stack["StackName"],
        )
        for resource in resources:
            if resource["ResourceType"] == "AWS::Lambda::Function":
                name = resource["PhysicalResourceId"]
                found = aws.client("lambda").get_function_configuration(FunctionName=name)
                settings[resource["LogicalResourceId"]] = found["Environment"]["Variables"]
    return settings


def environment(region: str, sts: str) -> dict[str, str]:
    """The environment of SAM CLI, which hands its credentials on to the container.

    SAM asks STS who it is, and would wait long for an answer from outside.
    """
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_ACCESS_KEY_ID": ANYBODY,
        "AWS_SECRET_ACCESS_KEY": ANYBODY,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL_STS": sts,
        "SAM_CLI_TELEMETRY": "0",
    }


def check_outcome(aws: Account) -> None:
    """The key that the containers made, as the emulator has it."""
    gateway = aws.client("apigateway")
    keys = gateway.get_api_keys()["items"]
    plans = [
        plan["name"] for key in keys for plan in gateway.get_usage_plans(keyId=key["id"])["items"]
    ]
    if [key["name"] for key in keys] != ["acme/1"] or plans != ["free"]:
        raise SamLocalError(f"the emulator has {len(keys)} keys, in the plans {plans}")
    say("the emulator has the key acme/1, in the plan free")


def invoke(function: str, event: str, env_vars: Path, variables: dict[str, str]) -> None:
    """Invoke one function with a file of events/ and judge what it printed.

    Raises:
        SamLocalError: SAM could not invoke it, or the handler raised.
    """
    started = time.monotonic()
    output = sam(
        *("local", "invoke", function, "--event", f"events/tasks/{event}.json"),
        *("--env-vars", str(env_vars), "--skip-pull-image", *parameters()),
        variables=variables,
    )
    answer = answered(output, f"{function} with events/tasks/{event}.json")
    seconds = time.monotonic() - started
    say(f"{function} with events/tasks/{event}.json, {seconds:.1f} s: {json.dumps(answer)}")


def answered(output: str, what: str) -> Any:
    """What a handler returned, by what `sam local invoke` printed; its last line is the answer.

    Raises:
        SamLocalError: there is none, or it tells of an exception (`errorType`).
    """
    lines = output.strip().splitlines()
    if not lines:
        raise SamLocalError(f"{what} answered nothing")
    answer = json.loads(lines[-1])
    if isinstance(answer, dict) and "errorType" in answer:
        raise SamLocalError(f"{what} raised {lines[-1]}")
    return answer


def sam(*arguments: str, variables: dict[str, str] | None = None) -> str:
    """Run SAM CLI quietly; its output, or an error with all that it said."""
    command = ["sam", *arguments]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=variables or environment("us-east-1", NOWHERE),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SamLocalError(f"{shlex.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    if arguments[0] != "local":
        say(f"{shlex.join(command)}: ok")
    return done.stdout


def say(text: str) -> None:
    """One line of progress."""
    print(f"sam-local: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
