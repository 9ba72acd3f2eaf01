"""Arranging elements and dimensions: moved, repeated, turned, shifted along."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradsh.engine.arguments import Dim, Dims, Operand, Shape
from gradsh.engine.derivative import linear
from gradsh.engine.op import composite
from gradsh.engine.ops.conjugation import conjugate
from gradsh.engine.ops.indexing import alias
from gradsh.engine.ops.reductions import sum
from gradsh.engine.ops.shape import expand, permute, reshape, transpose, view
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
        return alias(input)
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
    return conjugate(moved)


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
    """The sum of the copies that make up `g`."""
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


@linear(input=lambda g, dims: flip(g, dims))
def flip(input: Operand, dims: Shape):
    """input with the order of the elements reversed along dims.

    flip(randn(3, 4), 0)
    flip(randn(3, 4), (0, 1))
    """
    return np.flip(input, each_once(dims, input.ndim)[: input.ndim]).copy("K")


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
    if k % 2 == 0:
        return np.rot90(input, k, (first, second)).copy()
    # the elements change their order in memory along one dimension, the dimensions their places
    flipped = np.flip(input, second if k % 4 == 1 else first).copy("K")
    return np.swapaxes(flipped, first, second)


def _rolled_back(g: Any, shifts: Any, dims: Any) -> Any:
    """`g` rolled back: by -shifts."""
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
    if not input.size:
        return input.copy()
    if not input.ndim and axes:
        raise IndexError(f"Dimension specified as {axes[0]} but tensor has no dimensions")
    return np.roll(input, steps, tuple(wrap_dim(dim, input.ndim) for dim in axes))
