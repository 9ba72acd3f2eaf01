"""Bessel functions, the normal distribution's functions, zeta and the incomplete gamma functions.

Their values come from scipy. Derivatives: https://dlmf.nist.gov/10.29 (modified Bessel functions),
https://dlmf.nist.gov/7.10 (the normal distribution), https://dlmf.nist.gov/8.8 (incomplete gamma).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand, check_tensors
from gradsh.engine.derivative import pointwise
from gradsh.engine.dtypes import DEFAULTS, FLOAT, HALVES, NUMBER_CATEGORY
from gradsh.engine.op import composite
from gradsh.engine.ops.elementary import exp, log, sgn
from gradsh.engine.ops.loss_reduction import multiple, quotient
from gradsh.engine.ops.pieces import array_of, choose, kept, refuse
from gradsh.engine.ops.pointwise import not_implemented
from gradsh.engine.ops.reductions import sum
from gradsh.engine.ops.shape import to, unsqueeze
from gradsh.engine.ops.special import digamma, erf, lgamma, scipy_function
from gradsh.engine.ops.transcendental import log1p
from gradsh.engine.precision import precise, single
from gradsh.engine.tensor import Tensor, new_tensor


def _evaluated(name: str, scipy_name: str, kernel: str, *inputs: Any, half: bool = True) -> Any:
    """scipy's function of arrays of one type; NotImplementedError for a type PyTorch's lacks."""
    input = inputs[0]
    refuse(kernel, "c" if half else "biuc", input)
    if not half and input.dtype in HALVES:
        raise not_implemented(kernel, input)
    function = scipy_function(scipy_name, name)
    values = precise(function, *[single(x) for x in inputs])
    return np.asarray(values).astype(input.dtype, copy=False)


@pointwise(input=lambda g, input: g * i1(input), result="float")
def i0(input):
    """The modified Bessel function of the first kind of order 0.

    i0(randn(3, 4))
    """
    return _evaluated("i0", "i0", "i0_vml_cpu", input)


@pointwise(
    input=lambda g, input, out: g * (i1e(input) - sgn(input) * out),
    result="float",
    grad_fn="SpecialI0EBackward0",
    in_place=False,
    method=False,
)
def i0e(input):
    """i0(input) * exp(-abs(input)).

    i0e(randn(3, 4))
    """
    return _evaluated("i0e", "i0e", "i0e_cpu", input)


def _i1_rule(g: Any, input: Any, out: Any) -> Any:
    # the slope's limit at zero is a half
    near, safe = _near_zero("i1_backward", input)
    return g * choose(near, 0.5, i0(safe) - out / safe)


def _i1e_rule(g: Any, input: Any, out: Any) -> Any:
    near, safe = _near_zero("i1e_backward", input)
    return g * choose(near, 0.5, i0e(safe) - out * (sgn(safe) + 1 / safe))


def _near_zero(kernel: str, input: Any) -> tuple[Any, Any]:
    """Where input is next to nothing, and input with a number in place of that."""
    values = array_of(input)
    if values.dtype in HALVES:
        raise not_implemented(kernel, values)
    epsilon = float(np.finfo(values.dtype).eps)
    near = ~(np.abs(values) > epsilon)
    return near, choose(near, epsilon, input)


@pointwise(
    input=_i1_rule,
    result="float",
    grad_fn="SpecialI1Backward0",
    in_place=False,
    method=False,
)
def i1(input):
    """The modified Bessel function of the first kind of order 1.

    i1(randn(3, 4))
    """
    return _evaluated("i1", "i1", "i1_cpu", input)


@pointwise(
    input=_i1e_rule,
    result="float",
    grad_fn="SpecialI1EBackward0",
    in_place=False,
    method=False,
)
def i1e(input):
    """i1(input) * exp(-abs(input)).

    i1e(randn(3, 4))
    """
    return _evaluated("i1e", "i1e", "i1e_cpu", input)


@pointwise(result="float", in_place=False, method=False)
def bessel_j0(input):
    """The Bessel function of the first kind of order 0.

    bessel_j0(clamp(randn(3, 4), -2, 2).detach())
    """
    return _evaluated("bessel_j0", "j0", "bessel_j0_cpu", input, half=False)


@pointwise(result="float", in_place=False, method=False)
def bessel_j1(input):
    """The Bessel function of the first kind of order 1.

    bessel_j1(clamp(randn(3, 4), -2, 2).detach())
    """
    return _evaluated("bessel_j1", "j1", "bessel_j1_cpu", input, half=False)


@pointwise(result="float", in_place=False, method=False)
def bessel_y0(input):
    """The Bessel function of the second kind of order 0.

    bessel_y0(clamp(rand(3, 4), -2, 2).detach())
    """
    return _evaluated("bessel_y0", "y0", "bessel_y0_cpu", input, half=False)


@pointwise(result="float", in_place=False, method=False)
def bessel_y1(input):
    """The Bessel function of the second kind of order 1.

    bessel_y1(clamp(rand(3, 4), -2, 2).detach())
    """
    return _evaluated("bessel_y1", "y1", "bessel_y1_cpu", input, half=False)


@composite(method=False)
def ndtr(input: Any) -> Any:
    """The probability that a standard normal variable is below input.

    ndtr(randn(3, 4))
    """
    check_tensors("special_ndtr", input=input)
    if input.dtype.category < FLOAT:
        input = to(input, DEFAULTS.floating)
    return multiple(erf(quotient(input, math.sqrt(2))) + 1, 0.5)


@pointwise(
    input=lambda g, out: g * math.sqrt(2 * math.pi) * exp(out * out / 2),
    result="float",
    grad_fn="SpecialNdtriBackward0",
    in_place=False,
    method=False,
)
def ndtri(input):
    """The inverse of ndtr.

    ndtri(rand(3, 4))
    """
    return _evaluated("ndtri", "ndtri", "ndtri_cpu", input, half=False)


@pointwise(
    input=lambda g, input, out: g / math.sqrt(2 * math.pi) * exp(-(out + input * input / 2)),
    result="float",
    grad_fn="SpecialLogNdtrBackward0",
    in_place=False,
    method=False,
)
def log_ndtr(input):
    """The logarithm of ndtr, exact for very negative input.

    log_ndtr(randn(3, 4))
    """
    return _evaluated("log_ndtr", "log_ndtr", "log_ndtr_cpu", input, half=False)


@pointwise(
    input=lambda g, input, out: (input * 2.0 * out - 2 / math.sqrt(math.pi)) * g,
    result="float",
    grad_fn="SpecialErfcxBackward0",
    in_place=False,
    method=False,
)
def erfcx(input):
    """erfc(input) * exp(input^2).

    erfcx(randn(3, 4))
    """
    return _evaluated("erfcx", "erfcx", "erfcx_cpu", input, half=False)


@pointwise(
    input=lambda g, input: g * -(log(input) + 1),
    result="float",
    grad_fn="SpecialEntrBackward0",
    in_place=False,
    method=False,
)
def entr(input):
    """-input * log(input), which is 0 at 0 and -inf below.

    entr(rand(3, 4))
    """
    refuse("entr_cpu", "c", input)
    value = single(input)
    inside = np.where(value > 0, -value * precise(np.log, value), -np.inf)
    at_zero = np.where(value == 0, 0, inside)
    return np.where(np.isnan(value), value, at_zero).astype(input.dtype, copy=False)


def _x_log1p_y(input: Any, other: Any) -> Any:
    refuse("xlog1py_cpu", "c", input)
    product = input * precise(np.log1p, other)
    return np.where((input == 0) & ~np.isnan(other), 0, product).astype(
        np.result_type(input, other), copy=False
    )


def _xlog1py_rule(g: Any, input: Any, other: Any) -> Any:
    return g * kept(log1p(other), ~((input == 0) & (other <= -1)))


@pointwise(
    input=_xlog1py_rule,
    other=lambda g, input, other: g * input / (other + 1),
    result="float",
    grad_fn="SpecialXlog1PyBackward0",
    hidden=True,
)
def xlog1py_of_tensors(input, other):
    """input * log(1 + other) for two tensors."""
    return _x_log1p_y(input, other)


@pointwise(
    other=lambda g, input, other: g * input / (other + 1),
    result="float",
    grad_fn="SpecialXlog1PyBackward1",
    hidden=True,
)
def xlog1py_of_number(input, other):
    """input * log(1 + other) for a number input."""
    return _x_log1p_y(input, other)


@pointwise(input=_xlog1py_rule, result="float", grad_fn="SpecialXlog1PyBackward2", hidden=True)
def xlog1py_with_number(input, other):
    """input * log(1 + other) for a number other."""
    return _x_log1p_y(input, other)


@composite(method=False)
def xlog1py(input: Any, other: Any) -> Any:
    """input * log(1 + other), and 0 where input is 0 (unless other is nan).

    xlog1py(rand(3, 4), rand(4))
    xlog1py(rand(3, 4), 2)
    xlog1py(2, rand(3, 4))
    """
    if type(other) in NUMBER_CATEGORY:
        return xlog1py_with_number(input, other)
    if type(input) in NUMBER_CATEGORY:
        return xlog1py_of_number(input, other)
    return xlog1py_of_tensors(input, other)


def _zeta(input: Any, other: Any) -> Any:
    return _evaluated("zeta", "zeta", "zeta_cpu", input, other, half=False)


def _no_zeta_derivative(g: Any) -> Any:
    raise NotImplementedError("the derivative for 'zeta' is not implemented.")


def _zeta_rule(g: Any, input: Any, other: Any) -> Any:
    return g * -input * zeta(input + 1.0, other)


@pointwise(
    input=_no_zeta_derivative,
    other=_zeta_rule,
    result="float",
    grad_fn="SpecialZetaBackward0",
    hidden=True,
)
def zeta_of_tensors(input, other):
    """zeta for two tensors."""
    return _zeta(input, other)


@pointwise(other=_zeta_rule, result="float", grad_fn="SpecialZetaBackward1", hidden=True)
def zeta_of_number(input, other):
    """zeta for a number input."""
    return _zeta(input, other)


@pointwise(input=_no_zeta_derivative, result="float", grad_fn="SpecialZetaBackward2", hidden=True)
def zeta_with_number(input, other):
    """zeta for a number other."""
    return _zeta(input, other)


@composite(method=False)
def zeta(input: Any, other: Any) -> Any:
    """Hurwitz's zeta function: the sum of 1 / (k + other)^input over k from 0.

    zeta(2.5, rand(3, 4) + 1)
    zeta((rand(3, 4) + 2).detach(), rand(4) + 1)
    zeta((rand(3, 4) + 2).detach(), 1.5)
    """
    if type(other) in NUMBER_CATEGORY:
        return zeta_with_number(input, other)
    if type(input) in NUMBER_CATEGORY:
        return zeta_of_number(input, other)
    return zeta_of_tensors(input, other)


def _gamma_density(input: Any, other: Any) -> Any:
    """The derivative of gammainc by its second argument."""
    return exp((input - 1) * log(other) - other - lgamma(input))


def _no_igamma_derivative(g: Any) -> Any:
    raise NotImplementedError("the derivative for 'igamma: input' is not implemented.")


def _no_igammac_derivative(g: Any) -> Any:
    raise NotImplementedError("the derivative for 'igammac: input' is not implemented.")


@pointwise(
    input=_no_igamma_derivative,
    other=lambda g, input, other: g * _gamma_density(input, other),
    grad_fn="IgammaBackward0",
    in_place=False,
    method=False,
    numbers="none",
)
def gammainc(input, other):
    """The regularized lower incomplete gamma function.

    gammainc((rand(3, 4) + 0.5).detach(), rand(4) + 0.5)
    """
    refuse("igamma_cpu", "biuc", input)
    return _evaluated("gammainc", "gammainc", "igamma_cpu", input, other)


@pointwise(
    input=_no_igammac_derivative,
    other=lambda g, input, other: -g * _gamma_density(input, other),
    grad_fn="IgammacBackward0",
    in_place=False,
    method=False,
    numbers="none",
)
def gammaincc(input, other):
    """The regularized upper incomplete gamma function, 1 - gammainc(input, other).

    gammaincc((rand(3, 4) + 0.5).detach(), rand(4) + 0.5)
    """
    refuse("igammac_cpu", "biuc", input)
    return _evaluated("gammaincc", "gammaincc", "igammac_cpu", input, other)


def _shifted(input: Any, p: int) -> Any:
    """input lowered by 0, 1/2, ..., (p - 1)/2 in a last dimension."""
    steps = np.arange(-(p / 2) + 0.5, 0.5, 0.5).astype(array_of(input).dtype)
    return unsqueeze(input, -1) + (new_tensor(steps) if type(input) is Tensor else steps)


def _mvlgamma_rule(g: Any, input: Any, p: int) -> Any:
    return g * sum(digamma(_shifted(input, p)), -1)


@pointwise(input=_mvlgamma_rule, grad_fn="MvlgammaBackward0", result="float", hidden=True)
def mvlgamma_of(input: Operand, p: int):
    """The logarithm of the multivariate gamma function."""
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    refuse("arange_cpu", "c", input)
    total = lgamma.op.forward(_shifted(input, p)).sum(-1)
    return (total + total.dtype.type(p * (p - 1) / 4 * math.log(math.pi))).astype(
        input.dtype, copy=False
    )


@composite(in_place=True)
def mvlgamma(input: Any, p: int) -> Any:
    """The logarithm of the multivariate gamma function of dimension p.

    mvlgamma(rand(3, 4) + 2, 3)
    """
    check_tensors("mvlgamma", input=input)
    return mvlgamma_of(input, p)


@composite(method=False)
def multigammaln(input: Any, p: int) -> Any:
    """The logarithm of the multivariate gamma function of dimension p.

    multigammaln(rand(3, 4) + 2, 3)
    """
    check_tensors("special_multigammaln", input=input)
    return mvlgamma_of(input, p)
