"""`python -m local serve` keeps its contract (DESIGN.md, section 6, "Local")."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from local.account import Account, Urls

ROOT = Path(__file__).parents[3]
TRIAL = Path(__file__).parent / "fixtures/trial/template.yaml"


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A started `serve` with the trial stack, and what its line says."""
    command = [sys.executable, "-m", "local", "serve", "--template", str(TRIAL), *arguments]
    # settings of a host that must not matter
    host = {"AWS_PROFILE": "nobody", "HTTP_PROXY": "http://127.0.0.1:9"}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | host,
    )
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate(timeout=15)


def account(ready: dict[str, Any]) -> Account:
    urls = Urls(ready["aws"], ready["apigateway"], ready["invoke"])
    return Account(urls, ready["region"], ready["outputs"])


def stopped(process: subprocess.Popen[str], number: signal.Signals) -> tuple[float, str, str]:
    """Seconds until it ended, the rest of its standard output, its standard error."""
    process.send_signal(number)
    begun = time.monotonic()
    output, errors = process.communicate(timeout=15)
    return time.monotonic() - begun, output, errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_one_line_and_ends_well(number: signal.Signals) -> None:
    with serving() as (process, ready):
        assert set(ready) == {"aws", "apigateway", "invoke", "region", "outputs"}
        assert "{rest_api_id}/{stage}" in ready["invoke"]
        # a worker runs and one is busy
        aws = account(ready)
        table = aws.outputs["TableName"]
        item = {"id": {"S": "busy"}, "names": {"SS": ["slow"]}}
        aws.client("dynamodb").put_item(TableName=table, Item=item)

        seconds, output, errors = stopped(process, number)

    assert process.returncode == 0, errors
    assert seconds < 15
    assert output == ""
    assert errors == ""


def test_it_ends_in_time_under_load_with_work_that_waits() -> None:
    burn = [sys.executable, "-c", "while True: pass"]
    with serving() as (process, ready):
        aws = account(ready)
        wait = {"Type": "Wait", "Seconds": 600, "End": True}
        each = {"Type": "Map", "Items": [1, 2], "End": True}
        each["ItemProcessor"] = {"StartAt": "Wait", "States": {"Wait": wait}}
        definition = {"QueryLanguage": "JSONata", "StartAt": "Each", "States": {"Each": each}}
        steps = aws.client("stepfunctions")
        role = steps.describe_state_machine(stateMachineArn=aws.outputs["MachineArn"])["roleArn"]
        made = steps.create_state_machine(
            name="sleeper", definition=json.dumps(definition), roleArn=role
        )
        steps.start_execution(stateMachineArn=made["stateMachineArn"])
        with ThreadPoolExecutor(9) as crowd:
            names = [aws.outputs[name] for name in ("GreetName", "LookName", "TrespassName")] * 3
            list(crowd.map(lambda name: greet(aws, name), names))
        burners = [subprocess.Popen(burn) for _ in range(4)]
        try:
            seconds, _, errors = stopped(process, signal.SIGTERM)
        finally:
            for burner in burners:
                burner.kill()
                burner.wait()

    assert process.returncode == 0, errors
    assert seconds < 15


def test_the_workers_share_one_copy_of_their_code_and_layers() -> None:
    with serving() as (process, ready):
        aws = account(ready)
        greet(aws, aws.outputs["GreetName"])
        greet(aws, aws.outputs["LookName"])
        commands = [Path(f"/proc/{pid}/cmdline").read_text() for pid in children(process.pid)]
        folders = [Path(command.rstrip("\0").rpartition("\0")[2]).parent for command in commands]
        links = [
            {path.resolve() for path in folder.iterdir() if path.is_symlink()} for folder in folders
        ]
        stopped(process, signal.SIGTERM)

    assert len(folders) == 2
    assert links[0] == links[1] != set()
    assert not any(path.exists() for path in [*folders, *links[0]])


def greet(aws: Account, name: str) -> None:
    aws.client("lambda").invoke(FunctionName=name, Payload='{"name": "slow"}')


def test_two_run_side_by_side_and_know_nothing_of_each_other() -> None:
    with serving() as (_, one), serving() as (_, two):
        first, second = account(one), account(two)
        first.client("apigateway").create_rest_api(name="first")
        first.client("sqs").create_queue(QueueName="first")

        assert [call["operation"] for call in first.calls()] == ["CreateRestApi"]
        assert second.calls() == []
        assert not [
            url for url in second.client("sqs").list_queues()["QueueUrls"] if "first" in url
        ]


@pytest.mark.parametrize(("arguments", "statuses"), [((), {200}), (("--share", "50"), {200, 429})])
def test_the_account_has_quotas_only_with_a_share(
    arguments: tuple[str, ...], statuses: set[int]
) -> None:
    with serving(*arguments) as (_, ready):
        gateway = account(ready).client("apigateway")

        def call(_: int) -> int:
            try:
                answer = gateway.get_rest_apis()
            except ClientError as error:
                answer = error.response
            return int(answer["ResponseMetadata"]["HTTPStatusCode"])

        with ThreadPoolExecutor(8) as crowd:
            assert set(crowd.map(call, range(120))) == statuses


def test_it_listens_on_loopback_only_and_leaves_no_process_behind() -> None:
    with serving() as (process, ready):
        aws = account(ready)
        aws.client("lambda").invoke(FunctionName=aws.outputs["GreetName"], Payload='{"name": "x"}')
        workers = children(process.pid)
        ports = {urlsplit(ready[name]).port for name in ("aws", "apigateway", "invoke")}
        listening = listeners(process.pid)

        stopped(process, signal.SIGTERM)

    assert workers
    assert not any(Path("/proc", str(worker)).exists() for worker in workers)
    assert {port for _address, port in listening} == ports
    assert {address for address, _port in listening} == {"0100007F"}  # 127.0.0.1, little endian


def test_while_nothing_happens_api_gateway_is_not_called() -> None:
    with serving() as (_, ready):
        aws = account(ready)
        time.sleep(2)

        assert aws.calls() == []


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    tasks = [path / "children" for path in Path(f"/proc/{pid}/task").iterdir()]
    return [int(child) for task in tasks for child in task.read_text().split()] or [
        int(child) for child in text.split()
    ]


def listeners(pid: int) -> set[tuple[str, int]]:
    """Address (as in /proc/net/tcp) and port of each listening TCP socket of the process."""
    links = [os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()]
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address, port = fields[1].split(":")
                found.add((address, int(port, 16)))
    return found
