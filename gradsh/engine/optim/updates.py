"""The arithmetic of updates: products and quotients added in place, rounded as PyTorch does.

PyTorch's kernels multiply and add with one rounding. Where digits show (few elements, see
`gradsh.engine.precision`) the same is had by computing in the next wider type; large arrays are
updated by plain multiplications and additions, which are faster.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.precision import SEEN_IN_FULL

Array = np.ndarray[Any, np.dtype[Any]]

_HALF, _SINGLE = np.dtype(np.float16), np.dtype(np.float32)


def _wider(array: Array) -> Any:
    """The type to compute in before rounding to that of `array`; None for its own."""
    if array.dtype is _SINGLE:
        return np.float64 if array.size <= SEEN_IN_FULL else None
    return np.float32 if array.dtype is _HALF else None


def add_scaled(target: Array, values: Array, factor: float) -> None:
    """Add `factor * values` to `target`, in place."""
    wide = _wider(target)
    if wide is None:
        target += values * target.dtype.type(factor)
    else:
        scaled = values.astype(wide)
        scaled *= target.dtype.type(factor) if wide is np.float64 else wide(factor)
        scaled += target
        target[...] = scaled


def add_squares(target: Array, values: Array, factor: float) -> None:
    """Add `factor * values * values` to `target`, in place."""
    scaled = values * target.dtype.type(factor)
    wide = _wider(target)
    if wide is None:
        scaled *= values
        target += scaled
    else:
        squares = scaled.astype(wide)
        squares *= values
        squares += target
        target[...] = squares


def add_quotient(target: Array, numerator: Array, denominator: Array, factor: float) -> None:
    """Add `factor * numerator / denominator` to `target`, in place."""
    quotient = numerator * target.dtype.type(factor)
    quotient /= denominator
    target += quotient


def blend(target: Array, values: Array, weight: float) -> None:
    """Move `target` the part `weight` of the way to `values`, in place."""
    if weight < 0.5:
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
