"""Arranging elements: repeated, cut up, turned, moved along, put on diagonals."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from gradsh.engine.arguments import Dim, Dims, Operand, Shape
from gradsh.engine.derivative import linear
from gradsh.engine.op import composite
from gradsh.engine.ops.indexing import slice_along
from gradsh.engine.ops.reductions import sum
from gradsh.engine.ops.shape import cat, expand, permute, reshape, transpose, view
from gradsh.engine.tensor import Tensor, wrap_dim

Array = np.ndarray[Any, np.dtype[Any]]


def rank_of(input: Any) -> int:
    """How many dimensions a tensor or an array has."""
    return len(input.shape)


def each_once(dims: Any, ndim: int) -> tuple[int, ...]:
    """`dims` counted from the front; RuntimeError when one of them comes twice."""
    given = (dims,) if isinstance(dims, int) else tuple(dims)
    wrapped = tuple(wrap_dim(int(dim), ndim) for dim in given)
    for place, dim in enumerate(wrapped):
        if dim in wrapped[:place]:
            raise RuntimeError(f"dim {dim} appears multiple times in the list of dims")
    return wrapped


@composite()
def movedim(input: Any, source: Any, destination: Any) -> Any:
    """input with the dimensions source moved to the places destination.

    movedim(randn(2, 3, 4), 0, 2)
    movedim(randn(2, 3, 4), (0, 1), (2, 0))
    """
    ndim = rank_of(input)
    given = [(dims,) if isinstance(dims, int) else tuple(dims) for dims in (source, destination)]
    if len(given[0]) != len(given[1]):
        raise RuntimeError(
            "movedim: Invalid source or destination dims: source "
            f"({list(given[0])} dims) should contain the same number of dims as destination "
            f"({list(given[1])} dims)"
        )
    wrapped = [[wrap_dim(dim, ndim) for dim in dims] for dims in given]
    for name, dims, shown in zip(("source", "destination"), wrapped, given, strict=True):
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({list(shown)})")
    if not ndim:
        return permute(input, ())
    order: list[int] = [-1] * ndim
    for start, end in zip(*wrapped, strict=True):
        order[end] = start
    rest = iter(dim for dim in range(ndim) if dim not in wrapped[0])
    return permute(input, tuple(next(rest) if dim < 0 else dim for dim in order))


@composite()
def moveaxis(input: Any, source: Any, destination: Any) -> Any:
    """input with the dimensions source moved to the places destination.

    moveaxis(randn(2, 3, 4), 0, 2)
    """
    return movedim(input, source, destination)


@composite()
def swapaxes(input: Any, axis0: int, axis1: int) -> Any:
    """input with two dimensions exchanged.

    swapaxes(randn(2, 3, 4), 0, 2)
    """
    return transpose(input, axis0, axis1)


@composite()
def swapdims(input: Any, dim0: int, dim1: int) -> Any:
    """input with two dimensions exchanged.

    swapdims(randn(2, 3, 4), 0, 2)
    """
    return transpose(input, dim0, dim1)


@composite()
def adjoint(input: Any) -> Any:
    """The last two dimensions exchanged, and the complex conjugate.

    adjoint(randn(2, 3, 4))
    """
    if rank_of(input) == 1:
        raise RuntimeError(
            "tensor.adjoint() is only supported on matrices or batches of matrices. "
            f"Got {rank_of(input)}-D tensor."
        )
    return conjugate_transpose(input) if rank_of(input) else input


def conjugate_transpose(input: Any) -> Any:
    """The adjoint of an array or a tensor, for formulas."""
    moved = transpose(input, -2, -1)
    return conjugated(moved)


def conjugated(input: Any) -> Any:
    """The complex conjugate of an array or a tensor; a real one itself."""
    array = getattr(input, "array", input)
    return conjugate(input) if array.dtype.kind == "c" else input


@linear(input=lambda g: conjugated(g), grad_fn="ConjBackward0", hidden=True)
def conjugate(input: Operand):
    """The complex conjugate of input."""
    return np.conj(input)


@composite()
def view_as(input: Any, other: Any) -> Any:
    """input in other's shape, sharing its storage.

    view_as(randn(3, 4), randn(2, 6))
    """
    return view(input, tuple(other.shape))


@composite()
def reshape_as(input: Any, other: Any) -> Any:
    """input in other's shape, sharing its storage where its strides allow.

    reshape_as(randn(3, 4), randn(2, 6))
    """
    return reshape(input, tuple(other.shape))


@composite()
def expand_as(input: Any, other: Any) -> Any:
    """input repeated to other's shape, without copying.

    expand_as(randn(3, 1), randn(3, 4))
    """
    return expand(input, tuple(other.shape))


@composite()
def sum_to_size(input: Any, *size: Any) -> Any:
    """input summed over the dimensions that broadcasting would repeat to give its shape.

    sum_to_size(randn(3, 4), 3, 1)
    """
    shape = tuple(size[0]) if len(size) == 1 and not isinstance(size[0], int) else tuple(size)
    given = tuple(input.shape)
    extra = len(given) - len(shape)
    if extra < 0 or any(
        length not in (1, old) for length, old in zip(shape, given[extra:], strict=True)
    ):
        raise RuntimeError(f"size {{{list(shape)}}} is not expandable to size {{{list(given)}}}.")
    dims = tuple(range(extra)) + tuple(
        extra + place for place, length in enumerate(shape) if length == 1 != given[extra + place]
    )
    if not dims:
        return input
    summed = sum(input, dims, True)
    return view(summed, shape) if extra else summed


@composite()
def ravel(input: Any) -> Any:
    """input as one row of elements, sharing its storage where it is in row-major order.

    ravel(randn(3, 4))
    """
    from gradsh.engine.ops.shape import contiguous

    return view(contiguous(input), (-1,))


@composite()
def unflatten(input: Any, dim: int, sizes: Any) -> Any:
    """input with one dimension split into several of the given sizes.

    unflatten(randn(3, 4), 1, (2, 2))
    unflatten(randn(3, 4), 1, (-1, 2))
    """
    given = tuple(input.shape)
    axis = wrap_dim(dim, len(given))
    sizes = tuple(int(size) for size in sizes)
    if not sizes:
        raise RuntimeError("unflatten: sizes must be non-empty")
    known = math.prod(size for size in sizes if size != -1)
    length = given[axis]
    if -1 in sizes:
        if sizes.count(-1) > 1:
            raise RuntimeError("only one dimension can be inferred")
        fits = known > 0 and length % known == 0
    else:
        fits = known == length
    if not fits:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim "
            f"{axis} ({length}) in the input tensor"
        )
    resolved = (length // known if size == -1 else size for size in sizes)
    return view(input, (*given[:axis], *resolved, *given[axis + 1 :]))


def _unrepeat(g: Any, repeats: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    full = (1,) * (len(repeats) - len(shape)) + tuple(shape)
    if 0 in repeats:
        return np.zeros(shape, getattr(g, "array", g).dtype)
    paired = [length for pair in zip(repeats, full, strict=True) for length in pair]
    if not paired:
        return g
    return reshape(sum(reshape(g, tuple(paired)), tuple(range(0, len(paired), 2))), shape)


@linear(input=lambda g, repeats, input_shape: _unrepeat(g, repeats, input_shape))
def repeat(input: Operand, repeats: Shape):
    """input copied side by side, as often along each dimension as repeats says.

    repeat(randn(3, 4), 2, 1)
    repeat(randn(3, 4), (2, 1, 3))
    """
    if len(repeats) < input.ndim:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of "
            "tensor"
        )
    lengths = (1,) * (len(repeats) - input.ndim) + input.shape
    for length, times in zip(lengths, repeats, strict=True):
        if length * times < 0:
            shape = [a * b for a, b in zip(lengths, repeats, strict=True)]
            raise RuntimeError(
                f"Trying to create tensor with negative dimension {length * times}: {shape}"
            )
    return np.tile(input, repeats)


@composite()
def tile(input: Any, *dims: Any) -> Any:
    """input copied side by side; missing counts are one.

    tile(randn(3, 4), (2,))
    tile(randn(3, 4), 2, 1, 1)
    """
    if len(dims) == 1 and not isinstance(dims[0], (int, Tensor)):
        dims = tuple(dims[0])
    return repeat(input, (1,) * (rank_of(input) - len(dims)) + tuple(dims))


def _rejoined(g: Any, lengths: tuple[int, ...], dim: int, shape: tuple[int, ...]) -> Any:
    """The parts of `g` (none: zeros) along `dim` as one."""
    axis = wrap_dim(dim, len(shape))
    like = next(part for part in g if part is not None)
    dtype = getattr(like, "array", like).dtype
    parts = [
        np.zeros((*shape[:axis], length, *shape[axis + 1 :]), dtype) if part is None else part
        for part, length in zip(g, lengths, strict=True)
    ]
    return cat(parts, axis)


def _part_lengths(length: int, part: int) -> tuple[int, ...]:
    """The lengths of the parts that `length` is cut into: `part` each, the last what is left."""
    count = max(-(-length // part), 1) if part else 1
    return (part,) * (count - 1) + (length - part * (count - 1),)


def _cut(input: Array, lengths: tuple[int, ...], axis: int) -> tuple[Array, ...]:
    ends = np.cumsum((0, *lengths)).tolist()
    before = (slice(None),) * axis
    return tuple(input[(*before, slice(start, end))] for start, end in itertools.pairwise(ends))


@linear(
    input=lambda g, split_size, dim, input_shape: _rejoined(
        g, _part_lengths(input_shape[dim], split_size), dim, input_shape
    ),
    view=True,
    grad_fn="SplitBackward0",
    hidden=True,
)
def split_evenly(input: Operand, split_size: Dim, dim: Dim):
    """The parts of input of one length along dim."""
    if not input.ndim:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    if split_size < 0:
        raise RuntimeError(
            f"split expects split_size be non-negative, but got split_size={split_size}"
        )
    axis = wrap_dim(dim, input.ndim)
    length = input.shape[axis]
    if not split_size and length:
        raise RuntimeError(
            f"split_size can only be 0 if dimension size is 0, but got dimension size of {length}"
        )
    return _cut(input, _part_lengths(length, split_size), axis)


@linear(
    input=lambda g, split_sizes, dim, input_shape: _rejoined(g, split_sizes, dim, input_shape),
    view=True,
)
def split_with_sizes(input: Operand, split_sizes: Dims, dim: Dim = 0):
    """The parts of input of the given lengths along dim, as a tuple.

    split_with_sizes(randn(3, 4), (1, 3), 1)
    """
    if not input.ndim:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    axis = wrap_dim(dim, input.ndim)
    length = input.shape[axis]
    if any(size < 0 for size in split_sizes):
        raise RuntimeError(
            "split_with_sizes expects split_sizes have only non-negative entries, but got "
            f"split_sizes={list(split_sizes)}"
        )
    if math.fsum(split_sizes) != length:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {length} (input tensor's "
            f"size at dimension {dim}), but got split_sizes={list(split_sizes)}"
        )
    return _cut(input, tuple(split_sizes), axis)


@composite()
def split(tensor: Any, split_size_or_sections: Any = None, dim: int = 0, **named: Any) -> Any:
    """The parts of tensor along dim: of one length, or of the lengths given.

    split(randn(5, 4), 2)
    split(randn(3, 4), [1, 3], 1)
    """
    size = named.pop("split_size", split_size_or_sections)
    if named:
        raise TypeError(f"split() got an unexpected keyword argument '{next(iter(named))}'")
    if isinstance(size, (list, tuple)):
        return split_with_sizes(tensor, tuple(size), dim)
    return split_evenly(tensor, size, dim)


@composite()
def chunk(input: Any, chunks: int, dim: int = 0) -> Any:
    """input cut along dim into the given number of parts (or fewer), as a tuple.

    chunk(randn(5, 4), 2)
    chunk(randn(3, 4), 3, dim=1)
    """
    ndim = rank_of(input)
    if not ndim:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    length = input.shape[wrap_dim(dim, ndim)]
    size = -(-length // chunks)
    if not size:
        return split_with_sizes(input, (0,) * chunks, dim)
    return split_evenly(input, size, dim)


@composite()
def tensor_split(input: Any, indices_or_sections: Any, dim: int = 0) -> Any:
    """input cut along dim: into almost equal parts, or at the places given.

    tensor_split(randn(5, 4), 2)
    tensor_split(randn(5, 4), (1, 3), dim=1)
    """
    ndim = rank_of(input)
    if not ndim:
        raise RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"
        )
    axis = wrap_dim(dim, ndim)
    length = input.shape[axis]
    if isinstance(indices_or_sections, Tensor):
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, int):
        count = indices_or_sections
        if count <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {count}")
        size, more = divmod(length, count)
        ends = [size * place + min(place, more) for place in range(count + 1)]
    else:
        ends = [0, *indices_or_sections, length]
    return tuple(slice_along(input, axis, start, end, 1) for start, end in itertools.pairwise(ends))


def _split_at(name: str, least: int, axis: int, input: Any, parts: Any) -> Any:
    ndim = rank_of(input)
    if ndim < least:
        raise RuntimeError(
            f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor "
            f"with {ndim} dimensions!"
        )
    if isinstance(parts, int):
        if parts <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {parts}")
        if input.shape[axis] % parts:
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {axis}, but the size of the "
                f"dimension {input.shape[axis]} is not divisible by the split_size {parts}!"
            )
    return tensor_split(input, parts, axis)


@composite()
def hsplit(input: Any, indices_or_sections: Any) -> Any:
    """input cut into parts side by side.

    hsplit(randn(3, 4), 2)
    """
    return _split_at("hsplit", 1, min(rank_of(input) - 1, 1), input, indices_or_sections)


@composite()
def vsplit(input: Any, indices_or_sections: Any) -> Any:
    """input cut into parts one above the other.

    vsplit(randn(4, 3), 2)
    """
    return _split_at("vsplit", 2, 0, input, indices_or_sections)


@composite()
def dsplit(input: Any, indices_or_sections: Any) -> Any:
    """input cut into parts along its third dimension.

    dsplit(randn(2, 3, 4), 2)
    """
    return _split_at("dsplit", 3, 2, input, indices_or_sections)


@linear(input=lambda g, dims: flip(g, dims))
def flip(input: Operand, dims: Shape):
    """input with the order of the elements reversed along dims.

    flip(randn(3, 4), 0)
    flip(randn(3, 4), (0, 1))
    """
    return np.flip(input, each_once(dims, input.ndim)[: input.ndim]).copy()


@composite()
def fliplr(input: Any) -> Any:
    """input with its columns in reverse order.

    fliplr(randn(3, 4))
    """
    if rank_of(input) < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, (1,))


@composite()
def flipud(input: Any) -> Any:
    """input with its rows in reverse order.

    flipud(randn(3, 4))
    """
    if rank_of(input) < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, (0,))


@linear(input=lambda g, k, dims: rot90(g, -k, dims))
def rot90(input: Operand, k: Dim = 1, dims: Dims = (0, 1)):
    """input turned by k quarters in the plane of two dimensions.

    rot90(randn(3, 4))
    rot90(randn(3, 4), -1, (1, 0))
    """
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    if (dims[0] - dims[1]) % input.ndim == 0:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    first, second = (wrap_dim(dim, input.ndim) for dim in dims)
    return np.rot90(input, k, (first, second)).copy()


def _rolled_back(g: Any, shifts: Any, dims: Any) -> Any:
    back = -shifts if isinstance(shifts, int) else tuple(-shift for shift in shifts)
    return roll(g, back, dims)


@linear(input=_rolled_back)
def roll(input: Operand, shifts: Dims, dims: Dims = ()):
    """input moved along dims by shifts places, what falls off coming in again at the front.

    roll(randn(3, 4), 1)
    roll(randn(3, 4), (1, -2), (0, 1))
    """
    steps = (shifts,) if isinstance(shifts, int) else shifts
    axes = (dims,) if isinstance(dims, int) else dims
    if not steps:
        raise RuntimeError("`shifts` required")
    if not axes and len(steps) == 1:
        return np.roll(input, steps[0])
    if len(steps) != len(axes):
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(steps)}, dims:{len(axes)}"
        )
    if not input.ndim and axes:
        raise IndexError(f"Dimension specified as {axes[0]} but tensor has no dimensions")
    return np.roll(input, steps, tuple(wrap_dim(dim, input.ndim) for dim in axes))


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
    if input.flags.writeable and result.size:
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
    return diag_embed(view(_in_order(input), (-1,)), offset)


def _in_order(input: Any) -> Any:
    from gradsh.engine.ops.shape import contiguous

    return contiguous(input)


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
        return np.empty((*source.shape[:axis], count, *source.shape[axis + 1 :], 0), source.dtype)
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
