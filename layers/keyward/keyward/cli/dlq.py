"""`keyward dlq list | resend | drop`: the messages that nobody could take, in all queues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import click

from keyward.aws.tables.ledger import DROPPED, RESENT
from keyward.cli.dead_letters import (
    AUDIT,
    GONE,
    SOURCES,
    DeadLetter,
    DeadLetters,
    LettersLeftError,
    line,
)
from keyward.cli.notes import note
from keyward.cli.options import (
    FINE,
    FOUND,
    Call,
    confirm,
    each,
    of_stack,
    together,
    yes_option,
)
from keyward.cli.requests import checked, member
from keyward.cli.stack import SetUpError
from keyward.errors import InvalidInputError
from keyward.events.incoming import EVENTS_IN, members, near_miss
from keyward.events.remedy import PLACEHOLDER, command
from keyward.values import JSON, counted, span

MENDS = (
    "resend takes --set NAME=VALUE to correct a member first, and --unset NAME to leave one out; "
    "`drop` deletes"
)
queue_option = click.option(
    "--queue", type=click.Choice([*SOURCES]), help="Of one dead-letter queue only."
)
which = together(
    queue_option,
    click.option("--customer", metavar="ID", help="About this customer only."),
    click.option("--id", "ids", metavar="ID", multiple=True, help="A message; may be repeated."),
)


@click.group(no_args_is_help=False)
def dlq() -> None:
    """List, mend, send again or drop dead letters."""


@dlq.command("list")
@which
@of_stack
def list_(
    call: Call,
    /,
    queue: str | None,
    customer: str | None,
    ids: tuple[str, ...],
) -> int:
    """List the messages with their reason, customer and age.

    The exit code is 1 when there is one.
    """
    there, letters = _chosen(call, queue, customer, ids)
    there.show(letters)
    remedies = [remedy(one, call.stack_name) for one in letters]
    lines = [part for pair in zip(letters, remedies, strict=True) for part in _text(*pair)]
    lines += [MENDS] if letters else ["No message lies in a dead-letter queue"]
    call.show([_as_json(*pair) for pair in zip(letters, remedies, strict=True)], lines)
    return FOUND if letters else FINE


@dlq.command()
@which
@click.option("--all", "everything", is_flag=True, help="All messages.")
@click.option(
    "--set", "corrected", metavar="NAME=VALUE", multiple=True, help="Correct a member first."
)
@click.option("--unset", metavar="NAME", multiple=True, help="Leave a member out.")
@yes_option
@of_stack
def resend(
    call: Call,
    /,
    queue: str | None,
    customer: str | None,
    ids: tuple[str, ...],
    everything: bool,
    corrected: tuple[str, ...],
    unset: tuple[str, ...],
    yes: bool,
) -> int:
    """Send messages to where they belong, and delete them here.

    A message goes to its queue, or starts the run or audit that makes up for it. --set corrects a
    member of an event's detail, --unset leaves one out. One that would come back stays where it is,
    with its reason, and stops no other: the exit code is 2 then, and 1 when no message is meant.
    CustomerClosed deletes keys for good, so it is sent after a yes.
    """
    _only_some((queue, customer, ids, everything))
    fields: JSON = dict(map(member, corrected)) | dict.fromkeys(unset, GONE)
    there, letters = _chosen(call, queue, customer, ids)
    mended, left = _checked(letters, fields)
    final = counted(sum(letter.is_final for letter in mended), "CustomerClosed event")
    question = f"Send {final} and so delete keys for good?"
    _confirmed(there, letters, question, yes or not any(one.is_final for one in mended))
    there.show(letter for letter in letters if letter.id in left)
    audits = [letter for letter in mended if letter.target == AUDIT]
    # One audit finds what is missing of all of them.
    for letter in audits[1:]:
        there.drop(letter)
    others = [one for one in mended if one.target != AUDIT]
    for letter in each("sending", [*audits[:1], *others]):
        there.resend(letter)
    # What fails again does so later: SQS dates messages in whole milliseconds.
    note(call, there.stack, there.now - 0.002, (line(RESENT, letter) for letter in mended))
    code = _told(call, "sent", mended) if mended or not left else FINE
    if left:
        raise LettersLeftError(left)
    return code


@dlq.command()
@which
@click.option("--all", "everything", is_flag=True, help="All messages.")
@yes_option
@of_stack
def drop(
    call: Call,
    /,
    queue: str | None,
    customer: str | None,
    ids: tuple[str, ...],
    everything: bool,
    yes: bool,
) -> int:
    """Delete messages for good, after a yes.

    The exit code is 1 when no message is meant.
    """
    _only_some((queue, customer, ids, everything))
    there, letters = _chosen(call, queue, customer, ids)
    question = f"Delete {counted(len(letters), 'message')} for good?"
    _confirmed(there, letters, question, yes or not letters)
    for letter in each("dropping", letters):
        there.drop(letter)
    note(call, there.stack, there.now, (line(DROPPED, letter) for letter in letters))
    return _told(call, "dropped", letters)


def _confirmed(there: DeadLetters, letters: Sequence[DeadLetter], question: str, yes: bool) -> None:
    """Ask, and show the messages to the next command again where the answer is no."""
    try:
        confirm(question, yes)
    except (click.Abort, SetUpError):
        there.show(letters)
        raise


def _only_some(chosen: tuple[object, ...]) -> None:
    if not any(chosen):
        raise click.UsageError("Give --queue, --customer, --id or --all.")


def _chosen(
    call: Call, queue: str | None, customer: str | None, ids: tuple[str, ...]
) -> tuple[DeadLetters, list[DeadLetter]]:
    """The queues, and the messages that are meant; the others are given back."""
    there = DeadLetters(call.stack(), call.now())
    found = there.read(each("reading", [queue] if queue else SOURCES))
    meant = [
        letter
        for letter in found
        if (not ids or letter.id in ids) and (customer is None or letter.customer == customer)
    ]
    there.show(letter for letter in found if letter not in meant)
    return there, meant


def _checked(
    letters: list[DeadLetter], fields: JSON
) -> tuple[list[DeadLetter], dict[str, InvalidInputError]]:
    """The messages, mended, that can be sent; by id why the others would come back."""
    mended, left = [], {}
    for letter in letters:
        try:
            one = letter.mended(fields)
            _check(one)
            mended.append(one)
        except InvalidInputError as error:
            left[letter.id] = error
    return mended, left


def _check(letter: DeadLetter) -> None:
    """Check an event of ours before it is sent again. Raises InvalidInputError."""
    detail_type = str(letter.body.get("detail-type"))
    if detail_type in EVENTS_IN or near_miss(detail_type):
        checked(detail_type, letter.detail)


def remedy(letter: DeadLetter, stack: str) -> str:
    """The command that sends the message again, with the correction that it needs."""
    detail_type = letter.body.get("detail-type")
    if near := near_miss(detail_type):
        mends: dict[str, Any] = {"set": f"detail-type={near}"}
    else:
        mends = _mends(letter, str(detail_type))
    return command("dlq", "resend", id=letter.id, **mends, stack=stack)


def _mends(letter: DeadLetter, detail_type: str) -> dict[str, Any]:
    """The options that correct the message. Where a member was misspelt, one is left out and the
    right one is set."""
    found: dict[str, Any] = {}
    for _ in range(2):
        try:
            _check(letter)
        except InvalidInputError as error:
            name = error.field.removeprefix("detail.")
            goes = name in {*letter.detail} - _staying(detail_type, letter.detail)
            mend = {"unset": name} if goes else {"set": f"{name}={PLACEHOLDER}"}
            found = mend | found
            letter = letter.mended({name: GONE if goes else PLACEHOLDER})
    return found


def _staying(detail_type: str, detail: JSON) -> set[str]:
    """The members that the event may have: of its alternatives the first one that was sent."""
    sent = [name for name in EVENTS_IN[detail_type].alternatives if detail.get(name) is not None]
    return {*members(detail_type)} - {*sent[1:]}


def _told(call: Call, word: str, letters: list[DeadLetter]) -> int:
    counts = Counter(letter.queue for letter in letters)
    lines = [f"{word} {count} of {queue}" for queue, count in counts.items()]
    call.show({word: counts}, lines or ["No message is meant"])
    return FINE if letters else FOUND


def _text(letter: DeadLetter, remedy: str) -> tuple[str, str]:
    about = letter.customer or letter.body.get("detail-type") or "-"
    says = f"{letter.queue}  {span(letter.age)}  {letter.id}  {about}: {letter.reason}"
    return says, f"  {remedy}"


def _as_json(letter: DeadLetter, remedy: str) -> JSON:
    return {
        "queue": letter.queue,
        "id": letter.id,
        "customer_id": letter.customer,
        "detail_type": letter.body.get("detail-type"),
        "age_seconds": letter.age,
        "reason": letter.reason,
        "goes_to": letter.target or None,
        "remedy": remedy,
    }
