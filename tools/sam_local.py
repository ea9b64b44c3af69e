"""`make sam-local`: the real `sam build`, and `sam local invoke` in containers, on the local AWS.

    python tools/sam_local.py            validate, build, start the local AWS, invoke
    python tools/sam_local.py --image    only print the name of the runtime image that SAM uses

`sam local invoke` exits with 0 even when the handler raised, so the output is what is judged.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import boto3
from forwarder import forwarded
from samcli.local.docker.lambda_image import LambdaImage

JSON = dict[str, Any]

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = "python3.13"
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
STOP_SECONDS = 15  # what `python -m local serve` promises
FAKE = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
OFFLINE = {"region": "us-east-1", "aws": "http://127.0.0.1:9"}  # nobody listens on port 9

# Function and event, in the order in which a customer comes to a key.
INVOCATIONS = (("CreateKey", "create-key"),)


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
        with local_aws() as local:
            invoke_all(local, bridge)
    except SamLocalError as error:
        print(f"sam-local: {error}", file=sys.stderr)
        return 1
    return 0


def runtime_image() -> str:
    """The image in which SAM starts a function of our runtime."""
    repository: str = LambdaImage._INVOKE_REPO_PREFIX
    return f"{repository}/{RUNTIME.replace('python', 'python:')}-{ARCHITECTURE}"


def bridge_address() -> str:
    """This machine as its containers see it: the address of Docker's bridge."""
    question = ("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")
    try:
        answer = subprocess.run(["docker", *question], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise SamLocalError("needs Docker, and there is no `docker` here") from None
    except subprocess.CalledProcessError as error:
        raise SamLocalError(f"needs a running Docker engine: {error.stderr.strip()}") from None
    return answer.stdout.strip()


def parameters() -> tuple[str, ...]:
    """The template's architecture must be this machine's, or no container could run it."""
    return ("--parameter-overrides", f"Architecture={ARCHITECTURE}")


@contextmanager
def local_aws() -> Iterator[JSON]:
    """`python -m local serve` while the block runs; gives the line of JSON that it prints."""
    started = time.monotonic()
    command = [sys.executable, "-m", "local", "serve"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            line = server.stdout.readline()  # it says why on stderr when it cannot start
            if not line:
                raise SamLocalError("the local AWS did not start")
            say(f"the local AWS is up after {time.monotonic() - started:.1f} s")
            yield json.loads(line)
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()


def invoke_all(local: JSON, bridge: str) -> None:
    """Invoke each function in a container that sees the local AWS through the bridge."""
    with ExitStack() as stack:
        endpoints = {
            "AWS_ENDPOINT_URL": stack.enter_context(forwarded(local["aws"], bridge)),
            "AWS_ENDPOINT_URL_API_GATEWAY": stack.enter_context(
                forwarded(local["apigateway"], bridge)
            ),
        }
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        deployed = settings_by_function(local)
        for function, event in INVOCATIONS:
            variables = {**deployed[function], **endpoints}
            env_vars = folder / f"{function}.json"
            env_vars.write_text(json.dumps({function: variables}), encoding="utf-8")
            invoke(function, event, env_vars, caller(variables, local))


def settings_by_function(local: JSON) -> dict[str, dict[str, str]]:
    """The environment of each deployed function, by its id in the template: real table names."""
    session = boto3.Session(
        FAKE["aws_access_key_id"], FAKE["aws_secret_access_key"], region_name=local["region"]
    )
    lambda_client = session.client("lambda", endpoint_url=local["aws"])
    stacks = session.client("cloudformation", endpoint_url=local["aws"])
    settings = {}
    for stack in stacks.describe_stacks()["Stacks"]:
        resources = stacks.list_stack_resources(StackName=stack["StackName"])
        for resource in resources["StackResourceSummaries"]:
            if resource["ResourceType"] == "AWS::Lambda::Function":
                name = resource["PhysicalResourceId"]
                answer = lambda_client.get_function_configuration(FunctionName=name)
                variables = answer.get("Environment", {}).get("Variables", {})
                settings[resource["LogicalResourceId"]] = variables
    return settings


def caller(variables: dict[str, str], local: JSON) -> dict[str, str]:
    """The environment of SAM itself: it hands its credentials on to the container.

    SAM asks STS who it is, and would wait long for an answer from outside.
    """
    keys = {name.upper(): variables.get(name.upper(), value) for name, value in FAKE.items()}
    region = {"AWS_DEFAULT_REGION": local["region"], "AWS_ENDPOINT_URL_STS": local["aws"]}
    return {**os.environ, **keys, **region}


def invoke(function: str, event: str, env_vars: Path, environment: dict[str, str]) -> None:
    """Invoke one function with a file of events/ and judge what it printed.

    Raises:
        SamLocalError: SAM could not invoke it, or the handler raised.
    """
    started = time.monotonic()
    output = sam(
        *("local", "invoke", function, "--event", f"events/{event}.json"),
        *("--env-vars", str(env_vars), "--skip-pull-image", *parameters()),
        environment=environment,
    )
    answer = json.loads(output.strip().splitlines()[-1]) if output.strip() else None
    if answer is None or (isinstance(answer, dict) and "errorType" in answer):
        raise SamLocalError(f"{function} with events/{event}.json answered {output.strip()}")
    seconds = time.monotonic() - started
    say(f"{function} with events/{event}.json, {seconds:.1f} s: {json.dumps(answer)}")


def sam(*arguments: str, environment: dict[str, str] | None = None) -> str:
    """Run SAM CLI quietly; its output, or an error with all that it said."""
    command = ["sam", *arguments]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**(environment or caller({}, OFFLINE)), "SAM_CLI_TELEMETRY": "0"},
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
