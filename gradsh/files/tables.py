"""Tables of text: comma, tab or otherwise separated, with and without a header."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from io import StringIO, TextIOWrapper
from itertools import islice
from typing import IO, Any, Final

import numpy as np

from gradsh.engine.dtypes import COMPLEX, DEFAULTS, FLOAT, DType
from gradsh.engine.tensor import Tensor, new_tensor
from gradsh.files.number_lines import MISSING, read_numbers
from gradsh.files.record import Record

_SEPARATORS: Final = ",\t;|"

_SAMPLE: Final = 20
"""How many lines are looked at to find out how a table is written."""

_DECIMAL_COMMA: Final = re.compile(r"\s*[-+]?\d*,\d+([eE][-+]?\d+)?\s*")


class _Place:
    """Where the cells of a table stand, for messages."""

    def __init__(self, name: str, text: str, separator: str) -> None:
        self.name = name
        self._text = text
        self._separator = separator

    def error(self, line: int, message: str, column: int = 0, cell: str = "") -> ValueError:
        """The error for a line (from 1), at the cell of a column (from 0) if one is given."""
        place = f"{self.name}:{line}"
        if cell:
            written = next(islice(StringIO(self._text, newline=None), line - 1, None))
            before = self._separator.join(written.split(self._separator)[:column])
            start = written.find(cell, len(before))
            place += f":{max(start, 0) + 1}"
        return ValueError(f"{place}: {message}")


def read_table(
    stream: IO[bytes],
    name: str,
    *,
    separator: str | None = None,
    header: bool | None = None,
    dtype: DType | None = None,
    decimal: str | None = None,
) -> Any:
    """The columns of a table as a record of 1-dim tensors; without a header a matrix.

    `separator` is found out from the first line where it is not given, and the first line is the
    header if none of its cells is a number, unless `header` says otherwise. The `decimal` sign of
    numbers is a point, or a comma where semicolons separate numbers with one. Numbers get `dtype`
    (the default floating type), missing ones are nan. A column whose first value is no number is
    a tuple of texts. A table without a header is a tensor (rows, columns) when it holds numbers
    alone, of one dimension when it has one column. ValueError, with line and column, for a cell
    that is no number among numbers, and for a line of another number of cells.
    """
    sample = _first_lines(stream)
    separator, decimal = _dialect(sample, separator, decimal)
    wanted = DEFAULTS.floating if dtype is None else dtype
    if wanted.category >= FLOAT:
        first = _first_row(sample, separator)
        has_header = _is_header(first, decimal) if header is None else header
        numbers = read_numbers(stream, separator, decimal, len(first), has_header)
        if numbers is not None:
            numbers = numbers.astype(wanted.numpy)
            if not has_header:
                return new_tensor(numbers[:, 0] if len(first) == 1 else numbers)
            columns = [new_tensor(column) for column in np.ascontiguousarray(numbers.T)]
            return Record(list(zip(_names(first), columns, strict=True)))
    stream.seek(0)
    return _read_cells(_decoded(stream.read(), name), name, separator, decimal, header, dtype)


def _first_lines(stream: IO[bytes]) -> list[str]:
    """The first lines that are not blank; none where they are not UTF-8."""
    text = TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    try:
        return list(islice(filter(str.strip, text), _SAMPLE))
    except UnicodeDecodeError:
        return []
    finally:
        text.detach()


def _first_row(lines: list[str], separator: str) -> list[str]:
    """The cells of the first line; none where it is no line of cells."""
    try:
        return next(_rows(iter(lines), separator))[1]
    except (StopIteration, csv.Error):
        return []


def _read_cells(
    text: str,
    name: str,
    separator: str,
    decimal: str,
    header: bool | None,
    dtype: DType | None,
) -> Any:
    """A table of any content, cell by cell; every fault of it is told with its place."""
    place = _Place(name, text, separator)
    rows, lines = [], []
    line = 0
    try:
        for line, row in _rows(StringIO(text, newline=""), separator):
            if row:
                rows.append(row)
                lines.append(line)
    except csv.Error as error:
        raise _unreadable(place, line + 1, error) from None
    if not rows:
        raise ValueError(f"{name} is empty")
    has_header = _is_header(rows[0], decimal) if header is None else header
    width = len(rows[0])
    for row, line in zip(rows, lines, strict=True):
        if len(row) != width:
            cells = "cell" if len(row) == 1 else "cells"
            raise place.error(line, f"{len(row)} {cells}, but the first line has {width}")
    names = _names(rows[0]) if has_header else [f"column{n}" for n in range(1, width + 1)]
    if has_header:
        rows, lines = rows[1:], lines[1:]
    columns: list[Any] = [
        _column([row[place] for row in rows], dtype, decimal) for place in range(width)
    ]
    for position, column in enumerate(columns):
        if isinstance(column, _BadCell):
            message = f"'{column.cell}' is not {column.wanted} (column {names[position]})"
            fault = place.error(lines[column.row], message, position, column.cell)
            if _DECIMAL_COMMA.fullmatch(column.cell):
                fault.add_note('if its comma is a decimal one, load it with `decimal=","`')
            raise fault
    texts = any(isinstance(column, tuple) for column in columns)
    if has_header or texts:
        values = [x if isinstance(x, tuple) else new_tensor(x) for x in columns]
        return Record(list(zip(names, values, strict=True)))
    return new_tensor(columns[0] if width == 1 else np.stack(columns, 1))


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        fault = ValueError(f"{name}:{line}: the byte 0x{content[error.start]:02x} is not UTF-8")
        fault.add_note("save the table in the encoding UTF-8")
        raise fault from None


def _dialect(lines: Sequence[str], separator: str | None, decimal: str | None) -> tuple[str, str]:
    """The separator and the decimal sign, as far as they are not given.

    The separator is what the first line has most of, outside of quotes; a blank where it has
    none. Numbers with a decimal comma between semicolons make both known.
    """
    unquoted = ["".join(line.split('"')[::2]).rstrip("\r\n") for line in lines]
    if decimal is None and separator in (None, ";"):
        for line in unquoted:
            cells = line.split(";")
            commas = [_DECIMAL_COMMA.fullmatch(cell) is not None for cell in cells]
            plain = [_number(cell, ".") is not None or "," not in cell for cell in cells]
            if len(cells) > 1 and any(commas) and all(map(bool.__or__, commas, plain)):
                return ";", ","
    decimal = decimal or "."
    if separator is not None:
        return separator, decimal
    first = unquoted[0].replace(decimal, "") if unquoted else ""
    best = max(_SEPARATORS, key=first.count)
    if first.count(best):
        return best, decimal
    return " " if " " in first.strip() else ",", decimal


def _rows(lines: Iterator[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """The number of the line where each row begins, and its cells; none for a blank line."""
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
    line = 1
    for row in reader:
        cells = [cell.strip() for cell in row]
        if separator == " ":
            cells = [cell for cell in cells if cell]
        yield line, cells if any(cells) or len(cells) > 1 else []
        line = reader.line_num + 1


def _unreadable(place: _Place, line: int, error: csv.Error) -> ValueError:
    if str(error) == "unexpected end of data":
        return place.error(line, "the quote that opens here is not closed")
    return place.error(line, str(error))


def _is_header(row: Sequence[str], decimal: str) -> bool:
    return all(_number(cell, decimal) is None for cell in row) and any(
        cell.lower() not in MISSING for cell in row
    )


def _names(row: Sequence[str]) -> list[str]:
    """The names of the columns; one that is empty or there already is told by its number."""
    names: list[str] = []
    for position, cell in enumerate(row, 1):
        name = cell or f"column{position}"
        names.append(f"{name}_{position}" if name in names else name)
    return names


def _number(cell: str, decimal: str) -> float | None:
    if decimal != ".":
        if "." in cell:  # it groups thousands, perhaps: no sign of a decimal comma is sure then
            return None
        cell = cell.replace(decimal, ".")
    try:
        return float(cell)
    except ValueError:
        return None


class _BadCell:
    """A cell that is not what its column holds."""

    def __init__(self, row: int, cell: str, wanted: str) -> None:
        self.row = row
        self.cell = cell
        self.wanted = wanted


def _column(cells: list[str], dtype: DType | None, decimal: str) -> Any:
    """The array of a column of numbers, the tuple of one of texts, or its first bad cell."""
    wanted = DEFAULTS.floating if dtype is None else dtype
    if wanted.category < FLOAT:
        return _integers(cells, wanted)
    if decimal == ".":
        try:
            return np.array(cells, np.float64).astype(wanted.numpy)
        except ValueError:
            pass  # missing values, or texts: cell by cell
    numbers = []
    known = False
    for row, cell in enumerate(cells):
        number = _number(cell, decimal)
        if number is None:
            if cell.lower() not in MISSING:
                return _BadCell(row, cell, "a number") if known or dtype is not None else (*cells,)
            number = math.nan
        elif not math.isnan(number):
            known = True
        numbers.append(number)
    return np.array(numbers, np.float64).astype(wanted.numpy)


def _integers(cells: list[str], wanted: DType) -> Any:
    numbers = []
    for row, cell in enumerate(cells):
        try:
            number = int(cell)
            numbers.append(wanted.numpy.type(number))
        except (ValueError, OverflowError):
            return _BadCell(row, cell, f"a whole number of the type {wanted.name}")
    return np.array(numbers, wanted.numpy)


def write_table(value: Any, stream: IO[bytes], separator: str) -> None:
    """A matrix as lines of cells, a vector as one column, a record with its names as the header.

    Floating numbers have as many digits as it takes to read them back. TypeError for what is no
    table, ValueError for columns of different lengths.
    """
    names, columns = _columns(value)
    lengths = {len(column) for column in columns}
    if len(lengths) > 1:
        told = ", ".join(f"{n} has {len(c)}" for n, c in zip(names, columns, strict=True))
        raise ValueError(f"the columns of a table are equally long, but {told}")
    text = TextIOWrapper(stream, encoding="utf-8", newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    if names:
        writer.writerow(names)
    writer.writerows(zip(*columns, strict=True))
    text.detach()


def _columns(value: Any) -> tuple[list[str], list[list[str]]]:
    """The names, if there are any, and the cells of each column."""
    if isinstance(value, Record):
        return list(value.values), [_cells(column) for column in value]
    fields = getattr(value, "_fields", None)
    if isinstance(value, tuple) and not all(isinstance(item, str) for item in value):
        return list(fields or ()), [_cells(column) for column in value]
    if isinstance(value, Tensor) and value.ndim == 2:
        return [], [_cells(new_tensor(column)) for column in value.array.T]
    return [], [_cells(value)]


def _cells(column: Any) -> list[str]:
    if isinstance(column, tuple) and all(isinstance(item, str) for item in column):
        return list(column)
    if isinstance(column, (bool, int, float)):
        return [repr(column)]
    if not isinstance(column, Tensor):
        raise TypeError(f"{type(column).__name__} is no column of a table")
    if column.ndim > 1 or column.dtype.category == COMPLEX:
        what = "complex numbers" if column.ndim < 2 else f"{column.ndim} dimensions"
        error = TypeError(f"a table cannot hold a tensor with {what}")
        error.add_note("save it as .npy")
        raise error
    array = np.atleast_1d(column.array)
    if array.dtype.kind == "b":
        array = array.astype(np.uint8)
    if array.dtype.name == "bfloat16":  # of which numpy makes no texts
        array = array.astype(np.float32)
    cells: list[str] = array.astype(str).tolist()
    return cells
