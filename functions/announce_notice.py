"""Announce notice: a customer is told what is going to happen by itself. No call of API Gateway."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keyward.aws.tables import Registry
from keyward.events import contracts
from keyward.runs import runtime
from keyward.runs.key_step import Step
from keyward.runs.ledger import notice_line


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, lease, action: {notice, detail, marks}, execution_arn}`; output
    `{notice}`."""
    return announce_notice(event, runtime.registry(), runtime.now)


def announce_notice(
    task: dict[str, Any], registry: Registry, clock: Callable[[], float]
) -> dict[str, Any]:
    """The notice goes into the outbox with the mark that it was given. Idempotent: each comes once.
    Raises LeaseLostError."""
    step, action = Step.begin(task, registry, clock), task["action"]
    announced = contracts.announcement(
        action["notice"],
        **action["detail"],
        execution_arn=step.execution_arn,
        actions=[{"action": "announce_notice", "notice": action["notice"]}],
    )
    registry.notices.give(
        contracts.parse_customer_id(task),
        [str(mark) for mark in action["marks"]],
        announced,
        step.lease,
        step.when,
        notice_line(task, clock()),
    )
    return {"notice": action["notice"]}
