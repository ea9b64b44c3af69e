"""Usage plans and plan keys. CreateUsagePlanKey and GetUsagePlanKeys answer with key values
(aws-recorded.md 4): only ids leave this module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from keyward.aws.gateway.calls import Calls
from keyward.errors import DuplicatePlanError
from keyward.events.key_value import blotted
from keyward.policy.parts import Quota, Throttle, place_of
from keyward.values import JSON, StageRef, counted, frozen

# The tag of a usage plan: the stack that it belongs to. On an API, and so on a plan that has the
# tags of its API's template, the same tag is a mode.
STACK_TAG = "keyward"
MODES = ("off", "observe", "warn", "enforce")


@frozen
class GatewayPlan:
    """A usage plan as the gateway has it. `stages` maps (API id, stage name) to the throttles of
    single methods there, by `GET /pets`. `claimed_by` is the stack whose records say that the plan
    is its own, tagged or not. `renamed` is the name that people gave a plan which the records know
    as `name`."""

    plan_id: str
    name: str
    throttle: Throttle | None
    quota: Quota | None
    stages: Mapping[StageRef, Mapping[str, Throttle]] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    claimed_by: str | None = None
    renamed: str | None = None

    def is_ours(self, stack: str) -> bool:
        """Whether the plan belongs to this stack: only then may its limits and stages change."""
        return stack in (self.tags.get(STACK_TAG), self.claimed_by)

    def is_tagged(self, stack: str) -> bool:
        """Whether it has this stack's tag."""
        return self.tags.get(STACK_TAG) == stack

    def is_foreign(self, stack: str) -> bool:
        """Whether the plan belongs to another stack: nothing may be written to it. A plan that is
        neither ours nor foreign was made by people."""
        owner = self.tags.get(STACK_TAG)
        return bool(owner) and owner != stack and owner not in MODES

    def as_json(self) -> JSON:
        """For `of`: an item of GetUsagePlans, `claimedBy` and `renamed`."""
        return {
            "id": self.plan_id,
            "name": self.name,
            "throttle": self.throttle.as_json() if self.throttle else None,
            "quota": self.quota.as_json() if self.quota else None,
            "apiStages": _wire(self.stages),
            "tags": dict(self.tags),
            "claimedBy": self.claimed_by,
            "renamed": self.renamed,
        }

    @classmethod
    def of(cls, item: JSON) -> GatewayPlan:
        """From an item of GetUsagePlans."""
        return _gateway_plan(item)


def only_one(name: str, plans: list[GatewayPlan], stack: str = "") -> GatewayPlan | None:
    """Find the usage plan of that name; None without one. Of several, this stack's counts. Raises
    DuplicatePlanError where that does not tell: names are not unique on the gateway."""
    named = [plan for plan in plans if plan.name == name]
    named = [plan for plan in named if stack and plan.is_ours(stack)] or named
    if len(named) > 1:
        ids = ", ".join(plan.plan_id for plan in named)
        raise DuplicatePlanError(
            f"plan: API Gateway has {counted(len(named), 'usage plan')} named {name!r} ({ids}). "
            "Rename or delete all but one"
        )
    return named[0] if named else None


class PlanCalls(Calls):
    """Read, create and change usage plans, and who is in them."""

    def plans(self) -> list[GatewayPlan]:
        """All usage plans: one call up to 500 of them (the quota is 300)."""
        return [_gateway_plan(item) for item in self._pages("GetUsagePlans")]

    def plans_of(self, key_id: str) -> list[GatewayPlan]:
        """The usage plans that a key is in."""
        return [_gateway_plan(item) for item in self._pages("GetUsagePlans", keyId=key_id)]

    def plan_key_ids(self, plan_id: str) -> list[str]:
        """The ids of a plan's keys. An unknown plan has none: AWS answers 200 (aws-recorded.md
        4)."""
        return [str(item["id"]) for item in self._pages("GetUsagePlanKeys", usagePlanId=plan_id)]

    def plan_keys(self, plan_id: str) -> dict[str, list[str]]:
        """The ids of a plan's keys, by the keys' names, which are not unique on the gateway. An
        unknown plan has none."""
        found: dict[str, list[str]] = {}
        for item in self._pages("GetUsagePlanKeys", usagePlanId=plan_id):
            found.setdefault(str(item.get("name", "")), []).append(str(item["id"]))
        return found

    def create_plan(
        self,
        name: str,
        throttle: Throttle | None,
        quota: Quota | None,
        stages: Mapping[StageRef, Mapping[str, Throttle]],
        stack: str,
    ) -> GatewayPlan:
        """CreateUsagePlan, stages and the stack's tag included, which spares further calls. There
        is no client token: a doubtful call must be looked up by name. Raises NotFoundError for
        an unknown stage."""
        limits: JSON = {}
        if throttle:
            limits["throttle"] = throttle.as_json()
        if quota:
            limits["quota"] = quota.as_json()
        return _gateway_plan(
            self._call(
                "CreateUsagePlan",
                name=name,
                apiStages=_wire(stages),
                tags={STACK_TAG: stack},
                **limits,
            )
        )

    def tag_plan(self, plan_id: str, stack: str) -> None:
        """TagResource: the plan belongs to the stack from now on. Its other tags stay
        (aws-recorded.md 1). Idempotent. Raises NotFoundError."""
        arn = self._arn(f"/usageplans/{plan_id}")
        self._call("TagResource", resourceArn=arn, tags={STACK_TAG: stack})

    def update_plan(self, plan_id: str, operations: Sequence[JSON]) -> GatewayPlan:
        """UpdateUsagePlan with all patch operations in one call (1 call in 20 s for the account).
        Raises StageConflictError when a key would be in two plans of one stage, PlanThrottledError,
        NotFoundError."""
        return _gateway_plan(
            self._call("UpdateUsagePlan", usagePlanId=plan_id, patchOperations=list(operations))
        )

    def attach_key(self, plan_id: str, key_id: str) -> None:
        """CreateUsagePlanKey. Raises NotFoundError when plan or key are unknown, StageConflictError
        when the key is in this or in another plan of the same stage: the answer is the same."""
        self._call("CreateUsagePlanKey", usagePlanId=plan_id, keyId=key_id, keyType="API_KEY")

    def detach_key(self, plan_id: str, key_id: str) -> None:
        """DeleteUsagePlanKey; the key survives. Raises NotFoundError when it is not in the plan, or
        one of them is gone."""
        self._call("DeleteUsagePlanKey", usagePlanId=plan_id, keyId=key_id)


def _gateway_plan(item: JSON) -> GatewayPlan:
    return GatewayPlan(
        plan_id=str(item["id"]),
        name=blotted(str(item.get("name", ""))),
        throttle=_throttle(item.get("throttle")),
        quota=Quota.of(item.get("quota")),
        stages={
            (stage["apiId"], stage["stage"]): _methods(stage.get("throttle"))
            for stage in item.get("apiStages", [])
        },
        tags=item.get("tags") or {},
        claimed_by=item.get("claimedBy"),
        renamed=item.get("renamed"),
    )


def _throttle(body: JSON | None) -> Throttle | None:
    """A half throttle reads back with a 0 for the missing field (aws-recorded.md 3)."""
    if not body:
        return None
    return Throttle(float(body.get("rateLimit", 0.0)), int(body.get("burstLimit", 0)))


def _methods(throttles: JSON | None) -> dict[str, Throttle]:
    """API Gateway's `/pets/GET` is our `GET /pets`."""
    found = {}
    for place, body in (throttles or {}).items():
        path, _, verb = place.rpartition("/")
        throttle = _throttle(body)
        if throttle:
            found[f"{verb} {path or '/'}"] = throttle
    return found


def _wire(stages: Mapping[StageRef, Mapping[str, Throttle]]) -> list[JSON]:
    wired = []
    for (api_id, stage), methods in stages.items():
        body: JSON = {"apiId": api_id, "stage": stage}
        if methods:
            body["throttle"] = {place_of(line): limit.as_json() for line, limit in methods.items()}
        wired.append(body)
    return wired
