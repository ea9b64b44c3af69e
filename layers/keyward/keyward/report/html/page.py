"""Write the report as one HTML page that loads nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from keyward.report.html.apis import coverage, exempt, exposed
from keyward.report.html.by_customer import by_customer
from keyward.report.html.customers import done, keys, usage
from keyward.report.html.document import document, policy_of
from keyward.report.html.markup import Markup, Node, join, tag
from keyward.report.html.parts import number, when
from keyward.report.html.script import SCRIPT
from keyward.report.html.stylesheet import CSS
from keyward.report.html.waiting import waiting
from keyward.report.model import Report
from keyward.report.summary import Summary, summary_of
from keyward.values import counted

if TYPE_CHECKING:
    from keyward.audit.modes import ModeEffect

SECTIONS = (
    ("exposed", "Exposed methods", exposed),
    ("waiting", "Waits for a person", waiting),
    ("coverage", "Coverage", coverage),
    ("keys", "Keys", keys),
    ("customers", "Customers", by_customer),
    ("usage", "Usage against quota", usage),
    ("done", "Done this week", done),
    ("exempt", "Exempt methods", exempt),
)
# What the tables of a stack tell: a look at an account has none.
OF_STACK = {"customers", "usage", "done"}

# A number, what it counts, and a word more.
Tile = tuple[str, str, str]


def page(report: Report, effects: Sequence[ModeEffect] | None = None) -> str:
    """The whole page, as text in UTF-8. That of a look has the `effects` of each mode; without a
    stack nothing is told of customers, and no data lies beside the page."""
    summary, of_stack = summary_of(report), effects is None
    sections = [
        (name, title, make(report))
        for name, title, make in SECTIONS
        if of_stack or name not in OF_STACK
    ]
    if effects is not None:
        # Only here: the function that writes the report has no look.
        from keyward.report.html.modes import modes

        sections.insert(2, ("modes", "What each mode would do", modes(effects)))
    named = [(name, title) for name, title, _ in sections]
    tiles = _tiles(report, summary) if of_stack else _tiles_of_look(report, summary)
    return document(
        f"API keys: report of {report.written_at[:10]}",
        CSS,
        SCRIPT,
        _header(report, summary, tiles, named, of_stack),
        tag("main", [_section(*section) for section in sections]),
        _footer(report) if of_stack else None,
        policy=policy_of(CSS, SCRIPT),
    )


def _header(
    report: Report,
    summary: Summary,
    tiles: list[Tile],
    sections: list[tuple[str, str]],
    of_stack: bool,
) -> Markup:
    return tag(
        "header",
        tag("h1", "API keys and their APIs"),
        tag("p", f"{report.place} · written ", when(report.written_at), class_="soft"),
        _read_at(report, of_stack),
        _verdict(summary),
        tag(
            "ul",
            [tag("li", tag("b", value), what, tag("span", more)) for value, what, more in tiles],
            class_="tiles",
        ),
        tag(
            "nav",
            tag("ul", [tag("li", tag("a", t, href=f"#{n}")) for n, t in sections]),
            aria_label="Sections",
        ),
    )


def _read_at(report: Report, of_stack: bool) -> Node:
    """As of when it is true: what was read before the page was written."""
    if not report.read_at:
        return None
    nodes: list[Node] = ["APIs, plans and keys as API Gateway had them ", when(report.read_at)]
    # A look is written at once, and closes nothing.
    nodes.append(", apart from stages that Keyward closed since." if of_stack else ".")
    if report.usage_read_at:
        nodes += [" Usage as of ", when(report.usage_read_at), "."]
    return tag("p", nodes, class_="soft")


def _verdict(summary: Summary) -> Markup:
    """One or two sentences that claim no more than was read."""
    nodes: list[Node] = []
    if summary.exposed:
        words = "should ask for a key and does not."
        if summary.exposed > 1:
            words = "should ask for a key and do not."
        nodes += [
            tag("b", "! ", counted(summary.exposed, "live method"), class_="bad"),
            f" {words}",
        ]
    elif not summary.methods:
        nodes.append("No managed API serves a method.")
    elif not summary.unknown:
        nodes += [tag("b", "✓ Every live method", class_="good"), " asks for a key or is exempt."]
    if summary.unknown:
        nodes += [
            " ",
            tag("b", counted(summary.unknown, "API"), class_="bad"),
            " could not be read.",
        ]
    if summary.waiting:
        nodes += [" ", tag("b", counted(summary.waiting, "thing"), class_="wait")]
        urgent = f"{number(summary.urgent)} of them urgent" if summary.urgent else "none urgent"
        nodes.append(f" {_waits(summary)}, {urgent}.")
    else:
        nodes.append(" Nothing waits for a person.")
    return tag("p", nodes, class_="verdict")


def _waits(summary: Summary) -> str:
    return "waits for a person" if summary.waiting == 1 else "wait for a person"


def _tiles_of_look(report: Report, summary: Summary) -> list[Tile]:
    """Who looks without a stack knows no customer and no quota, and nothing mends itself."""
    return [
        *_methods(summary),
        (number(summary.waiting), _waits(summary), "by a look, without a stack"),
        (number(summary.keys), "enabled keys in plans", f"of {counted(report.keys, 'key')}"),
    ]


def _methods(summary: Summary) -> list[Tile]:
    return [
        (
            f"{summary.covered:.1%}" if summary.methods else "–",
            "methods in order",
            f"of {number(summary.methods)} live, in {counted(summary.stages, 'stage')}",
        ),
        (number(summary.exposed), "exposed", f"in {counted(summary.open_stages, 'stage')}"),
    ]


def _tiles(report: Report, summary: Summary) -> list[Tile]:
    near = [customer.customer_id for customer in summary.near_quota[:3]]
    return [
        *_methods(summary),
        (number(summary.waiting), _waits(summary), _mending(summary.mending)),
        (number(summary.keys), "working keys", f"of {counted(report.customers, 'customer')}"),
        (
            number(len(summary.near_quota)),
            "near their quota",
            ", ".join(near) if near else "none above 80 %",
        ),
    ]


def _mending(count: int) -> str:
    """Beside what waits for a person."""
    return f"{number(count)} more being mended" if count else "nothing is being mended"


def _section(name: str, title: str, content: Node) -> Markup:
    return tag(
        "section",
        tag("h2", title, id=f"{name}-title"),
        content,
        id=name,
        aria_labelledby=f"{name}-title",
    )


def _footer(report: Report) -> Markup:
    version = f"policy version {report.policy_version}, " if report.policy_version else ""
    return tag(
        "footer",
        tag(
            "p",
            join(
                "Written by Keyward from what API Gateway serves and what Keyward remembers; ",
                f"{version}the last audit. The same as data: ",
                tag("a", "report.json", href="report.json"),
                ". No key value is in either.",
            ),
        ),
    )
