"""Rounding to whole numbers, and division with a rounded quotient."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand, only_tensors
from gradsh.engine.derivative import pointwise
from gradsh.engine.dtypes import NUMBER_CATEGORY, is_floating
from gradsh.engine.op import composite
from gradsh.engine.ops.pieces import refuse
from gradsh.engine.ops.pointwise import div as quotient
from gradsh.engine.ops.pointwise import no_change
from gradsh.engine.ops.remainders import check_divisor
from gradsh.engine.precision import single


def _rounded(name: str, ufunc: Any, array: Any) -> Any:
    if array.dtype.kind == "c":
        raise NotImplementedError(f"{name} is not supported for complex inputs")
    refuse(f"{name}_vml_cpu", "b", array)
    return array.copy() if array.dtype.kind in "iu" else ufunc(array)


@pointwise(input=no_change)
def floor(input):
    """The largest whole number not above input.

    floor(randn(3, 4))
    """
    return _rounded("floor", np.floor, input)


@pointwise(input=no_change)
def ceil(input):
    """The smallest whole number not below input.

    ceil(randn(3, 4))
    """
    return _rounded("ceil", np.ceil, input)


@pointwise(input=no_change)
def trunc(input):
    """The whole part of input: rounded towards zero.

    trunc(randn(3, 4))
    """
    return _rounded("trunc", np.trunc, input)


@pointwise(input=no_change, grad_fn="RoundBackward0", hidden=True)
def round_to_whole(input):
    """The nearest whole number; halves go to the even one."""
    refuse("round_vml_cpu", "bc", input)
    return input.copy() if input.dtype.kind in "iu" else np.rint(input)


@pointwise(input=no_change, grad_fn="RoundBackward1", hidden=True)
def round_to_decimals(input, decimals: int):
    """The nearest number with so many decimals; halves go to the even last digit."""
    refuse("round_cpu", "biuc", input)
    value = single(input)
    scale = value.dtype.type(10.0 ** np.abs(decimals))
    if decimals < 0:
        result = np.rint(value / scale) * scale
    else:
        result = np.rint(value * scale) / scale
    return result.astype(input.dtype, copy=False)


@composite(in_place=True)
def round(input: Any, *, decimals: int | None = None) -> Any:
    """input rounded to the nearest whole number, or to a number of decimals.

    Halves go to the even neighbour.

    round(randn(3, 4))
    round(randn(3, 4), decimals=1)
    """
    return round_to_whole(input) if decimals is None else round_to_decimals(input, decimals)


@pointwise(input=lambda g: g)
def frac(input):
    """What trunc takes away: input - trunc(input).

    frac(randn(3, 4))
    """
    refuse("frac_cpu", "biuc", input)
    return input - np.trunc(input)


def _remainder(input: Any, other: Any) -> Any:
    refuse("fmod_cpu", "bc", input)
    check_divisor(input, other)
    return np.fmod(input, other)


@pointwise(input=lambda g: g, grad_fn="FmodBackward0", hidden=True)
def fmod_number(input, other):
    """Remainder of input by the number other, with input's sign."""
    return _remainder(input, other)


@pointwise(
    input=lambda g: g,
    other=lambda g, input, other: -g * div_rounded(input, other, "trunc"),
    grad_fn="FmodBackward1",
    hidden=True,
)
def fmod_tensor(input, other):
    """Remainder of input by the tensor other, with input's sign."""
    return _remainder(input, other)


@composite(in_place=True)
def fmod(input: Any, other: Any) -> Any:
    """Remainder of input divided by other, with input's sign.

    fmod(randn(3, 4), 0.7)
    fmod(randn(3, 4), rand(4) + 1)
    """
    only_tensors("fmod", input=input)
    return (fmod_number if type(other) in NUMBER_CATEGORY else fmod_tensor)(input, other)


def _truncated_quotient(input: Any, other: Any) -> Any:
    if is_floating(input.dtype):
        return np.trunc(np.true_divide(input, other))
    down = np.floor_divide(input, other)
    inexact_and_negative = (down * other != input) & ((input < 0) != (other < 0))
    return down + inexact_and_negative.astype(down.dtype)


@pointwise(input=no_change, other=no_change, grad_fn="DivBackward2", exact_number=True, hidden=True)
def div_rounded(input: Operand, other: Operand, rounding_mode: str):
    """Quotient of input and other, rounded."""
    refuse(f"div_{rounding_mode}_cpu", "bc", input)
    check_divisor(input, other)
    if rounding_mode == "trunc":
        return _truncated_quotient(input, other)
    return np.floor_divide(input, other)


@composite(in_place=True)
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    """Quotient of input and other, exact or rounded: rounding_mode "trunc" or "floor".

    div(randn(3, 4), rand(4) + 1)
    div(randn(3, 4), rand(4) + 1, rounding_mode="trunc")
    div(randn(3, 4), rand(4) + 1, rounding_mode="floor")
    """
    if rounding_mode is None:
        return quotient(input, other)
    if rounding_mode not in ("trunc", "floor"):
        raise RuntimeError(
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
            f"'{rounding_mode}'"
        )
    return div_rounded(input, other, rounding_mode)
