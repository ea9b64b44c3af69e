"""What functions call on the bench is what their roles in the template grant."""

from __future__ import annotations

from collections.abc import Callable

import pytest

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
    for who in ({}, {"key_id": str(bench.gateway.get_api_keys()["items"][0]["id"])}):
        about = {name: text for name, text in asked.items() if not who or name != "customer_id"}
        bench.invoke("ExplainDenial", about | who | {"method": "GET", "path": "/pets"})
    bench.advance(9 * DAY)
    bench.audit(repair=True)
    bench.advance(DAY)


def crowd(bench: Bench) -> None:
    """A crowd of new customers, whose keys are made together, in plans that there are not yet."""
    for number in range(CROWD):
        bench.send("CustomerSignedUp", customer_id=f"one-of-many-{number}", plan="free")
    bench.advance(600)


def otherwise(bench: Bench) -> None:
    """New customers by the console and by a CSV, and one whose record is removed."""
    bench.invoke("PlanCustomer", {"customer_id": "by-console", "plan": "free", **RUN})
    bench.upload("onboarding/new.csv", "customer_id,plan\nby-file,free\n")
    bench.put(customer_id="removed", plan="free", status="active")
    bench.run()
    bench.remove("removed")
    bench.advance(DAY)


@pytest.mark.parametrize("story", [live, crowd, otherwise])
def test_a_function_calls_only_what_its_role_grants(
    story: Callable[[Bench], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = calls.Notes()
    notes.listen(monkeypatch.setattr)
    with Bench() as bench:
        story(bench)
    called = {Right(*call) for call in notes.found}
    assert len({call.function for call in called}) > (25 if story is live else 5)
    assert grants.refused(grants.granted(), called) == set()
