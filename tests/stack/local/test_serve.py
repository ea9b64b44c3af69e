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
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from local.account import Account, Urls
from tests.processes import children, folder, listeners, until_ended

ROOT = Path(__file__).parents[3]
TRIAL = Path(__file__).parent / "fixtures/trial/template.yaml"


# How long a slow machine may take to stop; no test depends on how long it does.
PATIENCE_SECONDS = 300


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
        process.communicate(timeout=PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[int, dict[str, Any]]]:
    """The process and the line of one that all who only look share: each start costs seconds."""
    with serving() as (process, ready):
        yield process.pid, ready


def account(ready: dict[str, Any]) -> Account:
    urls = Urls(ready["aws"], ready["apigateway"], ready["invoke"])
    return Account(urls, ready["region"], ready["outputs"])


def stopped(process: subprocess.Popen[str], number: signal.Signals) -> tuple[str, str]:
    """The rest of its standard output, and its standard error, once it has ended."""
    process.send_signal(number)
    return process.communicate(timeout=PATIENCE_SECONDS)


def test_while_nothing_happens_api_gateway_is_not_called(
    served: tuple[int, dict[str, Any]],
) -> None:
    time.sleep(2)

    assert account(served[1]).calls() == []


def test_it_says_one_line_and_ends_well() -> None:
    with serving() as (process, ready):
        assert set(ready) == {"aws", "apigateway", "invoke", "region", "outputs"}
        assert "{rest_api_id}/{stage}" in ready["invoke"]
        # a worker runs and one is busy
        aws = account(ready)
        table = aws.outputs["TableName"]
        item = {"id": {"S": "busy"}, "names": {"SS": ["slow"]}}
        aws.client("dynamodb").put_item(TableName=table, Item=item)

        output, errors = stopped(process, signal.SIGINT)

    assert process.returncode == 0, errors
    assert (output, errors) == ("", "")


def test_it_ends_under_load_with_work_that_waits_and_leaves_nothing_behind() -> None:
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
        with ThreadPoolExecutor(6) as crowd:
            names = [aws.outputs[name] for name in ("GreetName", "LookName", "TrespassName")] * 2
            list(crowd.map(lambda name: greet(aws, name), names))
        workers = workers_of(process.pid)
        code = {folder(worker) for worker in workers} - {None}
        burners = [subprocess.Popen(burn) for _ in range(4)]
        try:
            output, errors = stopped(process, signal.SIGTERM)
        finally:
            for burner in burners:
                burner.kill()
                burner.wait()

    assert process.returncode == 0, errors
    # What is not over in time is cut off, and it says so.
    assert (output, errors.partition(":")[0]) in (("", ""), ("", "serve"))
    assert workers
    assert code
    for worker in workers:
        until_ended(worker)
    assert "cut off" in errors or not any(path.exists() for path in code)


def test_the_workers_share_one_copy_of_their_code(
    served: tuple[int, dict[str, Any]],
) -> None:
    pid, ready = served
    aws = account(ready)
    greet(aws, aws.outputs["GreetName"])
    greet(aws, aws.outputs["LookName"])

    workers = workers_of(pid)

    assert len(workers) >= 2
    assert len({folder(worker) for worker in workers} - {None}) == 1


def workers_of(pid: int) -> list[int]:
    """The workers of one: its nursery has forked them."""
    return [worker for nursery in children(pid) for worker in children(nursery)]


def greet(aws: Account, name: str) -> None:
    aws.client("lambda").invoke(FunctionName=name, Payload='{"name": "slow"}')


def test_two_run_side_by_side_and_know_nothing_of_each_other_quotas_included(
    served: tuple[int, dict[str, Any]],
) -> None:
    """Only the one with a share has quotas."""
    with serving("--share", "50") as (_, ready):
        first, second = account(served[1]), account(ready)
        before = len(first.calls())
        first.client("apigateway").create_rest_api(name="first")
        first.client("sqs").create_queue(QueueName="first")

        assert [call["operation"] for call in first.calls()[before:]] == ["CreateRestApi"]
        assert second.calls() == []
        urls = second.client("sqs").list_queues()["QueueUrls"]
        assert [url for url in urls if "first" in url] == []
        assert (statuses(first), statuses(second)) == ({201}, {201, 429})


def statuses(of: Account) -> set[int]:
    """What calls are answered of which an account allows one in three seconds."""
    gateway = of.client("apigateway")

    def call(_: int) -> int:
        try:
            answer = gateway.create_rest_api(name="one of many")
        except ClientError as error:
            answer = error.response
        return int(answer["ResponseMetadata"]["HTTPStatusCode"])

    with ThreadPoolExecutor(8) as crowd:
        return set(crowd.map(call, range(24)))


def test_it_listens_on_loopback_only(served: tuple[int, dict[str, Any]]) -> None:
    pid, ready = served
    ports = {urlsplit(ready[name]).port for name in ("aws", "apigateway", "invoke")}
    listening = listeners(pid)

    assert {port for _address, port in listening} == ports
    assert {address for address, _port in listening} == {"0100007F"}  # 127.0.0.1, little endian


@pytest.mark.parametrize("door", ["aws", "apigateway", "invoke"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://other.example", "Content-Type": "text/plain"},
        {"Host": "other.example"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    ],
    ids=["origin", "host", "form"],
)
def test_a_web_page_of_another_site_is_refused_by_every_door(
    served: tuple[int, dict[str, Any]], door: str, headers: dict[str, str]
) -> None:
    for verb in ("GET", "POST", "OPTIONS"):
        assert answered(served[1][door], verb, headers) == (403, [])


# What ministack takes for a call of a service, whatever the path.
CREDENTIAL = "X-Amz-Credential=a%2F20260101%2Fus-east-1%2Fcloudformation%2Faws4_request"
CALL = f"?Action=ListStacks&Version=2010-05-15&{CREDENTIAL}"
LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
LOCAL_PAGE = {"Origin": "http://localhost:3000", "X-Amz-Target": "DynamoDB_20120810.ListTables"}


@pytest.mark.parametrize("headers", [LINK, LOCAL_PAGE], ids=["link", "page of this machine"])
def test_a_link_opens_function_urls_and_calls_no_service(
    served: tuple[int, dict[str, Any]], headers: dict[str, str]
) -> None:
    aws = served[1]["aws"]
    for path in ("", "/", "//", "/%20/", "/../", "/?", "/%0A/"):
        for verb in ("GET", "POST"):
            assert answered(f"{aws}/_aws/lambda-url{path}{CALL}", verb, headers) == (403, [])
    # That of a function is the function's own: this one has none.
    for path in ("/nobodys", "/nobodys/", "/nobodys/../"):
        assert answered(f"{aws}/_aws/lambda-url{path}{CALL}", "GET", headers)[0] == 404


def test_a_program_gets_an_answer_that_no_page_may_read(
    served: tuple[int, dict[str, Any]],
) -> None:
    for verb in ("GET", "OPTIONS"):
        status, cors = answered(served[1]["aws"], verb, {})
        assert status != 403 or verb == "GET"
        assert cors == []


def answered(url: str, verb: str, headers: dict[str, str]) -> tuple[int, list[str]]:
    """The status, and the headers that let a page read the answer."""
    parts = urlsplit(url.replace("{rest_api_id}", "a1b2c3d4e5").replace("{stage}", "prod"))
    with closing(HTTPConnection(str(parts.hostname), parts.port, timeout=60)) as connection:
        query = f"?{parts.query}" if parts.query else ""
        connection.request(verb, f"{parts.path or '/'}{query}", headers=headers)
        answer = connection.getresponse()
        answer.read()
    names = [name.lower() for name, _ in answer.getheaders()]
    return answer.status, [name for name in names if name.startswith("access-control-")]
