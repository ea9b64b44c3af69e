"""Find the customer of a key that Keyward did not make: by a table, a tag or customerId. Pure.

No error quotes a cell: people put the value of a key where its id belongs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

from keyward.audit.model import Finding
from keyward.aws.gateway import GatewayKey
from keyward.customers.key import KeyRecord
from keyward.errors import InvalidInputError
from keyward.events.fields import CUSTOMER_ID, KEY_ID, letters_of, redacted
from keyward.events.key_value import refuse_values
from keyward.events.spreadsheet import rows_of
from keyward.values import frozen, some_of

TAG = "customer_id"
UNUSED_ROWS = "adoption_row_unused"
# How people head the two columns, by letters and digits alone.
KEY_HEADINGS = ("keyid", "apikeyid", "id", "key", "apikey")
CUSTOMER_HEADINGS = ("customerid", "customer", "client", "clientid", "tenant", "tenantid", "owner")
TWO_COLUMNS = "Write the columns key_id and customer_id"
NOBODY = "Map its id in `customers`, or give the key the tag {tag}"
UNFIT = (
    "The key's {source} cannot be a customer's id, which has 1 to 128 of A-Z a-z 0-9 and "
    "_ . + - @ | : = , and begins with a letter or digit. Map the key's id in `customers`"
)


@frozen
class OwnerLookup:
    """Find a key's customer by the table, else by the key's tag, else by its customerId.

    `customers` is the table by key id, `rows` has the number of the row of each key id.
    """

    tag: str = TAG
    customers: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)

    def owner_of(self, key: GatewayKey) -> str | None:
        """The customer's id; None when nothing names a valid one."""
        _, named = self._named(key)
        return named if named and CUSTOMER_ID.fullmatch(named) else None

    def why_nobody(self, key: GatewayKey) -> str:
        """What a person has to do when `owner_of` finds nobody."""
        source, named = self._named(key)
        return (UNFIT if named else NOBODY).format(tag=self.tag, source=source)

    def _named(self, key: GatewayKey) -> tuple[str, str | None]:
        """The source that names the customer, and the name; `("", None)` without one."""
        sources = {
            "row": self.customers.get(key.key_id),
            f"tag {self.tag}": key.tags.get(self.tag),
            "customerId": key.customer_id,
        }
        return next(((n, name) for n, name in sources.items() if name), ("", None))

    def unused_rows(
        self, keys: Mapping[str, GatewayKey], others: Iterable[str], recorded: Iterable[KeyRecord]
    ) -> list[Finding]:
        """One finding for all rows whose key is not in the account, or is somebody else's already.
        `keys` are the account's by id, `others` the ids of another stack's keys."""
        owners, foreign = {key.key_id: key.customer_id for key in recorded}, {*others}
        unused = []
        for key_id, customer_id in self.customers.items():
            row, owner = self.rows.get(key_id), owners.get(key_id, customer_id)
            if owner != customer_id:
                unused.append(f"row {row} (key {key_id} is already {owner}'s)")
            elif key_id in foreign:
                unused.append(f"row {row} (key {key_id} is another stack's)")
            elif key_id not in keys:
                unused.append(f"row {row} (there is no key {key_id})")
        if not unused:
            return []
        says = f"rows of `customers` are not used: {some_of(unused)}"
        helps = "Correct or remove these rows"
        return [Finding(UNUSED_ROWS, "low", says, remedy=helps)]


def parse_owners(task: Mapping[str, Any], text: str | None = None) -> OwnerLookup:
    """Read the members `adopt_tag` and `customers` (a map, or CSV text) of an input; CSV `text`
    takes the place of `customers`. Raises InvalidInputError, which quotes no cell."""
    tag = task.get("adopt_tag") or TAG
    if not isinstance(tag, str) or len(tag) > 128:
        raise InvalidInputError("adopt_tag", "must have 1 to 128 characters", "Correct it")
    given = text if text is not None else task.get("customers") or {}
    if not isinstance(given, str | dict):
        remedy = "Write {key id: customer id}, or lines of `key id,customer id`"
        raise InvalidInputError("customers", f"must be a map or CSV, got {redacted(given)}", remedy)
    rows = _rows(given) if isinstance(given, str) else enumerate(given.items(), 1)
    customers: dict[str, str] = {}
    numbers: dict[str, int] = {}
    for number, row in rows:
        key_id, customer_id = _checked(number, row)
        first = numbers.setdefault(key_id, number)
        if first != number:
            problem = f"row {number} must name another key than row {first}"
            raise _refused(problem, "Remove one of the two rows")
        customers[key_id] = customer_id
    return OwnerLookup(tag, customers, numbers)


def _rows(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Number the rows of CSV text as an editor does, and leave out the heading. A heading says
    which column is which, and which columns are not ours."""
    order: Sequence[int] | None = None
    for place, row in enumerate(rows_of(text)):
        if row.problem:
            raise _refused(f"row {row.number} cannot be read", str(row.problem))
        if place == 0 and (order := _heading(row.number, row.cells)):
            continue
        cells = row.cells
        if order:
            cells = tuple(cells[n] if n < len(cells) else "" for n in order)
        while len(cells) > 2 and not cells[-1]:
            cells = cells[:-1]
        yield row.number, cells


def _heading(number: int, cells: Sequence[str]) -> Sequence[int] | None:
    """Find the two columns that hold the key id and the customer id. None for a row that names
    neither. Raises InvalidInputError for a heading that names only one of the two."""
    names = [letters_of(cell) for cell in cells]
    found = [
        [place for place, name in enumerate(names) if name in known]
        for known in (KEY_HEADINGS, CUSTOMER_HEADINGS)
    ]
    if not any(found):
        return None
    if not all(found):
        raise _refused(f"row {number} must name both columns", TWO_COLUMNS)
    return [places[0] for places in found]


def _checked(number: int, row: tuple[Any, ...]) -> tuple[str, str]:
    if len(row) != 2:
        raise _refused(f"row {number} must have 2 columns, got {len(row)}", TWO_COLUMNS)
    key_id, customer_id = row
    if not KEY_ID.fullmatch(key_id):
        remedy = "Give the id, 10 letters and digits, never the value"
        raise _refused(f"row {number} must begin with a key's id, got {redacted(key_id)}", remedy)
    if not isinstance(customer_id, str) or not CUSTOMER_ID.fullmatch(customer_id):
        problem = f"row {number} must name a customer, got {redacted(customer_id)}"
        raise _refused(problem, f"Write an id that matches {CUSTOMER_ID.pattern}")
    refuse_values(customer_id, f"customers, row {number}", InvalidInputError)
    return key_id, customer_id


def _refused(problem: str, remedy: str) -> InvalidInputError:
    return InvalidInputError("customers", re.sub(r"\s+", " ", problem), remedy)
