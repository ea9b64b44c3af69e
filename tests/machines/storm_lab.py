"""CloudTrail's events on their way to protect-api: heard by the starter, whose runs run here."""

from __future__ import annotations

import copy
import json

import start_api_protection
from keyward.values import JSON
from tests.machines.api_lab import Lab
from tests.machines.machine import Execution
from tests.support import load_event


class Trail:
    """Events as CloudTrail brings them: heard by the starter, whose runs are run when asked."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.number = 0

    def deployed(self, api_id: str, stage: str = "prod", agent: str = "") -> str:
        """A CreateDeployment or the like of a tool is heard: the id of its event."""
        event = copy.deepcopy(load_event("cloudtrail-create-deployment"))
        self.number += 1
        event["id"] = f"event-{self.number}"
        event["detail"]["requestParameters"]["restApiId"] = api_id
        event["detail"]["requestParameters"]["createDeploymentInput"] = {"stageName": stage}
        event["detail"]["responseElements"]["id"] = f"theirs{self.number}"
        event["detail"]["userAgent"] = agent or event["detail"]["userAgent"]
        self.hear(event)
        return str(event["id"])

    def hear(self, body: JSON) -> None:
        sample = load_event("start-api-protection")["Records"][0]
        record = sample | {"messageId": f"m{self.number}", "body": json.dumps(body)}
        answer = start_api_protection.handler({"Records": [record]}, None)
        assert answer == {"batchItemFailures": []}

    def runs(self) -> list[tuple[str, JSON]]:
        return [(name, task) for _, name, task in self.lab.bench.bus.started]

    def run_all(self) -> list[Execution]:
        """Run what was started and is not run yet; those that ended run no more."""
        ended = []
        for name, task in self.runs():
            if name not in self.lab.bench.bus.stopped:
                ended.append(self.lab.machine.run(task, name))
                self.lab.bench.bus.stopped |= {name, ended[-1].arn}
        return ended
