"""The stack after SAM's transform: least privilege, and a dead-letter queue for every message."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests import tree

JSON = dict[str, Any]

VERBS = {"GET", "POST", "PUT", "PATCH", "DELETE"}

KEY_TAGS = "/tags/arn%3A${AWS::Partition}%3Aapigateway%3A${AWS::Region}%3A%3A%2Fapikeys%2F*"
ALL_STAGES = {"GET /restapis", "GET /restapis/*/stages", "GET /restapis/*/deployments/*"}
ALL_STAGES |= {"GET /usageplans", "GET /apikeys"}
# What each function may ask of API Gateway, and no other: verb and path (reference: botocore's
# URIs). A new line here is a decision; every other function may ask nothing.
MAY_ASK = {
    "PlanCustomer": {"GET /apikeys", "GET /usageplans"},
    "CreateKey": {"GET /apikeys", "POST /apikeys", "DELETE /apikeys/*"}
    | {"PUT " + KEY_TAGS, "POST " + KEY_TAGS},
    "AttachKey": {"POST /usageplans/*/keys", "GET /usageplans", "POST /usageplans"},
    "MoveKey": {"POST /usageplans/*/keys", "DELETE /usageplans/*/keys/*"}
    | {"GET /usageplans", "POST /usageplans"},
    "SwitchKey": {"PATCH /apikeys/*"},
    "ExtendQuota": {"GET /usageplans", "GET /usageplans/*/usage"}
    | {"PATCH /usageplans/*/keys/*/usage"},
    "DeleteKey": {"GET /apikeys", "DELETE /apikeys/*"},
    "CarryQuotaOver": {"GET /usageplans/*/usage", "GET /usageplans"}
    | {"PATCH /usageplans/*/keys/*/usage"},
    "RevealKey": {"GET /apikeys/*"},
    "PlanProtection": {"GET /restapis/*", "GET /usageplans"},
    "AttachStage": {"GET /usageplans", "POST /usageplans", "PATCH /usageplans/*"}
    | {"GET /usageplans/*/keys"},
    "RequireKey": {"PATCH /restapis/*/resources/*/methods/*"},
    "DeployApi": {"GET /restapis/*/resources", "GET /restapis/*/deployments"}
    | {"GET /restapis/*/stages/*", "POST /restapis/*/deployments", "PATCH /restapis/*/stages/*"},
    "VerifyStage": {"GET /restapis/*/deployments/*"},
    "ProbeStage": {"GET /apikeys/*", "GET /restapis/*"},
    "RollBackStage": {"GET /restapis/*/stages/*", "PATCH /restapis/*/stages/*"},
    "ReadUsage": {"GET /usageplans", "GET /usageplans/*/usage"},
    "ExplainDenial": {"GET /restapis/*", "GET /apikeys"}
    | {"GET /usageplans", "GET /usageplans/*/usage"},
    "Audit": ALL_STAGES | {"GET /usageplans/*/keys"},
    "AuditPart": ALL_STAGES | {"GET /usageplans/*/keys"},
    "WriteReport": ALL_STAGES | {"GET /usageplans/*/usage"},
}


def functions() -> dict[str, JSON]:
    return tree.deployed_resources("AWS::Lambda::Function")


def roles() -> dict[str, JSON]:
    return tree.deployed_resources("AWS::IAM::Role")


def role_of(function: JSON) -> str:
    return str(function["Properties"]["Role"]["Fn::GetAtt"][0])


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(role: JSON) -> Iterator[JSON]:
    for policy in role["Properties"].get("Policies", []):
        yield from as_list(policy["PolicyDocument"]["Statement"])


def queues() -> dict[str, JSON]:
    return tree.deployed_resources("AWS::SQS::Queue")


def dead_letter_queues() -> set[str]:
    """Every queue that another queue, a rule, a stream or a schedule names as its last resort."""
    text = json.dumps(tree.deployed()["Resources"])
    named = re.findall(
        r'"(?:deadLetterTargetArn|DeadLetterConfig|OnFailure)": (?:\{"(?:Arn|Destination)": )?'
        r'\{"Fn::GetAtt": \["(\w+)", "Arn"\]',
        text,
    )
    return set(named)


def alarms() -> dict[str, JSON]:
    return tree.deployed_resources("AWS::CloudWatch::Alarm")


def alarms_for(metric: str, about: str) -> list[str]:
    return [
        name
        for name, alarm in alarms().items()
        if alarm["Properties"].get("MetricName") == metric
        and f'"{about}"' in json.dumps(alarm["Properties"].get("Dimensions", []))
    ]


def test_every_function_has_a_role_of_its_own_under_our_path() -> None:
    used = [role_of(function) for function in functions().values()]
    assert len(used) == len(set(used))
    assert {roles()[name]["Properties"].get("Path") for name in used} == {"/keyward/"}


def test_every_role_of_the_stack_is_under_our_path_so_that_its_calls_are_filtered() -> None:
    paths = {name: role["Properties"].get("Path") for name, role in roles().items()}
    assert {name for name, path in paths.items() if path != "/keyward/"} == set()


def test_no_role_has_a_managed_policy_but_the_basic_ones() -> None:
    basic = re.compile(
        r"service-role/AWSLambda(BasicExecutionRole|SQSQueueExecutionRole|DynamoDBExecutionRole)$"
    )
    for name, role in roles().items():
        for arn in role["Properties"].get("ManagedPolicyArns", []):
            assert basic.search(json.dumps(arn).strip('"}] ')), f"{name}: {arn}"


def test_no_statement_allows_every_action_of_a_service() -> None:
    wide = {
        (name, action)
        for name, role in roles().items()
        for statement in statements(role)
        for action in as_list(statement["Action"])
        if "*" in action
    }
    assert wide == set()


def test_a_statement_for_every_resource_has_its_reason_beside_it() -> None:
    lines = (tree.ROOT / "template.yaml").read_text("utf-8").splitlines()
    bare = [
        f"line {number + 1}: {line.strip()}"
        for number, line in enumerate(lines)
        if re.search(r"Resource:\s*\[?\s*[\"']?\*", line)
        and "#" not in line
        and not any(before.strip().startswith("#") for before in lines[number - 3 : number])
    ]
    assert bare == []


@pytest.mark.parametrize("name", sorted(tree.function_files()))
def test_a_function_may_ask_api_gateway_exactly_what_it_needs(name: str) -> None:
    allowed = set()
    for statement in statements(roles()[role_of(functions()[name])]):
        if statement["Effect"] == "Deny":
            continue
        for action in as_list(statement["Action"]):
            if action.startswith("apigateway:"):
                verb = action.removeprefix("apigateway:")
                assert verb in VERBS
                paths = [gateway_path(item) for item in as_list(statement["Resource"])]
                allowed |= {f"{verb} {path}" for path in paths}
    assert allowed == MAY_ASK.get(name, set())


def gateway_path(resource: Any) -> str:
    arn = resource["Fn::Sub"]
    found = re.fullmatch(r"arn:\$\{AWS::Partition\}:apigateway:\$\{AWS::Region\}::(/\S+)", arn)
    assert found, arn
    return found[1]


def test_no_function_but_the_audited_ones_may_read_a_single_key() -> None:
    readers = {name for name, asks in MAY_ASK.items() if "GET /apikeys/*" in asks}
    assert readers == {"RevealKey", "ProbeStage"}


def test_functions_run_on_the_chosen_runtime_and_architecture() -> None:
    for name, function in functions().items():
        properties = function["Properties"]
        assert properties["Runtime"] == "python3.13", name
        assert properties["Architectures"] == [{"Ref": "Architecture"}], name
        assert properties["Timeout"], name
        assert properties.get("TracingConfig") is None, name


def test_every_function_writes_to_a_log_group_that_forgets() -> None:
    groups = tree.deployed_resources("AWS::Logs::LogGroup")
    for name, function in functions().items():
        group = function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
        assert groups[group]["Properties"]["RetentionInDays"], name


def test_no_log_of_a_state_machine_holds_execution_data() -> None:
    for machine in tree.deployed_resources("AWS::StepFunctions::StateMachine").values():
        logging = machine["Properties"].get("LoggingConfiguration", {})
        assert not logging.get("IncludeExecutionData", False)


def test_every_table_can_be_restored_is_encrypted_and_outlives_the_stack() -> None:
    tables = tree.deployed_resources("AWS::DynamoDB::Table")
    assert tables
    for name, table in tables.items():
        properties = table["Properties"]
        assert properties["BillingMode"] == "PAY_PER_REQUEST", name
        assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], name
        assert properties["SSESpecification"]["SSEEnabled"], name
        assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain", name


def test_every_rule_buffers_in_a_queue_retries_and_has_a_dead_letter_queue() -> None:
    rules = tree.deployed_resources("AWS::Events::Rule")
    assert rules
    for name, rule in rules.items():
        for target in rule["Properties"]["Targets"]:
            assert target["Arn"]["Fn::GetAtt"][0] in queues(), name
            assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0, name
            assert target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0] in dead_letter_queues(), name


def test_every_schedule_retries_and_has_a_dead_letter_queue() -> None:
    for name, schedule in tree.deployed_resources("AWS::Scheduler::Schedule").items():
        target = schedule["Properties"]["Target"]
        assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0, name
        assert target["DeadLetterConfig"], name


def test_every_machine_has_an_alarm_for_each_bad_end_of_an_execution() -> None:
    machines = tree.deployed_resources("AWS::StepFunctions::StateMachine")
    assert set(machines) == {"ReconcileCustomer", "ProtectApi", "AuditAccount"}
    for metric in ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"):
        assert all(alarms_for(metric, name) for name in machines)


def test_an_alarm_rings_at_eighty_percent_of_the_ten_thousand_keys() -> None:
    thresholds = {name: alarm["Properties"]["Threshold"] for name, alarm in alarms().items()}
    assert 8000 in thresholds.values()


def test_every_alarm_says_what_to_do_and_can_notify() -> None:
    for name, alarm in alarms().items():
        assert alarm["Properties"]["AlarmDescription"], name
        assert alarm["Properties"]["AlarmActions"], name
        assert alarm["Properties"]["TreatMissingData"] == "notBreaching", name


@pytest.mark.parametrize("kind", ["AWS::SQS::QueuePolicy", "AWS::Events::EventBusPolicy"])
def test_no_resource_policy_is_open_to_everybody(kind: str) -> None:
    for name, policy in tree.deployed_resources(kind).items():
        properties = policy["Properties"]
        document = properties.get("PolicyDocument") or {"Statement": properties["Statement"]}
        for statement in as_list(document["Statement"]):
            principal = statement["Principal"]
            assert principal != "*", name
            assert "*" not in as_list(principal.get("AWS", [])), name
            if "Service" in principal:
                condition = json.dumps(statement["Condition"])
                assert "aws:SourceAccount" in condition or "aws:SourceArn" in condition, name


def test_services_may_take_our_roles_only() -> None:
    for name, role in roles().items():
        for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]:
            assert set(statement["Principal"]) == {"Service"}, name
