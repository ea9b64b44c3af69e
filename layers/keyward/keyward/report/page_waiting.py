"""What waits for a person, and what mends itself."""

from __future__ import annotations

from keyward.report.markup import Markup, Node, join, tag
from keyward.report.model import PendingItem, Report
from keyward.report.page_parts import about, code, empty, label, left_out, plural, row, table, when

MAX_ROWS = 500
WORDS = {
    "held": "held",
    "failed": "failed",
    "dead_letters": "dead letters",
    "policy_refused": "policy refused",
    "exemption": "exemption",
    "exposed_methods": "exposed",
}
# What is about no customer and no API.
WHOLES = {"exemption": "the policy", "policy_refused": "the policy", "dead_letters": "a queue"}


def waiting(report: Report) -> Node:
    """The section."""
    names = {api.rest_api_id: api.name for api in report.apis}
    nodes: list[Node] = []
    if report.waiting:
        caption = f"{plural(len(report.waiting), 'thing')}, the urgent first"
        nodes.append(_table(caption, report.waiting, names))
    else:
        nodes.append(
            empty(
                "Nothing. Holds, failed runs, dead letters and findings that no state "
                "machine can mend would stand here."
            )
        )
    if report.mending:
        nodes += [
            tag("h3", "Mends itself"),
            _table("what the state machines are at", report.mending, names),
        ]
    return nodes


def _table(caption: str, items: tuple[PendingItem, ...], names: dict[str, str]) -> Markup:
    rows = [_row(item, names) for item in items[:MAX_ROWS]]
    nodes = table(caption, ("What", "About", "Why", "What to do"), [rows])
    return join(nodes, left_out(len(items) - MAX_ROWS))


def _row(item: PendingItem, names: dict[str, str]) -> Markup:
    kind = "bad" if item.severity == "high" and item.mended_by is None else ""
    since = tag("div", "since ", when(item.since), class_="soft keep") if item.since else None
    return row(
        label(WORDS.get(item.kind, item.kind.replace("_", " ")), kind),
        [_about(item, names), since],
        tag("div", item.says, class_="words"),
        _remedy(item.remedy),
    )


def _about(item: PendingItem, names: dict[str, str]) -> Node:
    whole = WHOLES.get(item.kind)
    return whole or about(item.customer_id, item.rest_api_id, item.stage, names)


def _remedy(words: str) -> Markup:
    """What stands between backticks, or is JSON, is to be copied."""
    parts = words.split("`")
    nodes = [code(part) if place % 2 else part for place, part in enumerate(parts)]
    return tag("div", nodes, class_="words")
