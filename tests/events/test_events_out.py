"""The samples of events out are what the product announces, and there is one of each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

import read_usage
from emulator.model import Usage
from keyward.aws.logs import AccessLogs
from keyward.events.caller import Editor
from keyward.events.contracts import SOURCE
from keyward.events.outgoing import EVENTS_OUT
from keyward.runs import runtime
from keyward.runs.schedule import CALLS
from keyward.values import JSON, iso
from tests import tree
from tests.apis.test_task_samples import shape
from tests.customers.test_read_usage import CONTEXT
from tests.machines.api_lab import PETS, Lab, laboratory
from tests.machines.audit_lab import AuditLab, audit_laboratory
from tests.machines.life_lab import DAY, LifeLab
from tests.machines.protect_api.test_report import Logs, logged
from tests.support import load_event

SAMPLES = (
    "api-exposed",
    "api-failed",
    "api-held",
    "api-pending",
    "api-protected",
    "api-rolled-back",
    "api-warned",
    "customer-expiring",
    "customer-failed",
    "customer-pending",
    "exemption-expiring",
    "key-disabled",
    "key-expiring",
    "key-issued",
    "key-issued-opens-nothing",
    "key-resumed",
    "key-retired",
    "key-revoked",
    "key-rotated",
    "key-suspended",
    "key-unused",
    "payment-overdue",
    "plan-changed",
    "policy-applied",
    "policy-applied-changes",
    "policy-held",
    "policy-refused",
    "quota-extended",
    "quota-threshold-reached",
    "source-open",
    "writes-stopped",
)
# These take storms and audits, and are compared in test_protect_loops.py and test_exemptions.py.
COMPARED_ELSEWHERE = ("source-open", "exemption-expiring")
# And these an edit of the policy (machines/apply_policy/test_edits.py).
COMPARED_ELSEWHERE += ("policy-applied-changes", "policy-held", "policy-refused")
# And this a stop (cli/test_stop.py).
COMPARED_ELSEWHERE += ("writes-stopped",)
ENVELOPE = {"version", "id", "detail-type", "source", "account", "time", "region", "resources"}
FREE = {"quota": {"limit": 1000, "period": "DAY"}}
PLANS: JSON = {"free": FREE, "pro": {}, "gold": {"apis": ["nowhere"]}}
LADDER = [{"step": "notice", "after_days": 0}, {"step": "plan", "after_days": 7, "plan": "free"}]
ADA = Editor("arn:aws:iam::123456789012:user/ada", "PutMethod", "2026-11-23T09:40:00Z")
# 20 characters at least (aws-recorded.md 1); what else is so long in a sample has no digit, or has
# its dashes.
LIKE_A_VALUE = re.compile(r"(?=[A-Za-z]*[0-9])[A-Za-z0-9]{20,}")


@pytest.fixture(scope="module")
def account() -> Iterator[AuditLab]:
    with laboratory() as lab, audit_laboratory(lab) as made:
        yield made


@pytest.fixture(scope="module")
def all_announced(account: AuditLab) -> list[JSON]:
    """All that is announced in some lives of customers and APIs, no value of a key among it."""
    life, lab = account.life, account.lab
    entries: list[JSON] = []
    life.policy(usage_plans=PLANS, billing={"ladder": LADDER})
    lab.attached()
    for scene in (plan_and_quota, suspension, rotation, bills, usage, crowd):
        scene(life)
        entries += heard(lab)
    for scene_of_api in (exposure, named, hold_and_rollback, crowd_of_apis):
        scene_of_api(lab)
        entries += heard(lab)
    return entries


def heard(lab: Lab) -> list[JSON]:
    """What was announced since the last scene."""
    entries = list(lab.bench.bus.entries)
    keys = lab.client.get_api_keys(includeValues=True, limit=500)["items"]
    assert [key["id"] for key in keys if key["value"] in json.dumps(entries)] == []
    lab.forget()
    return entries


def plan_and_quota(life: LifeLab) -> None:
    """KeyIssued, QuotaExtended, PlanChanged; a key that opens nothing; CustomerFailed."""
    life.after("CustomerSignedUp", plan="free")
    life.bench.clock.advance(60)
    life.after("QuotaExtensionRequested", by=200, reason="launch")
    life.after("CustomerPlanChanged", plan="pro")
    life.after("CustomerSignedUp", "wayne", plan="gold")
    assert life.after("CustomerSignedUp", "umbrella", plan="none").status == "FAILED"


def suspension(life: LifeLab) -> None:
    """KeySuspended, KeyResumed, KeyRevoked."""
    life.after("CustomerSignedUp", "globex", plan="free")
    life.bench.clock.advance(60)
    life.after("CustomerSuspended", "globex", reason="invoice 4711")
    life.bench.clock.advance(60)
    life.after("CustomerResumed", "globex")
    life.bench.clock.advance(60)
    life.after("CustomerClosed", "globex", reason="contract ended")


def rotation(life: LifeLab) -> None:
    """KeyRotated, KeyExpiring, KeyDisabled, KeyRetired."""
    life.after("KeyRotationRequested", reason="yearly", overlap_hours=25)
    life.wait(hours=25 + 72.1)


def bills(life: LifeLab) -> None:
    """PaymentOverdue, CustomerExpiring."""
    life.after("PaymentFailed")
    ends = iso(life.bench.clock.now() + 7 * DAY)
    life.after("CustomerSignedUp", "initech", plan="pro", expires_at=ends)


def usage(life: LifeLab) -> None:
    """QuotaThresholdReached, and KeyUnused a month later."""
    life.after("CustomerSignedUp", "hooli", plan="free")
    [key] = life.records("hooli")
    [plan] = [p["id"] for p in life.client.get_usage_plans()["items"] if p["name"] == "free"]
    today = iso(life.bench.clock.now())[:10]
    life.bench.emulator.state.usage[plan, str(key.key_id)] = Usage(used={today: 830})
    for _ in range(2):
        read_usage.handler({}, CONTEXT)
        life.bench.clock.advance(31 * DAY)


def crowd(life: LifeLab) -> None:
    """CustomerPending: others use the account's calls for more than a minute."""
    life.bench.context().turns.debit({CALLS: 400}, life.bench.clock.now())
    life.after("CustomerSignedUp", "soylent", plan="free")


def exposure(lab: Lab) -> None:
    """ApiExposed, ApiWarned; access logs tell who calls."""
    logs = Logs([("198.51.100.7", 420)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "access_logs", lambda: AccessLogs(logs))
        for mode in ("observe", "warn"):
            api_id = lab.api(mode=mode)
            logged(lab, api_id)
            lab.run(api_id)


def named(lab: Lab) -> None:
    """PolicyApplied: a plan names an API that is only observed and exposes methods."""
    api_id = lab.api(mode="observe")
    lab.policy(usage_plans={"pro": {"apis": [api_id]}})
    lab.run(api_id)
    lab.policy(usage_plans=PLANS)


def hold_and_rollback(lab: Lab) -> None:
    """ApiProtected, ApiRolledBack, ApiHeld, ApiFailed."""
    held, closed, stuck = lab.attached(), lab.attached(), lab.attached()
    lab.run(closed)
    lab.run(closed, stage="prod", rollback=True)
    former = lab.client.get_stage(restApiId=stuck, stageName="prod")["deploymentId"]
    lab.run(stuck)
    lab.client.delete_deployment(restApiId=stuck, deploymentId=former)
    lab.run(stuck, stage="prod", rollback=True)
    lab.edit(held, PETS | {"/new": {"get": None}})
    lab.bench.registry.apis.note_editor(held, ADA)
    lab.run(held)


def crowd_of_apis(lab: Lab) -> None:
    """ApiPending: others use the account's calls for long."""
    lab.bench.context().turns.debit({CALLS: 2000}, lab.bench.clock.now())
    lab.run(lab.api())


@pytest.mark.parametrize("detail_type", EVENTS_OUT)
def test_every_event_out_is_announced_somewhere(detail_type: str) -> None:
    sources = [*tree.PACKAGE.rglob("*.py"), *tree.function_files().values()]
    others = [path for path in sources if path.name not in ("outgoing.py", "waiting.py")]
    assert any(f'"{detail_type}"' in path.read_text("utf-8") for path in others)


@pytest.mark.parametrize("name", sorted({*SAMPLES} - {*COMPARED_ELSEWHERE}))
def test_a_sample_is_made_as_what_is_announced(name: str, all_announced: list[JSON]) -> None:
    sample = load_event(name)
    of_type = sample["detail-type"]
    kinds = [entry["Detail"] for entry in all_announced if entry["DetailType"] == of_type]
    assert of_any_cause(sample["detail"]) in [of_any_cause(kind) for kind in kinds]


def of_any_cause(detail: JSON) -> Any:
    """The shape of a detail; of its cause only that there is one."""
    return shape(json.loads(json.dumps(detail | {"caused_by": bool(detail.get("caused_by"))})))


def test_each_is_a_whole_envelope_of_its_own_name() -> None:
    for name in SAMPLES:
        sample = load_event(name)
        kebab = re.sub(r"(?<!^)(?=[A-Z])", "-", sample["detail-type"]).lower()
        assert (set(sample), sample["source"]) == (ENVELOPE | {"detail"}, SOURCE), name
        assert name.startswith(kebab)


def test_no_sample_holds_a_value_of_a_key() -> None:
    assert LIKE_A_VALUE.search(json.dumps({"value": "kw" + "4f" * 15}))
    told = {name: LIKE_A_VALUE.findall(json.dumps(load_event(name))) for name in SAMPLES}
    assert {name: found for name, found in told.items() if found} == {}
