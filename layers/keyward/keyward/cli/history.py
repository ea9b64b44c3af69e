"""`python -m keyward history CUSTOMER`: who asked for what, what was done, and when.

From the ledger of an account, that of your AWS credentials."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from keyward.aws.tables.ledger import NAMED
from keyward.cli.stack import StackClient
from keyward.errors import KeywardError
from keyward.runs.ledger import AUDIT, CONSOLE, EVENT, RECORD, RESUMED, SCHEDULE

JSON = dict[str, Any]

WORDS = {
    CONSOLE: "a person, by the console or the CLI",
    SCHEDULE: "the schedule",
    AUDIT: "the audit",
    RECORD: "a record put into the Customers table",
    RESUMED: "an event that came to a run which was stopped",
}


def main(arguments: Sequence[str]) -> int:
    """Prints the history; exit code 1 when there is none, 2 when it could not be read."""
    options = _options(arguments)
    outside = StackClient.here(options.region)
    subject = f"{'api' if options.api else 'customer'}#{options.name}"
    try:
        resources = outside.resources(options.stack)
        if resources is None:
            sys.stderr.write(f"error: there is no stack {options.stack}; --stack names another\n")
            return 2
        lines = outside.ledger(resources).of(subject, options.last)
    except (KeywardError, ClientError, BotoCoreError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    if options.json:
        sys.stdout.write(json.dumps(lines, default=float, indent=2) + "\n")
    else:
        sys.stdout.write("".join(f"{text}\n" for text in told(lines)))
    if not lines:
        sys.stderr.write(f"the ledger has no line of {subject}\n")
    return 0 if lines else 1


def told(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """Two lines of text a line of the ledger: what was done, and who asked."""
    return [text for line in lines for text in (_done(line), f"{'':22}{_asked(line)}")]


def _done(line: Mapping[str, Any]) -> str:
    about = " ".join(str(line[name]) for name in NAMED if line.get(name))
    change = _change(line.get("before"), line.get("after"))
    parts = [str(line["action"]).replace("_", " "), about, change]
    text = " ".join(part for part in parts if part)
    return f"{line['at']}  {text}" + (f" ({line['reason']})" if line.get("reason") else "")


def _change(before: Any, after: Any) -> str:
    if isinstance(before, Mapping) or isinstance(after, Mapping):
        was, now = before or {}, after or {}
        names = sorted({*was, *now})
        return ", ".join(f"{name} {_change(was.get(name), now.get(name))}" for name in names)
    return "" if before is None and after is None else f"{_word(before)} -> {_word(after)}"


def _word(value: Any) -> str:
    return "-" if value is None else str(value)


def _asked(line: Mapping[str, Any]) -> str:
    asked = line["asked"]
    run = str(line.get("execution_arn") or "").rpartition(":")[2]
    ending = f"; run {run}" if run else ""
    if asked["by"] != EVENT:
        return f"asked by {WORDS.get(asked['by'], asked['by'])}{ending}"
    source = f" from {asked['source']}" if asked.get("source") else ""
    who = f", {asked['who']}" if asked.get("who") else ""
    event = f" (event {asked['event_id']})" if asked.get("event_id") else ""
    return f"asked by {asked.get('detail_type', 'an event')}{source}{who}{event}{ending}"


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m keyward history", description=__doc__)
    parser.add_argument("name", metavar="CUSTOMER", help="the customer's id")
    parser.add_argument("--api", action="store_true", help="the name is the id of a RestApi")
    parser.add_argument(
        "--stack", metavar="NAME", default="keyward", help="the stack's name (default: keyward)"
    )
    parser.add_argument("--region", metavar="NAME", help="instead of the environment's")
    parser.add_argument("--last", type=int, metavar="N", help="only the newest N lines")
    parser.add_argument("--json", action="store_true", help="the lines as JSON")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
