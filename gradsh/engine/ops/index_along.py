"""Slices along a dimension, picked by a vector of indices, and put back there."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import Dim, Number, Operand
from gradsh.engine.derivative import linear
from gradsh.engine.dtypes import FROM_NUMPY, NUMBER_CATEGORY
from gradsh.engine.op import composite
from gradsh.engine.ops.gathering import outside_error
from gradsh.engine.ops.shape import reshape, sum_to
from gradsh.engine.tensor import wrap_dim

Array = np.ndarray[Any, np.dtype[Any]]


def _vector(name: str, index: Array) -> Array:
    if index.ndim > 1:
        raise IndexError(f"{name}(): Index is supposed to be a vector")
    return np.atleast_1d(index)


def along(axis: int, index: Array) -> tuple[Any, ...]:
    """The key of the parts along `axis` that `index` names."""
    return (*([slice(None)] * axis), index)


@linear(
    input=lambda g, dim, index, input_shape: index_added(g, index, dim, input_shape),
)
def index_select(input: Operand, dim: Dim, index: Operand):
    """The parts of input along dim that the vector index names.

    index_select(randn(3, 4), 0, tensor([2, 0, 0]))
    index_select(randn(3, 4), 1, tensor([1, 3]))
    """
    axis = wrap_dim(dim, input.ndim)
    places = _vector("index_select", index)
    if places.dtype.name not in ("int32", "int64"):
        raise RuntimeError("index_select(): Expected dtype int32 or int64 for index")
    if not input.ndim:
        if places.size != 1:
            raise RuntimeError(
                f"index_select(): Index to scalar can have only 1 value, got {places.size} value(s)"
            )
        if places[0] != 0:
            raise IndexError("index out of range in self")
        return input.copy()
    length = input.shape[axis]
    outside = places[(places < 0) | (places >= length)]
    if outside.size:
        if not length:
            raise RuntimeError("index_select(): self indexing axis dim should be positive")
        if not axis:
            raise IndexError("index out of range in self")
        raise RuntimeError(
            f"INDICES element is out of DATA bounds, id={outside[0]} axis_dim={length}"
        )
    return input[along(axis, places)]


@linear(
    input=lambda g, index, dim: index_select(g, dim, index),
    grad_fn="IndexAddBackward0",
    hidden=True,
)
def index_added(input: Operand, index: Operand, dim: Any, shape: Any):
    """Zeros of `shape` with the parts of input added along dim where index says."""
    result = np.zeros(shape, input.dtype)
    if not shape:
        result += input.sum()
        return result
    np.add.at(result, along(dim % len(shape), np.atleast_1d(index)), input)
    return result


def check_source(
    input: Array, index: Array, axis: int, source: Array, name: str = "index_add_"
) -> Array:
    """The index as a vector, if the source has a part for each of its elements."""
    kind = FROM_NUMPY[index.dtype].type_name
    if index.ndim > 1:
        raise IndexError(
            f"{name}(): Index is supposed to be a vector, but got dim: {index.ndim} with "
            f"type: {kind} and size: {list(index.shape)}"
        )
    places = np.atleast_1d(index)
    if places.dtype.name not in ("int32", "int64"):
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index but got: {kind}")
    if source.dtype is not input.dtype:
        raise RuntimeError(
            f"{name}(): self ({FROM_NUMPY[input.dtype].type_name}) and source "
            f"({FROM_NUMPY[source.dtype].type_name}) must have the same scalar type"
        )
    if not source.ndim and places.size != 1:
        raise IndexError(f"Dimension specified as {axis} but tensor has no dimensions")
    count = source.shape[axis] if source.ndim else 1
    if count != places.size:
        raise RuntimeError(
            f"{name}(): Number of indices ({places.size}) should be equal to "
            f"source.size(dim): ({count}), for dim: {axis}"
        )
    if input.ndim and (
        source.shape[:axis] + source.shape[axis + 1 :]
        != input.shape[:axis] + input.shape[axis + 1 :]
    ):
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. "
            f"Got self.shape = {list(input.shape)} source.shape = {list(source.shape)}"
        )
    error = outside_error(places, axis, (input.shape or (1,))[axis]) if input.size else None
    if error is not None:
        raise (
            RuntimeError(str(error)) if input.ndim > 1 else IndexError("index out of range in self")
        )
    return places


@linear(
    input=lambda g: g,
    source=lambda g, dim, index, alpha, source_shape: (
        reshape(index_select(g, dim, index), source_shape) * alpha
    ),
    in_place=True,
)
def index_add(input: Operand, dim: Dim, index: Operand, source: Operand, *, alpha: Number = 1):
    """input with alpha times the parts of source added along dim where index says.

    index_add(randn(3, 4), 0, tensor([2, 0, 2]), randn(3, 4))
    index_add(randn(3, 4), 1, tensor([0]), randn(3, 1), alpha=2)
    """
    axis = wrap_dim(dim, input.ndim)
    places = check_source(input, index, axis, source)
    if not input.size:
        return input.copy()
    result = input.copy()
    scaled = source if alpha == 1 else source * input.dtype.type(alpha)
    if result.ndim:
        np.add.at(result, along(axis, places), scaled)
    else:
        result += scaled.sum()
    return result


@linear(
    input=lambda g, dim, index: fill_number(g, dim, index, 0),
    source=lambda g, dim, index, source_shape: reshape(index_select(g, dim, index), source_shape),
    in_place=True,
)
def index_copy(input: Operand, dim: Dim, index: Operand, source: Operand):
    """input with its parts along dim where index says replaced by those of source.

    index_copy(randn(5, 4), 0, tensor([2, 0]), randn(2, 4))
    """
    axis = wrap_dim(dim, input.ndim)
    if index.ndim > 1:
        raise IndexError(f"index_copy_(): Index should have dimension 1 or 0 (got {index.ndim})")
    places = np.atleast_1d(index)
    if not source.ndim and places.size != 1:
        raise IndexError(
            f"index_copy_(): When source is scalar, index should have one element (got "
            f"{places.size})"
        )
    if source.ndim and input.ndim and source.ndim != input.ndim:
        raise IndexError(
            "index_copy_(): When source and destination are not scalars, their dimensionality "
            f"must match. Source dimensionality ({source.ndim}), destination dimensionality "
            f"({input.ndim})"
        )
    if index.dtype != np.int64:
        raise RuntimeError(
            "index_copy_(): Expected a long tensor for index, but got "
            f"{FROM_NUMPY[index.dtype].type_name}"
        )
    if source.dtype is not input.dtype:
        raise RuntimeError(
            "index_copy_(): self and source expected to have the same dtype, but got (self) "
            f"{FROM_NUMPY[input.dtype].type_name} and (source) "
            f"{FROM_NUMPY[source.dtype].type_name}"
        )
    given = source.shape[:axis] + source.shape[axis + 1 :]
    wanted = input.shape[:axis] + input.shape[axis + 1 :]
    if source.ndim and given != wanted:
        raise RuntimeError(
            "index_copy_(): Source/destination tensor must have same slice shapes. Destination "
            f"slice shape: {' '.join(map(str, wanted))} at dimension {axis} and source slice "
            f"shape: {' '.join(map(str, given))} at dimension {axis}."
        )
    if source.ndim and source.shape[axis] != places.size:
        raise IndexError(
            f"index_copy_(): Number of indices ({places.size}) should be equal to source.size(dim)"
            f" ({source.shape[axis]})"
        )
    length = (input.shape or (1,))[axis]
    error = outside_error(places, axis, length)
    if error is not None:
        raise IndexError(f"index_copy_(): {error}")
    result = input.copy()
    np.atleast_1d(result)[along(axis, places)] = source
    return result


def _filled(input: Array, dim: int, index: Array, value: Any) -> Array:
    if index.dtype.name not in ("int32", "int64"):
        raise IndexError("index_fill_(): Expected dtype int64 for index.")
    axis = wrap_dim(dim, input.ndim)
    if index.ndim > 1:
        raise RuntimeError("Index has to be a vector/scalar")
    length = (input.shape or (1,))[axis]
    places = np.atleast_1d(index)
    outside = places[(places < -length) | (places >= length)]
    if outside.size:
        raise IndexError(
            f"index {outside[0]} is out of bounds for dimension {axis} with size {length}"
        )
    if input.dtype.kind != "c" and (type(value) is complex or np.iscomplexobj(value)):
        raise RuntimeError(
            "index_fill_(): Converting complex Scalar to non-complex type is not supported"
        )
    result = input.copy()
    np.atleast_1d(result)[along(axis, places)] = value
    return result


@linear(
    input=lambda g, dim, index: fill_number(g, dim, index, 0),
    grad_fn="IndexFillBackward0",
    hidden=True,
)
def fill_number(input: Operand, dim: Dim, index: Operand, value: Number):
    """input with a number in its parts along dim where index says."""
    return _filled(input, dim, index, value)


@linear(
    input=lambda g, dim, index: fill_number(g, dim, index, 0),
    value=lambda g, dim, index: sum_to(index_select(g, dim, index), ()),
    grad_fn="IndexFillBackward1",
    hidden=True,
)
def fill_tensor(input: Operand, dim: Dim, index: Operand, value: Operand):
    """input with a zero-dim tensor's value in its parts along dim where index says."""
    if value.ndim:
        raise RuntimeError(
            "index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value.ndim} dimension(s)."
        )
    return _filled(input, dim, index, value)


@composite(in_place=True)
def index_fill(input: Any, dim: int, index: Any, value: Any) -> Any:
    """input with a number, or a zero-dim tensor's, in its parts along dim where index says.

    index_fill(randn(5, 4), 0, tensor([2, -1]), 7.)
    index_fill(randn(4, 5), 1, tensor([2, 0]), tensor(7))
    """
    fill = fill_number if type(value) in NUMBER_CATEGORY else fill_tensor
    return fill(input, dim, index, value)
