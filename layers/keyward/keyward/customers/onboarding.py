"""Turn the rows of an onboarding file into sign-ups, and compare them with the records. Pure.

Columns are `customer_id`, the members of CustomerSignedUp, and `tag:NAME` for each tag. An empty
cell says nothing, as a member that an event leaves out does. Several `plans` stand in one cell.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from keyward.customers.plans import PLAN, PLANS, one_field
from keyward.errors import InvalidEventError, InvalidInputError
from keyward.events.contracts import CustomerEvent
from keyward.events.fields import letters_of, nearest_hint, redacted
from keyward.events.incoming import CUSTOMER_EVENTS, members
from keyward.events.key_value import holds_value
from keyward.events.spreadsheet import Row, check_cell, rows_of, text_of
from keyward.values import JSON, counted, frozen, some_of

SIGN_UP = "CustomerSignedUp"
# When a row happened is when its file was put.
MEMBERS = {name: member for name, member in members(SIGN_UP).items() if name != "occurred_at"}
TAG = "tag:"
BETWEEN_PLANS = "|"
KEYS = "keys"
# Python reads no number of thousands of digits.
MAX_DIGITS = 10
COLUMNS = (*(name for name in MEMBERS if name != "tags"), f"{TAG}NAME")
REQUIRED = tuple(name for name, member in MEMBERS.items() if member.required)
# A header that people meant as one; anything else is not quoted, for it may be a key value.
HEADER = re.compile(r"[^\W\d][\w .:/-]{0,31}")
WORD = re.compile(r"[A-Za-z0-9]{20,}")
# API Gateway's own values have 40 letters and digits; a long name or id lacks one of the kinds.
LIKE_A_VALUE = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9]).{40,}")
# Twice the keys that an account can have (API Gateway, "Amazon API Gateway quotas").
MAX_ROWS = 20_000
PUT_AGAIN = "Correct it and put the file again"


@frozen
class SignUp:
    """A row to record: its number, its customer, and the fields of its event."""

    number: int
    customer_id: str
    fields: Mapping[str, Any]


@frozen
class Refused:
    """A row that is wrong. `error` names the column and the remedy, and quotes no cell."""

    number: int
    error: InvalidInputError
    customer_id: str | None = None

    def as_json(self) -> JSON:
        """For the result of the file."""
        found = {"row": self.number, "column": self.error.field, "customer_id": self.customer_id}
        return {n: v for n, v in found.items() if v is not None} | {"error": str(self.error)}


@frozen
class File:
    """An onboarding file: `key` is the object's, `put_at` when it was put (epoch seconds)."""

    key: str
    put_at: int
    rows: tuple[SignUp | Refused, ...]

    @classmethod
    def of(cls, key: str, put_at: int, content: bytes, plans: Collection[str]) -> File:
        """Read a file. `plans` are the policy's. Raises InvalidEventError when its first row does
        not name the columns."""
        rows = rows_of(text_of(content))
        columns = _columns(next(rows, None))
        below = tuple(_Reader(columns, plans).all(islice(rows, MAX_ROWS + 1)))
        if len(below) > MAX_ROWS:
            raise InvalidEventError("file", f"must have at most {MAX_ROWS} rows", "Split it")
        return cls(key, put_at, below)

    @property
    def source(self) -> str:
        """Name the file as the ledger's requester, cut to the length of an event's source."""
        return self.key[:256]

    def event(self, row: SignUp, now: float) -> CustomerEvent:
        """The sign-up of a row as an event, so that the ledger shows file and row."""
        about = (SIGN_UP, row.customer_id, self.put_at, row.fields)
        return CustomerEvent(*about, f"row {row.number}", self.source, int(now))

    def events_for(self, row: SignUp, now: float, record: JSON | None) -> list[CustomerEvent]:
        """The events that bring a record in line with the row; none where it is so already.

        A file resumes nobody and opens no closed account: it may be put again years later. Raises
        InvalidEventError for the row of such a customer.
        """
        stands = one_field(record or {})
        if record is None or stands.get(PLAN) is None or stands.get("status") is None:
            return [self.event(row, now)]
        status = record["status"]
        if status == "closed":
            problem = "must be an open customer, got a closed one"
            raise InvalidEventError("customer_id", problem, f"Send {SIGN_UP} to open it again")
        if all(stands.get(name) == value for name, value in one_field(row.fields).items()):
            return []
        if status != "active":
            problem = f"must be an active customer, got a {status} one"
            raise InvalidEventError("customer_id", problem, "Send CustomerResumed first")
        return [self.event(row, now)]

    def wrote(self, record: JSON | None) -> bool:
        """Whether this very file, put at this time, made the record what it is."""
        asked = ((record or {}).get("asked") or {}).values()
        mine = any(a.get("source") == self.source for a in asked)
        recorded = ((record or {}).get("recorded") or {}).get("plan") or {}
        return mine and recorded.get("at") == self.put_at


@frozen
class _Reader:
    """Reads rows below a header."""

    columns: Sequence[str]
    plans: Collection[str]

    def all(self, rows: Iterator[Row]) -> Iterator[SignUp | Refused]:
        """Read all rows. Of two of a customer that differ nobody knows which is meant: neither
        counts. Of those that say the same the first does."""
        read, known = [self._read(row) for row in rows], defaultdict[str, list[SignUp]](list)
        for one in read:
            if isinstance(one, SignUp):
                known[one.customer_id].append(one)
        for one in read:
            yield self._only(one, known[one.customer_id]) if isinstance(one, SignUp) else one

    def _only(self, row: SignUp, rows: Sequence[SignUp]) -> SignUp | Refused:
        """The row, refused for another one of the customer's `rows`."""
        for other in rows:
            if other.number < row.number or other.fields != row.fields:
                problem = f"must be in the file once, got it in row {other.number} too"
                error = InvalidEventError("customer_id", problem, "Remove all but one row of it")
                return Refused(row.number, error, row.customer_id)
        return row

    def _read(self, row: Row) -> SignUp | Refused:
        customer_id = None
        try:
            detail = self._detail(row)
            fields: JSON = {}
            for name, member in MEMBERS.items():
                fields |= member.read(name, detail, where="")
                customer_id = fields.get("customer_id")
            CUSTOMER_EVENTS[SIGN_UP].check(detail, where="")
            for plan in fields.get(PLANS, [fields.get(PLAN)]):
                self._check_plan(PLANS if PLANS in fields else PLAN, str(plan))
        except InvalidEventError as error:
            return Refused(row.number, error, customer_id)
        return SignUp(row.number, fields.pop("customer_id"), fields)

    def _detail(self, row: Row) -> JSON:
        """The row as an event's `detail`. Raises InvalidEventError."""
        if row.problem:
            raise row.problem
        if any(row.cells[len(self.columns) :]):
            problem = f"must have {counted(len(self.columns), 'cell')}, got {len(row.cells)}"
            raise InvalidEventError("row", problem, "Put a cell that holds a separator into quotes")
        detail: JSON = {}
        for number, (name, cell) in enumerate(zip(self.columns, row.cells, strict=False), 1):
            if not cell:
                continue
            _check(name or f"column {number}", cell)
            if not name:
                problem = "must have a name in the first row, got an empty one"
                raise InvalidEventError(f"column {number}", problem, "Name or remove the column")
            if name.startswith(TAG):
                detail.setdefault("tags", {})[name.removeprefix(TAG)] = cell
            elif name == PLANS:
                detail[name] = [plan.strip() for plan in cell.split(BETWEEN_PLANS)]
            elif name == KEYS and cell.isdecimal() and len(cell) < MAX_DIGITS:
                detail[name] = int(cell)
            else:
                detail[name] = None if _is_null(name, cell) else cell
        return detail

    def _check_plan(self, column: str, plan: str) -> None:
        if plan not in self.plans:
            plans = some_of(sorted(self.plans))
            problem = f"must be a plan of the policy ({plans}), got {redacted(plan)}"
            near = nearest_hint(plan, self.plans)
            if {*re.split(r"[\s,;/+]+", plan)} <= {*self.plans}:
                near = f"Put {BETWEEN_PLANS} between plans of the column {PLANS}. "
            raise InvalidEventError(column, problem, f"{near}{PUT_AGAIN}")


def _columns(header: Row | None) -> list[str]:
    """The columns that a first row names. Raises InvalidEventError."""
    if header is None:
        raise InvalidEventError("file", "must have rows, got an empty file", _FIRST_ROW)
    if header.problem:
        raise header.problem
    names: list[str] = []
    for number, cell in enumerate(header.cells, 1):
        names.append(_column(cell, number))
        if cell and names.index(names[-1]) < number - 1:
            problem = f"must be one column, got it as column {number} too"
            raise InvalidEventError(names[-1], problem, "Remove one of the two")
    while names and not names[-1]:
        names.pop()
    for name in (*REQUIRED, *(() if PLANS in names else (PLAN,))):
        if name not in names:
            raise InvalidEventError(name, "must be a column, got none of this name", _FIRST_ROW)
    return names


def _column(cell: str, number: int) -> str:
    """The column that a cell of the first row names. Raises InvalidEventError."""
    begin, rest = cell[: len(TAG)].casefold(), cell[len(TAG) :]
    same = (known for known in COLUMNS if letters_of(known) == letters_of(cell))
    name = begin + rest.strip() if begin == TAG else next(same, cell.casefold())
    shown = cell if HEADER.fullmatch(cell) and not _holds_value(cell) else f"column {number}"
    if cell:
        _check(shown, cell)
    known = name in COLUMNS or (name.startswith(TAG) and name not in (TAG, COLUMNS[-1]))
    if cell and not known:
        near = nearest_hint(name, COLUMNS)
        problem = f"must be one of the columns {', '.join(COLUMNS)}"
        raise InvalidEventError(shown, problem, f"{near}Rename or remove it and put the file again")
    return name


def _check(name: str, cell: str) -> None:
    """Refuse what no cell may hold. Raises InvalidEventError, which quotes nothing of it."""
    check_cell(name, cell)
    if _holds_value(cell):
        remedy = "Remove the value, and rotate the key: a file is no place for it"
        raise InvalidEventError(name, "must hold no value of an API key", remedy)


def _holds_value(cell: str) -> bool:
    return holds_value(cell) or any(map(LIKE_A_VALUE.fullmatch, WORD.findall(cell)))


def _is_null(name: str, cell: str) -> bool:
    return MEMBERS[name].null is not None and cell.casefold() == MEMBERS[name].null


_FIRST_ROW = f"Name the columns in the first row: {', '.join(COLUMNS)}"
