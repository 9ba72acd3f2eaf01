"""Softmax and its logarithm: numbers along a dimension as probabilities."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand
from gradsh.engine.blocks import ONE, over_rows, products
from gradsh.engine.derivative import general
from gradsh.engine.dtypes import HALVES, DType
from gradsh.engine.op import composite
from gradsh.engine.ops.elementary import exp
from gradsh.engine.ops.pieces import refuse
from gradsh.engine.ops.pointwise import neg
from gradsh.engine.ops.reductions import sum
from gradsh.engine.ops.shape import to
from gradsh.engine.precision import (
    SEEN_IN_FULL,
    fused_multiply_add,
    left_over,
    precise,
    single,
)
from gradsh.engine.tensor import wrap_dim

Array = np.ndarray[Any, np.dtype[Any]]

# numpy's stubs cannot choose an overload for a `keepdims` that is a variable.
ADD: Any = np.add
MAXIMUM: Any = np.maximum


_SAFE = 20.0
"""Exponents up to here have powers that float32 holds with all their digits."""


def _along(body: Callable[..., Any], axis: int, *arrays: Array) -> Array:
    """`body(*arrays, axis, out)`, in blocks of rows where the axis is the last one in memory."""
    first = arrays[0]
    out = np.empty(first.shape, first.dtype)
    rows = first.size // first.shape[-1]
    if axis != first.ndim - 1 or not all(array.flags.c_contiguous for array in arrays):
        body(*arrays, axis, out)
        return out
    lines = [array.reshape(rows, -1) for array in (*arrays, out)]
    over_rows(
        lambda part: body(*(line[part] for line in lines[:-1]), 1, lines[-1][part]),
        rows,
        first.shape[-1],
    )
    return out


_LANES = 16
"""Numbers of single precision in a vector register of PyTorch's kernels for the last dimension."""


def _row_totals(rows: Array) -> Array:
    """The sums along the last dimension in the order in which PyTorch's kernels add few numbers.

    Fewer than a register's lanes are added in turn; more of them lane by lane, and then the
    lanes' halves together until one is left.
    """
    length = rows.shape[-1]
    if length < _LANES:
        return ADD.accumulate(rows, -1)[..., -1:]
    lanes = rows[..., :_LANES].copy()
    for start in range(_LANES, length, _LANES):
        more = rows[..., start : start + _LANES]
        lanes[..., : more.shape[-1]] += more
    while (half := lanes.shape[-1] // 2) > 0:
        lanes = lanes[..., :half] + lanes[..., half:]
    return lanes


def _total(values: Array, axis: int) -> Array:
    """The sum along axis, its dimension kept; of few numbers in PyTorch's order."""
    if values.size <= SEEN_IN_FULL and axis == values.ndim - 1:
        return _row_totals(values)
    return products(values, ONE, axis)


def _softmax_body(input: Array, axis: int, out: Array) -> None:
    largest = MAXIMUM.reduce(input, axis, keepdims=True)
    if out.size <= SEEN_IN_FULL:
        powers = precise(np.exp, input - largest)
        if axis == input.ndim - 1:
            np.multiply(powers, 1 / _row_totals(powers), out=out)
        else:
            np.divide(powers, ADD.reduce(powers, axis, keepdims=True), out=out)
        return
    if largest.min() > -_SAFE and largest.max() < _SAFE:
        np.exp(input, out=out)  # cannot overflow, nor lose what counts: one pass is saved
    else:
        np.subtract(input, largest, out=out)
        np.exp(out, out=out)
    np.multiply(out, 1 / products(out, ONE, axis), out=out)


def _log_softmax_body(input: Array, axis: int, out: Array) -> None:
    largest = MAXIMUM.reduce(input, axis, keepdims=True)
    np.subtract(input, largest, out=out)
    total = precise(np.log, _total(precise(np.exp, out), axis))
    np.subtract(out, total, out=out)


def _normalized(kernel: str, body: Callable[..., Any], input: Array, dim: int) -> Array:
    axis = wrap_dim(dim, input.ndim)
    last = axis == max(input.ndim, 1) - 1
    if input.size == 0:
        return np.empty(input.shape, input.dtype)
    refuse(f"{kernel}_lastdim_kernel_impl" if last else f"{kernel}_kernel_impl", "biuc", input)
    if not input.ndim:
        return _normalized(kernel, body, input.reshape(1), 0).reshape(())
    if input.dtype in HALVES:
        return _HALF_BODIES[body](single(input), axis, last, input.dtype).astype(input.dtype)
    return _along(body, axis, input)


def _half_softmax(input: Array, axis: int, last: bool, half: np.dtype[Any]) -> Array:
    """softmax of half precision.

    Off the last dimension PyTorch keeps the powers as halves, of what whole vectors leave over.
    """
    powers = precise(np.exp, input - MAXIMUM.reduce(input, axis, keepdims=True))
    total = ADD.reduce(powers, axis, keepdims=True)
    if not last:
        after = input.shape[axis + 1 :]
        alone = left_over(np.empty(after, half))
        powers = np.where(alone, powers.astype(half).astype(np.float32), powers)
    result: Array = powers / total
    return result


def _half_log_softmax(input: Array, axis: int, last: bool, half: np.dtype[Any]) -> Array:
    """log_softmax of half precision; in the last dimension PyTorch keeps the sums as halves."""
    result: Array = input - MAXIMUM.reduce(input, axis, keepdims=True)
    total = ADD.reduce(precise(np.exp, result), axis, keepdims=True)
    if last:
        total = total.astype(half).astype(np.float32)
        return result - precise(np.log, total).astype(half)
    result -= precise(np.log, total)
    return result


_HALF_BODIES: dict[Callable[..., Any], Callable[[Array, int, bool, np.dtype[Any]], Array]] = {
    _softmax_body: _half_softmax,
    _log_softmax_body: _half_log_softmax,
}


def _softmax_cotangent_body(grad: Array, output: Array, axis: int, out: Array) -> None:
    if out.size <= SEEN_IN_FULL:
        total = _total(grad * output, axis)
    else:
        total = products(grad, output, axis)
    np.subtract(grad, total, out=out)
    np.multiply(out, output, out=out)


def _log_softmax_cotangent_body(grad: Array, output: Array, axis: int, out: Array) -> None:
    if out.size <= SEEN_IN_FULL:
        out[...] = fused_multiply_add(-precise(np.exp, output), _total(grad, axis), grad)
        return
    np.exp(output, out=out)
    np.multiply(out, products(grad, ONE, axis), out=out)
    np.subtract(grad, out, out=out)


def _cotangent(body: Callable[..., Any], grad: Array, output: Array, dim: int) -> Array:
    if output.size == 0:
        return np.zeros(output.shape, output.dtype)
    if not output.ndim:
        return _cotangent(body, grad.reshape(1), output.reshape(1), 0).reshape(())
    axis = wrap_dim(dim, output.ndim)
    return _along(body, axis, single(grad), single(output)).astype(output.dtype, copy=False)


def _through_softmax_cotangent(g: Any, grad: Any, output: Any, dim: int) -> Any:
    return g * (grad - sum(grad * output, dim, True)) - grad * sum(g * output, dim, True)


@general(
    grad=lambda g, output, dim: softmax_cotangent(g, output, dim),
    output=_through_softmax_cotangent,
    grad_fn="SoftmaxBackwardDataBackward0",
    hidden=True,
)
def softmax_cotangent(grad: Operand, output: Operand, dim: int):
    """The cotangent of softmax's input: (grad - sum(grad * output)) * output."""
    return _cotangent(_softmax_cotangent_body, grad, output, dim)


@general(
    grad=lambda g, output, dim: g - sum(g * exp(output), dim, True),
    output=lambda g, grad, output, dim: -(g * exp(output) * sum(grad, dim, True)),
    grad_fn="LogSoftmaxBackwardDataBackward0",
    hidden=True,
)
def log_softmax_cotangent(grad: Operand, output: Operand, dim: int):
    """The cotangent of log_softmax's input: grad - exp(output) * sum(grad)."""
    return _cotangent(_log_softmax_cotangent_body, grad, output, dim)


@general(
    input=lambda g, out, dim: softmax_cotangent(g, out, dim),
    grad_fn="SoftmaxBackward0",
    hidden=True,
)
def softmax_of(input: Operand, dim: int):
    """exp(input) over its sum along dim."""
    return _normalized("softmax", _softmax_body, input, dim)


@general(
    input=lambda g, out, dim: log_softmax_cotangent(g, out, dim),
    grad_fn="LogSoftmaxBackward0",
    hidden=True,
)
def log_softmax_of(input: Operand, dim: int):
    """The logarithm of softmax."""
    return _normalized("log_softmax", _log_softmax_body, input, dim)


@general(
    input=lambda g, out, dim: softmax_cotangent(g, out, dim),
    grad_fn="SafeSoftmaxBackward0",
    hidden=True,
)
def safe_softmax_of(input: Operand, dim: int):
    """softmax, with zeros where all along dim is -inf."""
    result = _normalized("softmax", _softmax_body, input, dim)
    if not input.size:
        return result
    hidden = np.isneginf(MAXIMUM.reduce(input, dim, keepdims=True))
    return np.where(hidden, input.dtype.type(0), result) if hidden.any() else result


def _chosen_dim(name: str, dim: int | None, input: Any) -> int:
    """`dim`, or the one that PyTorch once chose by the number of dimensions, with its warning."""
    if dim is not None:
        return dim
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include "
        "dim=X as an argument.",
        stacklevel=3,
    )
    return 0 if input.ndim in (0, 1, 3) else 1


def _converted(input: Any, dtype: DType | None) -> Any:
    return input if dtype is None else to(input, dtype)


@composite()
def softmax(input: Any, dim: Any = None, *, dtype: DType | None = None) -> Any:
    """Probabilities along dim: exp(input) over its sum, without overflow.

    dtype converts input first.

    softmax(randn(3, 4), 1)
    softmax(randn(3, 4), 0)
    softmax(randn(2, 3, 4), -2, dtype=float64)
    """
    dim = _chosen_dim("softmax", dim, input)
    return softmax_of(_converted(input, dtype), dim)


@composite()
def log_softmax(input: Any, dim: Any = None, *, dtype: DType | None = None) -> Any:
    """Logarithms of probabilities along dim: input minus log(sum(exp(input))).

    dtype converts input first.

    log_softmax(randn(3, 4), 1)
    log_softmax(randn(3, 4), 0)
    log_softmax(randn(2, 3, 4), -2, dtype=float64)
    """
    dim = _chosen_dim("log_softmax", dim, input)
    return log_softmax_of(_converted(input, dtype), dim)


@composite(method=False)
def softmin(input: Any, dim: Any = None, *, dtype: DType | None = None) -> Any:
    """softmax of -input: the smallest number gets the largest probability.

    softmin(randn(3, 4), 1)
    softmin(randn(3, 4), 0, dtype=float64)
    """
    dim = _chosen_dim("softmin", dim, input)
    return softmax_of(_converted(neg(input), dtype), dim)
