"""Gaussian elimination on arrays: factors of matrices and substitution, in PyTorch's order.

numpy's LAPACK computes in double precision and gives neither the factors nor the place of a zero
pivot. For small matrices elimination is therefore written out here, over whole batches and one
column at a time, with the roundings of PyTorch's own LAPACK: so a solution that is made of whole
numbers there is here, too. Large matrices go to numpy, where speed counts and no one looks at
the last bit.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

WRITTEN_OUT = 16
"""Up to so many rows a matrix is eliminated here, beyond them by numpy."""

_SMALL = 8
"""Below so many rows PyTorch's substitution adds up products first and multiplies by inverses."""


class Factors(NamedTuple):
    """P A = L U of each matrix A of a batch.

    `packed` holds U and, below its diagonal, L without its ones; `order` the rows of A in the
    order of P A; `sign` the determinant of P.
    """

    packed: Array
    order: Array
    sign: Array

    @property
    def diagonal(self) -> Array:
        """The pivots."""
        return np.diagonal(self.packed, axis1=-2, axis2=-1)


def factor(matrices: Array) -> Factors:
    """The factors of square matrices (..., n, n), found with row pivoting."""
    n = matrices.shape[-1]
    batch = matrices.shape[:-2]
    count = math.prod(batch)
    a = matrices.reshape(count, n, n).copy()
    each = np.arange(count)
    order = np.tile(np.arange(n), (count, 1))
    sign = np.ones(count, a.real.dtype)
    one = a.dtype.type(1)
    with np.errstate(all="ignore"):
        for k in range(n - 1):
            pivot = np.argmax(np.abs(a[:, k:, k]), 1) + k
            if (pivot != k).any():
                a[each, k], a[each, pivot] = a[each, pivot], a[each, k]
                order[each, k], order[each, pivot] = order[each, pivot], order[each, k]
                sign[pivot != k] *= -1
            below = a[:, k + 1 :, k]
            divisor = a[:, k, k, None]
            divisor = np.where(divisor == 0, one, divisor)
            if n <= 4 and k == n - 2:
                below /= divisor
            else:
                below *= one / divisor
            a[:, k + 1 :, k + 1 :] -= below[:, :, None] * a[:, k, None, k + 1 :]
    return Factors(a.reshape(matrices.shape), order.reshape(*batch, n), sign.reshape(batch))


def substitute(
    triangles: Array, right: Array, *, lower: bool, unit: bool, summed: bool | None = None
) -> Array:
    """The solutions X of T X = B for triangular T (the other half of `triangles` is not read).

    `summed` says in which of two ways the products of a row are taken off: added up first, as
    in PyTorch's kernel for small matrices, or one by one.
    """
    n = triangles.shape[-1]
    if summed is None:
        summed = n < _SMALL
    x = right.copy()
    total = np.zeros_like(x)
    one = x.dtype.type(1)
    with np.errstate(all="ignore"):
        for k in range(n) if lower else range(n - 1, -1, -1):
            row = x[..., k, :]
            if summed:
                row = row - total[..., k, :]
            if not unit:
                diagonal = triangles[..., k, k, None]
                row = row * (one / diagonal) if summed else row / diagonal
            x[..., k, :] = row
            rest = slice(k + 1, None) if lower else slice(0, k)
            products = triangles[..., rest, k, None] * row[..., None, :]
            if summed:
                total[..., rest, :] += products
            else:
                x[..., rest, :] -= products
    return x


def solve_factored(factors: Factors, right: Array, adjoint: bool = False) -> Array:
    """The solutions X of A X = B, or of A^H X = B, from the factors of A; batches are equal."""
    packed, order, _ = factors
    if adjoint:
        turned = np.conjugate(np.swapaxes(packed, -1, -2))
        y = substitute(turned, right, lower=True, unit=False)
        z = substitute(turned, y, lower=False, unit=True)
        x = np.empty_like(z)
        np.put_along_axis(x, order[..., None], z, -2)
        return x
    ordered = np.take_along_axis(right, order[..., None], -2)
    y = substitute(packed, ordered, lower=True, unit=True)
    return substitute(packed, y, lower=False, unit=False)


def first_zero(diagonals: Array) -> tuple[int, int] | None:
    """The first matrix of a batch with a zero on its diagonal, and where; None without one."""
    zeros = (diagonals == 0).reshape(math.prod(diagonals.shape[:-1]), diagonals.shape[-1])
    found = zeros.any(-1)
    if not found.any():
        return None
    matrix = int(np.argmax(found))
    return matrix, int(np.argmax(zeros[matrix]))


def solution(matrices: Array, right: Array, adjoint: bool = False) -> Array:
    """The solutions of A X = B (or A^H X = B), of whatever size; zero pivots give inf and nan."""
    if matrices.shape[-1] <= WRITTEN_OUT:
        return solve_factored(factor(matrices), right, adjoint)
    if adjoint:
        matrices = np.conjugate(np.swapaxes(matrices, -1, -2))
    try:
        return np.linalg.solve(matrices, right)
    except np.linalg.LinAlgError:
        return solve_factored(factor(matrices), right)
