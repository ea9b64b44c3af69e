"""Estimate what each mode would do in an account: calls, seconds and dollars. Pure.

tests/cli/test_look.py compares calls and seconds with what enforce does on the bench,
tests/rules/test_benchmarks.py compares dollars with docs/costs.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from keyward.apis.actions import Attach
from keyward.apis.model import ENFORCE, OBSERVE, WARN, ApiRecords, ApiSnapshot
from keyward.apis.observed import plan_attachments
from keyward.apis.plan import ApiPlan, plan_api
from keyward.apis.rule import KeyRule
from keyward.audit.account import ApiReading, calls_of
from keyward.audit.look import Look
from keyward.policy.model import Policy
from keyward.runs.schedule import CALLS, meter
from keyward.values import JSON, counted, frozen, span

# GetRestApi and GetUsagePlans, besides what an audit reads of an API.
READS = 2
# What closing reads of an API with one stage (DESIGN: at most 11), and of each further one.
READS_TO_CLOSE, READS_A_STAGE = 10, 3
# US dollars: to look at an API, to close one, what its wait for other APIs adds, and each method.
LOOKED_AT, CLOSED, WAITED, METHOD = 0.0003, 0.0004, 0.0008, 0.00001
# US dollars of an idle month, rounded; and of when, in us-east-1 (benchmarks/prices.py).
STACK_A_MONTH, PRICED = 9, "26 November 2026"
STACK_COSTS = f"The stack costs about {STACK_A_MONTH} dollars a month, by the prices of {PRICED}"

# The words under which methods are counted. A method that is open on a stage is closed or held with
# it. Other methods are changed in the working copy, or no stage serves them without a key.
CLOSED_METHODS, HELD_METHODS, CHANGED, UNSERVED = "closed", "held", "changed", "unserved"
STAGES, HELD_STAGES = "stages", "held stages"
Counts = Counter[str]


@frozen
class ModeEffect:
    """What a mode would do once with all APIs, in sentences (`does`) and figures.

    `calls` of API Gateway include the `writes`. `seconds` are how long they take at Keyward's share
    of the account's calls. `dollars` come on top of the stack's month.
    """

    mode: str
    does: tuple[str, ...]
    calls: int
    writes: int
    seconds: int
    dollars: float

    def as_json(self) -> JSON:
        """For machines."""
        return asdict(self) | {"does": list(self.does)}

    def cells(self) -> tuple[str, ...]:
        """For people: mode, calls, time, dollars, and what it does."""
        cost = (f"{self.calls:,}", span(self.seconds), f"{self.dollars:.4f}")
        return (self.mode, *cost, "; ".join(self.does))


def mode_effects(look: Look, policy: Policy, now: float, share: float) -> list[ModeEffect]:
    """The effects of observe, warn and enforce at `now` (epoch seconds), with a `share` of the
    account's calls in percent."""
    apis = [(api, KeyRule(policy, api.rest_api_id, api.name, now)) for api in look.reading.apis]
    read = [(api, api.snapshot, rule) for api, rule in apis if api.snapshot]
    exposed = [len(rule.exposed(s)) for _, snapshot, rule in read for s in snapshot.stages]
    stages, methods = sum(map(bool, exposed)), sum(exposed)
    joining = [plan_attachments(snapshot, ApiRecords(), rule) for _, snapshot, rule in read]
    announces = f"announces {counted(methods, 'open method')} on {counted(stages, 'stage')}"
    joins = _joins(item for plan in joining for item in plan.attach)
    does = (announces if methods else "finds every live method in order", *joins)
    logs = sum(bool(s.log_arn) for _, snapshot, rule in read for s in snapshot.stages)
    later = f"enforces {counted(policy.warn_days, 'day')} later"
    who = f"names who would get a 403, from {counted(logs, 'access log')}" if logs else ""
    operations = Counter(_reads(api for api, _, _ in read))
    operations["UpdateUsagePlan"] += sum(len(plan.attach) for plan in joining)
    dollars = LOOKED_AT * len(read)
    return [
        _effect(OBSERVE, (*does, "closes nothing"), operations, share, dollars),
        _effect(WARN, (*does, *([who] if who else []), later), operations, share, dollars),
        _enforce(look, read, policy, share),
    ]


def _enforce(
    look: Look, read: list[tuple[ApiReading, ApiSnapshot, KeyRule]], policy: Policy, share: float
) -> ModeEffect:
    plans: dict[str, ApiPlan] = {}
    operations: Counter[str] = Counter()
    closed: Counter[str] = Counter()
    for api, snapshot, rule in read:
        plan = look.closing.get(api.rest_api_id) or plan_api(snapshot, ApiRecords(), rule)
        plans[api.rest_api_id] = plan
        counts = _closed(plan, snapshot, rule, read_whole=api.rest_api_id in look.closing)
        closed += counts
        operations["UpdateMethod"] += counts[CHANGED]
        operations["CreateDeployment"] += len(plan.deploy)
        operations["UpdateStage"] += len(plan.deploy)
        operations["Get"] += (
            READS_TO_CLOSE + READS_A_STAGE * (len(plan.deploy) - 1)
            if plan.deploy
            else READS + calls_of(api)
        )
    attach = [item for plan in plans.values() for item in plan.attach]
    # Stages of several APIs join a plan with one call.
    joined = {item.plan for item in attach}
    operations["UpdateUsagePlan"] += len(joined)
    closing = sum(bool(plan.deploy) for plan in plans.values())
    kept = {action["plan"] for plan in plans.values() for action in plan.kept}
    does = [*_closing_words(closed), *_joins(attach), *_holding_words(closed)]
    does += [f"leaves plan {name} to the people who made it" for name in sorted(kept)]
    dollars = LOOKED_AT * (len(read) - closing) + METHOD * closed[CHANGED]
    dollars += closing * (CLOSED + (WAITED if closing > 1 else 0))
    # Stages join their plans first, one plan after the other, and that has to take effect.
    wait: float = policy.propagation_seconds if attach and closing else 0
    wait += max(0, len(joined) - 1) / meter("UpdateUsagePlan", share).rate
    return _effect(ENFORCE, tuple(does) or ("nothing",), operations, share, dollars, wait)


def _closed(plan: ApiPlan, snapshot: ApiSnapshot, rule: KeyRule, *, read_whole: bool) -> Counts:
    """Count the open methods that a plan closes, holds or changes. An open method counts once on
    each stage, as in the list of a look; a changed one once in the working copy."""
    exposed = {stage.name: rule.exposed(stage) for stage in snapshot.stages}
    deployed, held = ([one.stage for one in part] for part in (plan.deploy, plan.held))
    counts = Counts({STAGES: len(deployed), HELD_STAGES: len(held)})
    counts[CLOSED_METHODS] = sum(len(exposed[name]) for name in deployed)
    counts[HELD_METHODS] = sum(len(exposed[name]) for name in held)
    if deployed:
        # Without its working copy an API's methods are those that its stages serve.
        served = {method.place for methods in exposed.values() for method in methods}
        counts[CHANGED] = len(plan.require) if read_whole else len(served)
        wanted = {(one.path, one.verb) for one in plan.require} if read_whole else set()
        counts[UNSERVED] = len(wanted - served)
    return counts


def _closing_words(closed: Counts) -> list[str]:
    if not closed[STAGES]:
        return []
    methods, stages = closed[CLOSED_METHODS], closed[STAGES]
    words = f"closes {counted(methods, 'open method')} on {counted(stages, 'stage')}"
    more = f", and {closed[UNSERVED]} that only the working copy opens" if closed[UNSERVED] else ""
    return [words + more]


def _holding_words(closed: Counts) -> list[str]:
    stages, methods = closed[HELD_STAGES], closed[HELD_METHODS]
    words = f"holds {counted(stages, 'stage')} with {counted(methods, 'open method')} for a person"
    return [words] if stages else []


def _effect(
    mode: str,
    does: tuple[str, ...],
    operations: Counter[str],
    share: float,
    dollars: float,
    wait: float = 0,
) -> ModeEffect:
    calls = operations.total()
    counts: Mapping[str, float] = operations | Counter({CALLS: calls})
    rates = {name: meter(name, share).rate for name in ("CreateDeployment", CALLS)}
    seconds = max((counts.get(name, 0) / rate for name, rate in rates.items()), default=0)
    return ModeEffect(
        mode, does, calls, calls - operations["Get"], round(seconds + wait), round(dollars, 4)
    )


def _reads(apis: Iterable[ApiReading]) -> Mapping[str, int]:
    return {"Get": sum(READS + calls_of(api) for api in apis)}


def _joins(attach: Iterable[Attach]) -> list[str]:
    found: Counter[str] = Counter()
    for item in attach:
        found[item.plan] += len(item.stages)
    return [f"adds {counted(n, 'stage')} to plan {plan}" for plan, n in sorted(found.items())]
