"""Tags of APIs, stages, keys and plans."""

from __future__ import annotations

import pytest

from emulator.tests.conformance.account import Account
from emulator.tests.conformance.answers import refusal_of, replace
from emulator.tests.conformance.tags import documented, recorded

KINDS = ("restapis", "stages", "apikeys", "usageplans")


def made(account: Account, kind: str) -> str:
    """The ARN of a new thing of a kind."""
    if kind == "restapis":
        return account.arn(f"restapis/{account.bare_api().id}")
    if kind == "stages":
        return account.arn(f"restapis/{account.api(stage='prod').id}/stages/prod")
    if kind == "apikeys":
        return account.arn(f"apikeys/{account.key()['id']}")
    return account.arn(f"usageplans/{account.plan()}")


@documented("API reference: TagResource, GetTags, UntagResource")
@pytest.mark.parametrize("kind", KINDS)
def test_tags_come_and_go(account: Account, kind: str) -> None:
    arn = made(account, kind)
    account.gw.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    account.gw.untag_resource(resourceArn=arn, tagKeys=["b"])
    assert account.gw.get_tags(resourceArn=arn)["tags"] == {"a": "1"}


@recorded("1 Tags: PUT merges, an empty value is allowed")
def test_tagging_merges(account: Account) -> None:
    arn = account.arn(f"apikeys/{account.key(tags={'a': '1', 'b': '2'})['id']}")
    account.gw.tag_resource(resourceArn=arn, tags={"b": "3", "c": ""})
    assert account.gw.get_tags(resourceArn=arn)["tags"] == {"a": "1", "b": "3", "c": ""}


@recorded("1 Tags: untag of an absent key is no error")
def test_an_absent_tag_can_be_taken_off(account: Account) -> None:
    arn = account.arn(f"apikeys/{account.key(tags={'a': '1'})['id']}")
    account.gw.untag_resource(resourceArn=arn, tagKeys=["nosuch"])
    assert account.gw.get_tags(resourceArn=arn)["tags"] == {"a": "1"}


@documented("botocore model: RestApi.tags, Stage.tags, UsagePlan.tags, ApiKey.tags")
def test_things_show_their_tags(account: Account) -> None:
    tags = {"keyward": "enforce"}
    api, key = account.api(stage="prod", tags=tags), account.key(tags=tags)
    plan = account.plan(tags=tags)
    account.gw.tag_resource(resourceArn=account.arn(f"restapis/{api.id}/stages/prod"), tags=tags)
    found = [
        account.gw.get_rest_api(restApiId=api.id),
        api.stage(),
        account.gw.get_api_key(apiKey=key["id"]),
        account.read_plan(plan),
    ]
    assert [item["tags"] for item in found] == [tags] * 4


@recorded("1 GetApiKeys: tags are shown where there are some")
def test_a_list_shows_tags(account: Account) -> None:
    key = account.key(tags={"a": "1"})
    assert [item["tags"] for item in account.keys_named(key["name"])] == [{"a": "1"}]


@recorded("3 GetUsagePlans: a plan in a list leaves out its tags only when it has none")
def test_a_list_of_plans_shows_tags_however_they_came(account: Account) -> None:
    made, later = account.plan(tags={"a": "1"}), account.plan()
    account.gw.tag_resource(resourceArn=account.arn(f"usageplans/{later}"), tags={"b": "2"})
    key = account.key()["id"]
    account.gw.create_usage_plan_key(usagePlanId=later, keyId=key, keyType="API_KEY")
    listed = {p["id"]: p for p in account.gw.get_usage_plans(limit=500)["items"]}
    [of_key] = account.gw.get_usage_plans(keyId=key)["items"]
    assert (listed[made]["tags"], listed[later]["tags"]) == ({"a": "1"}, {"b": "2"})
    assert of_key["tags"] == {"b": "2"}


@documented("botocore model: UsagePlan.tags; a patch of a plan names no tags")
def test_a_change_of_a_plan_leaves_its_tags(account: Account) -> None:
    plan = account.plan(tags={"a": "1"})
    changed = account.patch_plan(plan, replace("/description", "x"))
    assert changed["tags"] == account.read_plan(plan)["tags"] == {"a": "1"}


@documented("API reference: GetTags, NotFoundException")
def test_an_unknown_thing_has_no_tags(account: Account) -> None:
    arn = account.arn("restapis/nosuchapi0")
    assert refusal_of(lambda: account.gw.get_tags(resourceArn=arn)).code == "NotFoundException"


@documented("updating an API: a tag needs no deployment, and starts none")
def test_a_tag_makes_no_deployment(account: Account) -> None:
    api = account.api(stage="prod")
    arn = account.arn(f"restapis/{api.id}")
    account.gw.tag_resource(resourceArn=arn, tags={"keyward": "observe"})
    assert len(account.gw.get_deployments(restApiId=api.id)["items"]) == 1
