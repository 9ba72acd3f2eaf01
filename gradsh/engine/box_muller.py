"""Uniform to normal samples with exactly the arithmetic of PyTorch's CPU kernels.

Three paths, as there:

- fewer than 16 samples, or memory that is not contiguous: pairs in double precision, by the
  functions of the C library, which Python's `math` reaches with the same bits;
- float64: the same functions on blocks of 16 uniforms, eight radii with eight angles;
- float32 and narrower: the same blocks in float32, where PyTorch (on x86 with AVX2) evaluates the
  Cephes polynomials of `logf`, `sinf` and `cosf` with fused multiply-adds.

A fused float32 multiply-add is a float64 multiplication, which is exact, a float64 addition and a
rounding to float32. That rounds twice, but on none of the 2**24 values a float32 uniform has does
the first rounding change the second (`scripts/dev/check_box_muller.py` tries them all).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gradsh.engine.fused import fused_multiply_add

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK: Final = 16
_HALF: Final = BLOCK // 2
# Blocks of 16 worked on at once: a few arrays of this size stay in the cache.
_BATCH: Final = 2048
# Elements handed to a function of the C library at once: bounds the memory the Python floats take.
_MAPPED: Final = 65536

# The coefficients of Cephes' logf, sinf and cosf (Moshier), rounded to float32 as there.
_LOG = [
    float(np.float32(value))
    for value in (
        7.0376836292e-2,
        -1.1514610310e-1,
        1.1676998740e-1,
        -1.2420140846e-1,
        1.4249322787e-1,
        -1.6668057665e-1,
        2.0000714765e-1,
        -2.4999993993e-1,
        3.3333331174e-1,
    )
]
_LOG_2_LOW = float(np.float32(-2.12194440e-4))
_LOG_2_HIGH = 0.693359375
_ROOT_HALF_BITS = 0x3F3504F3  # float32 sqrt(1/2)
_QUARTERS = np.float32(4 / math.pi)
_TURN = np.float32(2 * math.pi)
# pi/4 in three pieces, each with few bits, so that multiples of the first two are exact.
_PIECES = (-0.78515625, -2.4187564849853515625e-4, float(np.float32(-3.77489497744594108e-8)))
# Row 0 is the sine, row 1 the cosine: both polynomials are evaluated at once.
_SINE_AND_COSINE = [
    np.array([[sine], [cosine]], dtype=np.float32).astype(np.float64)
    for sine, cosine in (
        (-1.9515295891e-4, 2.443315711809948e-5),
        (8.3321608736e-3, -1.388731625493765e-3),
        (-1.6666654611e-1, 4.166664568298827e-2),
    )
]


def mapped(function: Callable[[float], float], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """`function`, one of the C library's, of each value.

    numpy has faster ones, but theirs differ from the C library's in the last place.
    """
    result = np.empty(values.size, dtype=np.float64)
    flat = values.reshape(-1)
    for start in range(0, flat.size, _MAPPED):
        part = flat[start : start + _MAPPED]
        result[start : start + _MAPPED] = np.fromiter(
            map(function, part.tolist()), np.float64, part.size
        )
    return result.reshape(values.shape)


def pairs(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard normal samples, two for each pair of uniforms, in the order they are given out."""
    radius = np.sqrt(-2.0 * mapped(math.log1p, -second))
    angle = (2.0 * math.pi) * first
    result = np.empty((first.size, 2), dtype=np.float64)
    np.multiply(radius, mapped(math.cos, angle), out=result[:, 0])
    np.multiply(radius, mapped(math.sin, angle), out=result[:, 1])
    return result.reshape(-1)


def blocks(uniforms: NDArray[Any], mean: float, std: float) -> NDArray[Any]:
    """Normal samples from uniforms, 16 from each 16, in float32 or float64 as they come.

    `uniforms.size` is a multiple of 16; `mean` and `std` are numbers of the same dtype.
    """
    rows = uniforms.reshape(-1, BLOCK)
    result = np.empty_like(rows)
    standard = _standard_single if rows.dtype == np.float32 else _standard_double
    for start in range(0, len(rows), _BATCH):
        batch = slice(start, start + _BATCH)
        standard(rows[batch], result[batch])
    return fused_multiply_add(result.reshape(-1), std, mean)


def _standard_double(uniforms: NDArray[np.float64], result: NDArray[np.float64]) -> None:
    radius = np.sqrt(-2.0 * mapped(math.log, 1.0 - uniforms[:, :_HALF]))
    angle = (2.0 * math.pi) * uniforms[:, _HALF:]
    np.multiply(radius, mapped(math.cos, angle), out=result[:, :_HALF])
    np.multiply(radius, mapped(math.sin, angle), out=result[:, _HALF:])


def _standard_single(uniforms: NDArray[np.float32], result: NDArray[np.float32]) -> None:
    radius = np.sqrt(np.float32(-2) * logarithm(np.float32(1) - uniforms[:, :_HALF]))
    sine, cosine = sine_and_cosine(_TURN * uniforms[:, _HALF:])
    np.multiply(radius, cosine, out=result[:, :_HALF])
    np.multiply(radius, sine, out=result[:, _HALF:])


def logarithm(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The natural logarithm of positive, normal float32 values, by Cephes' polynomial.

    `log(2**k * m) = k log 2 + log m` with `m` between the roots of 1/2 and 2.
    """
    bits = values.view(np.int32)
    exponent = (bits - _ROOT_HALF_BITS) >> 23
    x = (bits - (exponent << 23)).view(np.float32) - np.float32(1)
    square = x * x
    wide = x.astype(np.float64)
    y = np.full_like(wide, _LOG[0])
    for coefficient in _LOG[1:]:
        y = (y * wide + coefficient).astype(np.float32).astype(np.float64)
    y = (y * wide).astype(np.float32).astype(np.float64)
    scale = exponent.astype(np.float64)
    low = (scale * _LOG_2_LOW).astype(np.float32)
    y = (y * square + low).astype(np.float32).astype(np.float64)
    x += (y - square * np.float64(0.5)).astype(np.float32)
    return (scale * _LOG_2_HIGH + x).astype(np.float32)


def sine_and_cosine(
    angles: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The sine and the cosine of float32 angles from 0 to 8192, by Cephes' polynomials.

    The angle is reduced by the nearest even number of eighths of a turn; which polynomial gives
    which function, and with which sign, follows from that number.
    """
    eighths = ((angles * _QUARTERS).astype(np.int32) + 1) & ~1
    multiple = eighths.astype(np.float64)
    wide = angles.astype(np.float64)
    for piece in _PIECES:
        wide = (multiple * piece + wide).astype(np.float32).astype(np.float64)
    x = wide.astype(np.float32).reshape(-1)
    square = x * x
    z = square.astype(np.float64)
    y = _SINE_AND_COSINE[0]
    for coefficient in _SINE_AND_COSINE[1:]:
        y = (y * z + coefficient).astype(np.float32).astype(np.float64)
    y = (y * z).astype(np.float32).astype(np.float64)
    wide = x.astype(np.float64)
    sine_part = (wide * y[0] + wide).astype(np.float32)
    sine_part += np.float32(0)  # PyTorch adds the polynomial not taken as zero: -0 becomes 0
    cosine_part = (z * y[1] - z * 0.5).astype(np.float32)
    cosine_part += np.float32(1)
    turns = eighths.reshape(-1)
    swapped = (turns & 2) != 0
    sine = np.where(swapped, cosine_part, sine_part)
    cosine = np.where(swapped, sine_part, cosine_part)
    # The bit worth four eighths, half a turn, is moved to where a float32 has its sign.
    for values, half_turns in ((sine, turns), (cosine, turns + 2)):
        bits = values.view(np.int32)
        bits ^= (half_turns & 4) << 29
    return sine.reshape(angles.shape), cosine.reshape(angles.shape)
