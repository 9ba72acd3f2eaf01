"""Integers bit by bit, and truth values."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.derivative import pointwise
from gradsh.engine.ops.pieces import refuse
from gradsh.engine.ops.pointwise import (
    not_implemented,
)


def _refuse_floats(kernel: str, array: Any) -> None:
    if array.dtype.kind not in "iub":
        raise not_implemented(kernel, array)


@pointwise()
def bitwise_and(input, other):
    """input and other, bit by bit; for bool, both.

    bitwise_and(tensor([6, 3]), 5)
    """
    _refuse_floats("bitwise_and_cpu", input)
    return np.bitwise_and(input, other)


@pointwise()
def bitwise_or(input, other):
    """input or other, bit by bit; for bool, either.

    bitwise_or(tensor([6, 3]), 5)
    """
    _refuse_floats("bitwise_or_cpu", input)
    return np.bitwise_or(input, other)


@pointwise()
def bitwise_not(input):
    """input with every bit flipped; for bool, its opposite.

    bitwise_not(tensor([true, false]))
    """
    if input.dtype.kind not in "iub":
        raise TypeError(
            "~ (operator.invert) is only implemented on integer and Boolean-type tensors"
        )
    return np.invert(input)


@pointwise()
def bitwise_xor(input, other):
    """The bits in which input and other differ; for bool, one of both.

    bitwise_xor(tensor([6, 3]), 5)
    """
    _refuse_floats("bitwise_xor_cpu", input)
    return np.bitwise_xor(input, other)


def _shifted_within(other: Any) -> Any:
    """Where a shift is by less than the bits an element has."""
    return (other >= 0) & (other < 8 * other.dtype.itemsize)


@pointwise()
def bitwise_left_shift(input, other):
    """input with its bits moved other places up; zero where they all leave.

    bitwise_left_shift(tensor([6, -3]), 2)
    """
    refuse("lshift_cpu", "bfc", input)
    within = _shifted_within(other)
    return np.where(within, np.left_shift(input, np.where(within, other, 0)), 0).astype(input.dtype)


@pointwise()
def bitwise_right_shift(input, other):
    """input with its bits moved other places down; the sign stays.

    bitwise_right_shift(tensor([6, -3]), 1)
    """
    refuse("rshift_cpu", "bfc", input)
    most = other.dtype.type(8 * other.dtype.itemsize - 1)
    within = _shifted_within(other)
    if input.dtype.kind == "u":
        shifted = np.right_shift(input, np.where(within, other, 0))
        return np.where(within, shifted, 0).astype(input.dtype)
    return np.right_shift(input, np.where(within, other, most))
