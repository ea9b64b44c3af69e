"""A value that an import makes is nowhere but on API Gateway."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from keyward.aws.client import gateway_error
from keyward.aws.gateway import Gateway
from keyward.aws.gateway.keys import NewKey
from keyward.errors import GatewayRefusedError
from keyward.events.key_value import BLOT, new_value
from keyward.runs import runtime
from local.lifetime.states import Task
from tests.aws.test_client import refusal
from tests.machines.import_lab import ImportLab

FAULTS = ("none", "timeout_after", "BadRequestException", 429, 500, "death_after")


@pytest.mark.parametrize("fault", FAULTS)
def test_no_value_is_in_a_table_a_state_an_event_or_a_log(
    lab: ImportLab,
    fault: str | int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench, tasks = lab.bench, list[Any]()
    perform = bench.account.executions._perform

    def noted(task: Task, then: Any) -> None:
        tasks.append(task.arguments)
        perform(
            task, lambda answer, error: (tasks.append((answer, str(error))), then(answer, error))
        )

    monkeypatch.setattr(bench.account.executions, "_perform", noted)
    runtime.logger().setLevel("DEBUG")
    caplog.set_level(logging.DEBUG)
    if fault != "none":
        bench.fault("apigateway", "ImportApiKeys", 1, fault)
    names = lab.crowd(25)
    lab.settle()
    lab.assert_issued(names)
    printed = capsys.readouterr()
    places = {
        "tables": {name: list(table.items.values()) for name, table in bench.tables.items()},
        "states": [tasks, *([run.input, run.output, run.cause] for run in bench.runs)],
        "events": bench.announced,
        "calls": bench.calls,
        "logs": [printed.out, printed.err, caplog.text],
    }
    values = [key.value for key in bench.emulator.state.keys.values()]
    assert len(values) == 26
    assert len(tasks) > 4
    for place, found in places.items():
        text = json.dumps(found, default=str)
        assert [value for value in values if value in text] == [], place


def test_what_aws_says_of_a_file_is_not_repeated() -> None:
    value = new_value("kw")
    words = {"Code": "BadRequestException", "Message": f"Skipped invalid record: 1. {value}"}
    error = refusal("BadRequestException", 400, Error=words)
    said = str(gateway_error("ImportApiKeys", error))
    assert said == "ImportApiKeys: BadRequestException"
    assert value in str(gateway_error("GetStages", error))


def test_what_aws_says_of_an_own_value_is_told_without_it() -> None:
    value = "an-own-value-of-a-customer"

    class Refusing:
        def create_api_key(self, **_: Any) -> None:
            words = {"Code": "BadRequestException", "Message": f"Invalid character in {value}"}
            raise refusal("BadRequestException", 400, Error=words)

    with pytest.raises(GatewayRefusedError) as refused:
        Gateway(Refusing()).create_key("acme/1", value, {})
    assert str(refused.value) == f"CreateApiKey: BadRequestException: Invalid character in {BLOT}"


def test_a_row_never_shows_its_value() -> None:
    value = new_value("kw")
    assert value not in repr(NewKey("acme/1", value, "plan"))
