"""A text put anywhere is found: what the search for key values does not find is not there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.waiting import until


def hide_in_table(trial: Any, text: str) -> None:
    trial.put(id={"S": "hidden"}, note={"S": text})


def hide_in_stream(trial: Any, text: str) -> None:
    trial.put(id={"S": "short-lived"}, note={"S": text})
    trial.aws.client("dynamodb").delete_item(
        TableName=trial.aws.outputs["TableName"], Key={"id": {"S": "short-lived"}}
    )


def hide_in_event(trial: Any, text: str) -> None:
    trial.send("Nobody listens", json.dumps({"note": text}))


def hide_in_dead_letters(trial: Any, text: str) -> None:
    trial.send("Tried", json.dumps({"note": text, "fail": True}))


def hide_in_parameter(trial: Any, text: str) -> None:
    ssm, name = trial.aws.client("ssm"), trial.aws.outputs["ParameterName"]
    ssm.put_parameter(Name=name, Value=text, Overwrite=True)
    ssm.put_parameter(Name=name, Value="{}", Overwrite=True)


def hide_in_log(trial: Any, text: str) -> None:
    trial.put(id={"S": text})  # the stream's function prints it


def hide_in_task(trial: Any, text: str) -> None:
    trial.put(id={"S": f"task-{text}"}, names={"SS": [text]})


PLACES = {
    "table": hide_in_table,
    "stream": hide_in_stream,
    "event": hide_in_event,
    "queue": hide_in_dead_letters,
    "parameter": hide_in_parameter,
    "log": hide_in_log,
    "history": hide_in_task,
}


@pytest.mark.parametrize("place", PLACES)
def test_a_hidden_text_is_found_where_it_is(trial: Any, place: str) -> None:
    text = f"needle-in-{place}"

    PLACES[place](trial, text)

    def found() -> bool:
        return any(where.startswith(place) and text in held for where, held in trial.aws.sinks())

    assert until(found)


def test_looking_into_a_queue_is_no_try(trial: Any) -> None:
    queue = trial.aws.outputs["StreamFailuresUrl"]
    sqs = trial.aws.client("sqs")
    sqs.send_message(QueueUrl=queue, MessageBody="look")

    for _ in range(3):
        list(trial.aws.sinks())

    received = sqs.receive_message(QueueUrl=queue, AttributeNames=["ApproximateReceiveCount"])
    counts = [int(m["Attributes"]["ApproximateReceiveCount"]) for m in received["Messages"]]
    assert counts == [1] * len(counts)
