"""Exponentials, logarithms, and trigonometric and hyperbolic functions.

Derivatives: https://dlmf.nist.gov/4 (elementary functions); of a function of a complex number
the conjugate, PyTorch's convention, so that the gradient is the direction of steepest ascent.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand
from gradsh.engine.derivative import pointwise
from gradsh.engine.dtypes import NUMBER_CATEGORY, is_floating
from gradsh.engine.op import composite
from gradsh.engine.ops.conjugation import conjugate
from gradsh.engine.ops.elementary import cos, exp, sin
from gradsh.engine.ops.pieces import array_of, choose, kept, refuse
from gradsh.engine.ops.pointwise import neg, pow, reciprocal
from gradsh.engine.precision import precise, reciprocal_root, single
from gradsh.engine.tensor import Tensor

LN2 = math.log(2)
LN10 = math.log(10)


@pointwise(input=lambda g, out: g * conjugate(out) * LN2, result="float")
def exp2(input):
    """2 to the power input.

    exp2(randn(3, 4))
    """
    return (
        precise(np.exp2, input)
        if is_floating(input.dtype)
        else np.exp(input * input.dtype.type(LN2))
    )


@pointwise(input=lambda g, out: g * (conjugate(out) + 1), result="float")
def expm1(input):
    """exp(input) - 1, exact for small input.

    expm1(randn(3, 4))
    """
    return precise(np.expm1, input)


@pointwise(input=lambda g, input: g / (conjugate(input) * LN2), result="float")
def log2(input):
    """Logarithm of input to base 2.

    log2(rand(3, 4) + 0.1)
    """
    return precise(np.log2, input)


@pointwise(input=lambda g, input: g / (conjugate(input) * LN10), result="float")
def log10(input):
    """Logarithm of input to base 10.

    log10(rand(3, 4) + 0.1)
    """
    return precise(np.log10, input)


@pointwise(
    input=lambda g, input: g / conjugate(input + 1),
    result="float",
    grad_fn="Log1PBackward0",
)
def log1p(input):
    """log(1 + input), exact for small input.

    log1p(rand(3, 4))
    """
    return precise(np.log1p, input)


@pointwise(input=lambda g, out: g * -0.5 * conjugate(pow(out, 3)), result="float")
def rsqrt(input):
    """One over the square root of input.

    rsqrt(rand(3, 4) + 0.1)
    """
    return reciprocal_root(input).astype(input.dtype, copy=False)


@pointwise(input=lambda g, out: g * conjugate(out * out + 1), result="float")
def tan(input):
    """Tangent of input, in radians.

    tan(randn(3, 4))
    """
    return precise(np.tan, input)


@pointwise(input=lambda g, input: g * conjugate(rsqrt(-input * input + 1)), result="float")
def asin(input):
    """Inverse sine of input.

    asin(rand(3, 4) * 1.8 - 0.9)
    """
    return precise(np.arcsin, input)


@pointwise(input=lambda g, input: g * conjugate(-rsqrt(-input * input + 1)), result="float")
def acos(input):
    """Inverse cosine of input.

    acos(rand(3, 4) * 1.8 - 0.9)
    """
    return precise(np.arccos, input)


@pointwise(input=lambda g, input: g / conjugate(input * input + 1), result="float")
def atan(input):
    """Inverse tangent of input.

    atan(randn(3, 4))
    """
    return precise(np.arctan, input)


def _inverse_square(input: Any, other: Any) -> Any:
    """One over the squared distance from the origin; at the origin zero, by convention."""
    square = input * input + other * other
    return choose(square == 0, 0, reciprocal(square))


@pointwise(
    input=lambda g, input, other: g * other * _inverse_square(input, other),
    other=lambda g, input, other: g * neg(input) * _inverse_square(input, other),
    result="float",
    numbers="none",
)
def atan2(input, other):
    """The angle of the point (other, input), from -pi to pi.

    atan2(randn(3, 4), randn(4))
    """
    refuse("atan2_cpu", "c", input)
    return np.arctan2(input, other)


@pointwise(input=lambda g, input: g * conjugate(cosh(input)), result="float")
def sinh(input):
    """Hyperbolic sine of input.

    sinh(randn(3, 4))
    """
    return precise(np.sinh, input)


@pointwise(input=lambda g, input: g * conjugate(sinh(input)), result="float")
def cosh(input):
    """Hyperbolic cosine of input.

    cosh(randn(3, 4))
    """
    return precise(np.cosh, input)


@pointwise(input=lambda g, input: g * conjugate(rsqrt(input * input + 1)), result="float")
def asinh(input):
    """Inverse hyperbolic sine of input.

    asinh(randn(3, 4))
    """
    return np.arcsinh(input)


def _acosh_slope(input: Any) -> Any:
    if array_of(input).dtype.kind == "c":
        # one root of the square would have the wrong sign left of the imaginary axis
        return rsqrt(input - 1) * rsqrt(input + 1)
    return rsqrt(input * input - 1)


@pointwise(input=lambda g, input: g * conjugate(_acosh_slope(input)), result="float")
def acosh(input):
    """Inverse hyperbolic cosine of input.

    acosh(rand(3, 4) + 1.1)
    """
    return np.arccosh(input)


@pointwise(input=lambda g, input: g / conjugate(1 - input * input), result="float")
def atanh(input):
    """Inverse hyperbolic tangent of input.

    atanh(rand(3, 4) * 1.8 - 0.9)
    """
    return np.arctanh(input)


def _sinc_rule(g: Any, input: Any) -> Any:
    angle = input * math.pi
    square = input * input * math.pi
    sine = sin(angle)  # before the cosine: PyTorch adds up cotangents in this order
    slope = conjugate((angle * cos(angle) - sine) / square)
    return kept(g * slope, square != 0)


@pointwise(input=_sinc_rule, result="float")
def sinc(input):
    """sin(pi input) / (pi input), and 1 at zero.

    sinc(randn(3, 4))
    """
    angle = single(input) * math.pi
    result = np.where(angle == 0, 1, precise(np.sin, angle) / angle)
    return result.astype(input.dtype, copy=False)


def _logit_rule(g: Any, input: Any, eps: float | None) -> Any:
    # PyTorch's kernel takes -0 for 0; what it composes for a recorded derivative does not
    nonnegative = input if type(g) is Tensor else input + 0.0
    slope = g / (nonnegative * (1 - input))
    if eps is None:
        return choose((input < 0) | (input > 1), math.nan, slope)
    return kept(slope, (input >= eps) & (input <= 1 - eps))


@pointwise(input=_logit_rule, result="float")
def logit(input, eps: float | None = None):
    """log(input / (1 - input)), the inverse of sigmoid; input clamped to eps..1-eps.

    logit(rand(3, 4))
    logit(rand(3, 4), eps=0.2)
    """
    refuse("logit_cpu", "c", input)
    if eps is not None and eps >= 0:
        upper = np.where(input > 1 - eps, input.dtype.type(1 - eps), input)
        input = np.where(input < eps, input.dtype.type(eps), upper)
    return precise(np.log, input / (1 - input))


@pointwise(
    input=lambda g, input, out: g * input / out,
    other=lambda g, other, out: g * other / out,
    numbers="none",
)
def hypot(input: Operand, other: Operand):
    """Length of the hypotenuse: sqrt(input² + other²), without overflow.

    hypot(randn(3, 4), randn(4))
    """
    refuse("hypot_cpu", "biuc", input)
    return np.hypot(input, other)


def _complex_logaddexp(input: Any, other: Any) -> Any:
    """The greater real part is taken out, so that the exponential cannot overflow."""
    less = input.real < other.real
    low, high = np.where(less, input, other), np.where(less, other, input)
    endless = ~np.isfinite(low.real) & (low.real == high.real)
    both = np.where(low.real < 0, low, np.log(np.exp(low) + np.exp(high)))
    return np.where(endless, both, np.log1p(np.exp(low - high)) + high)


@pointwise(
    input=lambda g, input, other: g / conjugate(exp(other - input) + 1),
    other=lambda g, input, other: g / conjugate(exp(input - other) + 1),
    in_place=False,
    numbers="none",
)
def logaddexp(input, other):
    """log(exp(input) + exp(other)), without overflow.

    logaddexp(randn(3, 4), randn(4))
    """
    refuse("logaddexp_cpu", "biu", input)
    if input.dtype.kind == "c":
        return _complex_logaddexp(input, other)
    return precise(np.logaddexp, input, other)


def _x_log_y(input: Any, other: Any) -> Any:
    refuse("xlogy_cpu", "c", input)
    return np.where((input == 0) & ~np.isnan(other), 0, input * precise(np.log, other)).astype(
        np.result_type(input, other), copy=False
    )


def _xlogy_rule(g: Any, input: Any, other: Any) -> Any:
    """g * log(other); but zero where both input is zero and other has no logarithm."""
    return kept(xlogy_of_tensors(g, other), ~((input == 0) & (other <= 0)))


@pointwise(
    input=_xlogy_rule,
    other=lambda g, input, other: g * input / other,
    result="float",
    grad_fn="XlogyBackward0",
    hidden=True,
)
def xlogy_of_tensors(input, other):
    """input * log(other) for two tensors."""
    return _x_log_y(input, other)


@pointwise(
    other=lambda g, input, other: g * input / other,
    result="float",
    grad_fn="XlogyBackward1",
    hidden=True,
)
def xlogy_of_number(input, other):
    """input * log(other) for a number input."""
    return _x_log_y(input, other)


@pointwise(input=_xlogy_rule, result="float", grad_fn="XlogyBackward2", hidden=True)
def xlogy_with_number(input, other):
    """input * log(other) for a number other."""
    return _x_log_y(input, other)


@composite(in_place=True)
def xlogy(input: Any, other: Any) -> Any:
    """input * log(other), and 0 where input is 0 (unless other is nan).

    xlogy(rand(3, 4), rand(4) + 0.1)
    xlogy(rand(3, 4), 2)
    """
    if type(other) in NUMBER_CATEGORY:
        return xlogy_with_number(input, other)
    return (xlogy_of_number if type(input) in NUMBER_CATEGORY else xlogy_of_tensors)(input, other)
