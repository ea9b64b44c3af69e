"""Make the report's rows of APIs and exemptions. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, replace

from keyward.apis.exemptions import WARN_DAYS
from keyward.apis.model import ApiSnapshot, DeployedMethod, StageSnapshot
from keyward.apis.rule import KeyRule
from keyward.audit.account import ApiReading
from keyward.policy.model import Policy
from keyward.policy.parts import Exemption
from keyward.report.model import ApiRow, ExemptionRow, ExemptMethods, OpenMethod, StageRow
from keyward.values import DAY

IN_FORCE, ENDS_SOON, ENDED = "in force", "ends soon", "ended"


def api_row(
    reading: ApiReading,
    policy: Policy,
    held: Collection[tuple[str, str]],
    closed: Collection[tuple[str | None, str | None]],
    now: float,
) -> ApiRow:
    """Make an API's row. `held` are the (API, stage) that wait for a decision, `closed` those that
    were closed since they were read; `now` is epoch seconds."""
    problem = next((f.says for f in reading.findings if f.kind == "unreadable"), None)
    row = ApiRow(reading.rest_api_id, reading.name, reading.mode, problem=problem)
    if reading.snapshot is None:
        return row
    rule = KeyRule(policy, reading.rest_api_id, reading.name, now)
    stages = tuple(
        replace(
            _stage(_as_closed(stage, rule) if place in closed else stage, reading.snapshot, rule),
            held=place in held,
        )
        for stage in reading.snapshot.stages
        for place in [(reading.rest_api_id, stage.name)]
    )
    return replace(row, stages=stages)


def exemption_rows(policy: Policy, apis: Iterable[ApiRow], now: float) -> tuple[ExemptionRow, ...]:
    """List the policy's exemptions, each with the number of live methods that it exempts."""
    counts: Counter[int] = Counter()
    for api in apis:
        for stage in api.stages:
            counts.update({group.exemption: len(group.methods) for group in stage.exempt})
    return tuple(
        ExemptionRow(**asdict(item), state=_state(item, now), methods=counts[place])
        for place, item in enumerate(policy.exemptions)
    )


def _as_closed(stage: StageSnapshot, rule: KeyRule) -> StageSnapshot:
    """The stage as it is once every method asks for a key that has to."""
    exposed = {method.place for method in rule.exposed(stage)}
    methods = (*stage.methods, *stage.canary_methods)
    asking = {m.place: replace(m, key_required=True) for m in methods if m.place in exposed}
    return replace(
        stage,
        methods=tuple(asking.get(method.place, method) for method in stage.methods),
        canary_methods=tuple(asking.get(m.place, m) for m in stage.canary_methods),
    )


def _stage(stage: StageSnapshot, snapshot: ApiSnapshot, rule: KeyRule) -> StageRow:
    exposed = rule.exposed(stage)
    places = {method.place for method in exposed}
    rest = [method for method in stage.methods if method.place not in places]
    unasked = [method for method in rest if not method.key_required]
    exempt = _exempt(unasked, rule)
    return StageRow(
        stage=stage.name,
        key=len(rest) - len(unasked),
        authorized=len(unasked) - sum(len(group.methods) for group in exempt),
        exposed=tuple(OpenMethod(m.verb, m.path, m.authorization) for m in exposed),
        exempt=exempt,
        plans=tuple(sorted(plan.plan for plan in snapshot.plans if stage.name in plan.stages)),
        canary_percent=stage.canary.percent if stage.canary else 0.0,
    )


def _exempt(methods: Sequence[DeployedMethod], rule: KeyRule) -> tuple[ExemptMethods, ...]:
    found: dict[int, list[str]] = {}
    for method in methods:
        exemption = rule.policy.exemption(
            rule.rest_api_id, rule.name, method.verb, method.path, rule.now
        )
        if exemption:
            place = rule.policy.exemptions.index(exemption)
            found.setdefault(place, []).append(f"{method.verb} {method.path}")
    return tuple(ExemptMethods(place, tuple(lines)) for place, lines in sorted(found.items()))


def _state(exemption: Exemption, now: float) -> str:
    ends_at = exemption.ends_at
    if ends_at is None or ends_at > now + WARN_DAYS * DAY:
        return IN_FORCE
    return ENDED if now >= ends_at else ENDS_SOON
