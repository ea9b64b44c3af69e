"""Tell in plain words what happens on a local AWS: events in, runs, and what Keyward announces."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from keyward.events.contracts import SOURCE
from keyward.events.key_value import blotted
from keyward.values import JSON, visible
from local.aws import LocalAws

# What of a detail is shown, and how people call it.
SHOWN = {
    "customer_id": "customer",
    "rest_api_id": "API",
    "stage": "stage",
    "plan": "plan",
    "key_id": "key",
    "overlap_hours": "overlap in hours",
    "what": "what",
    "ready_by": "ready by",
    "error": "error",
    "reason": "reason",
}
# The calls of which Keyward hears as of deployments.
CALLS = {"CreateDeployment": "deploys", "UpdateStage": "changes", "CreateStage": "makes"}
OURS = ":role/keyward/"
TRAIL = "AWS API Call via CloudTrail"
RUN = ("aws.states", "Step Functions Execution Status Change")
# States that only steer.
STEERING = ("Run", "Apply each action", "Return the outcome", "Done")
MAX_CHARACTERS = 200


class Narrator:
    """Each line is told once: `lines` gives those of what has happened since it was asked last."""

    def __init__(self, aws: LocalAws) -> None:
        self._aws = aws
        self._told = len(aws.events())

    def lines(self) -> Iterator[str]:
        """What is new, in the order in which it happened."""
        events = self._aws.events()
        new, self._told = events[self._told :], len(events)
        now = datetime.now(UTC).astimezone().strftime("%H:%M:%S")
        for event in new:
            if words := self._words(event["Source"], event["DetailType"], event["Detail"]):
                yield f"{now}  {visible(blotted(words))}"

    def _words(self, source: str, kind: str, sent: object) -> str | None:
        """Anybody may send anything: a detail that is no object names nothing."""
        detail = sent if isinstance(sent, dict) else {}
        if source == SOURCE:
            return f"<- {kind}: {_about(detail)}"
        if kind == TRAIL:
            return _deployment(detail)
        if (source, kind) == RUN and "executionArn" in detail:
            return self._run(detail)
        return None if source.startswith("aws.") else f"-> {source} sends {kind}: {_about(detail)}"

    def _run(self, detail: JSON) -> str | None:
        """A run that ended, by the states that did something."""
        if detail["status"] == "RUNNING":
            return None
        run = self._aws.execution(detail["executionArn"])
        steps = [name.lower() for name in run.states if _acts(name)]
        machine = detail["stateMachineArn"].rpartition(":")[2].partition("-")[2]
        subject = run.input.get("customer_id") or run.input.get("rest_api_id") or "the account"
        seconds = (detail["stopDate"] - detail["startDate"]) / 1000
        ended = "" if run.status == "SUCCEEDED" else f", {run.status.lower().replace('_', ' ')}"
        return f"   {machine} of {subject}: {', '.join(steps)} ({seconds:.1f} s{ended})"


def _acts(state: str) -> bool:
    return not state.endswith("?") and state not in STEERING


def _about(detail: JSON) -> str:
    found = [f"{words} {detail[name]}" for name, words in SHOWN.items() if detail.get(name)]
    # Before it is cut: of half a value nobody could tell what it is.
    return blotted(", ".join(found))[:MAX_CHARACTERS] or "nothing named"


def _deployment(detail: JSON) -> str | None:
    """What another one than Keyward did to a stage."""
    verb = CALLS.get(str(detail.get("eventName")))
    asked = detail.get("requestParameters")
    if verb is None or OURS in str(detail.get("userIdentity")) or not isinstance(asked, dict):
        return None
    more = asked.get("createDeploymentInput")
    stage = asked.get("stageName") or (isinstance(more, dict) and more.get("stageName"))
    where = f" on stage {stage}" if stage else ""
    return f"-> somebody {verb} API {asked.get('restApiId')}{where}"
