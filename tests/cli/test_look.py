"""`keyward look`: what it finds in an account without a stack, its costs, that it only reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.model import ApiKey
from keyward.audit.look import WORKING_CALLS
from keyward.cli import app, look
from keyward.policy.parse import default_text
from keyward.values import JSON
from tests.cli.desk import Desk, desk_of


@pytest.fixture
def desk(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with desk_of(capsys) as made:
        monkeypatch.setattr(look, "sleep", made.bench.clock.advance)
        yield made


def crowd(desk: Desk) -> JSON:
    """An account in which one of each thing is out of order."""
    bench, gateway = desk.bench, desk.bench.gateway
    api = bench.api({"/pets": {"get": None, "post": ["api_key"]}, "/ok": {"options": None}}, None)
    edited = bench.api({"/edited": {"get": None}}, None, ["prod", "beta"])
    root = next(
        one["id"] for one in gateway.get_resources(restApiId=edited)["items"] if one["path"] == "/"
    )
    place = {"restApiId": edited, "resourceId": root, "httpMethod": "POST"}
    gateway.put_method(**place, authorizationType="NONE")
    gateway.put_integration(**place, type="MOCK")
    stages = [{"apiId": api, "stage": "prod"}]
    quota = {"limit": 10, "period": "DAY"}
    gold = gateway.create_usage_plan(name="gold", quota=quota, apiStages=stages)["id"]
    empty = gateway.create_usage_plan(name="empty")["id"]
    gateway.create_usage_plan(name="gold")
    keys = {}
    for name, plan, enabled in (
        ("caller", gold, True),
        ("sleeper", gold, True),
        ("lost", empty, True),
        ("stray", None, True),
        ("off", gold, False),
    ):
        keys[name] = gateway.create_api_key(name=name, enabled=enabled)
        if plan:
            gateway.create_usage_plan_key(
                usagePlanId=plan, keyId=keys[name]["id"], keyType="API_KEY"
            )
    for key in bench.emulator.state.keys.values():
        key.settings["createdDate"] -= 40 * 86_400
    assert bench.call(api, "prod", "POST", "/pets", keys["caller"]["value"]) == 200
    return {name: key["id"] for name, key in keys.items()} | {"api": api, "edited": edited}


def authorized(desk: Desk) -> None:
    """An exposed API, a method of which has an authorizer."""
    gateway, api = desk.bench.gateway, desk.bench.api({"/signed": {"get": None}}, None)
    uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:f/invocations"
    source = {"authorizerUri": uri, "identitySource": "method.request.header.Authorization"}
    made = gateway.create_authorizer(restApiId=api, name="ours", type="TOKEN", **source)
    resource = gateway.get_resources(restApiId=api)["items"][0]["id"]
    place = {"restApiId": api, "resourceId": resource, "httpMethod": "PUT"}
    gateway.put_method(**place, authorizationType="CUSTOM", authorizerId=made["id"])
    gateway.put_integration(**place, type="MOCK")
    desk.bench.deploy(api, "prod")


def look_at(desk: Desk, *options: str) -> tuple[int, str, str]:
    """Exit code and outputs of a look. The stack of the bench gets no time for its own calls."""
    code = app.main(["look", *options], desk.bench.clock.now)
    return code, *desk.capsys.readouterr()


def kinds(data: JSON) -> dict[str, JSON]:
    return {one["kind"]: one for one in data["findings"]}


def test_a_look_finds_one_of_each_thing_that_is_out_of_order(desk: Desk) -> None:
    made = crowd(desk)
    code, out, err = look_at(desk, "--json")
    data = json.loads(out)
    found = kinds(data)
    assert (code, err) == (1, "")
    exposed = {
        (api["rest_api_id"], stage["stage"], one["method"], one["path"])
        for api in data["apis"]
        for stage in api["stages"]
        for one in stage["exposed"]
    }
    assert exposed == {
        (made["api"], "prod", "GET", "/pets"),
        (made["edited"], "prod", "GET", "/edited"),
        (made["edited"], "beta", "GET", "/edited"),
    }
    assert found["key_in_no_plan"]["key_ids"] == [made["stray"]]
    assert found["key_opens_nothing"]["key_ids"] == [made["lost"]]
    assert found["key_disabled"]["key_ids"] == [made["off"]]
    assert found["key_unused"]["key_ids"] == [made["sleeper"]]
    assert found["duplicate_plan"]["plan"] == "gold"
    assert found["working_copy_differs"]["rest_api_id"] == made["edited"]
    assert (
        "POST / is in the working copy, and not deployed" in found["working_copy_differs"]["says"]
    )


def test_a_look_makes_only_get_calls_with_the_rights_that_it_prints(desk: Desk) -> None:
    crowd(desk)
    authorized(desk)
    calls = read_by(desk, "--deep")
    model = desk.bench.gateway.meta.service_model
    asked = [model.operation_model(name).http for name in calls]
    assert {one["method"] for one in asked} == {"GET"}
    policy = json.loads(look_at(desk, "--iam", "--region", "eu-west-1")[1])
    (statement,) = policy["Statement"]
    assert statement["Action"] == "apigateway:GET"
    assert set(statement["Resource"]) == {
        "arn:aws:apigateway:eu-west-1::" + re.sub("{.*?}", "*", one["requestUri"]) for one in asked
    }


def read_by(desk: Desk, *options: str) -> list[str]:
    """The operations that a look calls, which are as many as it says."""
    before = len(desk.bench.calls)
    data = json.loads(look_at(desk, "--json", *options)[1])
    calls = desk.bench.calls[before:]
    assert len(calls) == data["calls"]
    return [call["operation"] for call in calls]


def test_what_enforce_would_do_is_what_it_does(desk: Desk, tmp_path: Path) -> None:
    bench, policy = desk.bench, tmp_path / "policy.json"
    # As the policy of the bench, which waits for no propagation.
    policy.write_text(json.dumps(json.loads(default_text()) | {"propagation_seconds": 0}))
    apis = [bench.api({"/pets": {"get": None, "put": None}}, None) for _ in range(5)]
    data = json.loads(look_at(desk, "--json", "--policy", str(policy))[1])
    told = {one["mode"]: one for one in data["modes"]}
    assert [*told] == ["observe", "warn", "enforce"]
    assert told["observe"]["writes"] == told["warn"]["writes"] == 0
    assert told["enforce"]["does"][0] == "closes 10 open methods on 5 stages"
    bench.run()
    before, began = len(bench.calls), bench.clock.now()
    for api in apis:
        arn = f"arn:aws:apigateway:us-east-1::/restapis/{api}"
        bench.gateway.tag_resource(resourceArn=arn, tags={"keyward": "enforce"})
    bench.audit(repair=True)
    bench.run()
    closing = [call for call in bench.calls[before:] if call["operation"] != "TagResource"]
    assert {bench.call(api, "prod", "GET", "/pets") for api in apis} == {403}
    took = max(call["at"] for call in closing if call["operation"] == "UpdateStage") - began
    assert told["enforce"]["calls"] == pytest.approx(len(closing), rel=0.5)
    assert told["enforce"]["seconds"] == pytest.approx(took, rel=0.5), took


def test_the_open_methods_of_a_look_are_those_that_enforce_closes_or_holds(desk: Desk) -> None:
    crowd(desk)
    gateway = desk.bench.gateway
    api = desk.bench.api({"/a": {"get": None}, "/b": {"get": ["api_key"]}}, None, ["prod", "beta"])
    resources = gateway.get_resources(restApiId=api)["items"]
    path = next(one["id"] for one in resources if one["path"] == "/b")
    place = {"restApiId": api, "resourceId": path, "httpMethod": "GET"}
    opened = {"op": "replace", "path": "/apiKeyRequired", "value": "false"}
    gateway.update_method(**place, patchOperations=[opened])
    _, out, _ = look_at(desk)
    enforce = out.partition("\nenforce")[2].partition("\n")[0]
    assert "5 live methods ask for no key" in out
    assert "announces 5 open methods on 5 stages" in out
    assert "closes 3 open methods on 3 stages, and 1 that only the working copy opens;" in enforce
    assert "holds 2 stages with 2 open methods for a person" in enforce


def fill(desk: Desk, apis: int, keys: int) -> None:
    """APIs with two stages each, and keys of two plans."""
    state = desk.bench.emulator.state
    plans = []
    for name in ("free", "pro"):
        quota = {"limit": 10, "period": "DAY"}
        plan_id = desk.bench.gateway.create_usage_plan(name=name, quota=quota)["id"]
        plans.append(state.plans[plan_id])
    for number in range(apis):
        methods = {"get": None if number % 2 else ["api_key"]}
        desk.bench.api({"/pets": methods}, None, ["prod", "beta"])
    for number in range(keys):
        key_id = f"key{number:07d}"
        settings = {"id": key_id, "name": key_id, "enabled": True, "stageKeys": []}
        times = {"createdDate": 1, "lastUpdatedDate": 1}
        state.add_key(ApiKey(key_id, f"{number:040d}", settings | times))
        plans[number % 2].key_ids[key_id] = None


@pytest.mark.parametrize(
    ("apis", "keys"), [(12, 1200), pytest.param(100, 10_000, marks=pytest.mark.sizes)]
)
def test_a_look_costs_what_an_audit_costs_and_a_little(desk: Desk, apis: int, keys: int) -> None:
    fill(desk, apis, keys)
    began = desk.bench.clock.now()
    calls = read_by(desk)
    pages = -(-keys // 2 // 500) * 2
    audit = 2 + apis * 3 + -(-keys // 500) + pages
    assert len(calls) <= audit + pages + WORKING_CALLS
    # Half of the account's calls are left to others.
    assert (desk.bench.clock.now() - began) >= (len(calls) - 1) / 5
    if apis > 12:
        assert len(read_by(desk, "--deep")) > len(calls)


def test_a_table_for_people_names_each_exposed_method(desk: Desk) -> None:
    made = crowd(desk)
    code, out, _ = look_at(desk)
    assert code == 1
    lines = out.splitlines()
    assert any(line.startswith(f"example ({made['api']})") and "/pets" in line for line in lines)
    assert any(line.startswith("high  2 usage plans are named gold") for line in lines)
    assert any(line.startswith("enforce") for line in lines)
    assert "\x1b" not in out


def test_a_page_is_written_on_request(desk: Desk, tmp_path: Path) -> None:
    crowd(desk)
    file = tmp_path / "look.html"
    code, out, err = look_at(desk, "--html", str(file))
    assert (code, err) == (1, f"wrote {file}\n")
    assert str(file) not in out
    page = file.read_text()
    assert "/pets" in page
    assert "usage plans are named gold" in page
    (enforce,) = [line for line in out.splitlines() if line.startswith("enforce ")]
    assert enforce.rpartition("  ")[2] in page
    # Nothing of a stack that is not there, and no link to data that nobody wrote.
    assert 'href="report.json"' not in page
    assert [title for title in ("Customers", "Done this week", "Keys") if title in page] == ["Keys"]
    tiles = page.partition('class="tiles"')[2].partition("</ul>")[0]
    assert "<b>3</b>enabled keys in plans<span>of 5 keys</span>" in tiles
    assert not re.search("customer|quota|being mended", tiles)
    before = len(desk.bench.calls)
    assert look_at(desk, "--html", str(tmp_path / "no" / "look.html"))[0] == 2
    assert len(desk.bench.calls) == before


def test_an_api_that_its_owner_switched_off_is_named(desk: Desk) -> None:
    api = desk.bench.api({"/pets": {"get": None}}, "off")
    code, out, _ = look_at(desk)
    assert (code, "0 live methods ask for no key" in out) == (0, True)
    assert f"not looked at, as its owner tagged it keyward=off: example ({api})" in out


def test_an_account_in_order_ends_with_0(desk: Desk) -> None:
    code, out, _ = look_at(desk)
    assert (code, "0 live methods ask for no key" in out) == (0, True)
    assert "AUTHORIZATION" not in out


def test_a_missing_right_is_one_sentence_that_says_what_helps(desk: Desk) -> None:
    desk.bench.fault("apigateway", "GetRestApis", 1, "AccessDeniedException")
    code, out, err = look_at(desk)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "keyward look --iam prints the rights that it needs" in err


def test_a_list_that_cannot_be_read_is_a_finding_and_ends_no_look(desk: Desk) -> None:
    crowd(desk)
    for operation in ("GetApiKeys", "GetUsage", "GetResources"):
        desk.bench.fault("apigateway", operation, 1, "AccessDeniedException")
    code, out, _ = look_at(desk, "--json")
    unread = [one["says"] for one in json.loads(out)["findings"] if one["kind"] == "unreadable"]
    assert (code, len(unread)) == (1, 3)


def test_the_last_report_is_printed_and_saved(desk: Desk, tmp_path: Path) -> None:
    assert desk.run("report")[:2] == (0, "no report was written yet: the next night writes one\n")
    api = desk.bench.api({"/pets": {"get": None}}, "observe")
    desk.bench.invoke("WriteReport")
    file = tmp_path / "report.html"
    code, out, err = desk.run("report", "--html", str(file))
    assert err == f"wrote {file}\n"
    assert (code, "1 open method, 1 thing waits for a person" in out) == (1, True)
    assert f"`keyward start --api {api}`" in out
    assert "/pets" in file.read_text()
    assert json.loads(desk.run("report", "--json")[1])["waiting"][0]["rest_api_id"] == api


@pytest.mark.parametrize("command", ["report", "look"])
def test_a_page_that_cannot_be_written_is_one_sentence(desk: Desk, command: str) -> None:
    desk.bench.invoke("WriteReport")
    code, _, err = desk.run(command, "--html", "/proc/report.html")
    assert (code, err.count("\n")) == (2, 1)
    assert "--html: /proc/report.html cannot be written" in err
