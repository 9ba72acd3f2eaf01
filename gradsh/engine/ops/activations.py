"""The nonlinear functions of networks, element by element."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand
from gradsh.engine.derivative import pointwise
from gradsh.engine.op import composite
from gradsh.engine.ops.elementary import abs, exp, sigmoid, tanh
from gradsh.engine.ops.pieces import bounded, choose, kept, refuse, refuse_complex_gradient
from gradsh.engine.ops.pointwise import div, no_change
from gradsh.engine.ops.special import erf, error_function_of
from gradsh.engine.precision import fused_multiply_add, precise, rounded_once, single

_SELU_SCALE = 1.0507009873554804934193349852946
_SELU_ALPHA = 1.6732632423543772848170429916717
"""The fixed point of mean 0 and variance 1: Klambauer et al., Self-Normalizing Networks (2017)."""

_TANH_SCALE = math.sqrt(2 / math.pi)
_TANH_CUBIC = 0.044715
"""The approximation by a tanh: Hendrycks and Gimpel, Gaussian Error Linear Units (2016)."""


def _leaky_rule(g: Any, input: Any, negative_slope: float) -> Any:
    return np.where(input > 0, g, g * negative_slope)


@pointwise(
    grad=lambda g, input, negative_slope: leaky_cotangent(g, input, negative_slope),
    input=lambda g: no_change(g),
    grad_fn="LeakyReluBackwardBackward0",
    hidden=True,
)
def leaky_cotangent(grad: Operand, input: Operand, negative_slope: float):
    """grad where input is positive, negative_slope * grad elsewhere."""
    return rounded_once(_leaky_rule)(grad, input, negative_slope)


@pointwise(
    input=lambda g, input, negative_slope: leaky_cotangent(g, input, negative_slope), fused=True
)
def leaky_relu(input, negative_slope: float = 0.01):
    """input where it is positive, negative_slope * input elsewhere.

    leaky_relu(randn(3, 4))
    leaky_relu(randn(3, 4), 0.2)
    """
    refuse("leaky_relu_cpu", "biuc", input)
    result = np.where(input > 0, input, single(input) * negative_slope)
    return result.astype(input.dtype, copy=False)


def _elu_rule(g: Any, input: Any, alpha: float, scale: float, input_scale: float) -> Any:
    # above zero exp could overflow, and inf times 0 is nan; PyTorch's second derivative at 0 is 0
    low = kept(input, input < 0)
    return choose(input <= 0, g * input_scale * (alpha * scale) * exp(low * input_scale), g * scale)


def _elu_curvature(
    g: Any, grad: Any, input: Any, alpha: float, scale: float, input_scale: float
) -> Any:
    low = kept(input, input < 0)
    factor = input_scale * input_scale * alpha * scale
    return choose(input < 0, g * grad * (exp(low * input_scale) * factor), no_change(g))


@pointwise(
    grad=lambda g, input, alpha, scale, input_scale: elu_cotangent(
        g, input, alpha, scale, input_scale
    ),
    input=_elu_curvature,
    grad_fn="EluBackwardBackward0",
    hidden=True,
)
def elu_cotangent(grad, input, alpha: float, scale: float, input_scale: float):
    """The cotangent of elu's input."""
    return rounded_once(_elu_rule)(grad, input, alpha, scale, input_scale)


@pointwise(
    input=lambda g, input, alpha, scale, input_scale: elu_cotangent(
        g, input, alpha, scale, input_scale
    ),
    grad_fn="EluBackward0",
    fused=True,
    hidden=True,
)
def elu_of(input, alpha: float, scale: float, input_scale: float):
    """scale * input above zero, scale * alpha * (exp(input_scale * input) - 1) below."""
    return _elu(input, alpha, scale, input_scale)


@pointwise(
    input=lambda g, input, alpha, scale, input_scale: elu_cotangent(
        g, input, alpha, scale, input_scale
    ),
    grad_fn="CeluBackward0",
    fused=True,
    hidden=True,
)
def celu_of(input, alpha: float, scale: float, input_scale: float):
    """input above zero, alpha * (exp(input / alpha) - 1) below."""
    return _elu(input, alpha, scale, input_scale)


def _elu(input: Any, alpha: float, scale: float, input_scale: float) -> Any:
    refuse("elu_cpu", "biuc", input)
    value = single(input)
    result = np.where(
        value < 0, precise(np.expm1, value * input_scale) * (alpha * scale), value * scale
    )
    return result.astype(input.dtype, copy=False)


@composite(in_place=True)
def elu(input: Any, alpha: float = 1.0) -> Any:
    """input where it is positive, alpha * (exp(input) - 1) elsewhere.

    elu(randn(3, 4))
    elu(randn(3, 4), 0.5)
    """
    return elu_of(input, alpha, 1.0, 1.0)


@composite(in_place=True)
def selu(input: Any) -> Any:
    """elu with the constants that keep a network's values at mean 0 and variance 1.

    selu(randn(3, 4))
    """
    return elu_of(input, _SELU_ALPHA, _SELU_SCALE, 1.0)


@composite(in_place=True)
def celu(input: Any, alpha: float = 1.0) -> Any:
    """input where it is positive, alpha * (exp(input / alpha) - 1) elsewhere.

    celu(randn(3, 4))
    celu(randn(3, 4), 0.5)
    """
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return celu_of(input, alpha, 1.0, 1.0 / alpha)


def _gelu_rule(g: Any, input: Any, approximate: str) -> Any:
    if approximate == "tanh":
        square = input * input
        t = tanh((input + input * square * _TANH_CUBIC) * _TANH_SCALE)
        slope = (square * (3 * _TANH_CUBIC) + 1) * _TANH_SCALE
        return g * ((t + 1) * 0.5 + input * 0.5 * (1 - t * t) * slope)
    normal = (erf(input * math.sqrt(0.5)) + 1) * 0.5
    density = exp(input * input * -0.5) * (1 / math.sqrt(2 * math.pi))
    return g * (normal + input * density)


@pointwise(input=_gelu_rule, fused=True, in_place=False)
def gelu(input, *, approximate: str = "none"):
    """input times the probability that a normal variable is below it.

    approximate "tanh" computes it by a tanh; "none", exactly, needs scipy.

    gelu(randn(3, 4))
    gelu(randn(3, 4), approximate="tanh")
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    refuse("GeluKernelImpl", "biuc", input)
    value = single(input)
    if approximate == "tanh":
        inner = (value + _TANH_CUBIC * (value * value * value)) * _TANH_SCALE
        result = value * 0.5 * (precise(np.tanh, inner) + 1)
    else:
        result = value * 0.5 * (error_function_of(value * math.sqrt(0.5), "gelu") + 1)
    return result.astype(input.dtype, copy=False)


def _silu_rule(g: Any, input: Any) -> Any:
    gate = sigmoid(input)
    return g * gate * fused_multiply_add(input, 1 - gate, 1)


@composite(in_place=True)
def silu(input: Any) -> Any:
    """input * sigmoid(input).

    silu(randn(3, 4))
    """
    refuse_complex_gradient("silu", input)
    return silu_of(input)


@pointwise(input=_silu_rule, grad_fn="SiluBackward0", fused=True, hidden=True)
def silu_of(input):
    """input * sigmoid(input)."""
    refuse("silu_cpu", "biu", input)
    value = single(input)
    return (value / (precise(np.exp, -value) + 1)).astype(input.dtype, copy=False)


@pointwise(
    grad=lambda g, input: log_sigmoid_cotangent(g, input),
    input=lambda g, grad, input: g * grad * (sigmoid(input) - 1) * sigmoid(input),
    grad_fn="LogSigmoidBackwardBackward0",
    hidden=True,
)
def log_sigmoid_cotangent(grad: Operand, input: Operand):
    """The cotangent of input for the cotangent grad of logsigmoid."""
    z = single(np.exp(-np.abs(input)))
    part = z / (z + 1)
    slope = np.where(input < 0, 1 - part, part)
    return (single(grad) * slope).astype(input.dtype, copy=False)


@pointwise(
    input=lambda g, input: log_sigmoid_cotangent(g, input),
    grad_fn="LogSigmoidBackward0",
    in_place=False,
    method=False,
)
def logsigmoid(input):
    """The logarithm of sigmoid(input), exact for large input.

    logsigmoid(randn(3, 4))
    """
    refuse("log_sigmoid_cpu", "biuc", input)
    value = single(input)
    curve = precise(np.log1p, precise(np.exp, -np.abs(value)))
    return (np.minimum(value, 0) - curve).astype(input.dtype, copy=False)


def _mish_rule(g: Any, input: Any) -> Any:
    gate = tanh(softplus(input))
    return g * (gate + input * sigmoid(input) * (1 - gate * gate))


@pointwise(input=_mish_rule, fused=True)
def mish(input):
    """input * tanh(softplus(input)).

    mish(randn(3, 4))
    """
    refuse("mish_cpu", "biuc", input)
    value = single(input)
    return (value * precise(lambda x: np.tanh(np.log1p(np.exp(x))), value)).astype(
        input.dtype, copy=False
    )


def _softplus_rule(g: Any, input: Any, beta: float, threshold: float) -> Any:
    scaled = input * beta
    curved = choose(scaled < threshold, scaled, threshold)  # flat from the threshold on
    power = exp(curved)
    return choose(scaled > threshold, g, g * power / (power + 1))


def _softplus_curvature(g: Any, grad: Any, input: Any, beta: float, threshold: float) -> Any:
    scaled = input * beta
    slope = sigmoid(choose(scaled < threshold, scaled, threshold))
    return choose(scaled < threshold, g * grad * (slope * (1 - slope) * beta), no_change(g))


@pointwise(
    grad=lambda g, input, beta, threshold: softplus_cotangent(g, input, beta, threshold),
    input=_softplus_curvature,
    grad_fn="SoftplusBackwardBackward0",
    hidden=True,
)
def softplus_cotangent(grad, input, beta: float, threshold: float):
    """The cotangent of softplus's input."""
    return rounded_once(_softplus_rule)(grad, input, beta, threshold)


@pointwise(
    input=lambda g, input, beta, threshold: softplus_cotangent(g, input, beta, threshold),
    fused=True,
    in_place=False,
)
def softplus(input, beta: float = 1, threshold: float = 20):
    """log(1 + exp(beta * input)) / beta; input itself where beta * input is above threshold.

    softplus(randn(3, 4))
    softplus(randn(3, 4), 2, 1)
    """
    refuse("softplus_cpu", "biuc", input)
    value = single(input)
    scaled = value * beta
    curve = precise(np.log1p, precise(np.exp, scaled)) / value.dtype.type(beta)
    return np.where(scaled > threshold, value, curve).astype(input.dtype, copy=False)


@composite()
def softsign(input: Any) -> Any:
    """input / (1 + abs(input)).

    softsign(randn(3, 4))
    """
    return div(input, abs(input) + 1)


@pointwise(
    grad=lambda g, input, min_val, max_val: between_cotangent(g, input, min_val, max_val),
    input=lambda g: no_change(g),
    grad_fn="HardtanhBackwardBackward0",
    hidden=True,
)
def between_cotangent(grad: Operand, input: Operand, min_val: float, max_val: float):
    """grad where input lies between the bounds, zero elsewhere."""
    return np.where((input > min_val) & (input < max_val), grad, 0)


@pointwise(
    input=lambda g, input, min_val, max_val: between_cotangent(g, input, min_val, max_val),
    grad_fn="HardtanhBackward0",
    hidden=True,
)
def hardtanh_of(input: Operand, min_val: float, max_val: float):
    """input, but at least min_val and at most max_val, in input's type."""
    if input.dtype.kind == "b":
        raise RuntimeError("Bool inputs not supported for hardtanh")
    if input.dtype.kind == "c":
        raise NotImplementedError("clamp is not supported for complex types")
    if input.dtype.kind == "u" and int(min_val) < 0:
        raise RuntimeError("cannot do hardtanh on an unsigned type with negative limits")
    kind = input.dtype.type
    return bounded(input, kind(min_val), kind(max_val))


@composite(in_place=True)
def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """input, but at least min_val and at most max_val.

    hardtanh(randn(3, 4))
    hardtanh(randn(3, 4), -0.5, 0.25)
    """
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    return hardtanh_of(input, min_val, max_val)


@composite(in_place=True)
def relu6(input: Any) -> Any:
    """input, but at least 0 and at most 6.

    relu6(randn(3, 4) * 5)
    """
    return hardtanh_of(input, 0.0, 6.0)
