"""Matrix products."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradsh.engine.appliers import broadcast_error
from gradsh.engine.arguments import Operand, operand
from gradsh.engine.derivative import linear
from gradsh.engine.dtypes import FROM_NUMPY
from gradsh.engine.op import composite
from gradsh.engine.ops.conjugation import conjugate
from gradsh.engine.ops.pointwise import not_implemented
from gradsh.engine.ops.shape import expand, reshape, t, transpose, unsafe_view, unsqueeze
from gradsh.engine.small_products import (
    batch_product,
    matrix_product,
    matrix_vector_product,
    product,
)
from gradsh.engine.tensor import Tensor


def check_types(input: Any, other: Any, kernel: str = "addmm_impl_cpu_") -> None:
    """PyTorch's errors for matrices of different types, and for bools."""
    if input.dtype is not other.dtype:
        first, second = (FROM_NUMPY[x.dtype].c_name for x in (input, other))
        error = RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {first} != {second}"
        )
        error.add_note("convert one: `x.float()`, or `x.to(y.dtype)`")
        raise error
    if input.dtype.kind == "b":
        raise not_implemented(kernel, input)


@linear(
    input=lambda g, mat2: mm(g, conjugate(t(mat2))),
    mat2=lambda g, input: mm(conjugate(t(input)), g),
)
def mm(input: Operand, mat2: Operand):
    """Product of two matrices.

    mm(randn(3, 4), randn(4, 2))
    """
    if input.ndim != 2 or mat2.ndim != 2:
        position, array = ("self", input) if input.ndim != 2 else ("mat2", mat2)
        raise RuntimeError(f"{position} must be a matrix" if array.ndim != 2 else "")
    if input.shape[1] != mat2.shape[0]:
        error = RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({input.shape[0]}x{input.shape[1]} and "
            f"{mat2.shape[0]}x{mat2.shape[1]})"
        )
        error.add_note("columns of the first must equal rows of the second; `.T` transposes")
        raise error
    check_types(input, mat2)
    return matrix_product(input, mat2)


def _column(vector: Any) -> Any:
    return reshape(vector, (-1, 1))


def _row(vector: Any) -> Any:
    return reshape(vector, (1, -1))


@linear(
    input=lambda g, vec: _column(g) * conjugate(_row(vec)),
    vec=lambda g, input: mv(conjugate(t(input)), g),
)
def mv(input: Operand, vec: Operand):
    """Product of a matrix and a vector.

    mv(randn(3, 4), randn(4))
    """
    if input.ndim == 0:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {input.ndim}, {vec.ndim}")
    if input.shape[1] != vec.shape[0]:
        raise RuntimeError(
            f"size mismatch, got input ({input.shape[0]}), mat "
            f"({input.shape[0]}x{input.shape[1]}), vec ({vec.shape[0]})"
        )
    if input.dtype is not vec.dtype:
        matrix, vector = (FROM_NUMPY[x.dtype].type_name for x in (input, vec))
        error = RuntimeError(
            "addmv input tensors must have the same dtype, but got "
            f"{vector}, {matrix}, and {vector}"
        )
        error.add_note("convert one: `x.float()`, or `x.to(y.dtype)`")
        raise error
    check_types(input, vec, "addmv_impl_cpu")
    return matrix_vector_product(input, vec)


@linear(input=lambda g, tensor: g * conjugate(tensor), tensor=lambda g, input: g * conjugate(input))
def dot(input: Operand, tensor: Operand):
    """Inner product of two vectors.

    dot(randn(4), randn(4))
    """
    if input.ndim != 1 or tensor.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors")
    if input.dtype is not tensor.dtype:
        first, second = (FROM_NUMPY[x.dtype].type_name for x in (input, tensor))
        raise RuntimeError(
            f"dot : expected both vectors to have same dtype, but found {first} and {second}"
        )
    if input.shape != tensor.shape:
        raise RuntimeError(
            "inconsistent tensor size, expected tensor "
            f"[{input.shape[0]}] and src [{tensor.shape[0]}] to have the same number of elements, "
            f"but got {input.shape[0]} and {tensor.shape[0]} elements respectively"
        )
    if input.dtype.kind == "b":
        raise not_implemented("dot", input)
    return np.dot(input, tensor)


@linear(
    input=lambda g, mat2: bmm(g, conjugate(transpose(mat2, 1, 2))),
    mat2=lambda g, input: bmm(conjugate(transpose(input, 1, 2)), g),
)
def bmm(input: Operand, mat2: Operand):
    """Products of two batches of matrices.

    bmm(randn(2, 3, 4), randn(2, 4, 5))
    """
    for name, array in (("batch1", input), ("batch2", mat2)):
        if array.ndim != 3:
            raise RuntimeError(f"{name} must be a 3D tensor")
    batch, _rows, inner = input.shape
    if mat2.shape[:2] != (batch, inner):
        raise RuntimeError(
            "Expected size for first two dimensions of batch2 tensor to be: "
            f"[{batch}, {inner}] but got: [{mat2.shape[0]}, {mat2.shape[1]}]."
        )
    if input.dtype is not mat2.dtype:
        first, second = (FROM_NUMPY[x.dtype].type_name for x in (input, mat2))
        raise RuntimeError(f"expected scalar type {first} but found {second}")
    if input.dtype.kind == "b":
        raise not_implemented("bmm", input)
    return batch_product(input, mat2)


@linear(
    input=lambda g, input_shape: reshape(g, input_shape),
    grad_fn="SqueezeBackward4",
    hidden=True,
)
def _drop_row(input: Operand):
    """A product's only row as a vector."""
    return input[0]


def _folds(input: Tensor, other: Tensor) -> bool:
    """Whether a batch times one matrix is computed as one tall matrix product, as PyTorch does."""
    first_larger = input.ndim >= other.ndim
    large, small = (input, other) if first_larger else (other, input)
    if not (large.ndim >= 3 and small.ndim <= 2):
        return False
    if small.node is not None:
        return True
    if input.ndim == 2:
        return False
    if large.array.size == 0:
        return True
    batch_shape, strides = large.array.shape, large.array.strides
    if not first_larger:
        batch_shape = (*batch_shape[:-2], batch_shape[-1], batch_shape[-2])
        strides = (*strides[:-2], strides[-1], strides[-2])
    return all(strides[d] == strides[d + 1] * batch_shape[d + 1] for d in range(large.ndim - 2))


@composite()
def matmul(input: Any, other: Any) -> Any:
    """Product of vectors, matrices or batches of matrices, by their numbers of dimensions.

    matmul(randn(3, 4), randn(4))
    matmul(randn(2, 3, 4), randn(4, 5))
    matmul(randn(2, 1, 3, 4), randn(3, 4, 5))
    """
    if type(input) is not Tensor or type(other) is not Tensor:
        input = operand(input, "matmul", "input", 1)
        other = operand(other, "matmul", "other", 2)
        if type(input) is not Tensor and type(other) is not Tensor:
            if input.ndim == other.ndim == 2 and input.shape[1] == len(other):
                return matrix_product(input, other)
            return product(input, other)
    ranks = input.array.ndim, other.array.ndim
    if 0 in ranks:
        raise RuntimeError(
            f"both arguments to matmul need to be at least 1D, but they are {ranks[0]}D and "
            f"{ranks[1]}D"
        )
    if ranks == (2, 2):
        return mm(input, other)
    if ranks == (1, 1):
        return dot(input, other)
    if ranks == (2, 1):
        return mv(input, other)
    if ranks == (1, 2):
        return _drop_row(mm(unsqueeze(input, 0), other))
    if _folds(input, other):
        return _folded(input, other)
    return _batched(input, other)


def _folded(input: Any, other: Any) -> Any:
    swapped = input.ndim < other.ndim
    large, small = (transpose(other, -2, -1), input) if swapped else (input, other)
    if swapped and small.ndim == 2:
        small = t(small)
    leading = large.array.shape[:-1]
    tall = (
        reshape(large, (-1, large.array.shape[-1]))
        if large.array.size
        else reshape(large, (math.prod(leading), large.array.shape[-1]))
    )
    if small.ndim == 1:
        return unsafe_view(mv(tall, small), leading)
    product = unsafe_view(mm(tall, small), (*leading, small.array.shape[1]))
    return transpose(product, -2, -1) if swapped else product


def _batched(input: Any, other: Any) -> Any:
    vector_first, vector_last = input.ndim == 1, other.ndim == 1
    if vector_first:
        input = unsqueeze(input, 0)
    if vector_last:
        other = unsqueeze(other, 1)
    first, second = input.array.shape, other.array.shape
    try:
        batch = np.broadcast_shapes(first[:-2], second[:-2])
    except ValueError:
        raise broadcast_error(first[:-2], second[:-2]) from None
    count = math.prod(batch)
    left = reshape(expand(input, (*batch, *first[-2:])), (count, *first[-2:]))
    right = reshape(expand(other, (*batch, *second[-2:])), (count, *second[-2:]))
    shape = (*batch, first[-2], second[-1])
    if vector_first:
        shape = (*batch, second[-1])
    elif vector_last:
        shape = (*batch, first[-2])
    return unsafe_view(bmm(left, right), shape)


def attach_operators() -> None:
    """Give Tensor the `@` operator."""

    def matrix_product(self: Tensor, other: Any) -> Any:
        return matmul(self, other) if _is_operand(other) else NotImplemented

    def reflected(self: Tensor, other: Any) -> Any:
        return matmul(other, self) if _is_operand(other) else NotImplemented

    setattr(Tensor, "__matmul__", matrix_product)  # noqa: B010
    setattr(Tensor, "__rmatmul__", reflected)  # noqa: B010


def _is_operand(value: Any) -> bool:
    return type(value) is Tensor or isinstance(value, np.ndarray)
