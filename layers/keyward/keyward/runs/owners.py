"""Tell whose a usage plan is: this stack's, another stack's, or people's.

The tag `keyward` says so; for plans of the last edition, which have no tag, the Plans table does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from keyward.aws.gateway import GatewayPlan
from keyward.aws.gateway.plans import STACK_TAG
from keyward.aws.tables import Registry
from keyward.aws.tables.ledger import line_of
from keyward.aws.tables.plans import KEYWARD, PEOPLE, Plans
from keyward.errors import PlanOfAnotherStackError
from keyward.runs.context import Context
from keyward.values import JSON, exact

LEDGER, TAGGED, MADE = "policy", "tag_plan", "create_plan"


def owned_plans(context: Context) -> list[GatewayPlan]:
    """All usage plans of the account, `under_known_names` and `with_owners`. 1 call."""
    found = context.gateway.plans()
    found = under_known_names(found, context.policy.usage_plans, context.registry.plans)
    return with_owners(found, context.registry, context.stack)


def under_known_names(
    plans: Iterable[GatewayPlan], names: Collection[str | None], records: Plans
) -> list[GatewayPlan]:
    """Return the usage plans, those that people renamed under the recorded of these `names`. Keys
    join a plan by its recorded id, so it stays the same plan whatever it is called. A request of
    DynamoDB for each name that no plan has."""
    found = list(plans)
    there, ids = {plan.name for plan in found}, {plan.plan_id for plan in found}
    known: dict[str | None, str] = {}
    for name in {*names} - {*there, None} if ids else ():
        record = records.find(str(name))
        if record and record.plan_id in ids:
            known[record.plan_id] = str(name)
    return [_known_as(known.get(plan.plan_id), plan) for plan in found]


def _known_as(name: str | None, plan: GatewayPlan) -> GatewayPlan:
    return replace(plan, name=name, renamed=plan.name) if name else plan


def with_owners(plans: Iterable[GatewayPlan], registry: Registry, stack: str) -> list[GatewayPlan]:
    """Return the usage plans, marked with `claimed_by` where the records say that they are this
    stack's. Plans of the last edition have no tag yet, and people take tags away. A request of
    DynamoDB for each plan without a stack."""
    return [_with_owner(plan, registry, stack) for plan in plans]


def _with_owner(plan: GatewayPlan, registry: Registry, stack: str) -> GatewayPlan:
    if plan.is_tagged(stack) or plan.is_foreign(stack):
        return plan
    record = registry.plans.find(plan.name)
    claimed = record is not None and record.is_ours(plan.plan_id)
    return replace(plan, claimed_by=stack) if claimed else plan


def note_owner(plan: GatewayPlan, registry: Registry, stack: str) -> None:
    """Record the id of a plan that was found by its name, and whose it is. A plan of the last
    edition keeps its record until it is tagged. Writes nothing on API Gateway. Raises
    PlanOfAnotherStackError."""
    refuse_foreign(plan, stack)
    if plan.is_tagged(stack):
        registry.plans.save_id(plan.name, plan.plan_id, KEYWARD)
    elif not _with_owner(plan, registry, stack).is_ours(stack):
        registry.plans.save_id(plan.name, plan.plan_id, PEOPLE)


def refuse_foreign(plan: GatewayPlan, stack: str) -> None:
    """Raise PlanOfAnotherStackError for another stack's plan."""
    if plan.is_foreign(stack):
        raise PlanOfAnotherStackError(
            f"plan: usage plan {plan.name} ({plan.plan_id}) belongs to the stack "
            f"{plan.tags[STACK_TAG]}. Name another plan in the policy, or take the tag "
            f"{STACK_TAG} off that plan"
        )


def note_made(
    registry: Registry, name: str, plan_id: str, execution_arn: str, asked: JSON, now: float
) -> None:
    """Record a usage plan that Keyward made. It is not announced: the key or the stage for which it
    was made is."""
    line: JSON = {"action": MADE, "plan": name, "after": {"id": plan_id}, "asked": asked}
    registry.ledger.append([line_of(LEDGER, now, execution_arn, line)])
    registry.plans.save_id(name, plan_id, KEYWARD)


def take(context: Context, plan: GatewayPlan, execution_arn: str, asked: JSON) -> bool:
    """Tag a usage plan as this stack's and record it: from then on its limits and stages are the
    policy's. Returns whether it was tagged just now; then the ledger says so, with the limits that
    it had. `asked` is who asked. Raises PlanOfAnotherStackError, NotFoundError."""
    refuse_foreign(plan, context.stack)
    is_new, record = not plan.is_tagged(context.stack), context.registry.plans.find(plan.name)
    if is_new:
        context.gateway.tag_plan(plan.plan_id, context.stack)
    # Also for a run that died after the call: the record is written last.
    if record is None or record.owner != KEYWARD or is_new:
        limits = {name: plan.as_json()[name] for name in ("throttle", "quota")}
        tag, was = f"tag {STACK_TAG}", plan.tags.get(STACK_TAG)
        line: JSON = {"action": TAGGED, "plan": plan.name, "asked": asked}
        line |= {
            "before": exact({tag: was} | limits),
            "after": exact({tag: context.stack} | limits),
        }
        context.registry.ledger.append([line_of(LEDGER, context.now, execution_arn, line)])
    # For a plan of the last edition, of which nothing is written down: whatever is, is newer.
    context.registry.plan_stages.save(plan.name, plan.stages, 0)
    context.registry.plans.save_id(plan.name, plan.plan_id, KEYWARD)
    return is_new
