"""Elements picked by tensors of indices or masks, and put back there."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.appliers import check_broadcast
from gradsh.engine.arguments import Dim, Number, Operand
from gradsh.engine.derivative import linear
from gradsh.engine.dtypes import FROM_NUMPY, NUMBER_CATEGORY
from gradsh.engine.op import composite
from gradsh.engine.ops.linalg import _SCALAR_NAMES as SCALAR_NAMES
from gradsh.engine.ops.pointwise import remainder, where
from gradsh.engine.ops.shape import expand, reshape, sum_to, view
from gradsh.engine.tensor import Tensor, new_tensor, wrap_dim

Array = np.ndarray[Any, np.dtype[Any]]


def _raw(value: Any) -> Any:
    return getattr(value, "array", value)


def _outside(index: Array, dim: int, length: int) -> IndexError | None:
    """PyTorch's error for an index that is negative or too large."""
    if index.size:
        outside = index[(index < 0) | (index >= length)]
        if outside.size:
            return IndexError(
                f"index {outside.flat[0]} is out of bounds for dimension {dim} with size {length}"
            )
    return None


def _refuse_outside(index: Array, dim: int, length: int) -> None:
    error = _outside(index, dim, length)
    if error is not None:
        raise RuntimeError(str(error))


def _places(index: Array, axis: int) -> tuple[Array, ...]:
    """For each element of `index` where it points: itself along `axis`, its own place elsewhere."""
    grid = list(np.ogrid[tuple(slice(length) for length in index.shape)])
    grid[axis] = index
    return tuple(grid)


def _check_index(
    name: str, input: Array, index: Array, axis: int, source: Array | None = None
) -> None:
    if index.dtype != np.int64 and not (index.dtype == np.int32 and index.size):
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")
    if not index.size:
        return
    if max(input.ndim, 1) != max(index.ndim, 1):
        raise RuntimeError(
            "Index tensor must have the same number of dimensions as "
            f"{'input' if name == 'gather' else 'self'} tensor"
        )
    if source is not None:
        wrap_dim(index.ndim - 1, source.ndim)
    lengths = input.shape or (1,)
    shape = index.shape or (1,)
    if name == "gather":
        for dim, (wanted, length) in enumerate(zip(shape, lengths, strict=True)):
            if dim != axis and wanted > length:
                raise RuntimeError(
                    f"Size does not match at dimension {dim} expected index {list(index.shape)} to "
                    f"be no larger than self {list(input.shape)} apart from dimension {axis}"
                )
    else:
        too_long = any(
            dim != axis and wanted > length
            for dim, (wanted, length) in enumerate(zip(shape, lengths, strict=True))
        )
        beyond = source is not None and any(
            wanted > length for wanted, length in zip(shape, source.shape or (1,), strict=True)
        )
        if too_long or beyond:
            message = (
                f"Expected index {list(index.shape)} to be no larger than self "
                f"{list(input.shape)} apart from dimension {axis}"
            )
            if source is not None:
                message += f" and to be no larger size than src {list(source.shape)}"
            raise RuntimeError(message)
    _refuse_outside(index, axis, lengths[axis])


@linear(
    input=lambda g, dim, index, input_shape: added_at(g, index, dim, input_shape),
)
def gather(input: Operand, dim: Dim, index: Operand, *, sparse_grad: bool = False):
    """Along dim the elements that index names, each in its own line of input.

    gather(randn(3, 4), 1, tensor([[0, 0], [3, 1], [2, 2]]))
    gather(randn(3, 4), 0, tensor([[2, 1, 0, 0]]))
    """
    axis = wrap_dim(dim, input.ndim)
    _check_index("gather", input, index, axis)
    if not index.size:
        return np.empty(index.shape, input.dtype)
    picked = np.atleast_1d(input)[_places(np.atleast_1d(index), axis)]
    return picked.reshape(index.shape)


@linear(input=lambda g, index, dim: gather(g, dim, index), hidden=True)
def added_at(input: Operand, index: Operand, dim: Any, shape: Any):
    """Zeros of `shape` with input added along dim where index says: gathering transposed."""
    result = np.zeros(shape, input.dtype)
    if index.size:
        target = np.atleast_1d(result)
        np.add.at(target, _places(np.atleast_1d(index), dim % target.ndim), np.atleast_1d(input))
    return result


def _cut_to(source: Array, index: Array) -> Array:
    """The part of `source` that has a place in `index`."""
    return np.atleast_1d(source)[tuple(slice(length) for length in index.shape or (1,))]


def gathered_for(g: Any, dim: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """What reaches the source of a scatter: zeros where index names no place for it."""
    picked = gather(g, dim, index)
    if tuple(picked.shape) == tuple(shape):
        return picked
    return widened(picked, shape)


@linear(input=lambda g, input_shape: cut_back(g, input_shape), hidden=True)
def widened(input: Operand, shape: Any):
    """Zeros of `shape` with input in the first corner."""
    result = np.zeros(shape, input.dtype)
    result[tuple(slice(length) for length in input.shape)] = input
    return result


@linear(input=lambda g, input_shape: widened(g, input_shape), hidden=True)
def cut_back(input: Operand, shape: Any):
    """The first corner of input, of a given shape."""
    return input[tuple(slice(length) for length in shape)].copy()


@linear(
    input=lambda g, dim, index: scatter_number(g, dim, index, 0),
    src=lambda g, dim, index, src_shape: gathered_for(g, dim, index, src_shape),
    grad_fn="ScatterBackward0",
    hidden=True,
)
def scatter_tensor(input: Operand, dim: Dim, index: Operand, src: Operand):
    """input with elements of src at the places that index names along dim."""
    axis = wrap_dim(dim, input.ndim)
    if src.dtype is not input.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    _check_index("scatter", input, index, axis, src)
    result = input.copy()
    if index.size:
        np.atleast_1d(result)[_places(np.atleast_1d(index), axis)] = _cut_to(src, index)
    return result


@linear(
    input=lambda g, dim, index: scatter_number(g, dim, index, 0),
    grad_fn="ScatterBackward1",
    hidden=True,
)
def scatter_number(input: Operand, dim: Dim, index: Operand, value: Number):
    """input with a number at the places that index names along dim."""
    axis = wrap_dim(dim, input.ndim)
    _check_index("scatter", input, index, axis)
    result = input.copy()
    if index.size:
        np.atleast_1d(result)[_places(np.atleast_1d(index), axis)] = value
    return result


def _not_differentiable(g: Any) -> Any:
    raise RuntimeError("derivative for aten::scatter is not implemented")


@linear(input=_not_differentiable, grad_fn="NotImplemented", hidden=True)
def scatter_combined(input: Operand, dim: Dim, index: Operand, src: Operand, reduce: str):
    """input with src added or multiplied in at the places that index names along dim."""
    axis = wrap_dim(dim, input.ndim)
    _check_index("scatter", input, index, axis, src if src.ndim else None)
    ufuncs: dict[str, Any] = {"add": np.add, "multiply": np.multiply}
    if reduce not in ufuncs:
        raise RuntimeError("reduce argument must be either add or multiply.")
    result = input.copy()
    if index.size:
        values = _cut_to(src, index) if src.ndim else src
        ufuncs[reduce].at(
            np.atleast_1d(result), _places(np.atleast_1d(index), axis), values.astype(input.dtype)
        )
    return result


@composite(in_place=True)
def scatter(
    input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: Any = None
) -> Any:
    """input with elements of src, or one number, at the places that index names along dim.

    scatter(randn(2, 4), 0, tensor([[0, 1], [1, 0]]), randn(2, 2))
    scatter(randn(3, 4), 1, tensor([[1], [0], [3]]), 7.)
    """
    source = value if src is None else src
    if reduce is not None:
        return scatter_combined(input, dim, index, source, reduce)
    if type(source) in NUMBER_CATEGORY:
        return scatter_number(input, dim, index, source)
    return scatter_tensor(input, dim, index, source)


@linear(
    input=lambda g: g,
    src=lambda g, dim, index, src_shape: gathered_for(g, dim, index, src_shape),
    in_place=True,
)
def scatter_add(input: Operand, dim: Dim, index: Operand, src: Operand):
    """input with elements of src added at the places that index names along dim.

    scatter_add(randn(2, 5), 1, tensor([[0, 2], [4, 4]]), randn(2, 2))
    """
    axis = wrap_dim(dim, input.ndim)
    if src.dtype is not input.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    _check_index("scatter_add", input, index, axis, src)
    result = input.copy()
    if index.size:
        np.add.at(np.atleast_1d(result), _places(np.atleast_1d(index), axis), _cut_to(src, index))
    return result


def _vector(name: str, index: Array) -> Array:
    if index.ndim > 1:
        raise IndexError(f"{name}(): Index is supposed to be a vector")
    return np.atleast_1d(index)


def _along(axis: int, index: Array) -> tuple[Any, ...]:
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
    return input[_along(axis, places)]


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
    np.add.at(result, _along(dim % len(shape), np.atleast_1d(index)), input)
    return result


def _check_source(input: Array, index: Array, axis: int, source: Array) -> Array:
    """The index as a vector, if the source has a part for each of its elements."""
    kind = FROM_NUMPY[index.dtype].type_name
    if index.ndim > 1:
        raise IndexError(
            f"index_add_(): Index is supposed to be a vector, but got dim: {index.ndim} with "
            f"type: {kind} and size: {list(index.shape)}"
        )
    places = np.atleast_1d(index)
    if places.dtype.name not in ("int32", "int64"):
        raise RuntimeError(f"index_add_(): Expected dtype int32/int64 for index but got: {kind}")
    if source.dtype is not input.dtype:
        raise RuntimeError(
            f"index_add_(): self ({FROM_NUMPY[input.dtype].type_name}) and source "
            f"({FROM_NUMPY[source.dtype].type_name}) must have the same scalar type"
        )
    if not source.ndim and places.size != 1:
        raise IndexError(f"Dimension specified as {axis} but tensor has no dimensions")
    count = source.shape[axis] if source.ndim else 1
    if count != places.size:
        raise RuntimeError(
            f"index_add_(): Number of indices ({places.size}) should be equal to "
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
    error = _outside(places, axis, (input.shape or (1,))[axis]) if input.size else None
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
    places = _check_source(input, index, axis, source)
    if not input.size:
        return input.copy()
    result = input.copy()
    scaled = source if alpha == 1 else source * input.dtype.type(alpha)
    if result.ndim:
        np.add.at(result, _along(axis, places), scaled)
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
    if source.dtype is not input.dtype:
        raise RuntimeError(
            "index_copy_(): self and source expected to have the same dtype, but got (self) "
            f"{FROM_NUMPY[input.dtype].type_name} and (source) "
            f"{FROM_NUMPY[source.dtype].type_name}"
        )
    if index.ndim > 1:
        raise IndexError(f"index_copy_(): Index should have dimension 1 or 0 (got {index.ndim})")
    if index.dtype != np.int64:
        raise RuntimeError(
            "index_copy_(): Expected a long tensor for index, but got "
            f"{FROM_NUMPY[index.dtype].type_name}"
        )
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
    error = _outside(places, axis, length)
    if error is not None:
        raise IndexError(f"index_copy_(): {error}")
    result = input.copy()
    np.atleast_1d(result)[_along(axis, places)] = source
    return result


def _filled(input: Array, dim: int, index: Array, value: Any) -> Array:
    axis = wrap_dim(dim, input.ndim)
    if index.dtype.name not in ("int32", "int64"):
        raise IndexError("index_fill_(): Expected dtype int64 for index.")
    if index.ndim > 1:
        raise RuntimeError("Index has to be a vector/scalar")
    length = (input.shape or (1,))[axis]
    places = np.atleast_1d(index)
    outside = places[(places < -length) | (places >= length)]
    if outside.size:
        raise IndexError(
            f"index {outside[0]} is out of bounds for dimension {axis} with size {length}"
        )
    result = input.copy()
    np.atleast_1d(result)[_along(axis, places)] = value
    return result


@linear(
    input=lambda g, dim, index: fill_number(g, dim, index, 0),
    grad_fn="IndexFillBackward0",
    hidden=True,
)
def fill_number(input: Operand, dim: Dim, index: Operand, value: Number):
    """input with a number in its parts along dim where index says."""
    return _filled(input, dim, index, value)


def _sum(g: Any) -> Any:
    return sum_to(g, ())


@linear(
    input=lambda g, dim, index: fill_number(g, dim, index, 0),
    value=lambda g, dim, index: _sum(index_select(g, dim, index)),
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


def _check_mask(name: str, mask: Array) -> None:
    if mask.dtype.kind != "b":
        raise RuntimeError(
            f"{name} only supports boolean masks, but got mask with dtype "
            f"{SCALAR_NAMES[FROM_NUMPY[mask.dtype].name]}"
        )


def _broadcast(*arrays: Array) -> list[Array]:
    from gradsh.engine.appliers import broadcast_error

    try:
        return list(np.broadcast_arrays(*arrays))
    except ValueError:
        raise broadcast_error(arrays[1].shape, arrays[0].shape) from None


@linear(
    input=lambda g, mask, input_shape: sum_to(where(mask, _zero(g), g), input_shape),
    grad_fn="MaskedFillBackward0",
    hidden=True,
)
def mask_number(input: Operand, mask: Operand, value: Number):
    """input with a number where the mask is true."""
    return _masked(input, mask, value)


@linear(
    input=lambda g, mask, input_shape: sum_to(where(mask, _zero(g), g), input_shape),
    value=lambda g, mask: _sum(where(mask, g, _zero(g))),
    grad_fn="MaskedFillBackward1",
    hidden=True,
)
def mask_tensor(input: Operand, mask: Operand, value: Operand):
    """input with a zero-dim tensor's value where the mask is true."""
    if value.ndim:
        raise RuntimeError(
            "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value.ndim} dimension(s)."
        )
    return _masked(input, mask, value)


def _zero(g: Any) -> Any:
    return np.zeros((), _raw(g).dtype)


def _masked(input: Array, mask: Array, value: Any) -> Array:
    _check_mask("masked_fill_", mask)
    values, spots = _broadcast(input, mask)
    result = values.copy()
    result[spots] = value
    return result


@composite(in_place=True)
def masked_fill(input: Any, mask: Any, value: Any) -> Any:
    """input with a number, or a zero-dim tensor's, where mask is true.

    masked_fill(randn(3, 4), tensor([true, false, true, false]), 7.)
    masked_fill(randn(3, 4), randn(4) > 0, tensor(7))
    """
    fill = mask_number if type(value) in NUMBER_CATEGORY else mask_tensor
    return fill(input, mask, value)


@linear(
    input=lambda g, mask, input_shape: sum_to(spread_by_mask(g, mask, input_shape), input_shape)
)
def masked_select(input: Operand, mask: Operand):
    """The elements of input where mask is true, in one row.

    masked_select(randn(3, 4), randn(3, 4) > 0)
    masked_select(randn(3, 4), tensor([true, false, true, false]))
    """
    if mask.dtype.kind != "b":
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    values, spots = _broadcast(input, mask)
    return values[spots]


@linear(input=lambda g, mask, input_shape: masked_select_of(g, mask, input_shape), hidden=True)
def spread_by_mask(input: Operand, mask: Operand, shape: Any):
    """Zeros with the elements of input where the mask, broadcast with `shape`, is true."""
    result = np.zeros(np.broadcast_shapes(mask.shape, shape), input.dtype)
    result[np.broadcast_to(mask, result.shape)] = input
    return result


def masked_select_of(g: Any, mask: Any, shape: tuple[int, ...]) -> Any:
    """The elements of `g` where the mask is true, as a row of the given shape."""
    return reshape(masked_select(g, mask), shape)


def _to_source(g: Any, mask: Any, shape: tuple[int, ...]) -> Any:
    picked = masked_select(g, mask)
    count = 1
    for length in shape:
        count *= length
    if picked.shape[0] != count:
        picked = widened(picked, (count,))
    return reshape(picked, shape)


@linear(
    input=lambda g, mask, input_shape: sum_to(where(mask, _zero(g), g), input_shape),
    source=lambda g, mask, source_shape: _to_source(g, mask, source_shape),
    in_place=True,
)
def masked_scatter(input: Operand, mask: Operand, source: Operand):
    """input with the elements of source, one after the other, where mask is true.

    masked_scatter(randn(3, 4), randn(3, 4) > 0, randn(3, 4))
    """
    if source.dtype is not input.dtype:
        raise RuntimeError(
            "masked_scatter: expected self and source to have same dtypes but got"
            f"{FROM_NUMPY[input.dtype].type_name} and {FROM_NUMPY[source.dtype].type_name}"
        )
    if mask.dtype.kind != "b":
        raise RuntimeError(
            "masked_scatter_ only supports boolean masks, but got mask with dtype "
            f"{FROM_NUMPY[mask.dtype].type_name}"
        )
    values, spots = _broadcast(input, mask)
    result = values.copy()
    count = int(np.count_nonzero(spots))
    if source.size < count:
        raise RuntimeError("Number of elements of source < number of ones in mask")
    result[spots] = source.reshape(-1)[:count]
    return result


def _flat_places(name: str, input: Array, index: Array) -> Array:
    if index.dtype != np.int64:
        raise RuntimeError(
            f"{name}(): Expected a long tensor for index, but got "
            f"{FROM_NUMPY[index.dtype].type_name}"
        )
    outside = index[(index < -input.size) | (index >= input.size)]
    if outside.size:
        if not input.size:
            what = "tried to take from" if name == "take" else "Tried to put elements into"
            raise IndexError(f"{name}(): {what} an empty tensor")
        raise IndexError(
            f"out of range: tried to access index {outside.flat[0]} on a tensor of {input.size} "
            "elements."
        )
    return index


@linear(input=lambda g, index, input_shape: taken_back(g, index, input_shape))
def take(input: Operand, index: Operand):
    """The elements of input that index names, counting through all of it.

    take(randn(3, 4), tensor([[0, 5], [-1, 5]]))
    """
    return input.reshape(-1)[_flat_places("take", input, index)]


@linear(input=lambda g, index: take(g, index), grad_fn="PutBackward0", hidden=True)
def taken_back(input: Operand, index: Operand, shape: Any):
    """Zeros of `shape` with input added where index says."""
    result = np.zeros(shape, input.dtype)
    np.add.at(result.reshape(-1), index, input)
    return result


def _put_rule(g: Any, index: Any, accumulate: bool) -> Any:
    return g if accumulate else put(g, index, _zeros_at(g, index), False)


def _zeros_at(g: Any, index: Any) -> Any:
    zeros = np.zeros(index.shape, _raw(g).dtype)
    return zeros if type(g) is not Tensor else new_tensor(zeros)


@linear(
    input=_put_rule,
    source=lambda g, index, source_shape: reshape(take(g, index), source_shape),
    in_place=True,
)
def put(input: Operand, index: Operand, source: Operand, accumulate: bool = False):
    """input with the elements of source where index says, counting through all of it.

    put(randn(3, 4), tensor([0, 5]), randn(2))
    put(randn(3, 4), tensor([5, 5]), randn(2), accumulate=true)
    """
    if source.dtype is not input.dtype:
        raise RuntimeError(
            "put_(): self and source expected to have the same dtype, but got self.dtype = "
            f"{FROM_NUMPY[input.dtype].type_name} and source.dtype = "
            f"{FROM_NUMPY[source.dtype].type_name}"
        )
    if source.size != index.size:
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, but got "
            f"source.numel() = {source.size}, index.numel() = {index.size}"
        )
    places = _flat_places("put_", input, index).reshape(-1)
    result = input.copy(order="C")
    flat = result.reshape(-1)
    if accumulate:
        np.add.at(flat, places, source.reshape(-1))
    else:
        flat[places] = source.reshape(-1)
    return result


@composite()
def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Any:
    """Along dim the elements that indices names; input and indices are broadcast.

    take_along_dim(randn(5, 4), tensor([[2, 0, 1, -1]]), 0)
    take_along_dim(randn(7), tensor([5, 0]))
    """
    if indices.array.dtype != np.int64:
        raise RuntimeError(
            "torch.take_along_dim(): dtype of indices should be Long but got "
            f"{FROM_NUMPY[indices.array.dtype].type_name}"
        )
    if dim is None:
        return gather(view(input, (-1,)), 0, view(indices, (-1,)))
    ndim = input.array.ndim
    if ndim != indices.array.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, "
            f"but got {ndim} dimensions for input, and {indices.array.ndim} dimensions for indices"
        )
    axis = wrap_dim(dim, ndim)
    sizes, picked = list(input.array.shape), indices.array.shape
    length = sizes[axis]
    sizes[axis] = picked[axis]
    common = list(check_broadcast(tuple(sizes), picked))
    wrapped = remainder(expand(indices, tuple(common)), length)
    common[axis] = length
    return gather(expand(input, tuple(common)), axis, wrapped)
