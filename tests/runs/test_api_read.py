"""How an API is read: its stages, the plans that hold them, and what its working copy adds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from keyward.apis.kept_plans import BY_PEOPLE, FOREIGN
from keyward.apis.model import (
    APPROVED,
    PENDING,
    REJECTED,
    ApiRecords,
    ApiSnapshot,
    DeployedMethod,
    Hold,
    Membership,
    StageSnapshot,
)
from keyward.aws.gateway import GatewayPlan
from keyward.errors import ApiNotFoundError, DuplicatePlanError, InvalidInputError, NotFoundError
from keyward.policy.model import Policy
from keyward.runs.apis.read import (
    MAX_EXPOSED_STAGES,
    Deployments,
    first_part,
    read_head,
    read_stages,
)
from tests.runs.read_lab import GET, KEYED, PETS, ReadLab, policy
from tests.support import OURS, STACK, Bench

OPTIONS = DeployedMethod("/pets", "OPTIONS", "NONE", False)


@pytest.fixture
def lab(bench: Bench) -> ReadLab:
    return ReadLab(bench)


def stages_of(
    lab: ReadLab,
    api: str,
    only: str | None = None,
    *plans: GatewayPlan,
    wanted: Policy | None = None,
    deployments: Deployments | None = None,
) -> ApiSnapshot:
    known = wanted or policy()
    head, found = lab.head(api), [*plans]
    return read_stages(lab.bench.gateway, head, known, only, lambda: found, STACK, deployments)


def test_the_head_says_the_mode_or_the_default(lab: ReadLab) -> None:
    tagged, plain = lab.api(mode="enforce"), lab.api()
    found = [read_head(lab.bench.gateway, api, "warn") for api in (tagged, plain)]
    assert [(head.rest_api_id, head.mode) for head in found] == [
        (tagged, "enforce"),
        (plain, "warn"),
    ]
    with pytest.raises(ApiNotFoundError):
        read_head(lab.bench.gateway, "a1b2c3d4e5", "warn")


def test_stages_are_read_with_what_they_serve(lab: ReadLab) -> None:
    api = lab.api(PETS, "prod", "test")
    lab.edit(api, KEYED)
    lab.deploy(api, "test")
    snapshot = stages_of(lab, api)
    assert (snapshot.rest_api_id, snapshot.name) == (api, "shop")
    assert {stage.name: stage.methods for stage in snapshot.stages} == {
        "prod": (GET, OPTIONS),
        "test": (replace(GET, key_required=True), OPTIONS),
    }


def test_a_deployment_of_two_stages_is_read_once(lab: ReadLab) -> None:
    api = lab.api()
    lab.bench.client.create_stage(restApiId=api, stageName="test", deploymentId=lab.live(api))
    before = len(lab.bench.operations())
    snapshot = stages_of(lab, api)
    assert [stage.methods for stage in snapshot.stages] == [(GET, OPTIONS), (GET, OPTIONS)]
    assert lab.calls(before) == ["GetRestApi", "GetStages", "GetDeployment"]


def test_one_stage_may_be_read_alone(lab: ReadLab) -> None:
    api = lab.api(PETS, "prod", "test")
    assert [stage.name for stage in stages_of(lab, api, "test").stages] == ["test"]
    with pytest.raises(InvalidInputError) as refused:
        stages_of(lab, api, "dev")
    assert str(refused.value) == "stage: the API has no stage dev. It has: prod, test"
    assert refused.value.field == "stage"
    for stage in ("prod", "test"):
        lab.bench.client.delete_stage(restApiId=api, stageName=stage)
    with pytest.raises(InvalidInputError, match=r"It has: none$"):
        stages_of(lab, api, "dev")


def plan(name: str, stages: tuple[tuple[str, str], ...] = (), **tags: str) -> GatewayPlan:
    number = f"{name}-{'-'.join(tags.values())}"
    return GatewayPlan(number, name, None, None, {ref: {} for ref in stages}, tags)


def test_of_an_api_without_stages_no_plan_is_looked_at(lab: ReadLab) -> None:
    api = lab.api()
    lab.bench.client.delete_stage(restApiId=api, stageName="prod")
    snapshot = stages_of(lab, api, None, plan("free", **OURS))
    assert (snapshot.stages, snapshot.plans, snapshot.others) == ((), (), ())


def test_plans_of_the_policy_hold_stages_and_those_of_others_too(lab: ReadLab) -> None:
    api = lab.api()
    here, elsewhere = (api, "prod"), ("a1b2c3d4e5", "test")
    found = stages_of(
        lab,
        api,
        None,
        plan("free", (here, elsewhere), **OURS),
        plan("pro", (here,)),
        plan("theirs", (here,)),
        plan("ours", (here,), **OURS),
        plan("far", (elsewhere,)),
    )
    prod = frozenset({"prod"})
    by_people = Membership("pro", "pro-", prod, BY_PEOPLE)
    assert found.plans == (Membership("free", "free-keyward", prod), by_people)
    assert found.others == (by_people, Membership("theirs", "theirs-", prod))


def test_a_plan_of_another_stack_keeps_what_it_has(lab: ReadLab) -> None:
    api = lab.api()
    found = stages_of(lab, api, None, plan("free", (), keyward="other"))
    assert found.plans == (
        Membership("free", "free-other", frozenset(), FOREIGN.format(stack="other")),
    )
    assert found.others == ()


@pytest.mark.parametrize("adopt", [True, False])
def test_a_plan_that_the_policy_adopts_is_nobody_elses(lab: ReadLab, adopt: bool) -> None:
    api, wanted = lab.api(), policy(usage_plans={"free": {"adopt": adopt}})
    found = stages_of(lab, api, None, plan("free", ((api, "prod"),)), wanted=wanted)
    kept = None if adopt else BY_PEOPLE
    member = Membership("free", "free-", frozenset({"prod"}), kept)
    assert found.plans == (member,)
    assert found.others == (() if adopt else (member,))


def test_of_two_plans_of_a_name_this_stacks_counts(lab: ReadLab) -> None:
    api = lab.api()
    found = stages_of(lab, api, None, plan("free"), plan("free", **OURS))
    assert [member.plan_id for member in found.plans] == ["free-keyward"]
    with pytest.raises(DuplicatePlanError):
        stages_of(lab, api, None, plan("free"), plan("free", keyward="other"))


def deployments(lab: ReadLab, api: str) -> Deployments:
    return Deployments(lab.bench.gateway, lab.bench.registry.apis, api, lab.bench.clock.now())


def test_what_a_deployment_serves_is_read_once_an_hour(lab: ReadLab) -> None:
    api = lab.api()
    live = lab.live(api)
    before = len(lab.bench.operations())
    for seconds, reads in ((0, 1), (0, 1), (3599, 1), (1, 2), (0, 2)):
        lab.bench.clock.advance(seconds)
        assert deployments(lab, api).serve(live) == (GET, OPTIONS)
        assert lab.calls(before) == ["GetDeployment"] * reads
    assert lab.bench.registry.apis.served.load(api, live, lab.bench.clock.now()) == (GET, OPTIONS)
    with pytest.raises(NotFoundError):
        deployments(lab, api).serve("nothing")


def test_a_deployment_that_serves_nothing_yet_is_read_again(lab: ReadLab) -> None:
    apis = lab.bench.registry.apis

    class Early:
        def deployed(self, rest_api_id: str, deployment_id: str) -> tuple[DeployedMethod, ...]:
            return ()

    early: Any = Early()
    assert Deployments(early, apis, "api", 0).serve("d1") == ()
    assert apis.served.load("api", "d1", 0) is None


def test_stages_are_read_by_what_is_known_of_deployments(lab: ReadLab) -> None:
    api = lab.api()
    lab.bench.registry.apis.served.save(api, lab.live(api), [GET], lab.bench.clock.now())
    snapshot = stages_of(lab, api, deployments=deployments(lab, api))
    assert [stage.methods for stage in snapshot.stages] == [(GET,)]


def test_a_part_has_the_exposed_stages_that_wait_for_nobody_first(lab: ReadLab) -> None:
    closed = replace(GET, key_required=True)
    stages = [StageSnapshot(f"s{number:02}", "d", methods=(GET,)) for number in range(44)]
    shut = StageSnapshot("shut", "d", methods=(closed,))
    told = {"s01": (PENDING, 5), "s02": (REJECTED, 9), "s03": (PENDING, 7), "s04": (APPROVED, 99)}
    told |= {"s05": (PENDING, 1), "shut": (PENDING, 200)}
    holds = tuple(Hold(name, "mark", how, told_at=at) for name, (how, at) in told.items())
    snapshot = ApiSnapshot("api", "shop", (shut, *stages))
    part = first_part(snapshot, ApiRecords(holds=holds), lab.rule("api"))
    left_out = {"s01", "s02", "s03", "s05"}
    assert [stage.name for stage in part.stages] == [
        stage.name for stage in snapshot.stages if stage.name not in left_out
    ]
    assert len(part.stages) == MAX_EXPOSED_STAGES + 1
    whole = first_part(snapshot, ApiRecords(holds=holds[1:]), lab.rule("api"))
    assert {stage.name for stage in (*stages, shut)} - {s.name for s in whole.stages} == {
        "s02",
        "s03",
        "s05",
        "s43",
    }
