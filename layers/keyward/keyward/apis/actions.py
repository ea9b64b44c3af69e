"""The parts of a plan for an API: stages to attach, methods to close, deployments, holds. Pure."""

from __future__ import annotations

from keyward.apis.model import DEPLOYMENT, Difference, Hold
from keyward.values import JSON, frozen


@frozen
class Attach:
    """Stages that one usage plan lacks."""

    plan: str
    stages: tuple[str, ...]

    def as_json(self) -> JSON:
        """For the state machine."""
        return {"plan": self.plan, "stages": list(self.stages)}


@frozen
class Require:
    """A method that is to ask for a key. `is_waived`: it is to ask for none again, as before
    Keyward changed it. `resource_id` is empty where only the stage was read."""

    path: str
    verb: str
    resource_id: str = ""
    note: str | None = None
    is_waived: bool = False

    def as_json(self) -> JSON:
        """For the state machine."""
        method = {"resource_id": self.resource_id, "method": self.verb, "path": self.path}
        return method | ({"is_waived": True} if self.is_waived else {})

    def as_action(self) -> JSON:
        """For a dry run and for events."""
        name = "waive_key" if self.is_waived else "require_key"
        action = {"action": name, "method": self.verb, "path": self.path}
        return action | ({"note": self.note} if self.note else {})


@frozen
class Deploy:
    """A stage that is to serve the working copy instead of `deployment_id`."""

    stage: str
    deployment_id: str
    fingerprint: str

    def as_json(self) -> JSON:
        """For the state machine."""
        return {
            "stage": self.stage,
            "deployment_id": self.deployment_id,
            "fingerprint": self.fingerprint,
        }

    def as_action(self) -> JSON:
        """For a dry run and for events."""
        return {"action": "deploy_api", "stage": self.stage, "fingerprint": self.fingerprint}


@frozen
class Held:
    """A stage that is left alone, and why. `before` is its hold when it was announced already.
    `approvable` is false when an approval would change nothing. `kind` and `deployment_id` are
    those of its hold."""

    stage: str
    fingerprint: str
    differences: tuple[Difference, ...]
    before: Hold | None = None
    approvable: bool = True
    kind: str = DEPLOYMENT
    deployment_id: str | None = None

    def as_action(self) -> JSON:
        """For a dry run."""
        return {
            "action": "hold_stage",
            "stage": self.stage,
            "fingerprint": self.fingerprint,
            "differences": [difference.as_json() for difference in self.differences],
        }
