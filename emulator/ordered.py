"""A mapping that is also read in order from any place on, as the pages of a list are.

The order is kept while members come and go, so that a page costs what it shows, however many
members there are.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import UserDict
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, TypeVar

Key = TypeVar("Key")
Member = TypeVar("Member")
Rank = tuple[str, ...]


class Ordered(UserDict[Key, Member]):
    """A dict whose members have ranks; no two members have the same one.

    Put a member in again when a change of it has changed its rank.
    """

    def __init__(self, rank: Callable[[Key, Member], Rank]) -> None:
        self._rank = rank
        self._ranks: dict[Key, Rank] = {}
        self._sorted: list[tuple[Rank, Key]] = []
        super().__init__()

    def __setitem__(self, key: Key, member: Member) -> None:
        rank = self._rank(key, member)
        if self._ranks.get(key) != rank:
            self._forget(key)
            self._ranks[key] = rank
            insort(self._sorted, (rank, key), key=_rank_of)
        super().__setitem__(key, member)

    def __delitem__(self, key: Key) -> None:
        super().__delitem__(key)
        self._forget(key)

    def _forget(self, key: Key) -> None:
        rank = self._ranks.pop(key, None)
        if rank is not None:
            del self._sorted[bisect_left(self._sorted, rank, key=_rank_of)]

    def newest(self) -> list[Member]:
        """The member that was put in last, if there is any."""
        return list(islice(reversed(self.data.values()), 1))

    def after(self, rank: Rank) -> Iterator[tuple[Key, Member]]:
        """The members that rank above `rank`, in order."""
        start = bisect_right(self._sorted, rank, key=_rank_of)
        return ((key, self[key]) for _, key in islice(self._sorted, start, None))


def _rank_of(entry: tuple[Rank, Any]) -> Rank:
    return entry[0]
