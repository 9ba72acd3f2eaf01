"""Elementary functions of one tensor, element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.derivative import pointwise
from gradsh.engine.dtypes import is_bfloat16, is_floating
from gradsh.engine.op import composite
from gradsh.engine.ops.conjugation import conjugate
from gradsh.engine.ops.pieces import bounded
from gradsh.engine.ops.pointwise import no_change, not_implemented, pow, where
from gradsh.engine.precision import SEEN_IN_FULL, fused_multiply_add, precise, single


@pointwise(input=lambda g, out: g * conjugate(out), result="float")
def exp(input):
    """e to the power input.

    exp(randn(3, 4))
    """
    return precise(np.exp, input)


@pointwise(input=lambda g, input: g / conjugate(input), result="float")
def log(input):
    """Natural logarithm of input.

    log(rand(3, 4) + 0.1)
    """
    return precise(np.log, input)


@pointwise(input=lambda g, out: g / conjugate(out * 2), result="float")
def sqrt(input):
    """Square root of input.

    sqrt(rand(3, 4) + 0.1)
    """
    return np.sqrt(input)


@pointwise(input=lambda g, input: g * conjugate(cos(input)), result="float")
def sin(input):
    """Sine of input, in radians.

    sin(randn(3, 4))
    """
    return precise(np.sin, input)


@pointwise(input=lambda g, input: g * conjugate(-sin(input)), result="float")
def cos(input):
    """Cosine of input, in radians.

    cos(randn(3, 4))
    """
    return precise(np.cos, input)


@pointwise(
    grad=lambda g, output: tanh_backward(g, conjugate(output)),
    output=lambda g, grad, output: conjugate(g) * (-2 * conjugate(output) * grad),
    hidden=True,
)
def tanh_backward(grad, output):
    """The cotangent of tanh's input, from its result and the result's cotangent."""
    return grad * conjugate(fused_multiply_add(-output, output, 1))


@pointwise(input=lambda g, out: tanh_backward(g, out), result="float", fused=True)
def tanh(input):
    """Hyperbolic tangent of input.

    tanh(randn(3, 4))
    """
    return precise(np.tanh, input)


@pointwise(
    grad=lambda g, output: sigmoid_backward(g, conjugate(output)),
    output=lambda g, grad, output: conjugate(g) * grad * (-2 * conjugate(output) + 1),
    hidden=True,
)
def sigmoid_backward(grad, output):
    """The cotangent of sigmoid's input, from its result and the result's cotangent."""
    if is_bfloat16(grad.dtype):  # PyTorch's kernel for it rounds once
        wide = single(output)
        return (single(grad) * (1 - wide) * wide).astype(grad.dtype)
    return grad * conjugate(1 - output) * conjugate(output)


@pointwise(input=lambda g, out: sigmoid_backward(g, out), result="float")
def sigmoid(input):
    """1 / (1 + exp(-input)).

    sigmoid(randn(3, 4))
    """
    return np.reciprocal(1 + precise(np.exp, -single(input))).astype(input.dtype, copy=False)


_BITS = {"f": np.int32, "d": np.int64}


@pointwise(
    grad=lambda g, activation: kept_where_active(g, activation),
    activation=lambda g: no_change(g),
    grad_fn="ThresholdBackwardBackward0",
    hidden=True,
)
def kept_where_active(grad, activation):
    """grad where activation is positive (or nan), zero elsewhere: relu's derivative."""
    dropped = np.less_equal(activation, 0)
    bits = _BITS.get(grad.dtype.char)
    if bits is None or type(grad) is not np.ndarray or grad.size <= SEEN_IN_FULL:
        return np.where(dropped, grad.dtype.type(0), grad)
    # no branches, which cost more than all the arithmetic where signs come as they like
    kept = (dropped.view(np.int8) - 1).astype(bits)
    return np.bitwise_and(grad.view(bits), kept).view(grad.dtype)


@pointwise(input=lambda g, out: kept_where_active(g, out))
def relu(input):
    """input where it is positive, zero elsewhere.

    relu(randn(3, 4))
    """
    if input.dtype.kind == "b":
        raise RuntimeError("Boolean inputs not supported for relu")
    if input.dtype.kind == "c":
        raise NotImplementedError("clamp is not supported for complex types")
    return bounded(input, input.dtype.type(0))


@pointwise(input=lambda g, input: g * sgn(input))
def abs(input):
    """input without its sign.

    abs(randn(3, 4))
    """
    if input.dtype.kind == "b":
        raise not_implemented("abs_cpu", input)
    return np.abs(input)


@pointwise(input=lambda g: no_change(g))
def sign(input):
    """-1, 0 or 1: the sign of input.

    sign(randn(3, 4))
    """
    if input.dtype.kind == "c":
        error = NotImplementedError(
            "Unlike NumPy, torch.sign is not intended to support complex numbers. Please use "
            "torch.sgn instead."
        )
        error.add_note("`sgn(x)` is x over its absolute value")
        raise error
    if input.dtype.kind == "b":
        return np.greater(input, False)
    if is_floating(input.dtype):  # of nan it is 0
        return np.subtract(input > 0, input < 0, dtype=input.dtype)
    return np.sign(input)


def _sgn_rule(g: Any, input: Any, out: Any) -> Any:
    """Of a complex number: the part of g across its direction, over its size."""
    if getattr(input, "array", input).dtype.kind != "c":
        return no_change(g)
    size = abs(input)
    along = getattr(g / out, "real") * out  # noqa: B009 (an array's or a tensor's attribute)
    return where(size == 0, 0, (g - along) / size)


@pointwise(input=_sgn_rule)
def sgn(input):
    """The direction of input: its sign, or for complex numbers input over its absolute value.

    sgn(randn(3, 4))
    """
    if input.dtype.kind != "c":
        return sign.op.forward(input)
    size = np.abs(input)
    return np.divide(input, size, out=np.zeros_like(input), where=size != 0)


@composite(in_place=True)
def square(input: Any) -> Any:
    """input times itself.

    square(randn(3, 4))
    """
    return pow(input, 2)
