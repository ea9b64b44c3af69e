"""Scenes of the protection story in which all goes as it should: from observe to enforce, an
exemption that ends, a rollback that a person wants."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from keyward.values import JSON
from local import sample
from local.demo.production import GoodCustomer, Production
from local.demo.scenes import HEALTH, PETS
from local.demo.story import Story

FREE = {"throttle": {"rateLimit": 5, "burstLimit": 10}}
PRO = {"throttle": {"rateLimit": 50, "burstLimit": 100}}
CANNOT_TURN = "(nobody can turn this machine's clock, so the date moves instead)"


def day(ahead: int) -> str:
    """A date, so many days ahead, in UTC."""
    return (datetime.now(UTC).date() + timedelta(days=ahead)).isoformat()


def exempt(until: str) -> JSON:
    """The exemption of the story."""
    return {
        "api": "pet shop",
        "method": "GET",
        "path": HEALTH,
        "reason": "probes of the old load balancer",
        "owner": "operations",
        "expires": until,
    }


def policy() -> JSON:
    """Three plans, each for some APIs; one exemption that ends tomorrow; a probe for one API."""
    return {
        "usage_plans": {
            "free": FREE,
            "pro": PRO | {"apis": ["pet shop", "orders"]},
            "partner": PRO | {"apis": ["orders"]},
        },
        "exemptions": [
            {"api": "*", "method": "OPTIONS", "path": "*", "reason": "CORS preflight"},
            exempt(day(1)),
        ],
        "probes": [{"api": "payments", "path": "/payments", "customer": "acme"}],
        "propagation_seconds": 0,
    }


def observed(stage: Production) -> None:
    """Mode observe says what enforce would do, and changes nothing of the API. The plan that names
    the API opens its stage: a key must work before anybody asks for it."""
    story = stage.story
    story.scene("An API is in production, open to everybody. Keyward observes it")
    for customer, plan in (("acme", "pro"), ("globex", "partner")):
        stage.send("CustomerSignedUp", {"customer_id": customer, "plan": plan})
    for customer in ("acme", "globex"):
        stage.next_event("KeyIssued", customer_id=customer)
    stage.settle()
    stage.reveal("acme")
    before = len(stage.own_writes())
    with stage.acting("pipeline"):
        stage.move_in("pet shop", sample.create(stage.aws, mode="observe"))
    joined = stage.next_event("PolicyApplied")
    stage.show_actions(joined)
    story.say(f"     {joined['reason']}")
    report = stage.next_event("ApiExposed")["report"]
    _say_report(story, report)
    would = [one["customer_id"] for one in report["customers_without_plan"]["listed"]]
    story.check("customers who would get a 403", would, ["globex"])
    stage.settle()
    story.check("writes of Keyward's since", stage.own_writes()[before:], ["UpdateUsagePlan"])
    stage.answers("GET", PETS, expected=200, why="the API was not changed")
    stage.customer = GoodCustomer(_asker(stage))
    stage.customer.start()
    story.say("acme, with its key, asks five times a second from now on")


def warned(stage: Production) -> None:
    """The team clears what the report says, then sets a day."""
    stage.story.scene("The team moves globex to a plan that fits, and announces a day")
    stage.send("CustomerPlanChanged", {"customer_id": "globex", "plan": "pro"})
    stage.next_event("PlanChanged", customer_id="globex")
    stage.settle()
    stage.tag(f"warn-until-{day(1)}")
    stage.story.say(f"tag keyward=warn-until-{day(1)}")
    stage.deploy()
    event = stage.next_event("ApiWarned")
    stage.story.check("enforced on", event["enforce_on"], day(1))
    without = event["report"]["customers_without_plan"]["customers"]
    stage.story.check("customers who would get a 403", without, 0)
    stage.answers("GET", PETS, expected=200, why="the day has not come")
    stage.settle()


def enforced(stage: Production) -> None:
    """From the day on the mode is enforce; the night's audit sees to it."""
    stage.story.scene(f"The day comes {CANNOT_TURN}; the night's audit enforces by itself")
    stage.tag(f"warn-until-{day(0)}")
    stage.start("AuditAccountArn", {"repair": True})
    stage.show_actions(stage.next_event("ApiProtected"))
    stage.answers("GET", PETS, expected=403)
    stage.answers("GET", PETS, expected=200, key=True)
    stage.answers("OPTIONS", PETS, expected=200, why="CORS preflight is exempt")
    stage.answers("GET", HEALTH, expected=200, why="exempt until tomorrow")
    event = stage.next_event("ExemptionExpiring", path=HEALTH)
    words = f"{event['method']} {event['path']}, {event['owner']}: {event['reason']}"
    stage.story.say(f"     {words}. It ends on {event['expires']}")
    stage.settle()


def exemption_ends(stage: Production) -> None:
    """An exemption lapses by itself on its day."""
    stage.story.scene(f"The exemption's day comes {CANNOT_TURN}")
    stage.answers("GET", HEALTH, expected=200)
    exemptions = [one for one in stage.policy["exemptions"] if one["path"] != HEALTH]
    stage.put_policy(exemptions=[*exemptions, exempt(day(0))])
    stage.show_actions(stage.next_event("ApiProtected"))
    stage.answers("GET", HEALTH, expected=403, why="the exemption lapsed")
    stage.settle()
    stage.is_silent("ExemptionExpiring")


def taken_back(stage: Production) -> None:
    """The former state is one event away, and stays until a person wants the new one."""
    story = stage.story
    story.scene("Operations forgot its load balancer: the former state is one event away")
    place = {"rest_api_id": stage.rest_api_id, "stage": sample.STAGE}
    stage.send("RollbackRequested", place)
    stage.next_event("ApiRolledBack")
    held = stage.next_event("ApiHeld")
    stage.answers("GET", HEALTH, expected=200, why="as before")
    stage.answers("GET", PETS, expected=403, why="closed before, and still")
    stage.settle()
    given = held["answers"]["approve"]["console_input"]
    story.say(f"The load balancer is mended. In the console: protect-api {json.dumps(given)}")
    stage.start("ProtectApiArn", given)
    stage.next_event("ApiProtected")
    stage.answers("GET", HEALTH, expected=403)
    stage.settle()


def counted(stage: Production) -> None:
    """Nobody with a good key was hurt by any of it."""
    stage.story.scene("And the customer, who asked all the time?")
    assert stage.customer
    stage.customer.stop()
    asked = stage.customer.statuses
    stage.story.say(f"acme asked {asked.total()} times: {_counts(asked)}")
    stage.story.check("answers other than 200 to a good key", asked.total() - asked[200], 0)
    stage.story.check("messages given up (in dead-letter queues)", stage.given_up(), 0)


def _asker(stage: Production) -> Callable[[], int]:
    """What acme does: GET /pets of the pet shop, whatever API the scenes are about."""
    shop = copy.copy(stage)
    return lambda: shop.ask("GET", PETS, key=True)


def _counts(asked: Mapping[int, int]) -> str:
    return ", ".join(
        f"{count} × {status or 'no answer'}" for status, count in sorted(asked.items())
    )


def _say_report(story: Story, report: JSON) -> None:
    story.say(f"     would ask for a key: {', '.join(report['exposed_methods'])}")
    story.say(f"     would join the plans: {', '.join(report['plans_to_attach'])}")
    for one in report["customers_without_plan"]["listed"]:
        story.say(f"     would get a 403: {one['customer_id']}, in the plan {one['plan']}")
    unknown = report["callers_without_key"].get("not_known", "")
    story.say(f"     callers without a key: not known, as {unknown.partition('. ')[0]}")
