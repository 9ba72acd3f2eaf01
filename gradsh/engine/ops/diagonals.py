"""Diagonals and triangles of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import Dim, Operand
from gradsh.engine.derivative import linear
from gradsh.engine.op import composite
from gradsh.engine.ops.arrange import rank_of
from gradsh.engine.ops.shape import contiguous, view
from gradsh.engine.tensor import wrap_dim

Array = np.ndarray[Any, np.dtype[Any]]


def _triangle(name: str, input: Array, part: Any, diagonal: int) -> Array:
    if input.ndim < 2:
        raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")
    result: Array = part(input, diagonal)
    return result


@linear(input=lambda g, diagonal: tril(g, diagonal), in_place=True)
def tril(input: Operand, diagonal: Dim = 0):
    """The lower triangle of matrices, up to a diagonal; zeros above it.

    tril(randn(3, 4))
    tril(randn(2, 3, 4), -1)
    """
    return _triangle("tril", input, np.tril, diagonal)


@linear(input=lambda g, diagonal: triu(g, diagonal), in_place=True)
def triu(input: Operand, diagonal: Dim = 0):
    """The upper triangle of matrices, from a diagonal on; zeros below it.

    triu(randn(3, 4))
    triu(randn(2, 3, 4), 1)
    """
    return _triangle("triu", input, np.triu, diagonal)


def _diagonal_of(input: Array, offset: int, dim1: int, dim2: int) -> Array:
    first, second = wrap_dim(dim1, input.ndim), wrap_dim(dim2, input.ndim)
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    result = np.diagonal(input, offset, first, second)
    if input.flags.writeable and result.base is not None:
        result.flags.writeable = True  # numpy hands it out read-only
    return result


@linear(
    input=lambda g, offset, dim1, dim2, input_shape: on_diagonal(
        g, offset, dim1, dim2, input_shape
    ),
    view=True,
)
def diagonal(input: Operand, offset: Dim = 0, dim1: Dim = 0, dim2: Dim = 1):
    """A diagonal of the plane of two dimensions, as the last dimension of a view.

    diagonal(randn(3, 4))
    diagonal(randn(2, 3, 4), 1, 1, 2)
    diagonal(randn(2, 3, 4), offset=-1, dim1=0, dim2=2)
    """
    return _diagonal_of(input, offset, dim1, dim2)


@linear(
    input=lambda g, offset, input_shape: on_diagonal(g, offset, 0, 1, input_shape),
    grad_fn="DiagonalBackward0_copy",
    hidden=True,
)
def diagonal_copy(input: Operand, offset: Dim):
    """A copy of a matrix's diagonal."""
    return _diagonal_of(input, offset, 0, 1).copy()


@linear(
    input=lambda g, offset, dim1, dim2: diagonal(g, offset, dim1, dim2),
    grad_fn="DiagonalBackwardBackward0",
    hidden=True,
)
def on_diagonal(input: Operand, offset: Any, dim1: Any, dim2: Any, shape: Any):
    """Zeros of `shape` with input on a diagonal: taking it transposed."""
    result = np.zeros(shape, input.dtype)
    place = _diagonal_of(result, offset, dim1, dim2)
    if place.size:
        place[...] = input
    return result


@linear(input=lambda g, offset, dim1, dim2: diagonal(g, offset, dim1, dim2))
def diag_embed(input: Operand, offset: Dim = 0, dim1: Dim = -2, dim2: Dim = -1):
    """Matrices with the last dimension of input on a diagonal, zeros elsewhere.

    diag_embed(randn(3, 4))
    diag_embed(randn(3, 4), 1, 0, 2)
    """
    ndim = input.ndim + 1
    first, second = wrap_dim(dim1, ndim), wrap_dim(dim2, ndim)
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    length = input.shape[-1] + abs(offset)
    rest = iter(input.shape[:-1])
    shape = tuple(length if dim in (first, second) else next(rest) for dim in range(ndim))
    result = np.zeros(shape, input.dtype)
    if input.size:
        _diagonal_of(result, offset, first, second)[...] = input
    return result


@composite()
def diag(input: Any, diagonal: int = 0) -> Any:
    """The matrix with a vector on its diagonal, or a copy of a matrix's diagonal.

    diag(randn(3))
    diag(randn(3, 4), 1)
    """
    ndim = rank_of(input)
    if ndim == 1:
        return diag_embed(input, diagonal)
    if ndim == 2:
        return diagonal_copy(input, diagonal)
    raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {ndim}D")


@composite()
def diagflat(input: Any, offset: int = 0) -> Any:
    """The matrix with all elements of input on its diagonal.

    diagflat(randn(2, 3))
    """
    return diag_embed(view(contiguous(input), (-1,)), offset)
