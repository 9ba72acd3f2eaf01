"""Elements picked by tensors of indices, and put back there."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.appliers import check_broadcast
from gradsh.engine.arguments import Dim, Number, Operand
from gradsh.engine.derivative import linear
from gradsh.engine.dtypes import FROM_NUMPY, NUMBER_CATEGORY
from gradsh.engine.op import composite
from gradsh.engine.ops.remainders import remainder
from gradsh.engine.ops.shape import expand, reshape, view
from gradsh.engine.tensor import Tensor, new_tensor, wrap_dim

Array = np.ndarray[Any, np.dtype[Any]]


def outside_error(index: Array, dim: int, length: int) -> IndexError | None:
    """PyTorch's error for an index that is negative or too large."""
    if index.size:
        outside = index[(index < 0) | (index >= length)]
        if outside.size:
            return IndexError(
                f"index {outside.flat[0]} is out of bounds for dimension {dim} with size {length}"
            )
    return None


def _refuse_outside(index: Array, dim: int, length: int) -> None:
    error = outside_error(index, dim, length)
    if error is not None:
        raise RuntimeError(str(error))


def places_of(index: Array, axis: int) -> tuple[Array, ...]:
    """For each element of `index` where it points: itself along `axis`, its own place elsewhere."""
    grid = list(np.ogrid[tuple(slice(length) for length in index.shape)])
    grid[axis] = index
    return tuple(grid)


def check_index(
    name: str, input: Array, index: Array, axis: int, source: Array | None = None
) -> None:
    """PyTorch's errors for an index that does not fit the tensor, or the source, along `axis`."""
    if not index.size:
        return
    if index.dtype.name not in ("int32", "int64"):
        raise RuntimeError(f"{name.removesuffix('_add')}(): Expected dtype int32/int64 for index")
    if max(input.ndim, 1) != max(index.ndim, 1):
        raise RuntimeError(
            "Index tensor must have the same number of dimensions as "
            f"{'input' if name == 'gather' else 'self'} tensor"
        )
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
        beyond = source is not None and not too_long and _reaches_beyond(shape, source)
        if source is not None and max(source.ndim, 1) != max(index.ndim, 1):
            raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
        if too_long or beyond:
            message = (
                f"Expected index {list(index.shape)} to be no larger than self "
                f"{list(input.shape)} apart from dimension {axis}"
            )
            if source is not None:
                message += f" and to be no larger size than src {list(source.shape)}"
            raise RuntimeError(message)
    _refuse_outside(index, axis, lengths[axis])


def _reaches_beyond(shape: tuple[int, ...], source: Array) -> bool:
    """Whether an index of `shape` asks for more than `source` has."""
    if not source.ndim:
        return any(wanted > 1 for wanted in shape)
    return any(
        wanted > source.shape[wrap_dim(dim, source.ndim)] for dim, wanted in enumerate(shape)
    )


@linear(
    input=lambda g, dim, index, input_shape: added_at(g, index, dim, input_shape),
)
def gather(input: Operand, dim: Dim, index: Operand, *, sparse_grad: bool = False):
    """Along dim the elements that index names, each in its own line of input.

    gather(randn(3, 4), 1, tensor([[0, 0], [3, 1], [2, 2]]))
    gather(randn(3, 4), 0, tensor([[2, 1, 0, 0]]))
    """
    axis = wrap_dim(dim, input.ndim)
    check_index("gather", input, index, axis)
    if not index.size:
        return np.empty(index.shape, input.dtype)
    picked = np.atleast_1d(input)[places_of(np.atleast_1d(index), axis)]
    return picked.reshape(index.shape)


@linear(input=lambda g, index, dim: gather(g, dim, index), hidden=True)
def added_at(input: Operand, index: Operand, dim: Any, shape: Any):
    """Zeros of `shape` with input added along dim where index says: gathering transposed."""
    result = np.zeros(shape, input.dtype)
    if index.size:
        target = np.atleast_1d(result)
        np.add.at(target, places_of(np.atleast_1d(index), dim % target.ndim), np.atleast_1d(input))
    return result


def cut_to(source: Array, index: Array) -> Array:
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
    check_index("scatter", input, index, axis, src)
    result = input.copy()
    if index.size:
        np.atleast_1d(result)[places_of(np.atleast_1d(index), axis)] = cut_to(src, index)
    return result


@linear(
    input=lambda g, dim, index: scatter_number(g, dim, index, 0),
    grad_fn="ScatterBackward1",
    hidden=True,
)
def scatter_number(input: Operand, dim: Dim, index: Operand, value: Number):
    """input with a number at the places that index names along dim."""
    axis = wrap_dim(dim, input.ndim)
    check_index("scatter", input, index, axis)
    result = input.copy()
    if index.size:
        np.atleast_1d(result)[places_of(np.atleast_1d(index), axis)] = value
    return result


def _not_differentiable(g: Any) -> Any:
    raise RuntimeError("derivative for aten::scatter is not implemented")


@linear(input=_not_differentiable, grad_fn="NotImplemented", hidden=True)
def scatter_combined(input: Operand, dim: Dim, index: Operand, src: Operand, reduce: str):
    """input with src added or multiplied in at the places that index names along dim."""
    axis = wrap_dim(dim, input.ndim)
    check_index("scatter", input, index, axis, src if src.ndim else None)
    ufuncs: dict[str, Any] = {"add": np.add, "multiply": np.multiply}
    if reduce not in ufuncs:
        raise RuntimeError("reduce argument must be either add or multiply.")
    result = input.copy()
    if index.size:
        values = cut_to(src, index) if src.ndim else src
        ufuncs[reduce].at(
            np.atleast_1d(result), places_of(np.atleast_1d(index), axis), values.astype(input.dtype)
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
    check_index("scatter_add", input, index, axis, src)
    result = input.copy()
    if index.size:
        np.add.at(np.atleast_1d(result), places_of(np.atleast_1d(index), axis), cut_to(src, index))
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
    """Zeros for the places that `index` names."""
    zeros = np.zeros(index.shape, getattr(g, "array", g).dtype)
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
