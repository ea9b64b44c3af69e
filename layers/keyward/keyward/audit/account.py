"""Read the account for an audit: each API once, by the deployed truth, and all keys.

What was read goes through documents in the bucket, so that the report needs no reading of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from keyward.apis.head import head_of
from keyward.apis.model import (
    MODE_TAG,
    OFF,
    ApiRecords,
    ApiSnapshot,
    Canary,
    DeployedMethod,
    Membership,
    StageSnapshot,
)
from keyward.apis.rule import KeyRule
from keyward.audit import model as findings
from keyward.audit.model import Finding, error_words
from keyward.aws.gateway import Gateway, GatewayKey, GatewayPlan
from keyward.customers.drift import GatewayState
from keyward.customers.key import KeyRecord
from keyward.policy.model import Policy
from keyward.runs.apis.read import read_stages
from keyward.values import JSON, frozen


@frozen
class ApiReading:
    """One API as it was at `read_at` (epoch seconds). `snapshot` is None when its mode is off, or
    when it could not be read: then a finding says why."""

    rest_api_id: str
    name: str
    mode: str
    snapshot: ApiSnapshot | None = None
    findings: tuple[Finding, ...] = ()
    read_at: float = 0.0

    def as_json(self) -> JSON:
        """For the documents of an audit: what each stage serves, each deployment once."""
        document: JSON = {
            "rest_api_id": self.rest_api_id,
            "name": self.name,
            "mode": self.mode,
            "findings": [finding.as_json() for finding in self.findings],
            "read_at": self.read_at,
        }
        return document | ({"snapshot": _as_json(self.snapshot)} if self.snapshot else {})

    @classmethod
    def of(cls, document: JSON) -> ApiReading:
        """From `as_json`."""
        rest_api_id, name, mode = (str(document[n]) for n in ("rest_api_id", "name", "mode"))
        snapshot = document.get("snapshot")
        return cls(
            rest_api_id,
            name,
            mode,
            _snapshot(rest_api_id, name, snapshot) if snapshot else None,
            tuple(Finding.of(finding) for finding in document["findings"]),
            float(document["read_at"]),
        )


def read_api(
    gateway: Gateway,
    api: JSON,
    plans: list[GatewayPlan],
    policy: Policy,
    default_mode: str,
    now: float,
    load_records: Callable[[str], ApiRecords],
    stack: str,
) -> ApiReading:
    """Read an API; `api` is an item of GetRestApis, `plans` have their owners, `now` is epoch
    seconds. `load_records` loads its holds, and the day of mode warn. Calls: none for an API that
    is off, else one, and one more for each deployment that a stage serves. Raises KeywardError
    when it cannot be read."""
    rest_api_id = str(api["id"])
    head = head_of(api, rest_api_id, default_mode)
    if head.mode == OFF:
        return ApiReading(rest_api_id, head.name, OFF)
    records = load_records(rest_api_id)
    head = head.dated(records.enforce_on, now, policy.warn_days)
    snapshot = read_stages(gateway, head, policy, None, lambda: plans, stack)
    rule = KeyRule(policy, rest_api_id, head.name, now)
    found = findings.api_findings(snapshot, records, rule, head.mode)
    found += findings.hold_findings(snapshot, records, rule, head.mode)
    found += findings.key_source(snapshot, head)
    found += findings.unannounced(snapshot, records, head.mode)
    return ApiReading(rest_api_id, head.name, head.mode, snapshot, tuple(found), now)


def unread(api: JSON, default_mode: str, error: Exception) -> ApiReading:
    """Make the reading of an API that could not be read: a finding says why."""
    mode = str((api.get("tags") or {}).get(MODE_TAG, default_mode))
    found = Finding("unreadable", "high", error_words(error), rest_api_id=str(api["id"]))
    return ApiReading(str(api["id"]), str(api.get("name", "")), mode, None, (found,))


def calls_of(reading: ApiReading) -> int:
    """Count what the reading cost: GetStages, and GetDeployment for each deployment that is
    served."""
    if reading.snapshot is None:
        return 1 if reading.findings else 0
    served = {stage.deployment_id for stage in reading.snapshot.stages if stage.deployment_id}
    served |= {stage.canary.deployment_id for stage in reading.snapshot.stages if stage.canary}
    return 1 + len(served)


@frozen
class AccountKeys:
    """Keys by id, and the names of plans by the id of a key (None when they were not read).
    `foreign` are the ids of keys in plans of other stacks. What changed since `read_at` (epoch
    seconds), when the first key was read, is not compared."""

    keys: Mapping[str, GatewayKey]
    plans: Mapping[str, tuple[str, ...]] | None = None
    read_at: float = 0.0
    foreign: frozenset[str] = frozenset()

    def state_of(self, key: KeyRecord) -> GatewayState | None:
        """The recorded key as it was read; None when a run has changed it since."""
        if key.key_id is None or max(key.journal.started_at, key.attached_at or 0) >= int(
            self.read_at
        ):
            return None
        found = self.keys.get(key.key_id)
        if found is None:
            return GatewayState(there=False)
        return GatewayState(True, found.enabled, self.plans_of(key.key_id))

    def plans_of(self, key_id: str) -> tuple[str, ...] | None:
        """The names of a key's plans, None when they were not read."""
        return None if self.plans is None else self.plans.get(key_id, ())


@frozen
class AccountReading:
    """Everything that an audit read; the first of it at `began` (epoch seconds). `exempt` are the
    methods that are open by an exemption, `problems` say which lists could not be read: `keys` is
    None then. `left` APIs were not read, as time ran out."""

    began: float
    plans: Sequence[GatewayPlan]
    apis: Sequence[ApiReading] = ()
    exempt: Sequence[JSON] = ()
    problems: Sequence[Finding] = ()
    keys: AccountKeys | None = None
    left: int = 0

    @property
    def findings(self) -> list[Finding]:
        """What was wrong with lists, and with each API."""
        return [*self.problems, *(finding for api in self.apis for finding in api.findings)]

    @classmethod
    def of(
        cls,
        began: float,
        plans: Sequence[GatewayPlan],
        results: Iterable[JSON],
        stack: str,
        left: int = 0,
    ) -> AccountReading:
        """From the documents that came of the items of work (audit/read.py), in this `stack`."""
        others = {plan.plan_id for plan in plans if plan.is_foreign(stack)}
        foreign: set[str] = set()
        apis, exempt, problems, keys = [], [], [], None
        names: dict[str, tuple[str, ...]] | None = {}
        for result in results:
            problems += [Finding.of(finding) for finding in result.get("unread", ())]
            if result["kind"] == "api":
                apis.append(ApiReading.of(result["reading"]))
                exempt += result["exempt"]
            elif result["kind"] == "keys":
                keys = result.get("keys")
            elif "key_ids" not in result:
                names = None
            elif result["plan_id"] in others:
                foreign |= {*result["key_ids"]}
            elif names is not None:
                for key_id in result["key_ids"]:
                    names[key_id] = (*names.get(key_id, ()), result["plan"])
        found = None
        if keys is not None:
            by_id = {key["key_id"]: GatewayKey(**key) for key in keys}
            found = AccountKeys(by_id, names, began, frozenset(foreign))
        return cls(began, plans, apis, exempt, problems, found, left)


def _as_json(snapshot: ApiSnapshot) -> JSON:
    served = {stage.deployment_id: stage.methods for stage in snapshot.stages}
    served |= {s.canary.deployment_id: s.canary_methods for s in snapshot.stages if s.canary}
    return {
        "served": {
            deployment_id: [[m.path, m.verb, m.authorization, m.key_required] for m in methods]
            for deployment_id, methods in served.items()
        },
        "stages": [
            {
                "name": stage.name,
                "deployment_id": stage.deployment_id,
                "canary": [stage.canary.deployment_id, stage.canary.percent]
                if stage.canary
                else None,
            }
            for stage in snapshot.stages
        ],
        "plans": [
            [plan.plan, plan.plan_id, sorted(plan.stages), plan.kept] for plan in snapshot.plans
        ],
    }


def _snapshot(rest_api_id: str, name: str, document: JSON) -> ApiSnapshot:
    served = {
        deployment_id: tuple(DeployedMethod(*method) for method in methods)
        for deployment_id, methods in document["served"].items()
    }
    stages = (
        StageSnapshot(
            stage["name"],
            stage["deployment_id"],
            Canary(*stage["canary"]) if stage["canary"] else None,
        )
        for stage in document["stages"]
    )
    return ApiSnapshot(
        rest_api_id,
        name,
        tuple(stage.serving(served) for stage in stages),
        tuple(
            Membership(plan, id_, frozenset(names), kept=kept)
            for plan, id_, names, kept in document["plans"]
        ),
    )
