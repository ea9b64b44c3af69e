"""The policy in force, in the Plans table: what every function reads, and what waits beside it.

The item `#policy` holds a compressed document and `revision`, which each write raises. A document
larger than an item may be (400 KB, DynamoDB quotas) goes on in items `#policy#<revision>#<n>`,
which are written before it and never change. `#policy-answer` is a person's answer to the hold.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from keyward.aws.client import Table
from keyward.aws.parameter import Wanted
from keyward.errors import ConditionNotMetError, ServiceUnavailableError
from keyward.policy.change_set import Line, fingerprint
from keyward.policy.model import Policy
from keyward.policy.parse import default_text, policy_of
from keyward.values import JSON, frozen, stated

FRESH_SECONDS = 5
MAX_BYTES = 300_000
NAME, ANSWER = "#policy", "#policy-answer"
PENDING = "pending"


@frozen
class Hold:
    """Lines that wait for a person since a time (epoch seconds), and the person's `decision`.
    `asked` is who made the edit, whichever run announces it."""

    lines: tuple[Line, ...]
    since: int
    decision: str = PENDING
    asked: JSON | None = None

    @property
    def fingerprint(self) -> str:
        """What an answer names."""
        return fingerprint(self.lines)

    def as_json(self) -> JSON:
        """For the table."""
        lines = [line.as_json() for line in self.lines]
        item = {"lines": lines, "since": self.since, "decision": self.decision}
        return stated(item | {"asked": self.asked})

    @classmethod
    def of(cls, document: JSON | None) -> Hold | None:
        """From `as_json`."""
        if document is None:
            return None
        lines = tuple(Line.of(line) for line in document["lines"])
        since, asked = int(document["since"]), document.get("asked")
        return cls(lines, since, document["decision"], asked)


@frozen
class InForce:
    """What stands in the table. `body` is the policy in force; `version` that of the parameter by
    which it was settled, 0 for the shipped default; `refused` says why a newer version is not
    usable. `is_found`: usage plans were there before the item, so an edit is compared with them.
    `pending` are lines of edits that some usage plan still lacks; `applied` are lines that no plan
    lacks, and that are to be announced. `revision` is the table's."""

    body: JSON
    version: int = 0
    refused: str | None = None
    hold: Hold | None = None
    is_found: bool = False
    pending: tuple[JSON, ...] = ()
    applied: tuple[JSON, ...] = ()
    revision: int = 0

    def as_json(self) -> JSON:
        """For the table."""
        document = {"policy": self.body, "version": self.version, "refused": self.refused}
        document |= {"hold": self.hold.as_json() if self.hold else None}
        document |= {"is_found": self.is_found, "pending": self.pending, "applied": self.applied}
        return stated(document)

    @classmethod
    def of(cls, document: JSON, revision: int) -> InForce:
        """From `as_json`."""
        return cls(
            document["policy"],
            int(document["version"]),
            document.get("refused"),
            Hold.of(document.get("hold")),
            bool(document["is_found"]),
            tuple(document["pending"]),
            tuple(document["applied"]),
            revision,
        )


@frozen
class Current:
    """The policy in force; `refused` says why a newer version is not, `version` which one that
    is."""

    policy: Policy
    version: int
    refused: str | None = None


@dataclass
class _Kept:
    mark: tuple[int, str] | None = None
    read_at: float = float("-inf")
    current: Current | None = None


@frozen
class Policies:
    """Reads the policy in force, at most once in 5 s, so that a change holds within 10 s. Where the
    table has none, what `first` gives is in force from now on."""

    table: Any
    read: Callable[[], Wanted]
    _kept: _Kept = field(default_factory=_Kept)

    def current(self, now: float) -> Current:
        """The policy in force at `now` (epoch seconds). Raises ServiceUnavailableError when the
        table does not answer and nothing was read before."""
        kept = self._kept
        if kept.current is not None and now - kept.read_at < FRESH_SECONDS:
            return kept.current
        try:
            kept.current = self._refreshed()
        except ServiceUnavailableError:
            # The last good policy holds.
            if kept.current is None:
                raise
        kept.read_at = now
        return kept.current

    def load(self) -> InForce:
        """What stands in the table now; the first reader puts it there."""
        item = self._item(NAME)
        if item is None:
            self.save(self._first())
            return self.load()
        return self._document(item)

    def is_next_with(self, plans: Iterable[str]) -> bool:
        """Whether a policy that its owner wants, and that is not in force yet, names the plans."""
        version, wanted = self.load().version, self.read()
        names = wanted.body["usage_plans"] if wanted.body else ()
        return wanted.version != version and {*plans} <= {*names}

    def save(self, in_force: InForce) -> InForce:
        """Write it, if nobody wrote since it was read: as it stands then. Raises
        ConditionNotMetError when somebody did; of two first ones the earlier stays, silently."""
        table, revision = Table(self.table), in_force.revision + 1
        text = json.dumps(in_force.as_json(), separators=(",", ":")).encode()
        packed = b64encode(zlib.compress(text, 9)).decode()
        first, *rest = [packed[i : i + MAX_BYTES] for i in range(0, len(packed), MAX_BYTES)]
        for number, part in enumerate(rest):
            table.put_item(Item={"plan": _part(revision, number), "body": part})
        item: JSON = {"plan": NAME, "body": first, "revision": revision, "parts": len(rest)}
        try:
            table.put_item(Item=item, **_unchanged(in_force.revision))
        except ConditionNotMetError:
            if in_force.revision:
                raise
        self._kept.read_at = float("-inf")
        return InForce.of(json.loads(text), revision)

    def forget_parts(self, revision: int) -> None:
        """Delete the parts of an earlier revision, which nobody reads any more. Idempotent."""
        table, number = Table(self.table), 0
        while self._item(_part(revision, number)) is not None:
            table.delete_item(Key={"plan": _part(revision, number)})
            number += 1

    def answer(self, mark: str, decision: str, requester: JSON, now: float) -> None:
        """Note a person's answer to the hold that `mark` names, for whichever run comes next."""
        item = {"plan": ANSWER, "mark": mark, "decision": decision, "asked": requester}
        Table(self.table).put_item(Item=item | {"at": int(now)})

    def answered(self) -> JSON | None:
        """The last answer: `{mark, decision, asked, at}`."""
        return self._item(ANSWER)

    def _first(self) -> InForce:
        wanted = self.read()
        body = wanted.body or json.loads(default_text())
        is_found = any(self._item(name) for name in body["usage_plans"])
        return InForce(body, wanted.version, wanted.refused, is_found=is_found)

    def _refreshed(self) -> Current:
        item = self._item(NAME)
        mark = (int(item["revision"]), str(item["body"])) if item else None
        if self._kept.current and mark and mark == self._kept.mark:
            return self._kept.current
        found = self._document(item) if item else self.load()
        self._kept.mark = mark
        return Current(policy_of(found.body), found.version, found.refused)

    def _document(self, item: Mapping[str, Any]) -> InForce:
        revision, packed = int(item["revision"]), str(item["body"])
        for number in range(int(item["parts"])):
            part = self._item(_part(revision, number))
            if part is None:
                raise ServiceUnavailableError("the policy in force was written while it was read")
            packed += str(part["body"])
        return InForce.of(json.loads(zlib.decompress(b64decode(packed))), revision)

    def _item(self, name: str) -> JSON | None:
        item: JSON | None = (
            Table(self.table).get_item(Key={"plan": name}, ConsistentRead=True).get("Item")
        )
        return item


def _part(revision: int, number: int) -> str:
    return f"{NAME}#{revision}#{number}"


def _unchanged(revision: int) -> JSON:
    if not revision:
        return {"ConditionExpression": "attribute_not_exists(revision)"}
    return {
        "ConditionExpression": "revision = :revision",
        "ExpressionAttributeValues": {":revision": revision},
    }
