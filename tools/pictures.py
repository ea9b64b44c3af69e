"""Draw the pictures of the documents: the state machines, the dashboard and the report.

    python -m tools.pictures

The drawings are SVG, made of the definitions and the template; tests/rules/test_pictures.py draws
them again and compares. The report is a PNG by the Chromium of this machine, and stays as it is
where there is none: in a chunk of text it says of which page it was made.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

import yaml

from keyward.values import JSON

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "pictures"
# How long the last chunk of a PNG is.
PNG_END = 12
MACHINES = ("reconcile_customer", "protect_api", "audit_account")

WIDTH, HEIGHT, GAP, SIDE, SPAN = 188, 34, 30, 150, 16
INNER, COLUMNS = 26, 3
PLAIN, FRAME, WORDS = "#dbe9f2", "#f5f7f8", "#f5e6c8"
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#15202b;text-anchor:middle}"
    "rect{stroke:#556270}path{fill:none;stroke:#556270;marker-end:url(#tip)}"
    ".back{stroke-dasharray:4 3}"
)
TIP = (
    '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path d="M0 0L8 4L0 8z" style="fill:#556270;stroke:none"/></marker>'
)


def machine(definition: JSON) -> str:
    """The tasks of a state machine, one below the other in the order of its file. To the right go
    ways that pass tasks over, to the left, broken, those back. Choices and waits are left out, and
    what catches errors, as it is the same in all machines."""
    states = definition["States"]["Run"]["Branches"][0]["States"]
    tasks = [name for name, state in states.items() if state["Type"] in ("Task", "Map")]
    heights = [HEIGHT + _inner_height(states[name]) for name in tasks]
    tops = [12 + sum(heights[:n]) + n * GAP for n in range(len(tasks))]
    left = SIDE
    width = max([WIDTH, *(COLUMNS * WIDTH + 4 * 8 for name in tasks if _inner(states[name]))])
    parts = []
    for n, name in enumerate(tasks):
        middle = tops[n] + heights[n] / 2
        for other in _followers(states, name):
            m = tasks.index(other)
            end = tops[m] + heights[m] / 2
            parts.append(_way(n, m, (middle, end), (tops[n] + heights[n], tops[m]), left, width))
    for n, name in enumerate(tasks):
        parts.append(
            _box(left, tops[n], width, heights[n], "", FRAME if heights[n] > HEIGHT else PLAIN)
        )
        parts.append(_text(left + width / 2, tops[n] + 21, name))
        for k, inner in enumerate(_inner(states[name])):
            x = left + 8 + k % COLUMNS * (WIDTH + 8)
            y = tops[n] + HEIGHT + k // COLUMNS * (INNER + 6)
            parts.append(_box(x, y, WIDTH, INNER, inner, PLAIN))
    return _svg(width + 2 * SIDE, tops[-1] + heights[-1] + 12, parts)


def _inner(state: JSON) -> list[str]:
    """The tasks that a Map does one after the other, one of them for each action."""
    inner = state.get("ItemProcessor", {}).get("States", {})
    return [name for name, one in inner.items() if one["Type"] == "Task"]


def _inner_height(state: JSON) -> float:
    rows = -(-len(_inner(state)) // COLUMNS)
    return rows * (INNER + 6) + 4 if rows else 0


def _followers(states: JSON, name: str) -> list[str]:
    """The tasks that may come next, through choices and waits; a task that waits for itself is
    none."""
    found: dict[str, None] = {}
    left, passed = _next(states[name]), {name}
    while left:
        one = left.pop(0)
        if states[one]["Type"] in ("Task", "Map"):
            found[one] = None
        elif one not in passed:
            passed.add(one)
            left += _next(states[one])
    found.pop(name, None)
    return list(found)


def _next(state: JSON) -> list[str]:
    named = [way["Next"] for way in (state, *state.get("Choices", ())) if "Next" in way]
    return named + ([state["Default"]] if "Default" in state else [])


def _way(
    n: int,
    m: int,
    middles: tuple[float, float],
    ends: tuple[float, float],
    left: float,
    width: float,
) -> str:
    if m == n + 1:
        x = left + width / 2
        return f'<path d="M{x:g} {ends[0]:g}V{ends[1]:g}"/>'
    out = min(SIDE - 8, 20 + abs(m - n) * SPAN)
    side, far = (left + width, left + width + out) if m > n else (left, left - out)
    kind = "" if m > n else ' class="back"'
    start, end = middles[0] + 5, middles[1] - 5
    return (
        f'<path{kind} d="M{side:g} {start:g}C{far:g} {start:g} {far:g} {end:g} {side:g} {end:g}"/>'
    )


def dashboard(template: str) -> str:
    """The dashboard's widgets in their places, a column 34 pixels wide, each with its title."""
    body = template.partition("DashboardBody: !Sub |")[2].lstrip()
    widgets = json.JSONDecoder().raw_decode(body)[0]["widgets"]
    boxes = [
        _box(
            one["x"] * 34 + 4,
            one["y"] * 26 + 4,
            one["width"] * 34 - 8,
            one["height"] * 26 - 8,
            one["properties"].get("title", "What to do, and links"),
            PLAIN if one["type"] == "metric" else WORDS,
        )
        for one in widgets
    ]
    return _svg(24 * 34, max((one["y"] + one["height"]) * 26 for one in widgets), boxes)


def _box(x: float, y: float, width: float, height: float, words: str, fill: str) -> str:
    lines = _lines(words, int(width / 7))
    first = y + height / 2 + 4 - 7 * (len(lines) - 1)
    texts = [_text(x + width / 2, first + 14 * n, line) for n, line in enumerate(lines)]
    box = f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" fill="{fill}"/>'
    return box + "".join(texts)


def _text(x: float, y: float, words: str) -> str:
    return f'<text x="{x:g}" y="{y:g}">{escape(words)}</text>' if words else ""


def _lines(words: str, most: int) -> list[str]:
    lines = [""]
    for word in words.split():
        if lines[-1] and len(lines[-1]) + len(word) >= most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _svg(width: float, height: float, parts: Iterable[str]) -> str:
    """On white, so that it can be read in the dark too."""
    ground = f'<rect width="{width:g}" height="{height:g}" style="fill:#fff;stroke:none"/>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}">'
    defs = f"<style>{STYLE}</style><defs>{TIP}</defs>"
    return "\n".join([head, defs, ground, *parts, "</svg>", ""])


def drawings() -> Iterator[tuple[str, str]]:
    """The name and text of each SVG."""
    for name in MACHINES:
        text = (ROOT / "statemachines" / f"{name}.asl.yaml").read_text("utf-8")
        yield f"{name}.svg", machine(yaml.safe_load(text))
    yield "dashboard.svg", dashboard((ROOT / "template.yaml").read_text("utf-8"))


def shown_page() -> str:
    """The page of a believable report, the same each time."""
    from keyward.report import page
    from tests.report.report_lab import believable

    return page(believable())


def made_of(text: str) -> bytes:
    """The chunk of a PNG that names the page by its digest: tEXt, of
    https://www.w3.org/TR/png/#11tEXt."""
    body = b"tEXtSource\0" + hashlib.sha256(text.encode()).hexdigest().encode()
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def photograph(path: Path) -> None:
    """The top of the page, by Chromium."""
    from tests.report.browser import browser

    text = shown_page()
    with tempfile.TemporaryDirectory() as folder, browser(Path(folder) / "profile") as shown:
        file = Path(folder) / "report.html"
        file.write_text(text, encoding="utf-8")
        shown.open(file, 1000, "light", scripts=True)
        shown.picture(path, height=1000)
    head, end = path.read_bytes()[:-PNG_END], path.read_bytes()[-PNG_END:]
    path.write_bytes(head + made_of(text) + end)


def main() -> int:
    """Draw all; the exit code."""
    from tests.report.browser import chromium

    PICTURES.mkdir(exist_ok=True)
    for name, text in drawings():
        (PICTURES / name).write_text(text, encoding="utf-8")
    if chromium():
        photograph(PICTURES / "report.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
