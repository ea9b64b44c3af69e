"""Write the sections on keys, on usage and on what was done."""

from __future__ import annotations

from datetime import date
from itertools import groupby

from keyward.audit.room import words
from keyward.report.html.markup import Markup, Node, tag
from keyward.report.html.parts import (
    about,
    anchor,
    code,
    empty,
    fold,
    left_out,
    number,
    row,
    scroll,
    table,
)
from keyward.report.model import STATES, ActivityRow, CustomerUsage, PlanUsage, Report
from keyward.values import counted

KEYS = ("Usage plan", "Limits", "Opens", *(f"#{state.capitalize()}" for state in STATES))
DONE = ("Time", "Event", "About", "What")
MAX_DONE = 300
DAYS_OF = {"DAY": 1, "WEEK": 7, "MONTH": 30}
HEAT = ((1.0, "h5"), (0.8, "h4"), (0.5, "h3"), (0.25, "h2"), (0.0, "h1"))
HEAT_WORDS = (
    ("h1", "below 25 %"),
    ("h2", "below 50 %"),
    ("h3", "below 80 %"),
    ("h4", "80 % and more, in bold"),
    ("h5", "all of it, in bold"),
)


def keys(report: Report) -> Node:
    """Keys by plan and state."""
    used = words(report.keys, report.keys_full_on)
    others = (
        f", {number(report.keys_of_others)} of them not Keyward's" if report.keys_of_others else ""
    )
    rows = [
        row(
            KEYS,
            [plan.plan, tag("div", code(plan.plan_id), class_="soft") if plan.plan_id else None],
            plan.limits,
            counted(plan.opens, "stage") if plan.opens else "nothing",
            *[number(plan.keys.get(state, 0)) for state in STATES],
        )
        for plan in report.plans
    ]
    return [
        tag("p", f"{used}{others}.", class_="lead"),
        table("keys of customers, by plan and state", KEYS, [rows])
        if rows
        else empty("The policy names no usage plan."),
    ]


def usage(report: Report) -> Node:
    """A heat map a plan: customers by days."""
    if not report.usage:
        return empty("No usage plan of the policy is on the gateway yet.")
    legend = [tag("li", tag("i", class_=kind), words) for kind, words in HEAT_WORDS]
    return [
        tag(
            "p",
            "Accepted calls a day. The shade is a day's part of the quota; of a quota for a "
            "week or a month, its even part.",
            class_="lead",
        ),
        tag("ul", legend, class_="legend"),
        [_plan(plan) for plan in report.usage],
    ]


def _plan(plan: PlanUsage) -> Node:
    title = tag("h3", f"Plan {plan.plan}", id=anchor("usage", plan.plan))
    if plan.problem:
        return [title, tag("p", f"could not be read: {plan.problem}", class_="bad")]
    if plan.limit is None or plan.period is None:
        return [
            title,
            empty("No quota, and so no numbers: API Gateway counts only against a quota."),
        ]
    quota = f"{number(plan.limit)} calls a {plan.period.lower()} for each key"
    if not plan.customers:
        return [title, empty(f"{quota}. Nobody has called in {counted(len(plan.days), 'day')}.")]
    least = plan.customers[-1].share
    others = (
        f" {counted(plan.others, 'more customer')} used {least:.0%} or less." if plan.others else ""
    )
    return [title, tag("p", f"{quota}.{others}", class_="soft"), _heat(plan)]


def _heat(plan: PlanUsage) -> Markup:
    days = [_day(day, place) for place, day in enumerate(plan.days)]
    head = tag(
        "tr",
        tag("th", "Customer", scope="col", class_="first"),
        tag("th", "Of the quota now", scope="col", class_="keep"),
        days,
    )
    name = f"calls of plan {plan.plan}, by customer and day (UTC)"
    made = tag(
        "table",
        tag("caption", name),
        tag("thead", head),
        tag("tbody", [_customer(customer, plan) for customer in plan.customers]),
        class_="heat",
    )
    return scroll(name, made)


def _day(day: str, place: int) -> Markup:
    """The day of the month; the month where it begins."""
    when = date.fromisoformat(day)
    month = when.strftime("%b") if place == 0 or when.day == 1 else when.strftime("%a")[:2]
    return tag("th", month, tag("br"), when.day, scope="col", title=day)


def _customer(customer: CustomerUsage, plan: PlanUsage) -> Markup:
    a_day = (plan.limit or 0) / DAYS_OF.get(plan.period or "", 1)
    cells = [_cell(used, a_day) for used in customer.used]
    share = tag("td", f"{customer.share:.0%}", class_=_shade(customer.share) + " keep")
    return tag("tr", tag("th", code(customer.customer_id), scope="row"), share, cells)


def _cell(used: int, a_day: float) -> Markup:
    if not used:
        return tag("td", "·", class_="h0")
    return tag("td", number(used), class_=_shade(used / a_day if a_day else 1.0))


def _shade(share: float) -> str:
    return next(kind for least, kind in HEAT if share >= least)


def done(report: Report) -> Node:
    """What was announced in seven days, newest first."""
    if not report.done:
        return empty("Nothing was announced in the last seven days.")
    names = {api.rest_api_id: api.name for api in report.apis}
    counts = " · ".join(
        f"{event} {number(count)}" for event, count in (report.done_counts or {}).items()
    )
    shown = report.done[:MAX_DONE]
    days = [(day, list(items)) for day, items in groupby(shown, key=lambda item: item.at[:10])]
    return [
        tag("p", counts, class_="lead"),
        [_table(day, items, names, place == 0) for place, (day, items) in enumerate(days)],
        left_out(len(report.done) - MAX_DONE),
    ]


def _table(day: str, items: list[ActivityRow], names: dict[str, str], is_first: bool) -> Node:
    when = date.fromisoformat(day)
    title = f"{when.strftime('%A')}, {when.day} {when.strftime('%B %Y')}"
    rows = [_row(item, names) for item in items]
    caption = counted(len(items), "announcement")
    shown = table(caption, DONE, [rows])
    return fold(tag("span", f"{title}: {caption}", id=f"day-{day}"), shown, is_open=is_first)


def _row(item: ActivityRow, names: dict[str, str]) -> Markup:
    kind = "bad" if item.event.endswith(("Failed", "Refused")) else None
    plan = f"plan {item.plan}" if item.plan else None
    key: Node = ["key ", code(item.key_id)] if item.key_id else None
    facts = "; ".join([*([item.reason] if item.reason else []), *item.did])
    return row(
        DONE,
        tag("time", item.at[11:16], datetime=item.at),
        tag("span", item.event, class_=kind),
        about(item.customer_id, item.rest_api_id, item.stage, names),
        [
            [
                key,
                ", " if key and plan else None,
                plan,
                tag("br") if (key or plan) and facts else None,
            ],
            tag("div", facts, class_="words soft") if facts else None,
        ],
    )
