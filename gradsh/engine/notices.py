"""What the engine notices that is no error, but seldom meant; a shell that wants to know says so.

Nothing is looked for: each notice lies on a path that is taken anyway, and seldom.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

GROWN: Final = "grown"
"""(n, 1) met (n) and became (n, n): the three shapes."""

ADDED: Final = "added"
"""A gradient was added to one that was there: the tensor that holds the sum."""

NO_LEAF: Final = "no leaf"
"""The gradient of a result was asked for, which has none: the result."""


class Notices:
    """`tell` takes a notice and what it is about; None while nobody wants to know."""

    __slots__ = ("tell",)

    def __init__(self) -> None:
        self.tell: Callable[..., Any] | None = None


NOTICES = Notices()


def grown(first: tuple[int, ...], second: tuple[int, ...], result: tuple[int, ...]) -> None:
    """Both operands of an operation were broadcast to `result`."""
    if NOTICES.tell is not None and is_column_with_row(first, second):
        NOTICES.tell(GROWN, first, second, result)


def is_column_with_row(first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    """Whether one shape is (n, 1) and the other (n), which together give (n, n)."""
    column, row = (first, second) if len(first) > len(second) else (second, first)
    return len(row) == 1 and row[0] > 1 and column == (row[0], 1)
