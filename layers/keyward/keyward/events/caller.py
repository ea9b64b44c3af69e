"""Name who made a call, as far as CloudTrail's event says. Pure.

For people to read, never acted on: whoever may call API Gateway chooses the user agent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from keyward.events.fields import STAGE
from keyward.values import JSON, frozen

MAX_CHARACTERS = 128
# By what `invokedBy` or `userAgent` holds (recorded: data/cloudtrail; Terraform's provider names
# itself so in front of the SDK's agent).
TOOLS = (
    ("cloudformation.amazonaws.com", "CloudFormation"),
    ("terraform", "Terraform"),
    ("pulumi", "Pulumi"),
    ("aws-cli", "the AWS CLI"),
    ("console.amazonaws.com", "the console"),
    ("aws-internal", "the console"),
    ("aws internal", "the console"),
    ("boto3", "boto3"),
)


@frozen
class CallerIdentity:
    """A call that moved `stage`: its `principal` (a role's or user's name), the `tool`, the `call`
    (an operation) and the time `at` (ISO 8601). Empty where the event does not say."""

    stage: str
    principal: str = ""
    tool: str = ""
    call: str = ""
    at: str = ""

    def words(self) -> str:
        """Write `pet-shop-pipeline through CloudFormation (UpdateStage at
        2026-11-23T10:05:00Z)`."""
        who = self.principal or "somebody"
        through = f" through {self.tool}" if self.tool else ""
        when = " at ".join(part for part in (self.call, self.at) if part)
        return f"{who}{through}" + (f" ({when})" if when else "")

    def as_json(self) -> JSON:
        """For the record and for events: only what is known."""
        return {name: value for name, value in asdict(self).items() if value}


def caller_of(envelope: Mapping[str, Any]) -> CallerIdentity | None:
    """Name who moved which stage; None when the call moved none (a deployment without a stage)."""
    detail = _object(envelope.get("detail"))
    stage = _stage(_object(detail.get("requestParameters")))
    if stage is None:
        return None
    identity = _object(detail.get("userIdentity"))
    return CallerIdentity(
        stage=stage,
        principal=_principal(identity),
        tool=_tool(f"{identity.get('invokedBy', '')} {detail.get('userAgent', '')}"),
        call=_plain(detail.get("eventName")),
        at=_plain(detail.get("eventTime")),
    )


def _stage(request: JSON) -> str | None:
    inputs = [_object(request.get(f"create{what}Input")) for what in ("Deployment", "Stage")]
    for body in (request, *inputs):
        name = body.get("stageName")
        if isinstance(name, str) and STAGE.fullmatch(name):
            return name
    return None


def _principal(identity: JSON) -> str:
    issuer = _object(_object(identity.get("sessionContext")).get("sessionIssuer"))
    last = str(identity.get("arn") or "").rpartition("/")[2]
    return _plain(issuer.get("userName") or identity.get("userName") or last)


def _tool(agent: str) -> str:
    found = (name for mark, name in TOOLS if mark in agent.lower())
    return next(found, "")


def _plain(value: object) -> str:
    """Keep letters, digits and the marks that names have: the text goes into events and logs."""
    text = value if isinstance(value, str) else ""
    return re.sub(r"[^\w .@:/+=,-]", "", text, flags=re.ASCII)[:MAX_CHARACTERS]


def _object(value: object) -> JSON:
    return value if isinstance(value, dict) else {}


@frozen
class Editor:
    """Who changed something last: an ARN, the call that did it, and when (ISO 8601)."""

    who: str
    what: str
    when: str

    def as_json(self) -> JSON:
        """For ApiHeld."""
        return asdict(self)

    def words(self) -> str:
        """Write `arn:aws:iam::123456789012:user/ada (UpdateApiKey at 2026-11-23T10:05:00Z)`."""
        return f"{_plain(self.who)} ({_plain(self.what)} at {self.when})"
