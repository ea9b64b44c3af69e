"""What a run notes of an API before it acts, so that nothing that happens goes unannounced."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from keyward import api_events
from keyward.api import ApiKnown, Hold
from keyward.api_plan import ApiPlan, Exposure
from keyward.registry import Registry

JSON = dict[str, Any]
# What is noted of a stage until it is protected.
NOTED = ("deploying", "exposure", "hold", "planned")
UNVERIFIED = "unverified: what the stage serves could not be read; it stays as it was deployed"


@dataclass(frozen=True)
class Notes:
    """Notes of one run (`execution_arn`) on one API; `now` in epoch seconds. What is done now has
    reached every host `propagation_seconds` later."""

    registry: Registry
    rest_api_id: str
    execution_arn: str
    now: float
    propagation_seconds: float = 0

    def plan(self, planned: ApiPlan, known: ApiKnown, stages: Iterable[str]) -> bool:
        """Note what mode enforce is going to do for the stages. True when something is to be
        announced already: holds that are news, outcomes of a run that died."""
        for attachment in planned.first_seen:
            self.registry.apis.attached(self.rest_api_id, attachment)
        news = [held for held in planned.held if held.news]
        for held in news:
            self._announce_hold(held.stage, held.fingerprint, held.differences)
        for stage in stages:
            self._note_actions(stage, planned.actions_of(stage), known)
        settled = [self._settle(*stage, known) for stage in sorted(planned.settled.items())]
        return bool(news) or any(settled)

    def exposures(self, found: Sequence[Exposure], known: ApiKnown, stages: Iterable[str]) -> bool:
        """Note what mode observe found. True when something is news; what is exposed no longer is
        forgotten, so that it would be news again."""
        news = [item for item in found if known.exposures.get(item.stage) != item.fingerprint]
        for item in news:
            event = api_events.exposed(
                self.rest_api_id, item.stage, item.actions, self.execution_arn
            )
            self.registry.apis.expose(
                self.rest_api_id, item.stage, item.fingerprint, event, self.now
            )
        closed = {*known.exposures} & {*stages} - {item.stage for item in found}
        self._forget(*(f"exposure#{stage}" for stage in sorted(closed)))
        return bool(news)

    def gone(self, known: ApiKnown, stages: Iterable[str]) -> None:
        """Forget what was noted of stages that the API has no longer."""
        there = {*stages}
        noted = {hold.stage for hold in known.holds} | {*known.planned} | {*known.exposures}
        for stage in sorted(noted - there):
            self._forget(*(f"{kind}#{stage}" for kind in NOTED))
        self._forget(
            *(f"attachment#{a.stage}#{a.plan}" for a in known.attachments if a.stage not in there)
        )

    def protected(self, stage: str, actions: Sequence[JSON]) -> None:
        """A stage is protected: have it announced, and forget what led to it."""
        effective_at = self.now + self.propagation_seconds
        event = api_events.protected(
            self.rest_api_id, stage, actions, effective_at, self.execution_arn
        )
        self.registry.apis.announce(self.rest_api_id, stage, event, self.now)
        self._forget(*(f"{kind}#{stage}" for kind in NOTED))

    def failed(self, stage: str, reason: str) -> None:
        """Have it announced that a stage is not protected; the actions are planned anew."""
        event = api_events.failed(self.rest_api_id, stage, reason, self.execution_arn)
        self.registry.apis.announce(self.rest_api_id, stage, event, self.now)
        self._forget(f"planned#{stage}")

    def unverified(self, stage: str) -> None:
        """What the stage serves could not be read: that is no proof, so it stays, and the actions
        stay noted for the run that can read it."""
        event = api_events.failed(self.rest_api_id, stage, UNVERIFIED, self.execution_arn)
        self.registry.apis.announce(self.rest_api_id, stage, event, self.now)

    def _announce_hold(self, stage: str, fingerprint: str, differences: Any) -> None:
        event = api_events.held(
            self.rest_api_id, stage, fingerprint, differences, self.execution_arn
        )
        self.registry.apis.hold(self.rest_api_id, Hold(stage, fingerprint), event, self.now)

    def _note_actions(self, stage: str, actions: Sequence[JSON], known: ApiKnown) -> None:
        before = known.planned.get(stage, ())
        added = [action for action in actions if action not in before]
        if added:
            self.registry.apis.plan_actions(self.rest_api_id, stage, [*before, *added])

    def _settle(self, stage: str, deployment_id: str, known: ApiKnown) -> bool:
        """A stage needs nothing. Actions that are still noted are those of a run that died or was
        overtaken. True when they are to be announced."""
        done = self._done(stage, deployment_id, known.planned.get(stage, ()))
        if done:
            self.protected(stage, done)
            return True
        if known.hold(stage) or stage in known.planned or stage in known.exposures:
            self._forget(*(f"{kind}#{stage}" for kind in NOTED))
        return False

    def _done(self, stage: str, deployment_id: str, planned: Sequence[JSON]) -> Sequence[JSON]:
        """What of the planned actions was done by us: all when the stage serves a deployment of
        ours; all but the last when we came to deploying; else the rest was somebody else's."""
        apis = self.registry.apis
        if not planned or apis.deployment(self.rest_api_id, deployment_id):
            return planned
        certain = {"attach_stage"}
        if apis.deploying(self.rest_api_id, stage):
            certain.add("require_key")
        return [action for action in planned if action["action"] in certain]

    def _forget(self, *records: str) -> None:
        self.registry.apis.forget(self.rest_api_id, records)
