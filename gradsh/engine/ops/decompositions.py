"""Decompositions of matrices: Cholesky, QR, eigenvalues, singular values.

numpy's LAPACK computes them in double precision, results are rounded to the input's type once.
Where a gradient divides by differences of (singular) eigenvalues, equal ones give inf or nan, as
in PyTorch: the vectors that belong to them are not determined.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand, operand, refuse
from gradsh.engine.derivative import general
from gradsh.engine.dtypes import is_floating
from gradsh.engine.op import composite
from gradsh.engine.ops.bidiagonal import svd_of_wide
from gradsh.engine.ops.diagonals import diag_embed, tril, triu
from gradsh.engine.ops.indexing import narrow
from gradsh.engine.ops.linalg import matmul
from gradsh.engine.ops.matrices import (
    adjoint,
    batch_element,
    check_floating,
    check_matrix,
    check_square,
    refuse_half,
)
from gradsh.engine.ops.padding import constant_pad
from gradsh.engine.ops.pieces import array_of, choose
from gradsh.engine.ops.pieces import refuse as refuse_type
from gradsh.engine.ops.shape import unsqueeze
from gradsh.engine.ops.solvers import triangular
from gradsh.engine.ops.tridiagonal import WRITTEN_OUT as ITERATED
from gradsh.engine.ops.tridiagonal import eigensystem
from gradsh.engine.results import named_result


def _diagonal_mask(value: Any) -> Any:
    return np.eye(array_of(value).shape[-1], dtype=bool)


def _halved_diagonal(matrices: Any) -> Any:
    """The matrices with their diagonal halved."""
    return choose(_diagonal_mask(matrices), matrices * 0.5, matrices)


def _differences(values: Any) -> Any:
    """For each pair the second value minus the first; one on the diagonal."""
    pairs = unsqueeze(values, -2) - unsqueeze(values, -1)
    return choose(_diagonal_mask(pairs), 1, pairs)


def _diagonal_of(matrices: Any) -> Any:
    array = array_of(matrices)
    return np.diagonal(array, axis1=-2, axis2=-1)


# --- Cholesky ---------------------------------------------------------------------------------


def _cholesky_rule(g: Any, out: Any, upper: bool) -> Any:
    """Source: Murray, Differentiation of the Cholesky decomposition (2016), for complex too."""
    L, g = (adjoint(out), adjoint(g)) if upper else (out, g)
    phi = tril(matmul(adjoint(L), g))
    phi = (phi + adjoint(tril(phi, -1))) * 0.5
    left = triangular(adjoint(L), phi, True, True, False)
    return triangular(L, left, False, False, False)


@general(A=_cholesky_rule, grad_fn="LinalgCholeskyExBackward0", hidden=True)
def cholesky_ex(A: Operand, upper: bool):
    """The factor L of A = L L^H, or L^H if upper."""
    try:
        L = np.linalg.cholesky(np.swapaxes(A, -1, -2).conj() if upper else A)
    except np.linalg.LinAlgError:
        raise _not_positive(A, upper) from None
    L = np.asarray(L, A.dtype)
    return np.swapaxes(L, -1, -2).conj() if upper else L


def _not_positive(A: Any, upper: bool) -> RuntimeError:
    """The error for matrices of which one has no Cholesky factor; it names the first."""
    n = A.shape[-1]
    matrices = A.reshape(-1, n, n)
    if upper:
        matrices = np.swapaxes(matrices, -1, -2).conj()
    for number, matrix in enumerate(matrices):
        for order in range(1, n + 1):
            try:
                np.linalg.cholesky(matrix[:order, :order])
            except np.linalg.LinAlgError:
                error = RuntimeError(
                    f"linalg.cholesky: {batch_element(A, number)}The factorization could not be "
                    "completed because the input is not positive-definite (the leading minor of "
                    f"order {order} is not positive-definite)."
                )
                error.add_note("`eigvalsh(A)` shows which eigenvalues are not positive")
                return error
    return RuntimeError("linalg.cholesky: the input is not positive-definite")


@composite()
def cholesky(input: Any, *, upper: bool = False) -> Any:
    """The triangular L with L L^H = A, for a positive-definite A (upper: L^H).

    cholesky(randn(3, 3))
    cholesky(eye(3) * rand(3) + eye(3))
    cholesky(eye(3) + full((2, 3, 3), 0.5) * rand(1), upper=true)
    """
    A = operand(input, "linalg_cholesky", "input", 1)
    check_square("linalg.cholesky", A.array)
    check_floating("linalg.cholesky", A.array, half=True)
    refuse_half("cholesky_cpu", A.array)
    return cholesky_ex(A, upper)


# --- QR ---------------------------------------------------------------------------------------

_QR = named_result("linalg_qr", ("Q", "R"))


def _symmetrised(matrices: Any) -> Any:
    """X + X^H with half of X's diagonal: the adjoint of taking a triangle of a symmetric one."""
    both = matrices + adjoint(matrices)
    return _halved_diagonal(both)


def _qr_square(g_q: Any, g_r: Any, Q: Any, R: Any) -> Any:
    """The cotangent of A = Q R with at least as many rows as columns.

    Source: Roberts and Roberts, QR and LQ decomposition matrix backpropagation (2020).
    """
    inside = None
    if g_r is not None:
        inside = matmul(g_r, adjoint(R))
    if g_q is not None:
        product = matmul(adjoint(Q), g_q)
        inside = -product if inside is None else inside - product
    total = matmul(Q, _symmetrised(triu(inside)))
    if g_q is not None:
        total = total + g_q
    return triangular(adjoint(R), total, False, False, False)


def _qr_rule(g: Any, A: Any, Q: Any, R: Any, mode: str) -> Any:
    """One rule for tall matrices, one for wide ones."""
    rows, columns = array_of(A).shape[-2:]
    if mode == "r":
        raise RuntimeError(
            "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. "
            "Please use linalg.qr(A, mode='reduced') if you are going to differentiate through "
            "linalg.qr."
        )
    if mode == "complete" and rows > columns:
        raise RuntimeError(
            "The QR decomposition is not differentiable when mode='complete' and nrows > ncols."
        )
    g_q, g_r = g
    if rows >= columns:
        return _qr_square(g_q, g_r, Q, R)
    return _qr_wide(g_q, g_r, Q, R, rows)


def _qr_wide(g_q: Any, g_r: Any, Q: Any, R: Any, rows: int) -> Any:
    """The cotangent of A = Q R with fewer rows than columns.

    The square part of A turns Q, by a skew matrix times Q; the rest of R only follows.
    Source: as `_qr_square`.
    """
    inside = None if g_q is None else matmul(adjoint(Q), g_q)
    if g_r is not None:
        product = matmul(g_r, adjoint(R))
        inside = -product if inside is None else inside - product
    turn = _halved_diagonal(tril(inside - adjoint(inside)))
    square = triangular(adjoint(narrow(R, -1, 0, rows)), turn, False, False, False)
    rest = array_of(R).shape[-1] - rows
    total = constant_pad(square, (0, rest), 0.0)
    return matmul(Q, total if g_r is None else total + g_r)


@general(A=_qr_rule, grad_fn="LinalgQrBackward0", outputs=("Q", "R"), hidden=True)
def qr_of(A: Operand, mode: str):
    """Q and R."""
    if mode == "r":
        return _QR(np.empty(0, A.dtype), np.asarray(np.linalg.qr(A, "r"), A.dtype))
    Q, R = np.linalg.qr(A, "complete" if mode == "complete" else "reduced")
    return _QR(np.asarray(Q, A.dtype), np.asarray(R, A.dtype))


@composite()
def qr(A: Any, mode: Any = "reduced") -> Any:
    """A as the product of Q, with orthonormal columns, and the upper triangular R.

    mode "complete" makes Q square, "r" computes only R.

    qr(randn(4, 3) + eye(4, 3))
    qr(randn(2, 3, 4) + 4 * eye(3, 4))
    qr(randn(3, 3) + eye(3), mode="complete")
    """
    A = operand(A, "linalg_qr", "A", 1)
    check_matrix("linalg.qr", A.array)
    check_floating("linalg.qr", A.array, half=True)
    if not isinstance(mode, str):
        raise refuse("linalg_qr", "mode", 2, "str", mode)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), "
            "'r', or 'complete'"
        )
    refuse_half("geqrf_cpu", A.array)
    return qr_of(A, mode)


# --- Eigenvalues ------------------------------------------------------------------------------

_FEW_ROWS = 512
"""Of more rows in a batch of matrices no one compares the signs of the eigenvectors."""

_EIGH = named_result("linalg_eigh", ("eigenvalues", "eigenvectors"))


def _check_phase(name: str, what: str, why: str, imaginary: Any, expected: Any = 0.0) -> None:
    """RuntimeError where a gradient depends on the arbitrary phase of complex vectors."""
    if not np.allclose(imaginary, expected, 1e-2, 1e-2):
        raise RuntimeError(
            f"{name}: The {what} in the complex case are specified up to multiplication by "
            f"e^{{i phi}}. The specified loss function depends on this {why} ill-defined."
        )


def _eigh_rule(g: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
    """The cotangent of a hermitian matrix, made hermitian as PyTorch does."""
    cotangent = _eigen_cotangent(g, eigenvalues, eigenvectors)
    return (cotangent + adjoint(cotangent)) * 0.5


def _eigen_cotangent(g: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
    """Source: Giles, Collected matrix derivative results (2008), section 3.1."""
    g_values, g_vectors = g
    V = eigenvectors
    turned = adjoint(V)
    if g_vectors is None:
        return matmul(V * unsqueeze(g_values, -2), turned)
    inner = matmul(turned, g_vectors)
    if array_of(V).dtype.kind == "c":
        imaginary = _diagonal_of(inner).imag
        _check_phase("linalg_eigh_backward", "eigenvectors", "quantity, so it is", imaginary)
    inside = choose(_diagonal_mask(inner), 0, inner / _differences(eigenvalues))
    if g_values is not None:
        inside = inside + diag_embed(g_values)
    return matmul(V, matmul(inside, turned))


def _signed_eigensystem(A: Any, read: Any, UPLO: Any) -> Any:
    """Eigenvalues and eigenvectors; of small matrices with the signs that PyTorch gives them."""
    n = A.shape[-1]
    count = A.size // max(n, 1)
    if not 2 < n <= ITERATED or count > _FEW_ROWS:
        return np.linalg.eigh(A, UPLO)
    precision = float(np.finfo(A.dtype).eps) / 2
    wide = np.complex128 if A.dtype.kind == "c" else np.float64
    values, vectors = np.empty(A.shape[:-1]), np.empty(A.shape, wide)
    for place in np.ndindex(A.shape[:-2]):
        system = eigensystem(read[place].astype(wide), UPLO == "U", precision)
        if system is None:
            return np.linalg.eigh(A, UPLO)
        values[place], vectors[place] = system
    return values, vectors


def _eigenvalues(A: Any, UPLO: Any) -> Any:
    """Eigenvalues and eigenvectors; what is not finite fails, as in PyTorch, from size 3 on."""
    read = np.tril(A) if UPLO == "L" else np.triu(A)
    finite = np.isfinite(read).all((-2, -1))
    n = A.shape[-1]
    if finite.all():
        return _signed_eigensystem(A, read, UPLO)
    if n > 2:
        raise RuntimeError(
            f"linalg.eigh: {batch_element(A, int(np.argmin(finite)))}The algorithm failed to "
            "converge because the input matrix is ill-conditioned or has too many repeated "
            f"eigenvalues (error code: {n - 1})."
        )
    values, vectors = np.linalg.eigh(np.where(finite[..., None, None], A, 0), UPLO)
    values[~finite] = np.nan
    vectors[~finite] = 1.0 if n == 1 else np.nan
    return values, vectors


@general(
    A=_eigh_rule,
    grad_fn="LinalgEighBackward0",
    outputs=("eigenvalues", "eigenvectors"),
    hidden=True,
)
def eigh_of(A: Operand, UPLO: str):
    """Eigenvalues and eigenvectors."""
    values, vectors = _eigenvalues(A, UPLO)
    return _EIGH(np.asarray(values, A.real.dtype), np.asarray(vectors, A.dtype))


def _eigh(input: Any, UPLO: Any) -> Any:
    A = operand(input, "linalg_eigh", "input", 1)
    check_square("linalg.eigh", A.array)
    if not isinstance(UPLO, str):
        raise refuse("linalg_eigh", "UPLO", 2, "str", UPLO)
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    refuse_type("linalg_eigh_cpu", "iub", A.array)
    refuse_half("linalg_eigh_cpu", A.array)
    return eigh_of(A, UPLO.upper())


@composite()
def eigh(input: Any, UPLO: Any = "L") -> Any:
    """Eigenvalues, in ascending order, and eigenvectors of a symmetric (or hermitian) matrix.

    Only the lower triangle of input is read, or with UPLO="U" the upper one.

    eigh(randn(3, 3) + eye(3) * tensor([1., 3., 5.]))
    eigh(randn(2, 3, 3) + eye(3) * tensor([1., 5., 9.]), UPLO="U")
    """
    return _eigh(input, UPLO)


@composite()
def eigvalsh(input: Any, UPLO: Any = "L") -> Any:
    """Eigenvalues, in ascending order, of a symmetric (or hermitian) matrix.

    eigvalsh(randn(3, 3))
    eigvalsh(randn(2, 4, 4), UPLO="U")
    """
    return _eigh(input, UPLO).eigenvalues


# --- Singular values --------------------------------------------------------------------------

_FEW_ELEMENTS = 4096
"""Of more elements no one compares the signs of the singular vectors."""

_SVD = named_result("linalg_svd", ("U", "S", "Vh"))


def _skew(matrices: Any) -> Any:
    """X - X^H for each matrix X."""
    return matrices - adjoint(matrices)


def _turned(about_u: Any, about_v: Any, S: Any) -> Any:
    """What the skew parts of the cotangents of U and V^H give to U^H gA V."""
    column, row = unsqueeze(S, -1), unsqueeze(S, -2)
    gaps = _differences(S * S)
    if about_u is None:
        return column * (about_v / gaps)
    if about_v is None:
        return (about_u / gaps) * row
    return (about_u * row + column * about_v) / gaps


def _beyond(g: Any, vectors: Any, S: Any) -> Any:
    """The part of g / S that lies outside of the space of the singular vectors."""
    scaled = g / unsqueeze(S, -2)
    return scaled - matmul(vectors, matmul(adjoint(vectors), scaled))


def _between(g_u: Any, g_s: Any, g_vh: Any, U: Any, S: Any, Vh: Any) -> Any:
    """U^H gA V, of the cotangents of U, S and V^H.

    Complex vectors are determined up to a phase; RuntimeError where the cotangents depend on it.
    """
    about_u = None if g_u is None else _skew(matmul(adjoint(U), g_u))
    about_v = None if g_vh is None else _skew(matmul(Vh, adjoint(g_vh)))
    inside = _turned(about_u, about_v, S)
    if array_of(U).dtype.kind == "c":
        phases = [0.0 if x is None else _diagonal_of(x).imag for x in (about_u, about_v)]
        why = "phase term, making it"
        _check_phase("svd_backward", "singular vectors", why, phases[0], np.negative(phases[1]))
        if about_u is not None and about_v is not None:
            twice = about_u / (2 * unsqueeze(S, -2))
            inside = inside + choose(_diagonal_mask(about_u), twice, 0)
    return inside if g_s is None else inside + diag_embed(g_s)


def _svd_rule(g: Any, U: Any, S: Any, Vh: Any) -> Any:
    """Source: Townsend, Differentiating the singular value decomposition (2016)."""
    g_u, g_s, g_vh = g
    rows, columns, count = array_of(U).shape[-2], array_of(Vh).shape[-1], array_of(S).shape[-1]
    # of full matrices only the vectors with a singular value can be differentiated
    U, g_u = (None if x is None else narrow(x, -1, 0, count) for x in (U, g_u))
    Vh, g_vh = (None if x is None else narrow(x, -2, 0, count) for x in (Vh, g_vh))
    if g_u is None and g_vh is None:
        if rows >= columns:
            return matmul(U, unsqueeze(g_s, -1) * Vh)
        return matmul(U * unsqueeze(g_s, -2), Vh)
    inside = _between(g_u, g_s, g_vh, U, S, Vh)
    if rows > columns and g_u is not None:
        return matmul(matmul(U, inside) + _beyond(g_u, U, S), Vh)
    if rows < columns and g_vh is not None:
        return matmul(U, matmul(inside, Vh) + adjoint(_beyond(adjoint(g_vh), adjoint(Vh), S)))
    if rows >= columns:
        return matmul(U, matmul(inside, Vh))
    return matmul(matmul(U, inside), Vh)


def _refuse_nan(A: Any) -> None:
    """RuntimeError for the first matrix of a batch with an element that is nan."""
    missing = np.isnan(A).any((-2, -1)).reshape(-1)
    if missing.any():
        raise RuntimeError(
            f"linalg.svd: {batch_element(A, int(np.argmax(missing)))}The algorithm failed to "
            "converge because the input matrix contained non-finite values."
        )


def _singular_values(A: Any, full_matrices: bool) -> Any:
    """U, S and V^H, of real matrices with the vectors' signs as PyTorch's LAPACK gives them.

    It makes a matrix triangular first if that has 1.5 times as many rows as columns, numpy's
    only from 11/6 times on; and it never makes a wide one triangular first, as numpy's does.
    """
    rows, columns = A.shape[-2:]
    real = is_floating(A.dtype)
    if real and rows > columns and 3 * columns // 2 <= rows < 11 * columns // 6:
        Q, R = np.linalg.qr(A, "complete" if full_matrices else "reduced")
        U, S, Vh = np.linalg.svd(R[..., :columns, :])
        Q[..., :columns] = Q[..., :columns] @ U
        return Q, S, Vh
    if real and 1 < rows < columns and 11 * rows // 6 <= columns and A.size <= _FEW_ELEMENTS:
        batch = A.shape[:-2]
        U, S = np.empty((*batch, rows, rows)), np.empty((*batch, rows))
        Vh = np.empty((*batch, columns, columns))
        for place in np.ndindex(batch):
            U[place], S[place], Vh[place] = svd_of_wide(A[place].astype(np.float64))
        return U, S, Vh if full_matrices else Vh[..., :rows, :]
    return np.linalg.svd(A, full_matrices)


@general(A=_svd_rule, grad_fn="LinalgSvdBackward0", outputs=("U", "S", "Vh"), hidden=True)
def svd_of(A: Operand, full_matrices: bool):
    """U, S and V^H; all nan for a matrix with an infinite element."""
    finite = np.isfinite(A).all((-2, -1))
    if finite.all():
        U, S, Vh = _singular_values(A, full_matrices)
    else:
        _refuse_nan(A)
        # LAPACK may look for the singular values of such a matrix without end
        U, S, Vh = _singular_values(np.where(finite[..., None, None], A, 0), full_matrices)
        for part in (U, S, Vh):
            part[~finite] = np.nan
    return _SVD(np.asarray(U, A.dtype), np.asarray(S, A.real.dtype), np.asarray(Vh, A.dtype))


def check_svd(A: Any) -> None:
    """PyTorch's errors for what has no singular values."""
    check_matrix("linalg.svd", A)
    check_floating("linalg.svd", A, half=True)
    refuse_half("linalg_svd_cpu", A)


@composite()
def svd(A: Any, full_matrices: Any = True, *, driver: Any = None) -> Any:
    """Singular values S, in descending order, and vectors: A is U diag(S) Vh.

    svd(randn(3, 3) + diag(tensor([1., 3., 5.])))
    svd(randn(3, 2) + eye(3, 2) * tensor([2., 5.]), full_matrices=false)
    """
    A = operand(A, "linalg_svd", "A", 1)
    if type(full_matrices) is not bool:
        raise refuse("linalg_svd", "full_matrices", 2, "bool", full_matrices)
    check_svd(A.array)
    if driver is not None:
        raise RuntimeError(
            "torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with "
            "cuSOLVER backend."
        )
    return svd_of(A, full_matrices)


@composite()
def svdvals(A: Any) -> Any:
    """Singular values of a matrix, in descending order.

    svdvals(randn(4, 3) + eye(4, 3) * tensor([2., 5., 9.]))
    """
    A = operand(A, "linalg_svdvals", "A", 1)
    check_svd(A.array)
    return svd_of(A, False).S
