"""The figures that were saved: complete, consistent, and made by one writer. Counts are held to,
CPU never: it is that of the machine that measured."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import partial
from typing import Any

import pytest

from benchmarks import budgets, costs, jobs, load, many, peers, plan, report
from benchmarks.custodian import PATH, VERSION, UnavailableError
from benchmarks.desk import Desk, Row, desk
from benchmarks.load import Beside
from benchmarks.plan import SIZES
from benchmarks.plot import plot
from benchmarks.prices import AS_OF, PRICES, dollars
from benchmarks.startup import SIGN_UP, StartUp, StartUps
from benchmarks.tape import record
from keyward.audit import modes
from keyward.values import JSON
from tests import tree
from tests.rules.test_dashboard import GAUGES

FULL = SIZES["full"]
SAVED: JSON = json.loads(report.LATEST.read_text(encoding="utf-8"))
ROWS: list[JSON] = SAVED["rows"]
FUNCTIONS: list[JSON] = SAVED["start_up"]["functions"]
CHECKS = report.checks(SAVED)


def row(job: str, who: str = budgets.KEYWARD, share: int = 50) -> JSON:
    about = {"job": job, "who": who, "share": share}
    [found] = [one for one in ROWS if about.items() <= one.items()]
    return found


def test_each_gauge_of_the_account_is_in_an_idle_month() -> None:
    # Those of a plan cost by the plan; docs/costs.md says so beside the sum.
    of_services = {"ApproximateNumberOfMessagesVisible"}
    of_plans = {name for name in GAUGES if name.startswith(("Keys", "Calls"))}
    counted = {*costs.EACH_MINUTE, *costs.EACH_NIGHT}
    assert counted - GAUGES == set()
    assert GAUGES - of_services - (of_plans - counted) == counted


def test_every_size_is_there() -> None:
    bursts = {load.at_once(number) for number in FULL.customers}
    apis = {f"API of {methods} methods, compliant" for methods in FULL.methods}
    many_apis = {f"{number} APIs exposed at once" for number in FULL.apis}
    audits = {many.audit_name(FULL.audited, FULL.customers[-1])}
    assert bursts | apis | many_apis | audits <= {one["job"] for one in ROWS}


@pytest.mark.parametrize("number", FULL.customers)
def test_the_peers_stand_beside_every_burst(number: int) -> None:
    others = {one["who"] for one in ROWS if one["job"] == load.at_once(number)}
    expected = {budgets.KEYWARD, peers.LOOP, peers.HMRC, peers.TERRAFORM}
    assert others - {peers.PORTAL} == expected


def test_cloud_custodian_stands_there_or_is_said_to_be_missing() -> None:
    measured = {one["who"] for one in ROWS}
    assert (peers.CUSTODIAN in measured) != bool(SAVED["missing"])
    assert VERSION in report.PERFORMANCE.read_text(encoding="utf-8")


def test_cloud_custodians_own_environment_finds_what_the_bench_imports() -> None:
    # -S: packages alone, without the link to Keyward that `make setup` puts beside them.
    path = os.pathsep.join((PATH, sysconfig.get_path("purelib")))
    command = [sys.executable, "-S", "-c", "import benchmarks.custodian"]
    done = subprocess.run(
        command, env={"PYTHONPATH": path}, cwd="/", capture_output=True, text=True, check=False
    )
    assert done.stderr == ""


def test_a_peer_that_cannot_be_installed_is_said_aloud(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(job: str, size: int) -> JSON:
        raise UnavailableError("c7n: no index has it")

    monkeypatch.setattr(peers, "run", refuse)
    rows, missing = plan.peers(SIZES["small"])
    assert {one.who for one in rows} == {*peers.SIGN_UPS}
    assert "Not measured: c7n: no index has it." in report.jobs(SAVED | {"missing": missing})


def test_every_row_has_every_figure() -> None:
    for rows, kind in ((ROWS, Row), (SAVED["beside"], Beside), (FUNCTIONS, StartUp)):
        names = {field.name for field in fields(kind)}
        assert all(set(one) == names for one in rows)


def test_every_function_is_there() -> None:
    measured = [one["function"] for one in FUNCTIONS]
    assert measured == sorted(path.stem for path in tree.function_files().values())


@pytest.mark.parametrize("function", [one["function"] for one in FUNCTIONS])
def test_a_ratio_is_that_of_its_row_to_the_reference(function: str) -> None:
    [found] = [one for one in FUNCTIONS if one["function"] == function]
    assert found["ratio"] == round(found["ready_ms"] / SAVED["start_up"]["reference_ms"], 2)


def test_no_budget_is_broken_that_is_not_known_to_be() -> None:
    assert budgets.surprises(CHECKS, is_whole=True) == []


def test_every_budget_has_its_row() -> None:
    jobs_measured = {check.job for check in CHECKS}
    unused = [p for p in budgets.BUDGETS if not any(re.fullmatch(p, job) for job in jobs_measured)]
    assert unused == []


def test_a_broken_budget_names_its_row() -> None:
    broken = row("sign-up") | {"writes": 3}
    assert budgets.surprises(budgets.of_row(broken), is_whole=False) == [
        "sign-up at share 50: writes is 3, must be at most 2"
    ]


@pytest.mark.parametrize("page", [report.PERFORMANCE, report.COSTS], ids=["performance", "costs"])
def test_a_page_is_what_the_writer_makes_of_the_saved_figures(page: Any) -> None:
    text = page.read_text(encoding="utf-8")
    assert report.filled(text, SAVED) == text


def test_every_table_has_its_place_on_a_page() -> None:
    text = report.PERFORMANCE.read_text(encoding="utf-8") + report.COSTS.read_text(encoding="utf-8")
    missing = [name for name in report.tables(SAVED) if report.BEGIN.format(name) not in text]
    assert missing == []


def test_the_plot_is_drawn_from_the_saved_figures() -> None:
    assert report.PLOT.read_text(encoding="utf-8") == plot(ROWS)


def test_the_readme_says_what_the_page_on_costs_says() -> None:
    readme = " ".join((tree.ROOT / "README.md").read_text(encoding="utf-8").split())
    assert costs.sentence(SAVED) in readme


def test_the_readme_is_restated_with_other_figures() -> None:
    readme = (tree.ROOT / "README.md").read_text(encoding="utf-8")
    other = readme.replace(costs.sentence(SAVED), costs.SAID.format("1.00", "2.00"))
    assert other != readme
    assert costs.restated(other, SAVED) == readme


def test_a_run_leaves_no_word_of_an_earlier_one() -> None:
    made = report.report([], StartUps(9, 252, []), [])
    assert report.runs(made).startswith("One run made all figures of this page.")


def test_the_dollars_of_a_look_are_those_of_the_page_on_costs() -> None:
    methods, number = FULL.methods[0], FULL.apis[-1]
    closed = modes.CLOSED + methods * modes.METHOD
    estimates = {
        f"API of {methods} methods, compliant": modes.LOOKED_AT,
        f"API of {methods} methods, exposed": closed,
        f"{number} APIs exposed at once": number * (closed + modes.WAITED),
    }
    counted = {job: dollars(costs.counted(SAVED, job)) for job in estimates}
    assert estimates == pytest.approx(counted, rel=0.2)
    assert round(sum(costs.idle_month(SAVED).values())) == modes.STACK_A_MONTH
    assert modes.PRICED == AS_OF


def test_the_page_on_costs_names_every_parameter_of_the_stack() -> None:
    text = report.COSTS.read_text(encoding="utf-8")
    parameters = [name for name in tree.template()["Parameters"] if not name.endswith("Url")]
    assert [name for name in parameters if f"`{name}`" not in text] == []


def test_every_price_has_a_page_of_aws_and_a_date() -> None:
    assert all(price.page and price.dollars > 0 for price in PRICES.values())
    assert AS_OF in " ".join(report.COSTS.read_text(encoding="utf-8").split())


def test_everything_that_was_counted_has_its_price() -> None:
    counted = {name for one in ROWS for name in one["counts"] or {}}
    assert counted <= PRICES.keys()


GROUPS = [jobs.one_customer, jobs.one_life, partial(jobs.one_api, methods=FULL.methods[0])]


@pytest.mark.parametrize("group", GROUPS, ids=["one customer", "one life", "one API"])
def test_what_was_saved_is_what_it_costs_now(group: Callable[[Desk], Iterator[Row]]) -> None:
    with desk() as made:
        for now in group(made):
            saved = row(now.job)
            for figure in ("reads", "writes", "refused", "failed"):
                assert getattr(now, figure) == saved[figure], f"{now.job}: run `make bench`"


def test_a_cold_sign_up_starts_the_functions_whose_cpu_is_added_up() -> None:
    with desk() as made:
        load.known_plan(made)
        before = made.bench.account.invoked.copy()
        made.bench.send("CustomerSignedUp", customer_id="acme", plan="free")
        made.bench.run()
        invoked = {*(made.bench.account.invoked - before)}
    files = tree.function_files()
    assert {files[name].stem for name in invoked} == {*SIGN_UP}


def test_the_meter_counts_dynamodb_units_as_they_are_billed() -> None:
    with desk() as made:
        table, counts = made.bench.account.tables.by_name["CustomersTable"], made.meter.counts
        before = counts.copy()
        table.put_item(Item={"customer_id": "acme", "name": "x" * 1500})
        table.get_item(Key={"customer_id": "acme"})
        table.get_item(Key={"customer_id": "acme"}, ConsistentRead=True)
        assert counts["written_units"] - before["written_units"] == 2
        assert counts["half_read_units"] - before["half_read_units"] == 3


def test_the_tape_holds_one_straight_invocation_of_every_function() -> None:
    takes = record()
    assert {*takes} == {path.stem for path in tree.function_files().values()}
    silent = [name for name, take in takes.items() if not take.answers]
    assert silent == ["start_customer_reconcile"]


def test_nothing_that_was_saved_names_a_machine() -> None:
    text = report.LATEST.read_text(encoding="utf-8")
    assert not re.search(r"://|(?<!\w)/\w|localhost|127\.", text)
