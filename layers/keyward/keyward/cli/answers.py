"""`keyward holds`, `approve`, `reject`: what waits for a person, and the person's word."""

from __future__ import annotations

from collections.abc import Callable

import click

from keyward.apis.model import PENDING
from keyward.cli.holds import as_json, hold_lines, oldest_first, removal_lines
from keyward.cli.options import FINE, FOUND, Call, of_stack
from keyward.cli.policy_lines import held_json, held_lines, pending
from keyward.cli.requests import send_event
from keyward.cli.stack import Stack
from keyward.events.incoming import EVENTS_IN
from keyward.values import JSON, iso

WHAT = "[API STAGE] FINGERPRINT | removals"
REMOVALS = "removals"
DECISIONS = {"approve": "Approved", "reject": "Rejected"}


@click.command()
@of_stack
def holds(call: Call) -> int:
    """List what waits for a person, and the commands that answer.

    The exit code is 1 when something waits.
    """
    there, stack = call.stack(), call.stack_name
    found = oldest_first(there.apis().all_holds())
    policy = pending(there.registry.policies.load().hold)
    removed = _removed(there)
    data = [as_json(hold) for hold in found] + [held_json(policy)] * bool(policy)
    data += [{"removal": name, "held_at": iso(at)} for name, at in removed.items()]
    lines = [*hold_lines(found), *held_lines(policy, stack), *removal_lines(removed, stack)]
    call.show(data, lines or ["Nothing is held"])
    waits = policy or removed or any(hold["decision"] == PENDING for hold in found)
    return FOUND if waits else FINE


@click.command()
@click.argument("what", nargs=-1, required=True, metavar=WHAT)
@of_stack
def approve(call: Call, /, what: tuple[str, ...]) -> int:
    """Let happen what is held.

    That is a stage, with a FINGERPRINT alone changes of the policy, or with the word `removals` the
    removals of customers' records, whose keys are suspended then. Exactly what the FINGERPRINT
    names is approved, and nothing that came later. The exit code is 1 when that is not held.
    """
    return _answer(call, "approve", what)


@click.command()
@click.argument("what", nargs=-1, required=True, metavar=WHAT)
@of_stack
def reject(call: Call, /, what: tuple[str, ...]) -> int:
    """Keep as it is what is held.

    That is a stage, or with a FINGERPRINT alone the policy. With the word `removals` the records of
    customers are put back, those too that were removed in the hour before. The exit code is 1 when
    that is not held.
    """
    return _answer(call, "reject", what)


def _removed(stack: Stack) -> dict[str, int]:
    """The customers whose removed record is held, and since when (epoch seconds)."""
    customers, held = stack.registry.customers, stack.registry.removals.held()
    return {name: at for name, at in held.items() if customers.desired(name) is None}


def _answer(call: Call, word: str, what: tuple[str, ...]) -> int:
    if what == (REMOVALS,):
        detail_type, none = REMOVALS.capitalize() + DECISIONS[word], "no removal is held"
        return _sent(call, detail_type, {}, lambda stack: bool(_removed(stack)), none)
    if len(what) not in (1, 3):
        raise click.UsageError("Give an API, its stage and a fingerprint, or a fingerprint alone.")
    detail: JSON = dict(
        zip(("rest_api_id", "stage", "fingerprint")[-len(what) :], what, strict=True)
    )
    subject = "Deployment" if len(what) > 1 else "Policy"
    detail_type = subject + DECISIONS[word]
    detail = EVENTS_IN[detail_type].read(detail)
    none = f"nothing is held so: {' '.join(what)}"
    return _sent(call, detail_type, detail, lambda stack: _is_held(stack, detail), none)


def _sent(
    call: Call, detail_type: str, detail: JSON, is_held: Callable[[Stack], bool], none: str
) -> int:
    stack = call.stack()
    if not is_held(stack):
        call.show({"sent": None}, [none])
        return FOUND
    return send_event(call, stack, detail_type, detail)


def _is_held(stack: Stack, detail: JSON) -> bool:
    if "rest_api_id" not in detail:
        hold = stack.registry.policies.load().hold
        return hold is not None and hold.fingerprint == detail["fingerprint"]
    found = stack.apis().all_holds()
    return any(all(hold[name] == value for name, value in detail.items()) for hold in found)
