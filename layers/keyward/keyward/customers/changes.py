"""The last changes of a customer's plan, status and rotation, and which of them were undone. Pure.

They stand in the record under `recorded.changes`, in the order of time:

    {field, at, set}     the field was changed, to these attributes; of the plans also by one more
                         or one less (plans.py)
    {undo, at, of}       UndoRequested; `of` is the change that it undid

What is in force is worked out from all of them anew, so that it does not depend on the order in
which events arrive. Each change is undone once: the next undo takes back the change before it, or
finds nothing. The first state of a field cannot be undone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from keyward.customers.plans import ADDED, REMOVED, as_record, folded, plans_of
from keyward.customers.rotation import leak_at
from keyward.events.fields import WHAT
from keyward.values import JSON, frozen

FIELDS = ("plan", "status", "rotation")
MAX_ENTRIES = 12


@frozen
class ChangeEntry:
    """A change of a field, or an undo (`name` is None, `what` names a kind of change or nothing).
    `at` is epoch seconds. `values` are the attributes that the change set. `of` is the change that
    the undo took back."""

    at: int
    name: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    what: str | None = None
    of: ChangeEntry | None = None

    def as_json(self) -> JSON:
        """As it stands in the record."""
        if self.name is not None:
            return {"field": self.name, "at": self.at, "set": dict(self.values)}
        return {
            "undo": self.what or "last",
            "at": self.at,
            "of": self.of.as_json() if self.of else None,
        }


@frozen
class InForce:
    """The change of a field that is in force since `at` (epoch seconds); an undo counts. A rotation
    that was undone is no longer in force."""

    values: Mapping[str, Any]
    at: int


def holds(in_force: InForce | None, values: Mapping[str, Any]) -> bool:
    """Whether the values of the change in force are those of the record."""
    if in_force is None:
        return False
    if "rotation" in values:
        standing = in_force.values["rotation"]
        return values["rotation"]["requested_at"] in (standing["requested_at"], leak_at(standing))
    if ADDED not in values and REMOVED not in values:
        return in_force.values == values
    plans = plans_of(as_record(in_force.values))
    return values.get(ADDED, plans[0]) in plans and values.get(REMOVED) not in plans


@frozen
class Changes:
    """All changes, in the order of time; of one second in the order of arrival."""

    entries: tuple[ChangeEntry, ...] = ()

    @classmethod
    def of(cls, items: Iterable[Mapping[str, Any]]) -> Changes:
        """From the record."""
        return cls(tuple(_entry(item) for item in items))

    def as_json(self) -> list[JSON]:
        """For the record."""
        return [entry.as_json() for entry in self.entries]

    def changed(self, name: str, at: int, values: Mapping[str, Any]) -> Changes:
        """Add a change. The same change again adds nothing, nor does a second rotation within one
        second which says no more."""
        same = [e for e in self.entries if name == "rotation" and (e.name, e.at) == (name, at)]
        if same and (not _tells_leak(values) or any(_tells_leak(e.values) for e in same)):
            return self
        return self._with(ChangeEntry(int(at), name, values))

    def undone(self, at: int, what: str | None) -> Changes:
        """Add an undo."""
        return self._with(ChangeEntry(int(at), what=what))

    def knows_undo(self, at: int, what: str | None) -> bool:
        """Whether this undo came before."""
        return any(e.name is None and (e.at, e.what) == (at, what) for e in self.entries)

    @property
    def effective_undos(self) -> frozenset[int]:
        """The times of the undos that found a change."""
        return frozenset(e.at for e in self.entries if e.name is None and e.of)

    def in_force(self) -> dict[str, InForce]:
        """What is in force, by field."""
        found = {}
        undone = _undone(self.entries)
        for name in FIELDS:
            entry = _effective(self.entries, name, undone)
            if entry is not None:
                times = [e.at for e in self.entries if e.of is not None and e.of.name == name]
                values = _values(self.entries, entry, undone)
                if values:
                    found[name] = InForce(values, max([entry.at, *times]))
        return found

    def _with(self, new: ChangeEntry) -> Changes:
        """Keep the newest entries, and the first state of each field, on which the rest builds."""
        others = [entry for entry in self.entries if entry != new and not _same_undo(entry, new)]
        ordered = sorted([*others, new], key=lambda entry: entry.at)
        bound = _bound(tuple(ordered))
        newest = set(range(max(0, len(bound) - MAX_ENTRIES), len(bound)))
        undone = _undone(bound)
        bases = {}
        for name in FIELDS:
            older = [n for n, e in enumerate(bound) if n not in newest and e.name == name]
            for n in [n for n in older if not _is(bound[n], undone)][-1:]:
                bases[n] = replace(bound[n], values=_values(bound[: n + 1], bound[n], undone))
        kept = (bases.get(n, e) for n, e in enumerate(bound) if n in newest or n in bases)
        return Changes(tuple(kept))


def _entry(item: Mapping[str, Any]) -> ChangeEntry:
    if "field" in item:
        return ChangeEntry(int(item["at"]), str(item["field"]), dict(item["set"]))
    of, what = item.get("of"), str(item["undo"])
    meant = _entry(of) if of else None
    return ChangeEntry(int(item["at"]), what=None if what == "last" else what, of=meant)


def _same_undo(one: ChangeEntry, other: ChangeEntry) -> bool:
    return one.name is other.name is None and (one.at, one.what) == (other.at, other.what)


def _bound(entries: tuple[ChangeEntry, ...]) -> tuple[ChangeEntry, ...]:
    """Find the change that each undo means: the newest one in force at that time that can be
    undone. A change too old to be kept counts too."""
    done: list[ChangeEntry] = []
    for entry in entries:
        if entry.name is None:
            found = _meant(tuple(done), entry.what)
            is_bound = entry.of is not None and (found is None or found.at < entry.of.at)
            entry = entry if is_bound else replace(entry, of=found)
        done.append(entry)
    return tuple(done)


def _meant(before: tuple[ChangeEntry, ...], what: str | None) -> ChangeEntry | None:
    undone = _undone(before)
    names = (WHAT[what],) if what else FIELDS
    found = [entry for name in names if (entry := _effective(before, name, undone)) is not None]
    able = [entry for entry in found if _can_be_undone(entry, before, undone)]
    return max(able, key=lambda e: before.index(_taken_back(e, before, undone)[0]), default=None)


def _can_be_undone(
    entry: ChangeEntry, before: tuple[ChangeEntry, ...], undone: tuple[ChangeEntry, ...]
) -> bool:
    if entry.name == "rotation":
        return not _is(entry, undone)
    if entry.name == "status" and entry.values.get("status") != "suspended":
        return False
    mine = [e for e in before if e.name == entry.name and not _is(e, undone)]
    mine = mine[: mine.index(entry) + 1]
    return any(_state(mine[:n]) != _state(mine) for n in range(1, len(mine)))


def _undone(entries: Sequence[ChangeEntry]) -> tuple[ChangeEntry, ...]:
    found: list[ChangeEntry] = []
    for place, entry in enumerate(entries):
        if entry.of is not None:
            found += _taken_back(entry.of, entries[:place], tuple(found))
    return tuple(found)


def _taken_back(
    change: ChangeEntry, before: Sequence[ChangeEntry], undone: tuple[ChangeEntry, ...]
) -> list[ChangeEntry]:
    """The change that an undo means, and those right before it that led to the same state: a
    sender sends again what got no answer."""
    mine = [e for e in before if e.name == change.name and not _is(e, undone)]
    if change.name == "rotation" or change not in mine:
        return [change]
    end = mine.index(change) + 1
    begin = end - 1
    while begin > 1 and _state(mine[:begin]) == _state(mine[:end]):
        begin -= 1
    return mine[begin:end]


def _state(entries: Sequence[ChangeEntry]) -> Any:
    """What the last of some changes of one field led to; the way and the reason do not count."""
    last = entries[-1]
    if last.name == "plan":
        return plans_of(as_record(folded(entry.values for entry in entries)))
    return last.values.get("status")


def _is(entry: ChangeEntry, undone: tuple[ChangeEntry, ...]) -> bool:
    return entry in undone


def _effective(
    entries: tuple[ChangeEntry, ...], name: str, undone: tuple[ChangeEntry, ...]
) -> ChangeEntry | None:
    """The newest change of the field that was not undone. An undone rotation stays, to be taken
    back."""
    mine = [entry for entry in entries if entry.name == name]
    standing = mine if name == "rotation" else [e for e in mine if not _is(e, undone)]
    return standing[-1] if standing else None


def _values(
    entries: tuple[ChangeEntry, ...], entry: ChangeEntry, undone: tuple[ChangeEntry, ...]
) -> Mapping[str, Any]:
    """What the field becomes by `entry`, the last change of it that stands; nothing while its plans
    were only removed."""
    if entry.name == "plan":
        mine = [e.values for e in entries if e.name == "plan" and not _is(e, undone)]
        return folded(mine)
    if entry.name == "rotation":
        return {"rotation": _request(entries, entry, undone)}
    return entry.values


def _request(
    entries: tuple[ChangeEntry, ...], entry: ChangeEntry, undone: tuple[ChangeEntry, ...]
) -> JSON:
    """The newest request; a leak that another one told stays told, whenever it arrived."""
    mine = [e for e in entries if e.name == "rotation" and not _is(e, undone)]
    leaks = [at for e in mine if (at := leak_at(e.values["rotation"])) is not None]
    request = dict(entry.values["rotation"]) | ({"undone": True} if _is(entry, undone) else {})
    is_newest = not leaks or leak_at(request) == max(leaks)
    return request if is_newest else request | {"leaked_at": max(leaks)}


def _tells_leak(values: Mapping[str, Any]) -> bool:
    return leak_at(values["rotation"]) is not None
