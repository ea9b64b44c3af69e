"""`make deploy`: look whether the stack can be made, ask the first time, sam build, sam deploy.

`sam deploy --guided` asks for every parameter of a template. This asks for six things at most, the
rest keeps its defaults (docs/settings.md), and sam keeps the answers in samconfig.toml: the next
time nothing is asked. What cannot work is said in one sentence before anything is made.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from keyward.values import JSON
from local import template
from tools.account import sentence, session
from tools.prepare_update import unprepared

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE, CONFIG = ROOT / "template.yaml", ROOT / "samconfig.toml"
# Beside the stack's name and the Region; a parameter that the template lacks is not asked for.
ASKED = ("DefaultMode", "CreateTrail", "NotifyEmail", "ClaimPage")
# What the stack and its functions need in a Region, by the names of botocore.
SERVICES = (
    *("apigateway", "cloudformation", "cloudtrail", "cloudwatch", "dynamodb", "events", "lambda"),
    *("logs", "s3", "scheduler", "secretsmanager", "sns", "sqs", "ssm", "stepfunctions"),
)


class DeployError(Exception):
    """Why the stack cannot be made; nothing was."""


def missing_services(session: Any, region: str) -> list[str]:
    """The services that the Region lacks. Raises DeployError for a Region that is not there."""
    try:
        partition = session.get_partition_for_region(region)
    except BotoCoreError:
        raise DeployError(f"There is no Region {region}") from None
    found = {name: session.get_available_regions(name, partition) for name in SERVICES}
    missing = [name for name, regions in found.items() if region not in regions]
    if len(missing) == len(SERVICES):
        raise DeployError(f"There is no Region {region}")
    return missing


def check(session: Any, stack: str, region: str) -> None:
    """Look whether the Region and the credentials will do. Raises DeployError."""
    missing = missing_services(session, region)
    if missing:
        raise DeployError(f"The Region {region} has no {', '.join(missing)}, which Keyward needs")
    try:
        session.client("sts", region_name=region).get_caller_identity()
        reasons = unprepared(session.client("cloudformation", region_name=region), stack)
        if reasons:
            raise DeployError(
                f"{stack} cannot be updated yet: {'; '.join(reasons)}. "
                f"Run .venv/bin/python -m tools.prepare_update {stack} first (docs/operations.md)"
            )
    except ClientError as error:
        about = error.response["Error"]
        if about["Code"] != "ValidationError":  # no such stack: the first deployment
            raise DeployError(f"AWS refuses your credentials: {about['Message']}") from error
    except BotoCoreError as error:
        raise DeployError(sentence(error)) from error


def saved() -> JSON:
    """What sam has of the last deployment; nothing before the first."""
    config = tomllib.loads(CONFIG.read_text("utf-8"))["default"]
    deploy = config.get("deploy", {}).get("parameters", {})
    return dict(config["global"]["parameters"] | deploy)


def ask(read: Callable[[str], str], name: str, about: JSON) -> str:
    """Ask for a value until it can be one; an empty answer is the default."""
    allowed = [str(value) for value in about.get("AllowedValues", [])]
    choice = f" ({', '.join(allowed)})" if allowed else ""
    default = str(about.get("Default", ""))
    while True:
        answer = read(f"{name}: {about['Description']}{choice} [{default}] ").strip() or default
        if not allowed or answer in allowed:
            return answer
        print(f"{name}: must be one of {', '.join(allowed)}, got {answer}.", file=sys.stderr)


def questions(stack: str, region: str) -> dict[str, JSON]:
    """All that is asked, by name, with defaults."""
    declared = template.load(TEMPLATE)["Parameters"]
    asked: dict[str, JSON] = {
        "Stack": {"Description": "Name of the stack, in all its names.", "Default": stack},
        "Region": {"Description": "Where the REST APIs are.", "Default": region},
    }
    return asked | {name: declared[name] for name in ASKED if name in declared}


def plan(session: Any, read: Callable[[str], str] | None, before: JSON) -> list[str]:
    """The arguments of `sam deploy`, after all that can be looked at. Nothing is asked that sam has
    from the last time, or where nobody can `read`. Raises DeployError."""
    stack, region = before["stack_name"], before.get("region") or session.region_name
    if "parameter_overrides" in before or read is None:
        if not region:
            raise DeployError("No Region is set. Set AWS_REGION, or `region` in samconfig.toml")
        check(session, stack, region)
        return ["--stack-name", stack, "--region", region]
    asked = questions(stack, region or "us-east-1")
    answers = {name: ask(read, name, asked.pop(name)) for name in ("Stack", "Region")}
    check(session, answers["Stack"], answers["Region"])
    chosen = [f"{name}={ask(read, name, about)}" for name, about in asked.items()]
    place = ["--stack-name", answers["Stack"], "--region", answers["Region"], "--save-params"]
    return [*place, "--parameter-overrides", *chosen]


def main() -> int:
    """Deploy. The exit code is that of sam, 1 when it was not asked."""
    try:
        arguments = plan(session(), input if sys.stdin.isatty() else None, saved())
    except (DeployError, EOFError, KeyboardInterrupt) as error:
        why = error if str(error) else "Broken off"
        print(f"deploy: {why}. Nothing was made", file=sys.stderr)
        return 1
    for command in (["sam", "build"], ["sam", "deploy", *arguments]):
        ended = subprocess.run(command, cwd=ROOT, check=False).returncode
        if ended:
            return ended
    return 0


if __name__ == "__main__":
    sys.exit(main())
