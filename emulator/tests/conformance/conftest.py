"""Runs the cases against an emulator of their own, any endpoint, or a real account.

pytest emulator/tests/conformance
pytest emulator/tests/conformance --apigateway URL --invoke 'http://…/{rest_api_id}/{stage}'
KEYWARD_LIVE=1 pytest emulator/tests/conformance [--live]   paced, patient, cleans up after itself
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.model import OperationModel

from emulator import server
from emulator.clock import VirtualClock
from emulator.emulator import Emulator
from emulator.tests.conformance.account import PREFIX, Account
from emulator.tests.conformance.pacing import Clock, Pacer, PassingTime

TAGS = ("recorded", "documented", "observed", "believed")
HERE = Path(__file__).parent
LIVE_INVOKE = "https://{rest_api_id}.execute-api.{region}.amazonaws.com/{stage}"
# recorded: up to 85 s until every host knows (aws-recorded.md 10); a probe wants five in a row
LIVE_SETTLE_SECONDS = 240.0


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance", "which API Gateway the cases run against")
    group.addoption("--apigateway", help="URL of a control plane; default: an emulator is started")
    group.addoption("--invoke", help="data plane, like http://host/{rest_api_id}/{stage}")
    group.addoption("--live", action="store_true", help="the account of your AWS credentials")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "conformance(tag, source): how sure a case is, who says so")
    config.addinivalue_line("markers", "emulator_only: asks for what only the emulator has")
    config.addinivalue_line("markers", "own_emulator: makes an emulator inside the test")


def _is_live(config: pytest.Config) -> bool:
    wanted = os.environ.get("KEYWARD_LIVE") == "1"
    if config.getoption("--live", default=False) and not wanted:
        raise pytest.UsageError("set KEYWARD_LIVE=1 too: else tests get fake credentials")
    return wanted


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Cases without a tag are refused; those that fit only the emulator go when it is another's."""
    live, elsewhere = _is_live(config), bool(config.getoption("--apigateway", default=None))
    kept, left_out = [], []
    for item in items:
        if HERE not in item.path.parents:
            kept.append(item)
            continue
        item.user_properties.append(("conformance", [item.path.stem, _tag_of(item)]))
        only_emulator = item.get_closest_marker("emulator_only") is not None
        inside = item.get_closest_marker("own_emulator") is not None
        unfit = (live and only_emulator) or ((live or elsewhere) and inside)
        (left_out if unfit else kept).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def _tag_of(item: pytest.Item) -> str:
    """The tag of a case: its parameter's own, else its function's."""
    marks = list(item.iter_markers("conformance"))
    if not marks:
        raise pytest.UsageError(f"{item.nodeid} has no tag")
    callspec = getattr(item, "callspec", None)
    own = [mark for mark in marks if callspec is not None and mark in callspec.marks]
    return str((own or marks)[0].kwargs["tag"])


@pytest.fixture(scope="session")
def _endpoint(pytestconfig: pytest.Config) -> Iterator[tuple[str | None, str, Clock]]:
    """Where the cases run, and the time there: that of an emulator of their own stands still."""
    url = pytestconfig.getoption("--apigateway", default=None)
    invoke = pytestconfig.getoption("--invoke", default=None)
    if _is_live(pytestconfig):
        yield None, invoke or LIVE_INVOKE, PassingTime()
    elif url:
        if not invoke:
            raise pytest.UsageError("--apigateway wants --invoke")
        yield url.rstrip("/"), invoke, PassingTime()
    else:
        clock = VirtualClock(time.time())
        running = server.start(Emulator(clock=clock))
        yield running.url, running.invoke_url, clock
        running.stop()


@pytest.fixture(scope="session")
def _session_account(
    _endpoint: tuple[str | None, str, Clock], pytestconfig: pytest.Config
) -> Iterator[Account]:
    url, invoke, clock = _endpoint
    live = _is_live(pytestconfig)
    session = boto3.Session()
    client = session.client(
        "apigateway",
        endpoint_url=url,
        config=Config(
            connect_timeout=60,
            read_timeout=60,
            retries={"total_max_attempts": 5 if live else 1, "mode": "standard"},
        ),
    )
    pacer = Pacer()
    if live:
        client.meta.events.register("before-call.apigateway", _paced(pacer))
    account = Account(
        gw=client,
        credentials=session.get_credentials(),
        control=client.meta.endpoint_url,
        invoke=invoke,
        region=client.meta.region_name,
        clock=clock,
        live=live,
        settle=LIVE_SETTLE_SECONDS if live else 2.0,
        pace=pacer.wait if live else lambda operation: None,
    )
    yield account
    if live:
        _sweep(account)
    client.close()


def _paced(pacer: Pacer) -> Callable[..., None]:
    def wait(model: OperationModel, params: dict[str, Any], **_: Any) -> None:
        regional = model.name == "CreateRestApi" and b"REGIONAL" in params["body"]
        pacer.wait("CreateRegionalRestApi" if regional else model.name)

    return wait


def _sweep(account: Account) -> None:
    """Whatever a case that was interrupted has left behind, by the names that cases give."""
    things = (
        ("plan", "get_usage_plans", {}),
        ("key", "get_api_keys", {"nameQuery": PREFIX}),
        ("api", "get_rest_apis", {}),
    )
    for kind, operation, arguments in things:
        for page in account.gw.get_paginator(operation).paginate(**arguments):
            for item in page["items"]:
                if str(item.get("name", "")).startswith(PREFIX):
                    account.keep(kind, item["id"])
    account.clear()


@pytest.fixture
def account(_session_account: Account) -> Iterator[Account]:
    """The account; what a case makes is deleted after it."""
    yield _session_account
    _session_account.clear()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One table: cases passed of those run, by group and tag."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, found in getattr(report, "user_properties", []):
                if name == "conformance" and (outcome != "passed" or report.when == "call"):
                    group, tag = found
                    for row in (group.removeprefix("test_"), "total"):
                        for column in (tag, "all"):
                            counts[row, column, outcome] += 1
    if counts:
        _write_table(terminalreporter, counts)


def _write_table(reporter: pytest.TerminalReporter, counts: Counter[tuple[str, str, str]]) -> None:
    columns = (*TAGS, "all")
    groups = sorted({row for row, _, _ in counts} - {"total"})
    reporter.section("conformance: passed/run")
    reporter.write_line("".join([f"{'':<18}", *(f"{column:>12}" for column in columns)]))
    for row in (*groups, "total"):
        cells = []
        for column in columns:
            passed = counts[row, column, "passed"]
            run = passed + counts[row, column, "failed"] + counts[row, column, "error"]
            cells.append(f"{f'{passed}/{run}' if run else '-':>12}")
        reporter.write_line(f"{row:<18}{''.join(cells)}")
