"""Questions about each element: is it nan, infinite, finite; and, or, not of truth values."""

from __future__ import annotations

import numpy as np

from gradsh.engine.derivative import pointwise


@pointwise(result="bool", in_place=False)
def isnan(input):
    """Where input is nan.

    isnan(tensor([1.0, nan, inf]))
    """
    return np.isnan(input)


@pointwise(result="bool", in_place=False)
def isinf(input):
    """Where input is infinite.

    isinf(tensor([1.0, nan, inf, -inf]))
    """
    return np.isinf(input)


@pointwise(result="bool", in_place=False)
def isfinite(input):
    """Where input is neither infinite nor nan.

    isfinite(tensor([1.0, nan, inf]))
    """
    return np.isfinite(input)


@pointwise(result="bool", numbers="none")
def logical_and(input, other):
    """Where both input and other are true (not zero).

    logical_and(tensor([true, false]), tensor([2, 0]))
    """
    return np.logical_and(input, other)


@pointwise(result="bool", numbers="none")
def logical_or(input, other):
    """Where input or other is true (not zero).

    logical_or(tensor([true, false]), tensor([0, 0]))
    """
    return np.logical_or(input, other)


@pointwise(result="bool", numbers="none")
def logical_xor(input, other):
    """Where one of input and other, not both, is true (not zero).

    logical_xor(tensor([true, false]), tensor([2, 1]))
    """
    return np.logical_xor(input, other)


@pointwise(result="bool")
def logical_not(input):
    """Where input is false (zero).

    logical_not(tensor([0.0, 1.5]))
    """
    return np.logical_not(input)
