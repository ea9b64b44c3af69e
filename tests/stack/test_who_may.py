"""Each function is its own role, and calls only what that role may. Last of the folder: the ledger
has all that was ever called."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from botocore.exceptions import ClientError

from keyward.values import JSON
from tests.stack.api_lab import Api
from tests.stack.stack_lab import Stack

STAGES = {"GetDeployment", "GetStages", "GetApiKeys", "GetUsagePlans", "GetUsagePlanKeys"}
ACCOUNT = STAGES | {"GetRestApis"}
PLAN = {"GetUsagePlans", "CreateUsagePlan"}
USAGE = {"GetUsagePlans", "GetUsage"}
# The calls that each function is meant for.
MEANT: dict[str, set[str]] = {
    "PlanCustomer": {"GetApiKey", "GetUsagePlans"},
    # A key in a plan of another stack is not taken for ours.
    "CreateKey": {"CreateApiKey", "DeleteApiKey", "GetApiKeys", "GetUsagePlans"},
    "AttachKey": PLAN | {"CreateUsagePlanKey"},
    "MoveKey": PLAN | {"CreateUsagePlanKey", "DeleteUsagePlanKey"},
    "SwitchKey": {"UpdateApiKey"},
    "DeleteKey": {"GetApiKeys", "DeleteApiKey"},
    "ChangeRecord": USAGE | {"UpdateUsage"},
    "RevealKey": {"GetApiKey"},
    "PlanProtection": {"GetUsagePlans", "GetResources", "GetDeployment", "GetStages"}
    | {"GetRestApi", "GetExport", "GetAuthorizers", "GetStage"},
    "PlanPolicy": ACCOUNT - {"GetApiKeys"},
    "UpdatePlan": {"GetRestApis", "GetUsagePlans", "UpdateUsagePlan", "TagResource"},
    "AttachStage": PLAN | {"UpdateUsagePlan", "GetUsagePlanKeys"},
    "RequireKey": {"UpdateMethod"},
    "DeployApi": {"CreateDeployment", "UpdateStage"}
    | {"GetStage", "GetDeployments", "GetResources", "DeleteDeployment"},
    "VerifyStage": {"GetDeployment", "GetStage", "UpdateStage"},
    "ProbeStage": {"GetApiKey", "GetRestApi", "GetUsagePlans"},
    "ReadUsage": USAGE,
    "ExplainDenial": USAGE
    | {"GetApiKey", "GetStages", "GetDeployment", "GetRestApi", "GetResources", "GetAuthorizers"}
    | {"GetExport"},
    "Audit": ACCOUNT,
    "AuditPart": ACCOUNT,
    "WriteReport": ACCOUNT | {"GetUsage"},
}


@pytest.fixture(scope="module")
def story(stack: Stack, shop: Api) -> None:
    """At least one of everything ordinary."""
    stack.issued("who-may")
    stack.invoke("AuditFunctionName", {})
    stack.run("AuditAccountArn", {})
    stack.settle()


def called(stack: Stack) -> Iterator[tuple[str, JSON]]:
    """Every call of a role of Keyward's, with the id of the function that the role is for."""
    for call in stack.aws.calls():
        if call["caller"]:
            found = re.fullmatch(r"keyward/keyward/keyward-(\w+)Role-\w+", call["caller"])
            assert found, call["caller"]
            yield found[1], call


@pytest.mark.usefixtures("story")
def test_each_call_was_made_by_a_role_that_it_is_meant_for(stack: Stack) -> None:
    by_function: dict[str, set[str]] = {}
    for function, call in called(stack):
        by_function.setdefault(function, set()).add(call["operation"])

    strange = {name: asked - MEANT.get(name, set()) for name, asked in by_function.items()}
    assert {name: asked for name, asked in strange.items() if asked} == {}
    assert {"CreateKey", "RequireKey", "DeployApi", "RevealKey"} <= set(by_function)


@pytest.mark.usefixtures("story")
def test_each_call_is_one_that_the_policies_of_its_role_allow(stack: Stack) -> None:
    """The emulator asks nobody for permission, so what AWS would say is looked up here."""
    refused = {
        f"{call['caller']}: {verb} {path}"
        for _, call in called(stack)
        for verb, path in [request_of(stack, call)]
        if not allowed(stack, call["caller"], f"apigateway:{verb}", path)
    }

    assert refused == set()


def request_of(stack: Stack, call: JSON) -> tuple[str, str]:
    """The HTTP verb and the path of a call, as IAM sees them (botocore model)."""
    operation = stack.gateway.meta.service_model.operation_model(call["operation"])
    path = operation.http["requestUri"].split("?")[0]
    members = operation.input_shape.members if operation.input_shape else {}
    for name, shape in members.items():
        if shape.serialization.get("location") == "uri" and name in call["params"]:
            path = path.replace(
                f"{{{shape.serialization['name']}}}", quote(call["params"][name], safe="")
            )
    assert "{" not in path
    return operation.http["method"], path


def allowed(stack: Stack, role: str, action: str, path: str) -> bool:
    """Whether a statement of the role allows the action on the path."""
    resource = f"arn:aws:apigateway:{stack.aws.region}::{path}"
    return any(
        statement["Effect"] == "Allow"
        and action in many(statement["Action"])
        and any(matches(pattern, resource) for pattern in many(statement["Resource"]))
        for statement in statements(stack, role)
    )


@cache
def statements(stack: Stack, role: str) -> list[JSON]:
    """All statements of a role: its own, and those of the policies that it shares."""
    iam, role = stack.aws.client("iam"), role.rpartition("/")[2]  # without its path
    documents = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        arn = attached["PolicyArn"]
        if ":aws:policy/" not in arn:
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
            documents.append(found["Document"])
    return [statement for document in documents for statement in many(document["Statement"])]


def many(item: Any) -> list[Any]:
    return list(item) if isinstance(item, list) else [item]


def matches(pattern: str, resource: str) -> bool:
    parts = [re.escape(part) for part in pattern.split("*")]
    return bool(re.fullmatch(".*".join(parts), resource))


def put_customer(client: Callable[[str], Any], outputs: JSON) -> None:
    item = {"customer_id": {"S": "trespass"}}
    client("dynamodb").put_item(TableName=outputs["CustomersTableName"], Item=item)


def read_all_keys(client: Callable[[str], Any], outputs: JSON) -> None:
    client("dynamodb").scan(TableName=outputs["KeysTableName"])


def start_protection(client: Callable[[str], Any], outputs: JSON) -> None:
    client("stepfunctions").start_execution(stateMachineArn=outputs["ProtectApiArn"], input="{}")


def change_policy(client: Callable[[str], Any], outputs: JSON) -> None:
    name = outputs["PolicyParameterName"]
    client("ssm").put_parameter(Name=name, Value="{}", Overwrite=True)


def reveal(client: Callable[[str], Any], outputs: JSON) -> None:
    client("lambda").invoke(FunctionName=outputs["RevealKeyFunctionName"], Payload="{}")


def read_foreign_secret(client: Callable[[str], Any], outputs: JSON) -> None:
    client("secretsmanager").get_secret_value(SecretId="payroll")


def announce(client: Callable[[str], Any], outputs: JSON) -> None:
    entry = {"Source": "keyward", "DetailType": "KeyIssued", "Detail": "{}"}
    client("events").put_events(Entries=[entry | {"EventBusName": outputs["EventBusName"]}])


TRESPASSES: list[tuple[str, Callable[[Callable[[str], Any], JSON], None]]] = [
    ("CreateKey", put_customer),
    ("CreateKey", read_all_keys),
    ("CreateKey", read_foreign_secret),
    ("AttachKey", announce),
    ("RecordCustomer", start_protection),
    ("PlanCustomer", change_policy),
    ("PlanProtection", reveal),
    ("RequireKey", read_all_keys),
    ("DeployApi", change_policy),
    ("RevealKey", put_customer),
    ("ReportFailure", put_customer),
    ("Audit", put_customer),
]


@pytest.mark.parametrize(
    ("function", "trespass"), TRESPASSES, ids=lambda item: getattr(item, "__name__", item)
)
def test_a_function_cannot_do_what_it_is_not_meant_to(
    stack: Stack, function: str, trespass: Callable[[Callable[[str], Any], JSON], None]
) -> None:
    session = session_of(stack, function)

    with pytest.raises(ClientError) as refused:
        trespass(
            lambda name: session.client(name, endpoint_url=stack.aws.urls.aws), stack.aws.outputs
        )

    assert "AccessDenied" in refused.value.response["Error"]["Code"]


def session_of(stack: Stack, function: str) -> Any:
    """A session with the credentials that the function runs under."""
    from ministack.core.lambda_runtime import execution_credentials

    functions = stack.aws.pages("lambda", "list_functions", "Functions")
    (config,) = [
        item for item in functions if re.fullmatch(f"keyward-{function}-\\w+", item["FunctionName"])
    ]
    found = execution_credentials(config)
    return boto3.Session(
        found["AWS_ACCESS_KEY_ID"],
        found["AWS_SECRET_ACCESS_KEY"],
        found["AWS_SESSION_TOKEN"],
        region_name=stack.aws.region,
    )


def test_a_function_can_do_what_it_is_meant_to(stack: Stack) -> None:
    """So that a refusal above means what it says."""
    client = session_of(stack, "PlanCustomer").client("dynamodb", endpoint_url=stack.aws.urls.aws)

    answer = client.get_item(
        TableName=stack.aws.outputs["CustomersTableName"], Key={"customer_id": {"S": "nobody"}}
    )

    assert "Item" not in answer
