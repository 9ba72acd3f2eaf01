"""Error functions and gamma functions; their values come from scipy, an optional package.

Derivatives: https://dlmf.nist.gov/7 (error functions) and https://dlmf.nist.gov/5 (gamma).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand
from gradsh.engine.derivative import pointwise
from gradsh.engine.error_function import error_function
from gradsh.engine.op import METHODS, composite
from gradsh.engine.ops.elementary import exp
from gradsh.engine.ops.pieces import refuse
from gradsh.engine.precision import SEEN_IN_FULL, precise, single

_SINGLE = np.dtype(np.float32)


def scipy_function(name: str, wanted_by: str) -> Any:
    """`scipy.special.<name>`; RuntimeError that says how to install scipy when it is missing."""
    try:
        from scipy import special  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        error = RuntimeError(f"{wanted_by}() needs scipy, which is not installed")
        error.add_note('install it: pip install "gradsh[special]"')
        raise error from None
    return getattr(special, name)


def error_function_of(value: Any, wanted_by: str) -> Any:
    """erf of a real array; of many float32 numbers without scipy, in a third of its time."""
    if value.dtype is _SINGLE and value.size > SEEN_IN_FULL:
        return error_function(value)
    return precise(scipy_function("erf", wanted_by), value)


def _evaluated(scipy_name: str, kernel: str, input: Any) -> Any:
    refuse(kernel, "c", input)
    function = scipy_function(scipy_name, kernel.split("_")[0])
    return precise(function, single(input)).astype(input.dtype, copy=False)


@pointwise(input=lambda g, input: g * (exp(-(input * input)) * (2 / math.pi**0.5)), result="float")
def erf(input):
    """The error function of input.

    erf(randn(3, 4))
    """
    refuse("erf_vml_cpu", "c", input)
    return error_function_of(single(input), "erf").astype(input.dtype, copy=False)


@pointwise(input=lambda g, input: g * (exp(-(input * input)) * (-2 / math.pi**0.5)), result="float")
def erfc(input):
    """1 - erf(input), exact for large input.

    erfc(randn(3, 4))
    """
    return _evaluated("erfc", "erfc_vml_cpu", input)


@pointwise(input=lambda g, out: exp(out * out) * (math.pi**0.5 / 2) * g, result="float")
def erfinv(input):
    """The inverse of erf.

    erfinv(rand(3, 4) * 1.8 - 0.9)
    """
    return _evaluated("erfinv", "erfinv_vml_cpu", input)


@pointwise(input=lambda g, input: g * digamma(input), result="float")
def lgamma(input):
    """Logarithm of the size of the gamma function.

    lgamma(rand(3, 4) + 0.5)
    """
    result = _evaluated("gammaln", "lgamma_vml_cpu", input)
    return np.where(np.isinf(input), input.dtype.type(math.inf), result)


@pointwise(input=lambda g, input: g * polygamma_of(input, 1), result="float")
def digamma(input):
    """Derivative of lgamma.

    digamma(rand(3, 4) + 0.5)
    """
    return _digamma(input) if input.dtype == np.float32 else _evaluated("psi", "digamma", input)


_DIGAMMA_SERIES = [
    np.float32(c) for c in (1 / 12, -691 / 32760, 1 / 132, -1 / 240, 1 / 252, -1 / 120, 1 / 12)
]


def _digamma(value: Any) -> Any:
    """digamma in single precision: reflected, moved up to ten, then the asymptotic series.

    https://dlmf.nist.gov/5.11.E2; step by step as in PyTorch, so that the digits agree.
    """
    negative = value < 0
    x = np.where(negative, 1 - value, value)
    result = np.zeros_like(x)
    while (low := x < 10).any():
        result = np.where(low, result - 1 / x, result)
        x = np.where(low, x + 1, x)
    square = 1 / (x * x)
    series = np.zeros_like(x)
    for coefficient in _DIGAMMA_SERIES:
        series = series * square + coefficient
    result = result + precise(np.log, x) - 0.5 / x - square * series
    wide = value.astype(np.float64)
    mirror = (math.pi / np.tan(math.pi * (wide - np.trunc(wide)))).astype(np.float32)
    reflected = np.where(value == np.trunc(value), np.nan, result - mirror)
    result = np.where(negative, reflected, result).astype(np.float32)
    return np.where(value == 0, np.copysign(np.float32(np.inf), -value), result)


def _trigamma(value: Any) -> Any:
    """The first derivative of digamma: reflected, moved up by six, then the asymptotic series.

    https://dlmf.nist.gov/5.15; with as many terms as PyTorch takes, so that the digits agree.
    """
    reflected = value < 0.5
    mirror = -((math.pi / np.sin(math.pi * value)) ** 2)
    x = np.where(reflected, 1 - value, value)
    result = np.where(reflected, mirror, 0)
    steps = np.zeros_like(x)
    for _ in range(6):
        steps += 1 / (x * x)
        x = x + 1
    square = 1 / (x * x)
    series = (1 + 1 / (2 * x) + square * (1 / 6 - square * (1 / 30 - square / 42))) / x
    sign = np.where(reflected, -1, 1).astype(value.dtype)
    return sign * (result + steps + series)


@pointwise(
    input=lambda g, input, n: g * polygamma_of(input, n + 1),
    result="float",
    grad_fn="PolygammaBackward0",
    hidden=True,
)
def polygamma_of(input: Operand, n: int):
    """The n-th derivative of digamma."""
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    if n == 0:
        return _evaluated("psi", "digamma", input)
    if n == 1:
        refuse("trigamma", "c", input)
        return _trigamma(single(input)).astype(input.dtype, copy=False)
    refuse("polygamma", "c", input)
    return scipy_function("polygamma", "polygamma")(n, input).astype(input.dtype, copy=False)


@composite(method=False)
def polygamma(n: int, input: Any) -> Any:
    """The n-th derivative of digamma.

    polygamma(1, rand(3, 4) + 0.5)
    polygamma(2, rand(3, 4) + 0.5)
    """
    return polygamma_of(input, n)


def _polygamma_method(input: Any, n: int) -> Any:
    """The n-th derivative of digamma."""
    return polygamma_of(input, n)


METHODS["polygamma"] = _polygamma_method
