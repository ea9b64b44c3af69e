"""Tell people of a held stage: whose work it is, what differs, how to answer. Pure.

The commands and inputs are ready to be pasted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from keyward.apis.model import DEPLOYMENT, KEYS, PLAN, Difference, WorkingMethod
from keyward.events import remedy
from keyward.events.caller import Editor
from keyward.values import JSON, counted, frozen, iso

# So that a message stays one screen; the event's `differences` lists more.
MAX_LINES = 40
ANSWERS = ("approve", "reject")
NOBODY_SEEN = "Who edited it last was not seen in CloudTrail's events."


@frozen
class HeldStage:
    """A stage that waits for a person, since `since` (epoch seconds). `approvable` is false when an
    approval would change nothing; `key_ids` are keys in two plans of the stage."""

    rest_api_id: str
    stage: str
    fingerprint: str
    differences: Sequence[Difference]
    since: float
    kind: str = DEPLOYMENT
    approvable: bool = True
    reminder: bool = False
    editor: Editor | None = None
    key_ids: Sequence[str] = ()


def answers(waiting: HeldStage, stack: str) -> JSON:
    """By `approve` and `reject`: the command that answers, and the same as input of a run in the
    Step Functions console. Keys in two plans cannot be answered, only detached."""
    if waiting.kind == KEYS:
        return {}
    words = [word for word in ANSWERS if waiting.approvable or word != "approve"]
    return {
        word: {"command": _command(waiting, word, stack), "console_input": _input(waiting, word)}
        for word in words
    }


def helps(waiting: HeldStage, stack: str) -> str:
    """The first command that a person needs: the answer, or a look at all that is held."""
    found = [answer["command"] for answer in answers(waiting, stack).values()]
    return found[0] if found else remedy.command("holds", stack=stack)


def message(waiting: HeldStage, reason: str, stack: str) -> str:
    """Everything as a text for a mail or a chat."""
    # A stage of an API that is only observed asks for keys already, or nobody wants it to.
    serves = "" if waiting.kind == PLAN else " and serves methods without a key"
    lines = [
        f"Stage {waiting.stage} of API {waiting.rest_api_id} is held since {iso(waiting.since)}"
        f"{serves}: {reason}.",
        *_edited(waiting),
        *_path_by_path(waiting.differences),
    ]
    for word, answer in answers(waiting, stack).items():
        lines += [
            f"To {word} it, run:",
            f"  {answer['command']}",
            f"or start protect-api with: {json.dumps(answer['console_input'])}",
        ]
    return "\n".join(lines)


def edited(editor: Editor) -> str:
    """Say whose work it is, as a sentence without its full stop."""
    return f"last edited by {editor.who} ({editor.what}, {editor.when})"


def with_editors(
    differences: Sequence[Difference],
    working: Sequence[WorkingMethod],
    edits: Mapping[tuple[str, str], Editor],
) -> tuple[Difference, ...]:
    """Add to each difference who last edited its method, or else its resource. `edits` are by
    resource id and verb. A path that has left the working copy has no editor."""
    ids = {method.path: method.resource_id for method in working}
    return tuple(
        replace(one, editor=_last_of(one, ids.get(one.path), edits)) for one in differences
    )


def _last_of(
    one: Difference, resource_id: str | None, edits: Mapping[tuple[str, str], Editor]
) -> Editor | None:
    if resource_id is None:
        return None
    editors = [
        edits[place] for verb in (one.method, "*") if (place := (resource_id, verb)) in edits
    ]
    return max(editors, key=lambda editor: editor.when, default=None)


def _edited(waiting: HeldStage) -> list[str]:
    if waiting.kind != DEPLOYMENT:
        return []
    if waiting.editor is None:
        return [NOBODY_SEEN]
    return [f"The working copy was {edited(waiting.editor)}."]


def _path_by_path(differences: Sequence[Difference]) -> list[str]:
    lines = []
    shown = sorted(differences[:MAX_LINES], key=lambda one: (one.path, one.method))
    for path, found in groupby(shown, key=lambda one: one.path):
        lines.append("The whole stage:" if path == "*" else f"{path}:")
        lines += [_line(one) for one in found]
    left_out = len(differences) - len(shown)
    return [*lines, f"… and {counted(left_out, 'more difference')}"] if left_out else lines


def _line(one: Difference) -> str:
    words = one.difference if one.method == "*" else f"{one.method} {one.difference}"
    return f"  {words}, {edited(one.editor)}" if one.editor else f"  {words}"


def _command(waiting: HeldStage, word: str, stack: str) -> str:
    place = waiting.rest_api_id, waiting.stage, waiting.fingerprint
    return remedy.answer(word, *place, stack=stack)


def _input(waiting: HeldStage, word: str) -> JSON:
    stage = {"rest_api_id": waiting.rest_api_id, "stage": waiting.stage}
    return stage | {word: waiting.fingerprint}
