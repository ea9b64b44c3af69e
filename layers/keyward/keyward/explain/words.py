"""The causes of a denial in words: what a client sees, what proves it, what helps. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from keyward.policy.parts import Quota, Throttle
from keyward.values import iso

JSON = dict[str, Any]
MOST_NAMED = 20


@dataclass(frozen=True)
class Answer:
    """What a client gets, unless the API rewords its gateway responses: the status, the header
    `x-amzn-ErrorType` and the body's `message` (aws-recorded.md 9)."""

    status: int
    error_type: str
    message: str


FORBIDDEN = Answer(403, "ForbiddenException", "Forbidden")
NO_ROUTE = Answer(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
QUOTA = Answer(429, "LimitExceededException", "Limit Exceeded")
THROTTLED = Answer(429, "TooManyRequestsException", "Too Many Requests")


@dataclass(frozen=True)
class Cause:
    """Why a call is denied. `kind` is a contract, the rest is for people. `share` is the part of
    the calls in percent that meets it."""

    kind: str
    answer: Answer
    says: str
    evidence: str
    remedy: str
    share: float = 100.0

    def in_canary(self, share: float) -> Cause:
        """The same, for the share of the calls that a canary gets."""
        says = f"{self.says}, in the canary, which gets {share:g} % of the calls"
        return replace(self, says=says, share=share)

    def as_json(self) -> JSON:
        """`{cause, status, error_type, message, says, evidence, remedy, share?}`."""
        output: JSON = {"cause": self.kind, "status": self.answer.status}
        output |= {"error_type": self.answer.error_type, "message": self.answer.message}
        output |= {"says": self.says, "evidence": self.evidence, "remedy": self.remedy}
        return output if self.share == 100.0 else output | {"share": self.share}


def api_unknown(rest_api_id: str) -> Cause:
    """GetRestApi answers 404."""
    return Cause(
        "api_not_found",
        FORBIDDEN,
        f"there is no REST API {rest_api_id}",
        f"GetRestApi: 404 for {rest_api_id} in this account and Region",
        "Correct the API's id in the client's URL, or the account and Region",
    )


def api_not_deployed(rest_api_id: str) -> Cause:
    """The API has no stage at all."""
    return Cause(
        "api_not_deployed",
        FORBIDDEN,
        "the API was never deployed: it has no stage",
        f"GetStages: none for {rest_api_id}",
        "Deploy the API to a stage",
    )


def stage_unknown(stage: str, there: Sequence[str]) -> Cause:
    """The API has stages, but not this one."""
    return Cause(
        "stage_not_found",
        FORBIDDEN,
        f"the API has no stage {stage}",
        f"GetStages: {_listed(there)}",
        "Correct the stage in the client's URL, or deploy the API to it",
    )


def path_unknown(path: str, there: Sequence[str]) -> Cause:
    """No resource of the deployment takes the path."""
    return Cause(
        "path_not_found",
        NO_ROUTE,
        f"no resource of the deployed API answers {path}",
        f"GetDeployment: {_listed(there)}",
        "Correct the path in the client (it begins behind the stage), or deploy the resource",
    )


def method_unknown(method: str, resource: str, there: Sequence[str]) -> Cause:
    """The resource has other methods than this one."""
    return Cause(
        "method_not_found",
        NO_ROUTE,
        f"{resource} has no method {method}",
        f"GetDeployment: {resource} has {_listed(there)}",
        "Use one of these methods, or deploy this one",
    )


def method_not_deployed(line: str, stage: str) -> Cause:
    """The working copy has what the stage does not serve."""
    return Cause(
        "method_not_deployed",
        NO_ROUTE,
        f"{line} is in the API, but not in what stage {stage} serves",
        f"GetResources has {line}, the deployment of the stage has not",
        f"Deploy the API to stage {stage}",
    )


def key_source(authorization: str) -> Cause:
    """Keys come from an authorizer, and the method has none that could name one."""
    return Cause(
        "key_source_is_authorizer",
        FORBIDDEN,
        "the API takes keys from a Lambda authorizer, and this method has none",
        f"apiKeySource AUTHORIZER as deployed, authorization {authorization}",
        "Set apiKeySource to HEADER and deploy, or give the method a Lambda authorizer",
    )


def customer_unknown(customer_id: str) -> Cause:
    """Nobody knows the customer."""
    return Cause(
        "customer_not_found",
        FORBIDDEN,
        f"there is no customer {customer_id}, and no key of one",
        "neither the Customers table nor the Keys table has it",
        "Send CustomerSignedUp, or put the customer's record",
    )


def key_unknown(key_id: str) -> Cause:
    """Neither API Gateway nor Keyward knows the key."""
    return Cause(
        "key_not_found",
        FORBIDDEN,
        f"there is no key {key_id}",
        "GetApiKeys does not list it, and the Keys table does not know it",
        "Correct the key's id, or the account and Region",
    )


def key_not_made(customer_id: str, says: str) -> Cause:
    """A customer whose first key is not there yet."""
    return Cause(
        "key_not_made",
        FORBIDDEN,
        f"customer {customer_id} has no key yet",
        says,
        f"Look for CustomerFailed, then start reconcile-customer for {customer_id}",
    )


def customer_closed(customer_id: str, reason: str | None) -> Cause:
    """The key was deleted because the customer is closed."""
    return Cause(
        "customer_closed",
        FORBIDDEN,
        f"customer {customer_id} is closed{_because(reason)}",
        "the Customers table says closed, and API Gateway has no key of the customer",
        "Send CustomerSignedUp when the customer is back: there will be a new key",
    )


def key_deleted(name: str, key_id: str | None, remedy: str) -> Cause:
    """A recorded key that API Gateway does not have."""
    return Cause(
        "key_deleted",
        FORBIDDEN,
        f"key {name} was deleted",
        f"the Keys table names {key_id}, GetApiKeys does not list it",
        remedy,
    )


def customer_suspended(customer_id: str, reason: str | None, key_id: str | None) -> Cause:
    """The key is disabled because the customer is suspended."""
    return Cause(
        "customer_suspended",
        FORBIDDEN,
        f"customer {customer_id} is suspended{_because(reason)}",
        f"the Customers table says suspended, GetApiKeys says enabled=false of {key_id}",
        "Send CustomerResumed when the reason is gone",
    )


def key_retired(name: str, reason: str | None, since: float) -> Cause:
    """A key that a rotation ended, or that leaked."""
    return Cause(
        "key_retired",
        FORBIDDEN,
        f"key {name} was replaced{_because(reason)}",
        f"its record: retired {iso(since)}, and GetApiKeys says enabled=false",
        "Use the customer's newer key: RevealKey tells its value",
    )


def key_disabled(name: str, changed_at: float, remedy: str) -> Cause:
    """A key that is off though nobody's record asks for it."""
    return Cause(
        "key_disabled",
        FORBIDDEN,
        f"key {name} is disabled",
        f"GetApiKeys: enabled=false, changed {iso(changed_at)}",
        remedy,
    )


def key_in_no_plan(name: str, remedy: str) -> Cause:
    """A key that no usage plan has."""
    return Cause(
        "key_in_no_plan",
        FORBIDDEN,
        f"key {name} is in no usage plan",
        "GetUsagePlans(keyId): none",
        remedy,
    )


def stage_in_no_plan(place: str, plans: Mapping[str, Iterable[str]], remedy: str) -> Cause:
    """None of the key's plans holds the stage."""
    held = "; ".join(f"{name} holds {_listed(sorted(stages))}" for name, stages in plans.items())
    return Cause(
        "stage_in_no_plan",
        FORBIDDEN,
        f"no usage plan of the key holds {place}",
        f"GetUsagePlans(keyId): {held}",
        remedy,
    )


def quota_used_up(plan: str, quota: Quota, used: int | None, renews_on: str) -> Cause:
    """Nothing is left of the period's quota."""
    return Cause(
        "quota_used_up",
        QUOTA,
        f"the quota of plan {plan} is used up: {quota.limit} calls a {quota.period}",
        f"GetUsage: {used or 0} used, 0 remaining; the next period begins on {renews_on} (UTC)",
        "Send QuotaExtensionRequested, move the customer to a larger plan, or wait",
    )


def throttled(what: str, throttle: Throttle) -> Cause:
    """A throttle whose bucket holds nothing."""
    return Cause(
        "throttle_is_zero",
        THROTTLED,
        f"the throttle of {what} lets nothing in",
        f"rateLimit {throttle.rate_limit:g}, burstLimit {throttle.burst_limit}",
        "Set rateLimit and burstLimit, both: a missing one is stored as 0",
    )


def not_propagated(moments: Mapping[str, float], settling: int, now: float) -> Cause:
    """All is well, but since so short a time that old answers still come."""
    changes = ", ".join(f"{what} {now - at:.0f} s ago" for what, at in moments.items())
    return Cause(
        "not_propagated_yet",
        FORBIDDEN,
        "all is set, but not every gateway host knows it yet",
        f"{changes}; a change takes up to {settling} s (propagation_seconds)",
        f"Wait until {iso(max(moments.values()) + settling)}; old and new answers come mixed",
    )


def _because(reason: str | None) -> str:
    return f" ({reason})" if reason else ""


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    listed = ", ".join(names[:MOST_NAMED]) or "nothing"
    return f"{listed} and {more} more" if more > 0 else listed
