"""The policy: which usage plans there are, which methods are exempt, how long things take.

Pure: text in, a `Policy` out. Its schema is `schema.json`; the words are API Gateway's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from aws_lambda_powertools.utilities.validation import validate
from aws_lambda_powertools.utilities.validation.exceptions import SchemaValidationError

from keyward.errors import PolicyRefusedError, UnknownPlanError
from keyward.policy.billing import BillingPolicy, billing_policy
from keyward.policy.parts import Exemption, PlanPolicy, Probe, Quota, Throttle, matches, midnight
from keyward.policy.policy_lifecycle import Lifecycle
from keyward.policy.policy_usage import UsagePolicy

JSON = dict[str, Any]
SCHEMA_FILE = Path(__file__).with_name("schema.json")
DEFAULT_FILE = Path(__file__).with_name("default.json")


@dataclass(frozen=True)
class Policy:
    """The whole policy, checked. Times in it are seconds and hours as their names say."""

    usage_plans: Mapping[str, PlanPolicy]
    exemptions: tuple[Exemption, ...] = ()
    require_key: str = "all"
    plan_change: str = "in_place"
    propagation_seconds: int = 120
    overlap_hours: float = 168
    hold: str = "always"
    warn_days: int = 14
    report_days: int = 7
    probes: tuple[Probe, ...] = ()
    billing: BillingPolicy = field(default_factory=BillingPolicy)
    usage: UsagePolicy = field(default_factory=UsagePolicy)
    lifecycle: Lifecycle = field(default_factory=Lifecycle)

    def plan(self, name: str) -> PlanPolicy:
        """The plan of that name. Raises UnknownPlanError, which lists the names there are."""
        try:
            return self.usage_plans[name]
        except KeyError:
            known = ", ".join(sorted(self.usage_plans))
            raise UnknownPlanError(
                f"plan: the policy names no usage plan {name!r}. "
                f"Use one of {known}, or add it to usage_plans in the policy parameter"
            ) from None

    def exemption(
        self, api_id: str, api_name: str, method: str, path: str, now: float
    ) -> Exemption | None:
        """The first exemption that covers the method at `now` (epoch seconds), if any."""
        found = (e for e in self.exemptions if e.covers(api_id, api_name, method, path, now))
        return next(found, None)

    def probe(self, api_id: str, api_name: str, stage: str) -> Probe | None:
        """The first probe for the stage, if one is asked for."""
        found = (
            p
            for p in self.probes
            if matches((p.api,), api_id, api_name) and matches((p.stage,), stage)
        )
        return next(found, None)


def parse(text: str) -> Policy:
    """The policy that `text` (JSON) states. Raises PolicyRefusedError, which names the field."""
    try:
        body = json.loads(text)
    except ValueError as error:
        raise PolicyRefusedError(f"the policy is not JSON: {error}") from None
    try:
        validate(event=body, schema=_schema())
    except SchemaValidationError as error:
        raise PolicyRefusedError(f"the policy breaks its schema: {_said(error)}") from None
    for place, exemption in enumerate(body.get("exemptions", [])):
        _check_date(place, exemption.get("expires"))
    for name, plan in body["usage_plans"].items():
        _check_offset(name, plan.get("quota"))
        _check_methods(name, plan)
    return _policy(body)


def default_text() -> str:
    """The policy that a new stack starts with, as JSON."""
    return DEFAULT_FILE.read_text(encoding="utf-8")


def _policy(body: JSON) -> Policy:
    settings = (
        "require_key",
        "plan_change",
        "propagation_seconds",
        "overlap_hours",
        "hold",
        "warn_days",
        "report_days",
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
    )


def _check_date(place: int, expires: str | None) -> None:
    try:
        midnight(expires or "2000-01-01")
    except ValueError:
        raise PolicyRefusedError(
            f"exemptions[{place}].expires: {expires!r} is no date. Write YYYY-MM-DD"
        ) from None


def _check_offset(name: str, quota: JSON | None) -> None:
    most = {"DAY": 0, "WEEK": 6, "MONTH": 27}
    if quota and quota.get("offset", 0) > most[quota["period"]]:
        raise PolicyRefusedError(
            f"usage_plans.{name}.quota.offset: {quota['offset']} is too large for the period "
            f"{quota['period']}. The largest is {most[quota['period']]}"
        )


def _check_methods(name: str, plan: JSON) -> None:
    """A plan without a throttle of its own cannot limit single methods: API Gateway refuses to drop
    the plan's throttle while methods have one (aws-recorded.md 3)."""
    if plan.get("methods") and not plan.get("throttle"):
        raise PolicyRefusedError(
            f"usage_plans.{name}.methods: needs a throttle of the plan as well. "
            f"Add usage_plans.{name}.throttle"
        )


def _said(error: SchemaValidationError) -> str:
    words = getattr(error, "validation_message", None) or str(error)
    return str(words).replace("data.", "", 1)


@lru_cache(maxsize=1)
def _schema() -> JSON:
    schema: JSON = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return schema
