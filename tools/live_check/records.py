"""Questions to CloudTrail's records, as EventBridge hands them to a queue of the run's own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from botocore import xform_name

from emulator.cloudtrail import event_for
from keyward.errors import InvalidEventError
from keyward.events import cloudtrail
from keyward.values import JSON
from local.world import document
from tools.live_check.checks import check
from tools.live_check.run import KEYED, STAGE, Run

# Records of such calls, others' too, may hold values: of them only what the stack's rules cut out
# comes into the queue.
OF_KEYS = (
    *("CreateApiKey", "UpdateApiKey", "DeleteApiKey", "ImportApiKeys"),
    *("CreateUsagePlanKey", "DeleteUsagePlanKey"),
)
PATTERN = {
    "source": ["aws.apigateway"],
    "detail-type": ["AWS API Call via CloudTrail"],
    "detail": {"eventName": [{"anything-but": [*OF_KEYS]}]},
}
# The stack's rules that hand on what a transformer cuts out of a record: the call that each is to
# hear of here, and how many ids it is to find in it.
CUT_OF = {
    "KeySwitchedRule": ("UpdateApiKey", 1),
    "KeyAttachedRule": ("CreateUsagePlanKey", 1),
    "KeyDetachedRule": ("DeleteUsagePlanKey", 1),
    "KeysImportedRule": ("ImportApiKeys", 2),
    "TagEventsRule": ("TagResource", 1),
    "PlanStagesRule": ("UpdateUsagePlan", 1),
    "PlansRule": ("CreateUsagePlan", 1),
}
PARTS = ("requestParameters", "responseElements")


class Calls:
    """Calls of API Gateway, each with the record that the emulator would make of it."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.expected: list[tuple[str, str, JSON]] = []

    def make(self, operation: str, about: str = "", **params: Any) -> JSON:
        """Call, and note what the record should be; `about` is an id that stands in it."""
        run = self._run
        answer: JSON = getattr(run.gateway, xform_name(operation))(**params)
        record = event_for(
            operation, params, answer, None, time.time(), run.world.region, run.state.account
        )
        if operation not in OF_KEYS:
            self.expected.append((operation, about or answer["id"], record["detail"]))
        return answer


def calls_of(run: Run) -> Calls:
    """What somebody does to an API, a plan and keys, once each."""
    calls, body = Calls(run), document(run.name("recorded"), {"/pets": {"get": True}})
    text = json.dumps(body).encode()
    api = run.state.keep("api", calls.make("ImportRestApi", body=text)["id"])
    calls.make("PutRestApi", api, restApiId=api, mode="merge", body=text)
    # Keyward leaves it alone.
    arn = f"arn:{run.world.partition}:apigateway:{run.world.region}::/restapis/{api}"
    calls.make("TagResource", api, resourceArn=arn, tags={"keyward": "off"})
    calls.make("CreateDeployment", api, restApiId=api, stageName=STAGE)
    items = run.gateway.get_resources(restApiId=api)["items"]
    pets = next(item["id"] for item in items if item["path"] == "/pets")
    asks = [{"op": "replace", "path": "/apiKeyRequired", "value": "true"}]
    where = {"restApiId": api, "resourceId": pets, "httpMethod": "GET"}
    calls.make("UpdateMethod", api, **where, patchOperations=asks)
    text_patch = [{"op": "replace", "path": "/description", "value": "recorded"}]
    calls.make("UpdateStage", api, restApiId=api, stageName=STAGE, patchOperations=text_patch)
    _plan_and_keys(run, calls, api)
    return calls


def _plan_and_keys(run: Run, calls: Calls, api: str) -> None:
    name = run.name("recorded")
    plan = run.state.keep("plan", calls.make("CreateUsagePlan", name=name, tags={"a": "b"})["id"])
    arn = f"arn:{run.world.partition}:apigateway:{run.world.region}::/usageplans/{plan}"
    calls.make("TagResource", plan, resourceArn=arn, tags={"c": "d"})
    patches = [
        {"op": "replace", "path": "/description", "value": "recorded"},
        # Not the first: a path that gives one value of a list would not find it.
        {"op": "add", "path": "/apiStages", "value": f"{api}:{STAGE}"},
    ]
    calls.make("UpdateUsagePlan", plan, usagePlanId=plan, patchOperations=patches)
    rows = "".join(f"{name}-{number},{run.value()}\n" for number in (1, 2))
    about = {"body": f"name,key\n{rows}".encode(), "format": "csv", "failOnWarnings": False}
    keys = calls.make("ImportApiKeys", name, **about)["ids"]
    for key in keys:
        run.state.keep("key", key)
    off = [{"op": "replace", "path": "/enabled", "value": "false"}]
    calls.make("UpdateApiKey", keys[0], apiKey=keys[0], patchOperations=off)
    of_plan = {"usagePlanId": plan, "keyId": keys[0]}
    calls.make("CreateUsagePlanKey", keys[0], **of_plan, keyType="API_KEY")
    calls.make("DeleteUsagePlanKey", keys[0], **of_plan)


class Hearing:
    """A queue that gets records, and what the stack's rules cut out of them."""

    def __init__(self, run: Run) -> None:
        self._run, self._sqs = run, run.world.client("sqs")
        self._events, self._name = run.world.client("events"), run.name("records")
        self.records: list[JSON] = []
        self.cut: list[JSON] = []

    def begin(self) -> None:
        """Make queue and rules, and wait until a record comes."""
        run, world = self._run, self._run.world
        arns = f"arn:{world.partition}:%s:{world.region}:{run.state.account}:%s"
        run.state.keep("queue", self._name)
        may_send = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arns % ("sqs", self._name),
            "Condition": {"ArnLike": {"aws:SourceArn": arns % ("events", f"rule/{self._name}-*")}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [may_send]})
        made = self._sqs.create_queue(QueueName=self._name, Attributes={"Policy": policy})
        self._url, self._arn = made["QueueUrl"], arns % ("sqs", self._name)
        self._rule("all", json.dumps(PATTERN), {})
        for word, physical in stack_rules(run).items():
            [target] = self._events.list_targets_by_rule(Rule=physical)["Targets"]
            pattern = self._events.describe_rule(Name=physical)["EventPattern"]
            self._rule(word, pattern, {"InputTransformer": target["InputTransformer"]})
        api = run.api("marked", KEYED)

        def marked() -> bool:
            run.tag(f"restapis/{api}", {"marked": str(time.time())})
            self.listen()
            return bool(self.records)

        run.until(marked, "CloudTrail's record of a call on the bus")

    def _rule(self, word: str, pattern: str, more: JSON) -> None:
        rule = self._run.state.keep("rule", f"{self._name}-{word}")
        self._events.put_rule(Name=rule, EventPattern=pattern)
        self._events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": self._arn} | more])

    def listen(self) -> None:
        """Take what has come. A whole record has its request's id, which transformers leave out."""
        seconds = int(min(20, self._run.world.look_every * 20))
        about = {"MaxNumberOfMessages": 10, "WaitTimeSeconds": seconds}
        for message in self._sqs.receive_message(QueueUrl=self._url, **about).get("Messages", []):
            event = read(message["Body"])
            (self.records if "requestID" in event["detail"] else self.cut).append(event)
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])

    def record(self, operation: str, about: str) -> JSON | None:
        """The record of a call, None while it has not come."""
        details = (event["detail"] for event in self.records)
        named = (detail for detail in details if detail["eventName"] == operation)
        return next((detail for detail in named if about in json.dumps(detail)), None)


def read(body: str) -> JSON:
    """An event; what a transformer cut so that it is no JSON is one without a name."""
    try:
        return dict(json.loads(body))
    except ValueError:
        return {"detail": {"eventName": f"no JSON: {body[:80]}", "requestParameters": {}}}


def stack_rules(run: Run) -> dict[str, str]:
    """The names of the stack's cutting rules, by their ids in the template."""
    pages = run.world.client("cloudformation").get_paginator("list_stack_resources")
    return {
        one["LogicalResourceId"]: one["PhysicalResourceId"]
        for page in pages.paginate(StackName=run.fact("stack"))
        for one in page["StackResourceSummaries"]
        if one["LogicalResourceId"] in CUT_OF
    }


def paths(node: Any, at: str = "") -> set[str]:
    """Where values are: `a.b[].c`; of a date also how it is written, where that is not ISO 8601."""
    if isinstance(node, dict) and node:
        return {path for name, item in node.items() for path in paths(item, f"{at}.{name}")}
    if not at:
        return set()
    if isinstance(node, list) and node:
        return {path for item in node for path in paths(item, f"{at}[]")}
    is_iso = isinstance(node, datetime) or str(node)[4:5] == "-"
    return {at.lstrip(".") + ("" if is_iso or not at.endswith("Date") else f" ({node!r})")}


def differences(operation: str, expected: JSON, found: JSON | None) -> Iterator[str]:
    """How a record differs from the emulator's, in words."""
    if found is None:
        yield f"{operation}: no record came"
        return
    for part in PARTS:
        wanted, there = paths(expected.get(part)), paths(found.get(part))
        for word, names in (("lacks", wanted - there), ("has", there - wanted)):
            if names:
                yield f"{operation}: {part} {word} {', '.join(sorted(names))}"


def ids_in(detail: JSON) -> int:
    """How many ids Keyward reads in what a rule cut out; none where it refuses the event."""
    if "keyId" in detail["requestParameters"]:
        with suppress(InvalidEventError):
            return len(cloudtrail.keys_of(detail))
    return len(cloudtrail.apis_of(detail)) or int(cloudtrail.is_about_plan(detail))


@check(
    "record-shapes",
    "as the emulator's",
    source="aws-recorded.md 11 for some calls; the others follow their pattern",
    engine="emulator/cloudtrail.py",
)
def shapes_of_records(run: Run) -> str:
    """One call of each kind that Keyward hears of, and its record on the bus. Of calls on keys see
    `record-inputs`."""
    hearing = Hearing(run)
    hearing.begin()
    calls = calls_of(run).expected
    wanted = {CUT_OF[rule][0] for rule in stack_rules(run)}

    def is_heard() -> bool:
        hearing.listen()
        cut = {event["detail"]["eventName"] for event in hearing.cut}
        return cut >= wanted and all(hearing.record(*call[:2]) for call in calls)

    # Which of them came is the answer.
    with suppress(TimeoutError):
        run.until(is_heard, "the records of all calls")
    found = [(*call, hearing.record(*call[:2])) for call in calls]
    tags = [detail for operation, *_, detail in found if detail and operation == "TagResource"]
    run.note(
        tagged=[detail["requestParameters"].get("resourceArn") for detail in tags],
        cut=[[event["detail"]["eventName"], ids_in(event["detail"])] for event in hearing.cut],
    )
    texts = [t for name, _, expected, detail in found for t in differences(name, expected, detail)]
    return "; ".join(texts) or "as the emulator's"


@check(
    "record-inputs",
    "each rule finds its ids",
    source="EventBridge user guide, input transformation: `[*]` gives the values of a list",
    engine="template.yaml (InputPathsMap) and local/shims/delivery.py",
)
def what_the_rules_cut_out(run: Run) -> str:
    """The stack's own patterns and transformers, on the records of the check before."""
    found = dict[str, int]()
    for name, ids in run.fact("cut"):
        found[name] = max(ids, found.get(name, 0))
    wanted = [CUT_OF[rule] for rule in stack_rules(run)]
    if not wanted:
        return "the stack has no such rule"
    wrong = [f"{name} {found.get(name)} of {ids}" for name, ids in wanted if found.get(name) != ids]
    return ", ".join(wrong) or "each rule finds its ids"


@check(
    "plan-tag-record",
    "the ARN of /usageplans/",
    engine="template.yaml (TagEventsRule) and emulator/cloudtrail.py",
)
def the_record_of_a_plans_tag(run: Run) -> str:
    """Its `resourceArn` is what TagEventsRule asks for."""
    arns = run.fact("tagged")
    start = f"arn:{run.world.partition}:apigateway:{run.world.region}::/usageplans/"
    found = any(str(arn).startswith(start) for arn in arns)
    return "the ARN of /usageplans/" if found else f"resourceArn {arns}"
