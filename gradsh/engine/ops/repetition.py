"""Repeated elements, combinations of them, powers of them, and indices made of flat ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradsh.engine.arguments import check_tensors, type_name
from gradsh.engine.dtypes import BOOL, HALVES, INTEGER
from gradsh.engine.op import composite
from gradsh.engine.ops.assembly import meshgrid
from gradsh.engine.ops.creation import ones
from gradsh.engine.ops.index_along import index_select
from gradsh.engine.ops.masking import masked_select
from gradsh.engine.ops.pointwise import not_implemented
from gradsh.engine.ops.shape import cat, clone, contiguous, expand, flatten, stack, unsqueeze, view
from gradsh.engine.ops.statistics import cumprod
from gradsh.engine.tensor import Tensor, new_tensor, wrap_dim


def _check_counts(repeats: Any) -> Any:
    """The array of how often each element is repeated."""
    counts = repeats.array
    if counts.ndim != 1:
        raise RuntimeError("repeat_interleave only accept 1D vector as repeat")
    if counts.dtype.name not in ("int32", "int64"):
        raise not_implemented("repeat_interleave_cpu", counts)
    if np.any(counts < 0):
        raise RuntimeError("repeats can not be negative")
    return counts


def _check_size(output_size: int | None, made: int) -> None:
    if output_size is not None and output_size != made:
        raise RuntimeError(
            f"repeat_interleave: Invalid output_size, expected {made} but got {output_size}"
        )


@composite()
def repeat_interleave(
    input: Any, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Any:
    """Each element of input, or each part along dim, several times: one number, or one for each.

    With one argument, the number of each repetition: 0 as often as the first says, then 1.

    repeat_interleave(randn(3, 4), 2)
    repeat_interleave(randn(3, 4), 2, dim=-1)
    repeat_interleave(randn(4, 3), tensor([1, 2, 0, 1]), dim=0)
    """
    check_tensors("repeat_interleave", input=input)
    if repeats is None:
        counts = _check_counts(input)
        return new_tensor(np.repeat(np.arange(counts.size), counts))
    source = flatten(input) if dim is None else input
    axis = wrap_dim(0 if dim is None else dim, input.ndim)
    if type(repeats) is not Tensor:
        if repeats < 0:
            raise RuntimeError("Repeats must be non-negative")
        spread = unsqueeze(source, axis + 1)
        lengths = list(spread.shape)
        lengths[axis + 1] = repeats
        _check_size(output_size, lengths[axis] * repeats)
        repeated = expand(spread, tuple(lengths))
        copied = contiguous(repeated)
        return flatten(clone(copied) if copied is repeated else copied, axis, axis + 1)
    length = source.size(axis)
    if not repeats.ndim or (repeats.ndim == 1 and repeats.shape[0] == 1):
        repeats = expand(view(repeats, (1,)), (length,))
    elif repeats.ndim != 1:
        raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
    elif repeats.shape[0] != length:
        raise RuntimeError(
            "repeats must have the same size as input along dim, but got repeats.size(0) = "
            f"{repeats.shape[0]} and input.size({axis}) = {length}"
        )
    counts = _check_counts(repeats)
    if output_size is not None and output_size != counts.sum():
        raise RuntimeError("allocated size does not match required size")
    return index_select(source, axis, new_tensor(np.repeat(np.arange(counts.size), counts)))


@composite(method=False)
def unravel_index(indices: Any, shape: Any) -> Any:
    """The places in a tensor of this shape of elements counted through all of it, as a tuple.

    unravel_index(tensor([5, 0, 11]), (3, 4))
    unravel_index(tensor([[5, 0], [1, 2]]), (2, 3))
    """
    check_tensors("unravel_index", indices=indices)
    if indices.dtype.category != INTEGER:
        raise TypeError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    if not isinstance(shape, (int, tuple, list)):
        raise TypeError(
            f"expected 'shape' to be int or sequence of ints, but got {type_name(shape)}"
        )
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    for length in shape:
        if not isinstance(length, int):
            raise TypeError(
                f"expected 'shape' sequence to only contain ints, but got {type_name(length)}"
            )
    if any(length < 0 for length in shape):
        raise ValueError(f"'shape' cannot have negative values, but got {shape}")
    array = indices.array.astype(np.int64)
    strides = [math.prod(shape[place + 1 :]) for place in range(len(shape))]
    return tuple(
        new_tensor(np.asarray(array // stride % length))
        for stride, length in zip(strides, shape, strict=True)
    )


@composite(method=False)
def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Any:
    """All choices of r elements of a vector, each in a row; with replacement, repeated ones too.

    combinations(randn(4))
    combinations(randn(4), 3)
    combinations(randn(4), r=2, with_replacement=true)
    """
    check_tensors("combinations", input=input)
    if input.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return new_tensor(np.empty(0, input.array.dtype))
    places = np.indices((input.shape[0],) * r)
    before, after = places[:-1], places[1:]
    rising = np.all(before <= after if with_replacement else before < after, axis=0)
    fields = meshgrid(*[input] * r, indexing="ij")
    mask = new_tensor(np.asarray(rising))
    return stack([masked_select(field, mask) for field in fields], 1)


@composite(method=False)
def vander(x: Any, *, N: int | None = None) -> Any:  # noqa: N803 (PyTorch's)
    """Vandermonde's matrix: the powers of x from 0 to N - 1 in a last dimension.

    vander(rand(4) + 0.5)
    vander(rand(3, 4) + 0.5, N=3)
    """
    check_tensors("linalg_vander", x=x)
    if x.dtype.category == BOOL or x.array.dtype in HALVES:
        raise RuntimeError(
            "linalg.vander supports floating point, complex, and integer tensors, but got "
            + x.dtype.type_name
        )
    if not x.ndim:
        x = unsqueeze(x, -1)
    count = x.shape[-1] if N is None else N
    if count <= 1:
        raise RuntimeError("N must be greater than 1.")
    factors = expand(unsqueeze(x, -1), (*x.shape, count - 1))
    first = ones(*x.shape, 1, dtype=x.dtype)
    powers = cumprod(factors, -1)
    return cat([first, powers], -1)
