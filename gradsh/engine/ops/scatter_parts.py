"""A tensor with a part of it replaced, as a new tensor: index_put, select_scatter and the like."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import Dim, Operand, check_tensors, operands, refuse
from gradsh.engine.derivative import linear
from gradsh.engine.dtypes import FROM_NUMPY
from gradsh.engine.op import composite
from gradsh.engine.ops.diagonals import diagonal
from gradsh.engine.ops.indexing import index, index_put, select, slice_along
from gradsh.engine.ops.pieces import no_effect, refuse_complex_gradient
from gradsh.engine.ops.shape import sum_to, to
from gradsh.engine.ops.strided import spread_view
from gradsh.engine.recording import storage
from gradsh.engine.tensor import Tensor, wrap_dim
from gradsh.engine.views import Layout

Array = np.ndarray[Any, np.dtype[Any]]


def _put_into(result: Array, place: Array, src: Array) -> Array:
    """`result`, with `src` written into `place`, a view of it."""
    if place.shape != src.shape:
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. src size = "
            f"{list(src.shape)}, slice size = {list(place.shape)}"
        )
    place[...] = src
    return result


@linear(
    input=lambda g, dim, index, src_shape: selected(g, no_effect(g, src_shape), dim, index),
    src=lambda g, dim, index: select(g, dim, index),
    grad_fn="SelectScatterBackward0",
    hidden=True,
)
def selected(input: Operand, src: Operand, dim: Dim, index: Dim):
    """input with src at one index along dim."""
    result = input.copy()
    return _put_into(result, select.op.forward(result, dim, index), src)


@composite()
def select_scatter(input: Any, src: Any, dim: int, index: int) -> Any:
    """input with src at one index along dim.

    select_scatter(randn(3, 4), randn(3), 1, -1)
    select_scatter(randn(3, 4), randn(4), dim=0, index=2)
    """
    for operand in (input, src):
        refuse_complex_gradient("select_scatter", operand)
    return selected(input, src, dim, index)


@linear(
    input=lambda g, dim, start, end, step, src_shape: sliced(
        g, no_effect(g, src_shape), dim, start, end, step
    ),
    src=lambda g, dim, start, end, step: slice_along(g, dim, start, end, step),
    grad_fn="SliceScatterBackward0",
    hidden=True,
)
def sliced(input: Operand, src: Operand, dim: Dim, start: Any, end: Any, step: Dim):
    """input with src in a slice along dim."""
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    if not input.ndim:
        raise IndexError("slice() cannot be applied to a 0-dim tensor.")
    result = input.copy()
    place = slice_along.op.forward(result, wrap_dim(dim, input.ndim), start, end, step)
    return _put_into(result, place, src)


@composite()
def slice_scatter(
    input: Any,
    src: Any,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Any:
    """input with src in a slice along dim.

    slice_scatter(randn(4, 4), randn(2, 4), start=1, end=3)
    slice_scatter(randn(3, 4), randn(3, 2), 1, 0, 4, 2)
    """
    for operand in (input, src):
        refuse_complex_gradient("slice_scatter", operand)
    return sliced(input, src, dim, start, end, step)


@linear(
    input=lambda g, offset, dim1, dim2, src_shape: diagonal_scatter(
        g, no_effect(g, src_shape), offset, dim1, dim2
    ),
    src=lambda g, offset, dim1, dim2: diagonal(g, offset, dim1, dim2),
)
def diagonal_scatter(input: Operand, src: Operand, offset: Dim = 0, dim1: Dim = 0, dim2: Dim = 1):
    """input with src on a diagonal.

    diagonal_scatter(randn(3, 3), randn(3))
    diagonal_scatter(randn(3, 4), randn(3), 1)
    diagonal_scatter(randn(2, 4, 3), randn(2, 3), offset=-1, dim1=1, dim2=2)
    """
    result = input.copy()
    return _put_into(result, diagonal.op.forward(result, offset, dim1, dim2), src)


@linear(
    input=lambda g: g,
    values=lambda g, indices, values_shape: sum_to(index(g, indices), values_shape),
    grad_fn="IndexPutBackward0",
    hidden=True,
)
def index_put_added(input: Operand, values: Operand, indices: Any):
    """input with values added at the indices."""
    result = input.copy()
    np.add.at(result, indices, values)
    return result


@composite(name="index_put", in_place=True)
def index_put_checked(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """input with values at the places that a tuple of index tensors names, or added there.

    index_put(randn(3, 4), (tensor([0, 2]),), randn(4))
    index_put(randn(4, 3), (tensor([0, 2]), tensor([1, 1])), randn(2))
    index_put(randn(4, 3), (tensor([0, 0]), tensor([1, 1])), randn(2), accumulate=true)
    index_put(randn(4), (tensor([true, false, true, false]),), tensor(7.).detach())
    """
    check_tensors("index_put", input=input)
    chosen = operands(indices, "index_put", "indices", 2)
    if type(values) is not Tensor:
        raise refuse("index_put", "values", 3, "Tensor", values)
    fills_mask = [x.array.dtype.kind for x in chosen] == ["b"] and values.array.size == 1
    if fills_mask and not accumulate:
        values = to(values, input.dtype)
    if values.array.dtype is not input.array.dtype:
        names = [FROM_NUMPY[x.array.dtype].type_name for x in (input, values)]
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{names[0]} for the destination and {names[1]} for the source."
        )
    arrays = tuple(x.array for x in chosen)
    if len(arrays) > input.ndim:
        raise IndexError(
            f"too many indices for tensor of dimension {input.ndim} (got {len(arrays)})"
        )
    shape = index.op.forward(input.array, arrays).shape
    try:
        np.broadcast_to(values.array, shape)
    except ValueError:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(values.shape)} cannot be broadcast to "
            f"indexing result of shape {list(shape)}"
        ) from None
    return (index_put_added if accumulate else index_put)(input, values, arrays)


@linear(
    input=lambda g, layout: spread_view(g, layout),
    view=True,
    grad_fn="AsStridedBackward0",
    hidden=True,
)
def strided_view(input: Operand, layout: Any):
    """A view of the storage of input."""
    return layout.view_in(storage(input))


@composite()
def as_strided(input: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    """A view of the storage of input with these lengths and strides, from an offset on.

    as_strided(randn(3, 4), (2, 2), (1, 2))
    as_strided(randn(3, 4), (3, 2), (2, 1), 1)
    """
    check_tensors("as_strided", input=input)
    size, stride = tuple(size), tuple(stride)
    if len(size) != len(stride):
        raise RuntimeError("mismatch in length of strides and shape")
    if any(step < 0 for step in stride):
        raise RuntimeError(
            "as_strided: Negative strides are not supported at the moment, got strides: "
            f"{list(stride)}"
        )
    if any(length < 0 for length in size):
        raise RuntimeError(
            f"Storage size calculation overflowed with sizes={list(size)} and "
            f"strides={list(stride)}"
        )
    held = storage(input.array)
    layout = Layout(input.array, input.array, held)
    offset = layout.offset if storage_offset is None else storage_offset
    if offset < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {offset}")
    reach = 1 + sum(step * (length - 1) for length, step in zip(size, stride, strict=True))
    needed = 0 if 0 in size else offset + reach
    if needed * held.itemsize > held.nbytes:
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset}, "
            f"and itemsize {held.itemsize} requiring a storage size of {needed * held.itemsize} "
            f"are out of bounds for storage of size {held.nbytes}"
        )
    layout.shape, layout.strides, layout.offset = size, stride, offset
    return strided_view(input, layout)
