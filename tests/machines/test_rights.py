"""What functions call on the bench is what their roles in the template grant."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from botocore.exceptions import ClientError

from keyward.aws.tables import policy
from keyward.aws.tables.call_schedule import CallSchedule, Stop
from keyward.aws.tables.fingerprints import Fingerprints
from keyward.policy.parse import default_text
from local.bench import Bench
from tools import calls, grants
from tools.grants import Right

DAY = 86_400
# From so many on, new keys are made together.
CROWD = 25
RUN = {
    "execution_arn": "arn:aws:states:us-east-1:123456789012:execution:keyward-reconcile-customer:x"
}


def live(bench: Bench) -> None:
    """The lives of an API and of some customers, told in every way."""
    api = bench.api({"/pets": {"get": None}}, mode="enforce", stages=["prod"])
    bench.run()
    for name in ("acme", "early", "late"):
        bench.send("CustomerSignedUp", customer_id=name, plan="free")
    bench.run()
    bench.send("QuotaExtensionRequested", customer_id="acme", calls=5)
    bench.run()
    for event in ("CustomerSuspended", "CustomerResumed", "KeyRotationRequested"):
        bench.send(event, customer_id="acme")
        bench.run()
    bench.send("CustomerPlanChanged", customer_id="early", plan="pro")
    bench.send("CustomerClosed", customer_id="late")
    bench.deploy(api, "prod")
    bench.run()
    bench.send("RollbackRequested", rest_api_id=api, stage="prod")
    bench.send("CustomerSignedUp", customer_id="acme", plan="free", colour="blue")
    bench.send("DeploymentApproved", rest_api_id=api)
    bench.invoke("RevealKey", {"customer_id": "acme"})
    asked = {"customer_id": "acme", "rest_api_id": api, "stage": "prod"}
    question = asked | {"method": "GET", "path": "/pets"}
    bench.invoke("ExplainDenial", question)
    (key, *_) = bench.gateway.get_api_keys()["items"]
    bench.invoke("ExplainDenial", question | {"customer_id": None, "key_id": key["id"]})
    bench.advance(9 * DAY)
    bench.audit(repair=True)
    bench.advance(DAY)


def crowd(bench: Bench) -> None:
    """Crowds of new customers, whose keys are made together, in plans that there are not yet: the
    first keys of a stack are imported, those of a file."""
    rows = "".join(f"row-{number},free\n" for number in range(CROWD))
    bench.upload("onboarding/many.csv", f"customer_id,plan\n{rows}")
    bench.advance(600)
    for number in range(CROWD):
        bench.send("CustomerSignedUp", customer_id=f"one-of-many-{number}", plan="pro")
    bench.advance(600)


def kept_elsewhere(bench: Bench) -> None:
    """A policy in the bucket, with an exemption of an API that nobody looked at yet, and a table
    that says whose old keys are."""
    bench.send("CustomerSignedUp", customer_id="before", plan="free")
    bench.run()
    tell, bench.emulator.on_event = bench.emulator.on_event, None
    bench.api({"/pets": {"get": ["api_key"]}}, mode="enforce", stages=["prod"])
    bench.emulator.on_event = tell
    wanted = json.loads(default_text())
    wanted["exemptions"] += [{"api": "*", "method": "GET", "path": "/pets", "reason": "public"}]
    wanted["usage_plans"]["free"]["quota"]["limit"] *= 2
    bench.upload("policy/large.json", json.dumps(wanted))
    bench.put_policy({"object": "policy/large.json"})
    bench.run()
    key = bench.gateway.create_api_key(name="old", enabled=True)["id"]
    bench.upload("adopt/old.csv", f"key_id,customer_id\n{key},of-old\n")
    bench.invoke("Audit", {"adopt": True, "customers_object": "adopt/old.csv"})
    bench.advance(DAY)


def amiss(bench: Bench) -> None:
    """A message without sense in each queue, an API whose stage others take out of its plan again
    and again, and a stop that somebody forgot."""
    for name in ("OnboardingQueue", "ApisQueue", "CustomersQueue", "StopsQueue", "RunsQueue"):
        bench.account.queues.send_message(QueueUrl=bench.stack.ref(name), MessageBody="no sense")
    api = bench.api({"/pets": {"get": ["api_key"]}}, mode="enforce", stages=["prod"])
    bench.run()
    plan = next(one for one in bench.gateway.get_usage_plans()["items"] if one["apiStages"])
    take = {"op": "remove", "path": "/apiStages", "value": f"{api}:prod"}
    for _ in range(9):
        with suppress(ClientError):
            bench.gateway.update_usage_plan(usagePlanId=plan["id"], patchOperations=[take])
        bench.advance(200)
    CallSchedule(bench.tables["LeasesTable"]).put_stop(Stop(bench.clock.now(), everything=False))
    bench.advance(2 * 3600)


def otherwise(bench: Bench) -> None:
    """New customers by the console and by a CSV, and one whose record is removed."""
    bench.invoke("PlanCustomer", {"customer_id": "by-console", "plan": "free", **RUN})
    bench.upload("onboarding/new.csv", "customer_id,plan\nby-file,free\n")
    bench.put(customer_id="removed", plan="free", status="active")
    bench.run()
    bench.remove("removed")
    bench.advance(DAY)


@pytest.mark.parametrize("story", [live, crowd, kept_elsewhere, amiss, otherwise])
def test_a_function_calls_only_what_its_role_grants(
    story: Callable[[Bench], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A policy of any size is kept in parts, as a large one is.
    monkeypatch.setattr(policy, "MAX_BYTES", 200)
    # On AWS each function is a process of its own, which has not read the salt yet.
    unread = property(lambda self: None, lambda self, salt: None)
    monkeypatch.setattr(Fingerprints, "_salt", unread, raising=False)
    notes = calls.Notes()
    notes.listen(monkeypatch.setattr)
    with Bench() as bench:
        story(bench)
    called = {Right(*call) for call in notes.found}
    assert len({call.function for call in called}) > (25 if story is live else 3)
    assert grants.refused(grants.granted(), called) == set()
