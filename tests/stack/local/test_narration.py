"""What `make local` says while it runs, and how it is told to stop."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, cast

import pytest

from keyward.events.key_value import new_value
from keyward.values import JSON
from local.account import Execution
from local.aws import LocalAws
from local.narration import Narrator
from local.waiting import said_while

ROOT = Path(__file__).parents[3]
RUN = "arn:aws:states:us-east-1:123456789012:execution:keyward-reconcile-customer:acme-1"
STATES = ("Run", "Plan customer", "Apply each action", "Which action?", "Create key", "Done")


class Told:
    """A local AWS as far as the narrator asks it."""

    def __init__(self) -> None:
        self.all: list[JSON] = [event("shop", "CustomerSignedUp", customer_id="before")]

    def events(self) -> list[JSON]:
        return self.all

    def execution(self, arn: str) -> Execution:
        entered = [{"stateEnteredEventDetails": {"name": name}} for name in STATES]
        return Execution(arn, "FAILED", {"customer_id": "acme"}, None, entered)


def event(source: str, kind: str, **detail: Any) -> JSON:
    return {"Source": source, "DetailType": kind, "Detail": detail}


def trail(who: str, call: str = "CreateDeployment") -> JSON:
    asked = {"restApiId": "a1b2c3", "createDeploymentInput": {"stageName": "prod"}}
    about = {"eventName": call, "requestParameters": asked, "userIdentity": {"arn": who}}
    return event("aws.apigateway", "AWS API Call via CloudTrail", **about)


def ended(status: str) -> JSON:
    machine = RUN.rpartition(":")[0].replace(":execution:", ":stateMachine:")
    times = {"startDate": 1000, "stopDate": 2500}
    about = {"status": status, "executionArn": RUN, "stateMachineArn": machine}
    return event("aws.states", "Step Functions Execution Status Change", **about, **times)


def test_events_runs_and_announcements_are_told_once_and_in_plain_words() -> None:
    told = Told()
    narrator = Narrator(cast("LocalAws", told))
    told.all += [
        event("shop", "CustomerSignedUp", customer_id="acme", plan="free"),
        event("aws.ssm", "Parameter Store Change", name="x"),
        ended("RUNNING"),
        trail("arn:aws:iam::1:user/jo"),
        trail("arn:aws:sts::1:assumed-role/x:role/keyward/keyward/DeployApi"),
        trail("arn:aws:iam::1:user/jo", "PutMethod"),
        event("keyward", "KeyIssued", customer_id="acme", key_id="k1", reason="\x1b[31m"),
        ended("FAILED"),
    ]
    assert [line.split("  ", 1)[1] for line in narrator.lines()] == [
        "-> shop sends CustomerSignedUp: customer acme, plan free",
        "-> somebody deploys API a1b2c3 on stage prod",
        "<- KeyIssued: customer acme, key k1, reason \\x1b[31m",
        "   reconcile-customer of acme: plan customer, create key (1.5 s, failed)",
    ]
    assert list(narrator.lines()) == []


def test_a_key_value_in_the_wrong_member_is_not_told_not_even_in_part() -> None:
    told, value = Told(), new_value("kw")
    narrator = Narrator(cast("LocalAws", told))
    told.all.append(event("shop", "CustomerSignedUp", customer_id=value))
    told.all.append(event("shop", "CustomerSignedUp", customer_id="a" * 160 + " " + value))
    assert value[:20] not in "".join(narrator.lines())


@pytest.mark.parametrize("detail", [[], "a text", 5, None, {"requestParameters": []}, {}])
def test_whatever_somebody_sends_the_narrator_goes_on(detail: object) -> None:
    told = Told()
    narrator = Narrator(cast("LocalAws", told))
    kinds = ("CustomerSignedUp", "AWS API Call via CloudTrail")
    kinds += ("Step Functions Execution Status Change",)
    sources = ("shop", "aws.states", "aws.apigateway", "keyward")
    told.all += [
        {"Source": source, "DetailType": kind, "Detail": detail}
        for source in sources
        for kind in kinds
    ]
    assert any("shop sends CustomerSignedUp: nothing named" in line for line in narrator.lines())


def test_what_lasts_says_so_until_it_is_over() -> None:
    said: list[str] = []
    with said_while("stopping", said.append, every=0.01):
        while len(said) < 3:
            time.sleep(0.005)
    count = len(said)
    time.sleep(0.05)
    assert said[0] == "stopping: 0.01 s"
    assert len(said) == count


def test_a_port_that_somebody_has_is_told_in_a_sentence() -> None:
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        port = somebody.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "local", "serve", "--port", str(port - 1)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stdout == ""
    # Somebody else may have the port before it.
    says = "error: port {} is in use. Stop who uses it, or choose another by --port\n"
    assert done.stderr in (says.format(port), says.format(port - 1))


@pytest.mark.parametrize("story", ["demo-lifecycle"])
def test_ctrl_c_ends_a_story_without_a_traceback(story: str) -> None:
    # As in a terminal: what starts pytest in the background may ignore the signal.
    heard = "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    begun = f"{heard}; runpy.run_module('local', run_name='__main__')"
    with subprocess.Popen(
        [sys.executable, "-u", "-c", begun, story],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        running.stdout.readline()
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=300)
    assert running.returncode == 130
    assert "Traceback" not in errors
