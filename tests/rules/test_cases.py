"""Each file of ../shared/cases gives what its README wants; a new file needs a check here."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from emulator.tests.openapi_lab import SHARED
from keyward.cli import app
from keyward.errors import PolicyRefusedError
from keyward.events.spreadsheet import text_of
from keyward.policy.parse import default_text, parse
from keyward.values import JSON
from local.bench import Bench
from local.lifetime.account import DEFAULT_BUS

pytestmark = pytest.mark.real_data

CASES = SHARED / "cases"
FILES = sorted(p for p in CASES.rglob("*") if p.is_file() and p.suffix != ".md")
DAY = 86_400


def old_key(bench: Bench, file: Path, *plans: str, **changes: Any) -> list[JSON]:
    """Make the key of a file by hand, in these plans: what an adopting audit finds of it."""
    made = json.loads(file.read_text("utf-8"))["CreateApiKey"] | changes
    key_id = bench.gateway.create_api_key(**made)["id"]
    for name in plans:
        plan_id = bench.gateway.create_usage_plan(name=name)["id"]
        bench.gateway.create_usage_plan_key(usagePlanId=plan_id, keyId=key_id, keyType="API_KEY")
    found = bench.invoke("Audit", {"adopt": True})["findings"]
    return [one for one in found if one.get("key_id") == key_id]


def adopted_by(file: Path) -> tuple[JSON, list[str]]:
    """The output of an adopting audit that gets the table, and the customers after it.

    The table's sample id is replaced by the id of a key on the bench.
    """
    with Bench() as bench:
        plan_id = bench.gateway.create_usage_plan(name="free")["id"]
        key_id = bench.gateway.create_api_key(name="old", enabled=True)["id"]
        bench.gateway.create_usage_plan_key(usagePlanId=plan_id, keyId=key_id, keyType="API_KEY")
        table = text_of(file.read_bytes()).replace("abcde12345", key_id)
        task = {"adopt": True, "repair": True, "customers": table}
        bench.account.executions.begin("audit_account", "adopt", task)
        bench.run()
        [run] = [run for run in bench.runs if run.machine == "audit_account"]
        assert run.status == "SUCCEEDED"
        records = bench.tables["CustomersTable"].scan()["Items"]
        return run.output, sorted(record["customer_id"] for record in records)


def table_with_a_blank_line(file: Path) -> None:
    output, customers = adopted_by(file)
    assert (output["adopted"], customers) == (1, ["acme"])


def table_that_names_a_key_twice(file: Path) -> None:
    output, customers = adopted_by(file)
    assert "row 3 must name another key than row 2" in output["refused"]["reason"]
    assert customers == []


def key_of_the_developer_portal(file: Path) -> None:
    named = json.loads(file.read_text("utf-8"))["CreateApiKey"]["customerId"]
    with Bench() as bench:
        [found] = old_key(bench, file, "free")
        assert (found["mended_by"], found["customer_id"]) == ("adopt-keys", named)
    with Bench() as bench:
        [found] = old_key(bench, file, "free", customerId="Acme Inc.")
        assert "customerId cannot be a customer's id, which has 1 to 128 of" in found["helps"]
        assert "`customers`" in found["helps"]


def key_in_no_plan(file: Path) -> None:
    with Bench() as bench:
        [found] = old_key(bench, file)
        assert found["helps"].startswith("The key is in no usage plan: attach it to a plan")


def event_of_another_account(file: Path) -> None:
    event = json.loads(file.read_text("utf-8"))
    with Bench() as bench:
        before = len(bench.announced), len(bench.runs)
        bench.account.deliver(DEFAULT_BUS, event)
        # As a message that some other rule forwarded.
        bench.account.queues.send("ApisQueue", json.dumps(event))
        bench.run()
        assert (len(bench.announced), len(bench.runs)) == before


def plan_made_by_hand(file: Path) -> None:
    made = json.loads(file.read_text("utf-8"))
    for mode in ("enforce", "warn", "observe"):
        with Bench() as bench:
            plan_id = bench.gateway.create_usage_plan(**made["CreateUsagePlan"])["id"]
            key_id = bench.gateway.create_api_key(**made["CreateApiKey"])["id"]
            about = {"usagePlanId": plan_id, "keyId": key_id, "keyType": "API_KEY"}
            bench.gateway.create_usage_plan_key(**about)
            before = hand_made(bench, plan_id)
            bench.api({"/pets": {"get": None}}, mode=mode)
            bench.run()
            assert hand_made(bench, plan_id) == before
            told = [e["detail"] for e in bench.announced if e["detail-type"].startswith("Api")]
            kept = [a for detail in told for a in detail["actions"] if a["action"] == "leave_plan"]
            assert {action["plan"] for action in kept} == {"free"}
            assert_limits_change_by_approval_only(bench, plan_id)


def hand_made(bench: Bench, plan_id: str) -> JSON:
    plan = bench.gateway.get_usage_plan(usagePlanId=plan_id)
    return {name: value for name, value in plan.items() if name != "ResponseMetadata"}


def assert_limits_change_by_approval_only(bench: Bench, plan_id: str) -> None:
    """Once the policy adopts the plan: the preview and the ledger have before and after."""
    before = hand_made(bench, plan_id)
    policy = json.loads(default_text())
    policy["usage_plans"]["free"]["adopt"] = True
    bench.put_policy(policy)
    bench.advance(60)
    assert hand_made(bench, plan_id) == before
    [held] = [e["detail"] for e in bench.announced if e["detail-type"] == "PolicyHeld"]
    [change] = held["changes"]
    throttles = {"before": before["throttle"], "after": policy["usage_plans"]["free"]["throttle"]}
    assert change["follows"]["throttle"] == throttles
    bench.send("PolicyApproved", fingerprint=held["fingerprint"])
    bench.advance(300)
    assert hand_made(bench, plan_id)["throttle"] == throttles["after"]
    lines = bench.tables["LedgerTable"].scan()["Items"]
    kept = [line for line in lines if line["action"] == "change_policy"]
    assert throttles in [{side: line.get(side) for side in throttles} for line in kept]


def servers_that_are_a_mapping(file: Path) -> None:
    with Bench() as bench:
        made = bench.gateway.import_rest_api(body=file.read_bytes())
        assert made["name"] == "orders"


def method_line_that_is_turned_round(file: Path) -> None:
    with pytest.raises(PolicyRefusedError) as refused:
        parse(file.read_text("utf-8"))
    for word in ("usage_plans.free.methods", "/pets/GET", "GET /"):
        assert word in str(refused.value)


def unpaid_bill_and_an_invoice_of_nothing(file: Path) -> None:
    events = json.loads(file.read_text("utf-8"))
    policy = json.loads(default_text()) | {"propagation_seconds": 0}
    with Bench(policy=policy, started="2026-11-01T00:00:00Z") as bench:
        for event in events:
            bench.run(until=event["time"])
            about = (event["source"], event["detail-type"], event["detail"])
            bench.account.publish(bench.stack.ref("EventBus"), *about)
            bench.run()
        bench.advance(DAY)
        [key] = bench.gateway.get_api_keys()["items"]
        assert key["enabled"] is False
        kinds = [e["detail-type"] for e in bench.announced]
        assert kinds.count("KeySuspended") == 1
        assert "KeyResumed" not in kinds
        # What settles it: the invoice that failed, once it is paid.
        owed = {"object": events[1]["detail"]["data"]["object"] | {"amount_paid": 5000}}
        at = {"id": "evt_5", "created": int(bench.clock.now()), "data": owed}
        about = (events[-1]["source"], "invoice.paid", events[-1]["detail"] | at)
        bench.account.publish(bench.stack.ref("EventBus"), *about)
        bench.run()
        assert bench.gateway.get_api_key(apiKey=key["id"])["enabled"] is True


def lint(code: int, file: Path, *options: str) -> None:
    assert app.main(["lint", *options, str(file)]) == code


def root_by_sub(file: Path) -> None:
    lint(0, file, "--policy", str(file.with_name("lint-policy.json")))


def names_of_the_hook(file: Path) -> None:
    with TemporaryDirectory() as folder:
        written = [Path(folder) / name for name in file.read_text("utf-8").split()]
        for path in written:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("name: x\n", "utf-8")
        assert app.main(["lint", "--skip-others", *map(str, written)]) == 0


CHECKS: dict[str, Callable[[Path], None]] = {
    "adopt-blank-last-line.csv": table_with_a_blank_line,
    "adopt-developer-portal-key.json": key_of_the_developer_portal,
    "adopt-key-in-no-plan.json": key_in_no_plan,
    "adopt-one-key-two-customers.csv": table_that_names_a_key_twice,
    "cloudtrail-other-account.json": event_of_another_account,
    "hand-made-plan.json": plan_made_by_hand,
    "lint-nested-application.yaml": partial(lint, 1),
    "lint-nested-child.yaml": partial(lint, 1),
    "lint-policy.json": lambda file: root_by_sub(file.with_name("lint-root-by-sub.yaml")),
    "lint-root-by-sub.yaml": root_by_sub,
    "openapi-servers-mapping.yaml": servers_that_are_a_mapping,
    "policy-method-line.json": method_line_that_is_turned_round,
    "pre-commit-names.txt": names_of_the_hook,
    "stripe-unpaid-then-zero-invoice.json": unpaid_bill_and_an_invoice_of_nothing,
}


@pytest.mark.parametrize("file", FILES, ids=[str(file.relative_to(CASES)) for file in FILES])
def test_a_case_gives_what_its_readme_wants(file: Path) -> None:
    assert file.name in CHECKS, "add a check of what its README wants"
    CHECKS[file.name](file)


def test_every_check_has_its_case() -> None:
    assert {file.name for file in FILES} == {*CHECKS}
