"""Note in the ledger what a person did by the command itself."""

from __future__ import annotations

from collections.abc import Iterable

from botocore.exceptions import BotoCoreError

from keyward.aws.tables.ledger import line_of
from keyward.cli.options import Call
from keyward.cli.stack import Stack
from keyward.errors import KeywardError
from keyward.events.requester import CONSOLE
from keyward.values import JSON


def note(call: Call, stack: Stack, at: float, done: Iterable[tuple[str, JSON]]) -> None:
    """Add a line for each thing that was done `at` a time (epoch seconds): its subject, and members
    with `action`. The command has done its work by then, so it says what keeps it from adding
    lines, and does not fail."""
    try:
        asked: JSON = {"asked": {"by": CONSOLE, "who": stack.account.caller()}}
        ledger = stack.ledger()
        for place, (subject, members) in enumerate(done):
            ledger.append([line_of(subject, at, None, members | asked, place)])
    except (KeywardError, BotoCoreError) as error:
        call.say(f"the ledger has no line of it: {error}", err=True)
