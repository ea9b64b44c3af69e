"""Write the section on what waits for a person, and what mends itself."""

from __future__ import annotations

from keyward.report.html.markup import Markup, Node, join, tag
from keyward.report.html.parts import (
    about,
    commands,
    empty,
    fold,
    label,
    left_out,
    row,
    table,
    when,
)
from keyward.report.model import PendingItem, Report
from keyward.values import counted

COLUMNS = ("What", "About", "Why", "What to do")
MAX_ROWS = 500
WORDS = {
    "held": "held",
    "failed": "failed",
    "dead_letters": "dead letters",
    "policy_refused": "policy refused",
    "exemption": "exemption",
    "exposed_methods": "exposed",
    "key_opens_nothing": "opens nothing",
    "working_copy_differs": "edited since",
}
# What is about no customer and no API.
WHOLES = {"exemption": "the policy", "policy_refused": "the policy", "dead_letters": "a queue"}


def waiting(report: Report) -> Node:
    """The section."""
    names = {api.rest_api_id: api.name for api in report.apis}
    nodes: list[Node] = []
    urgent = tuple(item for item in report.waiting if item.severity == "high")
    others = tuple(item for item in report.waiting if item.severity != "high")
    if urgent:
        nodes.append(_table(f"{counted(len(urgent), 'urgent thing')}", urgent, names))
    if others:
        nodes.append(_table(f"{counted(len(others), 'thing')} that can wait", others, names))
    if not report.waiting:
        nodes.append(
            empty(
                "Nothing. Holds, failed runs, dead letters and findings that no state "
                "machine can mend would stand here."
            )
        )
    if report.mending:
        words = f"{counted(len(report.mending), 'thing')} that Keyward mends itself"
        nodes.append(fold(words, _table("what the state machines are at", report.mending, names)))
    return nodes


def _table(caption: str, items: tuple[PendingItem, ...], names: dict[str, str]) -> Markup:
    rows = [_row(item, names) for item in items[:MAX_ROWS]]
    nodes = table(caption, COLUMNS, [rows], kind="waits")
    return join(nodes, left_out(len(items) - MAX_ROWS))


def _row(item: PendingItem, names: dict[str, str]) -> Markup:
    kind = "bad" if item.severity == "high" and item.mended_by is None else ""
    since = tag("div", "since ", when(item.since), class_="soft keep") if item.since else None
    return row(
        COLUMNS,
        label(WORDS.get(item.kind, item.kind.replace("_", " ")), kind),
        [_about(item, names), since],
        tag("div", item.says, class_="words"),
        commands(item.remedy),
    )


def _about(item: PendingItem, names: dict[str, str]) -> Node:
    whole = WHOLES.get(item.kind)
    return whole or about(item.customer_id, item.rest_api_id, item.stage, names)
