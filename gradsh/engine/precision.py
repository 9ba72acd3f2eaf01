"""Elementary functions of float32, rounded as well as PyTorch's kernels round them."""

from __future__ import annotations

import math
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


_VECTOR_OF_HALVES = 32
"""Elements that PyTorch's kernels compute at once; what is left over, one by one."""


def left_over(*operands: Any) -> Any:
    """Where, among the results of pointwise operands of half precision, PyTorch's kernels compute
    one element after the other, in code that may round more often than that for whole vectors.

    A bool, or an array of them that broadcasts with the result. Operands that do not lie in memory
    as the result does are computed line by line.
    """
    shape = np.broadcast_shapes(*(x.shape for x in operands))
    dense = all(not x.ndim or (x.shape == shape and x.flags.c_contiguous) for x in operands)
    length = math.prod(shape) if dense or not shape else shape[-1]
    whole = length - length % _VECTOR_OF_HALVES
    if whole in (0, length):
        return not whole
    places = np.arange(length) >= whole
    return places.reshape(shape) if dense else places


def reciprocal_root(input: Any) -> Any:
    """One over the square root, in single precision, of half precision rounded as PyTorch does."""
    root = np.sqrt(single(input))
    if input.dtype in HALVES:
        root = np.where(left_over(input), single(root.astype(input.dtype)), root)
    return np.reciprocal(root)


def plus_multiple(input: Any, other: Any, factor: Any) -> Any:
    """input + factor * other of half precision, as PyTorch's kernel for sums rounds it.

    Half precision is what it makes of the factor too, and of products that are left over.
    """
    product = single(other) * single(np.asarray(factor).astype(input.dtype))
    alone = left_over(input, other)
    if alone is not False:
        product = np.where(alone, single(product.astype(input.dtype)), product)
    return (single(input) + product).astype(input.dtype)


def single(array: Any) -> Any:
    """`array`, half precision made single: PyTorch computes so and rounds once, at the end."""
    return array.astype(_SINGLE) if array.dtype in HALVES else array
