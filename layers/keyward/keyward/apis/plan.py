"""Plan what protects an API, from what was read and what is remembered.

Pure: no I/O, no clock. The order of the actions is the order in which they are safe. Stages are
attached to their plans before keys are required, so that no customer with a good key gets a 403.
Keys are required before anything is deployed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from keyward.apis.actions import Attach, Deploy, Held, Require
from keyward.apis.attachments import attach_actions, first_seen, lacking
from keyward.apis.compare import fingerprint
from keyward.apis.kept_plans import kept_actions
from keyward.apis.model import (
    APPROVED,
    DEPLOYMENT,
    ROLLBACK,
    ApiRecords,
    ApiSnapshot,
    Attachment,
    DeployedMethod,
    Difference,
    Hold,
    StageSnapshot,
    WorkingMethod,
)
from keyward.apis.rule import KeyRule
from keyward.events.size import batches
from keyward.values import JSON, frozen, in_flight_seconds

MAX_REQUIRE_BYTES = 100_000
ANY_NOTE = "closes OPTIONS too: add an OPTIONS method for CORS preflights"


@frozen
class ApiPlan:
    """What is to be done.

    `effective_at` (epoch seconds, 0 for now) is when the attachments of the stages to be closed
    have reached every host. `first_seen` are attachments of unknown age. `waive` are requirements
    of Keyward's to take back, as an exemption made them needless. `settled` are stages that need
    nothing, with the deployments that they serve. `kept` are actions that leave a plan as it is.
    """

    attach: tuple[Attach, ...] = ()
    require: tuple[Require, ...] = ()
    waive: tuple[Require, ...] = ()
    deploy: tuple[Deploy, ...] = ()
    held: tuple[Held, ...] = ()
    effective_at: float = 0
    first_seen: tuple[Attachment, ...] = ()
    settled: Mapping[str, str] = field(default_factory=dict)
    kept: tuple[JSON, ...] = ()

    def actions(self) -> list[JSON]:
        """Everything, in order: the output of a dry run."""
        return [
            *attach_actions(self.attach),
            *self.kept,
            *(item.as_action() for item in (*self.require, *self.waive)),
            *(item.as_action() for item in self.deploy),
            *(item.as_action() for item in self.held),
        ]

    def actions_of(self, stage: str) -> list[JSON]:
        """What is done for one stage, in order."""
        deployed = [item.as_action() for item in self.deploy if item.stage == stage]
        changed = (*self.require, *self.waive) if deployed else ()
        required = [item.as_action() for item in changed]
        kept = [action for action in self.kept if action["stage"] == stage]
        return [*attach_actions(self.attach, stage), *kept, *required, *deployed]

    def steps(self) -> JSON:
        """What the run does, as members of its progress. A state holds 256 KiB: of more methods the
        first are closed, and the rest is planned after them (`is_partial`)."""
        methods = [item.as_json() for item in (*self.require, *self.waive)]
        first = next(batches(methods, MAX_REQUIRE_BYTES, len(methods)), [])
        return {
            "attach": tuple(item.as_json() for item in self.attach),
            "effective_at": self.effective_at,
            "require": tuple(first),
            "is_partial": len(first) < len(methods),
            "deploy": tuple(item.as_json() for item in self.deploy),
        }


def plan_api(
    snapshot: ApiSnapshot,
    records: ApiRecords,
    rule: KeyRule,
    approve: str | None = None,
) -> ApiPlan:
    """Plan what mode enforce does; after that the plan is empty. `snapshot.working` has to be read
    when a stage is exposed. `approve` is a fingerprint that a person approved."""
    exposed = [stage for stage in snapshot.stages if rule.exposed(stage)]
    held, deploy = _judge(exposed, snapshot, records, rule, approve)
    at_rest = {item.stage for item in held}
    attach = lacking(
        snapshot, rule, [stage for stage in snapshot.stages if stage.name not in at_rest]
    )
    unknown_age = first_seen(snapshot, records, rule)
    busy = {item.stage for item in deploy} | {name for item in attach for name in item.stages}
    return ApiPlan(
        attach=attach,
        require=methods_to_close(snapshot.working or (), rule) if deploy else (),
        waive=tuple(
            Require(method.path, method.verb, method.resource_id, is_waived=True)
            for method in snapshot.waived
        ),
        deploy=tuple(deploy),
        held=tuple(held),
        effective_at=_effective_at(deploy, records.attachments + unknown_age, rule),
        first_seen=unknown_age,
        kept=tuple(kept_actions(snapshot, rule, [s for s in exposed if s.name not in at_rest])),
        settled={
            stage.name: stage.deployment_id
            for stage in snapshot.stages
            if stage.name not in busy | at_rest
        },
    )


def _judge(
    exposed: Iterable[StageSnapshot],
    snapshot: ApiSnapshot,
    records: ApiRecords,
    rule: KeyRule,
    approve: str | None,
) -> tuple[list[Held], list[Deploy]]:
    """Say which exposed stages are held, and which get a deployment."""
    held, deploy = [], []
    for stage in exposed:
        mark = fingerprint(stage, snapshot.working or (), rule)
        reasons = _reasons(stage, snapshot, records, mark, approve)
        if reasons:
            held.append(_held(stage, mark, reasons, records))
        else:
            deploy.append(Deploy(stage.name, stage.deployment_id, mark))
    return held, deploy


def _reasons(
    stage: StageSnapshot, snapshot: ApiSnapshot, records: ApiRecords, mark: str, approve: str | None
) -> tuple[Difference, ...]:
    """Why the stage is held. A canary in flight cannot be approved away: its share of the traffic
    would stay as it is."""
    if stage.canary:
        share = f"{stage.canary.percent:g} % of the traffic"
        words = f"a canary ({stage.canary.deployment_id}) gets {share}: promote or remove it"
        return (Difference(words), *snapshot.differences.get(stage.name, ()))
    hold = records.hold(stage.name)
    approved = hold is not None and hold.decision == APPROVED and hold.fingerprint == mark
    if approved or approve == mark:
        return ()
    found = snapshot.differences.get(stage.name, ())
    return (rolled_back(stage.deployment_id), *found) if _is_back(stage, hold) else found


def rolled_back(deployment_id: str) -> Difference:
    """Say why a stage that serves its former deployment again is not closed at once."""
    return Difference(
        f"was rolled back to {deployment_id}: approve it, or deploy anew, to close it"
    )


def _is_back(stage: StageSnapshot, hold: Hold | None) -> bool:
    return hold is not None and (hold.kind, hold.deployment_id) == (ROLLBACK, stage.deployment_id)


def _held(
    stage: StageSnapshot, mark: str, reasons: tuple[Difference, ...], records: ApiRecords
) -> Held:
    hold = records.hold(stage.name)
    same = hold if hold is not None and hold.fingerprint == mark else None
    back = _is_back(stage, hold)
    return Held(
        stage.name,
        mark,
        reasons,
        same,
        approvable=stage.canary is None,
        kind=ROLLBACK if back else DEPLOYMENT,
        deployment_id=stage.deployment_id if back else None,
    )


def _effective_at(
    deploy: Iterable[Deploy], attachments: Iterable[Attachment], rule: KeyRule
) -> float:
    closing = {item.stage for item in deploy}
    moments = [
        attachment.attached_at
        + rule.policy.propagation_seconds
        # An unanswered call may take effect until its time-out is over.
        + (0 if attachment.confirmed else in_flight_seconds())
        for attachment in attachments
        if attachment.stage in closing and attachment.plan in rule.policy.usage_plans
    ]
    return max((moment for moment in moments if moment > rule.now), default=0)


def methods_to_close(
    methods: Sequence[DeployedMethod | WorkingMethod],
    rule: KeyRule,
    beside: Sequence[DeployedMethod] = (),
) -> tuple[Require, ...]:
    """List the methods that have to ask for a key, by path and verb. `beside` are methods that need
    no look, but may be a path's OPTIONS."""
    with_options = {method.path for method in (*methods, *beside) if method.verb == "OPTIONS"}
    return tuple(
        Require(
            path=method.path,
            verb=method.verb,
            resource_id=method.resource_id if isinstance(method, WorkingMethod) else "",
            note=ANY_NOTE if method.verb == "ANY" and method.path not in with_options else None,
        )
        for method in sorted(methods, key=lambda method: method.place)
        if not method.key_required and rule.requires(method)
    )
