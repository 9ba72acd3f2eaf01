"""Arithmetic and comparison, element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import Number, Operand, number, only_tensors, refuse
from gradsh.engine.derivative import pointwise
from gradsh.engine.dtypes import (
    BOOL,
    CATEGORY,
    COMPLEX,
    FLOAT,
    FROM_NUMPY,
    HALVES,
    NUMBER_CATEGORY,
    is_bfloat16,
    result_type,
)
from gradsh.engine.op import composite
from gradsh.engine.ops.conjugation import conjugate
from gradsh.engine.precision import plus_multiple, precise, reciprocal_root, single
from gradsh.engine.scalars import number_array, stored_number
from gradsh.engine.tensor import Tensor, new_tensor


def not_implemented(kernel: str, array: Any) -> NotImplementedError:
    """PyTorch's error for an element type that an operation does not take."""
    return NotImplementedError(
        f"\"{kernel}\" not implemented for '{FROM_NUMPY[array.dtype].type_name}'"
    )


def no_change(g: Any) -> Any:
    """The cotangent of an input on which the result does not depend: zeros, whatever `g` holds."""
    return new_tensor(np.zeros_like(g.array)) if type(g) is Tensor else np.zeros_like(g)


@pointwise(input=lambda g: g, other=lambda g: g)
def add(input, other):
    """Sum of input and other.

    add(randn(3, 4), randn(4))
    """
    return np.add(input, other)


def _checked_alpha(input: Any, other: Any, alpha: Any) -> Any:
    """`alpha`, which must be of a kind that the result can hold."""
    if type(alpha) is Tensor:
        alpha = number(alpha, "add", "alpha", 3)
    if alpha is not True and alpha == 1:
        return 1
    kinds = [FROM_NUMPY[x.array.dtype].category for x in (input, other) if type(x) is Tensor]
    kinds += [NUMBER_CATEGORY[type(x)] for x in (input, other) if type(x) in NUMBER_CATEGORY]
    if type(alpha) is bool and max(kinds) != BOOL:
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if type(alpha) is float and max(kinds) < FLOAT:
        raise RuntimeError(
            "For integral input tensors, argument alpha must not be a floating point number."
        )
    if type(alpha) is complex and max(kinds) < COMPLEX:
        raise RuntimeError(
            "For non-complex input tensors, argument alpha must not be a complex number."
        )
    return bool(alpha) if max(kinds) == BOOL else alpha


def _plus_multiple(input: Any, other: Any, alpha: Any) -> Any:
    factor = number_array(alpha, input.dtype)
    if input.dtype not in HALVES:
        return np.add(input, np.multiply(other, factor))
    return plus_multiple(input, other, factor)


@pointwise(
    input=lambda g: g,
    other=lambda g, alpha: g * _conjugate_number(alpha),
    grad_fn="AddBackward0",
    hidden=True,
)
def add_multiple(input: Operand, other: Operand, alpha: Number):
    """Sum of input and alpha times other."""
    return _plus_multiple(input, other, alpha)


@pointwise(
    input=lambda g: g,
    other=lambda g, alpha: -g * _conjugate_number(alpha),
    grad_fn="SubBackward0",
    hidden=True,
)
def subtract_multiple(input: Operand, other: Operand, alpha: Number):
    """Difference of input and alpha times other."""
    return _plus_multiple(input, other, -alpha)


def _conjugate_number(number: Any) -> Any:
    return number.conjugate() if type(number) is complex else number


@composite(name="add", in_place=True)
def add_scaled(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """Sum of input and alpha times other.

    add(randn(3, 4), randn(4), alpha=2)
    add(randn(3, 4), randn(4), alpha=0.3)
    """
    alpha = _checked_alpha(input, other, alpha)
    return add(input, other) if alpha == 1 else add_multiple(input, other, alpha)


@pointwise(input=lambda g: g, other=lambda g: -g)
def sub(input, other):
    """Difference of input and other.

    sub(randn(3, 4), randn(4))
    """
    return np.subtract(input, other)


_BOOL = np.dtype(bool)


def _is_bool(value: Any) -> bool:
    return value.array.dtype is _BOOL if type(value) is Tensor else type(value) is bool


def refuse_bools(input: Any, other: Any) -> None:
    """Bools have no difference, not even from numbers."""
    first, second = _is_bool(input), _is_bool(other)
    if first and second:
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` "
            "or `logical_xor()` operator instead."
        )
    if first or second:
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are "
            "trying to invert a mask, use the `~` or `logical_not()` operator instead."
        )


@composite(name="sub", in_place=True)
def sub_scaled(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """Difference of input and alpha times other.

    sub(randn(3, 4), randn(4), alpha=2)
    """
    refuse_bools(input, other)
    alpha = _checked_alpha(input, other, alpha)
    return sub(input, other) if alpha == 1 else subtract_multiple(input, other, alpha)


@pointwise(input=lambda g: -g, grad_fn="RsubBackward1", in_place=False)
def rsub(input, other):
    """The number other minus input.

    rsub(randn(3, 4), 2)
    """
    return np.subtract(other, input)


@pointwise(input=lambda g: -g, other=lambda g: g, grad_fn="RsubBackward0", hidden=True)
def rsub_tensor(input, other):
    """The tensor other minus input."""
    return np.subtract(other, input)


@pointwise(
    input=lambda g, alpha: -g * _conjugate_number(alpha),
    other=lambda g: g,
    grad_fn="RsubBackward0",
    hidden=True,
)
def rsub_multiple(input: Operand, other: Operand, alpha: Number):
    """The tensor other minus alpha times input."""
    return _plus_multiple(other, input, -alpha)


@pointwise(
    input=lambda g, alpha: -g * _conjugate_number(alpha),
    grad_fn="RsubBackward1",
    hidden=True,
)
def rsub_number(input: Operand, other: Operand, alpha: Number):
    """The number other minus alpha times input."""
    return _plus_multiple(other, input, -alpha)


@composite(name="rsub")
def rsub_checked(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """other minus alpha times input.

    rsub(randn(3, 4), 2)
    rsub(randn(3, 4), randn(4))
    rsub(randn(3, 4), randn(4), alpha=2)
    rsub(randn(3, 4), 2, alpha=3)
    """
    only_tensors("rsub", input=input)
    refuse_bools(input, other)
    alpha = _checked_alpha(input, other, alpha)
    if alpha != 1:
        return (rsub_multiple if type(other) is Tensor else rsub_number)(input, other, alpha)
    return (rsub_tensor if type(other) is Tensor else rsub)(input, other)


@pointwise(
    input=lambda g, other: g * conjugate(other),
    other=lambda g, input: g * conjugate(input),
    exact_number=True,
)
def mul(input, other):
    """Product of input and other.

    mul(randn(3, 4), randn(4))
    """
    return np.multiply(input, other)


@pointwise(
    input=lambda g, other: g / conjugate(other),
    other=lambda g, input, other: -g * conjugate((input / other) / other),
    result="float",
    exact_number=True,
)
def div(input, other):
    """Quotient of input and other.

    div(randn(3, 4), rand(4) + 1)
    """
    return np.true_divide(input, other)


@pointwise(input=lambda g, out: -g * conjugate(out * out), result="float")
def reciprocal(input):
    """One over input.

    reciprocal(rand(3, 4) + 1)
    """
    return np.true_divide(input.dtype.type(1), input)


@pointwise(input=lambda g: -g)
def neg(input):
    """input with its sign changed.

    neg(randn(3, 4))
    """
    if input.dtype.kind == "b":
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
            "invert a mask, use the `~` or `logical_not()` operator instead."
        )
    return np.negative(input)


def _whole_power(input: Any, exponent: Any) -> Any:
    """Powers of integers; with a negative exponent only 1 and -1 give something else than 0."""
    if input.dtype.kind == "b":
        raise not_implemented("pow", input)
    if not np.any(exponent < 0):
        return np.power(input, exponent)
    powers = np.power(input, np.maximum(exponent, 0))
    ones = np.where(exponent % 2 == 0, input * input, input)
    inverse = np.where(abs(input) == 1, ones, input.dtype.type(0))
    return np.where(exponent < 0, inverse, powers)


def _with_number(array: Any, number: Any) -> np.dtype[Any]:
    """The common type of an array and a number of a higher category."""
    return result_type([(FROM_NUMPY[array.dtype], False), (type(number), True)]).numpy


def _power_rule(g: Any, input: Any, exponent: Any) -> Any:
    if exponent == 0:
        return no_change(g)
    if exponent == 2 and type(input) is not Tensor:  # of tensors a power stays, as in PyTorch
        return g * conjugate(input * 2)
    return g * conjugate(pow(input, exponent - 1) * exponent)


@pointwise(input=_power_rule, grad_fn="PowBackward0", hidden=True)
def pow_number(input: Operand, exponent: Number):
    """input to a power that is a number."""
    if NUMBER_CATEGORY[type(exponent)] > CATEGORY[input.dtype]:
        input = input.astype(_with_number(input, exponent))
    if input.dtype.kind == "b":
        return input | (not exponent)
    if input.dtype.kind in "iu":
        if exponent < 0:
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        return np.power(input, stored_number(exponent, input.dtype))
    if input.dtype not in HALVES:
        return _float_power(input, exponent)
    return _half_power(input, input.dtype.type(exponent).item()).astype(input.dtype)


def _half_power(input: Any, exponent: float) -> Any:
    """A power of half precision in single; bfloat16 is rounded after a square, as in PyTorch."""
    wide = single(input)
    if is_bfloat16(input.dtype):
        if exponent in (3, -2):
            square = single((wide * wide).astype(input.dtype))
            return square * wide if exponent == 3 else np.reciprocal(square)
        if exponent == -0.5:
            return reciprocal_root(input)
    return _float_power(wide, exponent)


def _float_power(input: Any, exponent: Any) -> Any:
    """A power of floats; the frequent exponents by fewer roundings, as PyTorch's kernel."""
    if exponent == 2:
        return np.multiply(input, input)
    if exponent == 3:
        return np.multiply(np.multiply(input, input), input)
    if exponent == 0.5:
        return np.sqrt(input)
    if exponent == -1:
        return np.reciprocal(input)
    if exponent == -2:
        return np.reciprocal(np.multiply(input, input))
    if exponent == -0.5:
        return np.reciprocal(np.sqrt(input))
    return precise(lambda base: np.power(base, exponent), input)


def _base_rule(g: Any, input: Any, exponent: Any) -> Any:
    return where(exponent == 0, 0, g * conjugate(exponent * pow(input, exponent - 1)))


def _not_negative(exponent: Any) -> Any:
    """Where an exponent is real and at least zero."""
    if getattr(exponent, "array", exponent).dtype.kind == "c":
        return (exponent.imag == 0) & (exponent.real >= 0)
    return exponent >= 0


def _exponent_rule(g: Any, input: Any, exponent: Any, out: Any) -> Any:
    flat = (input == 0) & _not_negative(exponent)
    return g * conjugate(where(flat, out * 0, out * log_of_base(input)))


def log_of_base(base: Any) -> Any:
    """The logarithm of a power's base, which may be an array, a tensor or a number."""
    from gradsh.engine.ops.elementary import log

    return log(base)


@pointwise(input=_base_rule, exponent=_exponent_rule, grad_fn="PowBackward1", hidden=True)
def pow_tensor(input, exponent):
    """input to a power that is a tensor."""
    if input.dtype.kind in "iub":
        return _whole_power(input, exponent)
    return precise(np.power, input, exponent)


def _exponent_of_number_rule(g: Any, input: Any, exponent: Any, out: Any) -> Any:
    """g * out * log(input); zero where input is 0 and the exponent is not negative."""
    if input == 0:
        return g * where(_not_negative(exponent), 0, conjugate(out * float("-inf")))
    logarithm = np.log(np.complex128(input) if type(input) is complex else np.float64(input))
    return g * conjugate(out * logarithm.item())


@pointwise(exponent=_exponent_of_number_rule, grad_fn="PowBackward2", hidden=True)
def pow_of_number(input: Number, exponent: Operand):
    """A number to a power that is a tensor."""
    if NUMBER_CATEGORY[type(input)] > CATEGORY[exponent.dtype]:
        exponent = exponent.astype(_with_number(exponent, input))
    if exponent.dtype.kind in "iub":
        return _whole_power(stored_number(input, exponent.dtype), exponent)
    return precise(lambda power: np.power(power.dtype.type(input), power), exponent)


@composite(in_place=True)
def pow(input: Any, exponent: Any) -> Any:
    """input to the power exponent.

    pow(rand(3, 4) + 1, 2.5)
    pow(rand(3, 4) + 1, randn(4))
    pow(2, randn(3, 4))
    """
    if type(exponent) in NUMBER_CATEGORY:
        return pow_number(input, exponent)
    if type(input) in NUMBER_CATEGORY:
        return pow_of_number(input, exponent)
    return pow_tensor(input, exponent)


@pointwise(
    input=lambda g, condition: where(condition, g, 0),
    other=lambda g, condition: where(condition, 0, g),
    unpromoted=("condition",),
    in_place=False,
)
def where(condition: Operand, input: Operand, other: Operand):
    """input where condition is true, other elsewhere.

    where(randn(3, 4) > 0, randn(3, 4), randn(4))
    """
    if not hasattr(condition, "dtype"):
        raise refuse("where", "condition", 1, "Tensor", condition)
    if condition.dtype.kind != "b":
        raise RuntimeError(
            "where expected condition to be a boolean tensor, but got a tensor with dtype "
            f"{FROM_NUMPY[condition.dtype].type_name}"
        )
    return np.where(condition, input, other)


@pointwise(result="bool", numbers="second")
def eq(input, other):
    """Where input equals other.

    eq(tensor([1, 2]), tensor([1, 3]))
    """
    return np.equal(input, other)


@pointwise(result="bool", numbers="second")
def ne(input, other):
    """Where input differs from other.

    ne(tensor([1, 2]), tensor([1, 3]))
    """
    return np.not_equal(input, other)


def _refuse_complex(kernel: str, array: Any) -> None:
    if array.dtype.kind == "c":
        raise not_implemented(kernel, array)


@pointwise(result="bool", numbers="second")
def lt(input, other):
    """Where input is less than other.

    lt(tensor([1, 2]), 2)
    """
    _refuse_complex("lt_cpu", input)
    return np.less(input, other)


@pointwise(result="bool", numbers="second")
def le(input, other):
    """Where input is at most other.

    le(tensor([1, 2]), 2)
    """
    _refuse_complex("le_cpu", input)
    return np.less_equal(input, other)


@pointwise(result="bool", numbers="second")
def gt(input, other):
    """Where input is greater than other.

    gt(tensor([1, 2]), 1)
    """
    _refuse_complex("gt_cpu", input)
    return np.greater(input, other)


@pointwise(result="bool", numbers="second")
def ge(input, other):
    """Where input is at least other.

    ge(tensor([1, 2]), 2)
    """
    _refuse_complex("ge_cpu", input)
    return np.greater_equal(input, other)
