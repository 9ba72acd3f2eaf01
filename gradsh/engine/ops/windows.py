"""Sliding windows along a dimension."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from gradsh.engine.arguments import Dim, Operand
from gradsh.engine.derivative import linear
from gradsh.engine.tensor import wrap_dim

Array = np.ndarray[Any, np.dtype[Any]]


@linear(
    input=lambda g, dimension, size, step, input_shape: folded(
        g, dimension, size, step, input_shape
    ),
    view=True,
)
def unfold(input: Operand, dimension: Dim, size: Dim, step: Dim):
    """Every window of the given size along a dimension, step apart, as a new last dimension.

    unfold(randn(7), 0, 3, 2)
    unfold(randn(3, 4), 1, 2, 1)
    """
    return _windows(input, dimension, size, step)


def _windows(input: Array, dimension: int, size: int, step: int) -> Array:
    axis = wrap_dim(dimension, input.ndim)
    source = input if input.ndim else input[None]
    length = source.shape[axis]
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if size > length:
        raise RuntimeError(
            f"maximum size for tensor at dimension {axis} is {length} but size is {size}"
        )
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    if not input.ndim:
        return source[:size]
    if not size:
        count = length // step + 1
        shape = (*source.shape[:axis], count, *source.shape[axis + 1 :], 0)
        return np.ndarray(shape, source.dtype, source)
    windows = sliding_window_view(source, size, axis, writeable=source.flags.writeable)
    result: Array = windows[(slice(None),) * axis + (slice(None, None, step),)]
    return result


@linear(
    input=lambda g, dimension, size, step: unfold(g, dimension, size, step),
    grad_fn="UnfoldBackwardBackward0",
    hidden=True,
)
def folded(input: Operand, dimension: Any, size: Any, step: Any, shape: Any):
    """Zeros of `shape` with each window of input added where it was taken from."""
    result = np.zeros(shape, input.dtype)
    if not shape:
        return result + input.sum()
    axis = wrap_dim(dimension, len(shape))
    if step >= size:
        if result.size:
            _windows(result, axis, size, step)[...] = input
        return result
    places = np.arange(input.shape[axis])[:, None] * step + np.arange(size)
    np.add.at(np.moveaxis(result, axis, 0), places, np.moveaxis(input, (axis, -1), (0, 1)))
    return result
