"""The record of a computation on arrays: values, each made from earlier ones by one function.

A value has as many dimensions as it was recorded with, and behind them a length of one for every
dimension that a reduction before it took away: so values of one program align from the right, as
numpy aligns operands, and a slice of rows of one is the slice of rows of another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

LEAF, CAST, CHOICE, REDUCTION, UFUNC, TOTAL, LATE = range(7)
"""The kinds of values: an array that was there, and what is made: by a change of type, `where`,
a reduction within each row, a ufunc, a reduction over the blocks, and whatever follows when all
blocks are done."""


class Value:
    """One value of a program.

    `shape` is without repetition: 1 where the value is the same along a dimension. `real` is its
    array where there is one: an operand of the program, or a result that was computed already.
    """

    __slots__ = ("dtype", "function", "kind", "number", "operands", "options", "real", "shape")

    def __init__(
        self,
        number: int,
        kind: int,
        function: Callable[..., Any] | None,
        operands: tuple[Any, ...],
        options: tuple[tuple[str, Any], ...],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
    ) -> None:
        self.number = number
        self.kind = kind
        self.function = function
        self.operands = operands
        self.options = options
        self.shape = shape
        self.dtype = dtype
        self.real: Array | None = None

    @property
    def late(self) -> bool:
        """Whether it is there only when all blocks are done."""
        return self.kind >= TOTAL


def _other_than_one(
    operands: tuple[Any, ...], shape: tuple[int, ...], dtype: np.dtype[Any], either: bool
) -> Value | None:
    """The operand that is the result because the other (the second, or either) is one."""
    first, second = operands
    pairs = ((first, second), (second, first)) if either else ((first, second),)
    for same, one in pairs:
        if type(same) is Value and same.shape == shape and same.dtype is dtype and _is_one(one):
            return same
    return None


def _is_one(x: Any) -> bool:
    if type(x) is Value:
        return x.kind == LEAF and x.real is not None and x.real.size == 1 and bool(x.real == 1)
    return bool(x == 1)


class Program:
    """Values in the order in which they were recorded; equal ones are recorded once."""

    __slots__ = ("_known", "_leaves", "values")

    def __init__(self) -> None:
        self.values: list[Value] = []
        self._known: dict[Any, Value] = {}
        self._leaves: dict[tuple[int, int], Value] = {}

    def leaf(self, array: Array, dropped: int = 0) -> Value:
        """The value of an array, which counts as having `dropped` dimensions more, of length 1."""
        key = id(array), dropped if array.size > 1 else 0
        value = self._leaves.get(key)
        if value is None or value.real is None:
            shape = array.shape + (1,) * key[1]
            value = self._added(LEAF, None, (), (), shape, array.dtype)
            value.real = array if not key[1] else array.reshape(shape)
            self._leaves[key] = value
        return value

    def call(
        self,
        kind: int,
        function: Callable[..., Any] | None,
        operands: tuple[Any, ...],
        options: tuple[tuple[str, Any], ...],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
    ) -> Value:
        """The value of a call; operands are values and Python numbers.

        A product with one, or a quotient by it, is the other operand.
        """
        if (function is np.multiply or function is np.divide) and not options:
            same = _other_than_one(operands, shape, dtype, function is np.multiply)
            if same is not None:
                return same
        key = (
            kind,
            function,
            tuple([x.number if type(x) is Value else (type(x), repr(x)) for x in operands]),
            options,
            shape,
            dtype,
        )
        value = self._known.get(key)
        if value is None:
            value = self._known[key] = self._added(kind, function, operands, options, shape, dtype)
        return value

    def _added(self, *parts: Any) -> Value:
        value = Value(len(self.values), *parts)
        self.values.append(value)
        return value

    def keep_as_it_was(self, leaf: Value) -> None:
        """Let a leaf be a copy of its array, which is about to change."""
        assert leaf.real is not None
        leaf.real = leaf.real.copy()
        self._leaves = {key: value for key, value in self._leaves.items() if value is not leaf}
        self._leaves[-1 - leaf.number, 0] = leaf

    def operands(self) -> list[Value]:
        """The values that were arrays from the start."""
        return list(self._leaves.values())
