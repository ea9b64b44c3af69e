"""What an API is to Keyward: what its stages serve, its working copy, what is remembered of it.
Pure.

"Deployed" is what a stage serves, whatever the working copy says. A method is exposed when it is
deployed, asks for no key, and is not exempt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any, TypeVar

from keyward.events.caller import Editor
from keyward.policy.parts import Throttle
from keyward.values import JSON, frozen

ENFORCE, WARN, OBSERVE, OFF = "enforce", "warn", "observe", "off"
MODES = (ENFORCE, WARN, OBSERVE, OFF)
MODE_TAG = "keyward"

PENDING, APPROVED, REJECTED = "pending", "approved", "rejected"
DEPLOYMENT, KEYS, ROLLBACK, PLAN = "deployment", "keys", "rollback", "plan"
# Less than a day, so that each nightly audit reminds, also one that starts a little early.
REMIND_SECONDS = 20 * 3600

# The authorization types of methods that ask an authorizer (API reference: Method).
AUTHORIZED = ("CUSTOM", "COGNITO_USER_POOLS")

Place = tuple[str, str]


@frozen
class DeployedMethod:
    """A method of a deployment, by its apisummary. `authorization` is API Gateway's type."""

    path: str
    verb: str
    authorization: str
    key_required: bool

    @property
    def place(self) -> Place:
        """(path, verb)."""
        return self.path, self.verb

    @property
    def line(self) -> str:
        """The whole method in one text: `GET /pets NONE key`."""
        asks = "key" if self.key_required else "open"
        return f"{self.verb} {self.path} {self.authorization} {asks}"


@frozen
class WorkingMethod:
    """A method of the working copy; `body` has the shape of GetMethod's answer."""

    resource_id: str
    path: str
    verb: str
    body: Mapping[str, Any]

    @property
    def place(self) -> Place:
        """(path, verb)."""
        return self.path, self.verb

    @property
    def authorization(self) -> str:
        """API Gateway's authorization type, `NONE` when there is none."""
        return str(self.body.get("authorizationType") or "NONE")

    @property
    def uses_authorizer(self) -> bool:
        """Whether an authorizer of the API decides; `authorizerId` says which one."""
        return self.authorization in AUTHORIZED

    @property
    def key_required(self) -> bool:
        """Whether the next deployment asks for a key here."""
        return bool(self.body.get("apiKeyRequired"))

    def deployed(self) -> DeployedMethod:
        """What the next deployment's apisummary says of it."""
        return DeployedMethod(self.path, self.verb, self.authorization, self.key_required)


Seen = TypeVar("Seen", DeployedMethod, WorkingMethod)


@frozen
class Canary:
    """A canary deployment and its share of the traffic in percent."""

    deployment_id: str
    percent: float


@frozen
class StageSnapshot:
    """A stage and what it serves. `canary` is None unless it gets traffic: a promoted canary stays
    behind with 0 percent (aws-recorded.md 7). `log_arn` is where its access log goes, if there is
    one, `log_format` what a line of it holds. `created_at` and `changed_at` are epoch seconds;
    `throttles` its method settings by `pets/GET` or `*/*`; `web_acl` whether WAF stands before."""

    name: str
    deployment_id: str
    canary: Canary | None = None
    methods: tuple[DeployedMethod, ...] = ()
    canary_methods: tuple[DeployedMethod, ...] = ()
    log_arn: str = ""
    log_format: str = ""
    created_at: float = 0.0
    changed_at: float = 0.0
    throttles: Mapping[str, Throttle] = field(default_factory=dict)
    web_acl: bool = False

    @property
    def deployment_ids(self) -> tuple[str, ...]:
        """What it serves: its deployment and that of its canary."""
        canary = self.canary.deployment_id if self.canary else ""
        return tuple(filter(None, (self.deployment_id, canary)))

    def serving(self, served: Mapping[str, tuple[DeployedMethod, ...]]) -> StageSnapshot:
        """The stage with the methods that it serves; `served` are those of deployments, by id."""
        canary = served.get(self.canary.deployment_id, ()) if self.canary else ()
        return replace(self, methods=served.get(self.deployment_id, ()), canary_methods=canary)


@frozen
class Membership:
    """A usage plan of the gateway and the stages of this API that it holds. `kept` says why its
    limits and stages stay as they are, None for one of Keyward's."""

    plan: str
    plan_id: str
    stages: frozenset[str]
    kept: str | None = None


@frozen
class Difference:
    """One difference, in words, between what a stage serves and what a deployment would publish.
    `editor` edited that method or path last, where CloudTrail's events told."""

    difference: str
    method: str = "*"
    path: str = "*"
    editor: Editor | None = None

    def as_json(self) -> JSON:
        """For ApiHeld and the hold's record."""
        whose = {"last_editor": self.editor.as_json()} if self.editor else {}
        difference = {"method": self.method, "path": self.path, "difference": self.difference}
        return difference | whose


@frozen
class ApiSnapshot:
    """An API as it was read. `plans` are those of the policy; `others` are usage plans that Keyward
    does not own. `working` and `differences` (by stage) are read only when a stage is exposed: the
    working copy is as it will be once our own requirements in `waived`, which an exemption made
    needless, are taken back."""

    rest_api_id: str
    name: str
    stages: tuple[StageSnapshot, ...]
    plans: tuple[Membership, ...] = ()
    working: tuple[WorkingMethod, ...] | None = None
    differences: Mapping[str, tuple[Difference, ...]] = field(default_factory=dict)
    others: tuple[Membership, ...] = ()
    waived: tuple[WorkingMethod, ...] = ()


@frozen
class Attachment:
    """When a stage was attached to a plan: `attached_at` (epoch seconds) was stored before the
    call, and `confirmed` says that the call was answered. `by_hand`: it was found there, and
    Keyward leaves it there."""

    stage: str
    plan: str
    plan_id: str | None
    attached_at: int
    confirmed: bool
    by_hand: bool = False


@frozen
class Hold:
    """A stage that waits for a person. `kind` says why: DEPLOYMENT for unfinished work, KEYS for
    keys in two plans of the stage, ROLLBACK where it serves `deployment_id` again, PLAN for a usage
    plan that is not Keyward's. `held_at`, and `told_at` of the last announcement, are epoch
    seconds."""

    stage: str
    fingerprint: str
    decision: str = PENDING
    kind: str = DEPLOYMENT
    held_at: int = 0
    told_at: int = 0
    deployment_id: str | None = None

    def reminder_due(self, now: float) -> bool:
        """Whether the last announcement is so old that people need a reminder; a rejected hold has
        none."""
        return self.decision != REJECTED and now - self.told_at >= REMIND_SECONDS


@frozen
class Move:
    """Where somebody else last pointed a stage, and when (ISO 8601), by CloudTrail."""

    deployment_id: str
    at: str


@frozen
class Deploying:
    """A CreateDeployment that a run began `at` (epoch seconds): its description carries the nonce,
    and `deployment_id` is None until it was answered."""

    stage: str
    nonce: str
    fingerprint: str
    at: int
    execution_arn: str
    deployment_id: str | None = None

    @property
    def description(self) -> str:
        """The deployment's description: for people, and to find the answer to a doubtful call."""
        return f"Keyward requires API keys on stage {self.stage} ({self.nonce})"


@frozen
class Deployment:
    """A deployment of ours; `methods` are the lines of `DeployedMethod.line` that it has to
    serve, `fingerprint` names what it published, at `created_at` (epoch seconds)."""

    deployment_id: str
    stage: str
    former_deployment_id: str
    methods: tuple[str, ...]
    fingerprint: str = ""
    created_at: int = 0


@frozen
class ApiRecords:
    """What is remembered of an API, mostly by stage.

    `planned` are the actions whose outcome is not announced. `exposures` are the fingerprints that
    ApiExposed announced last, `answers` those of the holds that a person answered last. `outbox`
    are announcements by the name of their record, put there at `saved` (epoch seconds). `moves` are
    by stage; `editor` edited the working copy last. `rollbacks` are the stages that somebody wants
    back, each with the deployment that it leaves once that was begun. `enforce_on` (YYYY-MM-DD) is
    the day that mode warn announced.
    """

    attachments: tuple[Attachment, ...] = ()
    holds: tuple[Hold, ...] = ()
    exposures: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    planned: Mapping[str, tuple[JSON, ...]] = field(default_factory=dict)
    outbox: Mapping[str, JSON] = field(default_factory=dict)
    editor: Editor | None = None
    rollbacks: Mapping[str, str | None] = field(default_factory=dict)
    enforce_on: str | None = None
    moves: Mapping[str, Move] = field(default_factory=dict)
    saved: Mapping[str, int] = field(default_factory=dict)

    @property
    def required(self) -> frozenset[Place]:
        """The methods that Keyward made ask for a key, or was about to, in the working copy, for a
        stage whose outcome is not announced."""
        return frozenset(
            (str(action["path"]), str(action["method"]))
            for actions in self.planned.values()
            for action in actions
            if action["action"] == "require_key"
        )

    def attachment(self, stage: str, plan: str) -> Attachment | None:
        """The attachment of a stage to a plan, if one is remembered."""
        found = (a for a in self.attachments if (a.stage, a.plan) == (stage, plan))
        return next(found, None)

    def hold(self, stage: str) -> Hold | None:
        """The hold of a stage, if there is one."""
        return next((hold for hold in self.holds if hold.stage == stage), None)
