"""Eigenvalues of symmetric matrices by the QL and QR iteration, for the signs of the vectors.

An eigenvector is determined up to its sign (a phase, if complex), and which sign comes out
depends on the rotations that an implementation makes. PyTorch's LAPACK makes them as LAPACK did
before its release 3.10, numpy's as later ones do, so for small matrices the iteration is written
out here. Source: Golub and Van Loan, Matrix Computations, section 8.3; the steps are those of
LAPACK's routines sytd2 and steqr.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

WRITTEN_OUT = 24
"""Up to so many rows matrices are iterated here: beyond them LAPACK divides and conquers."""

_MOST_SWEEPS = 30
"""So many sweeps for each row are more than enough, unless there is no convergence at all."""


def eigensystem(matrix: Array, upper: bool, precision: float) -> tuple[Array, Array] | None:
    """Eigenvalues in ascending order, and eigenvectors, of one hermitian matrix.

    Only the lower (or `upper`) triangle is read. `precision` is the relative size below which an
    element beside the diagonal counts as zero. None if the iteration does not converge.
    """
    if upper:  # begins at the other end
        diagonal, beside, vectors = _tridiagonal(matrix[::-1, ::-1])
        diagonal.reverse()
        beside.reverse()
        vectors = vectors[::-1, ::-1].copy()
    else:
        diagonal, beside, vectors = _tridiagonal(matrix)
    iteration = _Iteration(diagonal, beside, vectors, precision)
    return iteration.run()


def _tridiagonal(matrix: Array) -> tuple[list[float], list[float], Array]:
    """A matrix as Q T Q^H with tridiagonal T: T's diagonal, the elements beside it, and Q."""
    n = len(matrix)
    a = np.tril(matrix) + np.tril(matrix, -1).conj().T
    diagonal = np.arange(n)
    a[diagonal, diagonal] = a[diagonal, diagonal].real
    beside: list[float] = []
    reflections: list[tuple[Array, Any]] = []
    for k in range(n - 1):
        first = a[k + 1, k].item()
        rest = a[k + 2 :, k]
        length = float(np.linalg.norm(rest)) if len(rest) else 0.0
        if length == 0.0 and first.imag == 0.0:
            beside.append(first.real)
            continue
        whole = math.hypot(first.real, first.imag, length)
        beta = -math.copysign(whole, first.real)
        tau = (beta - first) / beta
        v = np.zeros(n, a.dtype)
        v[k + 1] = 1
        v[k + 2 :] = rest / (first - beta)
        beside.append(beta)
        reflections.append((v, tau))
        a = a - np.conj(tau) * np.outer(v, v.conj() @ a)
        a = a - tau * np.outer(a @ v, v.conj())
    vectors = np.eye(n, dtype=a.dtype)
    for v, tau in reversed(reflections):
        vectors = vectors - tau * np.outer(v, v.conj() @ vectors)
    return a[diagonal, diagonal].real.tolist(), beside, vectors


def _rotation(f: float, g: float) -> tuple[float, float, float]:
    """c, s and r with c f + s g = r and c g = s f, signs as LAPACK chose them before 3.10."""
    if g == 0.0:
        return 1.0, 0.0, f
    if f == 0.0:
        return 0.0, 1.0, g
    r = math.hypot(f, g)
    c, s = f / r, g / r
    if abs(f) > abs(g) and c < 0.0:
        return -c, -s, -r
    return c, s, r


def _two_by_two(a: float, b: float, c: float) -> tuple[float, float, float, float]:
    """The eigenvalues of [[a, b], [b, c]], the larger in size first, and its unit vector."""
    total, difference, twice = a + c, a - c, b + b
    root = math.hypot(difference, twice)
    larger, smaller = (a, c) if abs(a) > abs(c) else (c, a)
    if total == 0.0:
        first, second, sign = 0.5 * root, -0.5 * root, 1
    else:
        sign = -1 if total < 0.0 else 1
        first = 0.5 * (total + sign * root)
        second = (larger / first) * smaller - (b / first) * b
    turn = 1 if difference >= 0.0 else -1
    cosine = difference + turn * root
    if abs(cosine) > abs(twice):
        cotangent = -twice / cosine
        y = 1.0 / math.sqrt(1.0 + cotangent * cotangent)
        x = cotangent * y
    elif twice == 0.0:
        x, y = 1.0, 0.0
    else:
        tangent = -cosine / twice
        x = 1.0 / math.sqrt(1.0 + tangent * tangent)
        y = tangent * x
    if sign == turn:
        x, y = -y, x
    return first, second, x, y


class _Iteration:
    """The iteration on a tridiagonal matrix, which turns the vectors with it.

    A block whose last diagonal element is the smaller one is worked on from its end (QR), any
    other from its beginning (QL): both are one code, in which `step` is the direction.
    """

    def __init__(
        self, diagonal: list[float], beside: list[float], vectors: Array, precision: float
    ) -> None:
        self.d = diagonal
        self.e = beside
        self.vectors = vectors
        self.precision = precision
        self.sweeps = _MOST_SWEEPS * len(diagonal)

    def run(self) -> tuple[Array, Array] | None:
        """Sorted eigenvalues and vectors; None without convergence."""
        d = self.d
        start = 0
        while start < len(d):
            end = self._block_end(start)
            following = end + 1
            first, last = start, end
            if abs(d[last]) < abs(d[first]):
                first, last = last, first
            if first != last and not self._reduce(first, last):
                return None
            start = following
        order = self._selection_order()
        return np.array(d)[order], self.vectors[:, order]

    def _block_end(self, start: int) -> int:
        """Where the block that begins at `start` ends: before a negligible element."""
        d, e = self.d, self.e
        for k in range(start, len(d) - 1):
            limit = math.sqrt(abs(d[k])) * math.sqrt(abs(d[k + 1])) * self.precision
            if abs(e[k]) <= limit:
                e[k] = 0.0
                return k
        return len(d) - 1

    def _reduce(self, first: int, last: int) -> bool:
        """Make the block from `first` to `last` diagonal, one eigenvalue or two at a time."""
        d, e = self.d, self.e
        step = 1 if last > first else -1
        back = 0 if step > 0 else -1  # e[k + back] lies between k and the next in this direction
        small = float(np.finfo(np.float64).tiny)
        while (last - first) * step >= 0:
            split = last
            for k in range(first, last, step):
                limit = self.precision**2 * abs(d[k]) * abs(d[k + step])
                if e[k + back] ** 2 <= limit + small:
                    split = k
                    break
            if split != last:
                e[split + back] = 0.0
            if split == first:
                first += step
            elif split == first + step:
                self._finish_pair(first, step, back)
                first += 2 * step
            else:
                if not self.sweeps:
                    return False
                self.sweeps -= 1
                self._sweep(first, split, step, back)
        return True

    def _finish_pair(self, first: int, step: int, back: int) -> None:
        """Diagonalise the two rows from `first` on."""
        d, e = self.d, self.e
        low = min(first, first + step)
        d[low], d[low + 1], c, s = _two_by_two(d[low], e[low], d[low + 1])
        self._turn(low, c, s)
        e[first + back] = 0.0

    def _sweep(self, first: int, split: int, step: int, back: int) -> None:
        """One implicit step with Wilkinson's shift, from `split` to `first`."""
        d, e = self.d, self.e
        p = d[first]
        g = (d[first + step] - p) / (2.0 * e[first + back])
        r = math.hypot(g, 1.0)
        g = d[split] - p + e[first + back] / (g + math.copysign(r, g))
        s = c = 1.0
        p = 0.0
        for k in range(split - step, first - step, -step):
            f, b = s * e[k + back], c * e[k + back]
            c, s, r = _rotation(g, f)
            if k != split - step:
                e[k + step + back] = r
            g = d[k + step] - p
            r = (d[k] - g) * s + 2.0 * c * b
            p = s * r
            d[k + step] = g + p
            g = c * r - b
            self._turn(min(k, k + step), c, -s * step)
        d[first] -= p
        e[first + back] = g

    def _turn(self, column: int, c: float, s: float) -> None:
        """Rotate two neighbouring vectors."""
        left, right = self.vectors[:, column].copy(), self.vectors[:, column + 1]
        self.vectors[:, column] = s * right + c * left
        self.vectors[:, column + 1] = c * right - s * left

    def _selection_order(self) -> list[int]:
        """The order that selection sort brings the eigenvalues into."""
        return sorted(range(len(self.d)), key=self.d.__getitem__)
