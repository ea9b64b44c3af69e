"""One contract a shim: each fails when ministack, or the shim, stops doing as AWS does."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ministack.services import scheduler

from local.aws import LocalAws
from local.shims.nursery import Nursery
from local.waiting import until


def invoke(aws: LocalAws, name: str, payload: Any) -> tuple[str | None, Any]:
    answer = aws.client("lambda").invoke(
        FunctionName=aws.outputs[name], Payload=json.dumps(payload)
    )
    return answer.get("FunctionError"), json.loads(answer["Payload"].read())


def test_an_exception_keeps_its_class_and_its_trace(aws: LocalAws) -> None:
    error, payload = invoke(aws, "GreetName", {"name": "stranger"})

    assert error == "Unhandled"
    assert payload["errorType"] == "StrangerError"
    assert payload["errorMessage"] == "stranger"
    assert "raise StrangerError" in payload["stackTrace"][-1]
    assert "[ERROR] StrangerError: stranger" in aws.logs()


def test_a_worker_survives_an_exception(aws: LocalAws) -> None:
    _, before = invoke(aws, "GreetName", {"name": "ann"})
    invoke(aws, "GreetName", {"name": "stranger"})
    _, after = invoke(aws, "GreetName", {"name": "ann"})

    assert after["process"] == before["process"]


def test_retry_and_catch_match_the_class_of_an_exception(trial: Any) -> None:
    trial.put(id={"S": "by-class"}, names={"SS": ["shy-bob", "stranger"]})

    execution = until(lambda: trial.finished("by-class"))

    assert execution.status == "SUCCEEDED"
    assert execution.states.count("Pass by") == 1
    assert [task["error"] for task in execution.tasks if "error" in task] == [
        "ShyError",
        "StrangerError",
    ]


def test_a_rules_lambda_target_is_tried_three_times(trial: Any) -> None:
    trial.send("Direct")

    def attempts() -> list[int]:
        return [int(item["attempts"]["N"]) for item in trial.items() if "attempts" in item]

    assert until(lambda: attempts() == [3])


def test_scheduled_work_starts_when_it_is_due(trial: Any) -> None:
    due = datetime.now(tz=UTC) + timedelta(seconds=1)
    trial.aws.client("scheduler").create_schedule(
        Name="once",
        ScheduleExpression=f"at({due:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": trial.aws.outputs["TickArn"],
            "RoleArn": "arn:aws:iam::123456789012:role/any",
        },
    )

    # The schedule of each minute writes the same item, perhaps just before.
    def ticked_at() -> int:
        item = trial.get("tick")
        return int(item["at"]["N"]) if item else 0

    assert until(lambda: ticked_at() >= int(due.timestamp()))
    assert scheduler._SCHEDULE_TICK_INTERVAL <= 2


def test_an_events_time_is_the_one_that_its_entry_says(trial: Any) -> None:
    trial.send("Tried", '{"n": "timed"}', Time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))

    def arrived() -> list[Any]:
        events = [json.loads(item["event"]["S"]) for item in trial.items() if "event" in item]
        return [event for event in events if event["detail"].get("n") == "timed"]

    assert until(arrived)[0]["time"] == "2026-01-02T03:04:05Z"


def test_a_stream_record_that_always_fails_is_given_up_alone_and_told(trial: Any) -> None:
    trial.put(id={"S": "p1"}, names={"SS": ["ann"]})
    trial.put(id={"S": "p2"}, poison={"BOOL": True})
    trial.put(id={"S": "p3"}, names={"SS": ["ann"]})
    failures = trial.aws.outputs["StreamFailuresUrl"]

    def told() -> Any:
        return trial.aws.client("sqs").receive_message(QueueUrl=failures).get("Messages")

    message = json.loads(until(told)[0]["Body"])
    assert message["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert message["DDBStreamBatchInfo"]["batchSize"] == 1
    assert until(lambda: trial.finished("p1") and trial.finished("p3"))


def test_a_stream_batch_that_raises_is_halved_until_the_culprit_is_alone(trial: Any) -> None:
    for number in range(4):
        trial.put(id={"S": f"c{number}"}, names={"SS": ["ann"]})
    trial.put(id={"S": "c-crash"}, crash={"BOOL": True})
    trial.put(id={"S": "c-after"}, names={"SS": ["ann"]})
    expected = ["c0", "c1", "c2", "c3", "c-after"]

    assert until(lambda: all(trial.finished(name) for name in expected))


def test_a_write_to_api_gateway_arrives_as_cloudtrail_event_on_the_default_bus(trial: Any) -> None:
    api = trial.aws.client("apigateway").create_rest_api(name="seen by CloudTrail")

    def arrived() -> list[Any]:
        events = [json.loads(item["event"]["S"]) for item in trial.items() if "event" in item]
        details = [event["detail"] for event in events if event["source"] == "aws.apigateway"]
        return [detail for detail in details if detail["responseElements"]["id"] == api["id"]]

    (record,) = until(arrived)
    assert record["eventName"] == "CreateRestApi"


def test_putting_an_aws_event_stays_refused_to_customers(aws: LocalAws) -> None:
    entry = {"Source": "aws.apigateway", "DetailType": "x", "Detail": "{}"}

    answer = aws.client("events").put_events(Entries=[entry])

    assert answer["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException"


def test_starting_a_running_execution_again_gives_the_same_one(aws: LocalAws) -> None:
    steps = aws.client("stepfunctions")
    wait = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}
    role = steps.describe_state_machine(stateMachineArn=aws.outputs["MachineArn"])["roleArn"]
    made = steps.create_state_machine(name="waits", definition=json.dumps(wait), roleArn=role)
    machine = {"stateMachineArn": made["stateMachineArn"], "name": "twice"}
    given = json.dumps({"id": "twice"})

    first = steps.start_execution(**machine, input=given)
    second = steps.start_execution(**machine, input=given)

    assert second["executionArn"] == first["executionArn"]
    assert second["startDate"] == first["startDate"]
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        steps.start_execution(**machine, input='{"id": "other"}')
    steps.stop_execution(executionArn=first["executionArn"])
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        steps.start_execution(**machine, input=given)


def test_the_history_tells_inner_states_and_what_tasks_were_given(trial: Any) -> None:
    trial.put(id={"S": "told"}, names={"SS": ["ann"]})

    execution = until(lambda: trial.finished("told"))

    assert execution.states == ["Anybody there?", "Greet each", "Greet", "Note", "Announce"]
    given = [task["parameters"] for task in execution.tasks if "parameters" in task]
    assert given[0]["Payload"] == {"name": "ann"}
    assert given[1]["Item"]["id"] == {"S": "note-told"}
    assert given[2]["Entries"][0]["Detail"] == {"id": "told"}


def test_a_function_has_at_most_three_workers(aws: LocalAws) -> None:
    def greet(_number: int) -> int:
        return int(invoke(aws, "GreetName", {"name": "slow"})[1]["process"])

    with ThreadPoolExecutor(8) as crowd:
        processes = set(crowd.map(greet, range(8)))

    assert len(processes) <= 3


def test_no_message_is_lost_that_arrives_while_others_are_moved(aws: LocalAws) -> None:
    from ministack.services import sqs as service

    sqs = aws.client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]
    redrive = {"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": 9}
    redriven = {"RedrivePolicy": json.dumps(redrive)}
    url = sqs.create_queue(QueueName="crossing", Attributes=redriven)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="first")
    queues = service._queues.to_dict()
    (queue,) = [found for key, found in queues.items() if key[-1].endswith("/crossing")]
    seen, sent = threading.Event(), threading.Event()

    class Slow(list[Any]):
        """Messages that take their time to be gone through, so that another one arrives."""

        def __iter__(self) -> Iterator[Any]:
            yield from list.copy(self)
            seen.set()
            sent.wait(0.5)

    queue["messages"] = Slow(queue["messages"])
    moving = threading.Thread(target=service._dlq_sweep, args=(queue,))
    moving.start()
    seen.wait()
    sqs.send_message(QueueUrl=url, MessageBody="second")
    sent.set()
    moving.join()

    assert [message["body"] for message in queue["messages"]] == ["first", "second"]


def test_a_changed_parameter_is_told_on_the_default_bus(aws: LocalAws) -> None:
    name = aws.outputs["ParameterName"]

    aws.client("ssm").put_parameter(Name=name, Value="{}", Overwrite=True)

    told = aws.events("Parameter Store Change")
    assert told[0]["Detail"]["operation"] == "Create"
    assert told[-1]["Detail"] == {
        "operation": "Update",
        "name": name,
        "type": "String",
        "description": "",
    }
    assert told[-1]["Resources"] == [f"arn:aws:ssm:us-east-1:123456789012:parameter/{name}"]


def test_settled_means_that_what_an_event_sets_off_is_over(trial: Any) -> None:
    trial.put(id={"S": "settled"}, names={"SS": ["slow"]})

    trial.aws.settle()

    assert trial.finished("settled").status == "SUCCEEDED"


def test_a_worker_that_ended_by_itself_leaves_no_pipe_open(tmp_path: Path) -> None:
    script = tmp_path / "short.py"
    script.write_text("print('done', flush=True)\n")
    nursery = Nursery({"PYTHONPATH": os.pathsep.join(sys.path)})
    child = nursery.spawn(str(script), {}, str(tmp_path))
    assert child.stdout.read() == "done\n"
    while child.poll() is None:
        time.sleep(0.01)
    pipes = (child.stdin, child.stdout, child.stderr)
    del child
    assert all(pipe.closed for pipe in pipes)
    nursery.close()


def test_a_worker_that_was_killed_has_ended_and_leaves_no_pipe_open(tmp_path: Path) -> None:
    script = tmp_path / "deaf.py"
    script.write_text(
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('up', flush=True)\n"
        "time.sleep(60)\n"
    )
    nursery = Nursery({"PYTHONPATH": os.pathsep.join(sys.path)})
    child = nursery.spawn(str(script), {}, str(tmp_path))
    assert child.stdout.readline() == "up\n"

    child.kill()

    assert child.returncode == 0
    assert all(pipe.closed for pipe in (child.stdin, child.stdout, child.stderr))
    nursery.close()
