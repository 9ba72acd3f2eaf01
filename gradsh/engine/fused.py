"""Multiply-add with one rounding, which numpy lacks and PyTorch's compiled kernels use.

The two methods are those of Boldo and Melquiond, "Emulation of FMA and correctly rounded sums:
proved algorithms using rounding to odd" (2008): an exact sum that is rounded to odd in a wider (or
a second) word loses nothing that the last rounding could need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SPLITTER = float(2**27 + 1)
# Products outside these magnitudes could overflow or underflow on the way to the result.
_LARGEST, _SMALLEST = 2.0**900, 2.0**-900


def fused_multiply_add(a: NDArray[Any], b: float, c: float) -> NDArray[Any]:
    """`a * b + c` rounded once, for a float32 or float64 array and two numbers of its dtype."""
    if c == 0.0 or abs(b) == 1.0:
        return a * b + c
    if a.dtype == np.float32:
        return _in_single(a, b, c)
    return _in_double(a, b, c)


def _in_single(a: NDArray[np.float32], b: float, c: float) -> NDArray[np.float32]:
    product = a.astype(np.float64) * np.float64(b)  # exact: 24 + 24 bits
    return _odd_sum(product, np.full_like(product, c)).astype(np.float32)


def _in_double(a: NDArray[np.float64], b: float, c: float) -> NDArray[np.float64]:
    plain = a * b + c
    magnitude = np.abs(a * b)
    safe = (magnitude < _LARGEST) & (magnitude > _SMALLEST) & (np.abs(a) < _LARGEST)
    if not abs(b) < _LARGEST or not abs(c) < _LARGEST or not safe.any():
        return plain
    with np.errstate(over="ignore", invalid="ignore"):
        high, low = _exact_product(a, b)
        upper, lower = _exact_sum(low, np.full_like(low, c))
        upper, middle = _exact_sum(high, upper)
        fused = upper + _odd_sum(lower, middle)
    return np.where(safe, fused, plain)


def _exact_sum(
    a: NDArray[np.float64], b: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The rounded sum and its rounding error (Knuth)."""
    total = a + b
    shadow = total - a
    return total, (a - (total - shadow)) + (b - shadow)


def _exact_product(
    a: NDArray[np.float64], b: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The rounded product and its rounding error (Dekker, with Veltkamp's splitting)."""
    product = a * b
    scaled = a * _SPLITTER
    a_high = scaled - (scaled - a)
    a_low = a - a_high
    b_scaled = b * _SPLITTER
    b_high = b_scaled - (b_scaled - b)
    b_low = b - b_high
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, error


def _odd_sum(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum rounded to odd: when inexact, the neighbour whose last bit is set."""
    total, error = _exact_sum(a, b)
    bits = total.view(np.int64)
    # Away from zero where the error has the sum's sign, else towards zero.
    step = np.where((error > 0) == (total > 0), 1, -1)
    inexact = (error != 0) & (bits & 1 == 0) & np.isfinite(total)
    np.add(bits, step, out=bits, where=inexact)
    return total
