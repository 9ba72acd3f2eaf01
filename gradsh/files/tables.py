"""Tables of text: comma, tab or otherwise separated, with and without a header."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from io import TextIOWrapper
from typing import IO, Any, Final

import numpy as np

from gradsh.engine.dtypes import COMPLEX, DEFAULTS, FLOAT, DType
from gradsh.engine.tensor import Tensor, new_tensor
from gradsh.files.record import Record

MISSING: Final = frozenset(("", "na", "n/a", "nan", "null", "none", "-", "?"))
"""Cells, in small letters, that stand for a value that is not there; it is read as nan."""

_SEPARATORS: Final = ",\t;|"


class _Place:
    """Where the cells of a table stand, for messages."""

    def __init__(self, name: str, text: str, separator: str) -> None:
        self.name = name
        self._lines = text.splitlines()
        self._separator = separator

    def error(self, line: int, message: str, column: int = 0, cell: str = "") -> ValueError:
        """The error for a line (from 1), at the cell of a column (from 0) if one is given."""
        place = f"{self.name}:{line}"
        if cell:
            written = self._lines[line - 1]
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
    decimal: str = ".",
) -> Any:
    """The columns of a table as a record of 1-dim tensors; without a header a matrix.

    `separator` is found out from the first line where it is not given, and the first line is the
    header if none of its cells is a number, unless `header` says otherwise. Numbers get `dtype`
    (the default floating type), missing ones are nan. A column whose first value is no number is
    a tuple of texts. A table without a header is a tensor (rows, columns) when it holds numbers
    alone, of one dimension when it has one column. ValueError, with line and column, for a cell
    that is no number among numbers, and for a line of another number of cells.
    """
    text = _decoded(stream.read(), name)
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = separator or _separator_in(first, decimal)
    place = _Place(name, text, separator)
    rows, lines = _rows(text, separator, place)
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
            raise place.error(lines[column.row], message, position, column.cell)
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


def _separator_in(line: str, decimal: str) -> str:
    """The separator that a line has most of, outside of quotes; a blank where it has none."""
    unquoted = "".join(line.split('"')[::2]).replace(decimal, "")
    best = max(_SEPARATORS, key=unquoted.count)
    if unquoted.count(best):
        return best
    return " " if " " in unquoted.strip() else ","


def _rows(text: str, separator: str, place: _Place) -> tuple[list[list[str]], list[int]]:
    """The cells of every line that is not blank, and the number of that line."""
    reader = csv.reader(
        text.splitlines(keepends=True),
        delimiter=separator,
        skipinitialspace=True,
        strict=True,
    )
    rows, lines = [], []
    line = 1
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if separator == " ":
                cells = [cell for cell in cells if cell]
            if any(cells) or len(cells) > 1:
                rows.append(cells)
                lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise place.error(max(reader.line_num, 1), str(error)) from None
    return rows, lines


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
    cells: list[str] = array.astype(str).tolist()
    return cells
