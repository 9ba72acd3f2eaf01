"""Norms of vectors and matrices, and the condition number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradsh.engine.arguments import dims as read_dims
from gradsh.engine.arguments import operand, refuse, type_name
from gradsh.engine.dtypes import COMPLEX, FLOAT, FROM_NUMPY, NUMBER_CATEGORY, promote
from gradsh.engine.op import composite
from gradsh.engine.ops.decompositions import check_svd, svd_of
from gradsh.engine.ops.indexing import narrow
from gradsh.engine.ops.matrices import check_floating, check_matrix, check_square
from gradsh.engine.ops.pointwise import mul, reciprocal
from gradsh.engine.ops.reductions import amax, amin, sum, vector_norm_of
from gradsh.engine.ops.selection import nan_to_num
from gradsh.engine.ops.shape import permute, squeeze, to, unsqueeze
from gradsh.engine.ops.solvers import inv_ex
from gradsh.engine.tensor import new_tensor, wrap_dim


def _converted(name: str, tensor: Any, dtype: Any) -> Any:
    """`tensor` in the type that a norm is asked to compute in; PyTorch's errors otherwise."""
    if dtype is None:
        return tensor
    given = FROM_NUMPY[tensor.array.dtype]
    if dtype.category < FLOAT:
        raise RuntimeError(
            f"{name}: dtype should be floating point or complex, but got {dtype.type_name}"
        )
    if (given.category == COMPLEX) != (dtype.category == COMPLEX):
        kind = "complex" if given.category == COMPLEX else "real"
        raise RuntimeError(
            f"{name}: dtype should be {kind} for {kind} inputs, but got {dtype.type_name}"
        )
    if promote(given, dtype) is not dtype:
        raise RuntimeError(
            f"{name}: the dtype of the input ({given.type_name}) should be convertible without "
            f"narrowing to the specified dtype ({dtype.type_name})"
        )
    return to(tensor, dtype)


@composite()
def vector_norm(
    x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Any:
    """The ord-norm of all elements, or of those along dim, as of one vector.

    vector_norm(randn(3, 4))
    vector_norm(randn(3, 4), 1, dim=1)
    vector_norm(randn(3, 4), inf, (0, 1), keepdim=true)
    vector_norm(randn(3, 4), 3, dtype=float64)
    """
    x = operand(x, "linalg_vector_norm", "x", 1)
    if type(ord) not in NUMBER_CATEGORY:
        raise refuse("linalg_vector_norm", "ord", 2, "Number", ord)
    check_floating("linalg.vector_norm", x.array, half=True)
    x = _converted("linalg.vector_norm", x, dtype)
    if dim is not None:
        dim = read_dims(dim, "linalg_vector_norm", "dim", 3)
    return vector_norm_of(x, float(ord), dim, keepdim)


def _two_dims(dim: Any, ndim: int) -> tuple[int, int]:
    """The dimensions of a matrix norm; RuntimeError unless they are two different ones."""
    if not isinstance(dim, (tuple, list)):
        raise TypeError(
            "linalg_matrix_norm() received an invalid combination of arguments - got (Tensor, "
            f"dim={type_name(dim)}), but expected one of: (Tensor input, Number ord, tuple of "
            'ints dim = {-2,-1}, bool keepdim = False), (Tensor input, str ord = "fro", tuple '
            "of ints dim = {-2,-1}, bool keepdim = False)"
        )
    if len(dim) != 2:
        shown = ", ".join(str(d) for d in dim)
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {shown}")
    first, second = (wrap_dim(d, ndim) for d in dim)
    if first == second:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})")
    return first, second


def _extreme(largest: bool, values: Any, dim: int, keepdim: bool) -> Any:
    """The largest or smallest along dim; the largest of none is zero."""
    if largest and values.array.shape[dim] == 0:
        shape = list(values.array.shape)
        shape[dim : dim + 1] = [1] if keepdim else []
        return new_tensor(np.zeros(shape, values.array.dtype))
    return (amax if largest else amin)(values, dim, keepdim)


def _matrix_norm(A: Any, ord: Any, dim: tuple[int, int], keepdim: bool) -> Any:
    """A norm of matrices whose rows and columns are the dimensions `dim`."""
    if ord == "fro":
        return vector_norm_of(A, 2.0, dim, keepdim)
    first, second = dim
    ndim = A.array.ndim
    if ord != "nuc" and abs(ord) != 2:
        if abs(ord) == math.inf:
            first, second = second, first
        lengths = vector_norm_of(A, 1.0, (first,), keepdim)
        if first < second and not keepdim:
            second -= 1
        return _extreme(ord > 0, lengths, second, keepdim)
    order = (*(d for d in range(ndim) if d not in dim), first, second)
    values = svd_of(permute(A, order), False).S
    if ord == "nuc":
        result = sum(values, (-1,), keepdim)
    else:
        result = _extreme(ord > 0, values, ndim - 2, keepdim)
    if not keepdim:
        return result
    back = tuple(order.index(d) for d in range(ndim))
    return permute(unsqueeze(result, -1), back)


@composite()
def matrix_norm(
    input: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> Any:
    """A norm of a matrix, or of each of a batch: "fro", "nuc", inf, 1, 2 or their negatives.

    matrix_norm(randn(3, 4))
    matrix_norm(randn(3, 4) + eye(3, 4) * tensor([1., 3., 5., 7.]), "nuc")
    matrix_norm(randn(3, 4) + eye(3, 4) * tensor([1., 3., 5., 7.]), 2, keepdim=true)
    matrix_norm(randn(2, 3, 4), 1, (0, 2))
    matrix_norm(randn(2, 3, 4), -inf, keepdim=true)
    """
    A = operand(input, "linalg_matrix_norm", "input", 1)
    check_matrix("linalg.matrix_norm", A.array)
    check_floating("linalg.matrix_norm", A.array, half=True)
    if ord not in ("fro", "nuc") and (
        type(ord) not in NUMBER_CATEGORY or abs(ord) not in (1, 2, math.inf)
    ):
        error = RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
        error.add_note('a matrix has the norms "fro", "nuc", inf, -inf, 1, -1, 2 and -2')
        raise error
    dim = _two_dims(dim, A.array.ndim)
    A = _converted("linalg.matrix_norm", A, dtype)
    return _matrix_norm(A, ord, dim, keepdim)


def nuclear_norm(input: Any, dim: Any, keepdim: bool) -> Any:
    """The sum of a matrix's singular values, for `norm` with p="nuc"."""
    if dim is None:
        dim = (-2, -1)
    check_matrix("linalg.matrix_norm", input.array)
    check_svd(input.array)
    return _matrix_norm(input, "nuc", _two_dims(dim, input.array.ndim), keepdim)


@composite()
def cond(input: Any, p: Any = None) -> Any:
    """Condition number of a matrix in the norm p; without p, of largest to smallest singular value.

    cond(randn(3, 3) + eye(3) * tensor([1., 3., 5.]))
    cond(randn(3, 3) + eye(3) * tensor([1., 3., 5.]), -2)
    cond(detach(randn(3, 3) + 2 * eye(3)), 1)
    cond(randn(3, 3) + eye(3) * tensor([1., 3., 5.]), "nuc")
    """
    A = operand(input, "linalg_cond", "input", 1)
    check_matrix_of_cond(A.array)
    if p is None or p in (2, -2):
        check_svd(A.array)
        if not A.array.size:
            return new_tensor(np.zeros(A.array.shape[:-2], A.array.real.dtype))
        values = svd_of(A, False).S
        largest = narrow(values, -1, 0, 1)
        smallest = narrow(values, -1, values.array.shape[-1] - 1, 1)
        return squeeze(smallest / largest if p == -2 else largest / smallest, -1)
    if isinstance(p, str) and p not in ("fro", "nuc"):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    check_square(f"linalg.cond(ord={p})", A.array)
    if p == "nuc":
        check_svd(A.array)
        values = svd_of(A, False).S
        return mul(sum(values, (-1,)), sum(reciprocal(values), (-1,)))
    inverse = inv_ex(A, False)
    product = mul(matrix_norm(A, p), matrix_norm(inverse, p))
    return nan_to_num(product, math.inf, math.inf, -math.inf)


def check_matrix_of_cond(A: Any) -> None:
    """RuntimeError unless A has two dimensions or more."""
    if A.ndim < 2:
        raise RuntimeError("linalg.cond: The input tensor must have at least 2 dimensions.")
