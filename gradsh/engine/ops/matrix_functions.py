"""Functions of square matrices: powers and the exponential."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand, operand, refuse
from gradsh.engine.derivative import general
from gradsh.engine.op import composite
from gradsh.engine.ops.indexing import narrow
from gradsh.engine.ops.linalg import matmul
from gradsh.engine.ops.matrices import adjoint, check_floating, check_square, identity_like
from gradsh.engine.ops.shape import cat, clone
from gradsh.engine.ops.solvers import inv
from gradsh.engine.tensor import new_tensor


@composite()
def matrix_power(input: Any, n: Any) -> Any:
    """A square matrix times itself, n times; a negative n is a power of the inverse.

    matrix_power(randn(3, 3), 3)
    matrix_power(randn(2, 3, 3), 6)
    matrix_power(randn(3, 3) + 3 * eye(3), -2)
    matrix_power(randn(3, 3), 0)
    """
    A = operand(input, "linalg_matrix_power", "input", 1)
    if type(n) is not int:
        raise refuse("linalg_matrix_power", "n", 2, "int", n)
    check_square("linalg.matrix_power", A.array)
    if n == 0:
        identity = new_tensor(np.broadcast_to(identity_like(A), A.array.shape).copy())
        return clone(A).copy_(identity)
    if n < 0:
        A = inv(A)
        n = -n
        if n == 1:
            return A
    if n == 1:
        return clone(A)
    if n == 3:
        return matmul(matmul(A, A), A)
    result = None
    while True:  # the squares of A for the binary digits of n
        n, digit = divmod(n, 2)
        if digit:
            result = A if result is None else matmul(result, A)
        if not n:
            return result
        A = matmul(A, A)


_DEGREE = 18
_STRIDE = 6
_REACH = 1.090863719290036
"""Up to this norm the Taylor polynomial of degree 18 is exact in double precision.

Source: Bader, Blanes and Casas, Computing the matrix exponential with an optimized Taylor
polynomial approximation (2019), table 1.
"""


def _taylor(A: Any) -> Any:
    """The Taylor polynomial of the exponential, by Paterson and Stockmeyer's scheme."""
    powers = [np.broadcast_to(identity_like(A), A.shape), A]
    while len(powers) < _STRIDE:
        powers.append(powers[-1] @ A)
    step = powers[-1] @ A
    total = np.zeros_like(A)
    for start in range(_DEGREE, -1, -_STRIDE):
        part = np.zeros_like(A)
        for offset, power in enumerate(powers):
            if start + offset <= _DEGREE:
                part += power / math.factorial(start + offset)
        total = total @ step + part
    return total


def _exponential(A: Any) -> Any:
    """The exponentials of square matrices, scaled down, then squared as often."""
    storage = np.complex128 if A.dtype.kind == "c" else np.float64
    batch = A.shape[:-2]
    n = A.shape[-1]
    matrices = A.reshape(math.prod(batch), n, n).astype(storage)
    norms = np.abs(matrices).sum(-2).max(-1)
    with np.errstate(all="ignore"):
        times = np.ceil(np.log2(norms / _REACH))
        times = np.where(np.isfinite(times), np.clip(times, 0, 1100), 0).astype(int)
        result = _taylor(matrices * (0.5**times)[:, None, None])
        for turn in range(int(times.max(initial=0))):
            more = times > turn
            result[more] = result[more] @ result[more]
        return result.reshape(A.shape).astype(A.dtype)


def _exponential_rule(g: Any, A: Any) -> Any:
    """The derivative at A^H in the direction g.

    Source: Mathias, A chain rule for matrix functions (1996): it is the upper right block of the
    exponential of the matrix of blocks A^H, g, 0, A^H.
    """
    turned = adjoint(A)
    n = turned.shape[-1]
    upper = cat([turned, g], -1)
    lower = cat([turned * 0, turned], -1)
    blocks = exponential(cat([upper, lower], -2))
    return narrow(narrow(blocks, -2, 0, n), -1, n, n)


@general(A=_exponential_rule, grad_fn="LinalgMatrixExpBackward0", hidden=True)
def exponential(A: Operand):
    """The exponential of square matrices."""
    return _exponential(A) if A.size else A.copy()


@composite()
def matrix_exp(input: Any) -> Any:
    """Exponential of a square matrix: the sum of its powers, each over its factorial.

    matrix_exp(randn(3, 3))
    matrix_exp(randn(2, 4, 4))
    """
    A = operand(input, "linalg_matrix_exp", "input", 1)
    check_square("linalg.matrix_exp", A.array)
    check_floating("linalg.matrix_exp", A.array, half=True)
    return exponential(A)
