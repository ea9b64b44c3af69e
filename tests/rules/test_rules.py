"""The rules of the template, tried with the samples of events/."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from typing import Any

import pytest
from moto.events.models import EventPattern

from keyward.events.third_party import FOREIGN_EVENTS, PLAIN_EVENTS
from keyward.values import JSON
from tests import tree
from tests.support import load_event

ACCOUNT = "123456789012"
MACHINES = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:keyward"
VALUES = {
    "AWS::Partition": "aws",
    "AWS::AccountId": ACCOUNT,
    "AWS::StackName": "keyward",
    "AWS::Region": "eu-west-1",
} | {
    "ReconcileCustomer": f"{MACHINES}-reconcile-customer",
    "ProtectApi": f"{MACHINES}-protect-api",
}
OUR_ROLE = f"arn:aws:iam::{ACCOUNT}:role/keyward/keyward/keyward-DeployApiRole-1"
OTHER_STACK = f"arn:aws:iam::{ACCOUNT}:role/keyward/staging/staging-DeployApiRole-1"
OTHER_ROLE = f"arn:aws:iam::{ACCOUNT}:role/keyward-fans"

STRIPE = "aws.partner/stripe.com"

EDITS = (
    "CreateResource",
    "DeleteResource",
    "PutMethod",
    "UpdateMethod",
    "DeleteMethod",
    "PutIntegration",
    "UpdateIntegration",
    "DeleteIntegration",
    "PutIntegrationResponse",
    "UpdateAuthorizer",
    "PutRestApi",
)


def resolved(value: Any) -> Any:
    """A pattern with its references replaced, as CloudFormation would."""
    if isinstance(value, dict):
        if set(value) == {"Ref"}:
            return VALUES.get(value["Ref"], value["Ref"])
        if set(value) == {"Fn::Sub"}:
            text = value["Fn::Sub"]
            for name, known in VALUES.items():
                text = text.replace(f"${{{name}}}", known)
            return text
        return {key: resolved(item) for key, item in value.items()}
    return [resolved(item) for item in value] if isinstance(value, list) else value


def takers(event: JSON) -> set[str]:
    """The rules that take an event. AWS's own services speak on the default bus only."""
    rules = tree.resources("AWS::Events::Rule")
    is_aws = re.match(r"aws\.(?!partner)", event["source"]) is not None
    patterns = {
        name: resolved(rule["Properties"]["EventPattern"])
        for name, rule in rules.items()
        if not (is_aws and "EventBusName" in rule["Properties"])
    }
    return {
        name
        for name, pattern in patterns.items()
        if EventPattern.load(json.dumps(pattern)).matches_event(event)
    }


def samples(detail_type: str) -> list[JSON]:
    """The envelopes of events/ with a detail-type."""
    loaded = [
        json.loads(p.read_text("utf-8")) for p in sorted((tree.ROOT / "events").glob("*/*.json"))
    ]
    found = [item for item in loaded if item.get("detail-type") == detail_type]
    assert found, f"events/ has no sample of {detail_type}"
    return found


def deployment() -> JSON:
    """A sample of a deployment as CloudTrail tells it."""
    told = samples("AWS API Call via CloudTrail")
    return next(item for item in told if item["detail"]["eventName"] == "CreateDeployment")


def called_by(issuer: JSON | None) -> JSON:
    event = deepcopy(deployment())
    identity: JSON = {"type": "AssumedRole", "accountId": ACCOUNT}
    if issuer is not None:
        identity["sessionContext"] = {"sessionIssuer": issuer}
    event["detail"]["userIdentity"] = identity
    return event


@pytest.mark.parametrize(
    "kind",
    [
        "CustomerSignedUp",
        "CustomerPlanChanged",
        "CustomerResumed",
        "CustomerExpiryChanged",
        "PaymentFailed",
        "PaymentSucceeded",
        "SubscriptionChanged",
        "UndoRequested",
    ],
)
def test_a_change_in_a_customers_life_goes_to_the_customers_queue(kind: str) -> None:
    assert [takers(event) for event in samples(kind)] == [{"CustomerEventsRule"}]


# The sample of KeyRotationRequested has a reason, which may hold the word that the key leaked.
@pytest.mark.parametrize(
    "kind",
    [
        "CustomerSuspended",
        "CustomerClosed",
        "KeyRotationRequested",
        "RemovalsApproved",
        "RemovalsRejected",
    ],
)
def test_what_stops_a_key_goes_to_a_queue_of_its_own(kind: str) -> None:
    assert [takers(event) for event in samples(kind)] == [{"StopEventsRule"}]


def test_a_pattern_is_not_longer_than_a_rule_takes() -> None:
    # 2,048 characters (EventBridge quotas).
    for name, rule in tree.deployed_resources("AWS::Events::Rule").items():
        assert len(json.dumps(rule["Properties"]["EventPattern"])) <= 2048, name


@pytest.mark.parametrize("kind", FOREIGN_EVENTS)
def test_an_event_of_another_system_goes_to_the_customers_queue(kind: str) -> None:
    stripe = "." in kind
    event = {"detail-type": kind, "source": f"{STRIPE}/ed_1" if stripe else "x", "detail": {}}
    plain = set() if kind in PLAIN_EVENTS else {"StripeEventsRule" if stripe else "SbtEventsRule"}
    assert takers(event) == {"BillingEventsRule"} | plain


def test_a_partners_bus_delivers_its_own_events_only() -> None:
    assert takers({"detail-type": "invoice.paid", "source": "x"}) == {"BillingEventsRule"}


@pytest.mark.parametrize("kind", ["DeploymentApproved", "DeploymentRejected", "RollbackRequested"])
def test_a_persons_decision_goes_to_the_apis_queue(kind: str) -> None:
    assert [takers(event) for event in samples(kind)] == [{"DecisionEventsRule"}]


def test_every_deployment_sample_goes_to_the_apis_queue() -> None:
    told = samples("AWS API Call via CloudTrail")
    deployments = [item for item in told if item["detail"]["eventName"] not in EDITS]
    assert len(deployments) == 3
    for event in deployments:
        assert takers(event) == {"DeploymentEventsRule"}, event["detail"]["eventName"]


def edited(name: str) -> JSON:
    """A sample of an edit, as another call."""
    told = samples("AWS API Call via CloudTrail")
    event = deepcopy(next(item for item in told if item["detail"]["eventName"] == "PutMethod"))
    event["detail"]["eventName"] = name
    return event


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_of_a_working_copy_is_noted_and_starts_no_run(name: str) -> None:
    assert takers(edited(name)) == {"EditEventsRule"}


def test_our_own_edits_are_not_noted() -> None:
    event = edited("UpdateMethod")
    event["detail"]["userIdentity"]["sessionContext"]["sessionIssuer"] = {"arn": OUR_ROLE}
    assert takers(event) == set()


def test_an_edit_of_an_http_api_is_not_noted() -> None:
    event = edited("DeleteResource")
    event["detail"]["requestParameters"] = {"apiId": "a1b2c3"}
    assert takers(event) == set()


@pytest.mark.parametrize(
    "issuer",
    [
        pytest.param(None, id="root user, without a session"),
        pytest.param({}, id="IAM user: an empty issuer (aws-recorded.md 11)"),
        pytest.param({"arn": OTHER_ROLE}, id="a role whose name only begins like our path"),
        pytest.param({"arn": OTHER_STACK}, id="another stack of Keyward"),
    ],
)
def test_a_deployment_counts_whoever_made_it(issuer: JSON | None) -> None:
    assert takers(called_by(issuer)) == {"DeploymentEventsRule"}


def test_keywards_own_calls_match_no_rule() -> None:
    assert takers(called_by({"arn": OUR_ROLE})) == set()


def test_a_failed_call_matches_no_rule() -> None:
    event = deepcopy(deployment())
    event["detail"]["errorCode"] = "NotFoundException"
    assert takers(event) == set()


def test_a_deployment_of_an_http_or_websocket_api_matches_no_rule() -> None:
    event = deepcopy(deployment())
    event["detail"]["requestParameters"] = {"apiId": "a1b2c3", "stageName": "prod"}
    assert takers(event) == set()


def ended(**changes: str) -> JSON:
    """The end of a run as Step Functions tells it."""
    (event,) = deepcopy(samples("Step Functions Execution Status Change"))
    event["detail"] |= changes
    return dict(event)


@pytest.mark.parametrize("status", ["ABORTED", "FAILED", "TIMED_OUT"])
@pytest.mark.parametrize("machine", ["ReconcileCustomer", "ProtectApi"])
def test_a_run_that_was_stopped_or_timed_out_or_failed_goes_to_the_runs_queue(
    machine: str, status: str
) -> None:
    event = ended(stateMachineArn=VALUES[machine], status=status)
    assert takers(event) == {"RunEventsRule"}


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED", "PENDING_REDRIVE"])
def test_a_running_or_successful_run_matches_no_rule(status: str) -> None:
    assert takers(ended(status=status)) == set()


def test_the_end_of_another_teams_run_matches_no_rule() -> None:
    assert takers(ended(stateMachineArn=f"{MACHINES}-something-else")) == set()


@pytest.mark.parametrize(
    ("key", "taken"),
    [
        ("onboarding/first-customers.csv", True),
        ("onboarding/2026/MAY.CSV", True),
        ("onboarding/first-customers.csv.result.json", False),
        ("onboarding/notes.txt", False),
        ("adopt/owners.csv", False),
        ("report.json", False),
    ],
)
def test_a_csv_for_onboarding_starts_its_reading_and_no_other_object_does(
    key: str, taken: bool
) -> None:
    event = load_event("onboarding-file-put")
    event["detail"]["object"]["key"] = key
    assert takers(event) == ({"OnboardingRule"} if taken else set())


def test_a_csv_in_another_bucket_starts_nothing() -> None:
    event = load_event("onboarding-file-put")
    event["detail"]["bucket"]["name"] = "another-bucket"
    assert takers(event) == set()
