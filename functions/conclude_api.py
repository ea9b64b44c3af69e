"""Conclude API: announce what was done, forget what was announced, give the lease back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from keyward.apis.model import KEYS
from keyward.apis.progress import (
    CONCLUDE,
    DEPLOY,
    EXPOSED,
    FAILED,
    HELD,
    PLAN,
    PROTECTED,
    ROLLED_BACK,
    UNCHANGED,
    UNVERIFIED,
    Progress,
    outcomes_after,
)
from keyward.aws.tables import Registry
from keyward.aws.tables.leases import Lease
from keyward.events.requester import requester_of, with_cause
from keyward.runs import outbox, runtime
from keyward.runs.apis.journal import UNREADABLE, ApiJournal
from keyward.runs.context import Context
from keyward.runs.ledger import api_lines
from keyward.values import JSON, frozen

# Announcing ends well before its function's time-out; the rest is for the next call.
MAX_SECONDS = 30


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input and output: a run's progress (apis/progress.py); see `conclude`."""
    return Concluder(runtime.context()).conclude(Progress.of(event)).as_json()


@frozen
class Concluder:
    """Concludes one run."""

    context: Context

    def conclude(self, progress: Progress) -> Progress:
        """End the run. It starts over when somebody asked for the API meanwhile, when `verify` came
        from another run, or when stages are left; it repeats this step when there is more to
        announce than time.

        A stage that was only attached is done when the run gets here. An event is forgotten after
        it was announced, so it is announced at least once. Raises LeaseLostError.
        """
        lease = Lease.of({"lease": progress.lease})
        self.context.registry.leases.renew(lease, self.context.now)
        progress = replace(progress, stages=self._note_outcomes(progress))
        if not self._announce(progress, lease):
            return progress.again(CONCLUDE)
        failure = _failure(progress)
        if (progress.unproven or progress.has_more) and not failure:
            return progress.again(PLAN)
        if not self.context.registry.leases.release(lease):
            return progress.again(PLAN)
        gone = {"gone": True} if progress.gone else {}
        return progress.ended(stages=list(progress.stages), **gone, **failure)

    def _note_outcomes(self, progress: Progress) -> tuple[JSON, ...]:
        """Record how each stage ended, and put the announcements into the outbox."""
        apis, rest_api_id = self.context.registry.apis, progress.rest_api_id
        journal = ApiJournal(self.context, rest_api_id, progress.execution_arn, self.context.now)
        outcomes = {outcome["stage"]: outcome for outcome in progress.outcomes}
        records, attached = apis.load_records(rest_api_id), []
        for stage, actions in records.planned.items():
            if stage in outcomes:
                _note_outcome(journal, outcomes[stage], actions)
            elif not any(action["action"] == DEPLOY for action in actions):
                journal.attached(stage, actions, records)
                word = EXPOSED if stage in records.exposures else PROTECTED
                attached.append({"stage": stage, "outcome": word})
        # Attach stage holds one whose keys are in two plans.
        held = [
            {"stage": hold.stage, "outcome": HELD, "fingerprint": hold.fingerprint}
            for hold in records.holds
            if hold.kind == KEYS and {"stage": hold.stage, "outcome": UNCHANGED} in progress.stages
        ]
        became = [{"stage": stage, "outcome": _word(one)} for stage, one in outcomes.items()]
        return outcomes_after(progress.stages, [*attached, *held, *became])

    def _announce(self, progress: Progress, lease: Lease) -> bool:
        """Whether the outbox is empty. What is announced is in the ledger first, once."""
        apis, began, rest_api_id = (
            self.context.registry.apis,
            self.context.now,
            progress.rest_api_id,
        )
        records = apis.load_records(rest_api_id)
        deployed = _deployed(self.context.registry, rest_api_id, progress.outcomes)
        requester = requester_of({"asked": progress.asked})
        for name, event in sorted(records.outbox.items()):
            if self.context.now - began > MAX_SECONDS:
                return False
            self.context.registry.leases.renew(lease, self.context.now)
            event = with_cause(event, requester)
            lines = api_lines(rest_api_id, event, records.saved[name], requester, deployed)
            self.context.registry.ledger.append(lines)
            outbox.announce(self.context, apis.outbox, rest_api_id, {name: event})
        return True


def _note_outcome(journal: ApiJournal, outcome: JSON, actions: tuple[JSON, ...]) -> None:
    if outcome["verified"]:
        journal.protected(outcome["stage"], actions, outcome.get("why"))
    elif outcome["verified"] is None:
        journal.unverified(outcome["stage"], outcome.get("why") or UNREADABLE)


def _word(outcome: JSON) -> str:
    if outcome.get("rolled_back"):
        return ROLLED_BACK
    if outcome["verified"] is None:
        return UNVERIFIED
    return PROTECTED if outcome["verified"] else FAILED


def _deployed(
    registry: Registry, rest_api_id: str, outcomes: tuple[JSON, ...]
) -> Mapping[str, tuple[str, str]]:
    """By stage the deployment that it served and the one that it serves."""
    found = {}
    for outcome in outcomes:
        ours = registry.apis.deployment(rest_api_id, str(outcome["deployment_id"]))
        if ours:
            found[outcome["stage"]] = (ours.former_deployment_id, ours.deployment_id)
    return found


def _failure(progress: Progress) -> JSON:
    """`not_protected`, why the execution fails so that its alarm rings; ApiFailed told it."""
    wrong = [
        outcome["stage"]
        for outcome in progress.outcomes
        if not outcome["verified"] and not outcome.get("requested")
    ]
    if wrong:
        return {"not_protected": f"not as planned, or not to be read: stage {', '.join(wrong)}"}
    return {}
