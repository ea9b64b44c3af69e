"""Write the daily digest: one message about all that waits for a person, if anything does. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from keyward.report.model import PendingItem
from keyward.values import visible

MOST = 40


def digest_of(waiting: Iterable[PendingItem], stack: str) -> tuple[str, str] | None:
    """Write subject and text; None when nothing waits. What a state machine mends by itself is left
    out."""
    items = [item for item in waiting if item.mended_by is None]
    if not items:
        return None
    number = f"{len(items)} thing{'s wait' if len(items) > 1 else ' waits'} for a person"
    return f"Keyward ({stack}): {number}", digest(items, stack)


def digest(items: Sequence[PendingItem], stack: str) -> str:
    """Write the text: what matters most first, each with what helps."""
    first = sorted(items, key=lambda item: item.severity != "high")
    lines = [line for item in first[:MOST] for line in _lines(item)]
    if len(items) > MOST:
        lines.append(f"and {len(items) - MOST} more, which the report lists")
    return "\n".join([f"This waits for a person in the stack {stack}:", "", *lines])


def _lines(item: PendingItem) -> list[str]:
    about = [item.customer_id, item.rest_api_id, item.stage]
    whom = " ".join(text for text in about if text)
    return [
        visible(f"- {whom + ': ' if whom else ''}{item.says}"),
        visible(f"  What to do: {item.remedy}"),
        "",
    ]
