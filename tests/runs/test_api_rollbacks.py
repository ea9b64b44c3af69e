"""Which stages go back to another deployment: those that persons want back, and those that
Keyward took from a deployment of their team's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from keyward.apis.model import (
    KEYS,
    ROLLBACK,
    ApiRecords,
    ApiSnapshot,
    Deployment,
    Hold,
    StageSnapshot,
)
from keyward.apis.progress import ROLL_BACK
from keyward.errors import WrongAnswerError
from keyward.events.caller import CallerIdentity
from keyward.runs.apis.journal import ApiJournal
from keyward.runs.apis.request import ApiRequest
from keyward.runs.apis.rollbacks import (
    MOST_SECONDS,
    overtaken_stages,
    requested_rollbacks,
    rollback_of,
)
from keyward.values import JSON, iso
from tests.support import MACHINE, Bench, workbench


@dataclass
class Lab:
    """One API of people's, with what is remembered of it."""

    bench: Bench
    api: str

    def stage(self, name: str = "prod") -> str:
        made = self.bench.client.create_deployment(restApiId=self.api, stageName=name)
        return str(made["id"])

    def ours(self, deployment_id: str, stage: str = "prod", former: str = "before") -> None:
        made = Deployment(deployment_id, stage, former, ())
        self.bench.registry.apis.save_deployment(self.api, made, self.bench.clock.now())

    @property
    def records(self) -> ApiRecords:
        return self.bench.registry.apis.load_records(self.api)

    def want(self, *stages: str) -> None:
        for stage in stages:
            self.bench.registry.apis.request_rollback(self.api, stage, self.bench.clock.now())

    def requested(self, stage: str | None = None, rollback: bool = True) -> list[JSON]:
        context = self.bench.context()
        request = ApiRequest(self.api, stage, False, None, None, rollback, MACHINE, None)
        journal = ApiJournal(context, self.api, MACHINE, context.now)
        return requested_rollbacks(context, request, self.records, journal)

    def of(self, stage: str = "prod") -> list[JSON]:
        return rollback_of(self.bench.context(), self.api, stage, self.records)

    def refusal(self, stage: str = "prod") -> str:
        with pytest.raises(WrongAnswerError) as refused:
            self.of(stage)
        assert refused.value.field == "stage"
        return str(refused.value)


@pytest.fixture
def lab() -> Iterator[Lab]:
    with workbench() as bench:
        api = str(bench.client.create_rest_api(name="shop")["id"])
        root = bench.client.get_resources(restApiId=api)["items"][0]["id"]
        place = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
        bench.client.put_method(**place, authorizationType="NONE")
        bench.client.put_integration(**place, type="MOCK")
        yield Lab(bench, api)


def item(deployment_id: str, stage: str = "prod", **more: Any) -> JSON:
    return {
        "stage": stage,
        "deployment_id": deployment_id,
        "step": ROLL_BACK,
        "probe": {},
        "round": 1,
        "mismatch": [],
        **(more or {"rollback": True}),
    }


def test_a_stage_with_a_deployment_of_ours_goes_back(lab: Lab) -> None:
    live = lab.stage()
    lab.ours(live)
    assert lab.of() == [item(live)]


def test_a_stage_that_is_not_there_is_refused(lab: Lab) -> None:
    lab.stage()
    assert lab.refusal("test") == "stage: there is no stage test. Name one"


@pytest.mark.parametrize("owner", [None, "test"])
def test_a_stage_without_a_deployment_of_ours_is_refused(lab: Lab, owner: str | None) -> None:
    live = lab.stage()
    if owner:
        lab.ours(live, owner)
    assert lab.refusal() == (
        f"stage: prod serves {live}, which is not a deployment of Keyward's for it. "
        "Point it elsewhere yourself: Keyward takes back only what it did"
    )


def test_a_rollback_that_was_begun_and_done_is_still_told(lab: Lab) -> None:
    former = lab.stage()
    lab.ours("ours-1", former=former)
    lab.bench.registry.apis.begin_rollback(lab.api, "prod", "ours-1")
    assert lab.of() == [item("ours-1")]


def test_a_rollback_that_was_begun_and_not_done_is_done(lab: Lab) -> None:
    live = lab.stage()
    lab.ours(live)
    lab.bench.registry.apis.begin_rollback(lab.api, "prod", live)
    assert lab.of() == [item(live)]


@pytest.mark.parametrize(
    ("kind", "is_live", "is_done"),
    [(ROLLBACK, True, True), (ROLLBACK, False, False), (KEYS, True, False)],
)
def test_a_stage_that_is_held_where_it_went_back_is_done(
    lab: Lab, kind: str, is_live: bool, is_done: bool
) -> None:
    live = lab.stage()
    lab.ours(live)
    hold = Hold("prod", "mark", kind=kind, deployment_id=live if is_live else "other")
    event: JSON = {"detail_type": "ApiHeld", "detail": {}}
    lab.bench.registry.apis.hold(lab.api, hold, event, lab.bench.clock.now())
    assert lab.of() == ([] if is_done else [item(live)])


def test_what_is_wanted_is_found_and_stays_noted(lab: Lab) -> None:
    prod, test = lab.stage(), lab.stage("test")
    lab.ours(prod)
    lab.ours(test, "test")
    lab.want("prod", "test")
    assert lab.requested("prod") == [item(prod), item(test, "test")]
    assert {*lab.records.rollbacks} == {"prod", "test"}
    assert lab.records.outbox == {}


def test_what_nobody_wants_is_not_looked_at(lab: Lab) -> None:
    lab.ours(lab.stage())
    before = len(lab.bench.operations())
    assert lab.requested("prod") == []
    assert len(lab.bench.operations()) == before


def test_what_is_done_is_forgotten(lab: Lab) -> None:
    prod, test, dev = lab.stage(), lab.stage("test"), lab.stage("dev")
    lab.ours(test, "test")
    lab.want("prod", "test", "dev")
    for stage, live in (("prod", prod), ("dev", dev)):
        hold = Hold(stage, "mark", kind=ROLLBACK, deployment_id=live)
        event: JSON = {"detail_type": "ApiHeld", "detail": {}}
        lab.bench.registry.apis.hold(lab.api, hold, event, lab.bench.clock.now())
    assert lab.requested() == [item(test, "test")]
    assert {*lab.records.rollbacks} == {"test"}


def failures(lab: Lab) -> dict[str, str]:
    told = lab.records.outbox.values()
    return {
        event["detail"]["stage"]: event["detail"]["reason"]
        for event in told
        if event["detail_type"] == "ApiFailed"
    }


def test_what_this_run_was_asked_for_and_cannot_do_is_refused_once_the_rest_is_told(
    lab: Lab,
) -> None:
    lab.stage()
    lab.bench.registry.apis.plan_actions(lab.api, "test", [{"action": "deploy_api"}])
    lab.want("dev", "prod", "test")
    with pytest.raises(WrongAnswerError, match="prod serves"):
        lab.requested("prod")
    words = "stage: there is no stage {}. Name one"
    assert failures(lab) == {name: words.format(name) for name in ("dev", "test")}
    assert (lab.records.rollbacks, lab.records.planned) == ({}, {})


@pytest.mark.parametrize(("stage", "rollback"), [("prod", False), (None, True), ("test", True)])
def test_what_an_earlier_run_was_asked_for_stops_nothing(
    lab: Lab, stage: str | None, rollback: bool
) -> None:
    live = lab.stage("dev")
    lab.ours(live, "dev")
    lab.want("dev", "prod")
    assert lab.requested(stage, rollback) == [item(live, "dev")]
    assert failures(lab) == {"prod": "stage: there is no stage prod. Name one"}
    assert {*lab.records.rollbacks} == {"dev"}


# The rest is of a team that deployed while Keyward pointed the stage to its own deployment.


def moved(lab: Lab, deployment_id: str | None, seconds: float, stage: str = "prod") -> None:
    at = iso(lab.bench.clock.now() + seconds)
    caller = CallerIdentity(stage, at=at)
    lab.bench.registry.storms.moved(lab.api, caller, deployment_id)


def overtaken(lab: Lab, *stages: StageSnapshot) -> list[JSON]:
    snapshot = ApiSnapshot(lab.api, "shop", stages or (StageSnapshot("prod", "ours-1"),))
    return overtaken_stages(lab.bench.context(), snapshot, lab.records)


@pytest.mark.parametrize("seconds", [0, 20, MOST_SECONDS])
def test_a_team_gets_its_deployment_back(lab: Lab, seconds: float) -> None:
    lab.ours("ours-1")
    moved(lab, "theirs", seconds)
    assert overtaken(lab) == [item("ours-1", to="theirs")]


@pytest.mark.parametrize("seconds", [-1, MOST_SECONDS + 1])
def test_a_move_before_the_look_or_long_after_it_overtook_nobody(lab: Lab, seconds: float) -> None:
    lab.ours("ours-1")
    moved(lab, "theirs", seconds)
    assert overtaken(lab) == []


@pytest.mark.parametrize("to", [None, "ours-1", "before"])
def test_a_move_to_nowhere_new_overtook_nobody(lab: Lab, to: str | None) -> None:
    lab.ours("ours-1")
    moved(lab, to, 20)
    assert overtaken(lab) == []


def test_a_stage_that_nobody_moved_or_that_serves_no_deployment_of_ours_stays(lab: Lab) -> None:
    lab.ours("ours-1")
    assert overtaken(lab) == []
    moved(lab, "theirs", 20)
    assert overtaken(lab, StageSnapshot("prod", "theirs-2")) == []
    assert overtaken(lab, StageSnapshot("test", "ours-1")) == []
    moved(lab, "theirs", 20, "test")
    assert overtaken(lab, StageSnapshot("test", "ours-1")) == []


def test_each_stage_is_judged_by_itself(lab: Lab) -> None:
    lab.ours("ours-1")
    lab.ours("ours-2", "test")
    moved(lab, "theirs", 20, "test")
    stages = (StageSnapshot("prod", "ours-1"), StageSnapshot("test", "ours-2"))
    assert overtaken(lab, *stages) == [item("ours-2", "test", to="theirs")]
    assert overtaken(lab, *reversed(stages)) == [item("ours-2", "test", to="theirs")]
