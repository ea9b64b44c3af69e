"""The stack after SAM's transform: what is kept, retried and watched."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from samcli.yamlhelper import yaml_dump, yaml_parse

from keyward.values import JSON
from tests import tree

# Members that refer to something else's name, or name what is unique in the resource.
KEPT = {"AWS::DynamoDB::Table", "AWS::S3::Bucket"}
NAMES_OF_OTHERS = {"FunctionName", "EventBusName", "S3BucketName", "MetricName"}


def functions() -> dict[str, JSON]:
    return tree.deployed_resources("AWS::Lambda::Function")


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


def metrics(alarm: JSON) -> list[JSON]:
    """The metrics that an alarm watches: its own one, or those of its expression."""
    properties = alarm["Properties"]
    queries = [query for query in properties.get("Metrics", []) if "MetricStat" in query]
    return [query["MetricStat"]["Metric"] for query in queries] or [properties]


def alarms_for(metric: str, about: str) -> list[str]:
    return [
        name
        for name, alarm in alarms().items()
        for watched in metrics(alarm)
        if watched["MetricName"] == metric and f'"{about}"' in json.dumps(watched["Dimensions"])
    ]


def test_the_template_that_sam_sends_has_no_alias_as_cloudformation_takes_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # SAM's parser adds its constructors to PyYAML's own classes.
    for shared in (yaml.constructor.SafeConstructor, yaml.SafeLoader):
        for member in ("yaml_constructors", "yaml_multi_constructors"):
            monkeypatch.setattr(shared, member, dict(getattr(shared, member)))
    source = (tree.ROOT / "template.yaml").read_text("utf-8")
    sent = yaml_dump(yaml_parse(source))
    assert any(isinstance(token, yaml.AliasToken) for token in yaml.scan(source))
    assert not any(isinstance(token, yaml.AliasToken) for token in yaml.scan(sent))
    assert yaml_parse(sent)["Resources"].keys() == tree.template()["Resources"].keys()


def test_no_function_takes_concurrency_from_an_account_that_may_have_ten() -> None:
    for name, function in functions().items():
        assert "ReservedConcurrentExecutions" not in function["Properties"], name


def test_what_is_kept_stays_when_the_stack_goes_and_not_when_its_creation_fails() -> None:
    kept = {
        name: item
        for name, item in tree.deployed()["Resources"].items()
        if item.get("DeletionPolicy", "Delete") != "Delete" or item["Type"] in KEPT
    }
    assert len(kept) >= 8
    for name, item in kept.items():
        tree.assert_outlives_the_stack(name, item)


def test_every_name_holds_the_stacks_so_that_two_stacks_stand_side_by_side() -> None:
    named = {
        f"{resource}.{member}": value
        for resource, item in tree.deployed()["Resources"].items()
        for member, value in item.get("Properties", {}).items()
        if re.fullmatch(r"(?:\w+)?Name", member) and member not in NAMES_OF_OTHERS
    }
    assert named
    assert {where for where, name in named.items() if "${AWS::StackName}" not in str(name)} == set()


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
        tree.assert_outlives_the_stack(name, table)


def test_every_rule_buffers_in_a_queue_retries_and_has_a_dead_letter_queue() -> None:
    rules = tree.deployed_resources("AWS::Events::Rule")
    assert rules
    for name, rule in rules.items():
        for target in rule["Properties"]["Targets"]:
            place = target["Arn"].get("Ref") or target["Arn"]["Fn::GetAtt"][0]
            assert place in queues() or place == "NotificationsTopic", name
            assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0, name
            # One that cuts ids out of an event has none: it would get the whole event. Nor has a
            # message to people: what waits is told daily (docs/notifications.md).
            if "InputTransformer" not in target:
                dead = target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0]
                assert dead in dead_letter_queues(), name


def test_every_schedule_retries_and_has_a_dead_letter_queue() -> None:
    for name, schedule in tree.deployed_resources("AWS::Scheduler::Schedule").items():
        target = schedule["Properties"]["Target"]
        assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0, name
        assert target["DeadLetterConfig"], name


def test_every_machine_has_an_alarm_for_each_bad_end_of_an_execution() -> None:
    machines = tree.deployed_resources("AWS::StepFunctions::StateMachine")
    assert set(machines) == {
        *("ReconcileCustomer", "ProtectApi", "AuditAccount", "IssueKeys", "ApplyPolicy")
    }
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
