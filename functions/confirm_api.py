"""Confirm API: what was done becomes announcements, and those go out."""

from __future__ import annotations

from typing import Any

from keyward.aws.bus import BATCH
from keyward.aws.tables import Lease, Registry
from keyward.events import contracts
from keyward.runs import run, runtime
from keyward.runs.api_journal import UNVERIFIED, ApiJournal
from keyward.runs.ledger import api_lines

JSON = dict[str, Any]
DEPLOYS = "deploy_api"


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{rest_api_id, lease, execution_arn, outcomes, asked?}`; output
    `{events, records}`."""
    return confirm(
        event,
        runtime.registry(),
        runtime.setting("EVENT_BUS"),
        runtime.policy().propagation_seconds,
        runtime.now(),
    )


def confirm(
    task: JSON, registry: Registry, bus_name: str, propagation_seconds: float, now: float
) -> JSON:
    """`{events: [PutEvents entries], records: [names in the outbox]}`, at most as many as one
    call of PutEvents takes.

    `outcomes` are the outputs of verify_stage and roll_back_stage, one a deployed stage, and
    `{stage, verified: null, why?}` for one that could not be read or probed. A stage that was only
    attached is done when the run gets here. What is announced is in the ledger first, once. Raises
    LeaseLostError.
    """
    registry.leases.renew(Lease.of(task), now)
    rest_api_id = contracts.rest_api_id_of(task)
    notes = ApiJournal(registry, rest_api_id, str(task["execution_arn"]), now, propagation_seconds)
    outcomes = {outcome["stage"]: outcome for outcome in task.get("outcomes") or []}
    for stage, actions in registry.apis.known(rest_api_id).planned.items():
        deploys = any(action["action"] == DEPLOYS for action in actions)
        if stage in outcomes:
            _conclude(notes, outcomes[stage], actions)
        elif not deploys:
            notes.protected(stage, actions)
    known = registry.apis.known(rest_api_id)
    waiting = sorted(known.outbox.items())[:BATCH]
    deployed = _deployed(registry, rest_api_id, outcomes)
    for name, announced in waiting:
        told = (announced, known.saved[name], run.requester_of(task), deployed)
        registry.ledger.append(api_lines(rest_api_id, *told))
    return {
        "events": [contracts.entry(announced, bus_name) for _, announced in waiting],
        "records": [name for name, _ in waiting],
    }


def _conclude(notes: ApiJournal, outcome: JSON, actions: tuple[JSON, ...]) -> None:
    if outcome["verified"]:
        notes.protected(outcome["stage"], actions)
    elif outcome["verified"] is None:
        notes.unverified(outcome["stage"], outcome.get("why") or UNVERIFIED)


def _deployed(
    registry: Registry, rest_api_id: str, outcomes: dict[str, JSON]
) -> dict[str, tuple[str, str]]:
    """By stage the deployment that it served and the one that it serves."""
    found = {}
    for stage, outcome in outcomes.items():
        ours = registry.apis.deployment(rest_api_id, str(outcome.get("deployment_id")))
        if ours:
            found[stage] = (ours.former_deployment_id, ours.deployment_id)
    return found
