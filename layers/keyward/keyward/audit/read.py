"""What an audit reads of the account, piece by piece: each piece of work is one JSON document, and
so is what comes of it. So an audit can be done in one go, or in parts by a state machine.

Work: `{"kind": "keys"}`, `{"kind": "plan_keys", "plan": {"id", "name"}}` or `{"kind": "api", "api":
<item of GetRestApis>}`. What comes of it: the work's kind, and `keys`, or `plan` and `key_ids`, or
`findings` and `exempt`, or `unread`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from keyward.apis import exemptions
from keyward.apis.model import KeyRule
from keyward.audit.account import calls_of, look, unread
from keyward.audit.model import Finding
from keyward.aws.gateway import Gateway, GatewayPlan
from keyward.aws.tables import Registry
from keyward.errors import KeywardError
from keyward.policy.model import Policy

JSON = dict[str, Any]
ITEMS_A_CALL = 500
# What the audit uses of an item of GetRestApis.
HEAD = ("id", "name", "tags", "apiKeySource")


@dataclass(frozen=True)
class Piece:
    """What came of a piece of work, and the calls of API Gateway that it cost."""

    told: JSON
    calls: int


def works_of(apis: Iterable[JSON], plans: Iterable[GatewayPlan]) -> list[JSON]:
    """All that is to be read, keys first."""
    heads = [{name: api[name] for name in HEAD if name in api} for api in apis]
    named = [{"id": plan.plan_id, "name": plan.name} for plan in plans]
    return [
        {"kind": "keys"},
        *({"kind": "plan_keys", "plan": plan} for plan in named),
        *({"kind": "api", "api": head} for head in heads),
    ]


@dataclass(frozen=True)
class AuditReader:
    """Reads pieces of work; `plans` are all usage plans of the gateway, `now` is epoch seconds."""

    gateway: Gateway
    registry: Registry
    plans: Sequence[GatewayPlan]
    policy: Policy
    default_mode: str
    now: float

    def read(self, work: JSON) -> Piece:
        """Do a piece of work. A list is read to its end at once: the position between two pages of
        keys holds a key value (aws-recorded.md 1), so it never leaves the gateway adapter. Raises
        KeywardError when it cannot be read."""
        if work["kind"] == "keys":
            return self._keys()
        return self._plan(work["plan"]) if work["kind"] == "plan_keys" else self._api(work["api"])

    def read_or_report(self, work: JSON) -> Piece:
        """Do a piece of work; what cannot be read is told, and stops nothing else."""
        try:
            return self.read(work)
        except KeywardError as error:
            return self.not_read(work, error)

    def not_read(self, work: JSON, error: KeywardError) -> Piece:
        """What comes of a piece of work that could not be done."""
        if work["kind"] == "api":
            found = unread(work["api"], self.default_mode, error).findings
        else:
            what = f"the keys of plan {work['plan']['name']}" if "plan" in work else "the keys"
            words = f"{what} could not be read: {type(error).__name__}: {error}"
            found = (Finding("unreadable", "high", words),)
        return Piece({"kind": work["kind"], "unread": [f.as_json() for f in found]}, 1)

    def _keys(self) -> Piece:
        keys = self.gateway.all_keys()
        return Piece({"kind": "keys", "keys": [asdict(key) for key in keys]}, _pages(len(keys)))

    def _plan(self, plan: JSON) -> Piece:
        key_ids = self.gateway.plan_key_ids(plan["id"])
        told = {"kind": "plan_keys", "plan": plan["name"], "key_ids": key_ids}
        return Piece(told, _pages(len(key_ids)))

    def _api(self, api: JSON) -> Piece:
        seen = (self.gateway, api, list(self.plans), self.policy, self.default_mode, self.now)
        looked = look(*seen, self.registry.apis.known)
        exempt = []
        if looked.seen:
            rule = KeyRule(self.policy, looked.rest_api_id, looked.name, self.now)
            exempt = exemptions.exempt_methods(looked.seen, rule)
        told = {
            "kind": "api",
            "findings": [finding.as_json() for finding in looked.findings],
            "exempt": [method.as_json() for method in exempt],
        }
        return Piece(told, calls_of(looked))


def _pages(items: int) -> int:
    return max(1, -(-items // ITEMS_A_CALL))
