"""Writes events/schemas, docs/events.md and docs/runbook.md from what the code lists (`make
schemas`)."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

from keyward.events import incoming, outgoing
from keyward.events.codes import codes
from tools import runbook

ROOT = Path(__file__).resolve().parent.parent

HEAD = """# Events

Read this page when you send events to Keyward, or act on its announcements. `make schemas` writes
it from `layers/keyward/keyward/events/incoming.py` and `outgoing.py` beside it.

Events travel on the stack's event bus (output EventBusName). `events/schemas/` has a JSON Schema
for the `detail` of each, `events/in/` and `events/out/` have samples. A key's value is in none.
"""
IN = """
## Events in

Any source may send them; only the detail-type counts. An event about a customer has `customer_id`,
and may have `occurred_at` (ISO 8601), for which the time of the envelope stands in. A member with a
question mark may be left out; one that is not listed is refused by its name.

A detail-type that is nearly right (the same but for case, spaces, `_` and `-`, or for two letters)
ends in the customers' DLQ with the right name. All other events on the bus are other people's: they
are dropped and counted (metric `UnrelatedEventDropped`). They have a queue of their own, so that
they delay no customer; a million of them costs about a dollar of SQS and Lambda. Put events that
are not for Keyward on another bus where there are many.

An event that holds the value of a key that Keyward made, at any place, is refused, and the value is
blotted out before the event rests in the DLQ. Rotate such a key: its value is known to others.

"""
OUT = """
## Events out

The source is `keyward`. `caused_by` `{event_id?, detail_type, source}` says what asked for what an
event tells: an event on the bus or of CloudTrail, a record, a console run, the schedule, the audit.

| detail-type | says |
|---|---|
"""
CODES = """
## Codes of failures

An event that tells of a failure has `error`, one of these codes or a code of AWS; `reason`, a
sentence; and `remedy`, one command of `keyward` with its arguments (docs/command.md).

"""


def documents() -> dict[Path, str]:
    """What the tree should hold, by path."""
    made = {_path("in", name): _text(incoming.schema(name)) for name in incoming.EVENTS_IN}
    made |= {_path("out", name): _text(outgoing.schema(name)) for name in outgoing.EVENTS_OUT}
    return made | {
        ROOT / "docs" / "events.md": _page(),
        ROOT / "docs" / "runbook.md": runbook.page(),
    }


def written() -> list[Path]:
    """The schemas that the tree holds."""
    return sorted((ROOT / "events" / "schemas").glob("*/*.json"))


def main() -> None:
    """Write what is missing or old, and remove the schema of an event that is no more."""
    wanted = documents()
    for path in written():
        if path not in wanted:
            path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _path(folder: str, name: str) -> Path:
    return ROOT / "events" / "schemas" / folder / f"{name}.json"


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2) + "\n"


def _page() -> str:
    rows_in = [
        textwrap.fill(f"- `{name}` {_members(name)}: {event.effect}", 100, subsequent_indent="  ")
        + "\n"
        for name, event in incoming.EVENTS_IN.items()
    ]
    rows_out = [f"| `{name}` | {event.says} |\n" for name, event in outgoing.EVENTS_OUT.items()]
    meanings = [
        textwrap.fill(f"- `{code}`: {words}", 100, subsequent_indent="  ") + "\n"
        for code, words in codes().items()
    ]
    return "".join([HEAD, IN, *rows_in, OUT, *rows_out, CODES, *meanings])


def _members(name: str) -> str:
    members = incoming.EVENTS_IN[name].fields
    named = ", ".join(f"{key}{'' if members[key].required else '?'}" for key in members)
    return f"{{{named}}}"


if __name__ == "__main__":
    main()
