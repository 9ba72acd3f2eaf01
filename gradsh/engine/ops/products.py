"""Products of tensors beyond the plain matrix product: inner, outer, cross and contractions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradsh.engine.appliers import check_broadcast
from gradsh.engine.arguments import Dim, Operand, operand, type_name
from gradsh.engine.derivative import linear
from gradsh.engine.dtypes import FROM_NUMPY, HALVES, is_inexact
from gradsh.engine.op import composite
from gradsh.engine.ops.conjugation import conjugate
from gradsh.engine.ops.linalg import dot, mm
from gradsh.engine.ops.pieces import array_of, refuse
from gradsh.engine.ops.pointwise import mul
from gradsh.engine.ops.reductions import sum
from gradsh.engine.ops.shape import (
    flatten,
    permute,
    reshape,
    squeeze,
    sum_to,
    unsafe_view,
)
from gradsh.engine.tensor import wrap_dim


@composite()
def outer(input: Any, vec2: Any) -> Any:
    """Product of every element of one vector with every element of another.

    outer(randn(3), randn(4))
    """
    return _outer(input, vec2)


@composite()
def ger(input: Any, vec2: Any) -> Any:
    """Another name for outer.

    ger(randn(3), randn(4))
    """
    return _outer(input, vec2)


def _outer(input: Any, vec2: Any) -> Any:
    input = operand(input, "outer", "input", 1)
    vec2 = operand(vec2, "outer", "vec2", 2)
    for name, tensor in (("self", input), ("vec2", vec2)):
        if tensor.array.ndim != 1:
            raise RuntimeError(
                f"outer: Expected 1-D argument {name}, but got {tensor.array.ndim}-D"
            )
    return mul(reshape(input, (input.array.size, 1)), vec2)


@composite()
def inner(input: Any, other: Any) -> Any:
    """Sum over the last dimensions of both: the dot product of vectors, of rows with rows.

    inner(randn(4), randn(4))
    inner(randn(2, 3, 4), randn(3, 4))
    """
    input = operand(input, "inner", "input", 1)
    other = operand(other, "inner", "other", 2)
    if not (input.array.ndim and other.array.ndim):
        return mul(input, other)
    first, second = input.array.shape, other.array.shape
    if first[-1] != second[-1]:
        error = RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(first)} and {list(second)}"
        )
        error.add_note("inner sums over the last dimension of both; `@` is the matrix product")
        raise error
    return _contracted(input, other, (-1,), (-1,))


@composite()
def tensordot(a: Any, b: Any, dims: Any = 2) -> Any:
    """Sum over several dimensions of both at once; dims is a number of them or two lists.

    With a number n, the last n dimensions of a meet the first n of b.

    tensordot(randn(3, 4), randn(4, 2), 1)
    tensordot(randn(2, 3, 4), randn(3, 4))
    tensordot(randn(3, 4), randn(3, 2), dims=([0], [0]))
    tensordot(randn(3, 4), randn(4, 3), ([0, 1], [1, 0]))
    """
    a = operand(a, "tensordot", "a", 1)
    b = operand(b, "tensordot", "b", 2)
    return _contracted(a, b, *_contracted_dims(a, b, dims))


def _contracted_dims(a: Any, b: Any, dims: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The dimensions of a and of b that `tensordot` sums over."""
    if hasattr(dims, "tolist"):
        dims = dims.tolist()
    if isinstance(dims, (tuple, list)) and len(dims) == 2:
        lists = []
        named = zip(("dims_self", "dims_other"), dims, strict=True)
        for position, (name, given) in enumerate(named, 3):
            given = given.tolist() if hasattr(given, "tolist") else given
            if not isinstance(given, (tuple, list)):
                raise TypeError(
                    f"tensordot(): argument '{name}' (position {position}) must be tuple of ints, "
                    f"not {type_name(given)}"
                )
            lists.append(tuple(int(dim) for dim in given))
        return lists[0], lists[1]
    if type(dims) is not int:
        raise RuntimeError(
            "tensordot expects dims to be int or tuple[list[int], list[int]] or list[list[int]] "
            f"containing two lists, but got dims={dims}"
        )
    if dims < 0:
        raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
    if dims > min(a.array.ndim, b.array.ndim):
        raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
    return tuple(range(-dims, 0)), tuple(range(dims))


def _length(shape: tuple[int, ...], dim: int) -> int:
    """The length of one dimension; IndexError for one that `shape` does not have."""
    if not shape:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return shape[wrap_dim(dim, len(shape))]


def _contracted(a: Any, b: Any, dims_a: tuple[int, ...], dims_b: tuple[int, ...]) -> Any:
    """The contraction of a and b over pairs of dimensions, by one product of matrices."""
    if len(dims_a) != len(dims_b):
        raise RuntimeError("both dimension lists should have same length")
    if a.array.dtype is not b.array.dtype:
        error = RuntimeError("both inputs should have same dtype")
        error.add_note("convert one: `x.float()`, or `x.to(y.dtype)`")
        raise error
    first, second = a.array.shape, b.array.shape
    count = 1
    for dim_a, dim_b in zip(dims_a, dims_b, strict=True):
        length, other = _length(first, dim_a), _length(second, dim_b)
        if other == 1:  # what is broadcast can be summed at once
            a = sum(a, (dim_a,), True)
        elif length == 1:
            b = sum(b, (dim_b,), True)
        elif length != other:
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {length} in dim "
                f"{dim_a} and second has size {other} in dim {dim_b}"
            )
        else:
            count *= length
    summed_a = [wrap_dim(dim, len(first)) for dim in dims_a]
    summed_b = [wrap_dim(dim, len(second)) for dim in dims_b]
    for summed in (summed_a, summed_b):
        for dim in summed:
            if summed.count(dim) > 1:
                raise RuntimeError(f"dim {dim} appears multiple times in the list of dims")
    kept_a = [dim for dim in range(len(first)) if dim not in summed_a]
    kept_b = [dim for dim in range(len(second)) if dim not in summed_b]
    rows = math.prod(first[dim] for dim in kept_a)
    columns = math.prod(second[dim] for dim in kept_b)
    shape = (*(first[dim] for dim in kept_a), *(second[dim] for dim in kept_b))
    a = permute(a, (*kept_a, *summed_a))
    b = permute(b, (*summed_b, *kept_b))
    if rows == 1 and columns == 1:
        if a.array.flags.c_contiguous and b.array.flags.c_contiguous:
            return reshape(dot(flatten(a), flatten(b)), shape)
        kind = FROM_NUMPY[a.array.dtype]
        return reshape(sum(mul(squeeze(a), squeeze(b)), dtype=kind), shape)
    return reshape(mm(reshape(a, (rows, count)), reshape(b, (count, columns))), shape)


@composite()
def kron(input: Any, other: Any) -> Any:
    """Kronecker product: input with each element replaced by its product with all of other.

    kron(randn(3), randn(4))
    kron(randn(1, 3), randn(4))
    """
    input = operand(input, "kron", "input", 1)
    other = operand(other, "kron", "other", 2)
    ndim = max(input.array.ndim, other.array.ndim)
    first = (1,) * (ndim - input.array.ndim) + input.array.shape
    second = (1,) * (ndim - other.array.ndim) + other.array.shape
    product = mul(
        unsafe_view(input, tuple(length for n in first for length in (n, 1))),
        unsafe_view(other, tuple(length for n in second for length in (1, n))),
    )
    return unsafe_view(product, tuple(n * m for n, m in zip(first, second, strict=True)))


@linear(
    input=lambda g, other, dim, input_shape: sum_to(
        linalg_cross(conjugate(other), g, dim), input_shape
    ),
    other=lambda g, input, dim, other_shape: sum_to(
        linalg_cross(g, conjugate(input), dim), other_shape
    ),
    hidden=True,
)
def linalg_cross(input: Operand, other: Operand, dim: Dim):
    """The vector product of vectors of length three along dim."""
    parts = [np.moveaxis(x, dim, 0) for x in np.broadcast_arrays(input, other)]
    (a0, a1, a2), (b0, b1, b2) = parts
    product = (a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0)
    return np.stack(product, dim if dim >= 0 else input.ndim + dim)


@composite()
def cross(input: Any, other: Any, dim: Any = -1) -> Any:
    """Vector product of vectors of length three along dim.

    cross(randn(4, 3), randn(4, 3))
    cross(randn(3, 4), randn(3, 1), dim=0)
    """
    input = operand(input, "linalg_cross", "input", 1)
    other = operand(other, "linalg_cross", "other", 2)
    ndim = input.array.ndim
    if ndim != other.array.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    if not ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    axis = wrap_dim(dim, ndim)
    lengths = input.array.shape[axis], other.array.shape[axis]
    if lengths != (3, 3):
        error = RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {lengths[0]} and "
            f"{lengths[1]}"
        )
        error.add_note("say along which dimension the three components lie: `cross(a, b, dim=0)`")
        raise error
    check_broadcast(input.array.shape, other.array.shape)
    if input.array.dtype is not other.array.dtype:
        first, second = (FROM_NUMPY[x.array.dtype].type_name for x in (input, other))
        raise RuntimeError(f"expected scalar type {first} but found {second}")
    refuse("cross", "b", input.array)
    return linalg_cross(input, other, axis)


@linear(input=lambda g, input_shape: _on_diagonal_of(g, input_shape))
def trace(input: Operand):
    """Sum of a matrix's diagonal.

    trace(randn(3, 4))
    """
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    refuse("trace", "b", input)
    wide = np.float32 if input.dtype in HALVES else None
    kind = input.dtype if is_inexact(input.dtype) else np.int64
    return np.trace(input, dtype=wide or kind).astype(kind)


def _on_diagonal_of(g: Any, shape: tuple[int, ...]) -> Any:
    """`g` on the diagonal of a matrix of this shape, zero elsewhere."""
    return g * np.eye(*shape, dtype=array_of(g).dtype)


@linear(
    input=lambda g, other: conjugate(g) * other,
    other=lambda g, input: g * input,
)
def vdot(input: Operand, other: Operand):
    """Inner product of two vectors, the first one conjugated.

    vdot(randn(4), randn(4))
    """
    dot.op.forward(input, other)  # its refusals are this one's
    return np.vdot(input, other)


@composite()
def vecdot(x: Any, y: Any, dim: Any = -1) -> Any:
    """Inner products of the vectors along dim, those of x conjugated.

    vecdot(randn(3, 4), randn(3, 4))
    vecdot(randn(3, 4), randn(4), dim=0)
    """
    x = operand(x, "linalg_vecdot", "x", 1)
    y = operand(y, "linalg_vecdot", "y", 2)
    if not is_inexact(x.array.dtype):
        raise RuntimeError(
            "linalg.vecdot: Expected a floating point or complex tensor as input. Got "
            + FROM_NUMPY[x.array.dtype].type_name
        )
    if x.array.dtype is not y.array.dtype:
        first, second = (FROM_NUMPY[z.array.dtype].type_name for z in (x, y))
        raise RuntimeError(
            "linalg.vecdot: Expected x and y to have the same dtype, but found x of type "
            f"{first} and y of type {second} instead"
        )
    return sum(mul(conjugate(x), y), (dim,))
