"""Determinants, their logarithms and signs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand, operand
from gradsh.engine.derivative import general
from gradsh.engine.op import composite
from gradsh.engine.ops.conjugation import conjugate
from gradsh.engine.ops.decompositions import svd_of
from gradsh.engine.ops.elementary import log
from gradsh.engine.ops.elimination import WRITTEN_OUT, factor, solve_factored
from gradsh.engine.ops.linalg import matmul
from gradsh.engine.ops.matrices import (
    adjoint,
    check_floating,
    check_square,
    identity_like,
    refuse_half,
)
from gradsh.engine.ops.pieces import array_of, choose
from gradsh.engine.ops.pointwise import eq, where
from gradsh.engine.ops.reductions import prod
from gradsh.engine.ops.shape import expand, unsqueeze
from gradsh.engine.ops.solvers import solve_ex
from gradsh.engine.precision import precise
from gradsh.engine.results import named_result
from gradsh.engine.tensor import Tensor

_SLOGDET = named_result("linalg_slogdet", ("sign", "logabsdet"))


def _turned(A: Any) -> Any:
    """The matrix that is eliminated for the determinant of A: PyTorch takes columns for rows."""
    return np.swapaxes(A, -1, -2) if A.flags.c_contiguous and A.dtype.kind != "c" else A


def _on_diagonals(values: Any, like: Any) -> Any:
    """Matrices of the size of `like` with one value on the whole diagonal."""
    return unsqueeze(unsqueeze(values, -1), -1) * identity_like(like)


def _solved_adjoint(A: Any, right: Any, perturbed: bool) -> Any:
    """X with A^H X = B on arrays; a zero pivot counts as eps if `perturbed`."""
    if A.shape[-1] > WRITTEN_OUT:
        try:
            return np.linalg.solve(adjoint(A), right)
        except np.linalg.LinAlgError:
            pass  # a singular one is eliminated below
    turned = _turned(A)
    factors = factor(turned)
    if perturbed:
        packed = factors.packed
        diagonal = np.einsum("...ii->...i", packed)
        diagonal[diagonal == 0] = np.finfo(packed.dtype).eps
    return solve_factored(factors, right, adjoint=turned is A)


def _adjugate(A: Any, g: Any) -> Any:
    """The gradient of the determinant from the singular values, for singular matrices too.

    Source: the adjugate of U S V^H is det(U V^H) V adj(S) U^H, and adj(S) holds the products of
    all singular values but one.
    """
    U, S, Vh = svd_of(A, True)
    weight = conjugate(det_of(U) * det_of(Vh)) * g
    n = array_of(S).shape[-1]
    table = expand(unsqueeze(S, -2), (*array_of(S).shape, n))
    others = prod(choose(np.eye(n, dtype=bool), 1, table), -1)
    return matmul(U * unsqueeze(unsqueeze(weight, -1) * others, -2), Vh)


def _det_rule(g: Any, A: Any, out: Any) -> Any:
    """Jacobi's formula: conj(det A) A^-H."""
    if array_of(A).shape[-1] < 2:
        return expand(unsqueeze(unsqueeze(g, -1), -1), array_of(A).shape)
    if type(A) is not Tensor:
        return _solved_adjoint(A, _on_diagonals(g * np.conjugate(out), A), True)
    limit = 100 * np.finfo(A.array.dtype).eps
    singular = np.abs(out.array) < limit
    if singular.all():
        return _adjugate(A, g)
    if not singular.any():
        return solve_ex(adjoint(A), _on_diagonals(g * conjugate(out), A), True)
    mask = singular[..., None, None]
    regular = choose(mask, identity_like(A), A)
    spread = np.diag(np.arange(1, A.array.shape[-1] + 1)).astype(A.array.dtype)
    by_values = _adjugate(choose(~mask, spread, A), g)
    by_solving = solve_ex(adjoint(regular), _on_diagonals(g * conjugate(out), A), True)
    return choose(mask, by_values, by_solving)


def _plain_determinant(A: Any) -> Any:
    if A.shape[-1] > WRITTEN_OUT:
        return np.asarray(np.linalg.det(A), A.dtype)
    factors = factor(_turned(A))
    return np.multiply.reduce(factors.diagonal, -1) * factors.sign


@general(A=_det_rule, grad_fn="LinalgDetBackward0", hidden=True)
def det_of(A: Operand):
    """The determinant of square matrices."""
    return _plain_determinant(A)


@composite()
def det(A: Any) -> Any:
    """Determinant of a square matrix, or of each of a batch.

    det(randn(3, 3))
    det(randn(2, 4, 4))
    """
    A = operand(A, "linalg_det", "A", 1)
    check_square("linalg.det", A.array)
    check_floating("linalg.det", A.array, half=True)
    refuse_half("lu_cpu", A.array)
    return det_of(A)


def _slogdet_rule(g: Any, A: Any, sign: Any) -> Any:
    """A^-H, the derivative of the logarithm of the determinant; a complex one has a phase too."""
    g_sign, g_log = g
    weight = g_log
    if array_of(A).dtype.kind == "c" and g_sign is not None:
        turn = conjugate(g_sign) * sign
        turn = (turn - conjugate(turn)) * -0.5
        weight = turn if g_log is None else g_log + turn
    if weight is None:
        return None
    right = _on_diagonals(weight, A)
    if type(A) is Tensor:
        return solve_ex(adjoint(A), right, True)
    return _solved_adjoint(A, right, False)


@general(
    A=_slogdet_rule,
    grad_fn="LinalgSlogdetBackward0",
    outputs=("sign", "logabsdet"),
    hidden=True,
)
def slogdet_of(A: Operand):
    """Sign, and logarithm of the absolute value, of the determinant."""
    if A.shape[-1] > WRITTEN_OUT:
        sign, logarithm = np.linalg.slogdet(A)
        return _SLOGDET(np.asarray(sign, A.dtype), np.asarray(logarithm, A.real.dtype))
    factors = factor(_turned(A))
    diagonal = factors.diagonal
    with np.errstate(all="ignore"):
        signs = np.nan_to_num(np.sign(diagonal))
        logarithms = precise(np.log, np.abs(diagonal))
    sign = np.multiply.reduce(signs, -1) * factors.sign
    return _SLOGDET(sign, np.add.reduce(logarithms, -1))


def _slogdet(name: str, A: Any) -> Any:
    A = operand(A, name.replace(".", "_"), "A", 1)
    check_square(name, A.array)
    check_floating(name, A.array)
    return slogdet_of(A)


@composite()
def slogdet(A: Any) -> Any:
    """Sign of a determinant, and the logarithm of its absolute value.

    slogdet(randn(3, 3))
    slogdet(randn(2, 4, 4))
    """
    return _slogdet("linalg.slogdet", A)


@composite()
def logdet(input: Any) -> Any:
    """Logarithm of a determinant; nan if it is negative.

    logdet(randn(3, 3))
    logdet(randn(2, 4, 4))
    """
    sign, logarithm = _slogdet("logdet", input)
    if sign.array.dtype.kind == "c":
        return log(sign) + logarithm
    return where(eq(sign, -1.0), math.nan, logarithm)
