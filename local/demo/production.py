"""What the scenes of the protection story do: people, pipelines and good customers at work."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from keyward.values import JSON
from local import sample
from local.account import ANYBODY
from local.aws import LocalAws
from local.demo.budget import Budgets
from local.demo.stage import RUN_SECONDS, Stage
from local.demo.story import Story
from local.waiting import until

ASK_EVERY_SECONDS = 0.2
# Two stories may run beside each other on a busy machine.
PATIENCE_SECONDS = 60.0


class GoodCustomer(threading.Thread):
    """Asks all the time, as customers do; `statuses` counts the answers, 0 for none."""

    def __init__(self, ask: Callable[[], int]) -> None:
        super().__init__(name="a customer", daemon=True)
        self._ask = ask
        self._ended = threading.Event()
        self.statuses: Counter[int] = Counter()

    def run(self) -> None:
        """Ask until it is stopped."""
        while not self._ended.wait(ASK_EVERY_SECONDS):
            try:
                self.statuses[self._ask()] += 1
            except OSError:
                self.statuses[0] += 1

    def stop(self) -> None:
        """End it, and wait for the end."""
        self._ended.set()
        self.join(RUN_SECONDS)


class Production(Stage):
    """Where the story happens. `apis` are ids by name; the scenes' API is `rest_api_id`."""

    def __init__(self, aws: LocalAws, story: Story) -> None:
        super().__init__(aws, story, Budgets(aws))
        self.apis: dict[str, str] = {}
        self.policy: JSON = {}
        self.customer: GoodCustomer | None = None
        self._announced: set[int] = set()
        self._acting = ""
        self._clients: dict[str, Any] = {}

    # people

    @contextmanager
    def acting(self, role: str) -> Iterator[None]:
        """Let the team act as this person or pipeline, named by the role."""
        before, self._acting = self._acting, role
        try:
            yield
        finally:
            self._acting = before

    def gateway(self) -> Any:
        """The client of API Gateway of whoever acts."""
        if not self._acting:
            return super().gateway()
        if self._acting not in self._clients:
            self.aws.emulator.add_caller(self._acting, f"team/{self._acting}")
            self._clients[self._acting] = self.aws.session.client(
                "apigateway",
                endpoint_url=self.aws.urls.apigateway,
                aws_access_key_id=self._acting,
                aws_secret_access_key=ANYBODY,
            )
        return self._clients[self._acting]

    def move_in(self, name: str, rest_api_id: str) -> None:
        """From now on the scenes are about this API."""
        self.apis[name] = self.rest_api_id = rest_api_id

    def imported(self, document: JSON, mode: str) -> str:
        """An API made of an OpenAPI document, tagged, and not deployed yet."""
        made = self.gateway().import_rest_api(body=json.dumps(document).encode())
        self.move_in(str(made["name"]), str(made["id"]))
        self.tag(mode)
        return self.rest_api_id

    def serving(self) -> str:
        """The id of the deployment that the stage serves."""
        where = {"restApiId": self.rest_api_id, "stageName": sample.STAGE}
        return str(self.aws.client("apigateway").get_stage(**where)["deploymentId"])

    def point_to(self, deployment_id: str) -> None:
        """Point the stage to a deployment, as a tool does that deploys from its own source."""
        path = {"op": "replace", "path": "/deploymentId", "value": deployment_id}
        where = {"restApiId": self.rest_api_id, "stageName": sample.STAGE}
        self.gateway().update_stage(**where, patchOperations=[path])

    def own_writes(self) -> list[str]:
        """The operations by which Keyward wrote to API Gateway so far, in order."""
        return [
            str(call["operation"])
            for call in self.aws.calls()
            if call["caller"]
            and "team/" not in call["caller"]
            and not call["operation"].startswith("Get")
        ]

    # Keyward

    def put_policy(self, **changes: Any) -> None:
        """Change the policy parameter, as a platform team does."""
        self.policy |= changes
        name = self.aws.outputs["PolicyParameterName"]
        text = json.dumps(self.policy)
        self.aws.client("ssm").put_parameter(Name=name, Value=text, Overwrite=True)

    def start(self, machine: str, task: JSON) -> None:
        """Start a state machine (an output of the stack), as a person does in the console."""
        self.aws.client("stepfunctions").start_execution(
            stateMachineArn=self.aws.outputs[machine], input=json.dumps(task)
        )

    def next_event(self, detail_type: str, **named: str) -> JSON:
        """The detail of the next announcement of that type about the scenes' API, or with these
        members, awaited."""
        wanted = named or {"rest_api_id": self.rest_api_id}

        def look() -> tuple[int, JSON] | None:
            for number, event in enumerate(self.outcomes()):
                detail = event["Detail"]
                of_it = all(detail.get(name) == value for name, value in wanted.items())
                if number not in self._announced and event["DetailType"] == detail_type and of_it:
                    return number, detail
            return None

        number, detail = until(look, PATIENCE_SECONDS, f"the announcement {detail_type} {wanted}")
        self._announced.add(number)
        self.story.say(f"Keyward announces {detail_type}")
        return detail

    def is_silent(self, *detail_types: str) -> None:
        """Check that nothing of these types is announced that was not expected."""
        found = [
            event["DetailType"]
            for number, event in enumerate(self.outcomes())
            if number not in self._announced and event["DetailType"] in detail_types
        ]
        self.story.check(f"further announcements ({', '.join(detail_types)})", found, [])

    def runs(self) -> int:
        """How many runs of protect-api there were so far for the scenes' API."""
        machine = self.aws.outputs["ProtectApiArn"]
        listed = self.aws.pages(
            "stepfunctions", "list_executions", "executions", stateMachineArn=machine
        )
        return sum(self.rest_api_id in execution["name"] for execution in listed)

    def quote(self, text: str) -> None:
        """Show a text as it came."""
        print(textwrap.indent(text.rstrip(), " " * 13 + "| "), flush=True)

    def show_actions(self, detail: JSON) -> None:
        """Show the actions of an announcement."""
        for action in detail.get("actions", []):
            words = [str(action[name]) for name in ("method", "path", "plan") if name in action]
            said = action["action"].replace("_", " ")
            self.story.say(f"     {said}: {' '.join(words) or action['stage']}")

    # a shell

    def paste(self, command: str) -> str:
        """What a command prints that is typed into a shell, word by word."""
        exports = sample.commands(self.aws, self.rest_api_id).exports
        return self.shell(f"{exports}\n{command}")[1]

    def shell(self, script: str) -> tuple[int, str]:
        """Exit code and output of a script, with this environment's programs first in its path."""
        here = f"{Path(sample.python()).absolute().parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env=os.environ | {"PATH": here, "PYTHONPATH": "layers/keyward"},
            cwd=Path(__file__).parents[2],
        )
        return done.returncode, done.stdout
