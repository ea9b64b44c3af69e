"""Read one API, plan what protects it, and note what is going to be done and announced."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from keyward.apis.head import Head
from keyward.apis.model import (
    APPROVED,
    DEPLOYMENT,
    OBSERVE,
    OFF,
    ROLLBACK,
    WARN,
    ApiRecords,
    ApiSnapshot,
)
from keyward.apis.observed import exposures, plan_attachments
from keyward.apis.plan import ApiPlan, plan_api
from keyward.apis.progress import EXPOSED, HELD, ROLL_BACK, SWITCHED_OFF, UNCHANGED
from keyward.apis.rule import KeyRule
from keyward.aws.tables.outbox import record_name
from keyward.errors import StageMovedError
from keyward.policy.model import Policy
from keyward.runs.apis.journal import ApiJournal
from keyward.runs.apis.read import (
    Deployments,
    first_part,
    read_head,
    read_stages,
    read_working_copy,
    unproven_stages,
)
from keyward.runs.apis.request import ApiRequest, not_held
from keyward.runs.apis.rollbacks import overtaken_stages, requested_rollbacks, rollback_of
from keyward.runs.context import Context
from keyward.runs.owners import owned_plans
from keyward.values import JSON

REPORTED = ("ApiExposed", "ApiWarned")


@dataclass
class Protection:
    """The protection of one API in one run."""

    context: Context
    policy: Policy
    request: ApiRequest
    default_mode: str
    now: float

    def dry_run(self) -> list[JSON]:
        """The actions of mode enforce, whatever the mode; none in mode off. Writes nothing."""
        rest_api_id, stage = self.request.rest_api_id, self.request.stage
        records = self.context.registry.apis.load_records(rest_api_id)
        if self.request.rollback and stage:
            found = rollback_of(self.context, rest_api_id, stage, records)
            return [
                {"action": ROLL_BACK} | {name: item[name] for name in ("stage", "deployment_id")}
                for item in found
            ]
        head = read_head(self.context.gateway, rest_api_id, self.default_mode)
        if head.mode == OFF:
            return []
        read = self._read(head)
        part, planned = self._planned(head, records, read)
        later = [stage.name for stage in read.stages if stage not in part.stages]
        return [*planned.actions(), *({"action": "plan_later", "stage": name} for name in later)]

    def steps(self) -> JSON:
        """What the run does, as members of its progress. Rollbacks that persons want, and stages
        that an earlier run did not verify, come alone: all else is planned after them."""
        head = read_head(self.context.gateway, self.request.rest_api_id, self.default_mode)
        records = self.context.registry.apis.load_records(head.rest_api_id)
        journal = ApiJournal(self.context, head.rest_api_id, self.request.execution_arn, self.now)
        back = requested_rollbacks(self.context, self.request, records, journal)
        if back:
            return {"verify": tuple(back)}
        was_warned = head.mode == WARN
        head = head.dated(records.enforce_on, self.now, self.policy.warn_days)
        journal.warning(was_warned, records, head.enforce_on)
        if head.mode == OFF:
            journal.end_holds(records)
            return {"stages": self._switched_off()}
        if head.mode in (OBSERVE, WARN):
            return self._observed(head, records, journal)
        return self._enforced(head, records, journal)

    def _observed(self, head: Head, records: ApiRecords, journal: ApiJournal) -> JSON:
        """What is exposed is announced, with a report of who would get a 403; stages join the plans
        that name the API literally."""
        snapshot = self._read(head)
        stages = [stage.name for stage in snapshot.stages]
        planned = plan_attachments(snapshot, records, self._rule(head), self.request.approve)
        self._check_approval(records, planned)
        journal.attachments(planned, records, snapshot)
        found = exposures(snapshot, self._rule(head))
        journal.end_holds(records, (DEPLOYMENT, ROLLBACK))
        news = {*journal.exposures(found, records, stages, head.enforce_on)}
        # An event that waits without its report is of a run that ended before it had one.
        news |= {
            stage
            for stage in stages
            for kind in REPORTED
            if (event := records.outbox.get(record_name(kind, stage)))
            and "report" not in event["detail"]
        }
        logs = [
            {"stage": stage.name, "log_arn": stage.log_arn, "log_format": stage.log_format}
            for stage in snapshot.stages
            if stage.name in news
        ]
        attach = tuple(item.as_json() for item in planned.attach)
        are_exposed = {item.stage for item in found}
        became = [
            {"stage": name, "outcome": EXPOSED if name in are_exposed else UNCHANGED}
            for name in stages
        ]
        became += _held(planned)
        more = {"api_name": head.name, "stages": became}
        return {"exposed": tuple(logs), "attach": attach} | more

    def _switched_off(self) -> list[JSON]:
        """The stages that the run was for, named in its output."""
        names = [stage.name for stage in self.context.gateway.stages(self.request.rest_api_id)]
        return [
            {"stage": name, "outcome": SWITCHED_OFF}
            for name in names
            if self.request.stage in (None, name)
        ]

    def _enforced(self, head: Head, records: ApiRecords, journal: ApiJournal) -> JSON:
        snapshot = self._read(head)
        unproven = overtaken_stages(self.context, snapshot, records) or unproven_stages(
            self.context.registry, snapshot, records, self._rule(head)
        )
        if unproven:
            return {"verify": tuple(unproven), "unproven": True, "api_name": head.name}
        part, planned = self._planned(head, records, snapshot)
        self._check_approval(records, planned)
        if any(held.before is None for held in planned.held):
            self._check_unmoved(snapshot)
        journal.plan(planned, records, part)
        names = [stage.name for stage in snapshot.stages]
        if self.request.stage is None:
            journal.gone(records, names)
        held = {hold.stage for hold in records.holds if hold.decision != APPROVED}
        left = {*names} - {stage.name for stage in part.stages} - held
        became = [{"stage": stage.name, "outcome": UNCHANGED} for stage in part.stages]
        became += _held(planned)
        more = {"api_name": head.name, "has_more": bool(left), "stages": became}
        return planned.steps() | more

    def _planned(
        self, head: Head, records: ApiRecords, snapshot: ApiSnapshot
    ) -> tuple[ApiSnapshot, ApiPlan]:
        """What is done for the API, and for which part of it."""
        rule = self._rule(head)
        part, required = first_part(snapshot, records, rule), records.required
        if any(rule.exposed(stage) or rule.waived(stage, required) for stage in part.stages):
            part = read_working_copy(self.context.gateway, head, part, rule, required)
        return part, plan_api(part, records, rule, self.request.approve)

    def _check_approval(self, records: ApiRecords, planned: ApiPlan) -> None:
        """Raise WrongAnswerError for an approval of what is neither held nor planned."""
        mark, apis = self.request.approve, self.context.registry.apis
        if mark is None or mark in records.answers.values():
            return
        stage = next((item.stage for item in planned.deploy if item.fingerprint == mark), None)
        if stage is None:
            raise not_held("approve", mark)
        apis.note_answer(self.request.rest_api_id, stage, mark)

    def _check_unmoved(self, snapshot: ApiSnapshot) -> None:
        """Raise StageMovedError when somebody moved a stage since it was read: a deployment of its
        team would be announced as unfinished work."""
        serving = {stage.name: stage.deployment_id for stage in snapshot.stages}
        for stage in self.context.gateway.stages(snapshot.rest_api_id):
            if serving.get(stage.name, stage.deployment_id) != stage.deployment_id:
                raise StageMovedError(f"stage {stage.name} was moved while the API was read")

    def _read(self, head: Head) -> ApiSnapshot:
        """What the stages serve. A dry run writes nothing, what was read included."""
        context, only, deployments = self.context, self.request.stage, None
        if not self.request.dry_run:
            apis, rest_api_id = context.registry.apis, head.rest_api_id
            deployments = Deployments(context.gateway, apis, rest_api_id, self.now)
        plans = partial(owned_plans, context)
        return read_stages(
            context.gateway, head, self.policy, only, plans, context.stack, deployments
        )

    def _rule(self, head: Head) -> KeyRule:
        return KeyRule(self.policy, head.rest_api_id, head.name, self.now)


def _held(planned: ApiPlan) -> list[JSON]:
    return [
        {"stage": item.stage, "outcome": HELD, "fingerprint": item.fingerprint}
        for item in planned.held
    ]
