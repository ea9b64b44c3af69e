"""Go through a list of work in the bucket. What is done is kept, so that whoever goes on does
nothing twice: the next round, a retry, another Lambda environment.

Documents of a list `reading`: `reading` (the items), `reading-progress`, `reading-00007` (what came
of an item).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, field, replace

from keyward.audit.pace import Pace
from keyward.aws.bucket import Audits
from keyward.errors import KeywardError, PassingError
from keyward.values import JSON, frozen

PAUSE_SECONDS = 20


@frozen
class WorkResult:
    """The outcome of an item: a document to keep, what it cost, and what to count."""

    document: JSON | None = None
    cost: float = 1
    counts: Mapping[str, int] = field(default_factory=dict)


@frozen
class Progress:
    """How far a list is. `next` is the place of the next item; `tries` and `deaths` are how often
    it was tried and a process died over it. `running`: a round is under way. `counts` are sums."""

    next: int = 0
    tries: int = 0
    deaths: int = 0
    running: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)

    def after(self, result: WorkResult) -> Progress:
        """The place of the next item."""
        names = {*self.counts, *result.counts}
        sums = {name: self.counts.get(name, 0) + result.counts.get(name, 0) for name in names}
        return Progress(self.next + 1, running=True, counts=sums)


@frozen
class Round:
    """The end of a round: whether items are left (`unfinished`), how long to wait before the next
    round, and the sums of all counts so far."""

    unfinished: bool
    wait_seconds: int
    counts: Mapping[str, int]

    def as_json(self) -> JSON:
        """For the state of the state machine."""
        return {"unfinished": self.unfinished, "wait_seconds": self.wait_seconds}


class BrokeDownError(KeywardError):
    """The process died over an item: out of time or memory."""

    def __init__(self) -> None:
        super().__init__("the function broke down here; its log says why")


@frozen
class Worker:
    """Does items with `do`; `failed` makes the result of an item that cannot be done. So a bad item
    is one result, and never the end of the list."""

    do: Callable[[JSON], WorkResult]
    failed: Callable[[JSON, Exception], WorkResult]


@frozen
class WorkList:
    """The list `name` of an audit."""

    documents: Audits
    audit: str
    name: str

    def begin(self, items: Sequence[JSON]) -> None:
        """Write the items down, before anything is done."""
        self._save_progress(Progress())
        self.documents.save(self.audit, self.name, list(items))

    @property
    def begun(self) -> bool:
        """Whether there are items, done or not."""
        return self.documents.load(self.audit, self.name) is not None

    def go_on(self, worker: Worker, pace: Pace) -> Round:
        """Do items while the pace has turns for them. An item that raises a PassingError is tried
        again after a pause; at last, as with any other error, it has failed. Raises what the
        bucket raises: the next round goes on from there."""
        items, progress = self.items(), self._progress()
        if progress.running:
            progress = self._after_death(progress, items, worker, pace)
        left, wait = 0.0, 0
        while progress.next < len(items):
            if left <= 0:
                turn = min(pace.cost, len(items) - progress.next)
                wait = pace.wait(turn)
                if wait:
                    break
                left += turn
            progress = replace(progress, running=True)
            self._save_progress(progress)
            item = items[progress.next]
            try:
                result = worker.do(item)
                json.dumps(result.document)  # what is no JSON has failed here, not in the bucket
            except Exception as error:  # noqa: BLE001 - whatever it is, the next item is another one
                if isinstance(error, PassingError) and progress.tries + 1 < pace.tries:
                    progress, wait = replace(progress, tries=progress.tries + 1), PAUSE_SECONDS
                    break
                result = worker.failed(item, error)
            progress = self._done(progress, result)
            left -= result.cost
        pace.settle(left)
        self._save_progress(replace(progress, running=False))
        return Round(progress.next < len(items), wait, progress.counts)

    def items(self) -> list[JSON]:
        """The items, in the order in which they are done."""
        return list(self.documents.load(self.audit, self.name))

    def results(self) -> Iterator[JSON]:
        """The outcomes of the items done so far, in their order."""
        for place in range(self._progress().next):
            yield self.documents.load(self.audit, self._result(place))

    def _progress(self) -> Progress:
        return Progress(**self.documents.load(self.audit, f"{self.name}-progress"))

    def _after_death(
        self, progress: Progress, items: Sequence[JSON], worker: Worker, pace: Pace
    ) -> Progress:
        """Nobody ended the last round: its process died over the next item, or just after it."""
        if self.documents.load(self.audit, self._result(progress.next)) is not None:
            return progress.after(WorkResult())
        if progress.deaths + 1 < pace.deaths:
            return replace(progress, deaths=progress.deaths + 1)
        return self._done(progress, worker.failed(items[progress.next], BrokeDownError()))

    def _done(self, progress: Progress, result: WorkResult) -> Progress:
        if result.document is not None:
            self.documents.save(self.audit, self._result(progress.next), result.document)
        return progress.after(result)

    def _save_progress(self, progress: Progress) -> None:
        self.documents.save(self.audit, f"{self.name}-progress", asdict(progress))

    def _result(self, place: int) -> str:
        return f"{self.name}-{place:05d}"
