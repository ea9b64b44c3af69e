"""Note what a run does to an API before it acts, so that nothing that happens goes unannounced."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from keyward.apis import words as api_words
from keyward.apis.actions import Held
from keyward.apis.compare import digest
from keyward.apis.hold_words import HeldStage, with_editors
from keyward.apis.loops import reopened
from keyward.apis.model import (
    DEPLOYMENT,
    PLAN,
    ROLLBACK,
    ApiRecords,
    ApiSnapshot,
    Deployment,
    Hold,
    StageSnapshot,
)
from keyward.apis.observed import Exposure
from keyward.apis.plan import ApiPlan, rolled_back
from keyward.apis.progress import DEPLOY, ROLL_BACK
from keyward.aws.tables import Registry
from keyward.aws.tables.outbox import record_name
from keyward.events.caller import Editor
from keyward.runs.context import Context
from keyward.values import JSON, frozen

# What is noted of a stage until it is protected.
NOTED = ("deploying", "exposure", "hold", "planned")
ATTACH = "attach_stage"
UNREADABLE = "unverified: what the stage serves could not be read; it stays as it was deployed"


@frozen
class ApiJournal:
    """Notes of one run (`execution_arn`) on one API at `now` (epoch seconds)."""

    context: Context
    rest_api_id: str
    execution_arn: str
    now: float

    @property
    def registry(self) -> Registry:
        """The tables."""
        return self.context.registry

    @property
    def effective_at(self) -> float:
        """When what is done now has reached every host of API Gateway, in epoch seconds."""
        return self.now + self.context.policy.propagation_seconds

    def plan(self, planned: ApiPlan, records: ApiRecords, snapshot: ApiSnapshot) -> bool:
        """Note what mode enforce is going to do. True when something is to be announced already: a
        hold that is new or needs a reminder, or outcomes of a run that died."""
        news = self._begin(planned, records, snapshot)
        # What was required and is to be taken back stays noted until it is.
        at_rest = {} if planned.waive else planned.settled
        settled = [self._settle(*stage, records) for stage in sorted(at_rest.items())]
        return news or any(settled)

    def attachments(self, planned: ApiPlan, records: ApiRecords, snapshot: ApiSnapshot) -> None:
        """Note what modes observe and warn are going to do. Announce what a run that died has
        attached. End holds that nothing needs any more."""
        self._begin(planned, records, snapshot)
        held = {item.stage for item in planned.held}
        busy = held | {stage for item in planned.attach for stage in item.stages}
        for stage in sorted({stage.name for stage in snapshot.stages} - busy):
            done = records.planned.get(stage, ())
            if done and {action["action"] for action in done} == {ATTACH}:
                self.attached(stage, done, records)
        over = [h.stage for h in records.holds if h.kind == PLAN and h.stage not in held]
        self._forget(*(name for s in over for name in (f"hold#{s}", record_name("ApiHeld", s))))

    def _begin(self, planned: ApiPlan, records: ApiRecords, snapshot: ApiSnapshot) -> bool:
        """Note attachments that somebody else made, holds and actions. True for a hold that is new
        or needs a reminder."""
        for attachment in planned.first_seen:
            self.registry.plan_stages.add(
                attachment.plan, [(self.rest_api_id, attachment.stage)], self.now
            )
            self.registry.apis.attached(self.rest_api_id, attachment)
        news = [held for held in planned.held if self._is_news(held)]
        for held in news:
            self._announce_hold(self._whose(held, snapshot), records.editor)
        for stage in snapshot.stages:
            actions = planned.actions_of(stage.name)
            if actions:
                self._note_actions(stage, actions, records)
        return bool(news)

    def exposures(
        self,
        found: Sequence[Exposure],
        records: ApiRecords,
        stages: Iterable[str],
        enforce_on: str | None = None,
    ) -> list[str]:
        """Note what mode observe found, or mode warn with its day; returns the stages where that is
        new. What is no longer exposed is forgotten, so that it would be new again."""
        marks = {item.stage: _mark(item, enforce_on) for item in found}
        news = [item for item in found if records.exposures.get(item.stage) != marks[item.stage]]
        for item in news:
            event = api_words.exposed(
                self.rest_api_id, item.stage, item.actions, self.execution_arn, enforce_on
            )
            self.registry.apis.expose(
                self.rest_api_id, item.stage, marks[item.stage], event, self.now
            )
        closed = {*records.exposures} & {*stages} - {item.stage for item in found}
        self._forget(*(f"exposure#{stage}" for stage in sorted(closed)))
        return [item.stage for item in news]

    def warning(self, tagged: bool, records: ApiRecords, enforce_on: str | None) -> None:
        """Note the day of mode warn once; an API that is `tagged` otherwise has none."""
        if not tagged and records.enforce_on:
            self._forget("warning")
        elif tagged and enforce_on and enforce_on != records.enforce_on:
            self.registry.apis.warn(self.rest_api_id, enforce_on)

    def gone(self, records: ApiRecords, stages: Iterable[str]) -> None:
        """Forget what was noted of stages that the API has no longer."""
        there = {*stages}
        noted = {hold.stage for hold in records.holds} | {*records.planned} | {*records.exposures}
        for stage in sorted(noted - there):
            self._forget(*(f"{kind}#{stage}" for kind in NOTED))
        self._forget(
            *(f"attachment#{a.stage}#{a.plan}" for a in records.attachments if a.stage not in there)
        )

    def protected(self, stage: str, actions: Sequence[JSON], why: str | None = None) -> None:
        """Have it announced that a stage exposes nothing any more and is in its plans; forget what
        led to it. `why` says why its probe was left out."""
        self._acted("ApiProtected", stage, actions, why)
        if _deploys(actions):
            self._tell_open_source(stage)
        # A hold that nobody was told of yet is over.
        self._forget(record_name("ApiHeld", stage), *(f"{kind}#{stage}" for kind in NOTED))

    def attached(self, stage: str, actions: Sequence[JSON], records: ApiRecords) -> None:
        """Have it announced that a stage joined its plans, and nothing else was to be done.
        ApiProtected says that the stage exposes nothing; a stage that does has another event."""
        if stage not in records.exposures:
            self.protected(stage, actions)
            return
        self._acted("PolicyApplied", stage, actions, api_words.ATTACHED)
        self._forget(f"planned#{stage}", f"hold#{stage}")

    def _tell_open_source(self, stage: str) -> None:
        """Announce an open source when what was closed now had been closed twice before."""
        storms = self.registry.storms
        methods, closings = reopened(storms.closings(self.rest_api_id, stage, self.now))
        if methods:
            mover = storms.mover(self.rest_api_id, stage)
            about = (self.rest_api_id, stage, methods, closings, mover, self.execution_arn)
            event = api_words.source_open(*about)
            self.registry.apis.announce(self.rest_api_id, stage, event, self.now)

    def end_holds(self, records: ApiRecords, kinds: Collection[str] | None = None) -> None:
        """Forget the holds, all or of some kinds: in the API's mode there is nothing to decide."""
        over = [hold.stage for hold in records.holds if kinds is None or hold.kind in kinds]
        self._forget(*(f"hold#{stage}" for stage in over))
        self._forget(*(record_name("ApiHeld", stage) for stage in over))

    def failed(self, stage: str, reason: str) -> None:
        """Have it announced that a stage is not protected; its actions are planned anew."""
        self.unverified(stage, reason)
        self._forget(f"planned#{stage}")

    def rolled_back(self, stage: str, deployment_id: str, why: str) -> None:
        """Have it announced that a stage serves a deployment that is not Keyward's again."""
        action = {"action": ROLL_BACK, "stage": stage, "deployment_id": deployment_id}
        self._acted("ApiRolledBack", stage, [action], why)
        self._forget(f"rollback#{stage}", f"planned#{stage}")

    def hold_back(self, ours: Deployment) -> None:
        """Hold a stage that is rolled back until somebody approves, or deploys anew: otherwise it
        would be closed again at once."""
        former = ours.former_deployment_id
        held = Held(
            ours.stage,
            ours.fingerprint,
            (rolled_back(former),),
            kind=ROLLBACK,
            deployment_id=former,
        )
        self._announce_hold(held, None)

    def give_up(self, stage: str, is_held: bool) -> None:
        """Forget the rollback of a stage that cannot go back. Where it was to be held (`is_held`),
        that is not announced either."""
        self._forget(f"rollback#{stage}", f"mover#{stage}")
        if is_held:
            self._forget(f"hold#{stage}", record_name("ApiHeld", stage))

    def unverified(self, stage: str, why: str = UNREADABLE) -> None:
        """Have it announced that nobody could read what the stage serves. That is no proof, so the
        stage stays, and the actions stay noted for the run that can read it."""
        event = api_words.failed(
            self.rest_api_id, stage, why, self.context.stack, self.execution_arn
        )
        self.registry.apis.announce(self.rest_api_id, stage, event, self.now)

    def _is_news(self, held: Held) -> bool:
        return held.before is None or held.before.reminder_due(self.now)

    def _whose(self, held: Held, snapshot: ApiSnapshot) -> Held:
        if held.kind != DEPLOYMENT:
            return held
        edits = self.registry.edits.of(self.rest_api_id)
        return replace(
            held, differences=with_editors(held.differences, snapshot.working or (), edits)
        )

    def _announce_hold(self, held: Held, editor: Editor | None) -> None:
        waiting = HeldStage(
            rest_api_id=self.rest_api_id,
            stage=held.stage,
            fingerprint=held.fingerprint,
            differences=held.differences,
            since=held.before.held_at if held.before else self.now,
            kind=held.kind,
            approvable=held.approvable,
            reminder=held.before is not None,
            editor=editor,
        )
        self.hold(waiting, held.before, held.deployment_id)

    def hold(
        self, waiting: HeldStage, before: Hold | None, deployment_id: str | None = None
    ) -> None:
        """Hold a stage and have it announced, or remind of the hold `before`. `deployment_id` is
        the one that a stage serves which was rolled back."""
        event = api_words.held(waiting, self.context.stack, self.execution_arn)
        if before:
            self.registry.apis.remind(self.rest_api_id, before, event, self.now)
        else:
            hold = Hold(
                waiting.stage, waiting.fingerprint, kind=waiting.kind, deployment_id=deployment_id
            )
            self.registry.apis.hold(self.rest_api_id, hold, event, self.now)

    def _note_actions(
        self, stage: StageSnapshot, actions: Sequence[JSON], records: ApiRecords
    ) -> None:
        """Note actions beside those of a run that died. A deployment of its that nothing needs any
        more is not waited for: the others are announced without it."""
        before = records.planned.get(stage.name, ())
        left = before
        if _deploys(before) and not _deploys(actions):
            done = self._done(stage.name, stage.deployment_id, before)
            left = tuple(action for action in done if not _deploys([action]))
        noted = [*left, *(action for action in actions if action not in left)]
        if noted != [*before]:
            self.registry.apis.plan_actions(self.rest_api_id, stage.name, noted)

    def _settle(self, stage: str, deployment_id: str, records: ApiRecords) -> bool:
        """Conclude a stage that needs nothing. Actions still noted are those of a run that died or
        was overtaken. True when they are to be announced."""
        done = self._done(stage, deployment_id, records.planned.get(stage, ()))
        if done:
            self.protected(stage, done)
            return True
        noted = (records.planned, records.exposures)
        if records.hold(stage) or any(stage in kind for kind in noted):
            self._forget(*(f"{kind}#{stage}" for kind in NOTED))
        return False

    def _done(self, stage: str, deployment_id: str, planned: Sequence[JSON]) -> Sequence[JSON]:
        """Tell which of the planned actions Keyward did: all when the stage serves its deployment,
        all but the last when it came to deploying; somebody else did the rest."""
        apis = self.registry.apis
        if not planned or apis.deployment(self.rest_api_id, deployment_id):
            return planned
        certain = {ATTACH}
        if apis.deploying(self.rest_api_id, stage):
            certain.add("require_key")
        return [action for action in planned if action["action"] in certain]

    def _acted(
        self, detail_type: str, stage: str, actions: Sequence[JSON], reason: str | None
    ) -> None:
        place = (self.rest_api_id, stage)
        about = (detail_type, place, actions, self.effective_at, self.execution_arn, reason)
        self.registry.apis.announce(*place, api_words.acted(*about), self.now)

    def _forget(self, *records: str) -> None:
        self.registry.apis.forget(self.rest_api_id, records)


def _deploys(actions: Iterable[JSON]) -> bool:
    return any(action["action"] == DEPLOY for action in actions)


def _mark(item: Exposure, enforce_on: str | None) -> str:
    return digest([item.fingerprint, enforce_on]) if enforce_on else item.fingerprint
