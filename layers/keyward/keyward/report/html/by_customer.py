"""Write the section on customers by plan and state, with a field to find one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from keyward.report.html.markup import Markup, Node, tag
from keyward.report.html.parts import (
    code,
    empty,
    find,
    fold,
    label,
    left_out,
    number,
    row,
    table,
)
from keyward.report.model import STATES, CustomerRow, Report
from keyward.values import counted

COLUMNS = ("Customer", "State", "Plans", "Keys")
MAX_ROWS = 2000
# So many customers of a plan are shown at once.
MAX_UNFOLDED = 12
KINDS = {"active": "", "suspended": "wait", "closed": "", "unreadable": "bad"}
NO_PLAN = "no plan"


def by_customer(report: Report) -> Node:
    """The section: a customer of several plans stands under each."""
    if not report.by_customer:
        return empty("There is no customer yet.")
    shown = report.by_customer[:MAX_ROWS]
    names = dict.fromkeys(name for one in shown for name in one.plans or (NO_PLAN,))
    first = [plan.plan for plan in report.plans if plan.plan in names]
    order = [*first, *(name for name in names if name not in first)]
    return [
        tag("p", f"{_states(report.by_customer)}.", class_="lead"),
        find("Find a customer, a plan or a state", "customers"),
        [
            _plan(name, [one for one in shown if name in (one.plans or (NO_PLAN,))])
            for name in order
        ],
        left_out(len(report.by_customer) - MAX_ROWS),
    ]


def _states(customers: Sequence[CustomerRow]) -> str:
    counts = Counter(one.state for one in customers)
    return ", ".join(f"{number(count)} {state}" for state, count in counts.most_common())


def _plan(name: str, customers: list[CustomerRow]) -> Markup:
    words = [tag("b", name), f": {_states(customers)}"]
    rows = [_row(one) for one in customers]
    shown = table(counted(len(customers), "customer"), COLUMNS, [rows])
    return fold(words, shown, is_open=len(customers) <= MAX_UNFOLDED)


def _row(one: CustomerRow) -> Markup:
    keys = ", ".join(f"{number(one.keys[state])} {state}" for state in STATES if state in one.keys)
    return row(
        COLUMNS,
        code(one.customer_id),
        label(one.state, KINDS.get(one.state, "")),
        ", ".join(one.plans) or NO_PLAN,
        keys or "none",
        data_row=True,
    )
