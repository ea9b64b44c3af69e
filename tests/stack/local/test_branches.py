"""A Parallel state with one branch, Retry and Catch, as all machines have it: as on Step Functions.

`GREET` greets by name: `shy-…` raises ShyError at the first try, `stranger` raises StrangerError.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from keyward.values import JSON
from local.account import Execution
from local.aws import LocalAws
from local.waiting import until


def greet(aws: LocalAws, name: str, **more: Any) -> JSON:
    """A task that greets."""
    arguments = {"FunctionName": aws.outputs["GreetName"], "Payload": {"name": name}}
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": arguments}
    return task | {"Output": "{% $states.result.Payload.greeting %}", "End": True} | more


def machine(branch: JSON, **more: Any) -> JSON:
    """A machine whose run is held by one Parallel state."""
    run = {
        "Type": "Parallel",
        "Branches": [branch],
        "Retry": [{"ErrorEquals": ["ShyError"], "IntervalSeconds": 1, "MaxAttempts": 2}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
        "Output": "{% $states.result[0] %}",
        "End": True,
    }
    states = {"Run": run | more, "Caught": {"Type": "Pass", "End": True}}
    return {"QueryLanguage": "JSONata", "StartAt": "Run", "States": states}


def start(aws: LocalAws, definition: JSON, given: JSON) -> str:
    """Start an execution of a new machine: its ARN."""
    steps, name = aws.client("stepfunctions"), f"m{uuid.uuid4().hex[:8]}"
    role = steps.describe_state_machine(stateMachineArn=aws.outputs["MachineArn"])["roleArn"]
    made = steps.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)
    started = steps.start_execution(
        stateMachineArn=made["stateMachineArn"], input=json.dumps(given)
    )
    return str(started["executionArn"])


def run(aws: LocalAws, definition: JSON, **given: Any) -> Execution:
    """Run a new machine to its end."""
    arn = start(aws, definition, given)
    return until(lambda: (found := aws.execution(arn)).status != "RUNNING" and found)


def test_the_output_of_a_parallel_state_is_what_its_output_says(aws: LocalAws) -> None:
    branch = {"StartAt": "Greet", "States": {"Greet": greet(aws, "ann")}}

    ended = run(aws, machine(branch))

    assert (ended.status, ended.output) == ("SUCCEEDED", "hello ann")
    assert ended.states == ["Run", "Greet"]


def test_a_branch_gets_the_arguments_and_its_result_can_be_assigned(aws: LocalAws) -> None:
    say = {"Type": "Pass", "Output": "{% $states.input.name & '!' %}", "End": True}
    definition = machine(
        {"StartAt": "Say", "States": {"Say": say}},
        Arguments={"name": "{% $states.input.who %}"},
        Assign={"said": "{% $states.result[0] %}"},
        Next="After",
    )
    del definition["States"]["Run"]["End"]
    definition["States"]["After"] = {"Type": "Pass", "Output": "{% $said %}", "End": True}

    assert run(aws, definition, who="ann").output == "ann!"


def test_an_error_of_a_branch_is_retried_by_its_class_with_fresh_variables(aws: LocalAws) -> None:
    states = {
        "First?": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $exists($begun) %}", "Next": "Stale"}],
            "Default": "Begin",
        },
        "Begin": {"Type": "Pass", "Assign": {"begun": True}, "Next": "Greet"},
        "Greet": greet(aws, f"shy-{uuid.uuid4().hex}", Output="{% $string($begun) %}"),
        "Stale": {"Type": "Fail", "Error": "Stale", "Cause": "a variable outlived its branch"},
    }

    ended = run(aws, machine({"StartAt": "First?", "States": states}))

    assert (ended.status, ended.output) == ("SUCCEEDED", "true")
    assert ended.states == ["Run", *["First?", "Begin", "Greet"] * 2]


def test_an_error_of_a_branch_is_caught_with_its_class_and_cause(aws: LocalAws) -> None:
    branch = {"StartAt": "Greet", "States": {"Greet": greet(aws, "stranger")}}

    ended = run(aws, machine(branch))

    assert ended.states == ["Run", "Greet", "Caught"]
    assert ended.output["Error"] == "StrangerError"
    assert json.loads(ended.output["Cause"])["errorMessage"] == "stranger"


def test_an_error_that_is_not_to_be_caught_passes_every_wildcard(aws: LocalAws) -> None:
    fail = {"Type": "Fail", "Error": "States.DataLimitExceeded", "Cause": "too large"}

    ended = run(aws, machine({"StartAt": "Fail", "States": {"Fail": fail}}))

    assert (ended.status, ended.states) == ("FAILED", ["Run", "Fail"])


def test_a_stopped_execution_takes_no_further_step_within_its_branch(aws: LocalAws) -> None:
    states = {
        "Greet": {**greet(aws, "slow"), "Next": "After"},
        "After": {"Type": "Pass", "End": True},
    }
    del states["Greet"]["End"]
    arn = start(aws, machine({"StartAt": "Greet", "States": states}), {})
    until(lambda: "Greet" in aws.execution(arn).states)

    aws.client("stepfunctions").stop_execution(executionArn=arn)

    aws.settle()
    stopped = aws.execution(arn)
    assert (stopped.status, stopped.states) == ("ABORTED", ["Run", "Greet"])
