"""The budgets of DESIGN.md 7 under load, for every size up to a thousand customers; `make bench`
holds the larger ones."""

from __future__ import annotations

from functools import partial

import pytest

from benchmarks import budgets, jobs, load, many
from benchmarks.desk import WHOLE, desk
from benchmarks.plan import LARGER_SHARE, Group
from benchmarks.prices import dollars, with_functions

pytestmark = pytest.mark.sizes

SIZES = {
    "1 sign-up": Group(partial(load.burst, number=1)),
    "100 sign-ups at once, and again": Group(partial(load.burst_again, number=100)),
    "1,000 sign-ups at once": Group(partial(load.burst, number=1_000)),
    "1,000 sign-ups with tags": Group(partial(load.singly, number=1_000)),
    "250 sign-ups with tags, a larger share": Group(
        partial(load.singly, number=250), share=LARGER_SHARE
    ),
    "200 sign-ups, 10 a second": Group(partial(load.stream, number=200, rate=10)),
    "a burst with others beside it": Group(partial(load.beside, number=300)),
    "100 customers due at once": Group(partial(load.due_at_once, number=100)),
    "300 methods": Group(partial(jobs.one_api, methods=300)),
    "300 methods, the whole share": Group(partial(jobs.fast_api, methods=300), share=WHOLE),
    "20 APIs exposed at once": Group(partial(many.exposed, number=20), propagation=0),
    "20 APIs repaired by the audit": Group(partial(many.repaired, number=20), propagation=0),
    "an audit and a night": Group(partial(many.burst_audited, apis=20, keys=100)),
}


@pytest.mark.parametrize("name", SIZES)
def test_a_job_keeps_its_budgets(name: str) -> None:
    figures = (figure.as_json() for figure in SIZES[name].measure())
    assert [str(check) for check in budgets.of_all(figures) if not check.holds] == []


def test_a_sign_up_costs_less_than_a_twentieth_of_a_cent() -> None:
    with desk() as made:
        _, row, _ = (one.as_json() for one in jobs.one_customer(made))
    assert dollars(with_functions(row["counts"], row["writes"])) < 0.0005
