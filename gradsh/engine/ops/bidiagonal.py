"""Singular values of wide matrices by a bidiagonal form, for the signs of the vectors.

Singular vectors are determined up to a common sign, and which one comes out depends on the
reflections that an implementation makes. Source: Golub and Van Loan, Matrix Computations,
section 5.4.8; the steps are those of LAPACK's routines gebd2 and bdsdc.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def _reflection(x: Array) -> tuple[Array, float, float]:
    """v, tau and beta: the reflection 1 - tau v v^T takes x to beta times the first axis."""
    v = np.zeros_like(x)
    v[0] = 1.0
    alpha = float(x[0])
    length = float(np.linalg.norm(x[1:]))
    if length == 0.0:
        return v, 0.0, alpha
    beta = -math.copysign(math.hypot(alpha, length), alpha)
    v[1:] = x[1:] / (alpha - beta)
    return v, (beta - alpha) / beta, beta


def _lower_bidiagonal(matrix: Array) -> tuple[Array, list[float], list[float], Array]:
    """A matrix as Q B P^T with lower bidiagonal B: Q, B's diagonal, the one below it, and P."""
    rows, columns = matrix.shape
    a = matrix.copy()
    left, right = np.eye(rows), np.eye(columns)
    diagonal: list[float] = []
    below: list[float] = []
    for k in range(rows):
        v, tau, beta = _reflection(a[k, k:])
        diagonal.append(beta)
        a[k:, k:] -= np.outer(a[k:, k:] @ v, tau * v)
        right[:, k:] -= np.outer(right[:, k:] @ v, tau * v)
        if k < rows - 1:
            v, tau, beta = _reflection(a[k + 1 :, k])
            below.append(beta)
            a[k + 1 :, k:] -= np.outer(tau * v, v @ a[k + 1 :, k:])
            left[:, k + 1 :] -= np.outer(left[:, k + 1 :] @ v, tau * v)
    return left, diagonal, below, right


def svd_of_wide(matrix: Array) -> tuple[Array, Array, Array]:
    """U, S and the full V^T of one real matrix with more columns than rows."""
    left, diagonal, below, right = _lower_bidiagonal(matrix)
    rows = len(diagonal)
    above = list(below)
    for k in range(rows - 1):  # rotations from the left move the elements above the diagonal
        f, g = diagonal[k], below[k]
        length = math.hypot(f, g)
        c, s = (abs(f) / length, g / math.copysign(length, f)) if g else (1.0, 0.0)
        diagonal[k] = math.copysign(length, f)
        above[k] = s * diagonal[k + 1]
        diagonal[k + 1] *= c
        pair = left[:, k : k + 2].copy()
        left[:, k] = c * pair[:, 0] + s * pair[:, 1]
        left[:, k + 1] = c * pair[:, 1] - s * pair[:, 0]
    U, S, Vh = np.linalg.svd(np.diag(diagonal) + np.diag(above, 1))  # noqa: N806
    right[:, :rows] = right[:, :rows] @ Vh.T
    return left @ U, S, right.T
