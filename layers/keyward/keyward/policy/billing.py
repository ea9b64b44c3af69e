"""The policy's part about money: what follows an unpaid bill, and how to read events of Stripe and
of the SaaS Builder Toolkit. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field

from keyward.errors import PolicyRefusedError
from keyward.values import DAY, JSON, frozen


@frozen
class LadderStep:
    """What follows `after_days` from the first failed payment: a `notice`, a lower `plan`, a
    suspension (`suspend`) or a closing (`close`)."""

    step: str
    after_days: float
    plan: str | None = None

    def at(self, since: float) -> float:
        """When the step is due (epoch seconds), counted from `since`."""
        return since + self.after_days * DAY


# Without a ladder in the policy. A plan that the policy does not name is left out of it; a key is
# deleted for money only where the policy says so.
LADDER = (
    LadderStep("notice", 0),
    LadderStep("notice", 5),
    LadderStep("plan", 7, "free"),
    LadderStep("suspend", 21),
)


@frozen
class StripePolicy:
    """How Stripe's events are read. `customer_id` and `plan` are keys of a subscription's metadata;
    `customers` maps Stripe's customers to ours, `plans` prices, products and lookup keys to
    plans."""

    customer_id: str = "customer_id"
    plan: str = "plan"
    customers: Mapping[str, str] = field(default_factory=dict)
    plans: Mapping[str, str] = field(default_factory=dict)


@frozen
class SbtPolicy:
    """How the events of sbt-aws are read: the members of `detail` that hold the customer's id and
    its tier, and which plan a tier is."""

    customer_id: str = "tenantId"
    tier: str = "tier"
    plans: Mapping[str, str] = field(default_factory=dict)


@frozen
class BillingPolicy:
    """The policy about money. `ladder` is in the order of time. `ended` says what follows the end
    of the last subscription, `close` or `suspend`. `expiry_notice_days` is how long ahead an expiry
    is announced."""

    ladder: tuple[LadderStep, ...] = LADDER
    ended: str = "close"
    expiry_notice_days: tuple[float, ...] = (7, 1)
    stripe: StripePolicy = field(default_factory=StripePolicy)
    sbt: SbtPolicy = field(default_factory=SbtPolicy)


def billing_policy(body: JSON | None, plans: Iterable[str]) -> BillingPolicy:
    """From `billing` of the policy, which its schema has checked; `plans` are the usage plans that
    the policy names. Raises PolicyRefusedError for any other."""
    given = dict(body or {})
    plan_names = frozenset(plans)
    for place, step in enumerate(given.get("ladder", [])):
        _check_step(f"billing.ladder[{place}]", step, plan_names)
    for source in ("stripe", "sbt"):
        for name, plan in given.get(source, {}).get("plans", {}).items():
            _check_plan(f"billing.{source}.plans.{name}", plan, plan_names)
    made: JSON = {name: given[name] for name in ("ended",) if name in given}
    steps = [LadderStep(**step) for step in given["ladder"]] if "ladder" in given else LADDER
    usable = [step for step in steps if step.plan is None or step.plan in plan_names]
    made["ladder"] = tuple(sorted(usable, key=lambda step: step.after_days))
    if "expiry_notice_days" in given:
        made["expiry_notice_days"] = tuple(sorted(given["expiry_notice_days"], reverse=True))
    return BillingPolicy(
        stripe=StripePolicy(**given.get("stripe", {})),
        sbt=SbtPolicy(**given.get("sbt", {})),
        **made,
    )


def _check_step(place: str, step: JSON, plan_names: frozenset[str]) -> None:
    if (step["step"] == "plan") != ("plan" in step):
        raise PolicyRefusedError(
            f'{place}: only a step "plan" has a plan, and it needs one. '
            'Write {"step": "plan", "after_days": 7, "plan": "free"}'
        )
    if "plan" in step:
        _check_plan(f"{place}.plan", step["plan"], plan_names)


def _check_plan(place: str, plan: str, plan_names: frozenset[str]) -> None:
    if plan not in plan_names:
        raise PolicyRefusedError(
            f"{place}: usage_plans has no plan {plan!r}. Use one of {', '.join(sorted(plan_names))}"
        )
