"""The time until the last customer has a key, against the number of customers, as SVG."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from html import escape

from benchmarks.budgets import KEYWARD
from keyward.values import JSON

Point = tuple[int, float]

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 74, 214, 48, 56
# Powers of ten at the ends of both axes.
CUSTOMERS, SECONDS = (0, 4), (-1, 4)
LABEL_HEIGHT = 17
COLORS = {KEYWARD: "#0b7a4b"}
OTHERS = ("#b3541e", "#3b5bdb", "#6b7280", "#8b5cf6")
TIMES = {-1: "0.1 s", 0: "1 s", 1: "10 s", 2: "100 s", 3: "1,000 s", 4: "10,000 s"}


def series(rows: Sequence[JSON]) -> dict[str, list[Point]]:
    """Sizes and seconds of sign-ups at once, by who made them. Those who have the same figures
    share a line."""
    found: dict[str, list[Point]] = {}
    for row in rows:
        if re.fullmatch(r"[\d,]+ sign-ups? at once", row["job"]):
            found.setdefault(row["who"], []).append((row["size"], row["seconds"]))
    joined: dict[str, list[Point]] = {}
    for who, points in sorted(found.items(), key=lambda item: -len(item[1])):
        same = next((name for name, other in joined.items() if set(points) <= set(other)), None)
        if same is not None:
            points = joined.pop(same)
            who = f"{same}, {who}"
        joined[who] = sorted(points)
    return joined


def plot(rows: Sequence[JSON]) -> str:
    """The picture."""
    lines = series(rows)
    colors = dict(zip((who for who in lines if who != KEYWARD), OTHERS, strict=False)) | COLORS
    parts = [*_frame(), *_axes()]
    for who, points in lines.items():
        parts += _line(points, colors[who], 3 if who == KEYWARD else 1.6)
    ends = {who: _place(*points[-1]) for who, points in lines.items()}
    for who, y in _apart({who: place[1] for who, place in ends.items()}).items():
        weight = ' font-weight="bold"' if who == KEYWARD else ""
        x = ends[who][0] + 12
        parts.append(f'<text x="{x:.0f}" y="{y + 4:.0f}" fill="{colors[who]}"{weight}>{who}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _frame() -> Iterator[str]:
    title = "Virtual seconds until the last of n customers has a key"
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#222">'
    )
    yield f"<title>{escape(title)}</title>"
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
    yield f'<text x="{LEFT}" y="26" font-size="15" font-weight="bold">{escape(title)}</text>'
    x, y = (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14
    yield f'<text x="{x:.0f}" y="{y}" text-anchor="middle">customers who sign up at once</text>'


def _axes() -> Iterator[str]:
    """A line for each power of ten."""
    grid, right, bottom = 'stroke="#ddd"', WIDTH - RIGHT, HEIGHT - BOTTOM
    for power in range(CUSTOMERS[0], CUSTOMERS[1] + 1):
        x = _place(10**power, 1)[0]
        yield f'<path d="M{x:.0f} {TOP}V{bottom}" {grid}/>'
        yield f'<text x="{x:.0f}" y="{bottom + 20}" text-anchor="middle">{10**power:,}</text>'
    for power, time in TIMES.items():
        y = _place(1, 10.0**power)[1]
        yield f'<path d="M{LEFT} {y:.0f}H{right}" {grid}/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:.0f}" text-anchor="end">{time}</text>'


def _line(points: Sequence[Point], color: str, width: float) -> Iterator[str]:
    places = [_place(*point) for point in points]
    way = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline points="{way}" fill="none" stroke="{color}" stroke-width="{width}"/>'
    for x, y in places:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{width + 1:.1f}" fill="{color}"/>'


def _place(customers: int, seconds: float) -> tuple[float, float]:
    """Where a point lies; what took no time lies on the lowest line."""
    across = (math.log10(customers) - CUSTOMERS[0]) / (CUSTOMERS[1] - CUSTOMERS[0])
    lowest = 10.0 ** SECONDS[0]
    up = (math.log10(max(seconds, lowest)) - SECONDS[0]) / (SECONDS[1] - SECONDS[0])
    return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)


def _apart(heights: dict[str, float]) -> dict[str, float]:
    """The heights of labels, so far apart that each can be read."""
    placed: dict[str, float] = {}
    above = -math.inf
    for who, y in sorted(heights.items(), key=lambda item: item[1]):
        above = placed[who] = max(y, above + LABEL_HEIGHT)
    return placed
