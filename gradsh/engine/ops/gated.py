"""Nonlinear functions of networks with gates, learned slopes and random slopes."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine import random
from gradsh.engine.arguments import Operand, check_tensors
from gradsh.engine.derivative import general, pointwise
from gradsh.engine.dtypes import FLOAT, float16
from gradsh.engine.op import composite
from gradsh.engine.ops.activations import leaky_cotangent
from gradsh.engine.ops.elementary import sigmoid
from gradsh.engine.ops.partition import chunk
from gradsh.engine.ops.pieces import choose, refuse
from gradsh.engine.ops.pointwise import no_change, not_implemented
from gradsh.engine.ops.shape import cat, expand, view
from gradsh.engine.precision import precise, single
from gradsh.engine.tensor import wrap_dim

_FIXED_SLOPE = 1e-6
"""A range of slopes narrower than this is a single slope."""


def _glu_rule(g: Any, input: Any, dim: int) -> Any:
    value, gate = chunk(input, 2, dim)
    open_part = sigmoid(gate)
    return cat([open_part * g, (1 - open_part) * open_part * g * value], dim)


@general(input=_glu_rule, grad_fn="GluBackward0", hidden=True, fused=True)
def glu_of(input: Operand, dim: int):
    """The first half of input along dim, times the sigmoid of the second."""
    refuse("glu_cpu", "biuc", input)
    value, gate = np.split(single(input), 2, wrap_dim(dim, input.ndim))
    return np.asarray(value / (precise(np.exp, -gate) + 1)).astype(input.dtype, copy=False)


@composite(method=False)
def glu(input: Any, dim: int = -1) -> Any:
    """The gated linear unit: the first half of input along dim, times the sigmoid of the second.

    Source: Dauphin et al., Language Modeling with Gated Convolutional Networks (2016).

    glu(randn(3, 4))
    glu(randn(4, 3), 0)
    """
    check_tensors("glu", input=input)
    if not input.ndim:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    axis = wrap_dim(dim, input.ndim)
    length = input.shape[axis]
    if length % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {axis} is size {length}")
    return glu_of(input, dim)


@pointwise(
    input=lambda g, input, weight: choose_slope(g, input, weight),
    weight=lambda g, input: slope_cotangent(g, input),
    grad_fn="PreluKernelBackward0",
    hidden=True,
)
def prelu_kernel(input, weight):
    """input where it is positive, weight * input elsewhere."""
    refuse("prelu_cpu", "biuc", input)
    result = np.where(input > 0, input, single(weight) * single(input))
    return result.astype(input.dtype, copy=False)


@pointwise(
    grad=lambda g, input, weight: choose_slope(g, input, weight),
    weight=lambda g, grad, input: choose(input >= 0, 0, g * grad),
    grad_fn="PreluKernelBackwardBackward0",
    hidden=True,
)
def choose_slope(grad, input, weight):
    """grad where input is positive, weight * grad elsewhere."""
    result = np.where(input > 0, grad, single(weight) * single(grad))
    return result.astype(grad.dtype, copy=False)


@pointwise(
    grad=lambda g, input: slope_cotangent(g, input),
    input=lambda g, grad, input: choose(input >= 0, 0, g * grad),
    grad_fn="PreluKernelBackwardBackward0",
    hidden=True,
)
def slope_cotangent(grad, input):
    """grad * input where input is not positive, zero elsewhere: the cotangent of the slopes."""
    return np.where(input > 0, 0, input * grad)


@composite()
def prelu(input: Any, weight: Any) -> Any:
    """input where it is positive, weight * input elsewhere.

    weight holds one slope, or one for each channel, which is dimension 1 of input.
    Source: He et al., Delving Deep into Rectifiers (2015).

    prelu(randn(3, 4), rand(1))
    prelu(randn(3, 4), rand(4))
    prelu(randn(2, 3, 4), rand(3))
    """
    check_tensors("prelu", input=input, weight=weight)
    if input.dtype is not weight.dtype:
        raise RuntimeError(
            "prelu: Type promoting not supported. "
            f"Got {input.dtype.type_name} and {weight.dtype.type_name}"
        )
    count = weight.array.size
    if count != 1:
        if not input.ndim:
            raise RuntimeError("Not allow zero-dim input tensor.")
        channels = input.shape[1] if input.ndim > 1 else 1
        if channels != count:
            raise RuntimeError(
                "Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                f"{count} and channel size = {channels}."
            )
    if weight.ndim > 1:
        raise RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}"
        )
    slopes = weight
    if input.ndim < 2 and weight.ndim != input.ndim:
        slopes = view(weight, (1,) * input.ndim)
    elif input.ndim > 1:
        slopes = view(weight, (1, count, *(1,) * (input.ndim - 2)))
    return prelu_kernel(input, expand(slopes, input.shape))


def _random_slope_rule(g: Any, input: Any, slope: float, noise: Any) -> Any:
    if noise is None:
        return leaky_cotangent(g, input, slope)
    return noisy_cotangent(g, input, noise)


@pointwise(
    grad=lambda g, input, noise: noisy_cotangent(g, input, noise),
    input=lambda g: no_change(g),
    grad_fn="RreluWithNoiseBackwardBackward0",
    hidden=True,
)
def noisy_cotangent(grad: Operand, input: Operand, noise: Any):
    """grad times the slope that was drawn for each element of input."""
    return grad * noise


@general(input=_random_slope_rule, grad_fn="RreluWithNoiseBackward0", fused=True, hidden=True)
def rrelu_of(input: Operand, slope: float, noise: Any):
    """input where it is positive; elsewhere times `slope`, or by `noise` everywhere."""
    if noise is not None:
        return np.where(input <= 0, input * noise, input)
    refuse("leaky_relu_cpu", "biuc", input)
    result = np.where(input > 0, input, single(input) * slope)
    return result.astype(input.dtype, copy=False)


@composite()
def rrelu(
    input: Any,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
) -> Any:
    """input where it is positive, elsewhere times a slope from lower to upper.

    The slope is random for each element in training, otherwise the middle of the range.
    Source: Xu et al., Empirical Evaluation of Rectified Activations (2015).

    rrelu(randn(3, 4))
    rrelu(randn(3, 4), 0.1, 0.4)
    rrelu(randn(3, 4), training=true)
    """
    check_tensors("rrelu", input=input)
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    noise = None
    if training and upper - lower > _FIXED_SLOPE:
        if input.dtype.category != FLOAT or input.dtype is float16:
            raise not_implemented("rrelu_with_noise_out_cpu", input.array)
        falling = input.array <= 0
        noise = np.ones(input.array.shape, input.array.dtype)
        count = int(np.count_nonzero(falling))
        noise[falling] = random.default_generator.uniform(lower, upper, (count,), np.float64)
    slope = (lower + upper) / 2
    return rrelu_of(input, slope, noise)
