"""The facts by which a denial is judged. Pure. Times are epoch seconds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from keyward.apis.model import Attachment, StageSnapshot, WorkingMethod
from keyward.customers.desired import PERSON
from keyward.customers.key import KeyRecord
from keyward.errors import InvalidInputError
from keyward.events.contracts import optional_of
from keyward.events.fields import CUSTOMER_ID, KEY_ID, REST_API_ID, STAGE, redacted
from keyward.policy.parts import Quota, Throttle
from keyward.values import frozen


@frozen
class DeniedRequest:
    """The call in question; `path` is concrete, `/pets/7`, and begins behind the stage."""

    rest_api_id: str
    stage: str
    method: str
    path: str


@frozen
class ApiFacts:
    """An API as it was read. `stage` is None when it is not there; `source` is where the deployed
    API takes keys from, HEADER or AUTHORIZER; `gates` says in words what else stands before its
    methods; `working` is read only when no deployed method answers. `mode` is Keyward's, `held`
    whether the stage waits for a person."""

    name: str
    mode: str
    stages: tuple[str, ...]
    stage: StageSnapshot | None = None
    source: str = "HEADER"
    gates: tuple[str, ...] = ()
    working: tuple[WorkingMethod, ...] = ()
    held: bool = False


@frozen
class PlanFacts:
    """A usage plan of the key: `stages` are (API id, stage) pairs, `methods` the throttles of
    single methods on the stage in question, by `GET /pets`. `left` is what remains of this period.
    It is None without a quota, and for a plan without the stage."""

    name: str
    stages: frozenset[tuple[str, str]]
    throttle: Throttle | None = None
    methods: Mapping[str, Throttle] = field(default_factory=dict)
    quota: Quota | None = None
    used: int = 0
    left: int | None = None
    renews_on: str = ""


@frozen
class KeyFacts:
    """A key. `enabled` is None when API Gateway has no such key; `record` is Keyward's, if any."""

    key_id: str | None
    name: str
    enabled: bool | None = None
    changed_at: float = 0.0
    plans: tuple[PlanFacts, ...] = ()
    record: KeyRecord | None = None


@frozen
class CustomerFacts:
    """What is in force for the customer. `status` is None when the Customers table has no such
    customer; `covers`: whether the policy's plan covers this stage, None when the policy does not
    name the plan; `names`: whether it names the API without a `*`. `waits` says in a sentence what
    a stop of writes keeps waiting. `source` is whose status is in force (customers/desired.py)."""

    customer_id: str
    status: str | None
    reason: str | None = None
    plan: str | None = None
    covers: bool | None = None
    names: bool = False
    waits: str | None = None
    source: str = PERSON


@frozen
class Facts:
    """All that is known of one call with one key. `api` is None when it does not exist, `customer`
    when the key is nobody's. `settling` is the policy's `propagation_seconds`."""

    request: DeniedRequest
    api: ApiFacts | None
    key: KeyFacts
    customer: CustomerFacts | None
    attachments: tuple[Attachment, ...]
    settling: int
    now: float

    @property
    def plan(self) -> PlanFacts | None:
        """The key's plan that holds the stage; there is at most one (aws-recorded.md 4)."""
        place = (self.request.rest_api_id, self.request.stage)
        return next((plan for plan in self.key.plans if place in plan.stages), None)


VERBS = ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD")
FIELDS = ("customer_id", "key_id", "rest_api_id", "stage", "method", "path")


@frozen
class DenialQuestion:
    """A call, and whose key it is made with: a customer's, or one by its id."""

    request: DeniedRequest
    customer_id: str | None
    key_id: str | None


def parse_question(task: object) -> DenialQuestion:
    """Read `{customer_id | key_id, rest_api_id, stage, method, path}`. Raises InvalidInputError,
    which never quotes a key's id: it may be a value."""
    if not isinstance(task, Mapping):
        raise InvalidInputError("input", "is not a JSON object", f"Give {', '.join(FIELDS)}")
    if (task.get("customer_id") is None) == (task.get("key_id") is None):
        remedy = "Give the customer, or the id of one key"
        raise InvalidInputError("customer_id, key_id", "one of them is needed", remedy)
    customer_id = optional_of(task, "customer_id", CUSTOMER_ID)
    return DenialQuestion(
        DeniedRequest(
            _needed(task, "rest_api_id", REST_API_ID),
            _needed(task, "stage", STAGE),
            _method(task.get("method")),
            _path(task.get("path")),
        ),
        customer_id,
        _key_id(task.get("key_id")),
    )


def _needed(task: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    found = optional_of(task, name, pattern)
    if found is None:
        raise InvalidInputError(name, "is missing", f"Give a text that matches {pattern.pattern}")
    return found


def _key_id(given: object) -> str | None:
    if given is None:
        return None
    if not isinstance(given, str) or not KEY_ID.fullmatch(given):
        remedy = "Give the key's id, 10 letters and digits, never its value"
        raise InvalidInputError("key_id", "must be a key's id", remedy)
    return given


def _method(given: object) -> str:
    verb = given.upper() if isinstance(given, str) else ""
    if verb not in VERBS:
        problem = f"must be an HTTP method, got {redacted(given)}"
        raise InvalidInputError("method", problem, f"Use one of {', '.join(VERBS)}")
    return verb


def _path(given: object) -> str:
    """Drop the query string, which decides nothing."""
    if not isinstance(given, str) or not given.startswith("/"):
        remedy = "Give the path behind the stage, like /pets/7"
        raise InvalidInputError("path", "does not begin with /", remedy)
    return given.partition("?")[0]
