"""Quotients rounded down, and the remainders they leave."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.appliers import check_broadcast
from gradsh.engine.derivative import pointwise
from gradsh.engine.dtypes import NUMBER_CATEGORY, is_floating
from gradsh.engine.op import composite
from gradsh.engine.ops.pointwise import (
    no_change,
    not_implemented,
)


def _floor_divide_rule(g: Any) -> Any:
    raise RuntimeError("derivative for aten::floor_divide is not implemented")


@pointwise(
    input=_floor_divide_rule,
    other=_floor_divide_rule,
    grad_fn="NotImplemented",
    exact_number=True,
)
def floor_divide(input, other):
    """Quotient of input and other, rounded down.

    floor_divide(tensor([7, -7]), 2)
    """
    if input.dtype.kind in "bc":
        raise not_implemented("div_floor_cpu", input)
    check_divisor(input, other)
    return np.floor_divide(input, other)


def check_divisor(input: Any, other: Any) -> None:
    """Refuse shapes that do not broadcast, then zeros among integer divisors."""
    if other.dtype.kind not in "iu" or np.all(other):
        return
    if 0 not in check_broadcast(input.shape, other.shape):
        raise RuntimeError("ZeroDivisionError")


@pointwise(
    input=lambda g: no_change(g),
    other=lambda g: no_change(g),
    grad_fn="DivBackward1",
    hidden=True,
)
def floored_quotient(input, other):
    """Quotient of input and other, rounded down, with a derivative: zero."""
    return np.floor_divide(input, other)


def _remainder(input: Any, other: Any) -> Any:
    """The remainder with other's sign; a zero keeps input's sign, as C's fmod leaves it."""
    if input.dtype.kind in "bc":
        raise not_implemented("remainder_cpu", input)
    check_divisor(input, other)
    if not is_floating(input.dtype):
        return np.remainder(input, other)
    rest = np.fmod(input, other)
    return np.where((rest != 0) & ((other < 0) != (rest < 0)), rest + other, rest)


@pointwise(
    input=lambda g: g,
    other=lambda g, input, other: -g * floored_quotient(input, other),
    grad_fn="RemainderBackward1",
    hidden=True,
)
def remainder_tensor(input, other):
    """Remainder of input by the tensor other, with other's sign."""
    return _remainder(input, other)


@pointwise(input=lambda g: g, grad_fn="RemainderBackward0", hidden=True)
def remainder_number(input, other):
    """Remainder of input by the number other, with other's sign."""
    return _remainder(input, other)


def _remainder_of_number_rule(g: Any) -> Any:
    raise RuntimeError("derivative for aten::remainder is not implemented")


@pointwise(other=_remainder_of_number_rule, grad_fn="NotImplemented", hidden=True)
def remainder_of_number(input, other):
    """Remainder of the number input by the tensor other, with other's sign."""
    return remainder_tensor.op.forward(input, other)


@composite(in_place=True)
def remainder(input: Any, other: Any) -> Any:
    """Remainder of input divided by other, with other's sign.

    remainder(randn(3, 4), 0.7)
    remainder(randn(3, 4), rand(4) + 1)
    """
    return (remainder_number if type(other) in NUMBER_CATEGORY else remainder_tensor)(input, other)
