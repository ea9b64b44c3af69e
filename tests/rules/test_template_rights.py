"""Who may do what in the stack, after SAM's transform: roles and policies of resources."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from keyward.values import JSON
from tests import tree
from tests.rules.test_template import functions

# Roles that may have the same statement of their own; more of them share a policy.
MAY_REPEAT = 3
VERBS = {"GET", "POST", "PUT", "PATCH", "DELETE"}

KEY_TAGS = "/tags/arn%3A${AWS::Partition}%3Aapigateway%3A${AWS::Region}%3A%3A%2Fapikeys%2F*"
PLAN_TAGS = KEY_TAGS.replace("apikeys", "usageplans")
TAG_PLAN = {"PUT " + PLAN_TAGS, "POST " + PLAN_TAGS}
USAGE = {"GET /usageplans/*/usage", "PATCH /usageplans/*/keys/*/usage"}
MAKE_PLAN = {"GET /usageplans", "POST /usageplans"} | TAG_PLAN
ALL_STAGES = {"GET /restapis", "GET /restapis/*/stages", "GET /restapis/*/deployments/*"}
ALL_STAGES |= {"GET /usageplans", "GET /apikeys"}
# What each function may ask of API Gateway, and no other: verb and path (reference: botocore's
# URIs). A new line here is a decision; every other function may ask nothing.
MAY_ASK = {
    "PlanCustomer": {"GET /apikeys/*", "GET /usageplans"},
    "CreateKey": {
        "GET /apikeys",
        "GET /apikeys/*",
        "GET /usageplans",
        "POST /apikeys",
        "DELETE /apikeys/*",
    }
    | {"PUT " + KEY_TAGS, "POST " + KEY_TAGS},
    "AttachKey": {"POST /usageplans/*/keys"} | MAKE_PLAN | USAGE,
    "MoveKey": {"POST /usageplans/*/keys", "DELETE /usageplans/*/keys/*"} | MAKE_PLAN | USAGE,
    "SwitchKey": {"PATCH /apikeys/*", "PUT " + KEY_TAGS, "DELETE " + KEY_TAGS},
    "ImportKeys": {"POST /apikeys", "POST /usageplans/*/keys"} | MAKE_PLAN,
    "VerifyImport": {"GET /apikeys", "GET /usageplans", "GET /usageplans/*/keys"}
    | {"DELETE /apikeys/*"},
    "ChangeRecord": {"GET /usageplans"} | USAGE,
    "DeleteKey": {"GET /apikeys", "GET /usageplans", "DELETE /apikeys/*"},
    "RevealKey": {"GET /apikeys/*"},
    "PlanProtection": {"GET /restapis/*", "GET /usageplans"},
    "AttachStage": {"PATCH /usageplans/*", "GET /usageplans/*/keys"} | MAKE_PLAN,
    "PlanPolicy": (ALL_STAGES - {"GET /apikeys"}) | {"GET /usageplans/*/keys"},
    "UpdatePlan": {"GET /restapis", "GET /usageplans", "PATCH /usageplans/*"} | TAG_PLAN,
    "RequireKey": {"PATCH /restapis/*/resources/*/methods/*"},
    "DeployApi": {"GET /restapis/*/resources", "GET /restapis/*/deployments"}
    | {"GET /restapis/*/stages/*", "POST /restapis/*/deployments", "PATCH /restapis/*/stages/*"}
    | {"GET /restapis/*/deployments/*", "DELETE /restapis/*/deployments/*"},
    "VerifyStage": {"GET /restapis/*/deployments/*"}
    | {"GET /restapis/*/stages/*", "PATCH /restapis/*/stages/*"},
    "ProbeStage": {"GET /apikeys/*", "GET /restapis/*", "GET /usageplans"},
    "ReadUsage": {"GET /usageplans", "GET /usageplans/*/usage"},
    "ExplainDenial": {"GET /restapis/*", "GET /apikeys/*"}
    | {"GET /usageplans", "GET /usageplans/*/usage"},
    "Audit": ALL_STAGES | {"GET /usageplans/*/keys"},
    "AuditPart": ALL_STAGES | {"GET /usageplans/*/keys"},
    "WriteReport": ALL_STAGES | {"GET /usageplans/*/keys", "GET /usageplans/*/usage"},
}


def roles() -> dict[str, JSON]:
    return tree.deployed_resources("AWS::IAM::Role")


def role_of(function: JSON) -> str:
    return str(function["Properties"]["Role"]["Fn::GetAtt"][0])


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def shared_policies() -> dict[str, JSON]:
    return tree.deployed_resources("AWS::IAM::ManagedPolicy")


def policy_statements(policy: JSON) -> list[JSON]:
    return as_list(policy["Properties"]["PolicyDocument"]["Statement"])


def own_statements(role: JSON) -> Iterator[JSON]:
    """The statements that stand in a role itself."""
    for policy in role["Properties"].get("Policies", []):
        yield from as_list(policy["PolicyDocument"]["Statement"])


def statements(role: JSON) -> Iterator[JSON]:
    """All statements of a role: its own, and those of our policies that it shares."""
    yield from own_statements(role)
    for arn in managed(role):
        if arn in shared_policies():
            yield from policy_statements(shared_policies()[arn])


def managed(role: JSON) -> list[str]:
    """A role's managed policies: of ours the id, of AWS's the ARN."""
    arns = role["Properties"].get("ManagedPolicyArns", [])
    return [arn["Ref"] if isinstance(arn, dict) and "Ref" in arn else str(arn) for arn in arns]


def rights(statement: JSON) -> frozenset[str]:
    """A statement's rights, one by one: effect, action and resource."""
    return frozenset(
        json.dumps([statement["Effect"], action, resource], sort_keys=True)
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    )


# Other stacks of Keyward have another one, and are heard.
OUR_PATH = {"Fn::Sub": "/keyward/${AWS::StackName}/"}


def test_every_function_has_a_role_of_its_own_under_our_path() -> None:
    used = [role_of(function) for function in functions().values()]
    assert len(used) == len(set(used))
    assert all(roles()[name]["Properties"].get("Path") == OUR_PATH for name in used)


def test_every_role_of_the_stack_is_under_our_path_so_that_its_calls_are_filtered() -> None:
    paths = {name: role["Properties"].get("Path") for name, role in roles().items()}
    assert {name for name, path in paths.items() if path != OUR_PATH} == set()


def test_no_role_has_a_managed_policy_of_aws() -> None:
    for name, role in roles().items():
        arns = managed(role)
        assert set(arns) <= set(shared_policies()), name
        # Two quotas of IAM: 10 managed policies a role, 6,144 characters a policy.
        assert len(arns) <= 10, name
    for name, policy in shared_policies().items():
        document = json.dumps(policy["Properties"]["PolicyDocument"], separators=(",", ":"))
        assert len(document) <= 6144, name


def test_a_right_of_many_functions_is_a_policy_that_they_share() -> None:
    own = {name: [rights(one) for one in own_statements(role)] for name, role in roles().items()}
    holders = Counter(right for found in own.values() for right in set(found))
    assert {right for right, count in holders.items() if count > MAY_REPEAT} == set()

    shared = {
        name: {right for one in policy_statements(policy) for right in rights(one)}
        for name, policy in shared_policies().items()
    }
    again = {
        (role, policy)
        for role, found in own.items()
        for policy, of_policy in shared.items()
        if of_policy <= set().union(*found)
    }
    assert again == set()


def test_a_shared_policy_is_of_several_roles() -> None:
    attached = Counter(arn for role in roles().values() for arn in managed(role))
    assert {name for name in shared_policies() if attached[name] < 2} == set()


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
        # Not an alias: `*keys` stands for an ARN.
        if re.search(r"Resource:\s*\[?\s*[\"']?\*(?!\w)", line)
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


def test_services_may_take_our_roles_only() -> None:
    for name, role in roles().items():
        for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]:
            assert set(statement["Principal"]) == {"Service"}, name


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


@pytest.mark.parametrize("kind", ["AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy"])
def test_a_resource_policy_names_the_one_resource_that_it_is_for(kind: str) -> None:
    # SQS developer guide: a policy covers a single queue.
    policies = tree.deployed_resources(kind)
    assert policies
    for name, policy in policies.items():
        properties = policy["Properties"]
        (of,) = as_list(properties.get("Queues") or properties["Bucket"])
        for statement in policy_statements(policy):
            named = re.findall(r"\b[A-Z]\w+(?=\.Arn|\", \"Arn)", json.dumps(statement["Resource"]))
            assert set(named) == {of["Ref"]}, name


def test_every_rule_waits_until_it_may_send_to_its_targets() -> None:
    allowed = {
        policy["Properties"][what][0]["Ref"]: name
        for kind, what in (("AWS::SQS::QueuePolicy", "Queues"), ("AWS::SNS::TopicPolicy", "Topics"))
        for name, policy in tree.deployed_resources(kind).items()
    }
    for name, rule in tree.deployed_resources("AWS::Events::Rule").items():
        for target in rule["Properties"]["Targets"]:
            dead = target.get("DeadLetterConfig")
            arns = (target["Arn"], dead["Arn"]) if dead else (target["Arn"],)
            wanted = {allowed[arn.get("Ref") or arn["Fn::GetAtt"][0]] for arn in arns}
            assert wanted <= set(as_list(rule["DependsOn"])), name


def test_the_trail_writes_what_the_rules_match_into_a_bucket_that_takes_no_other_trail() -> None:
    (trail,) = tree.deployed_resources("AWS::CloudTrail::Trail").values()
    (selector,) = trail["Properties"]["EventSelectors"]
    assert selector == {"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}
    name = trail["Properties"]["TrailName"]["Fn::Sub"]
    policy = tree.deployed_resources("AWS::S3::BucketPolicy")["TrailBucketPolicy"]
    for statement in policy_statements(policy):
        source = statement["Condition"]["StringEquals"]["aws:SourceArn"]["Fn::Sub"]
        assert source.endswith(f":trail/{name}")
