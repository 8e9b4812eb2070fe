"""CSV text with any separator becomes columns of text; nothing is guessed where that could matter."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from deepcore import _checks
from deepcore.data.text import MISSING, NumberFormat, clean, is_number, missing_marks
from deepcore.data.text_column import TextColumn, TextColumnBuilder

__all__ = ["Dialect", "TextTable", "check_names", "find_dialect", "looks_like_data", "read_text_table"]

SEPARATORS = (",", ";", "\t", "|")

# Records that decide on the separator and the header.
_SAMPLE = 200
# Records that are turned into columns at a time.
_CHUNK = 4096

_DIRECTIVE = re.compile(r"\s*\"?sep=(.)\"?\s*(?:\r\n|\r|\n|$)", re.IGNORECASE)
_DATE = re.compile(r"[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4}")
_COMMA = NumberFormat(",", "")

# The messages of csv.Error describe the parser: words of them, and what they mean for the file.
_CSV_REASONS = {
    "unexpected end of data": "a quotation mark on line {start} is never closed",
    "expected after": "text follows a closing quotation mark on line {line}",
    "field larger than": "a field that begins on line {start} is too long; is a quotation mark never closed?",
    "new-line character": "line {line} holds a carriage return inside a field without quotation marks",
    "NUL": "line {line} holds binary data",
}

Record = tuple[int, list[str]]


@dataclass(frozen=True)
class Dialect:
    """How a text is divided: its separator, and the number of lines above the header."""

    separator: str
    skipped: int = 0


@dataclass(frozen=True)
class TextTable:
    """Columns of text.

    Attributes:
        names: Names of the columns.
        columns: The cells of each column.
        lines: The line of each row in the file.
        index: The cells of the index column, or None.
        separator: The separator between fields.
    """

    names: list[str]
    columns: list[TextColumn]
    lines: list[int]
    index: TextColumn | None
    separator: str


def find_dialect(text: str, separator: str | None = None, skipped: int = 0) -> Dialect:
    """Find the separator: that of a line ``sep=;``, or the one that divides the first lines best.

    Args:
        text: The whole text.
        separator: The separator; None: it is found among comma, semicolon, tab and vertical bar.
        skipped: Number of lines above the header that are not read.
    """
    start = _position(text, skipped)
    directive = _DIRECTIVE.match(text, start)
    if directive:
        skipped += text.count("\n", start, directive.end()) or 1
        return Dialect(separator or directive[1], skipped)
    if separator is not None:
        return Dialect(separator, skipped)
    return Dialect(max(SEPARATORS, key=lambda mark: _suitability(text, mark, skipped)), skipped)


def _position(text: str, lines: int) -> int:
    """Find the position in the text after this number of lines."""
    place = 0
    for _ in range(lines):
        end = text.find("\n", place)
        if end < 0:
            return len(text)
        place = end + 1
    return place


def _suitability(text: str, mark: str, skipped: int) -> tuple[float, float, int]:
    """How well a mark divides the first records into fields; the greatest is the separator."""
    if mark not in text:
        return (0.0, 0.0, 0)
    try:
        records = [record for _, record in islice(_records(text, Dialect(mark, skipped)), _SAMPLE) if record]
    except csv.Error:
        return (0.0, 0.0, 0)
    lengths = Counter(map(len, records))
    length, count = max(lengths.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
    if length < 2:
        return (0.0, 0.0, 0)
    others = [other for other in SEPARATORS if other != mark]
    cells = [cell for record in records for cell in record]
    odd = sum(any(other in cell for other in others) and not is_number(clean(cell), _COMMA) for cell in cells)
    return (count / len(records), -odd / len(cells), length)


def _records(text: str, dialect: Dialect) -> Iterator[Record]:
    """(first line, fields) of every record; a blank line has no fields.

    Raises:
        csv.Error: with the words of ``_CSV_REASONS`` if the text is not valid.
    """
    if dialect.separator == '"' or len(dialect.separator) != 1:
        raise ValueError(
            f"the separator must be one character, not a quotation mark, got "
            f"{_checks.shown(dialect.separator)}"
        )
    stream = io.StringIO(text, newline="")
    stream.seek(_position(text, dialect.skipped))
    reader = csv.reader(stream, delimiter=dialect.separator, strict=True)
    start = line = 1
    try:
        while True:
            start = dialect.skipped + reader.line_num + 1
            try:
                fields = next(reader)
            except StopIteration:
                return
            finally:
                line = dialect.skipped + reader.line_num
            # A quoted empty cell, [""], is a row; a line of blanks is not a row.
            blank = len(fields) == 1 and fields[0].isspace()
            yield line, [] if blank else fields
    except csv.Error as error:
        reason = next((words for key, words in _CSV_REASONS.items() if key in str(error)), str(error))
        raise csv.Error(reason.format(start=start, line=line)) from error


def read_text_table(
    who: str,
    name: str,
    text: str,
    dialect: Dialect,
    header: bool | None = None,
    index_column: str | int | bool | None = None,
) -> TextTable:
    """Read all rows as text.

    Args:
        who: Name of the caller, the head of messages.
        name: Name of the source.
        text: The whole text.
        dialect: How it is divided.
        header: Whether the first line holds names; None: it must, and must not look like data.
        index_column: The column that names the rows and is no feature: its name or its number from 0; None:
            the first one if it has no name; False: none.

    Raises:
        ValueError: If the text is not a table; the message names the line.
    """
    if not text.strip():
        raise ValueError(f"{who}: {name} is empty")
    body = _Body(who, name, header is not False)
    try:
        for line, fields in _records(text, dialect):
            body.add(line, fields)
    except csv.Error as error:
        raise ValueError(f"{who}: {name} is not a valid CSV file: {error}") from error
    first_is_index = index_column is True or (index_column == 0 and index_column is not False)
    names, cells = body.finish(dialect.skipped, first_is_index)
    if header is None:
        _check_header(who, name, names, cells)
    return _with_index(who, name, names, cells, body.lines, index_column, dialect)


class _Body:
    """The rows of a table, collected record by record into columns.

    Args:
        who: Name of the caller, the head of messages.
        name: Name of the source.
        named: Whether the first record holds the names.
    """

    def __init__(self, who: str, name: str, named: bool) -> None:
        self._who, self._name, self._named = who, name, named
        self._header: list[str] | None = None
        self._columns: list[TextColumnBuilder] = []
        self._waiting: list[list[str]] = []
        self._lengths: Counter[int] = Counter()
        self._first_lines: dict[int, int] = {}  # of every length
        self._blank: int | None = None
        self.lines: list[int] = []

    def add(self, line: int, fields: list[str]) -> None:
        """Take one record; blank lines may only stand around the header and at the end."""
        if not fields:
            self._blank = line if self._blank is None and self.lines else self._blank
            return
        if self._blank is not None:
            raise ValueError(
                f"{self._who}: {self._name}, line {self._blank} is blank; delete it, or write the separators "
                "of a row without values"
            )
        if self._header is None:
            if any("\0" in cell for cell in fields):
                raise ValueError(f"{self._who}: {self._name} holds binary data; is it a CSV file?")
            self._header = fields
            if self._named:
                return
        width = len(fields)
        if width not in self._first_lines:
            self._first_lines[width] = line
        self._lengths[width] += 1
        self.lines.append(line)
        if not self._columns:
            self._columns = [TextColumnBuilder() for _ in fields]
        if width == len(self._columns):
            self._waiting.append(fields)
            if len(self._waiting) == _CHUNK:
                self._store()

    def _store(self) -> None:
        if self._waiting:
            for column, cells in zip(self._columns, zip(*self._waiting, strict=True), strict=True):
                column.add(cells)
            self._waiting = []

    def finish(self, skipped: int, first_is_index: bool) -> tuple[list[str], list[TextColumn]]:
        """Return the names and the columns, after all records have been added.

        Args:
            skipped: Number of lines above the header, for messages.
            first_is_index: Whether the header may lack the name of the first column.
        """
        if not self.lines:
            raise ValueError(f"{self._who}: {self._name} has a header but no rows")
        self._store()
        cells = [column.column(strip=True) for column in self._columns]
        header = [clean(cell) for cell in self._header or []]
        names = header if self._named else [f"x{j + 1}" for j in range(len(cells))]
        empty_end = not any(cells[-1].values)
        if len(self._lengths) == 1 and len(cells) == len(names) + 1 and (empty_end or first_is_index):
            # R writes no name above the names of the rows; others end rows, but not the header, with a mark.
            names = names if empty_end else ["", *names]
        else:
            self._check_lengths(len(names), skipped)
        if len(names) > 1 and not names[-1] and empty_end:
            names = names[:-1]
        return names, cells[: len(names)]

    def _check_lengths(self, width: int, skipped: int) -> None:
        """Refuse records of another length than the header's, or than that of most records."""
        [(usual, count)] = self._lengths.most_common(1)
        expected = width if self._named else usual
        if self._lengths.keys() == {expected}:
            return
        if self._named and width < usual and 2 * count > len(self.lines):
            one_more = usual == width + 1 and len(self._lengths) == 1
            index = "; if the first column names the rows, pass index_column=0" if one_more else ""
            raise ValueError(
                f"{self._who}: the first line of {self._name} has {width} fields, but most lines have "
                f"{usual}; if it is a title, delete it or pass skip_lines={skipped + 1}{index}"
            )
        line, found = min((line, found) for found, line in self._first_lines.items() if found != expected)
        what = "the header has" if self._named else "most lines have"
        raise ValueError(f"{self._who}: {self._name}, line {line} has {found} fields, but {what} {expected}")


def _check_header(who: str, name: str, names: list[str], cells: list[TextColumn]) -> None:
    """Refuse a first line that looks like an example."""
    if all(map(_numeric, names)):
        raise ValueError(
            f"{who}: {name} has no header, its first line is all numbers; put column names above it or pass "
            "header=False, or header=True if these are names"
        )
    evidence = looks_like_data(names, cells)
    if evidence:
        raise ValueError(
            f"{who}: the first line of {name} looks like data: {evidence}; pass header=False if it is, or "
            "header=True if it holds the names of the columns"
        )


def check_names(who: str, name: str, names: Sequence[str]) -> None:
    """Refuse columns without a name, and two columns of one name."""
    seen: set[str] = set()
    for j, column in enumerate(names):
        if not column:
            raise ValueError(
                f"{who}: {name} has no name for column {j + 1} in its header; write one, or leave it "
                f"out with index_column={j}"
            )
        if column in seen:
            raise ValueError(
                f"{who}: {name} has two columns named {_checks.shown(column)}; rename one of them"
            )
        seen.add(column)


def _numeric(cell: str) -> bool:
    return is_number(cell) or is_number(cell, _COMMA)


def _is_date(cell: str) -> bool:
    return _DATE.match(cell) is not None


def looks_like_data(first: Sequence[str], columns: Sequence[TextColumn]) -> str:
    """Say why the first line is an example rather than names; "" if it looks like names.

    It looks like data if it holds numbers in all columns whose other cells are numbers; in a table without
    such columns, dates in all columns of dates; in a table without these, if the columns repeat most of its
    cells.
    """

    missing = missing_marks(MISSING)
    sample = [
        [cell for cell in column.first(_SAMPLE) if cell.casefold() not in missing] for column in columns
    ]
    for what, holds in (("number", _numeric), ("date", _is_date)):
        places = [j for j, column in enumerate(sample) if column and all(map(holds, column))]
        kept = [j for j in places if first[j].casefold() not in missing]
        if kept and all(holds(first[j]) for j in kept):
            return f"it holds the {what} {first[kept[0]]!r} above {what}s"
        if places:
            return ""
    if len(columns[0]) > 1:
        repeated = [j for j, column in enumerate(columns) if first[j] and first[j] in column.values]
        if 2 * len(repeated) > len(first):
            return f"{first[repeated[0]]!r} occurs below itself"
    return ""


def _with_index(
    who: str, name: str, names: list[str], cells: list[TextColumn], lines: list[int],
    index_column: str | int | bool | None, dialect: Dialect,
) -> TextTable:  # fmt: skip
    place: int | None = None
    if isinstance(index_column, str):
        key = clean(index_column)
        if key not in names:
            raise ValueError(
                f"{who}: {name} has no column {_checks.shown(key)}; its columns are "
                f"{_checks.first_names(names)}"
            )
        place = names.index(key)
    elif index_column is not None and not isinstance(index_column, bool):
        place = _checks.count(who, "index_column", index_column, 0, len(names) - 1)
    elif index_column is None or index_column is True:
        place = 0 if index_column is True or (not names[0] and len(names) > 1) else None
    index = None if place is None else cells[place]
    if place is not None:
        names, cells = names[:place] + names[place + 1 :], cells[:place] + cells[place + 1 :]
    check_names(who, name, names)
    return TextTable(names, cells, lines, index, dialect.separator)
