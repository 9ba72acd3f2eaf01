"""Elementary functions of float32, rounded as well as PyTorch's kernels round them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradsh.engine.dtypes import HALVES

SEEN_IN_FULL = 1024
"""Up to so many elements precision counts, beyond them speed: more are never printed in full."""

_SINGLE = np.dtype(np.float32)
_DOUBLE = np.dtype(np.float64)


def precise(function: Callable[..., Any], *operands: Any) -> Any:
    """`function` of float32 arrays, computed in float64 and rounded once where they are small.

    PyTorch's vector kernels err by little more than half a unit in the last place, numpy's
    float32 kernels by up to four, which shows wherever a number is printed with all its digits.
    The functions compute element by element; arrays of other types go to them as they are.
    """
    for operand in operands:
        if operand.dtype is not _SINGLE or operand.size > SEEN_IN_FULL:
            return function(*operands)
    if len(operands) == 1:
        return function(operands[0].astype(_DOUBLE)).astype(_SINGLE)
    return function(*[operand.astype(_DOUBLE) for operand in operands]).astype(_SINGLE)


def fused_multiply_add(first: Any, second: Any, third: Any) -> Any:
    """first * second + third; of few float32 numbers rounded once, as PyTorch's kernels do it.

    Other arrays, and tensors, are multiplied and added as usual.
    """
    for operand in (first, second, third):
        if type(operand) is int:
            continue
        if type(operand) is not np.ndarray or operand.dtype is not _SINGLE:
            return first * second + third
        if operand.size > SEEN_IN_FULL:
            return first * second + third
    # products of float32 are exact in float64
    product = np.multiply(first, second, dtype=np.float64)
    return np.add(product, third).astype(np.float32)


def rounded_once(formula: Callable[..., Any]) -> Callable[..., Any]:
    """`formula`, which computes with single precision wherever it meets arrays of half."""

    def compute(g: Any, *values: Any) -> Any:
        if type(g) is not np.ndarray or g.dtype not in HALVES:
            return formula(g, *values)
        wide = [single(value) if type(value) is np.ndarray else value for value in values]
        return formula(single(g), *wide).astype(g.dtype)

    return compute


def single(array: Any) -> Any:
    """`array`, half precision made single: PyTorch computes so and rounds once, at the end."""
    return array.astype(_SINGLE) if array.dtype in HALVES else array
