"""An audit in parts, for the state machine: what is to be read is cut into parts, a part is read in
rounds, and between rounds the machine waits, so that the account's calls are left to others.

Documents of an audit (registry/audits.py): `begun`, `plans`, `part-0001` (what is to be read),
`part-0001-00` (what came of its first piece), `findings`, `repairs`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from keyward.audit.adopt import Adoption, Sources, sources_of
from keyward.audit.conclude import counts_of
from keyward.audit.read import AuditReader, works_of
from keyward.aws.bucket import Audits
from keyward.aws.gateway import Gateway, GatewayPlan
from keyward.errors import InvalidInputError, KeywardError, PassingError
from keyward.events import contracts

JSON = dict[str, Any]

WORKS_A_PART = 20
OBJECT = re.compile(r"adopt/[A-Za-z0-9_.-]{1,100}")
# The account has 10 calls a second for everybody, in a bucket of 40 (limits.html).
CALLS_A_ROUND = 20
CALLS_A_SECOND = 2
MOST_TRIES = 5
PAUSE_SECONDS = 20
# Runs that are started at once; each of them calls API Gateway as well.
STARTS_A_BATCH = 10
STARTS_A_SECOND = 1
# Customers whose keys are adopted at once: some requests of DynamoDB each.
ADOPTIONS_A_BATCH = 200


def begin(audit: str, gateway: Gateway, audits: Audits, now: float) -> list[int]:
    """Read which APIs and plans there are, and cut the audit into parts: their numbers. `now` is
    epoch seconds."""
    plans = gateway.plans()
    works = works_of(gateway.apis(), plans)
    audits.save(audit, "begun", {"at": now})
    audits.save(audit, "plans", [plan.as_json() for plan in plans])
    starts = range(0, len(works), WORKS_A_PART)
    for number, start in enumerate(starts, 1):
        audits.save(audit, _part(number), works[start : start + WORKS_A_PART])
    return list(range(1, len(starts) + 1))


@dataclass(frozen=True)
class Round:
    """Where a part is to go on (the place of the `next` piece), how often that piece was tried, how
    long to wait before, and whether the part is done."""

    next: int
    tries: int
    wait_seconds: int = 0
    done: bool = False

    def as_json(self) -> JSON:
        """For the state of the state machine."""
        return asdict(self)


def read_round(
    audit: str,
    number: int,
    begin: Round,
    last: bool,
    audits: Audits,
    reader: Callable[[Sequence[GatewayPlan]], AuditReader],
) -> Round:
    """Read pieces of a part, from where the round begins, until its calls are used up. What API
    Gateway refuses for the moment is tried again after a pause, at most five times, then told. The
    `last` part leaves nothing to wait for."""
    works = audits.load(audit, _part(number))
    reading = reader(plans_of(audit, audits))
    calls = 0
    for place in range(begin.next, len(works)):
        if calls >= CALLS_A_ROUND:
            return Round(place, 0, _pace(calls))
        try:
            piece = reading.read(works[place])
        except KeywardError as error:
            again = begin.tries + 1 if place == begin.next else 1
            if isinstance(error, PassingError) and again < MOST_TRIES:
                return Round(place, again, PAUSE_SECONDS)
            piece = reading.not_read(works[place], error)
        audits.save(audit, _piece(number, place), piece.told)
        calls += piece.calls
    return Round(len(works), 0, 0 if last else _pace(calls), True)


def plans_of(audit: str, audits: Audits) -> list[GatewayPlan]:
    """The usage plans as they were when the audit began."""
    return [GatewayPlan.of(item) for item in audits.load(audit, "plans")]


def begun_at(audit: str, audits: Audits) -> float:
    """When the audit began to read (epoch seconds)."""
    return float(audits.load(audit, "begun")["at"])


def pieces(audit: str, numbers: Sequence[int], audits: Audits) -> Iterator[JSON]:
    """What came of every piece of work; a finding for one whose function broke down."""
    for number in numbers:
        for place, work in enumerate(audits.load(audit, _part(number))):
            yield audits.load(audit, _piece(number, place)) or _missing(work)


def sources_for(task: JSON, audits: Callable[[], Audits]) -> Sources | None:
    """Who keys belong to, by the input of an audit that adopts: `customers` (a map, or CSV text),
    or `customers_object`, a CSV object in the bucket of reports. None for an audit that does not
    adopt. Raises InvalidInputError."""
    if not contracts.flag_of(task, "adopt"):
        return None
    name = contracts.optional_of(task, "customers_object", OBJECT)
    text = audits().csv(name) if name else None
    if name and text is None:
        remedy = "Put the CSV there, into the bucket of reports"
        raise InvalidInputError("customers_object", f"there is no object {name}", remedy)
    return sources_of(task, text)


def keep_sources(audit: str, sources: Sources | None, audits: Audits) -> None:
    """Keep who keys belong to, for an audit that adopts; None for one that does not."""
    if sources:
        audits.save(audit, "sources", asdict(sources))


def kept_sources(audit: str, audits: Audits) -> Sources | None:
    """What `keep_sources` kept."""
    kept = audits.load(audit, "sources")
    return Sources(**kept) if kept else None


def keep(
    audit: str,
    repairs: Sequence[JSON],
    adoptions: Sequence[Adoption],
    told: JSON,
    audits: Audits,
) -> JSON:
    """Keep what was found, what is to be started and what is to be adopted. `{batches, adoptions,
    summary}`: the numbers of the batches of both, and how much was found."""
    audits.save(audit, "findings", told)
    audits.save(audit, "repairs", list(repairs))
    audits.save(audit, "adoptions", [adoption.as_json() for adoption in adoptions])
    return _conclusion(repairs, len(adoptions), told)


def kept(audit: str, audits: Audits) -> JSON:
    """What `keep` answered. Raises InvalidInputError when there was no such audit."""
    told, repairs = audits.load(audit, "findings"), audits.load(audit, "repairs")
    adoptions = audits.load(audit, "adoptions")
    if told is None or repairs is None or adoptions is None:
        problem = f"there is no finished audit {audit}"
        raise InvalidInputError("repairs", problem, 'Start an audit with {"repair": true}')
    return _conclusion(repairs, len(adoptions), told)


def adoptions_of(audit: str, number: int, audits: Audits) -> list[Adoption]:
    """The adoptions of a batch."""
    start = (number - 1) * ADOPTIONS_A_BATCH
    batch = audits.load(audit, "adoptions")[start : start + ADOPTIONS_A_BATCH]
    return [Adoption.of(told) for told in batch]


def batch_of(audit: str, number: int, audits: Audits) -> tuple[list[JSON], int]:
    """The repairs of a batch, and how many seconds to wait before the next one; 0 after the
    last."""
    repairs = audits.load(audit, "repairs")
    start = (number - 1) * STARTS_A_BATCH
    batch = repairs[start : start + STARTS_A_BATCH]
    last = start + STARTS_A_BATCH >= len(repairs)
    return batch, 0 if last else math.ceil(len(batch) / STARTS_A_SECOND)


def _conclusion(repairs: Sequence[JSON], adoptions: int, told: JSON) -> JSON:
    """Numbers only, whatever the size of the account."""
    found = told["findings"]
    summary = {name: told[name] for name in ("apis", "customers", "keys")} | {
        "exempt": len(told["exempt"]),
        "findings": counts_of(found),
        "high": sum(finding["severity"] == "high" for finding in found),
    }
    batches = range(1, math.ceil(len(repairs) / STARTS_A_BATCH) + 1)
    adopted = range(1, math.ceil(adoptions / ADOPTIONS_A_BATCH) + 1)
    return {"batches": list(batches), "adoptions": list(adopted), "summary": summary}


def _pace(calls: int) -> int:
    return math.ceil(calls / CALLS_A_SECOND)


def _part(number: int) -> str:
    return f"part-{number:04d}"


def _piece(number: int, place: int) -> str:
    return f"{_part(number)}-{place:02d}"


def _missing(work: JSON) -> JSON:
    about = {"rest_api_id": work["api"]["id"]} if work["kind"] == "api" else {}
    says = "the audit broke down here; its log says why"
    finding = {"kind": "unreadable", "severity": "high", "says": says} | about
    return {"kind": work["kind"], "unread": [finding]}
