"""Parts of the page that several sections use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from keyward.report.html.markup import Markup, Node, join, tag
from keyward.values import counted

# What begins so is pasted into a shell, or into the console of Step Functions.
COMMANDS = ("keyward ", "{")


def number(value: int) -> str:
    """`1,000`."""
    return f"{value:,}"


def when(iso: str) -> Markup:
    """A time (ISO 8601, UTC) for people, to the minute."""
    return tag("time", f"{iso[:10]} {iso[11:16]} UTC", datetime=iso)


def code(value: object) -> Markup:
    """Something to be copied or searched for."""
    return tag("code", str(value))


def label(words: str, kind: str = "") -> Markup:
    """A short word in a frame; `kind` is good, bad, wait or nothing."""
    return tag("span", words, class_=f"tag {kind}".strip())


def empty(words: str) -> Markup:
    """What stands where there is nothing to tell."""
    return tag("p", words, class_="soft")


def left_out(rows: int) -> Markup | None:
    """How many rows a long table leaves out; nothing when it has all."""
    return (
        empty(f"{counted(rows, 'more is', 'more are')} in the data, as JSON.") if rows > 0 else None
    )


def fold(words: Node, *content: Node, is_open: bool = False) -> Markup:
    """What unfolds when somebody asks for it."""
    return tag("details", tag("summary", words), *content, open=is_open)


def find(words: str, within: str) -> Markup:
    """A field that leaves of the part with the id `within` the rows that have all its words. The
    page's script shows it: without that it would do nothing."""
    field = tag("input", type="search", autocomplete="off", data_within=within)
    return tag("p", tag("label", words, " ", field), " ", tag("output"), class_="find", hidden=True)


def commands(words: str) -> Markup:
    """A sentence whose commands, between backticks, stand in blocks of their own, to be copied."""
    nodes: list[Node] = []
    parts = words.split("`")
    for place, part in enumerate(parts):
        if not place % 2:
            # What stood between a command and the rest of its sentence.
            behind = place and parts[place - 1].startswith(COMMANDS)
            nodes.append(part.lstrip(" ,.;") if behind else part)
        elif part.startswith(COMMANDS):
            nodes.append(tag("pre", part, class_="command", tabindex="0"))
        else:
            nodes.append(code(part))
    return tag("div", nodes, class_="words")


def table(
    caption: str,
    columns: Sequence[str],
    bodies: Iterable[Node],
    *,
    kind: str = "rows",
    each: bool = False,
) -> Markup:
    """A table whose rows are cards when the page is narrow. A column that begins with `#` holds
    numbers. With `each` the field of `find` takes a body as a whole."""
    head = [
        tag("th", name.removeprefix("#"), scope="col", class_="num" if name[0] == "#" else None)
        for name in columns
    ]
    made = tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", head)),
        [tag("tbody", body, data_row=each) for body in bodies],
        class_=kind,
    )
    return scroll(caption, made)


def scroll(name: str, content: Markup) -> Markup:
    """A region of its own, so that a keyboard can scroll it; a shade at its edge says that it
    goes on."""
    return tag("div", content, class_="scroll shade", role="region", aria_label=name, tabindex="0")


def row(columns: Sequence[str], first: Node, *rest: Node, **attributes: object) -> Markup:
    """A row of a table with these columns; its first cell names it. On a card each cell says its
    column."""
    cells = [
        tag("td", cell, class_="num" if name[0] == "#" else None, data_label=name.lstrip("#"))
        for name, cell in zip(columns[1:], rest, strict=True)
    ]
    return tag("tr", tag("th", first, scope="row"), cells, **attributes)


def anchor(kind: str, name: str) -> str:
    """An id of the page: `api-a1b2c3`."""
    return f"{kind}-{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}"


def about(
    customer_id: str | None, rest_api_id: str | None, stage: str | None, names: dict[str, str]
) -> Markup:
    """Whom or what something is about: `customer acme`, or the API's name, id and stage."""
    if customer_id:
        return join("customer ", code(customer_id))
    if not rest_api_id:
        return join("the account")
    name = names.get(rest_api_id)
    link = tag("a", code(rest_api_id), href=f"#{anchor('api', rest_api_id)}")
    nodes = [f"{name} ", link] if name is not None else [code(rest_api_id)]
    return join(nodes, [", stage ", code(stage)] if stage else None)
