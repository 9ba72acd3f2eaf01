"""Bounds, the greater and the lesser of two, replaced values, and blends of tensors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gradsh.engine.arguments import Number, Operand, only_tensors
from gradsh.engine.derivative import pointwise
from gradsh.engine.dtypes import FROM_NUMPY, NUMBER_CATEGORY, is_floating, result_type
from gradsh.engine.op import composite
from gradsh.engine.ops.conjugation import conjugate
from gradsh.engine.ops.logic import isfinite, isnan
from gradsh.engine.ops.pieces import bounded, choose, kept, refuse, refuse_complex_gradient
from gradsh.engine.ops.pointwise import no_change, not_implemented
from gradsh.engine.precision import fused_multiply_add, single
from gradsh.engine.scalars import number_array
from gradsh.engine.tensor import Tensor


def _within(input: Any, low: Any, high: Any) -> Any:
    if low is None:
        return input <= high
    return input >= low if high is None else (input >= low) & (input <= high)


def _kernel(both: str, lower: str, upper: str, low: Any, high: Any) -> str:
    """PyTorch has a kernel for two bounds and one for either alone."""
    if high is None:
        return lower
    return upper if low is None else both


def _refuse_complex_bounds(input: Any, *bounds: Any) -> None:
    complex_bound = any(type(bound) is complex for bound in bounds)
    if complex_bound and is_floating(input.dtype):
        raise RuntimeError("value cannot be converted to type double without overflow")
    if input.dtype.kind == "c" or complex_bound:
        raise NotImplementedError("clamp is not supported for complex types")


@pointwise(
    input=lambda g, input, min, max: kept(g, _within(input, min, max)),
    grad_fn="ClampBackward1",
    hidden=True,
)
def clamp_to_numbers(input, min: Number | None, max: Number | None):
    """input, but at least min and at most max."""
    _refuse_complex_bounds(input, min, max)
    given = [bound for bound in (min, max) if bound is not None]
    dtype = result_type(
        [(FROM_NUMPY[input.dtype], not input.ndim), *((type(bound), True) for bound in given)]
    ).numpy
    if dtype.kind == "b":
        names = "clamp_scalar_cpu", "clamp_min_scalar_cpu", "clamp_max_scalar_cpu"
        raise not_implemented(_kernel(*names, min, max), input)
    low, high = (None if bound is None else number_array(bound, dtype) for bound in (min, max))
    return bounded(input.astype(dtype, copy=False), low, high)


def _below_low(g: Any, input: Any, min: Any, max: Any) -> Any:
    below = input < min
    return kept(g, below if max is None else below & (min < max))


def _above_high(g: Any, input: Any, min: Any, max: Any) -> Any:
    above = input > max
    return kept(g, above if min is None else above | (max < min))


@pointwise(
    input=lambda g, input, min, max: kept(g, _within(input, min, max)),
    min=_below_low,
    max=_above_high,
    grad_fn="ClampBackward0",
    hidden=True,
)
def clamp_to_tensors(input: Operand, min: Operand | None, max: Operand | None):
    """input, but at least min and at most max, element by element."""
    kernel = _kernel("clamp_cpu", "maximum_cpu", "minimum_cpu", min, max)
    refuse(kernel, "bc" if kernel == "clamp_cpu" else "c", input)
    return bounded(input, min, max)


def _as_numbers(input: Any, *bounds: Any) -> Iterator[Any]:
    """The bounds, of which one is a tensor: beside a number it has to be a constant number."""
    for bound in bounds:
        if type(bound) is not Tensor:
            yield bound
        elif bound.array.ndim or bound.requires_grad:
            kinds = ", ".join([type(x).__name__ for x in (input, *bounds)])
            error = TypeError(
                f"clamp() received an invalid combination of arguments - got ({kinds}), but "
                "expected one of:"
            )
            error.add_note("give two numbers or two tensors: `full_like` makes one of a number")
            raise error
        else:
            yield bound.array.item()


@composite(in_place=True)
def clamp(input: Any, min: Any = None, max: Any = None) -> Any:
    """input, but at least min and at most max (numbers, or tensors); max wins over min.

    Where a bound replaces an element, the gradient is zero.

    clamp(randn(3, 4), -0.5, 0.5)
    clamp(randn(3, 4), max=0.5)
    clamp(randn(3, 4), randn(4), randn(3, 1))
    clamp(randn(3, 4), min=randn(4))
    """
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    kinds = {type(bound) for bound in (min, max) if bound is not None}
    if Tensor in kinds and len(kinds) > 1:
        min, max = _as_numbers(input, min, max)
    if type(input) is Tensor:
        _refuse_complex_bounds(input.array)
    if kinds == {Tensor}:
        return clamp_to_tensors(input, min, max)
    return clamp_to_numbers(input, min, max)


def _refuse_complex(name: str, input: Any) -> None:
    if input.dtype.kind == "c":
        raise RuntimeError(f"{name} not implemented for complex tensors.")


@pointwise(
    input=lambda g, input, other: kept(choose(input == other, g / 2, g), ~(input < other)),
    other=lambda g, input, other: kept(choose(input == other, g / 2, g), ~(input > other)),
    in_place=False,
    numbers="none",
)
def maximum(input, other):
    """The greater of input and other; the gradient is halved where they are equal.

    maximum(randn(3, 4), randn(4))
    """
    _refuse_complex("maximum", input)
    return np.maximum(input, other)


@pointwise(
    input=lambda g, input, other: kept(choose(input == other, g / 2, g), ~(input > other)),
    other=lambda g, input, other: kept(choose(input == other, g / 2, g), ~(input < other)),
    in_place=False,
    numbers="none",
)
def minimum(input, other):
    """The lesser of input and other; the gradient is halved where they are equal.

    minimum(randn(3, 4), randn(4))
    """
    _refuse_complex("minimum", input)
    return np.minimum(input, other)


@pointwise(input=lambda g, input: g * isfinite(input), grad_fn="NanToNumBackward0", hidden=True)
def replace_special(input, nan: float | None, posinf: float | None, neginf: float | None):
    """input with nan and infinities replaced, in each part of a complex number."""
    if input.dtype.name != "bfloat16":
        return np.nan_to_num(input, nan=nan or 0.0, posinf=posinf, neginf=neginf)
    # numpy changes nothing in a type that it does not know
    largest = FROM_NUMPY[input.dtype].finfo.max
    posinf, neginf = (
        largest if posinf is None else posinf,
        -largest if neginf is None else neginf,
    )
    wide = np.nan_to_num(input.astype(np.float32), nan=nan or 0.0, posinf=posinf, neginf=neginf)
    return wide.astype(input.dtype)


@composite(in_place=True)
def nan_to_num(
    input: Any,
    nan: float | None = None,
    posinf: float | None = None,
    neginf: float | None = None,
) -> Any:
    """input with nan replaced (by 0), and infinities (by the type's extreme values).

    nan_to_num(randn(3, 4))
    nan_to_num(tensor([nan, inf, -inf, 1.5]))
    nan_to_num(tensor([nan, inf, -inf, 1.5]), 2, 3, neginf=-4)
    """
    refuse_complex_gradient("nan_to_num", input)
    return replace_special(input, nan, posinf, neginf)


def _no_derivative(g: Any) -> Any:
    raise RuntimeError("derivative for aten::heaviside is not implemented")


@pointwise(input=_no_derivative, values=_no_derivative, grad_fn="NotImplemented", hidden=True)
def step(input, values):
    """0 where input is negative, values where it is 0, else 1."""
    return np.where(input == 0, values, (input > 0).astype(input.dtype))


@composite(in_place=True)
def heaviside(input: Any, values: Any) -> Any:
    """The step function: 0 where input is negative, values where it is 0, else 1.

    heaviside(tensor([-1.5, 0.0, 2.0]), tensor([0.5]))
    """
    only_tensors("heaviside", input=input, values=values)
    if type(input) is Tensor and type(values) is Tensor:
        if "c" in (input.array.dtype.kind, values.array.dtype.kind):
            raise RuntimeError("heaviside is not yet implemented for complex tensors.")
        if input.array.dtype is not values.array.dtype:
            raise RuntimeError(
                "heaviside is not yet implemented for tensors with different dtypes."
            )
    return step(input, values)


def _sign_taken(input: Any, other: Any) -> Any:
    refuse("copysign_cpu", "c", input)
    return np.copysign(input, other)


def _copysign_rule(g: Any, input: Any, out: Any) -> Any:
    return g * kept(out / input, input != 0)


@pointwise(
    input=_copysign_rule,
    other=no_change,
    result="float",
    grad_fn="CopysignBackward0",
    hidden=True,
)
def copysign_of_tensor(input, other):
    """input with the sign of the tensor other."""
    return _sign_taken(input, other)


@pointwise(input=_copysign_rule, result="float", grad_fn="CopysignBackward1", hidden=True)
def copysign_of_number(input, other):
    """input with the sign of the number other."""
    return _sign_taken(input, other)


@composite(in_place=True)
def copysign(input: Any, other: Any) -> Any:
    """The size of input with the sign of other.

    copysign(randn(3, 4), randn(4))
    copysign(randn(3, 4), -2)
    """
    only_tensors("copysign", input=input)
    numeric = type(other) in NUMBER_CATEGORY
    return (copysign_of_number if numeric else copysign_of_tensor)(input, other)


_ADDCDIV = (
    "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will "
    "perform a true division of tensor1 and tensor2. The historic addcdiv behavior can be "
    "implemented as (input + value * torch.trunc(tensor1 / tensor2)).to(input.dtype) for integer "
    "inputs and as (input + value * tensor1 / tensor2) for float inputs. The future addcdiv "
    "behavior is just the latter implementation: (input + value * tensor1 / tensor2), for all "
    "dtypes."
)


@pointwise(
    input=lambda g: g,
    tensor1=lambda g, tensor2, value: g * conjugate(tensor2 * value),
    tensor2=lambda g, tensor1, value: g * conjugate(tensor1 * value),
    numbers="none",
)
def addcmul(input: Operand, tensor1: Operand, tensor2: Operand, *, value: Number = 1):
    """input + value * tensor1 * tensor2.

    addcmul(randn(3, 4), randn(3, 1), randn(4))
    addcmul(randn(3, 4), randn(3, 1), randn(4), value=0.5)
    """
    refuse("addcmul_cpu_out", "b", input)
    factor = number_array(value, single(input).dtype)
    result = fused_multiply_add(factor * single(tensor1), single(tensor2), single(input))
    return result.astype(input.dtype, copy=False)


@pointwise(
    input=lambda g: g,
    tensor1=lambda g, tensor2, value: g * conjugate(value / tensor2),
    tensor2=lambda g, tensor1, tensor2, value: (
        -g * conjugate((value * tensor1) / (tensor2 * tensor2))
    ),
    numbers="none",
)
def addcdiv(input: Operand, tensor1: Operand, tensor2: Operand, *, value: Number = 1):
    """input + value * tensor1 / tensor2.

    addcdiv(randn(3, 4), randn(3, 1), rand(4) + 1)
    addcdiv(randn(3, 4), randn(3, 1), rand(4) + 1, value=0.5)
    """
    if input.dtype.kind in "iub":
        error = RuntimeError(_ADDCDIV)
        error.add_note("make the tensors floats first, or write `a + b / c`")
        raise error
    factor = number_array(value, single(input).dtype)
    result = single(input) + factor * single(tensor1) / single(tensor2)
    return result.astype(input.dtype, copy=False)


def _between(kernel: str, input: Any, end: Any, weight: Any) -> Any:
    refuse(kernel, "biu", input)
    start, stop, share = single(input), single(end), single(weight)
    # from the nearer end, so that both ends are exact
    near_start = np.abs(share) < 0.5
    difference = stop - start
    result = np.where(
        near_start,
        fused_multiply_add(share, difference, start),
        fused_multiply_add(-difference, 1 - share, stop),
    )
    return result.astype(input.dtype, copy=False)


@pointwise(
    input=lambda g, weight: g * (1 - weight),
    end=lambda g, weight: g * weight,
    grad_fn="LerpBackward0",
    hidden=True,
)
def lerp_by_number(input: Operand, end: Operand, weight: Number):
    """input + weight * (end - input) for a number weight."""
    share = number_array(weight, single(input).dtype)
    return _between("lerp_kernel_scalar", input, end, share)


@pointwise(
    input=lambda g, weight: g * conjugate(1 - weight),
    end=lambda g, weight: g * conjugate(weight),
    weight=lambda g, input, end: g * conjugate(end - input),
    grad_fn="LerpBackward1",
    hidden=True,
)
def lerp_by_tensor(input: Operand, end: Operand, weight: Operand):
    """input + weight * (end - input) for a tensor weight."""
    return _between("lerp_kernel_tensor", input, end, weight)


@composite(in_place=True)
def lerp(input: Any, end: Any, weight: Any) -> Any:
    """input + weight * (end - input): from input (weight 0) to end (weight 1).

    lerp(randn(3, 4), randn(4), 0.3)
    lerp(randn(3, 4), randn(4), rand(3, 1))
    """
    for name, other in (("end", end), ("weight", weight)):
        if type(input) is Tensor and type(other) is Tensor and input.dtype is not other.dtype:
            raise RuntimeError(
                f"expected dtype {input.dtype.c_name} for `{name}` but got dtype "
                f"{other.dtype.c_name}"
            )
    if type(weight) in NUMBER_CATEGORY:
        return lerp_by_number(input, end, weight)
    return lerp_by_tensor(input, end, weight)


@pointwise(
    input=lambda g, input, other: kept(g, (input >= other) | isnan(other)),
    other=lambda g, input, other: kept(g, ~((input >= other) | isnan(other))),
    in_place=False,
    numbers="none",
)
def fmax(input, other):
    """The greater of input and other; where one is nan, the other.

    fmax(randn(3, 4), randn(4))
    """
    if input.dtype.kind == "c":
        raise RuntimeError("fmax not implemented for complex tensors.")
    return np.fmax(input, other)


@pointwise(
    input=lambda g, input, other: kept(g, (input <= other) | isnan(other)),
    other=lambda g, input, other: kept(g, ~((input <= other) | isnan(other))),
    in_place=False,
    numbers="none",
)
def fmin(input, other):
    """The lesser of input and other; where one is nan, the other.

    fmin(randn(3, 4), randn(4))
    """
    if input.dtype.kind == "c":
        raise RuntimeError("fmin not implemented for complex tensors.")
    return np.fmin(input, other)
