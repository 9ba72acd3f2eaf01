"""Linear equations: solve, inverse, triangular systems."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand, boolean, operand
from gradsh.engine.derivative import general
from gradsh.engine.op import composite
from gradsh.engine.ops.conjugation import conjugate
from gradsh.engine.ops.diagonals import tril, triu
from gradsh.engine.ops.elimination import (
    WRITTEN_OUT,
    factor,
    first_zero,
    solution,
    solve_factored,
    substitute,
)
from gradsh.engine.ops.linalg import matmul
from gradsh.engine.ops.matrices import (
    adjoint,
    batch_element,
    broadcast_batches,
    check_floating,
    check_matrix,
    check_square,
    identity_like,
    refuse_half,
    type_of,
)
from gradsh.engine.ops.pieces import refuse
from gradsh.engine.ops.pointwise import neg
from gradsh.engine.ops.shape import sum_to, unsqueeze
from gradsh.engine.tensor import Tensor

_SINGULAR = "a singular matrix has none: `pinv` or `lstsq` give the nearest there is"


def _is_vector(A_shape: tuple[int, ...], B_shape: tuple[int, ...]) -> bool:
    """Whether right-hand sides of this shape are one column each, without its dimension."""
    return len(B_shape) == 1 or B_shape == A_shape[:-1]


def _solve_right(g: Any, A: Any, left: bool) -> Any:
    """The cotangent of B in A X = B (or X A = B), before broadcasting is undone."""
    if type(g) is Tensor or type(A) is Tensor:
        return solve_ex(adjoint(A), g, left)
    vector = _is_vector(A.shape, g.shape)
    if vector or left:
        A, g = broadcast_batches(A, g[..., None] if vector else g)
        X = solution(A, g, adjoint=True)
        return X[..., 0] if vector else X
    return adjoint(solution(*broadcast_batches(A, adjoint(g))))


def _solve_left(
    g: Any, A: Any, out: Any, left: bool, A_shape: tuple[int, ...], B_shape: tuple[int, ...]
) -> Any:
    """The cotangent of A in A X = B (or X A = B)."""
    right = _solve_right(g, A, left)
    if _is_vector(A_shape, B_shape):
        product = unsqueeze(right, -1) * unsqueeze(conjugate(out), -2)
    else:
        product = matmul(right, adjoint(out)) if left else matmul(adjoint(out), right)
    return sum_to(neg(product), A_shape)


@general(
    A=_solve_left,
    B=lambda g, A, left, B_shape: sum_to(_solve_right(g, A, left), B_shape),
    grad_fn="LinalgSolveExBackward0",
    hidden=True,
)
def solve_ex(A: Operand, B: Operand, left: bool):
    """The X with A X = B, or X A = B unless left."""
    if _is_vector(A.shape, B.shape):
        return column_major(_solved(A, B[..., None], False)[..., 0])
    if left:
        return column_major(_solved(A, B, False))
    return np.swapaxes(_solved(A, np.swapaxes(B, -1, -2), True), -1, -2)


def column_major(matrices: Any) -> Any:
    """The same values laid out column by column, as LAPACK leaves its results."""
    if matrices.ndim < 2:
        return matrices
    return np.swapaxes(np.ascontiguousarray(np.swapaxes(matrices, -1, -2)), -1, -2)


def _solved(A: Any, B: Any, transposed: bool) -> Any:
    """The solutions of A X = B, or of A^T X = B; RuntimeError for a singular matrix."""
    B, A = broadcast_batches(B, A)
    if A.shape[-1] > WRITTEN_OUT:
        try:
            return np.linalg.solve(np.swapaxes(A, -1, -2) if transposed else A, B)
        except np.linalg.LinAlgError:
            pass  # the elimination below says which matrix it is
    factors = factor(A)
    zero = first_zero(factors.diagonal)
    if zero is not None:
        error = RuntimeError(
            f"torch.linalg.solve: {batch_element(A, zero[0])}The solver failed because the input "
            "matrix is singular."
        )
        error.add_note(_SINGULAR)
        raise error
    if transposed:
        return np.conjugate(solve_factored(factors, np.conjugate(B), adjoint=True))
    return solve_factored(factors, B)


def _check_equation(name: str, A: Any, B: Any, left: bool) -> None:
    """PyTorch's errors for matrices that do not fit."""
    check_square(name, A)
    check_matrix(name, B, "B")
    if A.shape[-1] != B.shape[-2 if left else -1]:
        error = RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation "
            f"{'AX' if left else 'XA'} = B ({A.shape[-2]}x{A.shape[-1]} and "
            f"{B.shape[-2]}x{B.shape[-1]})"
        )
        error.add_note("A is square, and B has as many rows (columns with left=false) as A")
        raise error


@composite()
def solve(A: Any, B: Any, left: Any = True) -> Any:
    """The solution X of A X = B (of X A = B with left=false); B may be a vector.

    solve(randn(3, 3), randn(3, 2))
    solve(randn(3, 3), randn(3))
    solve(randn(2, 3, 3), randn(3, 4))
    solve(randn(3, 3), randn(2, 3), left=false)
    """
    A = operand(A, "linalg_solve", "A", 1)
    B = operand(B, "linalg_solve", "B", 2)
    left = boolean(left, "linalg_solve", "left", 3)
    first, second = A.array, B.array
    check_floating("linalg.solve", first, half=True)
    if first.dtype is not second.dtype:
        error = RuntimeError(
            "linalg.solve: Expected A and B to have the same dtype, but found A of type "
            f"{type_of(first)} and B of type {type_of(second)} instead"
        )
        error.add_note("convert one: `x.float()`, or `x.to(y.dtype)`")
        raise error
    vector = second.ndim and _is_vector(first.shape, second.shape)
    _check_equation("linalg.solve", first, second[..., None] if vector else second, left)
    refuse_half("lu_cpu", first)
    return solve_ex(A, B, left)


def _inverse_rule(g: Any, out: Any) -> Any:
    turned = adjoint(out)
    return neg(matmul(turned, matmul(g, turned)))


@general(A=_inverse_rule, grad_fn="LinalgInvExBackward0", hidden=True)
def inv_ex(A: Operand, check: bool = True):
    """The inverse of square matrices; singular ones are refused, or inverted to inf."""
    if A.shape[-1] > WRITTEN_OUT:
        try:
            return column_major(np.linalg.inv(A))
        except np.linalg.LinAlgError:
            pass  # the elimination below says which matrix it is
    factors = factor(A)
    zero = first_zero(factors.diagonal)
    if zero is not None and check:
        error = RuntimeError(
            f"linalg.inv: {batch_element(A, zero[0])}The diagonal element {zero[1] + 1} is zero, "
            "the inversion could not be completed because the input matrix is singular."
        )
        error.add_note(_SINGULAR)
        raise error
    inverse = solve_factored(factors, np.broadcast_to(identity_like(A), A.shape))
    if zero is not None:
        inverse[(factors.diagonal == 0).any(-1)] = np.inf
    return column_major(inverse)


def _inverse(A: Any) -> Any:
    A = operand(A, "linalg_inv", "A", 1)
    check_square("linalg.inv", A.array)
    check_floating("linalg.inv", A.array)
    return inv_ex(A)


@composite()
def inv(A: Any) -> Any:
    """Inverse of a square matrix, or of each of a batch.

    inv(randn(3, 3))
    inv(randn(2, 4, 4))
    """
    return _inverse(A)


@composite()
def inverse(input: Any) -> Any:
    """Another name for inv.

    inverse(randn(3, 3))
    """
    return _inverse(input)


def _triangle(A: Any, upper: bool, unitriangular: bool) -> Any:
    """The part of A that a triangular system reads."""
    diagonal = int(unitriangular)
    return triu(A, diagonal) if upper else tril(A, -diagonal)


def _triangular_left(
    g: Any,
    A: Any,
    out: Any,
    upper: bool,
    left: bool,
    unitriangular: bool,
    A_shape: tuple[int, ...],
) -> Any:
    """The cotangent of A in the triangular A X = B (or X A = B)."""
    right = triangular(adjoint(A), g, not upper, left, unitriangular)
    product = matmul(right, adjoint(out)) if left else matmul(adjoint(out), right)
    return sum_to(_triangle(neg(product), upper, unitriangular), A_shape)


def _triangular_right(
    g: Any, A: Any, upper: bool, left: bool, unitriangular: bool, B_shape: tuple[int, ...]
) -> Any:
    """The cotangent of B in the triangular A X = B (or X A = B)."""
    return sum_to(triangular(adjoint(A), g, not upper, left, unitriangular), B_shape)


@general(
    A=_triangular_left,
    B=_triangular_right,
    grad_fn="LinalgSolveTriangularBackward0",
    hidden=True,
)
def triangular(A: Operand, B: Operand, upper: bool, left: bool, unitriangular: bool):
    """The X with A X = B (or X A = B), of which A only a triangle counts."""
    B, A = broadcast_batches(B.astype(A.dtype, copy=False), A)
    if not left:
        A, B, upper = np.swapaxes(A, -1, -2), np.swapaxes(B, -1, -2), not upper
    if A.shape[-1] <= WRITTEN_OUT:
        X = substitute(A, B, lower=not upper, unit=unitriangular)
    else:
        T = np.triu(A, int(unitriangular)) if upper else np.tril(A, -int(unitriangular))
        X = np.linalg.solve(T + identity_like(A) if unitriangular else T, B)
    return X if left else np.swapaxes(X, -1, -2)


@composite()
def solve_triangular(
    input: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Any:
    """The solution X of A X = B for a triangular input A, of which the other half is not read.

    solve_triangular(randn(3, 3), randn(3, 2), upper=true)
    solve_triangular(randn(3, 3), randn(2, 3), upper=false, left=false)
    solve_triangular(randn(2, 3, 3), randn(3, 4), upper=false, unitriangular=true)
    """
    A = operand(input, "linalg_solve_triangular", "input", 1)
    B = operand(B, "linalg_solve_triangular", "B", 2)
    first, second = A.array, B.array
    _check_equation("linalg.solve_triangular", first, second, left)
    refuse("triangular_solve_cpu", "iub", first)
    refuse_half("triangular_solve_cpu", first)
    return triangular(A, B, upper, left, unitriangular)
