"""Remedies: one command of `keyward` each, ready to be pasted into a POSIX shell.

Tests parse every remedy that the code makes with the command's own parser.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence

from keyward.errors import KeyNotTakenError, KeywardError, UnknownPlanError, class_named
from keyward.values import visible

# What the command takes for granted.
DEFAULT_STACK = "keyward"
# Stands in a printed command for what only a person knows.
PLACEHOLDER = "VALUE"
UNKNOWN = (PLACEHOLDER,)

# What helps after an error is an event with the customer's plans, and with these members.
OF_PLANS = {
    UnknownPlanError.__name__: ("CustomerPlanChanged",),
    KeyNotTakenError.__name__: ("CustomerSignedUp", f"key_id={PLACEHOLDER}"),
}


def command(
    *words: str, about: tuple[str, ...] = (), stack: str = DEFAULT_STACK, **options: object
) -> str:
    """`keyward` with these words, options (True is a flag, None is left out) and arguments
    (`about`), quoted. Control characters are shown by their escapes, and not sent."""
    parts = ["keyward", *words]
    for name, value in options.items():
        if value is not None:
            flag = f"--{name.replace('_', '-')}"
            parts += [flag] if value is True else [flag, str(value)]
    if stack != DEFAULT_STACK:
        parts += ["--stack", stack]
    # What begins with a dash would be read as an option.
    parts += ["--"] if any(text.startswith("-") for text in about) else []
    return " ".join(shlex.quote(visible(text)) for text in (*parts, *about))


def of_stack(text: str, stack: str) -> str:
    """A remedy for another stack than the one that the command takes for granted."""
    if stack == DEFAULT_STACK or not text or "--stack" in text:
        return text
    words, dashes, about = text.partition(" -- ")
    return f"{words} --stack {shlex.quote(visible(stack))}{dashes}{about}"


def after_failure(
    error: str, kind: str, name: str, stack: str = DEFAULT_STACK, plans: Sequence[str] = UNKNOWN
) -> str:
    """The command that helps after the `error` (errors.py) of a run for a `kind`: customer, api or
    policy, of this name. `plans` are a customer's: PLACEHOLDER stands for one that the policy does
    not name, and the customer keeps the others."""
    helps = (class_named(error) or KeywardError).helps
    is_api = kind == "api"
    if kind == "policy" and helps in ("start", "history"):
        return command("policy", "show", stack=stack, wanted=True)
    if error in OF_PLANS and kind == "customer":
        given = f"plans={json.dumps(plans)}" if len(plans) > 1 else f"plan={plans[0]}"
        event, *members = OF_PLANS[error]
        more = [part for one in members for part in ("--set", one)]
        return command("send", *more, about=(event,), stack=stack, customer=name, set=given)
    if helps == "start":
        return command(
            helps, stack=stack, customer=None if is_api else name, api=name if is_api else None
        )
    if helps == "history":
        return command(helps, about=(name,), stack=stack, api=is_api or None)
    return command(*helps.split(), stack=stack)


def answer(word: str, *what: str, stack: str = DEFAULT_STACK) -> str:
    """The command `approve` or `reject`, for a stage (API, name and fingerprint) or the policy
    (fingerprint)."""
    return command(word, about=what, stack=stack)
