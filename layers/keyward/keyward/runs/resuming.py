"""Starts the run that somebody asked for while another run held the lease and died.

A run that was stopped, timed out, or failed beside its failure path starts over nothing by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from keyward.errors import InvalidEventError, InvalidInputError
from keyward.events import contracts
from keyward.events.requester import RESUMED
from keyward.runs.console import customer_in
from keyward.runs.context import Context
from keyward.values import JSON, frozen, parse_json, run_name


@frozen
class Subject:
    """What the runs of a machine are about: the field of their input, and the lease's prefix."""

    field: str
    prefix: str
    parse_id: Callable[[object], str]


CUSTOMER = Subject("customer_id", "customer", customer_in)
API = Subject("rest_api_id", "api", contracts.rest_api_id_of)
# There is one policy, so no field names it.
POLICY = Subject("", "policy", lambda task: "in-force")


@frozen
class Resumer:
    """Resumes runs. `machines`: the subject of each by the machine's ARN."""

    run: Context
    machines: Mapping[str, Subject]

    def take(self, event: JSON, event_id: str) -> None:
        """Start over a run that ended, if its lease or its turn holds a request for a rerun.

        A person who stops a run means it: it starts over only for somebody else's sake. The new run
        takes the lease over from the dead one. Raises InvalidInputError.
        """
        detail = event.get("detail")
        ended: JSON = detail if isinstance(detail, dict) else {}
        machine, execution = _arn(ended, "stateMachineArn"), _arn(ended, "executionArn")
        subject = self.machines.get(machine)
        if subject is None:
            raise InvalidEventError(
                "detail.stateMachineArn",
                "must be one of Keyward's state machines",
                "Look at the rule RunEventsRule",
            )
        # A text of JSON, null when longer than 248 KB (Step Functions developer guide, cw-events).
        task = parse_json(ended.get("input"))
        if ended.get("status") == "FAILED" and task is not None and not _names(subject, task):
            return  # It failed because of that, before it held anything.
        name = subject.parse_id(task)
        leases, holder = self.run.registry.leases, f"{subject.prefix}#{name}"
        is_joined = self.run.turns.is_joined(holder, execution)
        if is_joined or leases.rerun_requested(holder, execution):
            about = {subject.field: name} if subject.field else {}
            again = about | {"asked": {"by": RESUMED}}
            self.run.bus.start(machine, run_name(name, event_id), again)


def _names(subject: Subject, task: object) -> bool:
    try:
        subject.parse_id(task)
    except InvalidInputError:
        return False
    return True


def _arn(ended: JSON, name: str) -> str:
    value = ended.get(name)
    if not isinstance(value, str) or not value.startswith("arn:"):
        raise InvalidEventError(
            f"detail.{name}",
            "must be an ARN",
            "Send the event Step Functions Execution Status Change as it came",
        )
    return value
