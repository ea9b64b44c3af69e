"""Questions to the services around API Gateway."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from keyward.values import JSON
from tools.live_check.checks import Answer, check
from tools.live_check.run import NotHereError, Run

STATES = "local/lifetime/states.py"
# More than GetParameter's 40 a second (Parameter Store quotas, without higher throughput).
READS = 120
BIG = "{% $pad('', 300000, 'x') %}"


def of_type(run: Run, kind: str) -> list[str]:
    """The physical ids of the stack's resources of a type."""
    pages = run.world.client("cloudformation").get_paginator("list_stack_resources")
    return [
        one["PhysicalResourceId"]
        for page in pages.paginate(StackName=run.fact("stack"))
        for one in page["StackResourceSummaries"]
        if one["ResourceType"] == kind
    ]


@check(
    "queue-policies",
    "each names its own queue alone",
    source="SQS developer guide: each policy must cover only a single queue",
    engine="template.yaml",
)
def each_queue_has_a_policy_of_its_own(run: Run) -> str:
    """As SQS stored them."""
    sqs, wrong, seen = run.world.client("sqs"), [], 0
    for url in of_type(run, "AWS::SQS::Queue"):
        names = ["Policy", "QueueArn"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        for statement in json.loads(found.get("Policy", "{}")).get("Statement", []):
            seen += 1
            if statement["Resource"] != found["QueueArn"]:
                wrong.append(url.rpartition("/")[2])
    if not seen:
        return "no queue has a policy"
    return f"others named by {', '.join(wrong)}" if wrong else "each names its own queue alone"


@check(
    "trail",
    "logging, write events only",
    source="CloudTrail user guide: bucket policy by aws:SourceArn",
    engine="template.yaml",
)
def the_trail_logs(run: Run) -> str:
    """The one that the stack made."""
    trails = of_type(run, "AWS::CloudTrail::Trail")
    if not trails:
        raise NotHereError("this stack has no trail")
    client = run.world.client("cloudtrail")
    [name] = trails
    logging = client.get_trail_status(Name=name)["IsLogging"]
    selectors = client.get_event_selectors(TrailName=name).get("EventSelectors", [])
    kinds = {selector.get("ReadWriteType") for selector in selectors}
    only = "write events only" if kinds == {"WriteOnly"} else f"{sorted(map(str, kinds))}"
    return f"{'logging' if logging else 'silent'}, {only}"


@check("value-in-trail", "told: Keyward cuts ids out either way", engine="emulator/cloudtrail.py")
def whether_a_value_is_in_the_trail(run: Run) -> Answer:
    """The record of CreateApiKey, which comes within a quarter of an hour."""
    if not of_type(run, "AWS::CloudTrail::Trail"):
        raise NotHereError("this stack has no trail")
    key = run.key("seen")
    client = run.world.client("cloudtrail")
    wanted = [{"AttributeKey": "EventName", "AttributeValue": "CreateApiKey"}]

    def record() -> str | None:
        try:
            found = client.lookup_events(LookupAttributes=wanted, MaxResults=50)["Events"]
        except ClientError as error:
            raise NotHereError(f"LookupEvents: {error}") from error
        texts = [str(one["CloudTrailEvent"]) for one in found]
        return next((text for text in texts if key["id"] in text), None)

    try:
        text = run.until(record, "the record of CreateApiKey")
    except TimeoutError as error:
        raise NotHereError(str(error)) from error
    return Answer("the value is there" if key["value"] in text else "the value is not there", None)


def tested(run: Run, state: JSON, given: Any) -> JSON:
    """One state by TestState: what became of it."""
    try:
        found: JSON = run.world.client("stepfunctions").test_state(
            definition=json.dumps(state | {"QueryLanguage": "JSONata"}), input=json.dumps(given)
        )
    except ClientError as error:
        raise NotHereError(f"TestState: {error}") from error
    return found


@check(
    "answer-300-kb",
    "States.DataLimitExceeded",
    source="Step Functions quotas: 256 KiB of a state's input or output",
    engine=STATES,
)
def an_answer_of_300_kb(run: Run) -> str:
    """An output that is too large."""
    found = tested(run, {"Type": "Pass", "End": True, "Output": BIG}, {})
    return str(found.get("error") or f"{found['status']}, {len(found.get('output', ''))} bytes")


@check("line-breaks", "3", source="ASL specification: JSONata", engine="tests/engines")
def an_expression_with_line_breaks(run: Run) -> str:
    """asl-validator refuses it."""
    state = {"Type": "Pass", "End": True, "Output": "{% $states.input.a\n  + 1 %}"}
    return str(tested(run, state, {"a": 2}).get("output"))


@check(
    "choice-output",
    '"of the default"',
    engine="ministack (tests/stack/local/test_engines.py)",
    here="{}",
)
def the_output_of_a_choice(run: Run) -> str:
    """State-level `Output` is the Default's."""
    choices = [{"Condition": "{% false %}", "Next": "A"}]
    state = {"Type": "Choice", "Choices": choices, "Default": "B", "Output": "of the default"}
    return str(tested(run, state, {}).get("output"))


@check(
    "policy-kept",
    "byte for byte",
    source="no resource of the stack is the policy (DECISIONS.md)",
    engine="template.yaml",
)
def an_update_keeps_the_policy(run: Run) -> str:
    """One that changes a parameter of the stack."""
    before = policy(run)
    run.world.update(run.state.name, run.state.run)
    return "byte for byte" if policy(run) == before else "another policy than before"


def policy(run: Run) -> str:
    """The text that is in force."""
    name = run.outputs["PolicyParameterName"]
    return str(run.world.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])


@check(
    "parameter-rate",
    "ThrottlingException for some",
    source="Systems Manager quotas: 40 GetParameter a second; faults.md H2",
    engine="local/shims/limits.py",
)
def reads_of_a_parameter(run: Run) -> Answer:
    """As many as a busy account makes in a second or two."""
    client, name = run.world.hasty("ssm"), run.outputs["PolicyParameterName"]

    def one(_: int) -> str:
        try:
            client.get_parameter(Name=name)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "read"

    with ThreadPoolExecutor(32) as pool:
        counts = Counter(pool.map(one, range(READS)))
    seen = ", ".join(f"{count} {told}" for told, count in sorted(counts.items()))
    return Answer(seen, set(counts) == {"read", "ThrottlingException"})
