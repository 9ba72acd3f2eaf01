"""Nonlinear functions of networks made of straight pieces: shrinking, thresholds, hard curves."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import Number, Operand
from gradsh.engine.derivative import pointwise
from gradsh.engine.dtypes import FROM_NUMPY
from gradsh.engine.op import composite
from gradsh.engine.ops.elementary import tanh
from gradsh.engine.ops.pieces import choose, kept, refuse
from gradsh.engine.ops.pointwise import no_change, sub_scaled
from gradsh.engine.precision import single
from gradsh.engine.scalars import number_array, stored_number

_SIXTH = np.float32(1 / 6)
"""PyTorch holds this constant in single precision."""


@pointwise(
    grad=lambda g, input, lambd: outside_cotangent(g, input, lambd),
    input=lambda g: no_change(g),
    grad_fn="HardshrinkBackwardBackward0",
    hidden=True,
)
def outside_cotangent(grad: Operand, input: Operand, lambd: Number):
    """grad where input lies outside of -lambd..lambd, zero inside."""
    bound = number_array(lambd, input.dtype)
    return np.where((input >= -bound) & (input <= bound), 0, grad)


@pointwise(input=lambda g, input, lambd: outside_cotangent(g, input, lambd), in_place=False)
def hardshrink(input: Operand, lambd: Number = 0.5):
    """input where it lies outside of -lambd..lambd, 0 inside.

    hardshrink(randn(3, 4))
    hardshrink(randn(3, 4), 0.2)
    """
    refuse("hardshrink_cpu", "biuc", input)
    bound = number_array(lambd, input.dtype)
    return np.where((input >= -bound) & (input <= bound), 0, input)


def _check_shrinkage(lambd: Any, storage: np.dtype[Any]) -> None:
    """PyTorch's error for a lambd that is negative or beyond the input's type."""
    largest = FROM_NUMPY[storage].finfo.max
    if not 0 <= lambd <= largest:
        raise RuntimeError(
            f"lambda must be in range [0, {largest:g}] for input dtype "
            f"{FROM_NUMPY[storage].type_name}, but found {lambd:g}"
        )


@pointwise(
    input=lambda g, input, lambd: outside_cotangent(g, input, lambd), method=False, in_place=False
)
def softshrink(input: Operand, lambd: Number = 0.5):
    """input brought nearer to zero by lambd, and 0 where it was nearer than that.

    softshrink(randn(3, 4))
    softshrink(randn(3, 4), 0.2)
    """
    refuse("softshrink_check", "biuc", input)
    _check_shrinkage(lambd, input.dtype)
    value = single(input)
    bound = number_array(lambd, value.dtype)
    nearer = np.where(value < -bound, value + bound, value * 0)
    result = np.where(value > bound, value - bound, nearer)
    return result.astype(input.dtype, copy=False)


@composite(method=False)
def tanhshrink(input: Any) -> Any:
    """input - tanh(input).

    tanhshrink(randn(3, 4))
    """
    return sub_scaled(input, tanh(input))


@pointwise(
    grad=lambda g, input, threshold: above_cotangent(g, input, threshold),
    input=lambda g: no_change(g),
    grad_fn="ThresholdBackwardBackward0",
    hidden=True,
)
def above_cotangent(grad: Operand, input: Operand, threshold: Number):
    """grad where input is above threshold, zero elsewhere."""
    return np.where(input <= number_array(threshold, input.dtype), 0, grad)


@pointwise(
    input=lambda g, input, threshold: above_cotangent(g, input, threshold),
    grad_fn="ThresholdBackward0",
    hidden=True,
)
def threshold_of(input: Operand, threshold: Number, value: Number):
    """input where it is above threshold, value elsewhere."""
    refuse("threshold_cpu", "bc", input)
    bound, other = (stored_number(number, input.dtype) for number in (threshold, value))
    return np.where(input <= bound, other, input)


@composite(method=False)
def threshold(input: Any, threshold: Any, value: Any) -> Any:
    """input where it is above threshold, value elsewhere.

    threshold(randn(3, 4), 0.1, 20)
    threshold(randn(3, 4), threshold=-0.5, value=-1.0)
    """
    return threshold_of(input, threshold, value)


def _ramp(input: Any) -> Any:
    """input + 3, but at least 0 and at most 6."""
    return np.minimum(np.maximum(input + 3, 0), 6)


def _hardsigmoid_curvature(g: Any) -> Any:
    raise RuntimeError("derivative for aten::hardsigmoid_backward is not implemented")


@pointwise(
    grad=_hardsigmoid_curvature, input=_hardsigmoid_curvature, grad_fn="NotImplemented", hidden=True
)
def hardsigmoid_cotangent(grad: Operand, input: Operand):
    """A sixth of grad where input lies between -3 and 3, zero elsewhere."""
    slope = np.where((input > -3) & (input < 3), single(grad) * _SIXTH, 0)
    return slope.astype(grad.dtype, copy=False)


@pointwise(input=lambda g, input: hardsigmoid_cotangent(g, input), method=False, in_place=False)
def hardsigmoid(input):
    """A sigmoid of straight pieces: 0 up to -3, 1 from 3 on, input / 6 + 1 / 2 between.

    Source: Howard et al., Searching for MobileNetV3 (2019).

    hardsigmoid(randn(3, 4) * 3)
    """
    refuse("hardsigmoid_cpu", "biuc", input)
    return (_ramp(single(input)) / 6).astype(input.dtype, copy=False)


@pointwise(
    grad=lambda g, input: hardswish_cotangent(g, input),
    input=lambda g, grad, input: kept(g * grad / 3, (input > -3) & (input < 3)),
    grad_fn="HardswishBackwardBackward0",
    hidden=True,
)
def hardswish_cotangent(grad: Operand, input: Operand):
    """The cotangent of hardswish's input."""
    value, g = single(input), single(grad)
    slope = choose(value <= -3, 0, choose(value < 3, g * (value / 3 + value.dtype.type(0.5)), g))
    return slope.astype(grad.dtype, copy=False)


@pointwise(input=lambda g, input: hardswish_cotangent(g, input), method=False, in_place=False)
def hardswish(input):
    """input * hardsigmoid(input).

    hardswish(randn(3, 4) * 3)
    """
    refuse("hardswish_cpu", "biuc", input)
    value = single(input)
    return (value * _ramp(value) / 6).astype(input.dtype, copy=False)
