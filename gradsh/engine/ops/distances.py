"""Distances between all pairs of points."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradsh.engine.appliers import broadcast_error
from gradsh.engine.arguments import Operand, check_tensors, operand, refuse
from gradsh.engine.derivative import general
from gradsh.engine.dtypes import (
    FLOAT,
    FROM_NUMPY,
    HALVES,
    NUMBER_CATEGORY,
    float32,
    is_floating,
    result_type,
)
from gradsh.engine.op import composite
from gradsh.engine.ops.assembly import broadcast_tensors
from gradsh.engine.ops.conjugation import conjugate
from gradsh.engine.ops.linalg import check_types, matmul
from gradsh.engine.ops.matrices import check_floating, refuse_half
from gradsh.engine.ops.pieces import array_of, choose
from gradsh.engine.ops.pointwise import eq, reciprocal, refuse_bools
from gradsh.engine.ops.reductions import norm_rule, sum, vector_norm_of
from gradsh.engine.ops.shape import sum_to, to, transpose, view
from gradsh.engine.precision import single
from gradsh.engine.tensor import wrap_dim

_BY_PRODUCT = 25
"""From more points than this on, PyTorch computes Euclidean distances by a matrix product."""

_MODES = (
    "use_mm_for_euclid_dist_if_necessary",
    "use_mm_for_euclid_dist",
    "donot_use_mm_for_euclid_dist",
)


def _differences(x1: Any, x2: Any) -> Any:
    """The differences (..., P, R, M) of P points and R points."""
    return x1[..., :, None, :] - x2[..., None, :, :]


def _no_second_derivative(g: Any) -> Any:
    raise NotImplementedError("the derivative for '_cdist_backward' is not implemented.")


def _slopes(x1: Any, x2: Any, distances: Any, p: float) -> Any:
    """The derivatives (..., P, R, M) of the distances (..., P, R) with respect to x1."""
    away = _differences(x1, x2)
    if p == 0:
        return np.zeros_like(away)
    distance = distances[..., None]
    if p == 1:
        return np.sign(away)
    with np.errstate(all="ignore"):
        if p == math.inf:
            short = np.abs(away) - distance
            return np.sign(away) * np.where(np.isnan(short), short, short == 0)
        if p == 2:
            slopes = away / distance
        else:
            slopes = np.sign(away) * np.abs(away) ** (p - 1) / distance ** (p - 1)
    return np.where((distance == 0) | ((away == 0) & (p < 1)), 0, slopes)


@general(
    g=_no_second_derivative,
    x1=_no_second_derivative,
    x2=_no_second_derivative,
    distances=_no_second_derivative,
    grad_fn="CdistBackwardBackward0",
    hidden=True,
)
def cdist_cotangent(g: Operand, x1: Operand, x2: Operand, distances: Operand, p: float):
    """The cotangent of x1 (..., P, M) from that of the distances (..., P, R)."""
    return np.add.reduce(g[..., None] * _slopes(x1, x2, distances, p), -2)


@general(
    x1=lambda g, x1, x2, out, p, x1_shape: sum_to(cdist_cotangent(g, x1, x2, out, p), x1_shape),
    x2=lambda g, x1, x2, out, p, x2_shape: sum_to(
        cdist_cotangent(transpose(g, -2, -1), x2, x1, transpose(out, -2, -1), p), x2_shape
    ),
    grad_fn="CdistBackward0",
    hidden=True,
)
def cdist_of(x1: Operand, x2: Operand, p: float):
    """The p-norms of the differences of all pairs of points."""
    away = np.abs(_differences(x1, x2))
    if p == 0:
        return np.add.reduce(away != 0, -1, x1.dtype)
    if p == 1:
        return np.add.reduce(away, -1)
    if p == 2:
        return np.sqrt(np.add.reduce(away * away, -1))
    if p == math.inf:
        return np.fmax.reduce(away, -1, initial=0)
    return np.add.reduce(away**p, -1) ** x1.dtype.type(1 / p)


def _euclidean_rule(g: Any, x1: Any, x2: Any, out: Any) -> Any:
    ratio = choose(eq(out, 0), 0, g / choose(eq(out, 0), 1, out))
    return x1 * sum(ratio, (-1,), True) - matmul(ratio, x2)


@general(
    x1=lambda g, x1, x2, out, x1_shape: sum_to(_euclidean_rule(g, x1, x2, out), x1_shape),
    x2=lambda g, x1, x2, out, x2_shape: sum_to(
        _euclidean_rule(transpose(g, -2, -1), x2, x1, transpose(out, -2, -1)), x2_shape
    ),
    grad_fn="EuclideanDistBackward0",
    hidden=True,
)
def euclidean(x1: Operand, x2: Operand):
    """Euclidean distances by one product: |x|^2 - 2 x y + |y|^2."""
    first = np.add.reduce(x1 * x1, -1, keepdims=True)
    second = np.add.reduce(x2 * x2, -1, keepdims=True)
    squares = first + np.swapaxes(second, -1, -2) - 2 * (x1 @ np.swapaxes(x2, -1, -2))
    return np.sqrt(np.maximum(squares, 0))


@composite()
def cdist(x1: Any, x2: Any, p: Any = 2.0, compute_mode: Any = _MODES[0]) -> Any:
    """The p-norm distance of every row of x1 to every row of x2.

    cdist(randn(3, 4), randn(5, 4))
    cdist(randn(2, 3, 4), randn(5, 4), p=1)
    cdist(randn(3, 4), randn(5, 4), 3.0)
    cdist(randn(3, 4), randn(5, 4), p=inf)
    cdist(randn(30, 2) + tensor([0., 5.]), tensor([[1., 2.], [3., 4.]]))
    """
    x1 = operand(x1, "cdist", "x1", 1)
    x2 = operand(x2, "cdist", "x2", 2)
    if type(p) not in NUMBER_CATEGORY:
        raise refuse("cdist", "p", 3, "float", p)
    if compute_mode is None:
        compute_mode = _MODES[0]
    if compute_mode not in _MODES:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    first, second = x1.array, x2.array
    for number, array in enumerate((first, second), 1):
        if array.ndim < 2:
            raise RuntimeError(
                f"cdist only supports at least 2D tensors, X{number} got: {array.ndim}D"
            )
    if first.shape[-1] != second.shape[-1]:
        raise RuntimeError(
            "X1 and X2 must have the same number of columns. "
            f"X1: {first.shape[-1]} X2: {second.shape[-1]}"
        )
    for number, array in enumerate((first, second), 1):
        if not is_floating(array.dtype):
            error = RuntimeError(
                f"cdist only supports floating-point dtypes, X{number} got: "
                + FROM_NUMPY[array.dtype].type_name
            )
            error.add_note("make it a float first: `x.float()`")
            raise error
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    try:
        batch = np.broadcast_shapes(first.shape[:-2], second.shape[:-2])
    except ValueError:
        raise broadcast_error(first.shape[:-2], second.shape[:-2]) from None
    many = max(first.shape[-2], second.shape[-2]) > _BY_PRODUCT
    by_product = compute_mode == _MODES[1] or (compute_mode == _MODES[0] and many)
    by_product = by_product and p == 2 and first.size > 0 and second.size > 0
    if first.dtype is not second.dtype:
        if by_product and not batch:
            check_types(first, second)
        one, other = (FROM_NUMPY[array.dtype].type_name for array in (first, second))
        raise RuntimeError(f"expected scalar type {one} but found {other}")
    refuse_half("cdist", first)
    if by_product:
        distances = euclidean(x1, x2)
        return view(distances, (*batch, first.shape[-2], second.shape[-2]))
    return cdist_of(x1, x2, float(p))


def _dist_rule(g: Any, input: Any, other: Any, out: Any, p: float) -> Any:
    away = input - other
    return norm_rule(g, away, out, p, None, False, tuple(away.shape))


@general(
    input=_dist_rule,
    other=lambda g, input, other, out, p: -_dist_rule(g, input, other, out, p),
    grad_fn="DistBackward0",
    hidden=True,
)
def dist_of(input: Operand, other: Operand, p: float):
    """The p-norm of the difference of two tensors of one shape and type."""
    return vector_norm_of.op.forward(input - other, p, None, False)


@composite()
def dist(input: Any, other: Any, p: Any = 2) -> Any:
    """The p-norm of input - other.

    dist(randn(3, 4), randn(4))
    dist(randn(3, 4), randn(3, 4), 1)
    dist(randn(3, 4), randn(3, 4), p=inf)
    dist(randn(3, 4), randn(3, 4), 2.5)
    """
    check_tensors("dist", input=input, other=other)
    refuse_bools(input, other)
    common = result_type([(x.dtype, x.ndim == 0) for x in (input, other)])
    if common.category < FLOAT:
        raise RuntimeError(
            "norm(): input dtype should be either floating point or complex. Got "
            f"{common.type_name} instead."
        )
    input, other = broadcast_tensors(to(input, common), to(other, common))
    return dist_of(input, other, float(p))


def _renorm_rule(g: Any, input: Any, p: float, dim: int, maxnorm: float, input_shape: Any) -> Any:
    others = _other_dims(dim, len(input_shape))
    kind = FROM_NUMPY[array_of(g).dtype]
    wide = float32 if kind.numpy in HALVES else kind
    inner = sum(conjugate(input) * g, others, True, dtype=wide)
    input = to(input, wide)
    norm = vector_norm_of(input, p, others, True)
    inverse = reciprocal(norm + _TINY)
    inner = inner.real if array_of(inner).dtype.kind == "c" else inner
    of_norm = norm_rule(inner, input, norm, p, others, True, input_shape)
    scaled = maxnorm * inverse * (g - inverse * of_norm)
    return choose(norm > maxnorm, to(scaled, kind), g)


_TINY = 1e-7


def _other_dims(dim: int, ndim: int) -> tuple[int, ...]:
    axis = wrap_dim(dim, ndim)
    return tuple(place for place in range(ndim) if place != axis)


@general(input=_renorm_rule, in_place=True)
def renorm(input: Operand, p: float, dim: int, maxnorm: float):
    """input, its parts along dim scaled down to the p-norm maxnorm where theirs is larger.

    renorm(randn(3, 4), 2, 0, 1)
    renorm(randn(3, 4), p=1, dim=1, maxnorm=0.5)
    """
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm:g}")
    if input.ndim <= 1:
        raise RuntimeError(
            f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions"
        )
    check_floating("linalg.vector_norm", input, half=True)
    value = single(input)
    norm = vector_norm_of.op.forward(value, p, _other_dims(dim, input.ndim), True)
    factor = np.where(norm > maxnorm, maxnorm / (norm + norm.dtype.type(_TINY)), 1)
    return (value * factor.astype(norm.dtype)).astype(input.dtype, copy=False)
