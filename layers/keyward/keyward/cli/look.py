"""`keyward look`: what is exposed and out of order in an account, and what Keyward would do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

import boto3
import click

from keyward.apis.model import MODE_TAG, OFF
from keyward.audit.look import Look, Looker
from keyward.audit.model import Finding
from keyward.audit.modes import PRICED, STACK_COSTS, ModeEffect, mode_effects
from keyward.audit.remedies import with_helps
from keyward.audit.strangers import duplicate_plans, key_groups, working_copies
from keyward.aws.gateway.patience import Paced
from keyward.cli.options import (
    FINE,
    FOUND,
    Call,
    each,
    json_lines,
    of_account,
    policy_in,
    table,
    write_page,
)
from keyward.cli.stack import SetUpError
from keyward.errors import GatewayRefusedError
from keyward.events.remedy import DEFAULT_STACK
from keyward.report import page
from keyward.report.look import report_of
from keyward.report.model import Report
from keyward.runs.schedule import CALLS, QUOTAS
from keyward.values import JSON, counted, iso, some_of

sleep = time.sleep
# So long throttled calls are waited for, in all.
PATIENCE_SECONDS = 300
MAX_METHODS = 30
# What is read, by the paths of API Gateway's ARNs. A test compares them with the calls.
PATHS = (
    "/apikeys",
    "/restapis",
    "/restapis/*/authorizers",
    "/restapis/*/deployments/*",
    "/restapis/*/resources",
    "/restapis/*/stages",
    "/restapis/*/stages/*/exports/*",
    "/usageplans",
    "/usageplans/*/keys",
    "/usageplans/*/usage",
)


@click.command()
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page too.")
@click.option("--policy", metavar="FILE", help="Keyward's policy, instead of the one that ships.")
@click.option("--deep", is_flag=True, help="Compare the working copies of all exposed APIs.")
@click.option(
    "--share",
    type=click.IntRange(1, 100),
    default=50,
    show_default=True,
    help="Percent of the account's 10 calls a second to use.",
)
@click.option("--iam", is_flag=True, help="Print the rights that this needs, and end.")
@of_account
def look(
    call: Call,
    /,
    html: Path | None,
    policy: str | None,
    deep: bool,
    share: int,
    iam: bool,
) -> int:
    """Look at an account, without a stack and without a change.

    Only GET is called. It tells exposed live methods, keys that open nothing, work for nobody or
    are not used, duplicate usage plans, stages that do not serve their working copy, and what each
    mode of Keyward would do. The exit code is 1 when something was found.
    """
    if iam:
        for line in json_lines(rights(call.region)):
            call.say(line)
        return FINE
    if html and not html.parent.is_dir():
        raise click.UsageError(f"--html: there is no folder {html.parent}.")
    rules, client, now = policy_in(policy), call.client(), call.now
    pace = Paced(PATIENCE_SECONDS, sleep, clock=now, rate=QUOTAS[CALLS][0] * share / 100)
    gateway = client.gateway().patiently(pace)
    account = _look(Looker(gateway, rules, now, DEFAULT_STACK, partial(each, "looking"), deep))
    groups = key_groups(account, rules)
    found = _findings(account)
    of_keys = [group.as_finding() for group in groups]
    place = f"Region {client.session.region_name}"
    report = report_of(account, rules, [*found, *of_keys], place, now())
    effects = mode_effects(account, rules, now(), share)
    calls = gateway.made.total()
    if html:
        write_page(html, page(report, effects))
    data = _as_json(account, report, effects) | {
        "calls": calls,
        "findings": [with_helps(one) for one in found] + [group.as_json() for group in groups],
    }
    call.show(data, _lines(account, report, [*found, *of_keys], effects, calls))
    return FOUND if found or groups else FINE


def _look(looker: Looker) -> Look:
    """Read the account. Raises SetUpError where the caller may not."""
    try:
        return looker.look()
    except GatewayRefusedError as error:
        if "AccessDenied" not in str(error):
            raise
        words = f"AWS refused {error}. keyward look --iam prints the rights that it needs"
        raise SetUpError(words) from None


def _findings(account: Look) -> list[Finding]:
    """Everything but the groups of keys."""
    plans = duplicate_plans(account.reading.plans)
    return [*account.reading.findings, *plans, *working_copies(account)]


def rights(region: str | None) -> JSON:
    """An IAM policy for `look`, in one Region or in all. GET on keys lets its holder read their
    values too, which `look` never asks for: AWS has no finer right."""
    partition = boto3.Session().get_partition_for_region(region) if region else "aws"
    resources = [f"arn:{partition}:apigateway:{region or '*'}::{path}" for path in PATHS]
    statement = {"Effect": "Allow", "Action": "apigateway:GET", "Resource": resources}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _as_json(account: Look, report: Report, effects: list[ModeEffect]) -> JSON:
    return {
        "place": report.place,
        "read_at": iso(account.reading.began),
        "apis": [asdict(api) for api in report.apis],
        "plans": [asdict(plan) for plan in report.plans],
        "keys": report.keys,
        "modes": [effect.as_json() for effect in effects],
        "prices_of": PRICED,
        "not_compared": list(account.not_compared),
    }


def _lines(
    account: Look, report: Report, found: list[Finding], effects: list[ModeEffect], calls: int
) -> Iterator[str]:
    stages = [(api, stage) for api in report.apis for stage in api.stages]
    rows = [
        (f"{api.name} ({api.rest_api_id})", stage.stage, one.method, one.path, one.authorization)
        for api, stage in stages
        for one in stage.exposed
    ]
    total = sum(stage.total for _, stage in stages)
    counts = {"API": len(report.apis), "stage": len(stages), "live method": total}
    counts |= {"usage plan": len(report.plans), "key": report.keys}
    yield f"{report.place}: {', '.join(counted(n, noun) for noun, n in counts.items())}"
    yield f"{counted(calls, 'call')}, GET only"
    if off := [f"{api.name} ({api.rest_api_id})" for api in report.apis if api.mode == OFF]:
        yield f"not looked at, as its owner tagged it {MODE_TAG}={OFF}: {some_of(off)}"
    words = counted(len(rows), "live method asks for no key", "live methods ask for no key")
    yield from ("", click.style(words, bold=True))
    shown = rows[:MAX_METHODS]
    yield from table(("API", "STAGE", "METHOD", "PATH", "AUTHORIZATION"), shown) if shown else ()
    if len(rows) > MAX_METHODS:
        yield f"and {len(rows) - MAX_METHODS:,} more: --json and --html list all"
    # The table above has the exposed methods.
    others = [one for one in found if one.kind != "exposed_methods"]
    yield from ("", click.style(counted(len(others), "other finding"), bold=True))
    for one in sorted(others, key=lambda one: one.severity != "high"):
        yield f"{_severity(one.severity)}  {one.says}"
        yield from [f"      {one.remedy}"] if one.remedy else []
    if account.not_compared:
        count = counted(len(account.not_compared), "exposed API was", "exposed APIs were")
        yield f"      {count} not compared with the working copy: --deep does"
    yield from ("", click.style("What each mode of Keyward would do", bold=True))
    columns = ("MODE", "CALLS", "TIME", "DOLLARS", "WHAT")
    yield from table(columns, [effect.cells() for effect in effects])
    yield STACK_COSTS


def _severity(severity: str) -> str:
    return click.style("high", fg="red") if severity == "high" else severity.ljust(4)
