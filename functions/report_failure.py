"""Report failure: the failure path of each machine. Postpones what passes, announces the rest."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from keyward import errors
from keyward.aws.tables.leases import FAILED, POSTPONED
from keyward.customers.model import manual_fields
from keyward.customers.plans import plans_of
from keyward.errors import (
    ApiNotFoundError,
    CustomerNotFoundError,
    InvalidEventError,
    InvalidInputError,
    InvalidRecordError,
    KeywardError,
    PassingError,
    RefusalError,
    StoppedError,
    ThrottledError,
    TryUnderwayError,
)
from keyward.events import contracts, remedy
from keyward.events.requester import CONSOLE, requester_of
from keyward.runs import ledger, outbox, run, runtime
from keyward.runs.console import customer_in
from keyward.runs.context import Context
from keyward.runs.due import note_refusal
from keyward.runs.policy.run import SUBJECT as POLICY
from keyward.values import JSON, frozen, iso

MAX_DELAY = 900
# A fault of ours can look like a death of Lambda: after so many in a row it is a failure. Other
# errors that pass are no part of that row, or an outage before it would make the first death fail.
MAX_DEATHS = 5
DEATH_SECONDS = 30
# What a person typed into a run of the console is wrong; a record is nothing that was typed there.
WRONG_INPUT = (InvalidInputError, CustomerNotFoundError, ApiNotFoundError)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id | rest_api_id | policy | pasted, stage?, error: {Error, Cause},
    execution_arn, asked?, dry_run?, begun?, entered}`; output: see `report`."""
    reported = report(event, runtime.context())
    names = ("customer_id", "rest_api_id", "execution_arn")
    facts = {name: event.get(name) for name in names} | {"reason": reported["reason"]}
    if reported["postponed"]:
        runtime.logger().warning("run postponed", extra=facts | {"due_at": reported["due_at"]})
    elif "refused" in reported:
        runtime.logger().info("run refused", extra=facts)
    else:
        runtime.logger().error("run failed", extra=facts)
    return reported


@frozen
class Subject:
    """What a run was for: `kind` begins the names of its lease and of its lines in the ledger."""

    kind: str
    name: str

    @property
    def lease(self) -> str:
        """The name of the lease."""
        return f"{self.kind}#{self.name}"


def report(task: JSON, context: Context) -> JSON:
    """Postpone or announce the failure: `{postponed, again, error, reason}`, with `due_at` (ISO
    8601) of a postponed run and `refused` `{error, reason, remedy}` of a run that did not fail.

    `refused`: what was asked for cannot be (RefusalError), or a dry run found a problem. A person
    who typed it gets that as the run's output, and nobody else is told.

    An error that passes is announced to nobody: the run is looked at again later, and later still
    each time in a row. Any other error is announced and gets a line in the ledger, once; a
    customer's run that nobody asked for and that fails so again is postponed. Either way the run
    gives its lease back, unless somebody left word (`again`): then it keeps the lease and starts
    over.
    """
    name, reason = run.error_of(task["error"])
    subject = _subject(task, context)
    output: JSON = {"error": name, "reason": reason}
    is_typed = _is_typed(task, name)
    if is_typed or issubclass(errors.class_named(name) or KeywardError, RefusalError):
        output["refused"] = _refused(subject, name, reason, context)
    if subject is None:
        return output | {"postponed": False, "again": False}
    leases, owner = context.registry.leases, str(task["execution_arn"])
    if is_typed:
        again = run.fail_run(leases, subject.lease, owner, FAILED)
        return output | {"postponed": False, "again": again}
    delay, end = _delay(task, subject, context), POSTPONED
    if delay is not None:
        due_at: float | None = context.now + delay
        _look_again(task, subject, context.now + delay, context)
    else:
        due_at, end = _fail(task, subject, (name, reason), context), FAILED
    output["again"] = run.fail_run(leases, subject.lease, owner, end)
    output["postponed"] = due_at is not None
    return output if due_at is None else output | {"due_at": iso(due_at)}


def _is_typed(task: JSON, error: str) -> bool:
    """Whether a person's input is wrong or a person's dry run found a problem: nothing happened."""
    kind = errors.class_named(error) or KeywardError
    is_wrong = issubclass(kind, WRONG_INPUT) and not issubclass(kind, InvalidRecordError)
    return requester_of(task)["by"] == CONSOLE and bool(is_wrong or task.get("dry_run"))


def _refused(subject: Subject | None, error: str, reason: str, context: Context) -> JSON:
    """What a run that was refused has as its output."""
    kind = errors.class_named(error) or KeywardError
    if issubclass(kind, InvalidEventError):
        # It was pasted: it came by no queue, and lies in no DLQ.
        helps = remedy.command("send", stack=context.stack, help=True)
    elif subject is None or kind is InvalidInputError:
        helps = remedy.command("start", stack=context.stack, help=True)
    else:
        helps = _remedy(subject, error, context)
    return {"error": error, "reason": reason, "remedy": helps}


def _remedy(subject: Subject, error: str, context: Context) -> str:
    """The command that helps. A customer of several plans keeps those that the policy names."""
    plans: tuple[str, ...] = remedy.UNKNOWN
    if error in remedy.OF_PLANS and subject.kind == "customer":
        record, known = context.registry.customers.desired(subject.name), context.policy.usage_plans
        with suppress(InvalidRecordError):
            plans = tuple(p if p in known else plans[0] for p in plans_of(record or {})) or plans
    return remedy.after_failure(error, subject.kind, subject.name, context.stack, plans)


def _fail(task: JSON, subject: Subject, failure: tuple[str, str], context: Context) -> float | None:
    """Announce what does not pass. When the customer is looked at again (epoch seconds) if that was
    announced before, else None."""
    if subject.kind == "customer":
        refusal = note_refusal(subject.name, task, failure[1], context)
        if refusal.is_told:
            return refusal.again_at
    _announce_failure(task, subject, *failure, context)
    return None


def _subject(task: JSON, context: Context) -> Subject | None:
    """None when the input names neither a customer nor an API, and it is not the policy's."""
    if task.get("policy"):
        return Subject(*POLICY.split("#"))
    for kind, parse in (
        ("customer", contracts.parse_customer_id),
        ("api", contracts.rest_api_id_of),
        ("customer", lambda task: customer_in(task.get("pasted"), context.policy)),
    ):
        with suppress(InvalidInputError):
            return Subject(kind, parse(task))
    return None


def _delay(task: JSON, subject: Subject, context: Context) -> float | None:
    """In how many seconds a run that met an error that passes is looked at again; None for an error
    that does not pass."""
    name, leases = str(task["error"].get("Error")), context.registry.leases
    kind = errors.class_named(name)
    if kind is not None and issubclass(kind, PassingError):
        if kind is ThrottledError:
            # Others use the account just now: all of Keyward's calls pause. Whoever meets the
            # quota of one operation says so itself.
            context.turns.refused(context.now)
        first = kind.retry_after
        times = leases.postponed(subject.lease, after_death=issubclass(kind, TryUnderwayError))
    elif name in errors.LAMBDA_DEATHS:
        entered = ledger.epoch_of(task["entered"])
        first, times = DEATH_SECONDS, leases.note_death(subject.lease, entered, DEATH_SECONDS)
        if times > MAX_DEATHS:
            return None
    else:
        return None
    return float(min(first * 2 ** min(times - 1, 10), MAX_DELAY))


def _look_again(task: JSON, subject: Subject, at: float, context: Context) -> None:
    if subject.kind == "customer":
        context.registry.customers.hasten_due(subject.name, at, context.now)
        return
    if task["error"].get("Error") == StoppedError.__name__:
        # `keyward start` begins with an audit that finds it; till then it would only go round.
        return
    about: JSON = {"rest_api_id": subject.name} if subject.kind == "api" else {"policy": True}
    body = about | {"not_before": int(at), "asked": requester_of(task)}
    context.bus.send_later(runtime.setting("APIS_QUEUE_URL"), body, int(at - context.now))


def _announce_failure(
    task: JSON, subject: Subject, error: str, reason: str, context: Context
) -> None:
    """Announce CustomerFailed, ApiFailed or PolicyRefused, with a line in the ledger."""
    at, is_customer = ledger.epoch_of(task["entered"]), subject.kind == "customer"
    detail_type, more = _failure(subject, context)
    event = contracts.announcement(
        detail_type,
        **more,
        stage=task.get("stage"),
        error=error,
        reason=reason,
        remedy=_remedy(subject, error, context),
        execution_arn=str(task["execution_arn"]),
    )
    requester = _requester(task, subject, context) if is_customer else requester_of(task)
    line = ledger.failed_line(subject.lease, at, requester, event)
    outbox.announce_now(context, event, [line])


def _failure(subject: Subject, context: Context) -> tuple[str, JSON]:
    """The type of the event that tells of a failed run, and whom it is about."""
    if subject.kind == "customer":
        return "CustomerFailed", {"customer_id": subject.name}
    if subject.kind == "api":
        return "ApiFailed", {"rest_api_id": subject.name}
    current = context.registry.policies.current(context.now)
    return "PolicyRefused", {"version": current.version, "at": iso(context.now)}


def _requester(task: JSON, subject: Subject, context: Context) -> JSON:
    """Who asked for the run. A record of any shape leaves it at whoever started the run: the
    failure path announces what went wrong with just such a record."""
    starter, begun = requester_of(task), ledger.epoch_of(task.get("begun"))
    try:
        record = context.registry.customers.desired(subject.name) or {}
        return ledger.requester_of_action("", starter, record, manual_fields(record), begun)
    except (
        ArithmeticError,
        AttributeError,
        InvalidRecordError,
        KeyError,
        TypeError,
        ValueError,
    ):
        return starter
