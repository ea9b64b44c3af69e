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


def test_a_new_stack_changes_nothing_until_it_is_told_to() -> None:
    assert tree.template()["Parameters"]["DefaultMode"]["Default"] == "observe"


def test_the_stack_owns_no_parameter_and_so_writes_over_no_policy() -> None:
    assert tree.deployed_resources("AWS::SSM::Parameter") == {}
