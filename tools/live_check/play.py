"""Runs the checks, prints what they saw, and removes what they made."""

from __future__ import annotations

import shutil
import textwrap
import time
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path

from keyward.values import JSON
from tools.live_check import documents, gateway, records, roles, services, stages, story, trials
from tools.live_check.checks import CHECKS, Check
from tools.live_check.recorder import Recorder
from tools.live_check.removal import remove
from tools.live_check.run import Run
from tools.live_check.state import PREFIX, opened
from tools.live_check.world import World, rehearsal

# The steps come first, as the stack is theirs.
ALL = [
    check
    for module in (story, services, records, gateway, documents, stages, trials, roles)
    for check in CHECKS
    if check.ask.__module__ == module.__name__
]
RECORDING = "recording.jsonl"
# Dollars for two hours of everything; public prices of us-east-1.
COSTS = {
    "20 alarms and a dashboard, two hours": 0.02,
    "a trail's second copy of some 4,500 write events": 0.09,
    "Lambda, Step Functions, DynamoDB, SQS, SSM, S3 and logs": 0.10,
    "GetParameter, an advanced parameter for two hours": 0.01,
    "two metrics and an alarm on them, a state machine, two tables of other stacks": 0.02,
}
# What every rehearsal meets on the way; each passes, so no row of the table may change.
FAULTS: list[JSON] = [
    {"operation": "CreateUsagePlanKey", "call": 1, "fault": "503"},
    {"operation": "ImportRestApi", "call": 2, "fault": "throttle"},
    {"operation": "UpdateUsagePlan", "call": 2, "fault": "timeout_after"},
    {"operation": "DeleteUsagePlan", "call": 2, "fault": "throttle"},
    {"operation": "PutRestApi", "call": 2, "fault": "throttle"},
    {"operation": "ImportApiKeys", "call": 1, "fault": "503"},
]
# Where a rehearsal breaks off, and goes on from its file.
BREAK_BEFORE = "key-issued"


def ids() -> list[str]:
    """The checks in their order."""
    return [check.id for check in ALL]


def unknown(wanted: Iterable[str]) -> list[str]:
    """Which of these ids no check has."""
    return sorted({*wanted} - {*ids()})


def announcement(run: Run) -> str:
    """What a run makes, takes and costs."""
    lines = [f"{text}: {dollars:.2f}" for text, dollars in COSTS.items()]
    costs = "\n".join(f"  {line}" for line in lines)
    return f"""
This deploys Keyward as the stack {run.state.name}
in account {run.state.account}, {run.state.region}.
It makes APIs, plans and some 2,300 keys whose names begin with {PREFIX}, a trail, two small
stacks, and rules with a queue that hear of the account's calls of API Gateway meanwhile.
It takes some 90 minutes, for quotas of API Gateway, and removes all of it at the end:
the file build/live-check/state.json says what is still there. `--remove` removes it at once.
sam's own bucket for templates (aws-sam-cli-managed-default) stays.
It costs at most {sum(COSTS.values()):.2f} dollars:
{costs}
"""


def refusal(run: Run) -> str:
    """Why a run must not begin here; empty when it may. Keyward acts on every API with its tag, so
    an account where one is, is not for trials."""
    pages = run.gateway.get_paginator("get_rest_apis").paginate()
    tagged = [
        str(api["name"])
        for page in pages
        for api in page["items"]
        if "keyward" in api.get("tags", {}) and not api["name"].startswith(run.state.name)
    ]
    if not tagged:
        return ""
    return (
        f"the account must have no API with the tag `keyward`, got {', '.join(tagged)}. "
        "Use an account or a Region without Keyward"
    )


def run_all(run: Run, folder: Path, only: list[str] | None = None) -> int:
    """Ask what was not asked yet, print the table, remove everything; the exit code."""
    try:
        ask(run, folder, only)
    except KeyboardInterrupt:
        print("\nlive-check: broken off. The same command goes on; --remove removes what there is.")
        return 1
    print(table(run))
    return max(int(differs(run)), remove_all(run))


def ask(run: Run, folder: Path, only: list[str] | None = None, before: str = "") -> None:
    """Ask each check that has no row yet, up to the one with the id `before`."""
    recorder = Recorder(folder / RECORDING)
    for check in ALL:
        if check.id == before:
            return
        if check.id in run.state.results or (only and check.id not in only):
            continue
        begun = time.monotonic()
        row = _asked(run, check, recorder)
        run.state.results[check.id] = row
        run.state.save()
        word = {True: "ok", False: "DIFFERS", None: "told"}[row["agrees"]]
        seconds = time.monotonic() - begun
        print(f"{seconds:7.1f} s  {word:<8} {check.id}: {row['seen']}", flush=True)


def _asked(run: Run, check: Check, recorder: Recorder) -> JSON:
    """The row; what a check of API Gateway alone calls is recorded."""
    with recorder.listening(run.gateway) if check.alone else nullcontext():
        return check.answer(run)


def differs(run: Run) -> bool:
    """Whether a check saw something else than expected."""
    return any(row["agrees"] is False for row in run.state.results.values())


def remove_all(run: Run) -> int:
    """Remove what the run made and its file; 1 when something stays."""
    stays = remove(run)
    for line in stays:
        print(f"live-check: STAYS: {line}")
    if stays:
        print("live-check: say --remove again when the reason is gone")
        return 1
    print("live-check: all that was made is removed")
    file = run.state.file
    if file and file.exists():
        shutil.move(file, file.with_name(f"{run.state.run}.json"))
    return 0


def table(run: Run) -> str:
    """`expected / seen / engine to mend`, a row a check."""
    lines = [f"{'check':<18} {'expected':<36} {'seen':<46} engine to mend"]
    lines.append(f"{'-' * 18} {'-' * 36} {'-' * 46} {'-' * 14}")
    for check_id, row in run.state.results.items():
        cells = [textwrap.wrap(row["expected"], 36) or [""], textwrap.wrap(row["seen"], 46) or [""]]
        height = max(map(len, cells))
        expected, seen = ([*cell, *[""] * (height - len(cell))] for cell in cells)
        names = [check_id, *[""] * (height - 1)]
        engines = [row["engine"] or "-", *[""] * (height - 1)]
        for name, one, other, engine in zip(names, expected, seen, engines, strict=True):
            lines.append(f"{name:<18} {one:<36} {other:<46} {engine}".rstrip())
    return "\n".join(lines)


def rehearse(folder: Path, only: list[str] | None = None) -> int:
    """The whole run on a local AWS with faults and a break in the middle; the exit code.

    Others' things must be as they were, and nothing of the run may be left."""
    shutil.rmtree(folder, ignore_errors=True)
    with rehearsal(FAULTS) as world:
        file = folder / "state.json"
        first = Run(world, opened(file, world.account, world.region))
        theirs, before = strangers(first), left(first)
        ask(first, folder, only, before=BREAK_BEFORE)
        print(f"live-check: broken off before {BREAK_BEFORE}; a new process would read the file")
        run = Run(world, opened(file, world.account, world.region))
        code = run_all(run, folder, only)
        # A run without the check `stack` leaves the stack that stood already.
        if things(run) != theirs or left(run) not in ([], before):
            print(f"live-check: LEFT OR TAKEN: {theirs} became {things(run)}, {left(run)}")
            return 1
        print("live-check: what others have in the account is as it was")
    return code


def strangers(run: Run) -> JSON:
    """Things of somebody else, whose names are near: what `things` finds with them."""
    name = f"{PREFIX}of-somebody-else"
    api = run.gateway.create_rest_api(name=name)["id"]
    plan = run.gateway.create_usage_plan(name=name)["id"]
    key = run.gateway.create_api_key(name=name)["id"]
    run.gateway.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
    run.gateway.tag_resource(
        resourceArn=f"arn:aws:apigateway:{run.world.region}::/restapis/{api}", tags={"a": "b"}
    )
    return things(run)


def things(run: Run) -> JSON:
    """All APIs, plans and keys of the account, by name."""
    found: JSON = {}
    for operation in ("get_rest_apis", "get_usage_plans", "get_api_keys"):
        pages = run.gateway.get_paginator(operation).paginate()
        found[operation] = sorted(item["name"] for page in pages for item in page["items"])
    return found


def left(run: Run) -> list[str]:
    """Tables and stacks of a local AWS that had only the run's, and whatever has its name."""
    stacks = run.world.client("cloudformation").describe_stacks()["Stacks"]
    names = [one["StackName"] for one in stacks if one["StackStatus"] != "DELETE_COMPLETE"]
    tables = run.world.client("dynamodb").list_tables()["TableNames"]
    return [*names, *tables, *filter(lambda name: run.state.name in name, others(run.world))]


def others(world: World) -> list[str]:
    """Names of all queues, rules, roles, alarms and state machines."""
    alarms = world.client("cloudwatch").describe_alarms()["MetricAlarms"]
    machines = world.client("stepfunctions").list_state_machines()["stateMachines"]
    return [
        *world.client("sqs").list_queues().get("QueueUrls", []),
        *(rule["Name"] for rule in world.client("events").list_rules()["Rules"]),
        *(role["RoleName"] for role in world.client("iam").list_roles()["Roles"]),
        *(alarm["AlarmName"] for alarm in alarms),
        *(machine["name"] for machine in machines),
    ]
