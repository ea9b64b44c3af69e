"""Find odd keys and plans in an account without records. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from keyward.apis.model import Difference
from keyward.audit.look import Look
from keyward.audit.model import Finding
from keyward.audit.remedies import with_helps
from keyward.aws.gateway import GatewayKey, GatewayPlan
from keyward.policy.model import Policy
from keyward.values import DAY, JSON, counted, frozen, some_of

MAX_NAMES = 5
# Which keys each kind is about, where they are, and what helps.
KINDS = {
    "key_in_no_plan": (
        "enabled",
        " in no usage plan, which opens nothing",
        "Put each into a usage plan, or delete it",
    ),
    "key_opens_nothing": (
        "enabled",
        " in usage plans without a stage only",
        "Add a stage to the plan, or delete the keys",
    ),
    "key_disabled": (
        "disabled",
        "",
        "Delete those that nobody will need again: the account has room for 10,000 keys",
    ),
    "key_unused": (
        "enabled",
        " without a call in {days}",
        "Ask their owners; disable those who are gone",
    ),
}


@frozen
class KeyGroup:
    """Keys with the same finding: so many `state` keys `where`. `helps` is a sentence."""

    kind: str
    state: str
    where: str
    helps: str
    keys: tuple[GatewayKey, ...]

    def as_finding(self) -> Finding:
        """For people: the first of the keys by name, and how many more there are."""
        names = some_of([key.name or key.key_id for key in self.keys], MAX_NAMES)
        says = f"{counted(len(self.keys), f'{self.state} key')}{self.where}: {names}"
        return Finding(self.kind, "low", says, remedy=self.helps)

    def as_json(self) -> JSON:
        """For machines: the ids of all keys."""
        return with_helps(self.as_finding()) | {"key_ids": [key.key_id for key in self.keys]}


def key_groups(look: Look, policy: Policy) -> list[KeyGroup]:
    """Group keys that open nothing, work for nobody or were not used. Keys of another stack, and
    what could not be read, are left out."""
    account, plans = look.reading.keys, {plan.plan_id: plan for plan in look.reading.plans}
    if account is None:
        return []
    keys = [key for key in account.keys.values() if key.key_id not in account.foreign]
    keys.sort(key=lambda key: (key.name, key.key_id))
    enabled = [key for key in keys if key.enabled]
    placed = [key for key in enabled if look.plans_of.get(key.key_id)]
    empty = {plan_id for plan_id, plan in plans.items() if not plan.stages}
    days = policy.usage.unused_days
    loose = [key for key in enabled if not look.plans_of.get(key.key_id)]
    by_kind = {
        "key_in_no_plan": loose if account.plans is not None else [],
        "key_opens_nothing": [k for k in placed if empty.issuperset(look.plans_of[k.key_id])],
        "key_disabled": [key for key in keys if not key.enabled],
        "key_unused": [key for key in placed if _is_unused(key, look, days * DAY)],
    }
    return [
        KeyGroup(kind, state, where.format(days=counted(days, "day")), helps, tuple(by_kind[kind]))
        for kind, (state, where, helps) in KINDS.items()
        if by_kind[kind]
    ]


def _is_unused(key: GatewayKey, look: Look, seconds: float) -> bool:
    """Whether the key did not call. Nobody can tell that of a key in a plan without a quota."""
    plans = look.plans_of[key.key_id]
    is_old = key.created_at <= look.reading.began - seconds
    return is_old and look.counted.issuperset(plans) and key.key_id not in look.used


def duplicate_plans(plans: Iterable[GatewayPlan]) -> list[Finding]:
    """Usage plans of one name."""
    ids: dict[str, list[str]] = {}
    for plan in plans:
        ids.setdefault(plan.name, []).append(plan.plan_id)
    return [
        Finding(
            "duplicate_plan",
            "high",
            f"{counted(len(of_name), 'usage plan')} are named {name}: {', '.join(sorted(of_name))}",
            plan=name,
            remedy="Rename or delete all but one",
        )
        for name, of_name in sorted(ids.items())
        if len(of_name) > 1
    ]


def working_copies(look: Look) -> list[Finding]:
    """Exposed stages that a deployment would change beyond asking for keys: enforce holds them."""
    names = {api.rest_api_id: api.name for api in look.reading.apis}
    return [
        Finding(
            "working_copy_differs",
            "low",
            f"stage {held.stage} of {names[rest_api_id] or rest_api_id} does not serve the "
            f"working copy: {_words(held.differences)}",
            rest_api_id=rest_api_id,
            stage=held.stage,
            remedy="Deploy it, or take the edit back: until then enforce holds the stage",
        )
        for rest_api_id, plan in look.closing.items()
        for held in plan.held
    ]


def _words(differences: Iterable[Difference]) -> str:
    texts = [
        f"{one.method} {one.path} {one.difference}".removeprefix("* * ") for one in differences
    ]
    return some_of(texts, MAX_NAMES, "; ")
