"""`python -m keyward holds`: the stages that wait for a person, whose work each is, and the
commands that answer.

From the Apis table of an account, that of your AWS credentials."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from keyward.apis.model import PENDING
from keyward.cli.stack import StackClient
from keyward.errors import KeywardError
from keyward.events.contracts import iso

JSON = dict[str, Any]
# What a hold's record has for people, besides its API and stage.
TOLD = ("fingerprint", "decision", "kind", "held_at", "told_at", "message", "answers")


def main(arguments: Sequence[str]) -> int:
    """Prints the holds, the oldest first; exit code 2 when they could not be read."""
    options = _options(arguments)
    outside = StackClient.here(options.region)
    try:
        resources = outside.resources(options.stack)
        if resources is None:
            sys.stderr.write(f"error: there is no stack {options.stack}; --stack names another\n")
            return 2
        records = outside.apis(resources).all_holds()
    except (KeywardError, ClientError, BotoCoreError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    found = sorted(records, key=lambda hold: (int(hold["held_at"]), str(hold["rest_api_id"])))
    if options.json:
        sys.stdout.write(json.dumps([_as_json(hold) for hold in found], indent=2) + "\n")
    else:
        sys.stdout.write("".join(f"{text}\n" for text in told(found)))
    return 0


def told(holds: Iterable[Mapping[str, Any]]) -> list[str]:
    """A headline, and what was announced last, for each hold; then how many there are."""
    lines: list[str] = []
    count = waiting = 0
    for hold in holds:
        count += 1
        waiting += hold["decision"] == PENDING
        lines += [_headline(hold), textwrap.indent(str(hold.get("message", "")), "  "), ""]
    if not count:
        return ["No stage is held"]
    noun = "stage is" if count == 1 else "stages are"
    return [*lines, f"{count} {noun} held, {waiting} of them without an answer"]


def _headline(hold: Mapping[str, Any]) -> str:
    since = iso(float(hold["held_at"]))
    place = f"{hold['rest_api_id']} {hold['stage']}"
    return f"{place}  {hold['decision']}, held since {since} ({hold['kind']})"


def _as_json(hold: Mapping[str, Any]) -> JSON:
    named = {name: hold[name] for name in TOLD if name in hold}
    times = {name: iso(float(named[name])) for name in ("held_at", "told_at") if name in named}
    return {"rest_api_id": hold["rest_api_id"], "stage": hold["stage"]} | named | times


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m keyward holds", description=__doc__)
    parser.add_argument(
        "--stack", metavar="NAME", default="keyward", help="the stack's name (default: keyward)"
    )
    parser.add_argument("--region", metavar="NAME", help="instead of the environment's")
    parser.add_argument("--json", action="store_true", help="the holds as JSON")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
