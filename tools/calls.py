"""Note what each function calls while tests run: a plugin of pytest for `make permissions`.

`PYTEST_PLUGINS=tools.calls` loads it; `KEYWARD_CALLS` names the file that gets a line a call:
function, IAM action, resource, test. A call is a function's when a frame of functions/ made it, so
that benches and the smaller labs of tests/machines count alike.
"""

from __future__ import annotations

import inspect
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from botocore import xform_name

from emulator.service_model import operation_model, service_model
from keyward.aws.logs import AccessLogs
from keyward.values import JSON
from local.lifetime import sdk
from local.lifetime.stack import id_of, stack_of
from local.lifetime.tables import Table, Tables

Call = tuple[str, str]
Method = Callable[..., Any]

FILE = "KEYWARD_CALLS"
# So many tests are noted for a call: of these, few are chosen that prove all rights.
PROOFS = 3
ROOT = Path(__file__).resolve().parent.parent
FUNCTIONS, TESTS = (str(ROOT / name) + os.sep for name in ("functions", "tests"))
# What the smaller labs have for a bus: the service, the call, and what its first argument is.
RUNS = {
    "announce": ("events", "put_events", "Entries"),
    "start": ("stepfunctions", "start_execution", "stateMachineArn"),
    "is_running": ("stepfunctions", "describe_execution", "executionArn"),
    "runs": ("stepfunctions", "describe_execution", "executionArn"),
    "waiting": ("sqs", "get_queue_attributes", "QueueUrl"),
    "send": ("sqs", "send_message", "QueueUrl"),
    "send_later": ("sqs", "send_message", "QueueUrl"),
}
# Tests have clients of Logs Insights of their own, behind the product's adapter.
LOGS = {
    "start": ("logs", "start_query", "logGroupName"),
    "rows": ("logs", "get_query_results", "queryId"),
}
# Stands between the functions and the bus in every test, and asks for nothing itself.
LISTED_EVENTS = TESTS + "announced.py"
TAGGED_AS_MADE = {"CreateApiKey": "apikeys", "CreateUsagePlan": "usageplans"}
TABLE_METHODS = ("get_item", "put_item", "update_item", "delete_item", "query", "scan")
MANY_TABLES = ("transact_write_items", "batch_get_item")
# Where IAM's action has another name than the operation (Service Authorization Reference).
ACTIONS = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
}
PREFIXES = {"stepfunctions": "states"}
IDS = stack_of().resources.keys()
OPERATIONS = {xform_name(name): name for name in service_model().operation_names}


def pytest_configure(config: pytest.Config) -> None:
    """Listen at what functions get for boto3."""
    file = os.environ.get(FILE)
    if file:
        notes = Notes()
        config.pluginmanager.register(ToFile(notes, Path(file)))
        notes.listen(setattr)


class Notes:
    """What functions call, each once: function, action, resource."""

    def __init__(self) -> None:
        self.found: set[tuple[str, str, str]] = set()
        self._muted = False

    def listen(self, put: Callable[[Any, str, Any], None]) -> None:
        """Hear all calls; `put` sets an attribute, as setattr or MonkeyPatch.setattr."""
        runs = import_module("tests.support").Runs
        heard: list[tuple[Any, str, Callable[..., Any]]] = [
            (sdk.Client, "__getattr__", self._noted_client),
            (sdk.GatewayClient, "__getattr__", self._noted_gateway),
            (sdk.TableClient, "_write", self._noted_batch),
            (Table, "batch_writer", self._noted_writer),
            *((Table, name, partial(self._noted_table, name)) for name in TABLE_METHODS),
            *((Tables, name, partial(self._noted_table, name)) for name in MANY_TABLES),
            *((runs, name, partial(self._noted_run, *call)) for name, call in RUNS.items()),
            *((AccessLogs, name, partial(self._noted_run, *call)) for name, call in LOGS.items()),
        ]
        for kind, name, around in heard:
            put(kind, name, _around(around, getattr(kind, name)))

    def _noted_client(self, plain: Method, client: Any, method: str) -> Any:
        return self._noted(client._service, method, plain(client, method))

    def _noted_gateway(self, plain: Method, client: Any, method: str) -> Any:
        return self._noted("apigateway", method, plain(client, method))

    def _noted(self, service: str, method: str, made: Method) -> Method:
        # Tables are listened to behind their clients, where every lab comes by.
        if service == "dynamodb":
            return made

        def call(**params: Any) -> Any:
            self.note(service, method, params)
            return made(**params)

        return call

    def _noted_run(
        self,
        service: str,
        method: str,
        first: str,
        plain: Method,
        runs: Any,
        *args: Any,
        **kw: Any,
    ) -> Any:
        self.note(service, method, {first: args[0]})
        return plain(runs, *args, **kw)

    def _noted_table(
        self, method: str, plain: Method, table: Any, *args: Any, **params: Any
    ) -> Any:
        self.note("dynamodb", method, params, getattr(table, "name", ""))
        return plain(table, *args, **params)

    def _noted_batch(self, plain: Method, client: Any, requests: list[JSON]) -> Any:
        self.note("dynamodb", "batch_write_item", {}, client.name)
        with self._mute():
            return plain(client, requests)

    @contextmanager
    def _noted_writer(self, plain: Method, table: Table) -> Iterator[Any]:
        self.note("dynamodb", "batch_write_item", {}, table.name)
        with plain(table) as writer, self._mute():
            yield writer

    @contextmanager
    def _mute(self) -> Iterator[None]:
        """Hear nothing of the single writes that a batch does behind one call."""
        before, self._muted = self._muted, True
        try:
            yield
        finally:
            self._muted = before

    def note(self, service: str, method: str, params: JSON, table: str = "") -> None:
        """Note a call that a function makes."""
        function = calling_function()
        if function and not self._muted:
            for action, resource in rights_of(service, method, params, table):
                self.found.add((function, action, resource))


class ToFile:
    """Appends what each test of a run found: a line a call, the first three tests of each."""

    def __init__(self, notes: Notes, file: Path) -> None:
        self._notes, self._file = notes, file
        self._seen: Counter[tuple[str, str, str]] = Counter()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Append what the test found, so that a run that breaks off leaves what it saw."""
        self._notes.found.clear()
        result = yield
        new = sorted(call for call in self._notes.found if self._seen[call] < PROOFS)
        self._seen.update(new)
        with self._file.open("a", encoding="utf-8") as file:
            file.write("".join(" ".join([*call, item.nodeid]) + "\n" for call in new))
        return result


def _around(around: Callable[..., Any], plain: Method) -> Method:
    """A method that gets the one in whose place it stands first."""
    return lambda *args, **params: around(plain, *args, **params)


def calling_function() -> str:
    """The function whose handler called, by its id; empty for a test or a schedule, also for what a
    test does while a function works."""
    frame = inspect.currentframe()
    while frame:
        file = frame.f_code.co_filename
        if file.startswith(FUNCTIONS):
            return "".join(word.capitalize() for word in Path(file).stem.split("_"))
        if file.startswith(TESTS) and file != LISTED_EVENTS:
            return ""
        frame = frame.f_back
    return ""


def rights_of(service: str, method: str, params: JSON, table: str = "") -> Iterator[Call]:
    """The rights that a call takes: IAM's action and the resource, as `tools.rights` names it."""
    if service == "apigateway":
        yield from _of_gateway(OPERATIONS[method], params)
        return
    action = "".join(word.capitalize() for word in method.split("_"))
    if service == "dynamodb":
        yield from _of_tables(action, params, table)
        return
    named = f"{PREFIXES.get(service, service)}:{action}"
    yield ACTIONS.get(named, named), _place(params)


def _place(params: JSON) -> str:
    """What the call is for, by the id of the template; empty where a lab has names of its own."""
    if "Key" in params:
        return f"ReportBucket/{params['Key']}"
    if "stateMachineArn" in params:
        words = params["stateMachineArn"].rpartition(":")[2].removeprefix("keyward-").split("-")
        machine = "".join(word.capitalize() for word in words)
        return machine if machine in IDS else ""
    queue = id_of(params.get("QueueUrl", ""))
    return queue if queue in IDS else ""


def _of_tables(action: str, params: JSON, table: str) -> Iterator[Call]:
    if action == "TransactWriteItems":
        # A transaction is its single writes, as IAM has it: these are noted as they are done.
        for item in params["TransactItems"]:
            if "ConditionCheck" in item:
                yield "dynamodb:ConditionCheckItem", item["ConditionCheck"]["TableName"]
    elif "RequestItems" in params:
        for name in params["RequestItems"]:
            yield f"dynamodb:{action}", name
    else:
        index = params.get("IndexName")
        yield f"dynamodb:{action}", f"{table}/index/{index}" if index else table


def _of_gateway(operation: str, params: JSON) -> Iterator[Call]:
    model = operation_model(operation)
    verb, path = model.http["method"], model.http["requestUri"].split("?")[0]
    members = model.input_shape.members if model.input_shape else {}
    for name, shape in members.items():
        if shape.serialization.get("location") == "uri":
            value = quote(params[name], safe="") if name == "resourceArn" else "*"
            path = path.replace(f"{{{shape.serialization['name']}}}", value)
    yield f"apigateway:{verb}", path
    kind = TAGGED_AS_MADE.get(operation)
    if kind and params.get("tags"):
        arn = quote(f"arn:aws:apigateway:us-east-1::/{kind}/", safe="")
        yield "apigateway:PUT", f"/tags/{arn}*"
