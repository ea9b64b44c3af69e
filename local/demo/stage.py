"""What the scenes do and look at: the API, its customer, the machines, the bus."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

from keyward.values import JSON
from local import sample
from local.aws import LocalAws
from local.demo.budget import Budgets
from local.demo.story import Story
from local.waiting import until

RUN_SECONDS = 30.0
# Members of an action that the story does not print.
HIDDEN = frozenset({"action", "fingerprint"})
# The actions of the customer's life in the ledger, and the event that asked for each.
HISTORY = (
    ("create_key", "CustomerSignedUp"),
    ("attach_key", "CustomerSignedUp"),
    ("move_key", "CustomerPlanChanged"),
    ("disable_key", "CustomerSuspended"),
    ("enable_key", "CustomerResumed"),
)


class Stage:
    """Where the story happens. `signed_up` is the customer's first event, `value` the key's value,
    once revealed; `ours` and `theirs` are the CloudTrail events of deployments, by maker."""

    def __init__(self, aws: LocalAws, story: Story, budgets: Budgets) -> None:
        self.aws = aws
        self.story = story
        self.budgets = budgets
        self.rest_api_id = ""
        self.signed_up: JSON = {}
        self.value = ""
        self.ours: list[JSON] = []
        self.theirs: list[JSON] = []
        self._seen: set[str] = set()
        self._deliver = aws.emulator.on_event
        aws.emulator.on_event = self._keep_and_deliver

    def _keep_and_deliver(self, event: JSON) -> None:
        if event["detail"]["eventName"] == "CreateDeployment":
            by_role = event["detail"]["userIdentity"]["type"] == "AssumedRole"
            (self.ours if by_role else self.theirs).append(event)
        self.deliver_again([event])

    def deliver_again(self, events: list[JSON]) -> None:
        """Bring CloudTrail events to the default bus."""
        assert self._deliver is not None
        for event in events:
            self._deliver(event)

    # the team

    def gateway(self) -> Any:
        """The client of API Gateway that the team uses."""
        return self.aws.client("apigateway")

    def tag(self, mode: str) -> None:
        """Say how Keyward is to treat the API."""
        arn = f"arn:aws:apigateway:{self.aws.region}::/restapis/{self.rest_api_id}"
        self.gateway().tag_resource(resourceArn=arn, tags={"keyward": mode})

    def deploy(self) -> None:
        """Deploy the API to its stage, as its team does."""
        asked = {"restApiId": self.rest_api_id, "stageName": sample.STAGE}
        made = self.gateway().create_deployment(**asked)
        self.story.say(f"deployment {made['id']} to the stage {sample.STAGE}")

    def add_open_method(self, path: str) -> None:
        """A new resource with a GET that asks for no key."""
        gateway, api = self.gateway(), {"restApiId": self.rest_api_id}
        resources = gateway.get_resources(**api, limit=500)["items"]
        root = next(item["id"] for item in resources if item["path"] == "/")
        made = gateway.create_resource(**api, parentId=root, pathPart=path.removeprefix("/"))
        method = api | {"resourceId": made["id"], "httpMethod": "GET"}
        gateway.put_method(**method, authorizationType="NONE")
        template = {"application/json": '{"statusCode": 200}'}
        gateway.put_integration(**method, type="MOCK", requestTemplates=template)
        gateway.put_method_response(**method, statusCode="200")
        gateway.put_integration_response(**method, statusCode="200")

    # its callers

    def ask(self, verb: str, path: str, *, key: bool = False) -> int:
        """The status of a request to the API, with the customer's key or without any."""
        parts = urlsplit(self.aws.urls.stage(self.rest_api_id, sample.STAGE) + path)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
        try:
            connection.request(verb, parts.path, headers={"x-api-key": self.value} if key else {})
            return connection.getresponse().status
        finally:
            connection.close()

    def answers(
        self, verb: str, path: str, *, expected: int, key: bool = False, why: str = ""
    ) -> None:
        """Check what a caller gets."""
        caller = "with the key" if key else "without a key"
        reason = f" ({why})" if why else ""
        self.story.check(f"{verb} {path} {caller}{reason}", self.ask(verb, path, key=key), expected)

    # events and machines

    def send(self, detail_type: str, detail: JSON) -> None:
        """Put a customer's event on the stack's bus."""
        entry = {"EventBusName": self.aws.outputs["EventBusName"], "Source": "shop"}
        entry |= {"DetailType": detail_type, "Detail": json.dumps(detail)}
        self.aws.client("events").put_events(Entries=[entry])
        self.story.say(f"event {detail_type} {json.dumps(detail)}")

    def watch(self, name: str, machine: str) -> None:
        """Print the states of the machine's next run as they pass; check that it succeeds."""
        arn = until(lambda: self._unseen(machine), RUN_SECONDS, f"a run of {name}")
        self._seen.add(arn)
        shown = 0
        while True:
            execution = self.aws.execution(arn)
            for state in execution.states[shown:]:
                self.story.say(f"     {name}: {state}")
            shown = len(execution.states)
            if execution.status != "RUNNING":
                break
            time.sleep(0.05)
        self.story.check(f"{name} ended", execution.status, "SUCCEEDED")

    def until_done(self, machine: str) -> None:
        """Wait for the machine's next run and its end, without telling its states."""
        arn = until(lambda: self._unseen(machine), RUN_SECONDS, "a run")
        self._seen.add(arn)
        until(lambda: self.aws.execution(arn).status != "RUNNING", RUN_SECONDS, "its end")

    def history(self, customer_id: str) -> None:
        """Print the customer's history from the ledger; check each action and who asked for it."""
        found = self.aws.client("dynamodb").query(
            TableName=self.aws.outputs["LedgerTableName"],
            KeyConditionExpression="subject = :subject",
            ExpressionAttributeValues={":subject": {"S": f"customer#{customer_id}"}},
        )["Items"]
        self.story.say(f"its history, as `keyward history {customer_id}` reads it from the ledger:")
        actions = [line["action"]["S"] for line in found]
        askers = [line["asked"]["M"]["detail_type"]["S"] for line in found]
        for line, action, asker in zip(found, actions, askers, strict=True):
            done = action.replace("_", " ")
            self.story.say(f"     {line['at']['S']}  {done}, as {asker} asked")
        self.story.check("actions in the ledger", actions, [action for action, _ in HISTORY])
        self.story.check("who asked for them", askers, [asker for _, asker in HISTORY])

    def _unseen(self, machine: str) -> str | None:
        listed = self.aws.pages(
            "stepfunctions", "list_executions", "executions", stateMachineArn=machine
        )
        return next(
            (e["executionArn"] for e in listed if e["executionArn"] not in self._seen), None
        )

    def outcomes(self) -> list[JSON]:
        """What Keyward announced on its bus."""
        return [event for event in self.aws.events() if event["Source"] == "keyward"]

    def announced(self, detail_type: str) -> None:
        """Check that the last announcement is of this detail-type, and tell it."""
        # What stops a key starts two runs, by the intake and by the stream: either may end first.
        self.settle()
        outcomes = self.outcomes()
        last: JSON = outcomes[-1] if outcomes else {"DetailType": "nothing", "Detail": {}}
        self.story.check("Keyward announces", last["DetailType"], detail_type)
        for action in last["Detail"].get("actions", []):
            words = [str(action[key]) for key in sorted(action) if key not in HIDDEN]
            self.story.say(f"     {action['action'].replace('_', ' ')}: {' '.join(words)}")

    def reveal(self, customer_id: str) -> None:
        """Ask the one function that may tell a value; keep it, do not show it."""
        answer = self.aws.client("lambda").invoke(
            FunctionName=self.aws.outputs["RevealKeyFunctionName"],
            Payload=json.dumps({"customer_id": customer_id}),
        )
        revealed = json.loads(answer["Payload"].read())
        self.value = str(revealed["keys"][0]["value"])
        hidden = f"{self.value[:4]}… ({len(self.value)} characters)"
        self.story.say(
            f"reveal_key tells the value of key {revealed['keys'][0]['key_id']}: {hidden}"
        )

    def given_up(self) -> int:
        """How many messages are in dead-letter queues."""
        places = [place for place, _text in self.aws.sinks() if place.startswith("queue ")]
        return sum("Dlq" in place for place in places)

    def settle(self) -> None:
        """Wait until nothing runs and nothing is on its way; what ran is not watched any more."""
        self.aws.settle(RUN_SECONDS)
        self._seen.update(self._all_runs())

    def _all_runs(self) -> list[str]:
        return [
            execution["executionArn"]
            for machine in self.aws.machines()
            for execution in self.aws.pages(
                "stepfunctions", "list_executions", "executions", stateMachineArn=machine
            )
        ]
