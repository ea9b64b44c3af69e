"""Keys that open nothing, and stages that no key opens: found, held, explained."""

from __future__ import annotations

import pytest

from keyward.aws.tables.plan_stages import PlanStages
from local.bench import Bench
from tests.machines.opens_lab import (
    OPEN,
    SHOP,
    announced,
    answers,
    findings,
    make_api,
    patch_stages,
    policy,
    sign_up,
)


@pytest.mark.parametrize(
    ("apis", "state", "mode", "cause", "helps"),
    [
        (
            ["*"],
            "closed",
            "observe",
            "no API that it covers is enforced",
            "Name an",
        ),
        (["nowhere"], "closed", "observe", "it names API nowhere, and there is none", "Correct"),
        (["shop"], "closed", "off", "it names API shop, which is in mode off", "Tag API shop"),
        (["shop"], "undeployed", "warn", "which has no stage that it covers", "Deploy API shop"),
    ],
)
def test_the_audit_finds_a_key_that_opens_nothing_with_its_true_cause(
    apis: list[str], state: str, mode: str, cause: str, helps: str
) -> None:
    with Bench(policy=policy({"free": apis})) as bench:
        make_api(bench, "shop", state, mode)
        make_api(bench, "closed", "closed", "observe")
        bench.run()
        assert sign_up(bench, "free")["opens"] == []
        [found] = findings(bench, "key_opens_nothing")
        assert (found["customer_id"], found["plan"]) == ("acme", "free")
        assert cause in found["says"]
        assert found["helps"].startswith(helps)
        assert found["remedy"] == "keyward policy show"
        assert found["severity"] == "high"


def test_a_stage_that_asks_for_keys_and_is_in_no_plan_is_found() -> None:
    with Bench(policy=policy({"free": ["*"]})) as bench:
        make_api(bench, "open", "open", "observe")
        closed = make_api(bench, "shop", "closed", "observe")
        bench.run()
        [found] = findings(bench, "stage_in_no_plan")
        assert (found["rest_api_id"], found["stage"], found["severity"]) == (closed, "prod", "high")
        place = {"apiId": closed, "stage": "prod"}
        bench.gateway.create_usage_plan(name="theirs", apiStages=[place])
        assert findings(bench, "stage_in_no_plan") == []


def test_nobody_is_told_of_keys_that_open_nothing_while_no_api_asks_for_one() -> None:
    with Bench() as bench:
        bench.api(OPEN, mode="observe")
        bench.run()
        sign_up(bench, "free")
        assert findings(bench, "key_opens_nothing") == []


def test_a_crowd_of_keys_that_open_nothing_is_counted_not_listed() -> None:
    with Bench(policy=policy({"free": ["*"]})) as bench:
        make_api(bench, "shop", "closed", "observe")
        for number in range(25):
            bench.send("CustomerSignedUp", customer_id=f"customer-{number}", plan="free")
        bench.advance(300)
        found = findings(bench, "key_opens_nothing")
        assert len(found) == 21
        assert found[-1]["says"].startswith("5 more keys open nothing")


def test_a_stage_in_a_plan_of_others_is_held_until_somebody_approves() -> None:
    with Bench(policy=policy(SHOP)) as bench:
        bench.gateway.create_usage_plan(name="partners")
        api_id = make_api(bench, "shop", "closed", "off")
        patch_stages(bench, "partners", "add", api_id)
        bench.gateway.tag_resource(
            resourceArn=f"arn:aws:apigateway:us-east-1::/restapis/{api_id}",
            tags={"keyward": "observe"},
        )
        bench.deploy(api_id, "prod")
        bench.run()
        [held] = announced(bench, "ApiHeld")
        assert "partners" in held["differences"][0]["difference"]
        assert announced(bench, "ApiProtected") == []
        assert sign_up(bench, "shop")["opens"] == []
        assert answers(bench, api_id, "acme") == {403}
        [found] = findings(bench, "held")
        assert found["severity"] == "high"
        bench.audit(repair=True)
        assert len(announced(bench, "ApiHeld")) == 1
        bench.advance(22 * 3600)
        bench.audit(repair=True)
        assert announced(bench, "ApiHeld")[-1]["reminder"]
        answer = {name: held[name] for name in ("rest_api_id", "stage", "fingerprint")}
        bench.send("DeploymentApproved", **answer)
        bench.run()
        assert announced(bench, "ApiProtected")[0]["stage"] == "prod"
        assert answers(bench, api_id, "acme") == {200}
        assert findings(bench, "held") == []


def test_a_hold_is_over_when_the_stage_left_the_plan_of_others() -> None:
    with Bench(policy=policy(SHOP)) as bench:
        bench.gateway.create_usage_plan(name="partners")
        api_id = make_api(bench, "shop", "closed", "off")
        patch_stages(bench, "partners", "add", api_id)
        arn = f"arn:aws:apigateway:us-east-1::/restapis/{api_id}"
        bench.gateway.tag_resource(resourceArn=arn, tags={"keyward": "observe"})
        bench.deploy(api_id, "prod")
        bench.run()
        patch_stages(bench, "partners", "remove", api_id)
        bench.audit(repair=True)
        bench.advance(60)
        assert findings(bench, "held") == []
        assert len(announced(bench, "ApiProtected")) == 1


def test_a_look_that_began_before_a_stage_joined_does_not_hide_it() -> None:
    with Bench(policy=policy(SHOP)) as bench:
        api_id = make_api(bench, "shop", "closed", "observe")
        bench.run()
        stages = PlanStages(bench.tables["PlansTable"])
        stages.save("shop", (), bench.clock.now() - 60)
        assert stages.of("shop") == [(api_id, "prod")]
