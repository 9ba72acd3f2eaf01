"""Least squares: pseudoinverse, rank, and equations without an exact solution."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand, operand
from gradsh.engine.derivative import general
from gradsh.engine.dtypes import HALVES, is_inexact
from gradsh.engine.op import composite
from gradsh.engine.ops.decompositions import eigh_of, svd_of
from gradsh.engine.ops.linalg import matmul
from gradsh.engine.ops.matrices import (
    adjoint,
    batch_element,
    broadcast_batches,
    check_square,
    type_of,
)
from gradsh.engine.ops.pieces import array_of
from gradsh.engine.ops.shape import squeeze, sum_to, unsqueeze
from gradsh.engine.results import named_result
from gradsh.engine.tensor import new_tensor


def _tolerance(A: Any, largest: Any, atol: Any, rtol: Any) -> Any:
    """Below what size a singular value counts as zero, for each matrix."""
    absolute = 0.0 if atol is None else array_of(atol)
    if rtol is None:
        default = np.finfo(A.dtype).eps * max(A.shape[-2:])
        relative: Any = np.where(np.asarray(absolute) > 0, 0.0, default)
    else:
        relative = array_of(rtol)
    return np.maximum(absolute, relative * largest)


def _pinv_rule(g: Any, A: Any, out: Any) -> Any:
    """Source: Golub and Pereyra, The differentiation of pseudo-inverses (1973), transposed."""
    turned, g = adjoint(out), adjoint(g)
    rows, columns = array_of(A).shape[-2:]
    if rows <= columns:
        K = matmul(g, out)
        K_turned = matmul(K, turned)
        return (
            K_turned
            - adjoint(matmul(out, K))
            - matmul(matmul(A, out), K_turned)
            + matmul(matmul(turned, out), g - matmul(K, A))
        )
    K = matmul(out, g)
    turned_K = matmul(turned, K)
    return (
        turned_K
        - adjoint(matmul(K, out))
        + matmul(matmul(g - matmul(A, K), out), turned)
        - matmul(matmul(turned_K, out), A)
    )


@general(A=_pinv_rule, grad_fn="LinalgPinvBackward0", hidden=True)
def pinv_of(A: Operand, atol: Any, rtol: Any, hermitian: bool):
    """The pseudoinverse of matrices."""
    if not A.size:
        return np.zeros((*A.shape[:-2], A.shape[-1], A.shape[-2]), A.dtype)
    if hermitian:
        values, vectors = eigh_of(A, "L")
        left, right = vectors, adjoint(vectors)
    else:
        U, values, Vh = svd_of(A, False)
        left, right = adjoint(Vh), adjoint(U)
    sizes = np.abs(values)
    limit = _tolerance(A, sizes.max(-1), atol, rtol)[..., None]
    with np.errstate(divide="ignore"):
        inverse = np.where(sizes > limit, 1 / values, 0).astype(values.dtype)
    return (left * inverse[..., None, :]) @ right


def _pinv(input: Any, rcond: Any, hermitian: Any, atol: Any, rtol: Any) -> Any:
    A = operand(input, "linalg_pinv", "input", 1)
    array = A.array
    if array.ndim < 2 or not is_inexact(array.dtype) or array.dtype in HALVES:
        shape = ", ".join(str(length) for length in array.shape)
        raise RuntimeError(
            f"linalg.pinv({type_of(array)}{{[{shape}]}}): expected a tensor with 2 or more "
            "dimensions of float, double, cfloat or cdouble types"
        )
    if hermitian:
        check_square("linalg.eigh", array)
    return pinv_of(A, atol, rcond if rtol is None else rtol, hermitian)


@composite()
def pinv(
    input: Any, rcond: Any = None, hermitian: Any = False, *, atol: Any = None, rtol: Any = None
) -> Any:
    """Pseudoinverse of a matrix of any shape; small singular values (atol, rtol) count as zero.

    pinv(randn(3, 4) + eye(3, 4) * tensor([1., 3., 5., 7.]))
    pinv(randn(2, 4, 3) + 4 * eye(4, 3))
    pinv(randn(3, 3) + 4 * eye(3), hermitian=true)
    pinv(randn(3, 3) + 4 * eye(3), rtol=0.01)
    """
    return _pinv(input, rcond, hermitian, atol, rtol)


@composite()
def pinverse(input: Any, rcond: Any = None) -> Any:
    """Another name for pinv.

    pinverse(randn(3, 4) + eye(3, 4) * tensor([1., 3., 5., 7.]))
    """
    return _pinv(input, rcond, False, None, None)


@composite()
def matrix_rank(
    input: Any, tol: Any = None, hermitian: Any = False, *, atol: Any = None, rtol: Any = None
) -> Any:
    """How many singular values of a matrix are larger than tol (or atol, rtol).

    matrix_rank(randn(3, 4) + 5 * eye(3, 4))
    matrix_rank(randn(2, 3, 3) + 5 * eye(3), hermitian=true)
    matrix_rank(randn(3, 4) + 5 * eye(3, 4), atol=1.0)
    """
    A = operand(input, "linalg_matrix_rank", "input", 1)
    array = A.array
    if array.ndim < 2:
        raise RuntimeError(
            "torch.linalg.matrix_rank: The input tensor input must have at least 2 dimensions."
        )
    if not is_inexact(array.dtype) or array.dtype in HALVES:
        raise RuntimeError("This function doesn't handle types other than float and double")
    if hermitian:
        check_square("linalg.eigh", array)
    if not array.size:
        return new_tensor(np.zeros(array.shape[:-2], np.int64))
    values = np.abs(eigh_of(array, "L")[0]) if hermitian else svd_of(array, False)[1]
    if tol is not None:
        atol, rtol = tol, 0.0
    limit = _tolerance(array, values.max(-1), atol, rtol)[..., None]
    return new_tensor(np.asarray(np.count_nonzero(values > limit, -1), np.int64))


_LSTSQ = named_result("linalg_lstsq", ("solution", "residuals", "rank", "singular_values"))
_DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


def _is_vector(A_shape: tuple[int, ...], B_shape: tuple[int, ...]) -> bool:
    """Whether right-hand sides of this shape are one column each, without its dimension."""
    return len(B_shape) == len(A_shape) - 1


def _in_columns(g: Any, A: Any, B: Any) -> tuple[Any, Any, Any]:
    """B and the cotangents of solution and residuals, each with its dimension of columns."""
    solution, residuals = g[:2]
    if residuals is not None and not array_of(residuals).size:
        residuals = None
    if _is_vector(array_of(A).shape, array_of(B).shape):
        B = unsqueeze(B, -1)
        solution = None if solution is None else unsqueeze(solution, -1)
    return B, solution, residuals


def _lstsq_left(g: Any, A: Any, B: Any, A_shape: tuple[int, ...]) -> Any:
    """The cotangent of A in the least squares solution of A X = B and its residuals."""
    B, g_solution, g_residuals = _in_columns(g, A, B)
    inverse = pinv_of(A, None, None, False)
    total = A * 0
    if g_solution is not None:
        total = total + _pinv_rule(matmul(g_solution, adjoint(B)), A, inverse)
    if g_residuals is not None:
        X = matmul(inverse, B)
        errors = (matmul(A, X) - B) * (unsqueeze(g_residuals, -2) * 2)
        total = total + matmul(errors, adjoint(X))
    return sum_to(total, A_shape)


def _lstsq_right(g: Any, A: Any, B: Any, B_shape: tuple[int, ...]) -> Any:
    """The cotangent of B in the least squares solution of A X = B and its residuals."""
    vector = _is_vector(array_of(A).shape, B_shape)
    B, g_solution, g_residuals = _in_columns(g, A, B)
    inverse = pinv_of(A, None, None, False)
    total = B * 0
    if g_solution is not None:
        total = total + matmul(adjoint(inverse), g_solution)
    if g_residuals is not None:
        errors = B - matmul(A, matmul(inverse, B))
        total = total + errors * (unsqueeze(g_residuals, -2) * 2)
    return sum_to(squeeze(total, -1) if vector else total, B_shape)


@general(
    A=_lstsq_left,
    B=_lstsq_right,
    grad_fn="LinalgLstsqBackward0",
    outputs=("solution", "residuals", "rank", "singular_values"),
    hidden=True,
)
def lstsq_of(A: Operand, B: Operand, rcond: Any, driver: str):
    """The least squares solutions, and what the `driver` says about them."""
    vector = _is_vector(A.shape, B.shape)
    A, B = broadcast_batches(A, B[..., None] if vector else B)
    rows, columns = A.shape[-2:]
    U, S, Vh = svd_of(A, False)
    limit = np.finfo(A.dtype).eps * max(rows, columns) if rcond is None else rcond
    counted = ~(limit * S[..., :1] >= S)  # nan counts: the solution is then nan too
    rank = np.count_nonzero(counted, -1)
    full = rank == min(rows, columns)
    if driver == "gels" and not full.all():
        number = int(np.argmin(full.reshape(-1)))
        raise RuntimeError(
            f"torch.linalg.lstsq: {batch_element(A, number)}The least squares solution could not "
            "be computed because the input matrix does not have full rank (error code: "
            f"{int(rank.reshape(-1)[number]) + 1})."
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = np.where(counted, 1 / S, 0)
    X = adjoint(Vh) @ (inverse[..., None] * (adjoint(U) @ B))
    residuals = np.empty(0, S.dtype)
    if rows > columns and driver != "gelsy" and full.all():
        residuals = np.add.reduce(np.abs(A @ X - B) ** 2, -2)
    if vector:
        X = X[..., 0]
    return _LSTSQ(
        X.astype(A.dtype, copy=False),
        residuals.astype(S.dtype, copy=False),
        np.empty(0, np.int64) if driver == "gels" else np.asarray(rank, np.int64),
        S if driver in ("gelsd", "gelss") else np.empty(0, S.dtype),
    )


@composite()
def lstsq(input: Any, b: Any, rcond: Any = None, *, driver: Any = None) -> Any:
    """The X for which A X is nearest to b, with residuals, rank and singular values of the input A.

    As in PyTorch the residuals come with the drivers "gels", "gelsd" and "gelss", the singular
    values with the last two.

    lstsq(randn(4, 3) + 4 * eye(4, 3), randn(4, 2))
    lstsq(randn(4, 3) + 4 * eye(4, 3), randn(4, 2), driver="gelsd")
    lstsq(randn(4, 2) + 4 * eye(4, 2), randn(4), driver="gels")
    """
    A = operand(input, "linalg_lstsq", "input", 1)
    B = operand(b, "linalg_lstsq", "b", 2)
    first, second = A.array, B.array
    name = "torch.linalg.lstsq"
    if first.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if second.ndim < 1:
        raise RuntimeError(f"{name}: other must have at least 1 dimension.")
    if first.dtype is not second.dtype:
        raise RuntimeError(
            f"{name}: Expected input and other to have the same dtype, but got input's dtype "
            f"{type_of(first)} and other's dtype {type_of(second)}"
        )
    if not 0 <= first.ndim - second.ndim <= 1:
        raise RuntimeError(
            f"{name}: input.dim() must be greater or equal to other.dim() and "
            "(input.dim() - other.dim()) <= 1"
        )
    vector = _is_vector(first.shape, second.shape)
    if first.shape[-2] != second.shape[-1 if vector else -2]:
        dim = -1 if vector else -2
        raise RuntimeError(f"{name}: input.size(-2) should match other.size({dim})")
    driver = "gelsy" if driver is None else driver
    if driver not in _DRIVERS:
        raise RuntimeError(
            f"{name}: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)"
        )
    if not is_inexact(first.dtype) or first.dtype in HALVES:
        raise RuntimeError("This function doesn't handle types other than float and double")
    solution, residuals, rank, values = lstsq_of(A, B, rcond, driver)
    return _LSTSQ(solution, residuals, rank, new_tensor(values.array))
