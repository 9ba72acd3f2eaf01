"""Variance, sums that skip nan, logsumexp, counts, and running sums and products."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradsh.engine.arguments import Dims, Number, Operand
from gradsh.engine.derivative import general, linear
from gradsh.engine.dtypes import DEFAULTS, FLOAT, FROM_NUMPY, HALVES, DType, is_floating, is_inexact
from gradsh.engine.op import composite
from gradsh.engine.ops.conjugation import conjugate
from gradsh.engine.ops.elementary import exp
from gradsh.engine.ops.logic import isnan, logical_not
from gradsh.engine.ops.pieces import array_of, choose, kept
from gradsh.engine.ops.pointwise import div, not_implemented
from gradsh.engine.ops.reductions import average, count_of, mean, spread, sum, total
from gradsh.engine.ops.shape import expand, reshape, to, transpose, unsqueeze, wrap_dims
from gradsh.engine.precision import precise, single
from gradsh.engine.tensor import Tensor, wrap_dim

# numpy's stubs cannot choose an overload for a `keepdims` that is a variable.
ADD: Any = np.add
MULTIPLY: Any = np.multiply
_WIDER = {"f": np.float64, "F": np.complex128}
"""The types in which PyTorch's kernels add up values of a narrower one; of halves it is single."""


def _variance(input: Any, dim: Any, correction: Any, keepdim: bool) -> Any:
    """Sum of squared distances from the mean over (count - correction), in double precision."""
    if not is_inexact(input.dtype):
        error = RuntimeError("std and var only support floating point and complex dtypes")
        error.add_note("make it a float first: `var(x.float())`")
        raise error
    axis = wrap_dims(dim, input.ndim)
    wide = input.astype(np.complex128 if input.dtype.kind == "c" else np.float64)
    count = count_of(input.shape, dim)
    distance = wide - ADD.reduce(wide, axis, keepdims=True) / np.float64(count)
    squares = distance.real**2
    if input.dtype.kind == "c":
        squares = squares + distance.imag**2
    free = np.float64(np.maximum(count - correction, 0))
    return np.asarray(ADD.reduce(squares, axis, keepdims=keepdim) / free)


def _variance_rule(
    g: Any, input: Any, dim: Any, correction: Any, keepdim: bool, input_shape: Any
) -> Any:
    """g * 2 / (count - correction) * (input - mean(input)).

    Source: PyTorch's var_backward, for what happens when nothing is free to vary.
    """
    free = count_of(input_shape, dim) - correction
    g = spread(g, dim, keepdim, input_shape)
    center = mean(input, dim, True)
    if free <= 0 and (not input_shape or dim in (None, ())):
        return choose(input == center, g * math.nan, g * math.inf)
    return g * (2.0 / free if free else math.inf) * (input - center)


@general(input=_variance_rule, grad_fn="VarBackward0", hidden=True)
def var_of(input: Operand, dim: Dims, correction: Number, keepdim: bool):
    """The variance."""
    return _variance(input, dim, correction, keepdim).astype(input.real.dtype)


def _deviation_rule(
    g: Any, input: Any, out: Any, dim: Any, correction: Any, keepdim: bool, input_shape: Any
) -> Any:
    g = kept(g / (out * 2), out != 0)
    return _variance_rule(g, input, dim, correction, keepdim, input_shape)


@general(input=_deviation_rule, grad_fn="StdBackward0", hidden=True)
def std_of(input: Operand, dim: Dims, correction: Number, keepdim: bool):
    """The square root of the variance."""
    return np.sqrt(_variance(input, dim, correction, keepdim)).astype(input.real.dtype)


def _correction(name: str, dim: Any, unbiased: bool | None, correction: Any) -> tuple[Any, Any]:
    """(dim, correction) from the two ways to write them: `var(x, false)` is one."""
    if type(dim) is bool:
        dim, unbiased = None, dim
    if unbiased is not None:
        if correction is not None:
            raise TypeError(
                f"{name}() received an invalid combination of arguments - got both unbiased and "
                "correction"
            )
        return dim, 1 if unbiased else 0
    return dim, 1 if correction is None else correction


@composite()
def var(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> Any:
    """Variance of the elements, of all or along dim: divided by their count - correction (1).

    unbiased=false is correction 0.

    var(randn(3, 4))
    var(randn(3, 4), 1)
    var(randn(3, 4), unbiased=false)
    var(randn(3, 4), (0, 1), correction=2, keepdim=true)
    """
    dim, correction = _correction("var", dim, unbiased, correction)
    return var_of(input, dim, correction, keepdim)


@composite()
def std(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> Any:
    """Standard deviation of the elements, of all or along dim: the square root of var.

    std(randn(3, 4))
    std(randn(3, 4), 1)
    std(randn(3, 4), unbiased=false)
    std(randn(3, 4), (0, 1), correction=2, keepdim=true)
    """
    dim, correction = _correction("std", dim, unbiased, correction)
    return std_of(input, dim, correction, keepdim)


def _logsumexp_rule(g: Any, input: Any, out: Any, dim: Any, keepdim: bool, input_shape: Any) -> Any:
    out = spread(out, dim, keepdim, input_shape)
    return spread(g, dim, keepdim, input_shape) * conjugate(exp(input - out))


def _half_logsumexp(input: Any, axis: tuple[int, ...], keepdim: bool) -> Any:
    """logsumexp of half precision, rounded after each of the steps that PyTorch composes it of."""
    largest = np.maximum.reduce(input, axis, keepdims=True)
    largest = np.where(np.isinf(largest), input.dtype.type(0), largest)
    sums = np.log(total(np.exp(input - largest), axis, True, input.dtype)) + largest
    return sums if keepdim else np.squeeze(sums, axis)


@general(input=_logsumexp_rule)
def logsumexp(input: Operand, dim: Dims, keepdim: bool = False):
    """log(sum(exp(input))) along dim, without overflow.

    logsumexp(randn(3, 4), 1)
    logsumexp(randn(3, 4), (0, 1), keepdim=true)
    """
    if not is_inexact(input.dtype):
        input = input.astype(DEFAULTS.floating.numpy)
    axis = wrap_dims(dim, input.ndim)
    if input.dtype in HALVES and input.size:
        return _half_logsumexp(input, axis, keepdim)
    value = single(input)
    if input.size == 0:
        result = precise(np.log, ADD.reduce(precise(np.exp, value), axis, keepdims=keepdim))
    else:
        largest = np.maximum.reduce(value.real, axis, keepdims=True)
        largest = np.where(np.isinf(largest), 0, largest)
        sums = (
            precise(np.log, ADD.reduce(precise(np.exp, value - largest), axis, keepdims=True))
            + largest
        )
        result = sums if keepdim else np.squeeze(sums, axis)
    return result.astype(input.dtype, copy=False)


@linear()
def count_nonzero(input: Operand, dim: Dims = None):
    """How many elements, of all or along dim, are not zero.

    count_nonzero(tensor([[1, 0], [2, 3]]))
    count_nonzero(tensor([[1, 0], [2, 3]]), 1)
    """
    return np.asarray(np.count_nonzero(input, axis=wrap_dims(dim, input.ndim)), np.int64)


@general(
    input=lambda g, input, dim, keepdim, input_shape: (
        spread(g, dim, keepdim, input_shape) * logical_not(isnan(input))
    )
)
def nansum(input: Operand, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None):
    """Sum of the elements that are not nan, of all or along dim.

    nansum(tensor([1.0, nan, 2.0]))
    nansum(randn(3, 4), 1, keepdim=true)
    """
    if input.dtype.kind == "c":
        raise RuntimeError("nansum on CPU does not support complex inputs")
    if dtype is not None:
        storage = dtype.numpy
    else:
        storage = input.dtype if is_floating(input.dtype) else np.dtype(np.int64)
    present = np.where(np.isnan(input), 0, input) if is_floating(input.dtype) else input
    return total(present, dim, keepdim, storage)


@composite()
def nanmean(
    input: Any, dim: Any = None, keepdim: bool = False, *, dtype: DType | None = None
) -> Any:
    """Mean of the elements that are not nan, of all or along dim.

    nanmean(tensor([1.0, nan, 2.0]))
    nanmean(randn(3, 4), 1, keepdim=true)
    """
    if type(input) is Tensor and input.dtype.category < FLOAT:
        error = RuntimeError(
            "nanmean(): expected input to have floating point or complex dtype but got "
            + input.dtype.type_name
        )
        error.add_note("make it a float first: `nanmean(x.float())`")
        raise error
    count = sum(logical_not(isnan(input)), dim, keepdim)
    added = nansum(input, dim, keepdim, dtype=dtype)
    return div(added, to(count, added.dtype))


def _accumulated(ufunc: Any, input: Any, dim: int, dtype: DType | None) -> Any:
    """Running totals in a wider type, rounded at the end, as PyTorch's kernels do."""
    axis = wrap_dim(dim, input.ndim)
    if dtype is not None:
        storage = dtype.numpy
    else:
        storage = input.dtype if is_inexact(input.dtype) else np.dtype(np.int64)
    value = input.astype(storage, copy=False)
    if not input.ndim:
        return value.copy()
    if input.size and storage.kind == "b":
        raise not_implemented("cumsum_out_cpu" if ufunc is np.add else "cumprod_out_cpu", value)
    wide = np.float32 if storage in HALVES else _WIDER.get(storage.char, storage)
    return np.ascontiguousarray(ufunc.accumulate(value, axis, wide).astype(storage, copy=False))


@linear(input=lambda g, dim: sum_of_rest(g, dim), in_place=True)
def cumsum(input: Operand, dim: int, *, dtype: DType | None = None):
    """Running sum along dim.

    cumsum(randn(3, 4), 1)
    """
    return _accumulated(ADD, input, dim, dtype)


@linear(input=lambda g, dim: cumsum(g, dim), hidden=True)
def sum_of_rest(input: Operand, dim: Any):
    """For each element the sum of it and those after it along dim: cumsum transposed."""
    if not input.ndim:
        return input.copy()
    return np.flip(_accumulated(ADD, np.flip(input, dim), dim, None), dim)


def _cumprod_rule(g: Any, input: Any, out: Any, dim: int, input_shape: Any) -> Any:
    """The sum of the later g * out, over the element itself, where no element is zero.

    Where an element is the first zero of its line, its own derivative takes the products with
    a one in its place. Several zeros make second derivatives that this quotient hides; then, and
    only for derivatives that are recorded, every product is written out.
    """
    axis = wrap_dim(dim, len(input_shape))
    if not input_shape or 0 in input_shape or input_shape[axis] == 1:
        return g
    zero = array_of(input) == 0
    if not zero.any():
        return sum_of_rest(g * conjugate(out), axis) / conjugate(input)
    if type(g) is Tensor:
        return _through_every_product(g, input, axis)
    before = MULTIPLY.accumulate(~zero, axis)
    first = zero & (np.cumsum(zero, axis) == 1)
    filled = cumprod(choose(first, 1, input), axis)
    elsewhere = sum_of_rest(g * conjugate(out), axis) / conjugate(choose(zero, 1, input))
    here = sum_of_rest(g * kept(conjugate(filled), ~before), axis)
    return choose(first, here, kept(elsewhere, before))


def _through_every_product(g: Any, input: Any, axis: int) -> Any:
    """The gradient by the table of all products without one factor."""
    line = transpose(input, axis, -1)
    weights = transpose(g, axis, -1)
    shape = tuple(line.shape)
    count = shape[-1]
    table = expand(reshape(line, (*shape[:-1], 1, count)), (*shape[:-1], count, count))
    products = cumprod(choose(np.eye(count, dtype=bool), 1, table), -1)
    reached = kept(conjugate(products), np.triu(np.ones((count, count), bool)))
    weights = reshape(weights, (*shape[:-1], 1, count))
    return transpose(sum(reached * weights, -1), axis, -1)


@general(input=_cumprod_rule, in_place=True)
def cumprod(input: Operand, dim: int, *, dtype: DType | None = None):
    """Running product along dim.

    cumprod(randn(3, 4), 1)
    """
    return _accumulated(MULTIPLY, input, dim, dtype)


def _logcumsumexp_rule(g: Any, input: Any, out: Any, dim: int) -> Any:
    """For each element the sum over it and the later ones of g * exp(input - out).

    Arrays are added up by their logarithms, as PyTorch does, the positive and the negative part of
    `g` by itself, so that nothing overflows. That is not linear in `g` for those who differentiate
    it; for them the whole table of exponentials is made.
    """
    if not array_of(g).ndim or not array_of(g).size:
        return g
    if type(g) is Tensor and g.array.dtype in HALVES:
        result = _through_every_exponential(g, input, out, wrap_dim(dim, g.ndim))
        # the value is that of PyTorch's steps, each rounded
        result.array[...] = _logcumsumexp_rule(g.array, input.array, out.array, dim)
        return result
    if type(g) is Tensor or g.dtype.kind == "c":
        return _through_every_exponential(g, input, out, wrap_dim(dim, array_of(g).ndim))
    lowest = g.dtype.type(FROM_NUMPY[g.dtype].finfo.min)

    def part(values: Any) -> Any:
        logarithm = np.where(values > 0, np.log(np.where(values > 0, values, 1)), lowest)
        later = logcumsumexp.op.forward(np.flip(logarithm - out, dim), dim)
        return np.exp(np.flip(later, dim) + input)

    return part(g) - part(-g)


def _through_every_exponential(g: Any, input: Any, out: Any, axis: int) -> Any:
    """The gradient by the table of exp(input - out) for all pairs of places."""
    columns = unsqueeze(transpose(input, axis, -1), -1)
    rows, weights = (unsqueeze(transpose(x, axis, -1), -2) for x in (out, g))
    count = array_of(rows).shape[-1]
    reached = np.triu(np.ones((count, count), bool))
    exponents = choose(reached, columns - rows, 0)
    return transpose(sum(kept(conjugate(exp(exponents)) * weights, reached), -1), axis, -1)


@general(input=_logcumsumexp_rule, rounds=True)
def logcumsumexp(input: Operand, dim: int):
    """log(cumsum(exp(input))) along dim, without overflow.

    logcumsumexp(randn(3, 4), 1)
    """
    axis = wrap_dim(dim, input.ndim)
    if not input.ndim:
        return input.copy()
    if not is_inexact(input.dtype):
        raise not_implemented("logcumsumexp_out_cpu", input)
    if is_floating(input.dtype):
        wide = input.astype(np.float64)
        return np.logaddexp.accumulate(wide, axis).astype(input.dtype)
    wide = input.astype(np.complex128)
    largest = np.maximum.accumulate(wide.real, axis)
    result = np.empty_like(wide)
    lines, tops = np.moveaxis(wide, axis, 0), np.moveaxis(largest, axis, 0)
    sums = np.moveaxis(result, axis, 0)
    for place in range(len(lines)):
        top = np.where(np.isfinite(tops[place]), tops[place], 0)
        sums[place] = np.log(np.exp(lines[: place + 1] - top).sum(0)) + top
    return result.astype(input.dtype)


def _mean_too_rule(rule: Any) -> Any:
    def cotangent(
        g: Any, input: Any, first: Any, dim: Any, correction: Any, keepdim: bool, input_shape: Any
    ) -> Any:
        parts = []
        if g[0] is not None:
            parts.append(rule(g[0], input, first, dim, correction, keepdim, input_shape))
        if g[1] is not None:
            count = count_of(input_shape, dim)
            parts.append(spread(g[1], dim, keepdim, input_shape) / count)
        return parts[0] if len(parts) == 1 else parts[0] + parts[1]

    return cotangent


def _variance_and_mean(name: str, input: Any, dim: Any, correction: Any, keepdim: bool) -> Any:
    if not is_inexact(input.dtype):
        error = RuntimeError(f"{name} only support floating point and complex dtypes")
        error.add_note(f"make it a float first: `{name}(x.float())`")
        raise error
    variance = _variance(input, dim, correction, keepdim)
    center = average(input, dim, keepdim, input.dtype)
    if count_of(input.shape, dim) > 1:  # what is not finite is lost in a running mean
        center = np.where(np.isfinite(center), center, np.nan).astype(input.dtype)
    return variance, center


@general(
    input=_mean_too_rule(
        lambda g, input, first, dim, correction, keepdim, input_shape: _variance_rule(
            g, input, dim, correction, keepdim, input_shape
        )
    ),
    outputs=("first", "mean"),
    grad_fn="VarMeanBackward0",
    hidden=True,
)
def var_mean_of(input: Operand, dim: Dims, correction: Number, keepdim: bool):
    """The variance and the mean."""
    variance, center = _variance_and_mean("var_mean", input, dim, correction, keepdim)
    return variance.astype(input.real.dtype), center


@general(
    input=_mean_too_rule(_deviation_rule),
    outputs=("first", "mean"),
    grad_fn="StdMeanBackward0",
    hidden=True,
)
def std_mean_of(input: Operand, dim: Dims, correction: Number, keepdim: bool):
    """The standard deviation and the mean."""
    variance, center = _variance_and_mean("std_mean", input, dim, correction, keepdim)
    return np.sqrt(variance).astype(input.real.dtype), center


@composite(method=False)
def var_mean(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> Any:
    """Variance and mean, of all elements or along dim, as a tuple.

    var_mean(randn(3, 4))
    var_mean(randn(3, 4), 1, correction=0, keepdim=true)
    var_mean(randn(3, 4), 0, false)
    """
    dim, correction = _correction("var_mean", dim, unbiased, correction)
    return var_mean_of(input, dim, correction, keepdim)


@composite(method=False)
def std_mean(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> Any:
    """Standard deviation and mean, of all elements or along dim, as a tuple.

    std_mean(randn(3, 4))
    std_mean(randn(3, 4), 1, correction=0, keepdim=true)
    std_mean(randn(3, 4), 0, false)
    """
    dim, correction = _correction("std_mean", dim, unbiased, correction)
    return std_mean_of(input, dim, correction, keepdim)
