"""The arithmetic of updates: products and quotients added in place, rounded as PyTorch does.

PyTorch's kernels multiply and add with one rounding. Where digits show (few elements, see
`gradsh.engine.precision`) the same is had by computing in the next wider type; large arrays are
updated by plain multiplications and additions, which are faster.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.dtypes import HALVES
from gradsh.engine.precision import SEEN_IN_FULL, plus_multiple, single

Array = np.ndarray[Any, np.dtype[Any]]

_SINGLE = np.dtype(np.float32)


def _shows(array: Array) -> bool:
    """Whether an array of single precision is small enough for its last digits to be seen."""
    return array.dtype is _SINGLE and array.size <= SEEN_IN_FULL


def scale(target: Array, factor: float) -> None:
    """Multiply `target` by a number, which half precision meets in single, in place."""
    if target.dtype in HALVES:
        target[...] = single(target) * np.float32(factor)
    else:
        target *= target.dtype.type(factor)


def shrink(target: Array, divisor: float) -> None:
    """Divide `target` by a number, which half precision meets in single, in place."""
    if target.dtype in HALVES:
        target[...] = single(target) / np.float32(divisor)
    else:
        target /= target.dtype.type(divisor)


def add_scaled(target: Array, values: Array, factor: float) -> None:
    """Add `factor * values` to `target`, in place."""
    if target.dtype in HALVES:
        target[...] = plus_multiple(target, values, factor)
    elif _shows(target):
        scaled = values.astype(np.float64)
        scaled *= target.dtype.type(factor)
        scaled += target
        target[...] = scaled
    else:
        target += values * target.dtype.type(factor)


def add_squares(target: Array, values: Array, factor: float) -> None:
    """Add `factor * values * values` to `target`, in place."""
    if target.dtype in HALVES:
        wide = single(values)
        target[...] = single(target) + np.float32(factor) * wide * wide
        return
    scaled = values * target.dtype.type(factor)
    if _shows(target):
        squares = scaled.astype(np.float64)
        squares *= values
        squares += target
        target[...] = squares
    else:
        scaled *= values
        target += scaled


def add_quotient(target: Array, numerator: Array, denominator: Array, factor: float) -> None:
    """Add `factor * numerator / denominator` to `target`, in place."""
    if target.dtype in HALVES:
        quotient = np.float32(factor) * single(numerator) / single(denominator)
        target[...] = single(target) + quotient
        return
    quotient = numerator * target.dtype.type(factor)
    quotient /= denominator
    target += quotient


def blend(target: Array, values: Array, weight: float) -> None:
    """Move `target` the part `weight` of the way to `values`, in place."""
    if target.dtype in HALVES:
        start, end = single(target), single(values)
        way = end - start
        near = weight < 0.5
        target[...] = (
            start + np.float32(weight) * way
            if near
            else end - way * (np.float32(1) - np.float32(weight))
        )
    elif weight < 0.5:
        add_scaled(target, values - target, weight)
    else:
        moved = values.copy()
        add_scaled(moved, values - target, weight - 1)
        target[...] = moved


def real_parts(array: Array) -> Array:
    """A complex array as a real one, a last dimension longer, sharing its storage."""
    if array.dtype.kind != "c":
        return array
    return array[..., np.newaxis].view(array.real.dtype)
