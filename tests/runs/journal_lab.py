"""A journal of one API on a bench: what is remembered before and after a note."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keyward.apis import words
from keyward.apis.model import (
    ApiRecords,
    ApiSnapshot,
    Deploying,
    Deployment,
    Hold,
    StageSnapshot,
)
from keyward.apis.plan import ApiPlan
from keyward.runs.apis.journal import ApiJournal
from keyward.values import JSON
from tests.support import MACHINE, STACK, Bench

API, NOW = "a1b2c3d4e5", 1_795_000_000.0
ATTACH: JSON = {"action": "attach_stage", "plan": "free", "stage": "prod"}
REQUIRE: JSON = {"action": "require_key", "method": "GET", "path": "/pets"}
DEPLOY: JSON = {"action": "deploy_api", "stage": "prod", "fingerprint": "mark"}


@dataclass
class JournalLab:
    """Keyward's notes on one API."""

    bench: Bench

    @property
    def journal(self) -> ApiJournal:
        return ApiJournal(self.bench.context(), API, MACHINE, NOW)

    @property
    def records(self) -> ApiRecords:
        return self.bench.registry.apis.load_records(API)

    @property
    def outbox(self) -> dict[str, JSON]:
        found = self.records
        assert {*found.saved.values()} <= {int(NOW)}
        return dict(found.outbox)

    def noted(self) -> set[str]:
        """The names of all records."""
        items = self.bench.tables["ApisTable"].scan()["Items"]
        return {item["record"] for item in items if item["rest_api_id"] == API}

    def note(self, *records: str) -> None:
        """Records that name their stage alone."""
        table = self.bench.tables["ApisTable"]
        for record in records:
            stage = record.partition("#")[2]
            table.put_item(Item={"rest_api_id": API, "record": record, "stage": stage})

    def planned(self, stage: str = "prod", *actions: JSON) -> None:
        self.bench.registry.apis.plan_actions(API, stage, list(actions))

    def deploying(self, stage: str) -> None:
        """A CreateDeployment that a run began."""
        begun = Deploying(stage, "nonce", "mark", int(NOW), MACHINE)
        self.bench.registry.apis.save_deploying(API, begun)

    def exposed(self, stage: str, mark: str = "mark") -> None:
        self.bench.registry.apis.expose(API, stage, mark, event("ApiExposed"), NOW)
        self.told()

    def held(self, stage: str = "prod", mark: str = "mark", at: float = NOW, **more: Any) -> Hold:
        hold = Hold(stage, mark, **more)
        self.bench.registry.apis.hold(API, hold, event("ApiHeld"), at)
        found = self.records.hold(stage)
        assert found
        return found

    def told(self) -> None:
        """What waited was announced."""
        self.bench.registry.apis.outbox.forget(API, [*self.records.outbox])

    def ours(self, deployment_id: str, stage: str = "prod") -> None:
        made = Deployment(deployment_id, stage, "before", ())
        self.bench.registry.apis.save_deployment(API, made, NOW)

    def plan(self, planned: ApiPlan, *stages: StageSnapshot, **more: Any) -> bool:
        return self.journal.plan(planned, self.records, snapshot(*stages, **more))

    def attachments(self, planned: ApiPlan, *stages: StageSnapshot) -> None:
        self.journal.attachments(planned, self.records, snapshot(*stages))

    def acted(
        self, kind: str, actions: Sequence[JSON], why: str | None = None, stage: str = "prod"
    ) -> JSON:
        """The event of what was done, as it is to wait."""
        seconds = self.bench.context().policy.propagation_seconds
        assert seconds
        place = (API, stage)
        return words.acted(kind, place, [*actions], NOW + seconds, MACHINE, why)


def event(kind: str) -> JSON:
    return {"detail_type": kind, "detail": {}}


def snapshot(*stages: StageSnapshot, **more: Any) -> ApiSnapshot:
    return ApiSnapshot(API, "shop", stages or (StageSnapshot("prod", "live"),), **more)


def failed(stage: str, why: str) -> JSON:
    return words.failed(API, stage, why, STACK, MACHINE)
