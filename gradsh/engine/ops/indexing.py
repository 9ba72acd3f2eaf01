"""Indexing: `x[...]` read and written, as the chain of views and gathers that PyTorch makes."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import Dim, Operand
from gradsh.engine.derivative import linear
from gradsh.engine.dtypes import FROM_NUMPY
from gradsh.engine.op import composite
from gradsh.engine.ops.shape import sum_to, unsqueeze
from gradsh.engine.tensor import Tensor, new_tensor, wrap_dim

Array = np.ndarray[Any, np.dtype[Any]]
_FULL = slice(None)


def _along(dim: int, index: Any) -> tuple[Any, ...]:
    return (*([_FULL] * dim), index)


@linear(input=lambda g, dim, index, input_shape: unselect(g, dim, index, input_shape), view=True)
def select(input: Operand, dim: Dim, index: Dim):
    """The part of input at one index along dim, without that dimension.

    select(randn(3, 4), 1, -1)
    """
    if input.ndim == 0:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    axis = wrap_dim(dim, input.ndim)
    length = input.shape[axis]
    if not -length <= index < length:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at "
            f"dimension {axis}"
        )
    return input[_along(axis, index)] if input.ndim > 1 else input[index, ...]


@linear(input=lambda g, dim, index: select(g, dim, index), hidden=True)
def unselect(input: Operand, dim: Any, index: Any, shape: Any):
    """Zeros of `shape` with input at one index along dim: select transposed."""
    result = np.zeros(shape, input.dtype)
    result[_along(dim % len(shape), index)] = input
    return result


@linear(
    input=lambda g, dim, start, end, step, input_shape: unslice(
        g, dim, start, end, step, input_shape
    ),
    view=True,
    grad_fn="SliceBackward0",
    hidden=True,
)
def slice_along(input: Operand, dim: Any, start: Any, end: Any, step: Any):
    """The part of input from start to end, every step-th, along dim."""
    return input[_along(dim, slice(start, end, step))]


@linear(input=lambda g, dim, start, end, step: slice_along(g, dim, start, end, step), hidden=True)
def unslice(input: Operand, dim: Any, start: Any, end: Any, step: Any, shape: Any):
    """Zeros of `shape` with input in a slice along dim: slicing transposed."""
    result = np.zeros(shape, input.dtype)
    result[_along(dim, slice(start, end, step))] = input
    return result


@composite()
def narrow(input: Any, dim: int, start: Any, length: int) -> Any:
    """The part of input of the given length from start on, along dim.

    narrow(randn(5, 3), 0, 1, 2)
    """
    shape = input.shape
    if not shape:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    axis = wrap_dim(dim, len(shape))
    start = int(start)
    size = shape[axis]
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if not -size <= start <= size:
        raise IndexError(
            f"start out of range (expected to be in range of [{-size}, {size}], but got {start})"
        )
    if start < 0:
        start += size
    if start + length > size:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return slice_along(input, axis, start, start + length, 1)


@linear(input=lambda g: g, view=True, grad_fn="AliasBackward0", hidden=True)
def alias(input: Operand):
    """A view of the whole of input."""
    return input[...]


@linear(
    input=lambda g, indices, input_shape: index_add_to_zeros(g, indices, input_shape),
    grad_fn="IndexBackward0",
    hidden=True,
)
def index(input: Operand, indices: Any):
    """The elements of input that arrays of integers or masks pick."""
    _refuse_other_masks(input, indices)
    try:
        return np.ascontiguousarray(input[indices])
    except IndexError:
        raise _index_error(input, indices) from None


@linear(input=lambda g, indices: index(g, indices), grad_fn="IndexPutBackward0", hidden=True)
def index_add_to_zeros(input: Operand, indices: Any, shape: Any):
    """Zeros of `shape` with input added at the indices: indexing transposed."""
    result = np.zeros(shape, input.dtype)
    if all(isinstance(i, slice) or i.dtype.kind == "b" for i in indices):
        result[indices] = input
    else:
        np.add.at(result, indices, input)
    return result


@linear(
    input=lambda g, indices: index_fill_zero(g, indices),
    values=lambda g, indices, values_shape: sum_to(index(g, indices), values_shape),
    grad_fn="IndexPutBackward0",
    hidden=True,
)
def index_put(input: Operand, values: Operand, indices: Any):
    """input with the elements at the indices replaced by values."""
    result = input.copy()
    result[indices] = values
    return result


@linear(input=lambda g, indices: index_fill_zero(g, indices), hidden=True)
def index_fill_zero(input: Operand, indices: Any):
    """input with zeros at the indices."""
    result = np.array(input)
    result[indices] = 0
    return result


def _refuse_other_masks(input: Array, indices: tuple[Any, ...]) -> None:
    """Raise IndexError for a mask of another shape than what it picks from."""
    dim = 0
    for i in indices:
        if isinstance(i, slice) or i.dtype.kind != "b":
            dim += 1
            continue
        if input.shape[dim : dim + i.ndim] != i.shape:
            for offset, length in enumerate(i.shape):
                if dim + offset >= input.ndim or input.shape[dim + offset] != length:
                    raise IndexError(
                        f"The shape of the mask {list(i.shape)} at index {offset} does not match "
                        f"the shape of the indexed tensor {list(input.shape)} at index "
                        f"{dim + offset}"
                    )
        dim += i.ndim


def _index_error(input: Array, indices: tuple[Any, ...]) -> IndexError:
    """PyTorch's words for indices that numpy refused."""
    if any(not isinstance(i, slice) and i.dtype.kind not in "bi" for i in indices):
        return IndexError("tensors used as indices must be long, int, byte or bool tensors")
    dim = 0
    shapes: list[list[int]] = []
    bounds: IndexError | None = None
    for i in indices:
        if isinstance(i, slice):
            dim += 1
            continue
        place = len(shapes)
        if i.dtype.kind == "b":
            shapes += [[int(np.count_nonzero(i))]] * i.ndim
            dim += i.ndim
            continue
        length = input.shape[dim]
        outside = i[(i < -length) | (i >= length)]
        if outside.size and bounds is None:
            bounds = IndexError(
                f"index {outside.flat[0]} is out of bounds for dimension {place} with size {length}"
                if length
                else "index is out of bounds for dimension with size 0"
            )
        shapes.append(list(i.shape))
        dim += 1
    try:
        np.broadcast_shapes(*(tuple(shape) for shape in shapes))
    except ValueError:
        bounds = None
    return bounds or IndexError(
        "shape mismatch: indexing tensors could not be broadcast together with shapes "
        + ", ".join(str(shape) for shape in shapes)
    )


def getitem(tensor: Tensor, key: Any) -> Tensor:
    """`tensor[key]`: views for integers, slices, `...` and none; a gather for tensors and masks.

    IndexError or TypeError in PyTorch's words for a key that does not fit.
    """
    if type(key) is int:
        return _select(tensor, 0, key)
    if type(key) is slice:
        return _slice(tensor, 0, key)
    result, indices = apply_views(tensor, key)
    if indices:
        picked: Tensor = index(result, indices)
        return picked
    return alias(tensor) if result is tensor else result


def _select(tensor: Tensor, dim: int, position: int, place: int = 0) -> Tensor:
    """The part at a position along dim, which the entry at `place` of the key asks for."""
    shape = tensor.array.shape or (0,)
    if not tensor.array.shape and position == 0:
        raise IndexError(
            "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` "
            "in C++ to convert a 0-dim tensor to a number"
        )
    length = shape[dim]
    if not -length <= position < length:
        raise IndexError(
            f"index {position} is out of bounds for dimension {place} with size {length}"
        )
    selected: Tensor = select(tensor, dim, position)
    return selected


def _slice(tensor: Tensor, dim: int, key: slice) -> Tensor:
    step = 1 if key.step is None else _slice_bound(key.step)
    if step == 0:
        raise ValueError("slice step cannot be zero")
    if step < 0:
        error = ValueError("step must be greater than zero")
        error.add_note("`flip(x, 0)` reverses a tensor")
        raise error
    if not tensor.array.shape:
        raise IndexError("slice() cannot be applied to a 0-dim tensor.")
    start = None if key.start is None else _slice_bound(key.start)
    end = None if key.stop is None else _slice_bound(key.stop)
    result: Tensor = slice_along(tensor, dim, start, end, step)
    return result


def _slice_bound(value: Any) -> int:
    if hasattr(value, "__index__"):
        return int(value.__index__())
    raise TypeError("slice indices must be integers or None or have an __index__ method")


def _as_entries(key: Any) -> tuple[Any, ...]:
    """The key as a tuple; a list with structure inside counts as one, as in PyTorch."""
    if isinstance(key, tuple):
        return key
    if isinstance(key, list) and any(
        entry is None or isinstance(entry, (list, tuple, slice, Tensor)) or entry is Ellipsis
        for entry in key
    ):
        return tuple(key)
    return (key,)


def _is_zero_dim_integer(entry: Any) -> bool:
    return isinstance(entry, Tensor) and entry.array.ndim == 0 and entry.array.dtype.kind == "i"


def _truth_of(entry: Any) -> Any:
    """A zero-dim mask stands for its one value; every other entry for itself."""
    if isinstance(entry, Tensor) and entry.array.ndim == 0 and entry.array.dtype.char in "?B":
        return bool(entry.array)
    return entry


def apply_views(tensor: Tensor, key: Any) -> tuple[Tensor, tuple[Any, ...]]:
    """The view that the plain parts of `key` make, and the arrays left to index it with."""
    entries = tuple(_truth_of(entry) for entry in _as_entries(key))
    taken = 0
    for entry in entries:
        if entry is None or entry is Ellipsis or isinstance(entry, bool):
            continue
        taken += (
            entry.array.ndim if isinstance(entry, Tensor) and entry.array.dtype.char in "?B" else 1
        )
    ndim = tensor.array.ndim
    if ndim == 0 and type(key) is int:
        return _select(tensor, 0, key), ()
    if ndim == 0 and type(key) is slice:
        return _slice(tensor, 0, key), ()
    if taken > ndim:
        raise IndexError(f"too many indices for tensor of dimension {ndim}")
    result = tensor
    dim = 0
    gathers: list[Any] = []
    seen_ellipsis = False
    for place, entry in enumerate(entries):
        if entry is Ellipsis:
            if not seen_ellipsis:
                dim += ndim - taken
                seen_ellipsis = True
        elif entry is None:
            result = unsqueeze(result, dim)
            dim += 1
        elif isinstance(entry, bool):
            result = unsqueeze(result, dim)
            gathers += [_FULL] * (dim - len(gathers)) + [np.zeros(int(entry), np.int64)]
            dim += 1
        elif isinstance(entry, slice):
            if not _is_full(entry, result.array.shape[dim]):
                result = _slice(result, dim, entry)
            dim += 1
        elif type(entry) is int or _is_zero_dim_integer(entry):
            result = _select(result, dim, int(entry), place)
        else:
            array = _index_array(entry)
            gathers += [_FULL] * (dim - len(gathers)) + [array]
            width = array.ndim if array.dtype.kind == "b" else 1
            dim += width
            if width != 1:
                gathers += [None] * (width - 1)
    return result, tuple(g for g in gathers if g is not None)


def _is_full(entry: slice, length: int) -> bool:
    return (
        entry.step in (None, 1)
        and (entry.start is None or entry.start == 0)
        and (entry.stop is None or (type(entry.stop) is int and entry.stop >= length))
    )


def _index_array(entry: Any) -> Array:
    """An index given as a tensor or a list, as an array of integers or a mask."""
    if isinstance(entry, (list, tuple, range)):
        array = np.array(entry) if len(entry) else np.empty(0, np.int64)
    elif isinstance(entry, Tensor):
        array = entry.array
    elif isinstance(entry, str):
        raise TypeError("new(): invalid data type 'str'")
    else:
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are "
            f"valid indices (got {type(entry).__name__})"
        )
    if array.dtype == np.uint8:
        return array.astype(bool)
    return array


def iterate(tensor: Tensor) -> Any:
    """The parts of a tensor along its first dimension; TypeError for a zero-dim one."""
    if tensor.array.ndim == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter(unbind(tensor, 0))


def _gathered(g: Any, dim: Any, input_shape: Any) -> Any:
    """The parts of `g` stacked along `dim`, zeros for a part that nothing reached."""
    from gradsh.engine.ops.shape import stack

    like = next(part for part in g if part is not None)
    nothing = np.zeros(like.shape, getattr(like, "array", like).dtype)
    missing = new_tensor(nothing) if type(like) is Tensor else nothing
    parts = [missing if part is None else part for part in g]
    return stack(parts, dim)


@linear(input=_gathered, view=True)
def unbind(input: Operand, dim: Dim = 0):
    """The parts of input along dim, without that dimension, as a tuple.

    unbind(randn(3, 4))
    """
    axis = wrap_dim(dim, input.ndim)
    if input.ndim == 0:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    return (
        tuple(input[_along(axis, position)] for position in range(input.shape[axis]))
        if (input.ndim > 1)
        else tuple(input[position, ...] for position in range(input.shape[0]))
    )


def refuse_values(values: Array, target: Array) -> None:
    """PyTorch's errors for a tensor that cannot be stored at indices of `target`."""
    if values.dtype is not target.dtype:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{FROM_NUMPY[target.dtype].type_name} for the destination and "
            f"{FROM_NUMPY[values.dtype].type_name} for the source."
        )
