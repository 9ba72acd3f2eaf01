"""What the losses share: how one value is made of many, and how their arguments are checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import Number, Operand
from gradsh.engine.derivative import pointwise
from gradsh.engine.dtypes import FROM_NUMPY, promote
from gradsh.engine.modes import GRAD_MODE
from gradsh.engine.ops.pointwise import sub_scaled as sub
from gradsh.engine.ops.reductions import average, mean, sum, total
from gradsh.engine.tensor import Tensor, new_tensor

REDUCTIONS = ("none", "mean", "sum")


@pointwise(
    input=lambda g, count: quotient(g, count), grad_fn="DivBackward1", in_place=False, hidden=True
)
def quotient(input: Operand, count: Number):
    """input divided by a number of elements."""
    return np.true_divide(input, input.dtype.type(count))


@pointwise(
    input=lambda g, factor: multiple(g, factor), grad_fn="MulBackward1", in_place=False, hidden=True
)
def multiple(input: Operand, factor: Number):
    """input times a number that is a setting of a loss."""
    return np.multiply(input, input.dtype.type(factor))


def reduction_name(reduction: Any, size_average: Any = None, reduce: Any = None) -> Any:
    """The reduction asked for; the older flags `size_average` and `reduce` win where given."""
    if size_average is None and reduce is None:
        return reduction
    if reduce is not None and not reduce:
        return "none"
    return "mean" if size_average is None or size_average else "sum"


def check_reduction(reduction: Any) -> str:
    """The name of a reduction; ValueError in PyTorch's words for anything else."""
    if reduction == "elementwise_mean":
        return "mean"
    if reduction not in REDUCTIONS:
        error = ValueError(f"{reduction} is not a valid value for reduction")
        error.add_note('it is one of "mean", "sum", "none"')
        raise error
    return str(reduction)


def refuse_gradient(operation: str, **arguments: Any) -> None:
    """PyTorch's error for an argument that must be a constant but requires grad."""
    for argument, value in arguments.items():
        if type(value) is Tensor and value.node is not None and GRAD_MODE.recording:
            error = RuntimeError(
                f"The function '{operation}' is not differentiable with respect to argument "
                f"'{argument}'. This input cannot have requires_grad True."
            )
            error.add_note(f"pass its values alone: `{argument}.detach()`")
            raise error


def promoted(a: Any, b: Any) -> tuple[Any, Any]:
    """Two arrays in their common type by PyTorch's rules."""
    if a.dtype is b.dtype:
        return a, b
    storage = promote(FROM_NUMPY[a.dtype], FROM_NUMPY[b.dtype]).numpy
    return a.astype(storage, copy=False), b.astype(storage, copy=False)


def reduced_array(values: Any, reduction: str) -> Any:
    """An array of losses as they are, or their mean or sum."""
    if reduction == "none":
        return values
    return (total if reduction == "sum" else average)(values, None, False, values.dtype)


def reduced(values: Any, reduction: str) -> Any:
    """A tensor of losses as they are, or their mean or sum."""
    if reduction == "none":
        return values
    return mean(values) if reduction == "mean" else sum(values)


def below(number: float, input: Any) -> Any:
    """`number - input`, the number being made one of input's type first, as PyTorch's C++ does."""
    return sub(new_tensor(np.array(number).astype(input.array.dtype)), input)


def share(reduction: str, count: int) -> float:
    """How much each of `count` losses counts in the result (nan for the mean of none)."""
    if reduction != "mean":
        return 1.0
    return 1.0 / count if count else float("nan")


def gathered(values: Any, reduction: str) -> Any:
    """The cotangent of a loss's own cotangent, which is one number unless nothing is reduced."""
    return values if reduction == "none" else sum(values)
