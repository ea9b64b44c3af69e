"""Read the rows of a CSV as spreadsheets write it: encodings, separators, quotes. Pure.

A row that cannot be read stops no other: reading goes on with the line after the one on which the
row began. Python's csv module parses; nothing of a cell is ever quoted in an error.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence

from keyward.errors import InvalidEventError
from keyward.values import frozen

SEPARATORS = ",;\t"
# People note in a line of its own where a table comes from.
COMMENT = "#"
# What marks an encoding for certain. UTF-32 comes first: its mark begins like UTF-16's.
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Which of the first two bytes are zero, where no mark is: a file begins with an ASCII letter.
UNMARKED = {"utf-16-le": [False, True], "utf-16-be": [True, False]}
# No cell that Keyward takes is nearly so long; a row in quotes may have a few line breaks.
MAX_CHARACTERS = 65_536
# As many rows as a spreadsheet has, which writes blank ones too; their ends may be two characters.
MAX_LINES = 2 * 1_048_576
MAX_LINES_OF_A_ROW = 50
# Bytes that are no character became one of these (`text_of`).
NOT_READABLE = re.compile("[\ud800-\udfff\ufffd]")
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# What a spreadsheet would compute when the text gets there again.
FORMULA = re.compile(r"=|[+@-].*[(|!]", re.DOTALL)


@frozen
class Row:
    """A row that is not blank: its number as a spreadsheet counts (from 1), and its cells without
    the space around them; or the `problem` why it could not be read."""

    number: int
    cells: tuple[str, ...] = ()
    problem: InvalidEventError | None = None


def text_of(content: bytes) -> str:
    """Decode a file: by its byte order mark, by the zeros of UTF-16, else as UTF-8. What is no
    character there is marked, and `check_cell` refuses it: its encoding cannot be known."""
    for mark, name in MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(name, _errors(name))
    zeros = [byte == 0 for byte in content[:2]]
    name = next((name for name, of_name in UNMARKED.items() if of_name == zeros), "utf-8")
    return content.decode(name, _errors(name))


def rows_of(text: str) -> Iterator[Row]:
    """Read the rows. The first row with text decides the separator. Raises InvalidEventError for
    more lines than a spreadsheet has."""
    if text.count("\n") + text.count("\r") > MAX_LINES:
        raise InvalidEventError("file", f"must have at most {MAX_LINES} lines", "Split it")
    lines = io.StringIO(text.removeprefix("\ufeff"), newline="").readlines()
    separator, begin = _separator(lines)
    reading = _Reading(lines, separator, begin)
    while not reading.is_over:
        row = reading.row()
        if row.problem or any(row.cells):
            yield row


def check_cell(name: str, cell: str) -> None:
    """Refuse what no column may hold. Raises InvalidEventError, which quotes nothing."""
    if NOT_READABLE.search(cell):
        remedy = 'Save the file as "CSV UTF-8" and put it again'
        raise InvalidEventError(name, "must be UTF-8, got bytes of another encoding", remedy)
    if CONTROLS.search(cell):
        remedy = "Remove them and put the file again"
        raise InvalidEventError(name, "must be a text, got control characters", remedy)
    if FORMULA.match(cell):
        remedy = "Put its result into the cell"
        raise InvalidEventError(name, "must be a value, got a formula", remedy)


def _errors(encoding: str) -> str:
    return "surrogateescape" if encoding == "utf-8" else "replace"


def _separator(lines: Sequence[str]) -> tuple[str, int]:
    """The separator, and the line at which rows begin: Excel may name it on a line of its own."""
    is_row = (line for line in lines if line.strip() and not line.lstrip().startswith(COMMENT))
    first = next(is_row, "")
    named = re.fullmatch(r"sep=([,;\t|])\s*", first)
    if named:
        return named[1], lines.index(first) + 1
    return max(SEPARATORS, key=first[:MAX_CHARACTERS].count), 0


class _Reading:
    """A place in the lines of a file."""

    def __init__(self, lines: Sequence[str], separator: str, begin: int) -> None:
        self._lines, self._separator = lines, separator
        self._at, self._number = begin, begin

    @property
    def is_over(self) -> bool:
        """Whether no line is left."""
        return self._at >= len(self._lines)

    def row(self) -> Row:
        """Read the next row, and go on behind it."""
        begin, self._number = self._at, self._number + 1
        line = self._lines[begin]
        if line.lstrip().startswith(COMMENT):
            self._at = begin + 1
            return Row(self._number)
        if len(line) > MAX_CHARACTERS:
            self._at = begin + 1
            problem = f"must have at most {MAX_CHARACTERS} characters, got {len(line)}"
            return self._refused(problem, "Shorten its cells")
        try:
            cells = next(csv.reader(self._following(), delimiter=self._separator, strict=True))
        except csv.Error:
            self._at = begin + 1
            return self._refused("must have quotes in pairs, got an open one", "Close the quote")
        return Row(self._number, tuple(cell.strip() for cell in cells))

    def _following(self) -> Iterator[str]:
        """The lines from here on, as far as a row can go: an open quote would take all of them."""
        for line in self._lines[self._at : self._at + MAX_LINES_OF_A_ROW]:
            self._at += 1
            yield line

    def _refused(self, problem: str, remedy: str) -> Row:
        return Row(self._number, problem=InvalidEventError("row", problem, remedy))
