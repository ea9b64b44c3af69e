"""What an audit reads of the account, item by item: each item of work is one JSON document, and so
is what comes of it.

Work: `{"kind": "keys"}`, `{"kind": "plan_keys", "plan": {"id", "name"}}` or `{"kind": "api", "api":
<item of GetRestApis>}`. What comes of it: the work's kind, and `keys`, or `plan`, `plan_id` and
`key_ids`, or `reading` and `exempt`; `unread` instead of a list that could not be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict

from keyward.apis import exemptions
from keyward.apis.model import ApiRecords
from keyward.apis.rule import KeyRule
from keyward.audit.account import calls_of, read_api, unread
from keyward.audit.model import Finding, error_words
from keyward.audit.work import WorkResult
from keyward.aws.gateway import Gateway, GatewayPlan
from keyward.policy.model import Policy
from keyward.values import JSON, frozen

ITEMS_A_CALL = 500
# What the audit uses of an item of GetRestApis.
HEAD = ("id", "name", "tags", "apiKeySource")


def works_of(apis: Iterable[JSON], plans: Iterable[GatewayPlan]) -> list[JSON]:
    """List all that is to be read, keys first."""
    heads = [{name: api[name] for name in HEAD if name in api} for api in apis]
    named = [{"id": plan.plan_id, "name": plan.name} for plan in plans]
    return [
        {"kind": "keys"},
        *({"kind": "plan_keys", "plan": plan} for plan in named),
        *({"kind": "api", "api": head} for head in heads),
    ]


@frozen
class AuditReader:
    """Reads items of work; `load_records` loads what is remembered of an API; `plans` are all usage
    plans of the gateway, with their owners; `clock` gives epoch seconds; `stack` is the name of
    this stack."""

    gateway: Gateway
    load_records: Callable[[str], ApiRecords]
    plans: Sequence[GatewayPlan]
    policy: Policy
    default_mode: str
    clock: Callable[[], float]
    stack: str

    def read(self, work: JSON) -> WorkResult:
        """Read an item. A list is read to its end at once: the position between two pages of
        keys holds a key value (aws-recorded.md 1), so it never leaves the gateway adapter. Raises
        KeywardError when it cannot be read."""
        if work["kind"] == "keys":
            return self._keys()
        return self._plan(work["plan"]) if work["kind"] == "plan_keys" else self._api(work["api"])

    def not_read(self, work: JSON, error: Exception) -> WorkResult:
        """Make a finding of an item that could not be read."""
        if work["kind"] == "api":
            reading = unread(work["api"], self.default_mode, error)
            return WorkResult({"kind": "api", "reading": reading.as_json(), "exempt": []}, 1)
        what = f"the keys of plan {work['plan']['name']}" if "plan" in work else "the keys"
        words = f"{what} could not be read: {error_words(error)}"
        found = Finding("unreadable", "high", words)
        return WorkResult({"kind": work["kind"], "unread": [found.as_json()]}, 1)

    def _keys(self) -> WorkResult:
        keys = self.gateway.all_keys()
        return WorkResult(
            {"kind": "keys", "keys": [asdict(key) for key in keys]}, _pages(len(keys))
        )

    def _plan(self, plan: JSON) -> WorkResult:
        key_ids = self.gateway.plan_key_ids(plan["id"])
        about = {"kind": "plan_keys", "plan": plan["name"], "plan_id": plan["id"]}
        document = about | {"key_ids": key_ids}
        return WorkResult(document, _pages(len(key_ids)))

    def _api(self, api: JSON) -> WorkResult:
        now = self.clock()
        about = (self.gateway, api, list(self.plans), self.policy, self.default_mode, now)
        reading = read_api(*about, self.load_records, self.stack)
        exempt = []
        if reading.snapshot:
            rule = KeyRule(self.policy, reading.rest_api_id, reading.name, now)
            exempt = exemptions.exempt_methods(reading.snapshot, rule)
        document = {
            "kind": "api",
            "reading": reading.as_json(),
            "exempt": [method.as_json() for method in exempt],
        }
        return WorkResult(document, calls_of(reading))


def _pages(items: int) -> int:
    return max(1, -(-items // ITEMS_A_CALL))
