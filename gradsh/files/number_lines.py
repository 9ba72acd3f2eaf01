"""Tables that hold numbers alone, read without a look at each cell."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterable, Iterator
from io import TextIOWrapper
from typing import IO, Any, Final

import numpy as np

MISSING: Final = frozenset(("", "na", "n/a", "nan", "null", "none", "-", "?"))
"""Cells, in small letters, that stand for a value that is not there; it is read as nan."""


def read_numbers(
    stream: IO[bytes], separator: str, decimal: str, width: int, has_header: bool
) -> Any:
    """A table's numbers as an array (rows, width); None if it holds anything else.

    Values that are missing are nan. No more is in memory than the array and some lines.
    """
    for prepared in (_as_they_are, _with_nan):
        stream.seek(0)
        text = TextIOWrapper(stream, encoding="utf-8-sig")
        try:
            if has_header:
                _skip_header(text, separator)
            numbers = _parsed(prepared(text, separator), separator, decimal)
        except (ValueError, csv.Error, UserWarning):
            continue
        finally:
            text.detach()
        if numbers.shape[1] == width:
            return numbers
    return None


def _skip_header(lines: Iterator[str], separator: str) -> None:
    for row in csv.reader(lines, delimiter=separator, skipinitialspace=True):
        if any(cell.strip() for cell in row) or len(row) > 1:
            return


def _parsed(lines: Iterable[str], separator: str, decimal: str) -> Any:
    """The numbers in lines. ValueError for what is none, a warning as an error for no lines."""
    if decimal != ".":
        lines = _with_points(lines, decimal)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return np.loadtxt(
            lines,
            np.float64,
            comments=None,
            delimiter=None if separator == " " else separator,
            quotechar='"',
            ndmin=2,
        )


def _as_they_are(lines: Iterable[str], separator: str) -> Iterator[str]:
    """Lines whose quotes close; a number has no line break in it."""
    for line in lines:
        if '"' in line and line.count('"') % 2:
            raise ValueError("a quote that does not close in its line")
        yield line


def _with_nan(lines: Iterable[str], separator: str) -> Iterator[str]:
    """Lines in which cells without a value hold nan, where there are no quotes."""
    for line in _as_they_are(lines, separator):
        if '"' in line or line.isspace():
            yield line
            continue
        cells = line.split(None if separator == " " else separator)
        yield separator.join(["nan" if cell.strip().lower() in MISSING else cell for cell in cells])


def _with_points(lines: Iterable[str], decimal: str) -> Iterator[str]:
    for line in lines:
        if "." in line:
            raise ValueError("a point among decimal commas")
        yield line.replace(decimal, ".")
