"""Floating numbers by their parts: signs, exponents, neighbours; degrees, and powers in double."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand, check_tensors
from gradsh.engine.derivative import general, pointwise
from gradsh.engine.dtypes import (
    COMPLEX,
    FROM_NUMPY,
    NUMBER_CATEGORY,
    complex128,
    float64,
    is_floating,
)
from gradsh.engine.op import composite
from gradsh.engine.ops.conjugation import conjugate
from gradsh.engine.ops.pieces import array_of, refuse
from gradsh.engine.ops.pointwise import no_change, pow
from gradsh.engine.ops.shape import to
from gradsh.engine.ops.transcendental import LN2, exp2
from gradsh.engine.precision import precise, single
from gradsh.engine.results import named_result
from gradsh.engine.tensor import Tensor

_DEGREE = math.pi / 180


def _scaled(name: str, input: Any, factor: float) -> Any:
    if input.dtype.kind == "c":
        raise RuntimeError(f"{name} is not supported for complex tensors.")
    value = single(input)
    return (value * value.dtype.type(factor)).astype(input.dtype, copy=False)


@pointwise(input=lambda g: g * _DEGREE, result="float", grad_fn="Deg2RadBackward0")
def deg2rad(input):
    """Angles in degrees as angles in radians.

    deg2rad(randn(3, 4) * 180)
    """
    return _scaled("deg2rad", input, _DEGREE)


@pointwise(input=lambda g: g * (1 / _DEGREE), result="float", grad_fn="Rad2DegBackward0")
def rad2deg(input):
    """Angles in radians as angles in degrees.

    rad2deg(randn(3, 4))
    """
    return _scaled("rad2deg", input, 1 / _DEGREE)


@pointwise(result="bool", in_place=False, numbers="none")
def signbit(input):
    """Where input has a minus sign; -0.0 has one.

    signbit(randn(3, 4))
    signbit(tensor([0.0, -0.0, -1.0, inf]))
    """
    if input.dtype.kind == "c":
        raise NotImplementedError("signbit is not implemented for complex tensors.")
    return np.signbit(input) if is_floating(input.dtype) else input < 0


@pointwise(input=lambda g: g, other=lambda g: no_change(g), numbers="none")
def nextafter(input, other):
    """The floating number next to input in the direction of other.

    nextafter(randn(3, 4), randn(4))
    """
    refuse("nextafter_cpu", "biuc", input)
    return np.nextafter(input, other)


_FREXP = named_result("frexp", ("mantissa", "exponent"))


def _frexp_rule(g: Any, exponent: Any) -> Any:
    mantissa = g[0]
    return mantissa / to(pow(2.0, exponent), FROM_NUMPY[array_of(mantissa).dtype])


@general(input=_frexp_rule, outputs=("mantissa", "exponent"))
def frexp(input: Operand):
    """mantissa and exponent, for which input = mantissa * 2^exponent and 0.5 <= |mantissa| < 1.

    frexp(randn(3, 4))
    """
    if not is_floating(input.dtype):
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")
    mantissa, exponent = np.frexp(input)
    return _FREXP(np.asarray(mantissa), np.asarray(exponent, np.int32))


@pointwise(
    input=lambda g, other: g * conjugate(pow(2, other)),
    other=lambda g, out: g * conjugate(out) * LN2,
    result="float",
    numbers="none",
)
def ldexp(input, other):
    """input * 2^other.

    ldexp(randn(3, 4), tensor([1, 2, 3, 0]))
    ldexp(randn(3, 4), randn(4))
    """
    return input * (exp2(other) if other.dtype.kind == "c" else precise(np.exp2, other))


@composite()
def float_power(input: Any, exponent: Any) -> Any:
    """input to the power exponent, both made double precision first.

    float_power(rand(3, 4) + 0.5, 2.5)
    float_power(rand(3, 4) + 0.5, randn(4))
    float_power(2, randn(3, 4))
    """
    wide = complex128 if COMPLEX in (_category(input), _category(exponent)) else float64
    return pow(*[to(x, wide) if type(x) is Tensor else x for x in (input, exponent)])


def _category(value: Any) -> int | None:
    if type(value) is Tensor:
        return value.dtype.category
    return NUMBER_CATEGORY.get(type(value))


@composite()
def positive(input: Any) -> Any:
    """input as it is: the `+` before a tensor.

    positive(randn(3, 4))
    """
    check_tensors("positive", input=input)
    if input.array.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


@pointwise(
    input=lambda g, input, other: g / (pow(2, other - input) + 1),
    other=lambda g, input, other: g / (pow(2, input - other) + 1),
    in_place=False,
    numbers="none",
)
def logaddexp2(input, other):
    """log2(2^input + 2^other), without overflow.

    logaddexp2(randn(3, 4), randn(4))
    """
    refuse("logaddexp2_cpu", "biuc", input)
    return precise(np.logaddexp2, input, other)


@pointwise(numbers="none")
def gcd(input, other):
    """The greatest common divisor of whole numbers.

    gcd(tensor([12, 18, 0, -4]), tensor([8, 27, 5, 6]))
    gcd(randn(3, 4), randn(4))
    """
    refuse("gcd_cpu", "bfc", input)
    return np.gcd(input, other)


@pointwise(numbers="none")
def lcm(input, other):
    """The least common multiple of whole numbers.

    lcm(tensor([12, 18, 0, -4]), tensor([8, 27, 5, 6]))
    lcm(randn(3, 4), randn(4))
    """
    refuse("lcm_cpu", "bfc", input)
    return np.lcm(input, other)
