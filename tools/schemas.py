"""Writes events/schemas, docs/events.md and docs/runbook.md from what the code lists (`make
schemas`)."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

from keyward.events import incoming, outgoing
from keyward.events.codes import codes
from keyward.events.member_words import MEANINGS, MEANINGS_IN
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
question mark may be left out, and of two with a bar between them only one may be sent. Keyward
refuses an unlisted member by its name.

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
A later version may add members and events: ignore what you do not know.

"""
MEMBERS_IN = """
## Members of the events in

"""
MEMBERS = """
## Members of the events out

A time is ISO 8601 in UTC, a day `YYYY-MM-DD` in UTC.

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
        _line(_link("in", name), _listed(members_in(name)), event.effect)
        for name, event in incoming.EVENTS_IN.items()
    ]
    rows_out = [
        _line(_link("out", name), _listed(_marked(members_out(event))), event.says)
        for name, event in outgoing.EVENTS_OUT.items()
    ]
    of_in, of_out, meanings = (
        [_line(f"`{name}`", "", words) for name, words in listed.items()]
        for listed in (MEANINGS_IN, MEANINGS, codes())
    )
    parts = [HEAD, IN, *rows_in, MEMBERS_IN, *of_in, OUT, *rows_out, MEMBERS, *of_out]
    return "".join([*parts, CODES, *meanings])


def members_in(name: str) -> list[str]:
    """The members of an event in: with `?` those that may be left out, two that exclude each other
    with a bar between them."""
    event = incoming.EVENTS_IN[name]
    needed = {key: field.required for key, field in event.fields.items()}
    needed |= dict.fromkeys(event.alternatives, event.needs_one)
    either = {key: needed.pop(key) for key in event.alternatives}
    return [" | ".join(_marked(either))] * bool(either) + _marked(needed)


def members_out(event: outgoing.EventOut) -> dict[str, bool]:
    """The members of an event out, and whether they are always there."""
    return dict.fromkeys(event.always, True) | dict.fromkeys(event.optional, False)


def _line(name: str, members: str, words: str) -> str:
    text = f"- {name}{members}: {words}"
    return textwrap.fill(text, 100, subsequent_indent="  ", break_on_hyphens=False) + "\n"


def _link(folder: str, name: str) -> str:
    """The name of an event, which leads to its schema."""
    return f"[{name}](../events/schemas/{folder}/{name}.json)"


def _marked(required: dict[str, bool]) -> list[str]:
    return [key if must else f"{key}?" for key, must in required.items()]


def _listed(members: list[str]) -> str:
    return f" {{{', '.join(members)}}}"


if __name__ == "__main__":
    main()
