"""Calls of API Gateway's control plane by job, against the budgets (DESIGN.md, section 7)."""

from __future__ import annotations

from dataclasses import dataclass

from local.account import Account
from local.demo.story import Story

READ = "Get"


@dataclass(frozen=True)
class Job:
    """What a job called, and how much it may: None where there is no bound."""

    name: str
    reads: int
    writes: int
    most_reads: int | None
    most_writes: int | None

    @property
    def within(self) -> bool:
        """Whether neither bound is passed."""
        reads_fit = self.most_reads is None or self.reads <= self.most_reads
        return reads_fit and (self.most_writes is None or self.writes <= self.most_writes)


class Budgets:
    """Counts the calls of Keyward's functions (the ledger knows their roles) since the last job."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._seen = 0
        self.jobs: list[Job] = []

    def skip(self) -> None:
        """Leave out what was called until now."""
        self._seen = len(self._account.calls())

    def close(self, name: str, *, reads: int | None = None, writes: int | None = None) -> Job:
        """Book what was called since the last job on this one, with its budget."""
        calls = self._account.calls()
        own = [call["operation"] for call in calls[self._seen :] if call["caller"]]
        read = sum(operation.startswith(READ) for operation in own)
        self._seen = len(calls)
        self.jobs.append(Job(name, read, len(own) - read, reads, writes))
        return self.jobs[-1]

    def show(self, story: Story) -> None:
        """The table; a job over its budget fails the check."""
        head = ("job", "reads", "budget", "writes", "budget", "")
        rows = [head, *(_row(job) for job in self.jobs)]
        story.table("API Gateway control-plane calls (the account has 10 a second)", rows)
        print()
        over = [job.name for job in self.jobs if not job.within]
        story.check("jobs over their budget", ", ".join(over) or "none", "none")


def _row(job: Job) -> tuple[str, ...]:
    return (
        job.name,
        str(job.reads),
        _bound(job.most_reads),
        str(job.writes),
        _bound(job.most_writes),
        "ok" if job.within else "OVER",
    )


def _bound(most: int | None) -> str:
    return "-" if most is None else f"{most}" if most == 0 else f"≤ {most}"
