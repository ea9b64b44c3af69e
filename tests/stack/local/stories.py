"""Stories on the bench that lead through most states of the machines, for comparing engines."""

from __future__ import annotations

import json
from collections.abc import Callable

from keyward.policy.parse import default_text
from keyward.values import JSON
from local.bench import Bench

OPEN: JSON = {"/pets": {"get": None}, "/food": {"get": None}}
HOUR, DAY = 3600, 86_400


def customers(bench: Bench) -> None:
    """A customer's life, each event twice."""
    bench.api({"/pets": {"get": ["api_key"]}})
    life: list[tuple[str, JSON]] = [
        ("CustomerSignedUp", {"plan": "free"}),
        ("CustomerPlanChanged", {"plan": "pro"}),
        ("KeyRotationRequested", {"overlap_hours": 9}),
        ("UndoRequested", {"what": "rotation"}),
        ("KeyRotationRequested", {"overlap_hours": 1}),
        ("QuotaExtensionRequested", {"by": 500}),
        ("CustomerExpiryChanged", {"expires_at": "2026-01-09T00:00:00Z"}),
        ("CustomerSuspended", {"reason": "unpaid"}),
        ("CustomerResumed", {}),
        ("KeyRotationRequested", {"reason": "it leaked", "overlap_hours": 0}),
        ("CustomerPlanChanged", {"plan": "nosuch"}),
        ("CustomerClosed", {}),
    ]
    for detail_type, detail in life:
        for _ in range(2):
            bench.send(detail_type, customer_id="acme", **detail)
            bench.run()
        bench.advance(3 * HOUR)
    bench.advance(10 * DAY)


def apis(bench: Bench) -> None:
    """APIs in every mode, one with an edit that is not to be published, and a night."""
    for mode in ("enforce", "observe", "warn", "off", None):
        bench.api(OPEN, mode=mode, stages=["test", "prod"])
    bench.run()
    held = bench.api(OPEN)
    root = bench.gateway.get_resources(restApiId=held)["items"][0]["id"]
    bench.gateway.create_resource(restApiId=held, parentId=root, pathPart="unfinished")
    bench.run()
    bench.advance(DAY)


def faults(bench: Bench) -> None:
    """Faults that pass and faults that do not, of functions and of what they call."""
    orders = [
        ("apigateway", "CreateApiKey", 503),
        ("apigateway", "CreateUsagePlanKey", 429),
        ("apigateway", "CreateDeployment", 429),
        ("apigateway", "UpdateMethod", "timeout_after"),
        ("lambda", "PlanCustomer", "death_before"),
        ("lambda", "RequireKey", "death_after"),
        ("dynamodb", "UpdateItem", "ThrottlingException"),
        ("ssm", "GetParameter", "AccessDeniedException"),
    ]
    for number, (client, operation, error) in enumerate(orders):
        bench.fault(client, operation, 1, error)
        bench.send("CustomerSignedUp", customer_id=f"customer-{number}", plan="free")
        bench.api(OPEN)
        bench.run()
        bench.advance(HOUR)
        bench.clear_faults()


def quotas(bench: Bench) -> None:
    """More at once than the account's quotas let through; then the audit mends what was left."""
    for number in range(12):
        bench.api(OPEN)
        bench.send("CustomerSignedUp", customer_id=f"customer-{number}", plan="free")
    bench.run()
    bench.audit(repair=True)
    bench.advance(DAY)


def probes(bench: Bench) -> None:
    """Stages that are proven by calls with a customer's key, or cannot be."""
    bench.send("CustomerSignedUp", customer_id="acme", plan="pro")
    bench.run()
    for customer in ("acme", "nobody"):
        api = bench.api(OPEN, mode="off")
        probe = {"api": api, "path": "/pets", "customer": customer}
        bench.put_policy(json.loads(default_text()) | {"probes": [probe]})
        bench.advance(HOUR)
        arn = f"arn:aws:apigateway:us-east-1::/restapis/{api}"
        bench.gateway.tag_resource(resourceArn=arn, tags={"keyward": "enforce"})
        bench.deploy(api, "prod")
        bench.run()
        bench.advance(HOUR)


STORIES: dict[Callable[[Bench], None], JSON] = {
    customers: {},
    apis: {},
    faults: {},
    quotas: {"quotas": True},
    probes: {"propagation": 40},
}
