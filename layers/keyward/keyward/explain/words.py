"""Put the causes of a denial into words: what a client sees, what proves it, what helps. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from keyward.customers.desired import BILL, DATE, ENDED_BY, SUBSCRIPTION
from keyward.explain.model import CustomerFacts
from keyward.policy.parts import Throttle
from keyward.values import JSON, frozen, iso, some_of


@frozen
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


@frozen
class Cause:
    """Why a call is denied. `kind` is a contract, the rest is for people. `share` is the part of
    the calls in percent that meets it."""

    kind: str
    answer: Answer
    says: str
    evidence: str
    helps: str
    share: float = 100.0

    def in_canary(self, share: float) -> Cause:
        """The same cause, for the share of the calls that a canary gets."""
        says = f"{self.says}, in the canary, which gets {share:g} % of the calls"
        return replace(self, says=says, share=share)

    def as_json(self) -> JSON:
        """`{cause, status, error_type, message, says, evidence, helps, share?}`."""
        output: JSON = {"cause": self.kind, "status": self.answer.status}
        output |= {"error_type": self.answer.error_type, "message": self.answer.message}
        output |= {"says": self.says, "evidence": self.evidence, "helps": self.helps}
        return output if self.share == 100.0 else output | {"share": self.share}


# By whose word a customer is suspended or closed, where that is no person's: what proves it, and
# when the event that ends it is to be sent. Nothing else ends it (customers/desired.py).
OTHERS = {
    BILL: ("that a bill is not paid", "when the bill is paid"),
    SUBSCRIPTION: ("no subscription that is live", "when one is live again"),
    DATE: ("an `expires_at` that is past", "with a later `expires_at`, or with null for none"),
}

# By kind: the answer, what is wrong, what proves it, what helps. `{remedy}` depends on the facts.
CAUSES: Mapping[str, tuple[Answer, str, str, str]] = {
    "api_not_found": (
        FORBIDDEN,
        "there is no REST API {api}",
        "GetRestApi: 404 for {api} in this account and Region",
        "Correct the API's id in the client's URL, or the account and Region",
    ),
    "api_not_deployed": (
        FORBIDDEN,
        "the API was never deployed: it has no stage",
        "GetStages: none for {api}",
        "Deploy the API to a stage",
    ),
    "stage_not_found": (
        FORBIDDEN,
        "the API has no stage {stage}",
        "GetStages: {stages}",
        "Correct the stage in the client's URL, or deploy the API to it",
    ),
    "path_not_found": (
        NO_ROUTE,
        "no resource of the deployed API answers {path}",
        "GetDeployment: {paths}",
        "Correct the path in the client (it begins behind the stage), or deploy the resource",
    ),
    "method_not_found": (
        NO_ROUTE,
        "{resource} has no method {method}",
        "GetDeployment: {resource} has {methods}",
        "Use one of these methods, or deploy this one",
    ),
    "method_not_deployed": (
        NO_ROUTE,
        "{method} is in the API, but not in what stage {stage} serves",
        "GetResources has {method}, the deployment of the stage has not",
        "Deploy the API to stage {stage}",
    ),
    "key_source_is_authorizer": (
        FORBIDDEN,
        "the API takes keys from a Lambda authorizer, and this method has none",
        "apiKeySource AUTHORIZER as deployed, authorization {authorization}",
        "Set apiKeySource to HEADER and deploy, or give the method a Lambda authorizer",
    ),
    "customer_not_found": (
        FORBIDDEN,
        "there is no customer {customer}, and no key of one",
        "neither the Customers table nor the Keys table has it",
        "Send CustomerSignedUp, or put the customer's record",
    ),
    "key_not_found": (
        FORBIDDEN,
        "there is no key {key}",
        "GetApiKey does not find it, and the Keys table does not know it",
        "Correct the key's id, or the account and Region",
    ),
    "customer_incomplete": (
        FORBIDDEN,
        "no sign-up of customer {customer} is known, only other events",
        "its item in the Customers table has no plan or no status",
        "Send CustomerSignedUp for {customer}, or the events again with the right id",
    ),
    "record_deleted": (
        FORBIDDEN,
        "the record of customer {customer} was deleted, which suspends its keys",
        "the Customers table has no item of it, GetApiKey says enabled=false of {key_id}",
        "Put the record back, or send CustomerSignedUp",
    ),
    "key_not_made": (
        FORBIDDEN,
        "customer {customer} has no key yet",
        "{state}",
        "Look for CustomerFailed, then start reconcile-customer for {customer}",
    ),
    "customer_closed": (
        FORBIDDEN,
        "customer {customer} is closed{reason}",
        "{proof}, and API Gateway has no key of the customer",
        "{remedy}: there will be a new key",
    ),
    "key_deleted": (
        FORBIDDEN,
        "key {key} was deleted",
        "the Keys table names {key_id}, GetApiKey does not find it",
        "{remedy}",
    ),
    "customer_suspended": (
        FORBIDDEN,
        "customer {customer} is suspended{reason}",
        "{proof}, {seen}",
        "{remedy}",
    ),
    "key_retired": (
        FORBIDDEN,
        "key {key} was replaced{reason}",
        "its record: retired {since}, and GetApiKey says enabled=false",
        "Use the customer's newer key: RevealKey tells its value",
    ),
    "key_disabled": (
        FORBIDDEN,
        "key {key} is disabled",
        "GetApiKey: enabled=false, changed {changed_at}",
        "{remedy}",
    ),
    "key_in_no_plan": (
        FORBIDDEN,
        "key {key} is in no usage plan",
        "GetUsagePlans(keyId): none",
        "{remedy}",
    ),
    "stage_in_no_plan": (
        FORBIDDEN,
        "no usage plan of the key holds {place}",
        "GetUsagePlans(keyId): {plans}",
        "{remedy}",
    ),
    "quota_used_up": (
        QUOTA,
        "the quota of plan {plan} is used up: {limit} calls a {period}",
        "GetUsage: {used} used, 0 remaining; the next period begins on {renews_on} (UTC)",
        "Send QuotaExtensionRequested, move the customer to a larger plan, or wait",
    ),
    "throttle_is_zero": (
        THROTTLED,
        "the throttle of {what} lets nothing in",
        "rateLimit {rate:g}, burstLimit {burst}",
        "Set rateLimit and burstLimit, both: a missing one is stored as 0",
    ),
    "not_propagated_yet": (
        FORBIDDEN,
        "all is set, but not every gateway host knows it yet",
        "{changes}; a change takes up to {settling} s (propagation_seconds)",
        "Wait until {until}; old and new answers come mixed",
    ),
}


def cause(kind: str, **facts: Any) -> Cause:
    """A cause of CAUSES with the facts in its words. Raises KeyError for a fact that is missing."""
    answer, *texts = CAUSES[kind]
    says, evidence, remedy = (text.format_map(facts) for text in texts)
    return Cause(kind, answer, says, evidence, remedy)


def stage_in_no_plan(place: str, plans: Mapping[str, Iterable[str]], remedy: str) -> Cause:
    """None of the key's plans holds the stage."""
    held = "; ".join(
        f"{name} holds {some_of(sorted(stages)) or 'nothing'}" for name, stages in plans.items()
    )
    return cause("stage_in_no_plan", place=place, plans=held, remedy=remedy)


def throttled(what: str, throttle: Throttle) -> Cause:
    """The cause of a throttle whose bucket holds nothing."""
    rate, burst = throttle.rate_limit, throttle.burst_limit
    return cause("throttle_is_zero", what=what, rate=rate, burst=burst)


def not_propagated(moments: Mapping[str, float], settling: int, now: float) -> Cause:
    """The cause where all is well, but so recent that old answers still come."""
    changes = ", ".join(f"{what} {now - at:.0f} s ago" for what, at in moments.items())
    until = iso(max(moments.values()) + settling)
    return cause("not_propagated_yet", changes=changes, settling=settling, until=until)


def waiting(actions: Iterable[str], since: float) -> str:
    """Say what waits for the end of a stop of writes, which began at `since` (epoch seconds)."""
    what = some_of([action.replace("_", " ") for action in dict.fromkeys(actions)])
    return f"writes are stopped since {iso(since)}, and this customer waits for the end: {what}"


def suspended(customer: CustomerFacts, seen: str) -> Cause:
    """A suspended customer; `seen` says what shows it on API Gateway."""
    remedy = "Send CustomerResumed when the reason is gone"
    return _ordered("customer_suspended", customer, remedy, status="suspended", seen=seen)


def closed(customer: CustomerFacts) -> Cause:
    """A closed customer."""
    remedy = "Send CustomerSignedUp when the customer is back"
    return _ordered("customer_closed", customer, remedy, status="closed")


def _ordered(kind: str, customer: CustomerFacts, remedy: str, **about: str) -> Cause:
    """The cause by whose word it is; `remedy` is that of a person's."""
    proof = about["status"]
    if customer.source in OTHERS:
        proof, when = OTHERS[customer.source]
        remedy = f"Send {ENDED_BY[customer.source]} {when}"
    about |= {"customer": customer.customer_id, "reason": because(customer.reason)}
    return cause(kind, proof=f"the Customers table says {proof}", remedy=remedy, **about)


def because(reason: str | None) -> str:
    """Write a reason behind a sentence; nothing without one."""
    return f" ({reason})" if reason else ""
