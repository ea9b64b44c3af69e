"""What an audit finds: customers and APIs that are not as desired. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from keyward.api import DEPLOYMENT, ENFORCE, REJECTED, ApiKnown, ApiSeen, Hold, KeyRule
from keyward.api_plan import exposures, plan_api
from keyward.contracts import iso
from keyward.customer import Known, customer_of
from keyward.customer_plan import plan_customer
from keyward.errors import InvalidRecordError
from keyward.hold_words import edited
from keyward.policy import Policy

JSON = dict[str, Any]
NOTHING_KNOWN = Known()


@dataclass(frozen=True)
class Finding:
    """One thing that is not as desired. `severity`: `high` (open, or a customer without a key),
    `low`. `mended_by`: the state machine that mends it, None when a person has to."""

    kind: str
    severity: str
    says: str
    mended_by: str | None = None
    customer_id: str | None = None
    rest_api_id: str | None = None
    stage: str | None = None
    actions: tuple[JSON, ...] = ()

    def as_json(self) -> JSON:
        """Without the members that do not apply."""
        told = asdict(self) | {"actions": list(self.actions)}
        return {name: value for name, value in told.items() if value not in (None, [])}


def of_customers(
    records: Sequence[JSON],
    known: Mapping[str, Known],
    key_ids: set[str] | None,
    policy: Policy,
    now: float,
) -> list[Finding]:
    """Customers ↔ key records ↔ keys. `key_ids` are all keys that the gateway has, None when they
    could not be read; `now` is epoch seconds."""
    found: list[Finding] = []
    for record in records:
        customer_id = str(record.get("customer_id"))
        found += _of_customer(
            customer_id, record, known.get(customer_id, NOTHING_KNOWN), policy, now
        )
    for customer_id, remembered in known.items():
        found += [
            Finding(
                "key_gone",
                "high",
                f"key {key.name} is recorded as {key.key_id}, which API Gateway does not have",
                customer_id=customer_id,
            )
            for key in remembered.keys
            if key_ids is not None and key.key_id and key.key_id not in key_ids
        ]
    named = {str(record.get("customer_id")) for record in records}
    strays = [key for id_, kept in known.items() if id_ not in named for key in kept.keys]
    return found + [
        Finding(
            "key_without_customer",
            "low",
            f"key {key.name} belongs to no record of the Customers table",
            customer_id=key.customer_id,
        )
        for key in strays
    ]


def _of_customer(
    customer_id: str, record: JSON, known: Known, policy: Policy, now: float
) -> list[Finding]:
    try:
        planned = plan_customer(customer_of(record), known.keys, policy, now, known.last_number)
    except InvalidRecordError as error:
        return [Finding("invalid_record", "high", str(error), customer_id=customer_id)]
    if planned.problem:
        return [Finding("not_possible", "high", str(planned.problem), customer_id=customer_id)]
    mending: JSON = {"mended_by": "reconcile-customer", "customer_id": customer_id}
    if planned.actions:
        actions = tuple(action.as_json() for action in planned.actions)
        says = "the customer has no working key"
        return [Finding("customer_without_key", "high", says, actions=actions, **mending)]
    if known.outbox:
        return [Finding("unannounced", "low", "an outcome waits to be announced", **mending)]
    return []


def of_api(seen: ApiSeen, rule: KeyRule, mode: str) -> list[Finding]:
    """Exposed methods by stage; in mode enforce also stages that lack a plan, and plans whose
    limits are not the policy's."""
    mending: JSON = {"mended_by": "protect-api", "rest_api_id": seen.rest_api_id}
    found = [
        Finding(
            "exposed_methods",
            "high" if mode == ENFORCE else "low",
            f"stage {exposure.stage} serves methods that should ask for a key",
            stage=exposure.stage,
            actions=exposure.actions,
            **mending,
        )
        for exposure in exposures(seen, rule)
    ]
    if mode != ENFORCE:
        return found
    for item in plan_api(seen, ApiKnown(), rule).attach:
        found += [
            Finding(
                "stage_without_plan",
                "high",
                f"stage {stage} is not in usage plan {item.plan}: its customers get a 403",
                stage=stage,
                actions=({"action": "attach_stage", "stage": stage, "plan": item.plan},),
                **mending,
            )
            for stage in item.stages
        ]
        if item.mend:
            says = f"the limits of usage plan {item.plan} are not those of the policy"
            mend = ({"action": "mend_plan", "plan": item.plan},)
            found.append(Finding("plan_differs", "low", says, actions=mend, **mending))
    return found


def of_holds(seen: ApiSeen, known: ApiKnown, rule: KeyRule) -> list[Finding]:
    """Stages of an enforced API that wait for a person; holds that nothing needs any more are ended
    by the next run."""
    exposed = {stage.name for stage in seen.stages if rule.exposed(stage)}
    return [
        _held(hold, known, seen.rest_api_id)
        if hold.kind != DEPLOYMENT or hold.stage in exposed
        else Finding(
            "hold_over",
            "low",
            f"the hold of stage {hold.stage} is no longer needed",
            mended_by="protect-api",
            rest_api_id=seen.rest_api_id,
            stage=hold.stage,
        )
        for hold in known.holds
    ]


def _held(hold: Hold, known: ApiKnown, rest_api_id: str) -> Finding:
    whose = f", {edited(known.editor)}" if known.editor and hold.kind == DEPLOYMENT else ""
    rejected = hold.decision == REJECTED
    return Finding(
        "held",
        "low" if rejected else "high",
        f"stage {hold.stage} is held since {iso(hold.held_at)}{whose}: "
        + ("its deployment was rejected" if rejected else "a person has to decide"),
        rest_api_id=rest_api_id,
        stage=hold.stage,
        actions=({"action": "hold_stage", "stage": hold.stage, "fingerprint": hold.fingerprint},),
    )
