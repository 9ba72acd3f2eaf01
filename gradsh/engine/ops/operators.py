"""The operators of the language as operations on tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.dtypes import NUMBER_CATEGORY
from gradsh.engine.op import OPS
from gradsh.engine.ops.bitwise import bitwise_not
from gradsh.engine.ops.pointwise import (
    mul,
    neg,
    pow,
    reciprocal,
    refuse_bools,
)
from gradsh.engine.ops.remainders import remainder, remainder_of_number
from gradsh.engine.tensor import Tensor

_BOOL = np.dtype(bool)


def _positive(input: Tensor) -> Tensor:
    if input.array.dtype is _BOOL:
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


def attach_operators() -> None:
    """Give Tensor the Python operators that pointwise operations are."""

    def operator(name: str) -> Any:
        return OPS[name].operator

    def without_bools(function: Any) -> Any:
        """Differences."""

        def difference(self: Tensor, other: Any) -> Any:
            kind = other.array.dtype if type(other) is Tensor else type(other)
            if self.array.dtype is _BOOL or kind is _BOOL or kind is bool:
                refuse_bools(self, other)
            return function(self, other)

        return difference

    def reflected(function: Any) -> Any:
        return lambda self, other: function(other, self)

    def taking_numbers(function: Any) -> Any:
        """`function` for what it takes; the rest is left to Python to refuse."""
        return lambda self, other: (
            function(self, other)
            if type(other) is Tensor or type(other) in NUMBER_CATEGORY
            else NotImplemented
        )

    for name, function in {
        "__add__": operator("add"),
        "__radd__": reflected(operator("add")),
        "__sub__": without_bools(operator("sub")),
        "__rsub__": without_bools(operator("rsub")),
        "__mul__": operator("mul"),
        "__rmul__": reflected(operator("mul")),
        "__truediv__": operator("div"),
        "__rtruediv__": taking_numbers(lambda self, other: mul(reciprocal(self), other)),
        "__floordiv__": operator("floor_divide"),
        "__rfloordiv__": reflected(operator("floor_divide")),
        "__mod__": taking_numbers(remainder),
        "__rmod__": taking_numbers(reflected(remainder_of_number)),
        "__pow__": taking_numbers(pow),
        "__rpow__": taking_numbers(reflected(pow)),
        "__neg__": neg,
        "__pos__": _positive,
        "__invert__": bitwise_not,
        "__and__": operator("bitwise_and"),
        "__rand__": reflected(operator("bitwise_and")),
        "__or__": operator("bitwise_or"),
        "__ror__": reflected(operator("bitwise_or")),
        "__eq__": operator("eq"),
        "__ne__": operator("ne"),
        "__lt__": operator("lt"),
        "__le__": operator("le"),
        "__gt__": operator("gt"),
        "__ge__": operator("ge"),
    }.items():
        setattr(Tensor, name, function)
