"""`keyward holds`, `approve`, `reject`: what waits for a person, and the person's word."""

from __future__ import annotations

import click

from keyward.apis.model import PENDING
from keyward.cli.holds import as_json, hold_lines, oldest_first
from keyward.cli.options import FINE, FOUND, of_stack, show
from keyward.cli.policy_lines import held_json, held_lines, pending
from keyward.cli.stack import Stack, StackClient
from keyward.events.incoming import EVENTS_IN
from keyward.values import JSON

WHAT = "[API STAGE] FINGERPRINT"
DECISIONS = {"approve": "Approved", "reject": "Rejected"}


@click.command()
@of_stack
def holds(stack: str, region: str | None, as_data: bool) -> int:
    """List what waits for a person, and the commands that answer.

    The exit code is 1 when something waits.
    """
    there = StackClient.here(region).stack(stack)
    found = oldest_first(there.apis().all_holds())
    policy = pending(there.registry.policies.load().hold)
    data = [as_json(hold) for hold in found] + [held_json(policy)] * bool(policy)
    show(as_data, data, [*hold_lines(found), *held_lines(policy, stack)])
    waits = policy or any(hold["decision"] == PENDING for hold in found)
    return FOUND if waits else FINE


@click.command()
@click.argument("what", nargs=-1, required=True, metavar=WHAT)
@of_stack
def approve(what: tuple[str, ...], stack: str, region: str | None, as_data: bool) -> int:
    """Let happen what is held: a stage, or with a fingerprint alone changes of the policy.

    Exactly what the FINGERPRINT names is approved, and nothing that came later. The exit code is 1
    when that is not held.
    """
    return _answer("approve", what, StackClient.here(region).stack(stack), as_data)


@click.command()
@click.argument("what", nargs=-1, required=True, metavar=WHAT)
@of_stack
def reject(what: tuple[str, ...], stack: str, region: str | None, as_data: bool) -> int:
    """Keep a stage, or with a fingerprint alone the policy, as it is.

    The exit code is 1 when that is not held.
    """
    return _answer("reject", what, StackClient.here(region).stack(stack), as_data)


def _answer(word: str, what: tuple[str, ...], stack: Stack, as_data: bool) -> int:
    if len(what) not in (1, 3):
        raise click.UsageError("Give an API, its stage and a fingerprint, or a fingerprint alone.")
    detail: JSON = dict(
        zip(("rest_api_id", "stage", "fingerprint")[-len(what) :], what, strict=True)
    )
    subject = "Deployment" if len(what) > 1 else "Policy"
    detail_type = subject + DECISIONS[word]
    detail = EVENTS_IN[detail_type].read(detail)
    if not _is_held(stack, detail):
        show(as_data, {"sent": None}, [f"nothing is held so: {' '.join(what)}"])
        return FOUND
    stack.send(detail_type, detail)
    show(as_data, {"sent": detail_type, "detail": detail}, [f"sent {detail_type}"])
    return FINE


def _is_held(stack: Stack, detail: JSON) -> bool:
    if "rest_api_id" not in detail:
        hold = stack.registry.policies.load().hold
        return hold is not None and hold.fingerprint == detail["fingerprint"]
    found = stack.apis().all_holds()
    return any(all(hold[name] == value for name, value in detail.items()) for hold in found)
