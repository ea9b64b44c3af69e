"""Plan how a key gets into the plans of its customer, and out of the former ones. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from keyward.customers.actions import Actions, key_action, move
from keyward.customers.bulk import is_being_imported
from keyward.customers.key import CREATING, KeyRecord
from keyward.errors import PlanRefusedError
from keyward.policy.model import Policy
from keyward.values import frozen


@frozen
class Placement:
    """Where a customer's keys belong. `plans` are those of its plans that the policy names;
    `is_whole`: it names all. `satisfies` is the request that a key answers by getting into its
    plans."""

    plans: tuple[str, ...]
    is_whole: bool
    policy: Policy
    satisfies: Mapping[str, Any]

    def place(self, key: KeyRecord, stays: bool = False) -> Actions:
        """Bring a key into its plans. A key that `stays` only ends a move that broke off, and so
        does a key while the policy does not name all its plans."""
        journal = key.journal
        if key.state == CREATING:
            if not self.plans or (is_being_imported(key) and journal.plan in self.plans):
                return ()
            joins = (key_action("attach_key", key, plan, **self.satisfies) for plan in self.plans)
            return (key_action("create_key", key, **self.awaits()), *joins)
        is_moving = journal.plan is not None or journal.leaving is not None
        wanted = self.plans if not stays or is_moving or not key.plans else key.plans
        if not self.is_whole:
            wanted = (*dict.fromkeys(self._half_way(key) + self.plans),)
        return self._moved(key, wanted)

    def _half_way(self, key: KeyRecord) -> tuple[str, ...]:
        """Where a move ends that broke off, while the policy does not name the plans: in the plan
        where it was going, if the policy names that, else in the plan where the key was."""
        into = key.journal.plan
        if into is None or into not in self.policy.usage_plans:
            return key.plans
        return (into, *key.plans[1:])

    def _moved(self, key: KeyRecord, wanted: Sequence[str]) -> Actions:
        """Move the key out of unwanted plans and into the `wanted` ones, one for one. The two calls
        of a move follow each other at once, as both plans may hold the same stage. A plan that an
        earlier run began to join or leave is doubtful, and must be confirmed."""
        journal = key.journal
        doubtful = (journal.plan, journal.leaving)
        joins = [plan for plan in wanted if plan not in key.plans or plan in doubtful]
        # What a run that broke off left open is confirmed first, as one journal holds one move.
        joins.sort(key=lambda plan: plan not in doubtful)
        begun = [plan for plan in (*doubtful, *journal.awaited) if plan and plan not in key.plans]
        leaves = [plan for plan in dict.fromkeys((*key.plans, *begun)) if plan not in wanted]
        pairs = [*zip(leaves, joins, strict=False)]
        more = {} if key.is_issued else {**self.satisfies}
        # An adopted key may be in a plan already, which only its announcement waits for.
        confirmed = [
            p for p in wanted if p in journal.awaited and p in key.plans and p not in joins
        ]
        return (
            *(key_action("attach_key", key, plan, **more) for plan in confirmed),
            *(key_action("detach_key", key, plan, **more) for plan in leaves[len(pairs) :]),
            *(move(key, old, new, **more) for old, new in pairs),
            *(key_action("attach_key", key, plan, **more) for plan in joins[len(pairs) :]),
        )

    def awaits(self) -> dict[str, Any]:
        """The plans that a new key is to be in before it is announced, where there are several."""
        return {"plans": list(self.plans)} if len(self.plans) > 1 else {}

    def changes_plan(self, key: KeyRecord) -> bool:
        """Whether the key is to leave a plan for another: one more, or one less, is no change that
        a successor makes."""
        is_moving = key.journal.plan is not None or key.journal.leaving is not None
        leaves, joins = set(key.plans) - {*self.plans}, {*self.plans} - set(key.plans)
        return bool(leaves and joins) and not is_moving


def refusal(plans: Collection[str], keys: Sequence[KeyRecord]) -> PlanRefusedError | None:
    """Say why a key is missing in some of its `plans` though nothing failed: one refused it, as
    another plan of the key, perhaps one that a person put it into, holds the same stage."""
    for key in keys:
        plan = key.journal.refused
        if plan in plans and key.plans and plan not in key.plans:
            return PlanRefusedError(
                f"plan: {plan} cannot take key {key.name}, which stays in {', '.join(key.plans)}: "
                "another plan that the key is in holds the same stage, and a key has one plan a "
                "stage. Detach it there, remove the stage from one of them, or send PlanRemoved"
            )
    return None
