"""Eigenvalues of any square matrix, LU factors, and equations solved by given factors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand, check_tensors
from gradsh.engine.derivative import general
from gradsh.engine.dtypes import is_inexact
from gradsh.engine.leaf import detach
from gradsh.engine.op import composite
from gradsh.engine.ops.complex_numbers import real
from gradsh.engine.ops.conjugation import conjugate
from gradsh.engine.ops.diagonals import diag_embed, tril, triu
from gradsh.engine.ops.indexing import narrow
from gradsh.engine.ops.linalg import matmul
from gradsh.engine.ops.matrices import (
    adjoint,
    batch_element,
    broadcast_batches,
    check_square,
    refuse_half,
    type_of,
)
from gradsh.engine.ops.pieces import array_of, choose, refuse
from gradsh.engine.ops.pointwise import not_implemented
from gradsh.engine.ops.reductions import sum
from gradsh.engine.ops.shape import cat, sum_to, unsqueeze
from gradsh.engine.ops.solvers import solve_ex, triangular
from gradsh.engine.results import named_result
from gradsh.engine.tensor import Tensor, new_tensor

Array = np.ndarray[Any, np.dtype[Any]]

# --- Eigenvalues ------------------------------------------------------------------------------

_EIG = named_result("linalg_eig", ("eigenvalues", "eigenvectors"))


def _eig_rule(g: Any, A: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
    """Source: Boeddeker et al., On the computation of complex-valued gradients (2017), 4.77."""
    g_values, g_vectors = g
    V, turned = eigenvectors, adjoint(eigenvectors)
    if g_vectors is None:
        cotangent = solve_ex(turned, unsqueeze(g_values, -1) * turned, True)
    else:
        inner = matmul(turned, g_vectors)
        diagonal = np.diagonal(array_of(inner), axis1=-2, axis2=-1)
        if not np.allclose(diagonal.imag, 0, 1e-2, 1e-2):
            raise RuntimeError(
                "linalg_eig_backward: The eigenvectors in the complex case are specified up to "
                "multiplication by e^{i phi}. The specified loss function depends on this "
                "quantity, so it is ill-defined."
            )
        own = np.eye(array_of(inner).shape[-1], dtype=bool)
        lengths = sum(choose(own, real(inner), 0), (-2,), True)
        inner = inner - matmul(turned, V * lengths)
        gaps = unsqueeze(eigenvalues, -2) - unsqueeze(eigenvalues, -1)
        inside = choose(own, 0, inner / conjugate(choose(own, 1, gaps)))
        if g_values is not None:
            inside = inside + diag_embed(g_values)
        cotangent = solve_ex(turned, matmul(inside, turned), True)
    return cotangent if array_of(A).dtype.kind == "c" else real(cotangent)


@general(
    A=_eig_rule,
    grad_fn="LinalgEigBackward0",
    outputs=("eigenvalues", "eigenvectors"),
    hidden=True,
)
def eig_of(A: Operand):
    """Complex eigenvalues and eigenvectors."""
    values, vectors = _eigensystem(A)
    storage = np.result_type(A.dtype, np.complex64)
    return _EIG(np.asarray(values, storage), np.asarray(vectors, storage))


def _eigensystem(A: Array) -> tuple[Array, Array]:
    """Eigenvalues and eigenvectors; of single precision with the signs and order of PyTorch's.

    Those come from LAPACK in single precision, which scipy has and numpy does not use; without
    scipy they may be others.
    """
    if A.dtype.itemsize // (2 if A.dtype.kind == "c" else 1) > 4 or not A.size:
        return np.linalg.eig(A)
    try:
        from scipy.linalg import eig as in_own_precision  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        return np.linalg.eig(A)
    values = np.empty(A.shape[:-1], np.complex64)
    vectors = np.empty(A.shape, np.complex64)
    for place in np.ndindex(A.shape[:-2]):
        values[place], vectors[place] = in_own_precision(A[place], check_finite=False)
    return values, vectors


def _eig(input: Any) -> Any:
    check_tensors("linalg_eig", input=input)
    A = input
    check_square("linalg.eig", A.array)
    if not is_inexact(A.array.dtype):
        raise RuntimeError(f"Unknown Complex ScalarType for {type_of(A.array)}")
    if not np.isfinite(A.array).all():
        raise RuntimeError("torch.linalg.eig: input tensor should not contain infs or NaNs.")
    refuse_half("linalg_eig_out_cpu", A.array)
    return eig_of(A)


@composite()
def eig(input: Any) -> Any:
    """Complex eigenvalues, in no special order, and eigenvectors of length 1 of a square matrix.

    eig(randn(3, 3) + eye(3) * tensor([1., 6., 11.]))
    eig(randn(2, 3, 3) + eye(3) * tensor([1., 6., 11.]))
    """
    return _eig(input)


@composite()
def eigvals(input: Any) -> Any:
    """Complex eigenvalues of a square matrix, in no special order.

    eigvals(randn(3, 3) + eye(3) * tensor([1., 6., 11.]))
    """
    return _eig(input).eigenvalues


# --- LU ---------------------------------------------------------------------------------------

_LU = named_result("linalg_lu", ("P", "L", "U"))
_LU_FACTOR = named_result("linalg_lu_factor", ("LU", "pivots"))


def _eliminated(A: Array) -> tuple[Array, Array]:
    """L and U of each matrix, one below and above the other, and the rows that were exchanged."""
    wide = np.complex128 if A.dtype.kind == "c" else np.float64
    rows, columns = A.shape[-2:]
    count = min(rows, columns)
    batch = math.prod(A.shape[:-2])
    matrices: Any = A.astype(wide).reshape(batch, rows, columns)
    each = np.arange(len(matrices))
    pivots = np.empty((len(matrices), count), np.int64)
    with np.errstate(all="ignore"):
        for k in range(count):
            pivot = np.argmax(np.abs(matrices[:, k:, k]), 1) + k
            pivots[:, k] = pivot
            matrices[each, k], matrices[each, pivot] = matrices[each, pivot], matrices[each, k]
            divisor = matrices[:, k, k, None]
            below = matrices[:, k + 1 :, k]
            below /= np.where(divisor == 0, 1, divisor)
            matrices[:, k + 1 :, k + 1 :] -= below[:, :, None] * matrices[:, k, None, k + 1 :]
    return matrices.reshape(A.shape), pivots.reshape(*A.shape[:-2], count)


def _permutation(pivots: Array, rows: int) -> Array:
    """For each matrix the rows of A in the order of P^T A, from the exchanges."""
    order = np.broadcast_to(np.arange(rows), (*pivots.shape[:-1], rows)).copy()
    batch = math.prod(pivots.shape[:-1])
    flat, exchanges = (x.reshape(batch, x.shape[-1]) for x in (order, pivots))
    each = np.arange(len(flat))
    for k in range(pivots.shape[-1]):
        other = exchanges[:, k]
        flat[each, k], flat[each, other] = flat[each, other], flat[each, k]
    return order


def _permutation_matrix(order: Array, storage: np.dtype[Any]) -> Array:
    """The P with A = P L U."""
    return np.swapaxes(np.eye(order.shape[-1], dtype=storage)[order], -1, -2)


def _unpacked(LU: Any) -> tuple[Any, Any]:
    """L, with ones on its diagonal, and U from one matrix that holds both."""
    array = array_of(LU)
    rows, columns = array.shape[-2:]
    count = min(rows, columns)
    L = tril(narrow(LU, -1, 0, count), -1) + np.eye(rows, count, dtype=array.dtype)
    return L, triu(narrow(LU, -2, 0, count))


def _lu_cotangent(g_l: Any, g_u: Any, P: Any, L: Any, U: Any) -> Any:
    """The cotangent of A = P L U.

    Where A is not square, the square part is as for square matrices, and the rest follows.
    """
    rows, count = array_of(L).shape[-2:]
    columns = array_of(U).shape[-1]
    L1, L2 = narrow(L, -2, 0, count), narrow(L, -2, count, rows - count)
    U1, U2 = narrow(U, -1, 0, count), narrow(U, -1, count, columns - count)
    below = above = None
    if g_l is not None:
        below = matmul(adjoint(L1), narrow(g_l, -2, 0, count))
        if rows > count:
            above = -matmul(adjoint(L2), narrow(g_l, -2, count, rows - count))
    if g_u is not None:
        product = matmul(narrow(g_u, -1, 0, count), adjoint(U1))
        above = product if above is None else above + product
        if columns > count:
            product = matmul(narrow(g_u, -1, count, columns - count), adjoint(U2))
            below = -product if below is None else below - product
    parts = [
        tril(below, -1) if below is not None else None,
        triu(above) if above is not None else None,
    ]
    phi = parts[0] if parts[1] is None else parts[1] if parts[0] is None else parts[0] + parts[1]
    left = triangular(adjoint(L1), phi, True, True, True)
    cotangent = triangular(adjoint(U1), left, False, False, False)
    if columns > count:
        rest = (
            np.zeros((*array_of(cotangent).shape[:-1], columns - count), array_of(cotangent).dtype)
            if g_u is None
            else triangular(adjoint(L1), narrow(g_u, -1, count, columns - count), True, True, True)
        )
        cotangent = cat([cotangent, rest], -1)
    if rows > count:
        shape = (*array_of(cotangent).shape[:-2], rows - count, count)
        rest = (
            np.zeros(shape, array_of(cotangent).dtype)
            if g_l is None
            else triangular(adjoint(U1), narrow(g_l, -2, count, rows - count), False, False, False)
        )
        cotangent = cat([cotangent, rest], -2)
    return matmul(P, cotangent)


@general(
    A=lambda g, P, L, U: _lu_cotangent(g[1], g[2], P, L, U),
    grad_fn="LinalgLuBackward0",
    outputs=("P", "L", "U"),
    hidden=True,
)
def lu_of(A: Operand):
    """P, L and U."""
    packed, pivots = _eliminated(A)
    L, U = _unpacked(packed.astype(A.dtype))
    P = _permutation_matrix(_permutation(pivots, A.shape[-2]), A.dtype)
    return _LU(P, L, U)


def _check_factored(name: str, A: Any, pivot: bool) -> None:
    check_tensors("linalg_lu", A=A)
    if A.ndim < 2:
        raise RuntimeError(
            f"{name}: Expected tensor with 2 or more dimensions. Got size: {list(A.shape)} instead"
        )
    refuse("lu_cpu", "iub", A.array)
    refuse_half("lu_cpu", A.array)
    if not pivot:
        raise RuntimeError("linalg.lu_factor: LU without pivoting is not implemented on the CPU")


@composite()
def lu(A: Any, *, pivot: bool = True) -> Any:
    """A as the product of a permutation P, a lower triangle L with ones, and an upper triangle U.

    lu(randn(3, 3))
    lu(randn(2, 3, 5) + eye(3, 5))
    lu(randn(5, 3))
    """
    _check_factored("linalg.lu", A, pivot)
    P, L, U = lu_of(A)
    return _LU(detach(P), L, U)


def _lu_factor_rule(g: Any, LU: Any, pivots: Any) -> Any:
    packed = array_of(LU)
    rows, columns = packed.shape[-2:]
    count = min(rows, columns)
    L, U = _unpacked(LU)
    order = _permutation(array_of(pivots).astype(np.int64) - 1, rows)
    P: Any = _permutation_matrix(order, packed.dtype)
    if type(LU) is Tensor:
        P = new_tensor(P)
    below = tril(narrow(g[0], -1, 0, count), -1)
    return _lu_cotangent(below, triu(narrow(g[0], -2, 0, count)), P, L, U)


@general(
    A=_lu_factor_rule,
    grad_fn="LinalgLuFactorExBackward0",
    outputs=("LU", "pivots"),
    hidden=True,
)
def lu_factor_of(A: Operand):
    """L and U in one matrix, and the exchanges of rows."""
    packed, pivots = _eliminated(A)
    return _LU_FACTOR(packed.astype(A.dtype), (pivots + 1).astype(np.int32))


@composite()
def lu_factor(A: Any, *, pivot: bool = True) -> Any:
    """L and U of lu in one matrix LU, and the pivots: with which row each was exchanged, from 1.

    lu_factor(randn(3, 3))
    lu_factor(randn(2, 3, 5) + eye(3, 5))
    """
    _check_factored("torch.lu_factor", A, pivot)
    result = lu_factor_of(A)
    diagonal = np.diagonal(result.LU.array, axis1=-2, axis2=-1)
    zero = np.argwhere(diagonal == 0)
    if len(zero):
        count = diagonal.shape[-1]
        number, place = int(np.ravel_multi_index(zero[0], diagonal.shape)) // count, zero[0][-1] + 1
        raise RuntimeError(
            f"torch.linalg.lu_factor: {batch_element(A.array, number)}U[{place},{place}] is zero "
            "and using it on lu_solve would result in a division by zero. If you still want to "
            "perform the factorization, consider calling linalg.lu(A, pivot) or "
            "linalg.lu_factor_ex(A, pivot)"
        )
    return result


# --- Cholesky factors -------------------------------------------------------------------------


def _by_factor(B: Any, factor: Any, upper: bool) -> Any:
    """The X with L L^H X = B, for L or with `upper` for L^H."""
    L = adjoint(factor) if upper else factor
    return triangular(adjoint(L), triangular(L, B, False, True, False), True, True, False)


def _factor_cotangent(inner: Any, factor: Any, upper: bool, shape: tuple[int, ...]) -> Any:
    both = inner + adjoint(inner)
    product = matmul(factor, both) if upper else matmul(both, factor)
    return sum_to(-product, shape)


@general(
    input=lambda g, input2, upper, input_shape: sum_to(
        cholesky_solve_of(g, input2, upper), input_shape
    ),
    input2=lambda g, input2, out, upper, input2_shape: _factor_cotangent(
        matmul(cholesky_solve_of(g, input2, upper), adjoint(out)), input2, upper, input2_shape
    ),
    grad_fn="CholeskySolveBackward0",
    hidden=True,
)
def cholesky_solve_of(input: Operand, input2: Operand, upper: bool):
    """The solutions of equations with given Cholesky factors."""
    refuse("cholesky_solve_cpu", "iub", input)
    refuse_half("cholesky_solve_cpu", input)
    B, factor = broadcast_batches(input, input2)
    wide = np.complex128 if input.dtype.kind == "c" else np.float64
    return _by_factor(B.astype(wide), factor.astype(wide), upper).astype(input.dtype)


@composite()
def cholesky_solve(input: Any, input2: Any, upper: bool = False) -> Any:
    """The X with A X = input, for the Cholesky factor input2 of A (upper: its upper one).

    cholesky_solve(randn(3, 2), tril(randn(3, 3)) + 3 * eye(3))
    cholesky_solve(randn(2, 3, 2), triu(randn(3, 3)) + 3 * eye(3), upper=true)
    """
    check_tensors("cholesky_solve", input=input, input2=input2)
    for letter, x in (("b", input), ("u", input2)):
        if x.ndim < 2:
            raise RuntimeError(
                f"{letter} should have at least 2 dimensions, but has {x.ndim} dimensions instead"
            )
    if input.array.dtype is not input2.array.dtype:
        raise RuntimeError(
            "Expected b and A to have the same dtype, but found b of type "
            f"{type_of(input.array)} and A of type {type_of(input2.array)} instead."
        )
    rows, columns = input2.shape[-2:]
    if rows != columns:
        raise RuntimeError(
            f"A must be batches of square matrices, but they are {rows} by {columns} matrices"
        )
    if rows != input.shape[-2]:
        raise RuntimeError(
            "Incompatible matrix sizes for cholesky_solve: each A matrix is "
            f"{rows} by {rows} but each b matrix is {input.shape[-2]} by {input.shape[-1]}"
        )
    return cholesky_solve_of(input, input2, upper)


@general(
    input=lambda g, input, out, upper, input_shape: _inverse_cotangent(
        g, input, out, upper, input_shape
    ),
    grad_fn="CholeskyInverseBackward0",
    hidden=True,
)
def cholesky_inverse_of(input: Operand, upper: bool):
    """The inverses of matrices with given Cholesky factors."""
    if not is_inexact(input.dtype):
        raise not_implemented("cholesky_inverse_out_cpu", input)
    refuse_half("cholesky_inverse_out_cpu", input)
    zero = np.argwhere(np.diagonal(input, axis1=-2, axis2=-1) == 0)
    if len(zero):
        place = zero[0]
        number = int(np.ravel_multi_index(place[:-1], input.shape[:-2])) if place.size > 1 else 0
        raise RuntimeError(
            f"cholesky_inverse: {batch_element(input, number)}The diagonal element "
            f"{place[-1] + 1} is zero, the inversion could not be completed because the input "
            "matrix is singular."
        )
    wide = np.complex128 if input.dtype.kind == "c" else np.float64
    unit = np.broadcast_to(np.eye(input.shape[-1], dtype=wide), input.shape)
    return _by_factor(unit, input.astype(wide), upper).astype(input.dtype)


def _inverse_cotangent(
    g: Any, input: Any, out: Any, upper: bool, input_shape: tuple[int, ...]
) -> Any:
    inner = matmul(out, matmul(g, out))
    return _factor_cotangent(inner, input, upper, input_shape)


@composite()
def cholesky_inverse(input: Any, upper: bool = False) -> Any:
    """The inverse of A from its Cholesky factor input (upper: from its upper one).

    cholesky_inverse(tril(randn(3, 3), -1) + 2 * eye(3))
    cholesky_inverse(triu(randn(2, 3, 3), 1) + 2 * eye(3), upper=true)
    """
    check_tensors("cholesky_inverse", input=input)
    check_square("cholesky_inverse", input.array)
    return cholesky_inverse_of(input, upper)
