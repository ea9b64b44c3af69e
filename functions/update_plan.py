"""Update plan: bring one usage plan in line with the policy in force, in its turn."""

from __future__ import annotations

from typing import Any

from keyward.runs import runtime
from keyward.runs.policy.run import PolicyRun


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{execution_arn, asked?, failed}`; output `{next, wait_seconds?, failed}`: plans
    that could not be changed are in `failed`, and left to the next run."""
    mode, queue_url = runtime.setting("DEFAULT_MODE"), runtime.setting("APIS_QUEUE_URL")
    return PolicyRun(runtime.context(), event, mode, queue_url).update()
