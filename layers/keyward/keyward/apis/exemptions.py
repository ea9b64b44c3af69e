"""Relate exemptions to live methods: what each leaves open, which end soon, which match nothing.
Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from keyward.apis.compare import digest
from keyward.apis.model import ApiSnapshot
from keyward.apis.rule import KeyRule
from keyward.events.contracts import announcement
from keyward.policy.model import Policy
from keyward.policy.parts import Exemption
from keyward.values import DAY, JSON, frozen, stated

WARN_DAYS = 7


@frozen
class ExemptMethod:
    """A method that a stage serves without a key because of an exemption: who answers for that,
    why, and until when. `exemption` is the exemption's mark."""

    rest_api_id: str
    stage: str
    method: str
    path: str
    reason: str
    owner: str | None
    expires: str | None
    exemption: str

    def as_json(self) -> JSON:
        """Without the members that do not apply."""
        return stated(asdict(self))


def exemption_id(exemption: Exemption) -> str:
    """Identify an exemption. An exemption that is prolonged gets another id."""
    return digest([asdict(exemption)])


def exempt_methods(snapshot: ApiSnapshot, rule: KeyRule) -> list[ExemptMethod]:
    """Every method that the API's stages serve open by an exemption."""
    return [
        ExemptMethod(
            snapshot.rest_api_id,
            stage.name,
            method.verb,
            method.path,
            exemption.reason,
            exemption.owner,
            exemption.expires,
            exemption_id(exemption),
        )
        for stage in snapshot.stages
        for method in stage.methods
        if not method.key_required
        and (
            exemption := rule.policy.exemption(
                rule.rest_api_id, rule.name, method.verb, method.path, rule.now
            )
        )
    ]


def ending(policy: Policy, now: float) -> list[Exemption]:
    """List the exemptions that end within 7 days of `now` (epoch seconds)."""
    return [
        exemption
        for exemption in policy.exemptions
        if exemption.ends_at and now < exemption.ends_at <= now + WARN_DAYS * DAY
    ]


def expiring(exemption: Exemption, live: Iterable[ExemptMethod]) -> JSON:
    """ExemptionExpiring: what the exemption leaves open now, and what is closed when it ends."""
    mark = exemption_id(exemption)
    methods = [
        {"rest_api_id": m.rest_api_id, "stage": m.stage, "method": m.method, "path": m.path}
        for m in live
        if m.exemption == mark
    ]
    return announcement(
        "ExemptionExpiring",
        **asdict(exemption),
        methods=methods,
        remedy="set a later `expires` in the policy, or have callers of these methods send a key",
    )
