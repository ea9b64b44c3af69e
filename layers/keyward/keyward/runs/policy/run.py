"""Run apply-policy: put what the owner wants in force, and bring it to the usage plans.

What is wanted is compared with what is in force and with the account; what a person has to decide
is held. Each step takes the lease, reads everything anew, and gives the lease back before the run
waits. So an edit that comes meanwhile holds at once, and a repeated step finds nothing to do.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from keyward.apis.model import APPROVED, REJECTED
from keyward.apis.usage_plan_patch import Change
from keyward.aws.gateway import GatewayPlan
from keyward.aws.tables.policy import PENDING, Hold, InForce
from keyward.errors import GatewayRefusedError, PlanThrottledError, WrongAnswerError
from keyward.events.requester import requester_of
from keyward.policy.change_set import PLANS, Line, Settled, settle
from keyward.policy.parse import policy_of
from keyward.runs import run
from keyward.runs.context import Context
from keyward.runs.owners import take
from keyward.runs.policy import announcements
from keyward.runs.policy.account import PolicyAccount
from keyward.runs.schedule import PROTECTION, calls_of
from keyward.values import JSON, frozen

SUBJECT = "policy#in-force"
PLAN, UPDATE, END = "plan_policy", "update_plan", "end"
UPDATE_CALLS = calls_of(["GetUsagePlans", "UpdateUsagePlan"])
# API Gateway takes the next UpdateUsagePlan 20 s after the last (limits.html).
RETRY_SECONDS = 20
# Whoever waits longer is told before what is done by then.
PATIENCE_SECONDS = 60
# Functions keep the policy for 5 s: an API that is looked at sooner would see the former one.
LOOK_SECONDS = 6


@frozen
class PolicyRun:
    """One step of a run. `task` is its input, with `execution_arn`; `default_mode` that of APIs
    without a tag; in the queue `queue_url` APIs wait to be looked at."""

    context: Context
    task: JSON
    default_mode: str
    queue_url: str

    def plan(self) -> JSON:
        """Put in force what may be, hold the rest, and say what is `next`. Raises
        WrongAnswerError for an answer to nothing."""
        self._note_answer()
        return self._with_lease(self._settle)

    def update(self) -> JSON:
        """Bring one usage plan in line with the policy in force, in its turn."""
        return self._with_lease(self._update)

    @property
    def _owner(self) -> str:
        return str(self.task["execution_arn"])

    def _with_lease(self, step: Callable[[], JSON]) -> JSON:
        """Take the step under the lease. When another run has it, that one starts over."""
        context, leases = self.context, self.context.registry.leases
        lease = run.begin(leases, context.bus, SUBJECT, self._owner, context.now)
        answer: JSON = {"next": END, "wait_seconds": 0, "failed": []}
        if lease is None:
            return answer | {"busy": True}
        before = Counter(context.gateway.made)
        try:
            done = step()
        finally:
            made = calls_of((context.gateway.made - before).elements())
            context.turns.debit(made, context.now)
        return answer | (done if leases.release(lease) else {"next": PLAN})

    def _note_answer(self) -> None:
        """Write an answer down before the lease is asked for: whichever run has it finds it."""
        policies = self.context.registry.policies
        for word, decision in (("approve", APPROVED), ("reject", REJECTED)):
            mark = self.task.get(word)
            if mark is None:
                continue
            hold, last = policies.load().hold, policies.answered() or {}
            if hold and hold.fingerprint == mark:
                policies.answer(str(mark), decision, self._asked, self.context.now)
            elif last.get("mark") != mark:
                raise WrongAnswerError(
                    word,
                    f"must be the fingerprint of what is held of the policy, got {mark}",
                    "Take it from `keyward holds`",
                )

    @property
    def _asked(self) -> JSON:
        return requester_of(self.task)

    # the first step

    def _settle(self) -> JSON:
        policies = self.context.registry.policies
        before = policies.load()
        wanted = self.context.registry.parameter.read(before.version)
        account = PolicyAccount(self.context, self.default_mode)
        if wanted.refused or not wanted.version:
            announcements.announce_refusal(self.context, before, wanted, self._owner, self._asked)
        after = replace(before, refused=wanted.refused)
        if wanted.body is not None:
            body = account.plans.as_found(before.body) if before.is_found else before.body
            approved, held = self._approved(before.hold), before.hold.lines if before.hold else ()
            settled = settle(body, wanted.body, account.facts(body, wanted.body), approved, held)
            after = self._settled(after, settled)
            after = replace(after, version=wanted.version, is_found=False)
            self._have_apis_looked_at(settled, account)
            self._have_customers_looked_at(settled)
        lacking = account.plans.lacking(policy_of(after.body))
        after = self._saved(before, _sorted(after, {*lacking}))
        if after.hold and after.hold.decision == PENDING:
            announcements.announce_hold(
                self.context, after.hold, after.version, self._owner, self._asked
            )
        if not lacking:
            self._announce(after)
        return {"next": UPDATE if lacking else END}

    def _approved(self, hold: Hold | None) -> tuple[Line, ...]:
        return hold.lines if hold and self._decision(hold) == APPROVED else ()

    def _decision(self, hold: Hold) -> str:
        """A person's decision about just this hold: an earlier answer to the same edit is over."""
        answer = self.context.registry.policies.answered() or {}
        is_of_it = answer.get("mark") == hold.fingerprint and int(answer["at"]) >= hold.since
        return str(answer["decision"]) if is_of_it else hold.decision

    def _settled(self, before: InForce, settled: Settled) -> InForce:
        held, now = settled.held, int(self.context.now)
        hold = Hold(held, now, asked=self._asked) if held else None
        if hold and before.hold and before.hold.fingerprint == hold.fingerprint:
            decision = self._decision(before.hold)
            hold = replace(before.hold, lines=held, decision=decision)
        applied = [line.as_json() | {"asked": self._asked} for line in settled.applied]
        pending = (*before.pending, *applied)
        return replace(before, body=settled.policy, hold=hold, pending=pending)

    def _saved(self, before: InForce, after: InForce) -> InForce:
        policies = self.context.registry.policies
        # As written: the keys that a held line touches are counted anew each time, and not kept.
        if after.as_json() == before.as_json():
            return before
        saved = policies.save(after)
        policies.forget_parts(before.revision)
        return saved

    def _have_apis_looked_at(self, settled: Settled, account: PolicyAccount) -> None:
        """Stages that a plan covers now are attached, and methods that are no longer exempt are
        closed, by protect-api. Sent before the policy is written: a run that dies sends again."""
        if any(announcements.is_about_apis(line) for line in settled.applied):
            for api_id in account.guarded_ids(settled.applied):
                body = {"rest_api_id": api_id, "asked": self._asked}
                self.context.bus.send_later(self.queue_url, body, LOOK_SECONDS)

    def _have_customers_looked_at(self, settled: Settled) -> None:
        """Make customers due at once who wait for a plan that is new in the policy."""
        named = {line.plan for line in settled.applied if line.part == "" and line.before is None}
        named -= {None}
        if not named:
            return
        customers, now = self.context.registry.customers, self.context.now
        records = customers.load_all()
        for record in records.desired:
            wants = {*_texts([record.get("plan")]), *_texts(record.get("plans"))} & named
            known = records.keys.get(str(record["customer_id"]))
            has = {key.plan for key in known.keys} if known else set()
            if wants - has:
                customers.hasten_due(str(record["customer_id"]), now + LOOK_SECONDS, now)

    # the second step

    def _update(self) -> JSON:
        in_force = self.context.registry.policies.load()
        account = PolicyAccount(self.context, self.default_mode)
        failed, turns = list(self.task.get("failed", [])), self.context.turns
        lacking = account.plans.lacking(policy_of(in_force.body))
        left = [name for name in lacking if name not in failed]
        if not left:
            turns.take(SUBJECT, self._owner, PROTECTION, {}, self.context.now)
            self._announce(self._saved(in_force, _sorted(in_force, {*lacking})))
            return {"next": END, "failed": failed}
        place = turns.take(SUBJECT, self._owner, PROTECTION, UPDATE_CALLS, self.context.now)
        if not place.is_there:
            seconds = math.ceil(place.ready_at - self.context.now)
            if seconds > PATIENCE_SECONDS:
                self._announce(in_force)
            return {"next": UPDATE, "wait_seconds": max(1, seconds), "failed": failed}
        turns.debit({name: -calls for name, calls in UPDATE_CALLS.items()}, self.context.now)
        name = left[0]
        plan, changes = account.plans.by_name[name], lacking[name]
        in_force = self._noted(plan.name, changes, in_force)
        try:
            in_force = self._bring(account, plan, changes, in_force)
        except PlanThrottledError:
            turns.refused(self.context.now, "UpdateUsagePlan")
            return {"next": UPDATE, "wait_seconds": RETRY_SECONDS, "failed": failed}
        except GatewayRefusedError as error:
            announcements.announce_failure(
                self.context, in_force, name, error, self._owner, self._asked
            )
            failed.append(name)
        if not left[1:]:
            self._announce(in_force)
        return {"next": UPDATE if left[1:] else END, "failed": failed}

    def _noted(self, plan: str, changes: list[Change], in_force: InForce) -> InForce:
        """Write down what is done to a plan, before the call, so that whoever takes over announces
        it."""
        known = {line["field"] for line in in_force.pending}
        # A line of the whole plan, which comes or leaves, tells all of it.
        news = [] if f"{PLANS}.{plan}" in known else changes
        lines = [announcements.line_of(plan, change, self._asked) for change in news]
        more = tuple(line for line in lines if line["field"] not in known)
        return self._saved(in_force, replace(in_force, pending=(*in_force.pending, *more)))

    def _bring(
        self, account: PolicyAccount, plan: GatewayPlan, changes: list[Change], in_force: InForce
    ) -> InForce:
        """Change one plan."""
        operations = [operation for change in changes for operation in change.operations]
        with self.context.plans(self._owner).lease(plan.name):
            if operations:
                began = self.context.now
                updated = self.context.gateway.update_plan(plan.plan_id, operations)
                self.context.registry.plan_stages.save(plan.name, updated.stages, began)
            take(self.context, plan, self._owner, self._asked)
        wanted = policy_of(in_force.body).usage_plans.get(plan.name)
        for api_id, stage in account.plans.detachable(plan, wanted):
            self.context.registry.apis.detached(api_id, stage, plan.name)
        others = {str(line.get("plan")) for line in in_force.pending} - {plan.name}
        return self._saved(in_force, _sorted(in_force, others))

    def _announce(self, in_force: InForce) -> None:
        """Announce what was applied and nobody was told."""
        if in_force.applied:
            announcements.announce_applied(self.context, in_force, self._owner)
            self._saved(in_force, replace(in_force, applied=()))


def _sorted(in_force: InForce, lacking: set[str]) -> InForce:
    """The changes that no usage plan lacks any more are applied."""
    waits = [line.get("plan") in lacking for line in in_force.pending]
    pairs = list(zip(in_force.pending, waits, strict=True))
    done = tuple(line for line, waiting in pairs if not waiting)
    left = tuple(line for line, waiting in pairs if waiting)
    return replace(in_force, pending=left, applied=(*in_force.applied, *done))


def _texts(value: object) -> list[str]:
    """The texts of a list that people may have written as anything."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
