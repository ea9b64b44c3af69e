"""The facts that a denial is judged by. Pure. Times are epoch seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from keyward.apis.model import Attachment, StageSeen, WorkingMethod
from keyward.customers.key import KeyRecord
from keyward.policy.parts import Quota, Throttle


@dataclass(frozen=True)
class Asked:
    """The call in question; `path` is concrete, `/pets/7`, and begins behind the stage."""

    rest_api_id: str
    stage: str
    method: str
    path: str


@dataclass(frozen=True)
class ApiFacts:
    """An API as it was read. `stage` is None when it is not there; `source` is where the deployed
    API takes keys from, HEADER or AUTHORIZER; `gates` says in words what else stands before its
    methods; `working` is read only when no deployed method answers. `mode` is Keyward's, `held`
    whether the stage waits for a person."""

    name: str
    mode: str
    stages: tuple[str, ...]
    stage: StageSeen | None = None
    source: str = "HEADER"
    gates: tuple[str, ...] = ()
    working: tuple[WorkingMethod, ...] = ()
    held: bool = False


@dataclass(frozen=True)
class PlanFacts:
    """A usage plan of the key: `stages` are (API id, stage) pairs, `methods` the throttles of
    single methods on the stage in question, by `GET /pets`. `left` is what remains of this period,
    None when there is no quota, or when the plan does not hold the stage."""

    name: str
    stages: frozenset[tuple[str, str]]
    throttle: Throttle | None = None
    methods: Mapping[str, Throttle] = field(default_factory=dict)
    quota: Quota | None = None
    used: int = 0
    left: int | None = None
    renews_on: str = ""


@dataclass(frozen=True)
class KeyFacts:
    """A key. `enabled` is None when API Gateway has no such key; `record` is Keyward's, if any."""

    key_id: str | None
    name: str
    enabled: bool | None = None
    changed_at: float = 0.0
    plans: tuple[PlanFacts, ...] = ()
    record: KeyRecord | None = None


@dataclass(frozen=True)
class CustomerFacts:
    """What is in force for the customer. `status` is None when the Customers table has no such
    customer; `covers`: whether the policy wants the plan to hold this stage, None when it does not
    name the plan."""

    customer_id: str
    status: str | None
    reason: str | None = None
    plan: str | None = None
    covers: bool | None = None


@dataclass(frozen=True)
class Facts:
    """All that is known of one call with one key. `api` is None when there is none, `customer`
    when the key is nobody's; `settling` is the policy's `propagation_seconds`."""

    asked: Asked
    api: ApiFacts | None
    key: KeyFacts
    customer: CustomerFacts | None
    attachments: tuple[Attachment, ...]
    settling: int
    now: float

    @property
    def plan(self) -> PlanFacts | None:
        """The key's plan that holds the stage; there is at most one (aws-recorded.md 4)."""
        place = (self.asked.rest_api_id, self.asked.stage)
        return next((plan for plan in self.key.plans if place in plan.stages), None)
