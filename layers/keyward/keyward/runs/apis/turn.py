"""Let a run into a step that calls API Gateway: the API's turn first, then its lease.

No run keeps a lease for long while it waits for its turn. On return it goes on only if no other run
had the API meanwhile, and nobody left work to it; otherwise it plans anew.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

from keyward.apis.progress import ATTACH, DEPLOY, PLAN, Progress
from keyward.aws.tables.call_schedule import TurnItem
from keyward.aws.tables.leases import Lease
from keyward.events import contracts
from keyward.events.requester import AUDIT as BY_AUDIT
from keyward.events.requester import requester_of, with_cause
from keyward.runs import outbox, run
from keyward.runs.context import Context
from keyward.runs.schedule import AUDIT, CALLS, LOOK, PROTECTION, QUOTAS, calls_of
from keyward.runs.turns import WRITES, Calls, Standing
from keyward.values import frozen, iso

# So long a run may keep its lease while it waits (DESIGN.md 1).
KEPT_SECONDS = 2
# Who waits longer is told so, and until when; where that is not sure yet, after a longer wait.
PENDING_SECONDS, LONG_SECONDS = 60, 300
# Who has its turn so soon is not told that it waits.
SOON_SECONDS = 10
# What an API takes, about, to be looked at and to be closed before it is deployed.
CALLS_TO_LOOK, CALLS_TO_CLOSE = 6, 10
DEPLOYMENT = "CreateDeployment"
# Step Functions waits in pieces, so that a turn that is there earlier is not missed by much.
LONGEST_WAIT = 600


@frozen
class ApiTurn:
    """The way of one run, `progress`, into its next step."""

    context: Context
    progress: Progress

    @property
    def subject(self) -> str:
        """Whose turn and lease it is."""
        return f"api#{self.progress.rest_api_id}"

    def joined(self) -> TurnItem | None:
        """The API's turn that another run waits for: this run leaves its work to that one."""
        turn = self.context.turns.of(self.subject)
        if turn is None or turn.owner == self.progress.execution_arn:
            return None
        is_joined = self.context.bus.is_running(turn.owner) and self.context.turns.join(turn)
        return turn if is_joined else None

    def enter(
        self, calls: Calls, subject: str | None = None, effect: str = WRITES
    ) -> tuple[Progress, bool]:
        """Return the run with its lease, and True, when it may make the calls now. Otherwise return
        how the run goes on: it waits, plans anew, or ends as another run has the API. `subject`
        owns the turn where several APIs share one, `effect` is what the calls are for. Raises
        StoppedError."""
        now, progress = self.context.now, self.progress
        standing = self.context.turns.take(
            subject or self.subject, progress.execution_arn, self._lane, calls, now, effect
        )
        if not standing.is_there:
            return self._waiting(standing, now), False
        entered = self._with_lease(standing, now)
        if entered.lease is None or entered.next != progress.next:
            self.context.turns.give_back(calls, now)
            return entered, False
        return entered, True

    def settle(self, calls: Calls, before: Counter[str]) -> None:
        """Give back the part of the turn that was not used, and debit calls beyond it: a turn at an
        operation's own quota leaves the few calls around it to that. `before` is what the gateway
        had called by then (`Gateway.made`)."""
        counted = calls_of((self.context.gateway.made - before).elements())
        more = {name: counted.get(name, 0) - calls.get(name, 0) for name in QUOTAS}
        self.context.turns.debit(more, self.context.now)

    @property
    def _lane(self) -> str:
        asked = requester_of({"asked": self.progress.asked})
        if asked["by"] == BY_AUDIT:
            return AUDIT
        return LOOK if self.progress.next == PLAN else PROTECTION

    def _waiting(self, standing: Standing, now: float) -> Progress:
        seconds, progress = math.ceil(standing.ready_at - now), self.progress
        waited = progress.waited + seconds
        # Its place among the deployments is sure; before that its time can only be guessed.
        enough = PENDING_SECONDS if progress.next == DEPLOY else LONG_SECONDS
        if waited > enough and seconds > SOON_SECONDS:
            self._announce_pending(standing.ready_at, now)
        if progress.lease and seconds > KEPT_SECONDS:
            lease = Lease.of({"lease": progress.lease})
            if not self.context.registry.leases.release(lease):
                return progress.again(PLAN)
            progress = replace(progress, lease=None, token=lease.token)
        wait = max(1, min(seconds, LONGEST_WAIT))
        return replace(progress, wait_seconds=wait, waited=progress.waited + wait)

    def _with_lease(self, standing: Standing, now: float) -> Progress:
        """The run with its lease: renewed, or taken again after a wait."""
        progress, registry = self.progress, self.context.registry
        if progress.lease:
            lease = Lease.of({"lease": progress.lease})
            registry.leases.renew(lease, now)
            return progress.again(PLAN) if standing.is_joined else progress
        owner, bus = progress.execution_arn, self.context.bus
        taken = run.begin(registry.leases, bus, self.subject, owner, now)
        if taken is None:
            return progress.ended(busy=True)
        progress = replace(progress, lease=taken.as_json(), wait_seconds=0)
        is_alone = taken.token == progress.token + 1 and not standing.is_joined
        return progress if is_alone else progress.again(PLAN)

    def _announce_pending(self, ready_at: float, now: float) -> None:
        """Announce, once a run, that the API waits, and until when: the last thing it waits for is,
        as a rule, its deployment, behind those of all who are before it."""
        turns, plans_left = self.context.turns, max(0, len(self.progress.attach) - 1)
        joined_by = max(ready_at, turns.behind("UpdateUsagePlan", plans_left, now))
        ready_at = joined_by if self.progress.next == ATTACH else ready_at
        ready_by = max(ready_at, turns.behind(DEPLOYMENT, self._apis_before(now), now))
        event = contracts.announcement(
            "ApiPending",
            rest_api_id=self.progress.rest_api_id,
            reason="the account's control-plane calls are in use: this API waits for its turn",
            ready_by=iso(ready_by),
            execution_arn=self.progress.execution_arn,
        )
        event = with_cause(event, self.progress.asked)
        name = self.progress.execution_arn.rpartition(":")[2]
        outbox.announce_once(self.context, f"pending#{name}", event, 86_400)

    def _apis_before(self, now: float) -> float:
        """Estimate how many APIs will ask for their deployment before this one."""
        step, turns = self.progress.next, self.context.turns
        if step == DEPLOY:
            return 0
        closing = turns.waiting(PROTECTION, CALLS, now) / CALLS_TO_CLOSE
        looked_at = turns.waiting(LOOK, CALLS, now) / CALLS_TO_LOOK if step == PLAN else 0
        return closing + looked_at
