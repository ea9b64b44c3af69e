"""Read the account's APIs for the audit and for the report: once each, by the deployed truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from keyward.apis.head import head_of
from keyward.apis.model import ENFORCE, MODE_TAG, OFF, ApiRecords, ApiSnapshot, KeyRule
from keyward.audit import model as findings
from keyward.audit.model import Finding, error_words
from keyward.aws.gateway import Gateway, GatewayKey, GatewayPlan
from keyward.customers.drift import GatewayState
from keyward.customers.key import KeyRecord
from keyward.policy.model import Policy
from keyward.runs.read_api import read_stages


@dataclass(frozen=True)
class ApiReading:
    """One API as it is. `snapshot` is None when its mode is off, or when it could not be read: then
    a finding says why."""

    rest_api_id: str
    name: str
    mode: str
    snapshot: ApiSnapshot | None = None
    findings: tuple[Finding, ...] = ()


def read_or_report(
    gateway: Gateway,
    api: dict[str, Any],
    plans: list[GatewayPlan],
    policy: Policy,
    default_mode: str,
    now: float,
    load_records: Callable[[str], ApiRecords] = lambda _: ApiRecords(),
) -> ApiReading:
    """Read an API, or report by a finding why it cannot be read: one API stops no other."""
    try:
        return read_api(gateway, api, plans, policy, default_mode, now, load_records)
    except Exception as error:  # noqa: BLE001 - whatever it is, the next API is another one
        return unread(api, default_mode, error)


def read_api(
    gateway: Gateway,
    api: dict[str, Any],
    plans: list[GatewayPlan],
    policy: Policy,
    default_mode: str,
    now: float,
    load_records: Callable[[str], ApiRecords] = lambda _: ApiRecords(),
) -> ApiReading:
    """Read an API; `api` is an item of GetRestApis, `now` epoch seconds. `load_records` loads its
    holds, and the day of mode warn. Calls: none for an API that is off, else one, and one more for
    each deployment that a stage serves. Raises KeywardError when it cannot be read."""
    rest_api_id = str(api["id"])
    head = head_of(api, rest_api_id, default_mode)
    if head.mode == OFF:
        return ApiReading(rest_api_id, head.name, OFF)
    records = load_records(rest_api_id)
    head = head.dated(records.enforce_on, now, policy.warn_days)
    snapshot = read_stages(gateway, head, policy, None, plans)
    rule = KeyRule(policy, rest_api_id, head.name, now)
    found = findings.api_findings(snapshot, rule, head.mode)
    if head.mode == ENFORCE:
        found += findings.hold_findings(snapshot, records, rule)
    return ApiReading(rest_api_id, head.name, head.mode, snapshot, tuple(found))


def unread(api: dict[str, Any], default_mode: str, error: Exception) -> ApiReading:
    """An API that could not be read, with a finding that says why."""
    mode = str((api.get("tags") or {}).get(MODE_TAG, default_mode))
    found = Finding("unreadable", "high", error_words(error), rest_api_id=str(api["id"]))
    return ApiReading(str(api["id"]), str(api.get("name", "")), mode, None, (found,))


def calls_of(reading: ApiReading) -> int:
    """What the reading cost: GetStages, and GetDeployment for each deployment that is served."""
    if reading.snapshot is None:
        return 1 if reading.findings else 0
    served = {stage.deployment_id for stage in reading.snapshot.stages if stage.deployment_id}
    served |= {stage.canary.deployment_id for stage in reading.snapshot.stages if stage.canary}
    return 1 + len(served)


@dataclass(frozen=True)
class AccountKeys:
    """Keys by id; the names of plans by the id of a key, None when they were not read. What was
    changed since `read_at` (epoch seconds), when the first of it was read, is not compared."""

    keys: Mapping[str, GatewayKey]
    plans: Mapping[str, tuple[str, ...]] | None = None
    read_at: float = 0.0

    def state_of(self, key: KeyRecord) -> GatewayState | None:
        """A recorded key as it was read; None when a run has been at it since."""
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
