"""Staging and production: the real template twice in one account and Region of a local AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from keyward.policy.parse import default_text
from keyward.values import JSON
from local.aws import TEMPLATE, LocalAws
from local.packaging import Stack
from local.waiting import until
from tests.one_local_aws import only_local_aws

OTHER = "staging"
PLAN = {"throttle": {"rateLimit": 1, "burstLimit": 2}}


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    yield from only_local_aws(TEMPLATE)


def variables(aws: LocalAws) -> dict[str, str]:
    """What local/aws.py sets for the first stack's functions."""
    found = aws.client("lambda").get_function_configuration(
        FunctionName=aws.outputs["RevealKeyFunctionName"]
    )["Environment"]["Variables"]
    names = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_API_GATEWAY", "INVOKE_URL", "STORM_SECONDS")
    return {name: found[name] for name in (*names, "CONTROL_PLANE_SHARE")}


def test_a_second_stack_stands_beside_the_first_and_each_has_its_own(aws: LocalAws) -> None:
    policy = json.loads(default_text()) | {"propagation_seconds": 0, "usage_plans": {"test": PLAN}}
    aws.client("ssm").put_parameter(
        Name=f"{OTHER}-policy", Type="String", Tier="Advanced", Value=json.dumps(policy)
    )
    second = Stack(aws.client, TEMPLATE, OTHER).deploy(
        parameters={"ReportDelaySeconds": "1"}, variables=variables(aws)
    )
    assert {name for name, value in second.items() if value == aws.outputs[name]} == set()

    sent = [(aws.outputs["EventBusName"], "free"), (second["EventBusName"], "test")]
    for bus, plan in sent:
        detail = json.dumps({"customer_id": f"of-{bus}", "plan": plan})
        entry = {"Source": "test", "DetailType": "CustomerSignedUp", "EventBusName": bus}
        aws.client("events").put_events(Entries=[entry | {"Detail": detail}])

    def issued() -> JSON:
        found = [event["Detail"] for event in aws.events("KeyIssued")]
        return {detail["customer_id"]: detail["plan"] for detail in found}

    wanted = {f"of-{bus}": plan for bus, plan in sent}
    until(lambda: issued() == wanted, what="a key of each stack")
