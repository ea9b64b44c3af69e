"""Has one run look at each API or customer of which events were heard, however many there were."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from keyward.aws.tables.storm_items import StormItems
from keyward.runs.context import Context
from keyward.values import JSON, run_name


@dataclass(frozen=True)
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

        It is the run at work, which starts over, or the run of the storm that the event belongs to,
        or a new one.
        """
        if subject in self.named:
            return
        first = self.storms.record_event(subject, event_id, asked, self.context.now).first
        if not self._requests_rerun(subject) and not self._runs(subject, first, asked):
            self.storms.begin_anew(subject, event_id, asked, self.context.now)
            self.start(subject, event_id, asked)
        self.named.add(subject)

    def start(self, subject: str, event_id: str, asked: JSON, **more: Any) -> bool:
        """Start a run of its own for the event. False when it was started before."""
        task = {self.member: subject, **more, "asked": asked}
        return self.context.bus.start(self.machine_arn, run_name(subject, event_id), task)

    def _requests_rerun(self, subject: str) -> bool:
        """Ask the run that has the subject to start over; whether one is alive to do so."""
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
