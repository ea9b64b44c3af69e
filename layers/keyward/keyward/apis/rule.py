"""The policy as it applies to one API: which methods have to ask for a key. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from keyward.apis.model import DeployedMethod, Place, Seen, StageSnapshot, WorkingMethod
from keyward.policy.model import Policy
from keyward.values import JSON, frozen


@frozen
class KeyRule:
    """The policy as it applies to one API at one time (`now` in epoch seconds)."""

    policy: Policy
    rest_api_id: str
    name: str
    now: float

    def requires(self, method: DeployedMethod | WorkingMethod) -> bool:
        """Whether the method has to ask for a key. ANY is exempt only as ANY: it is every verb."""
        if self.policy.require_key == "unauthorized" and method.authorization != "NONE":
            return False
        exemption = self.policy.exemption(
            self.rest_api_id, self.name, method.verb, method.path, self.now
        )
        return exemption is None

    def open(self, methods: Iterable[Seen]) -> list[Seen]:
        """List those methods that ask for no key and have to."""
        return [method for method in methods if not method.key_required and self.requires(method)]

    def exposed(self, stage: StageSnapshot) -> list[DeployedMethod]:
        """What the stage exposes, its canary included, each method once, by path and verb."""
        found = {method.place: method for method in self.open(stage.canary_methods)}
        found |= {method.place: method for method in self.open(stage.methods)}
        return [found[place] for place in sorted(found)]

    def waived(self, stage: StageSnapshot, required: Collection[Place]) -> bool:
        """Whether an exemption made a requirement of Keyward's needless: the stage serves a method
        without a key which the working copy makes, or was about to make, ask for one."""
        return any(
            method.place in required and not method.key_required and not self.requires(method)
            for method in stage.methods
        )

    def probe(self, stage: str, deployed_at: float) -> JSON:
        """What is asked of the stage when every host has what was deployed then (`at`, epoch
        seconds); empty when nothing is."""
        probe = self.policy.probe(self.rest_api_id, self.name, stage)
        if probe is None:
            return {}
        at = deployed_at + self.policy.propagation_seconds
        return {"path": probe.path, "customer": probe.customer, "url": probe.url or "", "at": at}
