"""One customer, one run; one API, one run: how a run begins, and how it ends when it failed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from keyward.aws.tables.leases import FAILED
from keyward.errors import InvalidInputError
from keyward.events.fields import redacted, shown
from keyward.events.key_value import without_values
from keyward.values import JSON

if TYPE_CHECKING:
    from keyward.aws.bus import Bus
    from keyward.aws.tables.leases import Lease, Leases

# Besides what a person states: the machine adds the one, the Step Functions console the other.
MACHINE_FIELDS = ("execution_arn", "Comment", "asked", "begun", "tries", "stages")


def only_fields(task: object, fields: tuple[str, ...]) -> None:
    """Refuse what a console run cannot state: a misspelt `dry_run` would make it a real one.
    `fields` are those that a person may state. Raises InvalidInputError."""
    if not isinstance(task, dict):
        remedy = f"Write an object, {{}} or with {', '.join(fields)}"
        raise InvalidInputError("input", f"must be a JSON object, got {redacted(task)}", remedy)
    for name in task:
        if name not in (*fields, *MACHINE_FIELDS):
            raise InvalidInputError(
                shown(str(name)), "is not a field of this input", f"Use {', '.join(fields)}"
            )


def begin(leases: Leases, bus: Bus, name: str, owner: str, now: float) -> Lease | None:
    """The lease for the run `owner` (an execution ARN). None when another run has it: that one was
    told to start over when it ends, so nothing is lost by giving up here.

    A holder that was stopped, and so will never end, is taken over when its last function can run
    no more. Raises TryUnderwayError until then.
    """
    lease = leases.acquire(name, owner, now)
    holder = None if lease else leases.holder(name)
    if holder is None or bus.is_running(holder.owner):
        return lease
    return leases.take_over(name, holder.owner, owner, now)


def fail_run(leases: Leases, name: str, owner: str, end: str = FAILED) -> bool:
    """Give back what the run `owner`, which failed or is postponed (`end`), holds. True when
    somebody left word meanwhile: the lease is kept, and the run has to start over."""
    holder = leases.holder(name)
    if holder is None or holder.owner != owner:
        return False
    return not leases.release(holder, end)


def error_of(error: JSON) -> tuple[str, str]:
    """The class and the message, without a trace, of a state machine's error `{Error, Cause}`."""
    name, cause = str(error.get("Error", "Error")), str(error.get("Cause", ""))
    try:
        failure = json.loads(cause)
        message = failure["errorMessage"]
    except (ValueError, TypeError, KeyError):
        message = cause
    # A mistake of ours may quote what somebody sent.
    return name, str(without_values(str(message)))[:1000]
