"""Elementary functions of one tensor, element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.derivative import pointwise
from gradsh.engine.op import composite
from gradsh.engine.ops.pointwise import no_change, not_implemented, pow
from gradsh.engine.precision import precise


@pointwise(input=lambda g, out: g * out, result="float")
def exp(input):
    """e to the power input.

    exp(randn(3, 4))
    """
    return precise(np.exp, input)


@pointwise(input=lambda g, input: g / input, result="float")
def log(input):
    """Natural logarithm of input.

    log(rand(3, 4) + 0.1)
    """
    return precise(np.log, input)


@pointwise(input=lambda g, out: g / (out * 2), result="float")
def sqrt(input):
    """Square root of input.

    sqrt(rand(3, 4) + 0.1)
    """
    return np.sqrt(input)


@pointwise(input=lambda g, input: g * cos(input), result="float")
def sin(input):
    """Sine of input, in radians.

    sin(randn(3, 4))
    """
    return precise(np.sin, input)


@pointwise(input=lambda g, input: g * -sin(input), result="float")
def cos(input):
    """Cosine of input, in radians.

    cos(randn(3, 4))
    """
    return precise(np.cos, input)


@pointwise(input=lambda g, out: g * (1 - out * out), result="float")
def tanh(input):
    """Hyperbolic tangent of input.

    tanh(randn(3, 4))
    """
    return precise(np.tanh, input)


@pointwise(input=lambda g, out: g * ((1 - out) * out), result="float")
def sigmoid(input):
    """1 / (1 + exp(-input)).

    sigmoid(randn(3, 4))
    """
    return np.reciprocal(1 + precise(np.exp, -input))


@pointwise(
    grad=lambda g, activation: threshold(g, activation),
    activation=lambda g: no_change(g),
    grad_fn="ThresholdBackwardBackward0",
    hidden=True,
)
def threshold(grad, activation):
    """grad where activation is positive (or nan), zero elsewhere: relu's derivative."""
    return np.where(np.less_equal(activation, 0), grad.dtype.type(0), grad)


@pointwise(input=lambda g, out: threshold(g, out))
def relu(input):
    """input where it is positive, zero elsewhere.

    relu(randn(3, 4))
    """
    if input.dtype.kind == "b":
        raise RuntimeError("Boolean inputs not supported for relu")
    return np.maximum(input, input.dtype.type(0))


@pointwise(input=lambda g, input: g * sign(input))
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
    if input.dtype.kind == "b":
        return np.greater(input, False)
    if input.dtype.kind == "f":  # of nan it is 0
        return np.subtract(input > 0, input < 0, dtype=input.dtype)
    return np.sign(input)


@composite(in_place=True)
def square(input: Any) -> Any:
    """input times itself.

    square(randn(3, 4))
    """
    return pow(input, 2)
