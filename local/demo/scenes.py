"""The scenes of the demo, in order: each does something and checks what comes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

from keyward.policy.parse import default_text
from keyward.values import JSON
from local import sample
from local.demo.stage import Stage

CUSTOMER = {"customer_id": "acme", "plan": "free", "name": "Acme Ltd"}
EXEMPTION = {
    "api": "pet shop",
    "method": "GET",
    "path": "/health",
    "reason": "probe",
    "owner": "operations",
}
PETS, HEALTH, ORDERS = "/pets", "/health", "/orders"
CROWD = 30


def policy() -> JSON:
    """The story's policy: the default one, the exempt path, no propagation to wait for."""
    shipped: JSON = json.loads(default_text())
    shipped["exemptions"].append(EXEMPTION)
    return shipped | {"propagation_seconds": 0}


def open_to_everybody(stage: Stage) -> None:
    """An API as it comes from its team: deployed, unprotected."""
    stage.story.scene("A team has deployed its API; nobody thought of keys")
    stage.rest_api_id = sample.create(stage.aws, mode="off")
    stage.answers("GET", PETS, expected=200)
    stage.answers("POST", PETS, expected=201)
    stage.answers("GET", HEALTH, expected=200)
    stage.settle()
    stage.budgets.skip()


def the_team_deploys(stage: Stage) -> None:
    """The tag says enforce; the next deployment is seen and mended."""
    stage.story.scene("The API is tagged keyward=enforce, and the team deploys again")
    stage.tag("enforce")
    stage.deploy()
    stage.watch("protect-api", stage.aws.outputs["ProtectApiArn"])
    stage.announced("ApiProtected")
    stage.answers("GET", PETS, expected=403)
    stage.answers("POST", PETS, expected=403)
    stage.answers("OPTIONS", PETS, expected=200, why="CORS preflight is exempt")
    stage.answers("GET", HEALTH, expected=200, why="exempt: probe, owner operations")
    stage.settle()
    stage.budgets.close("first protection: 3 methods closed, 2 usage plans made")


def a_customer_signs_up(stage: Stage) -> None:
    """An event becomes a working key."""
    stage.story.scene("A customer signs up for the plan `free`")
    stage.signed_up = CUSTOMER | {"occurred_at": datetime.now(UTC).isoformat(timespec="seconds")}
    stage.send("CustomerSignedUp", stage.signed_up)
    stage.watch("reconcile-customer", stage.aws.outputs["ReconcileCustomerArn"])
    stage.announced("KeyIssued")
    stage.settle()
    stage.budgets.close("sign-up", reads=0, writes=2)
    stage.reveal(CUSTOMER["customer_id"])
    stage.answers("GET", PETS, expected=200, key=True)
    stage.answers("POST", PETS, expected=201, key=True)
    stage.budgets.skip()


def more_than_the_plan_allows(stage: Stage) -> None:
    """The plan throttles."""
    stage.story.scene(
        f"The customer calls {CROWD} times in a row; `free` allows 10, then 5 a second"
    )
    statuses = [stage.ask("GET", PETS, key=True) for _ in range(CROWD)]
    served, refused = statuses.count(200), statuses.count(429)
    stage.story.say(f"200 OK: {served} times, 429 Too Many Requests: {refused} times")
    stage.story.check("answers", sorted(set(statuses)), [200, 429])


def a_customers_life_goes_on(stage: Stage) -> None:
    """A plan change, a suspension and back, with one and the same key; and the history of it."""
    machine = stage.aws.outputs["ReconcileCustomerArn"]
    acme = {"customer_id": CUSTOMER["customer_id"]}
    stage.story.scene("It moves to `pro`, is suspended and resumed, with one and the same key")
    for event, more, outcome, status, writes in (
        ("CustomerPlanChanged", {"plan": "pro"}, "PlanChanged", 200, 2),
        ("CustomerSuspended", {"reason": "invoice 4711"}, "KeySuspended", 403, 1),
        ("CustomerResumed", {}, "KeyResumed", 200, 1),
    ):
        stage.send(event, acme | more)
        stage.until_done(machine)
        stage.announced(outcome)
        stage.answers("GET", PETS, expected=status, key=True)
        stage.settle()
        stage.budgets.close(event, reads=1, writes=writes)
    stage.history(CUSTOMER["customer_id"])
    stage.budgets.skip()


def a_new_open_method(stage: Stage) -> None:
    """The method that the team forgot is closed."""
    stage.story.scene("The team adds GET /orders, forgets the key, and deploys")
    stage.add_open_method(ORDERS)
    stage.deploy()
    stage.answers("GET", ORDERS, expected=200, why="live, and open")
    stage.watch("protect-api", stage.aws.outputs["ProtectApiArn"])
    stage.announced("ApiProtected")
    stage.answers("GET", ORDERS, expected=403)
    stage.answers("GET", ORDERS, expected=200, key=True)
    stage.settle()
    stage.budgets.close("deployment with 1 exposed method", reads=11, writes=3)


def nothing_forgotten(stage: Stage) -> None:
    """A compliant deployment is only looked at."""
    stage.story.scene("The team deploys once more; this time nothing is open")
    stage.deploy()
    stage.watch("protect-api", stage.aws.outputs["ProtectApiArn"])
    stage.settle()
    job = stage.budgets.close("deployment, API compliant", reads=4, writes=0)
    stage.story.check("changes to API Gateway", job.writes, 0)


def the_same_events_again(stage: Stage) -> None:
    """Events may come twice, late and in any order."""
    stage.story.scene("All these events come a second time")
    announced = len(stage.outcomes())
    stage.send("CustomerSignedUp", stage.signed_up)
    stage.settle()
    first = stage.budgets.close("the same sign-up again", writes=0)
    stage.deliver_again(stage.theirs)
    stage.settle()
    second = stage.budgets.close("the same deployments again", writes=0)
    stage.story.check("changes to API Gateway", first.writes + second.writes, 0)
    stage.deliver_again(stage.ours)
    stage.settle()
    stage.budgets.close("Keyward's own deployments", reads=0, writes=0)
    stage.story.check("new announcements", len(stage.outcomes()) - announced, 0)
    stage.story.check("messages given up (in dead-letter queues)", stage.given_up(), 0)
    stage.answers("GET", PETS, expected=403)
    stage.answers("GET", PETS, expected=200, key=True)


def nothing_leaked(stage: Stage) -> None:
    """The value's one home is API Gateway."""
    stage.story.scene("Where was the key's value written, besides API Gateway?")
    places = list(stage.aws.sinks())
    found = sorted({place for place, text in places if stage.value in text})
    kinds = len({place.split()[0] for place, _text in places})
    stage.story.say(f"{len(places)} texts in {kinds} kinds of places were searched")
    stage.story.check("places that hold it", found, [])


ALL: tuple[Callable[[Stage], None], ...] = (
    open_to_everybody,
    the_team_deploys,
    a_customer_signs_up,
    more_than_the_plan_allows,
    a_customers_life_goes_on,
    a_new_open_method,
    nothing_forgotten,
    the_same_events_again,
    nothing_leaked,
)
