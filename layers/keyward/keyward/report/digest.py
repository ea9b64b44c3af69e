"""Send the daily digest: one message about all that waits for a person, if anything does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from keyward.aws.topic import Topic
from keyward.report.model import PendingItem
from keyward.runs import outbox
from keyward.runs.context import Context
from keyward.values import DAY, iso, visible

MOST = 40


def tell_daily(context: Context, waiting: Iterable[PendingItem], topic: Topic) -> None:
    """Publish the digest, once a day (UTC). What a state machine mends by itself is left out. A
    digest that broke off is sent by the next report. Raises PassingError."""
    items = [item for item in waiting if item.mended_by is None]
    if not items:
        return
    number = f"{len(items)} thing{'s wait' if len(items) > 1 else ' waits'} for a person"
    subject, text = f"Keyward ({context.stack}): {number}", digest(items, context.stack)
    day = iso(context.now)[:10]
    outbox.tell_once(context, f"digest#{day}", lambda: topic.publish(subject, text), 2 * DAY)


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
