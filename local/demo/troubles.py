"""Scenes of the protection story in which people and tools get in the way."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keyward.values import JSON
from local import sample, world
from local.demo.production import Production

STORM = 12
RELEASES = 3
OFFERS, REFUNDS, VOUCHERS = "/offers", "/refunds", "/vouchers"
ORDERS, PAYMENTS = "/orders", "/payments"


def storm(stage: Production) -> None:
    """Dozens of events are one run, and the last of them is not lost."""
    story = stage.story
    story.scene(f"A stack is deployed: {STORM} new methods without a key, {STORM} deployments")
    runs = stage.runs()
    with stage.acting("pipeline"):
        for number in range(STORM):
            stage.add_open_method(f"/storm{number}")
            _deploy(stage)
    event = stage.next_event("ApiProtected")
    stage.settle()
    story.check("runs of protect-api", stage.runs() - runs, 1)
    story.check("methods closed", _closed(event), STORM)
    stage.answers("GET", f"/storm{STORM - 1}", expected=403, why="of the last event")


def unfinished_work(stage: Production) -> None:
    """Nobody's half-done work is published to close a method."""
    story = stage.story
    story.scene("grace deploys an open method while ada is in the middle of something")
    before = len(stage.own_writes())
    with stage.acting("grace"):
        stage.add_open_method(OFFERS)
        stage.deploy()
    with stage.acting("ada"):
        stage.add_open_method(REFUNDS)
    with stage.acting("grace"):
        stage.add_open_method(VOUCHERS)
    story.say(f"ada has added GET {REFUNDS}, and grace GET {VOUCHERS}: not deployed")
    held = stage.next_event("ApiHeld")
    story.say("$ keyward holds")
    listed = stage.paste("keyward holds")
    stage.quote(listed)
    story.check("it is listed with what to do", held["message"].splitlines()[-1] in listed, True)
    whose = {one["path"]: one["last_editor"]["who"] for one in held["differences"]}
    editors = {path: who.rpartition("/")[2] for path, who in sorted(whose.items())}
    story.check("whose work it is", editors, {REFUNDS: "ada", VOUCHERS: "grace"})
    story.check("writes of Keyward's to API Gateway since", stage.own_writes()[before:], [])
    stage.answers("GET", OFFERS, expected=200, why="still open, until a person decides")
    stage.settle()


def approved(stage: Production) -> None:
    """A person answers by the command that the announcement holds."""
    story = stage.story
    story.scene("ada is done, and pastes the command that approves exactly this")
    (held,) = [e["Detail"] for e in stage.outcomes() if e["DetailType"] == "ApiHeld"]
    command = held["answers"]["approve"]["command"]
    story.say(f"$ {command}")
    answer = stage.paste(command)
    story.check("the command says", answer.strip(), "sent DeploymentApproved")
    stage.show_actions(stage.next_event("ApiProtected"))
    for path in (OFFERS, REFUNDS, VOUCHERS):
        stage.answers("GET", path, expected=403)
    stage.answers("GET", REFUNDS, expected=200, key=True)
    stage.settle()


def reverted(stage: Production) -> None:
    """Name the tool that opens an API again and again, and what mends its source."""
    story = stage.story
    story.scene("The pipeline of another API opens it again after each time that it is closed")
    with stage.acting("pipeline"):
        stage.imported(_orders(asks=False), "enforce")
        stage.deploy()
    theirs = stage.serving()
    for release in range(RELEASES):
        if release:
            _point(stage, theirs)
        stage.next_event("ApiProtected")
        stage.answers("GET", ORDERS, expected=403)
    event = stage.next_event("SourceOpen")
    story.say(f"     {event['reason']}")
    for source, lines in event["lines"].items():
        story.say(f"     for {source}:")
        stage.quote("\n".join(lines))
    story.check("who", event["cause"]["principal"], "pipeline")
    story.check("releases that were open", len(event["releases"]), RELEASES)
    stage.settle()


def prevented(stage: Production) -> None:
    """The same source would not have passed the check; with the remedy it does."""
    story = stage.story
    story.scene("The check that would have prevented it, before anything is deployed")
    for asks, code in ((False, 1), (True, 0)):
        with _file(_orders(asks=asks)) as path:
            command = "python -m keyward.lint orders.json"
            ended, said = stage.shell(command.replace("orders.json", str(path)))
        story.say(f"$ {command}" + ("      # with the remedy's lines" if asks else ""))
        stage.quote(said.replace(f"{path.parent}/", ""))
        story.check("exit code", ended, code)
    with stage.acting("pipeline"):
        body = json.dumps(_orders(asks=True)).encode()
        stage.gateway().put_rest_api(restApiId=stage.rest_api_id, mode="overwrite", body=body)
        stage.deploy()
    stage.answers("GET", ORDERS, expected=403, why="its own source asks for a key now")
    stage.answers("GET", ORDERS, expected=200, key=True)
    stage.settle()
    stage.is_silent("ApiFailed", "ApiProtected")


def not_probed(stage: Production) -> None:
    """A probe that could not have worked proves nothing, and opens nothing."""
    story = stage.story
    story.scene("A third API is closed, but the policy forgot it in the plan of its customers")
    document = world.document("payments", {PAYMENTS: {"get": world.OPEN}})
    stage.imported(document, "enforce")
    stage.deploy()
    event = stage.next_event("ApiProtected")
    story.say(f"     {event['reason']}")
    stage.answers("GET", PAYMENTS, expected=403, why="it stays closed")
    stage.settle()
    plans = stage.policy["usage_plans"]
    stage.put_policy(usage_plans=plans | {"pro": plans["pro"] | {"apis": ["*"]}})
    story.say("The policy gives the plan pro to all APIs now")
    stage.next_event("ApiProtected")
    stage.answers("GET", PAYMENTS, expected=403)
    stage.answers("GET", PAYMENTS, expected=200, key=True, why="the plan holds the stage now")
    stage.settle()


def _point(stage: Production, deployment_id: str) -> None:
    with stage.acting("pipeline"):
        stage.point_to(deployment_id)
    stage.story.say(f"the pipeline points the stage back to {deployment_id}")


def _deploy(stage: Production) -> None:
    asked = {"restApiId": stage.rest_api_id, "stageName": sample.STAGE}
    stage.gateway().create_deployment(**asked)


def _closed(event: JSON) -> int:
    return sum(action["action"] == "require_key" for action in event["actions"])


def _orders(*, asks: bool) -> JSON:
    return world.document("orders", {ORDERS: {"get": asks}})


@contextmanager
def _file(document: JSON) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders.json"
        path.write_text(json.dumps(document, indent=2), encoding="utf-8")
        yield path
