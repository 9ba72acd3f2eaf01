"""Normalized rows of a large matrix and their derivatives, with as few passes as numpy allows.

Each block of rows takes all its passes while it lies in the cache, and what several results need is
computed once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.blocks import ONE, over_rows, products

Array = np.ndarray[Any, np.dtype[Any]]

_ADD: Any = np.add

_NEGLIGIBLE = 1e-7
"""An error of a standardized value that its own rounding in float32 hides."""


def standardized_rows(
    values: Array, weight: Array | None, bias: Array | None, eps: float
) -> tuple[Array, Array, Array]:
    """Each row with mean 0 and variance 1, times weight plus bias; the means, and the reciprocal
    deviations, as columns.

    A second pass corrects the rounding of the first mean where it would show.
    """
    rows, length = values.shape
    result = np.empty(values.shape, values.dtype)
    means, scales = (np.empty((rows, 1), values.dtype) for _ in range(2))
    count, least = values.dtype.type(length), values.dtype.type(eps)

    def work(part: slice) -> None:
        block, out = values[part], result[part]
        average = products(block, ONE, 1) / count
        np.subtract(block, average, out=out)
        left_over = products(out, ONE, 1) / count
        variance = products(out, out, 1) / count - left_over**2
        scale = 1 / np.sqrt(variance + least)
        means[part], scales[part] = average + left_over, scale
        if not np.max(np.abs(left_over) * scale) <= _NEGLIGIBLE:
            out -= left_over
        out *= scale
        if weight is not None:
            out *= weight
        if bias is not None:
            out += bias

    over_rows(work, rows, length)
    return result, means, scales


def row_cotangents(
    g: Array, values: Array, weight: Array | None, mean: Array, scale: Array
) -> tuple[Array, Array | None, Array | None]:
    """The cotangents of the values, the weight and the bias of `standardized_rows`, for g.

    Those of weight and bias come with hardly any work beside the first; without a weight they are
    None. Source of the first: Ioffe and Szegedy, Batch Normalization (2015), section 3.
    """
    result = np.empty(values.shape, values.dtype)
    count = values.dtype.type(values.shape[1])

    def work(part: slice) -> tuple[Array, Array] | None:
        block, out, own_scale = g[part], result[part], scale[part]
        distance = values[part] - mean[part]
        sums = None
        if weight is None:
            total, along = products(block, ONE, 1), products(block, distance, 1)
        else:
            np.multiply(block, distance, out=out)
            sums = np.einsum("i,ij->j", own_scale[:, 0], out), _ADD.reduce(block, 0)
            total, along = products(block, weight, 1), products(out, weight, 1)
            block = np.multiply(block, weight, out=out)
        distance *= along * (own_scale**2 / count)
        distance += total / count
        np.subtract(block, distance, out=out)
        out *= own_scale
        return sums

    sums = over_rows(work, *values.shape)
    if weight is None:
        return result, None, None
    by_weight, by_bias = (_ADD.reduce(parts, 0) for parts in zip(*sums, strict=True))
    return result, by_weight, by_bias


def weight_cotangent(g: Array, values: Array, mean: Array, scale: Array) -> Array:
    """The second of `row_cotangents` alone: the sums of g times the normalized values."""

    def work(part: slice) -> Array:
        distance = values[part] - mean[part]
        distance *= g[part]
        sums: Array = np.einsum("i,ij->j", scale[part, 0], distance)
        return sums

    result: Array = _ADD.reduce(over_rows(work, *values.shape), 0)
    return result
