"""The outputs that others build on, and the parameters that a new stack starts with."""

from __future__ import annotations

from tests import tree

OUTPUTS = {"EventBusName", "CustomersTableName", "KeysTableName", "ReconcileCustomerArn"} | {
    "ProtectApiArn",
    "RevealKeyFunctionName",
    "AuditFunctionName",
    "PolicyParameterName",
}


def test_the_stack_has_the_outputs_that_others_build_on() -> None:
    assert set(tree.template()["Outputs"]) >= OUTPUTS


# What CloudWatch Logs takes (PutRetentionPolicy in its API reference).
RETENTION = {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731}
RETENTION |= {1096, 1827, 2192, 2557, 2922, 3288, 3653}
MODES = {"off", "observe", "warn", "enforce"}


def test_every_parameter_has_a_default_a_sentence_and_a_place_on_the_page() -> None:
    parameters = tree.template()["Parameters"]
    groups = tree.template()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(parameters)
    for name, about in parameters.items():
        assert "Default" in about, name
        assert about["Description"], name


def test_no_parameter_is_for_the_local_aws_only() -> None:
    told = str(tree.template()["Parameters"]).lower()
    assert "local" not in told
    assert "http" not in told


def test_a_parameter_takes_only_what_its_service_takes() -> None:
    parameters = tree.template()["Parameters"]
    assert {int(days) for days in parameters["LogRetentionDays"]["AllowedValues"]} == RETENTION
    assert set(parameters["DefaultMode"]["AllowedValues"]) == MODES
    numbers = {name for name, about in parameters.items() if about["Type"] == "Number"}
    for name in numbers - {"LogRetentionDays"}:
        assert "MinValue" in parameters[name], name


def test_a_new_stack_changes_nothing_until_it_is_told_to() -> None:
    assert tree.template()["Parameters"]["DefaultMode"]["Default"] == "observe"


def test_the_stack_owns_no_parameter_and_so_writes_over_no_policy() -> None:
    assert tree.deployed_resources("AWS::SSM::Parameter") == {}
