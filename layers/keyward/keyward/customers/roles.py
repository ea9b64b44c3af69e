"""Tell which keys of a customer stay, which are too many, and which come after others. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keyward.customers.key import KeyRecord
from keyward.values import frozen


@frozen
class Roles:
    """The keys of a customer by role. `current` keys stay, `surplus` keys are too many.
    `successors` are under way, by the number of the key that they replace; `orphaned_successors`
    replace a key that is gone, `unneeded_successors` are for nobody. So many keys are `missing`."""

    current: Sequence[KeyRecord]
    surplus: Sequence[KeyRecord]
    successors: Mapping[int, KeyRecord]
    orphaned_successors: Sequence[KeyRecord]
    unneeded_successors: Sequence[KeyRecord]
    missing: int

    @classmethod
    def of(cls, keys: Sequence[KeyRecord], wanted: int) -> Roles:
        """Decide for a customer who is to have so many keys. A successor goes with the key that it
        was for."""
        current = [
            key for key in keys if key.end.replaced_by is None and key.succession.replaces is None
        ]
        successors = {
            key.succession.replaces: key for key in keys if key.succession.replaces is not None
        }
        # A key whose successor is under way goes first, so that its rotation ends.
        current.sort(key=lambda key: (key.number not in successors, *_precedence(key)))
        old = {key.number for key in current}
        orphaned = [key for number, key in successors.items() if number not in old]
        room = wanted - len(orphaned)
        stay, surplus = current[: max(0, room)], current[max(0, room) :]
        unneeded = [successors[key.number] for key in surplus if key.number in successors]
        return cls(
            stay,
            surplus,
            successors,
            orphaned[:wanted],
            [*unneeded, *orphaned[wanted:]],
            max(0, room - len(stay)),
        )


def _precedence(key: KeyRecord) -> tuple[bool, bool, int]:
    """Of too many keys, those stay that the customer was told of."""
    return key.end.retire_at is not None, not key.is_issued, key.number
