"""Cutting a tensor into parts along a dimension."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from gradsh.engine.arguments import Dim, Dims, Operand
from gradsh.engine.derivative import linear
from gradsh.engine.op import composite
from gradsh.engine.ops.arrange import rank_of
from gradsh.engine.ops.indexing import slice_along
from gradsh.engine.ops.shape import cat
from gradsh.engine.tensor import Tensor, wrap_dim

Array = np.ndarray[Any, np.dtype[Any]]


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
def tensor_split(
    input: Any,
    indices_or_sections: Any = None,
    dim: int = 0,
    *,
    sections: Any = None,
    indices: Any = None,
) -> Any:
    """input cut along dim: into almost equal parts, or at the places given.

    tensor_split(randn(5, 4), 2)
    tensor_split(randn(5, 4), (1, 3), dim=1)
    tensor_split(randn(5, 4), sections=3)
    tensor_split(randn(5, 4), indices=(1, 3), dim=1)
    """
    indices_or_sections = _given_parts("tensor_split", indices_or_sections, sections, indices)
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


def _given_parts(name: str, either: Any, sections: Any, indices: Any) -> Any:
    """How many parts, or where to cut, by whichever name it was given."""
    parts = next((given for given in (either, sections, indices) if given is not None), None)
    if parts is None:
        raise TypeError(
            f"{name}() received an invalid combination of arguments - got (Tensor), but expected "
            "one of: (Tensor input, tuple of ints indices), (Tensor input, int sections)"
        )
    return parts


def _split_at(
    name: str, least: int, axis: int, input: Any, either: Any, sections: Any, indices: Any
) -> Any:
    parts = _given_parts(name, either, sections, indices)
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
def hsplit(
    input: Any, indices_or_sections: Any = None, *, sections: Any = None, indices: Any = None
) -> Any:
    """input cut into parts side by side.

    hsplit(randn(3, 4), 2)
    hsplit(randn(3, 4), sections=2)
    """
    return _split_at(
        "hsplit", 1, min(rank_of(input) - 1, 1), input, indices_or_sections, sections, indices
    )


@composite()
def vsplit(
    input: Any, indices_or_sections: Any = None, *, sections: Any = None, indices: Any = None
) -> Any:
    """input cut into parts one above the other.

    vsplit(randn(4, 3), 2)
    vsplit(randn(4, 3), indices=(1,))
    """
    return _split_at("vsplit", 2, 0, input, indices_or_sections, sections, indices)


@composite()
def dsplit(
    input: Any, indices_or_sections: Any = None, *, sections: Any = None, indices: Any = None
) -> Any:
    """input cut into parts along its third dimension.

    dsplit(randn(2, 3, 4), 2)
    dsplit(randn(2, 3, 4), indices=(1, 3))
    """
    return _split_at("dsplit", 3, 2, input, indices_or_sections, sections, indices)
