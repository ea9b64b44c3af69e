"""Read a policy: text in, a checked `Policy` out. Its schema is `schema.json`."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from keyward.errors import PolicyRefusedError
from keyward.policy.billing import billing_policy
from keyward.policy.model import Policy
from keyward.policy.parts import (
    Exemption,
    Lifecycle,
    PlanPolicy,
    Probe,
    Quota,
    Throttle,
    UsagePolicy,
    midnight,
)
from keyward.policy.refusal import refusal
from keyward.policy.schema import first_breach
from keyward.values import JSON

SCHEMA_FILE = Path(__file__).with_name("schema.json")
DEFAULT_FILE = Path(__file__).with_name("default.json")


def parse(text: str) -> Policy:
    """The policy that `text` (JSON) states. Raises PolicyRefusedError, which names the field."""
    body = read_json(text)
    breach = first_breach(body, _schema())
    if breach:
        raise PolicyRefusedError(refusal(breach))
    for place, exemption in enumerate(body.get("exemptions", [])):
        _check_date(place, exemption.get("expires"))
    for name, plan in body["usage_plans"].items():
        _check_offset(name, plan.get("quota"))
        _check_methods(name, plan)
    return policy_of(body)


def read_json(text: str) -> Any:
    """The JSON of the text. Python reads more than JSON allows, and keeps the last of two members
    of one name: both are refused here. Raises PolicyRefusedError."""
    try:
        body = json.loads(text, object_pairs_hook=_members, parse_constant=_refuse_constant)
        # Half a surrogate pair is a text that nothing can write.
        json.dumps(body, ensure_ascii=False).encode()
    except RecursionError:
        raise PolicyRefusedError("policy: must not be nested so deep. Flatten it") from None
    except UnicodeError:
        raise PolicyRefusedError("policy: must be whole Unicode text. Remove \\uD8…") from None
    except ValueError as error:
        raise PolicyRefusedError(f"policy: must be JSON, and is not: {error}. Correct it") from None
    return body


def _members(pairs: list[tuple[str, Any]]) -> JSON:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member stands twice")
    return members


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number of JSON")


def default_text() -> str:
    """The policy that a new stack starts with, as JSON."""
    return DEFAULT_FILE.read_text(encoding="utf-8")


def policy_of(body: JSON) -> Policy:
    """The policy of an object that `parse` took before."""
    settings = (
        "require_key",
        "plan_change",
        "propagation_seconds",
        "overlap_hours",
        "hold",
        "warn_days",
        "report_days",
        "narrowing",
        "most_removals_an_hour",
    )
    return Policy(
        usage_plans={name: _plan(name, plan) for name, plan in body["usage_plans"].items()},
        exemptions=tuple(Exemption(**item) for item in body.get("exemptions", [])),
        probes=tuple(Probe(**item) for item in body.get("probes", [])),
        billing=billing_policy(body.get("billing"), body["usage_plans"]),
        usage=UsagePolicy.of(body.get("usage")),
        lifecycle=Lifecycle.of(body),
        **{name: body[name] for name in settings if name in body},
    )


def _plan(name: str, body: JSON) -> PlanPolicy:
    throttles = {line: Throttle.of(limits) for line, limits in body.get("methods", {}).items()}
    return PlanPolicy(
        name=name,
        throttle=Throttle.of(body.get("throttle")),
        quota=Quota.of(body.get("quota")),
        apis=tuple(body.get("apis", ["*"])),
        stages=tuple(body.get("stages", ["*"])),
        methods={line: throttle for line, throttle in throttles.items() if throttle},
        adopt=bool(body.get("adopt")),
    )


def _check_date(place: int, expires: str | None) -> None:
    try:
        midnight(expires or "2000-01-01")
    except ValueError:
        raise PolicyRefusedError(
            f"exemptions[{place}].expires: must be a date like 2027-01-31, got {expires!r}. "
            "Correct it"
        ) from None


def _check_offset(name: str, quota: JSON | None) -> None:
    most = {"DAY": 0, "WEEK": 6, "MONTH": 27}
    if quota and quota.get("offset", 0) > most[quota["period"]]:
        raise PolicyRefusedError(
            f"usage_plans.{name}.quota.offset: must be at most {most[quota['period']]} for a "
            f"{quota['period']}, got {quota['offset']}. Lower it"
        )


def _check_methods(name: str, plan: JSON) -> None:
    """A plan without a throttle of its own cannot limit single methods: API Gateway refuses to drop
    the plan's throttle while methods have one (aws-recorded.md 3)."""
    if plan.get("methods") and not plan.get("throttle"):
        raise PolicyRefusedError(
            f"usage_plans.{name}.methods: needs a throttle of the plan as well. "
            f"Add usage_plans.{name}.throttle"
        )


@lru_cache(maxsize=1)
def _schema() -> JSON:
    schema: JSON = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return schema
