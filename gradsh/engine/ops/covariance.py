"""Covariance and correlation of variables that are the rows of a matrix."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from gradsh.engine.arguments import check_tensors
from gradsh.engine.dtypes import BOOL, COMPLEX, FLOAT, INTEGER
from gradsh.engine.op import composite
from gradsh.engine.ops.complex_numbers import complex as complex_of
from gradsh.engine.ops.complex_numbers import conj, imag, real
from gradsh.engine.ops.diagonals import diag
from gradsh.engine.ops.elementary import sqrt
from gradsh.engine.ops.linalg import mm
from gradsh.engine.ops.reductions import sum
from gradsh.engine.ops.selection import clamp
from gradsh.engine.ops.shape import squeeze, t, unsqueeze, view
from gradsh.engine.tensor import new_tensor


def _check_rows(name: str, input: Any) -> None:
    check_tensors(name, input=input)
    if input.ndim > 2:
        raise RuntimeError(
            f"{name}(): expected input to have two or fewer dimensions but got an input with "
            f"{input.ndim} dimensions"
        )


def _check_weights(name: str, weights: Any, category: int, count: int) -> None:
    if weights.ndim > 1:
        raise RuntimeError(
            f"cov(): expected {name} to have one or fewer dimensions but got {name} with "
            f"{weights.ndim} dimensions"
        )
    if weights.dtype.category != category:
        kind = "integral" if category == INTEGER else "floating point"
        raise RuntimeError(
            f"cov(): expected {name} to have {kind} dtype but got {name} with "
            f"{weights.dtype.type_name} dtype"
        )
    if weights.array.size != count:
        raise RuntimeError(
            f"cov(): expected {name} to have the same numel as there are observations in the "
            f"input but got {weights.array.size} != {count}"
        )
    if count and not np.min(weights.array) >= 0:
        raise RuntimeError(f"cov(): {name} cannot be negative")


@composite()
def cov(input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """The covariances of variables, the rows of input, over its columns, the observations.

    fweights says how often each observation was made, aweights how much it counts; what is summed
    is divided by the number of observations - correction.

    cov(randn(3, 4))
    cov(randn(4))
    cov(randn(3, 4), correction=0)
    cov(randn(3, 4), fweights=tensor([1, 2, 1, 3]), aweights=(rand(4) + 0.5).detach())
    """
    _check_rows("cov", input)
    if input.dtype.category == BOOL:
        raise RuntimeError("cov(): bool dtype is not supported for input")
    rows = view(input, (1, -1)) if input.ndim < 2 else input
    count = rows.shape[1]
    weights = None
    if fweights is not None:
        _check_weights("fweights", fweights, INTEGER, count)
        weights = fweights
    if aweights is not None:
        _check_weights("aweights", aweights, FLOAT, count)
        weights = aweights if weights is None else weights * aweights
    whole = new_tensor(np.array(count)) if weights is None else sum(weights)
    if weights is not None and not whole.array:
        raise RuntimeError("cov(): weights sum to zero, can't be normalized")
    mean = sum(rows if weights is None else rows * weights, 1) / whole
    if aweights is not None and correction != 0:
        divisor = whole - correction * sum(weights * aweights) / whole
    else:
        divisor = whole - correction
    if divisor.array <= 0:
        warnings.warn(
            "cov(): degrees of freedom is <= 0. Correction should be strictly less than the "
            "number of observations.",
            stacklevel=2,
        )
        divisor = divisor * 0
    rows = rows - unsqueeze(mean, 1)
    other = rows if weights is None else rows * weights
    return squeeze(mm(rows, conj(t(other))) / divisor)


@composite()
def corrcoef(input: Any) -> Any:
    """The coefficients of correlation of variables, the rows of input.

    corrcoef(randn(3, 4))
    corrcoef(randn(4))
    """
    _check_rows("corrcoef", input)
    covariance = cov(input)
    if not covariance.ndim:
        return covariance / covariance
    variances = diag(covariance)
    is_complex = covariance.dtype.category == COMPLEX
    deviations = sqrt(real(variances) if is_complex else variances)
    scaled = covariance / view(deviations, (-1, 1)) / view(deviations, (1, -1))
    if not is_complex:
        return clamp(scaled, -1, 1)
    return complex_of(clamp(real(scaled), -1, 1), clamp(imag(scaled), -1, 1))
