"""Start one run for each API or customer of which events were heard, however many events."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from keyward.aws.tables.storm_items import StormItems
from keyward.errors import ChangedAgainError
from keyward.events import contracts, remedy
from keyward.events.requester import DRIFT, with_cause
from keyward.runs import outbox
from keyward.runs.context import Context
from keyward.values import DAY, JSON, counted, frozen, run_name

# A machine that puts back what Keyward puts right does so for ever: this often within an hour it is
# no accident.
MAX_STORMS = 5


@frozen
class Looks:
    """Starts runs of one machine, whose input names the subject as `member`. `kind` begins the
    names of leases. `named` are the subjects so far: one run sees whatever happened before it."""

    context: Context
    machine_arn: str
    storms: StormItems
    kind: str
    member: str
    named: set[str] = field(default_factory=set)

    def look_at(self, subject: str, event_id: str, asked: JSON) -> None:
        """Have a run look at the subject after this event, which `asked` describes for the ledger.

        That is the run at work, which starts over, or the run of the storm that the event belongs
        to, or a new run.
        """
        if subject in self.named:
            return
        self.named.add(subject)
        first = self.storms.record_event(subject, event_id, asked, self.context.now).first
        if first == event_id and asked["by"] == DRIFT and self._is_fight(subject, asked):
            return
        if not self._requests_rerun(subject) and not self._runs(subject, first, asked):
            self.storms.begin_anew(subject, event_id, asked, self.context.now)
            self.start(subject, event_id, asked)

    def _is_fight(self, subject: str, asked: JSON) -> bool:
        """Whether others change the subject again and again, each time after Keyward had looked.
        Then it is left as it is, which is told once a day; the audit still sees it."""
        now = self.context.now
        times = self.storms.count(subject, now)
        if times <= MAX_STORMS:
            return False
        self.storms.clear(subject)
        error = ChangedAgainError.__name__
        event = contracts.announcement(
            "CustomerFailed" if self.kind == "customer" else "ApiFailed",
            **{self.member: subject},
            error=error,
            reason=f"others changed it {counted(times, 'time')} within the hour, each time after "
            f"Keyward had looked at it, the last was {asked.get('who', 'somebody')}: it is left as "
            "it is until an hour is over without a change",
            remedy=remedy.after_failure(error, self.kind, subject),
        )
        mark = f"fight#{self.kind}#{subject}"
        outbox.announce_once(self.context, mark, with_cause(event, asked), DAY)
        return True

    def start(self, subject: str, event_id: str, asked: JSON, **more: Any) -> bool:
        """Start a run of its own for the event. False when it was started before."""
        task = {self.member: subject, **more, "asked": asked}
        return self.context.bus.start(self.machine_arn, run_name(subject, event_id), task)

    def _requests_rerun(self, subject: str) -> bool:
        """Ask the run that has the subject to start over. Whether one is alive to do so."""
        leases, name = self.context.registry.leases, f"{self.kind}#{subject}"
        holder = leases.holder(name) if leases.request_rerun(name, self.context.now) else None
        return holder is not None and self.context.bus.is_running(holder.owner)

    def _runs(self, subject: str, first: str, asked: JSON) -> bool:
        """Whether the storm's run was started just now, or has still to look at the subject.

        A run that ended without a look, as somebody stopped it, is of no use.
        """
        return self.start(subject, first, asked) or self.context.bus.runs(
            self.machine_arn, run_name(subject, first)
        )
