"""Losses of yes-or-no answers: targets are probabilities, or 1 and -1."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradsh.engine.appliers import check_broadcast
from gradsh.engine.arguments import Operand, check_tensors
from gradsh.engine.derivative import general
from gradsh.engine.dtypes import CATEGORY, FROM_NUMPY
from gradsh.engine.op import composite
from gradsh.engine.ops.activations import logsigmoid
from gradsh.engine.ops.elementary import exp, sigmoid
from gradsh.engine.ops.loss_reduction import (
    REDUCTIONS,
    check_reduction,
    gathered,
    quotient,
    reduced,
    reduced_array,
    reduction_name,
    refuse_gradient,
    share,
)
from gradsh.engine.ops.pieces import refuse
from gradsh.engine.ops.reductions import sum
from gradsh.engine.ops.shape import expand
from gradsh.engine.ops.transcendental import logit
from gradsh.engine.precision import precise

_LOWEST_LOGARITHM = -100
"""Logarithms are bounded below, so that a loss is finite where a certain answer is wrong."""

_EPSILON = float(np.float32(1e-12))
"""PyTorch holds this constant in single precision."""


def _kept_in(target: Any, made: tuple[int, ...], dtype: Any) -> None:
    """PyTorch's errors for an in-place result that does not go into `target`."""
    if check_broadcast(target.shape, made) != target.shape:
        raise RuntimeError(
            f"output with shape {list(target.shape)} doesn't match the broadcast shape "
            f"{list(check_broadcast(target.shape, made))}"
        )
    if CATEGORY[dtype] > CATEGORY[target.dtype]:
        raise RuntimeError(
            f"result type {FROM_NUMPY[dtype].type_name} can't be cast to the desired output type "
            f"{FROM_NUMPY[target.dtype].type_name}"
        )


def _times(values: Any, weight: Any) -> Any:
    """`values`, multiplied in place, in their type and shape, with a weight if there is one."""
    if weight is None:
        return values
    _kept_in(values, weight.shape, weight.dtype)
    return np.multiply(values, weight.astype(values.dtype, copy=False))


def _scaled(g: Any, weight: Any, reduction: str, shape: tuple[int, ...]) -> Any:
    """A cotangent times the weight, divided by the number of elements if their mean was taken."""
    if weight is not None:
        g = g * weight
    return quotient(g, math.prod(shape)) if reduction == "mean" else g


def _bce_slope_rule(
    g: Any, grad: Any, input: Any, target: Any, weight: Any, reduction: str, input_shape: Any
) -> Any:
    inner = (input + _EPSILON) * ((1 - input) + _EPSILON)
    slope = (input * input - input * target * 2 + target) / (inner * inner)
    return _scaled(slope * (grad * g), weight, reduction, input_shape)


def _bce_target_slope_rule(
    g: Any, grad: Any, input: Any, weight: Any, reduction: str, input_shape: Any
) -> Any:
    return _scaled(-grad * g, weight, reduction, input_shape) / (1 - input) / input


@general(
    grad=lambda g, input, target, weight, reduction: gathered(
        bce_cotangent(g, input, target, weight, reduction), reduction
    ),
    input=_bce_slope_rule,
    target=_bce_target_slope_rule,
    grad_fn="BinaryCrossEntropyBackwardBackward0",
    hidden=True,
)
def bce_cotangent(
    grad: Operand, input: Operand, target: Operand, weight: Operand | None, reduction: str
):
    """The cotangent of input for the cotangent grad of a binary cross entropy."""
    variance = np.maximum((1 - input) * input, input.dtype.type(_EPSILON))
    result = _times(np.asarray(grad * (input - target) / variance), weight)
    return result * result.dtype.type(share(reduction, result.size))


@general(
    input=lambda g, input, target, weight, reduction: bce_cotangent(
        g, input, target, weight, reduction
    ),
    target=lambda g, input, weight, reduction, input_shape: _scaled(
        -logit(input) * g, weight, reduction, input_shape
    ),
    grad_fn="BinaryCrossEntropyBackward0",
    hidden=True,
)
def binary_cross_entropy_of(
    input: Operand, target: Operand, weight: Operand | None, reduction: str
):
    """Binary cross entropies of two tensors of one shape, weighted and reduced."""
    if target.dtype is not input.dtype:
        error = RuntimeError(
            f"Found dtype {FROM_NUMPY[target.dtype].type_name} but expected "
            f"{FROM_NUMPY[input.dtype].type_name}"
        )
        error.add_note(f"give both one type: `target.to({FROM_NUMPY[input.dtype].name})`")
        raise error
    refuse("binary_cross_entropy", "iubc", input)
    for name, values in (("input", input), ("target", target)):
        if not np.all((values >= 0) & (values <= 1)):
            error = RuntimeError(f"all elements of {name} should be between 0 and 1")
            if name == "input":
                error.add_note(
                    "`sigmoid` brings them there; binary_cross_entropy_with_logits takes them as "
                    "they are"
                )
            raise error
    bound = input.dtype.type(_LOWEST_LOGARITHM)
    yes = np.maximum(precise(np.log, input), bound)
    no = np.maximum(precise(np.log1p, -input), bound)
    return reduced_array(_times(np.asarray((target - 1) * no - target * yes), weight), reduction)


@composite(method=False)
def binary_cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Any:
    """Mean cross entropy of the probabilities input and target, which lie between 0 and 1.

    binary_cross_entropy(rand(3, 4), rand(3, 4))
    binary_cross_entropy(rand(3, 4), rand(3, 4), rand(4).detach(), reduction="sum")
    binary_cross_entropy(rand(3, 4), rand(3, 4), reduction="none")
    """
    check_tensors("binary_cross_entropy", input=input, target=target)
    reduction = check_reduction(reduction_name(reduction, size_average, reduce))
    if target.array.shape != input.array.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}) is deprecated. Please ensure they have the same size."
        )
    if weight is not None:
        weight = expand(weight, _with_weight(target.shape, weight.shape))
        refuse_gradient("binary_cross_entropy", weight=weight)
    return binary_cross_entropy_of(input, target, weight, reduction)


def _with_weight(target: Any, weight: Any) -> tuple[int, ...]:
    """The common shape of target and weight."""
    try:
        return tuple(np.broadcast_shapes(tuple(target), tuple(weight)))
    except ValueError:
        place = next(
            back
            for back in range(1, len(weight) + 1)
            if weight[-back] != 1 and target[-back] not in (1, weight[-back])
        )
        raise RuntimeError(
            f"Attempting to broadcast a dimension of length {weight[-place]} at {-place}! "
            f"Mismatching argument at index 1 had {weight}; but expected shape should be "
            f"broadcastable to {list(target)}"
        ) from None


def _logits_rule(
    g: Any,
    input: Any,
    target: Any,
    weight: Any,
    pos_weight: Any,
    reduction: str,
    input_shape: tuple[int, ...],
) -> Any:
    if pos_weight is None:
        slope = sigmoid(input) - target
    else:
        positive = pos_weight * target
        slope = (positive + 1 - target) * sigmoid(input) - positive
    return _scaled(slope * g, weight, reduction, input_shape)


def _logits_target_rule(
    g: Any, input: Any, weight: Any, pos_weight: Any, reduction: str, input_shape: tuple[int, ...]
) -> Any:
    if pos_weight is None:
        slope = -input
    else:
        slope = logsigmoid(-input) - logsigmoid(input) * pos_weight
    return _scaled(slope * g, weight, reduction, input_shape)


@general(
    input=_logits_rule,
    target=_logits_target_rule,
    grad_fn="BinaryCrossEntropyWithLogitsBackward0",
    hidden=True,
)
def binary_cross_entropy_with_logits_of(
    input: Operand,
    target: Operand,
    weight: Operand | None,
    pos_weight: Operand | None,
    reduction: str,
):
    """Binary cross entropies of sigmoid(input) and target, in target's type."""
    logarithm = logsigmoid.op.forward(input)
    if pos_weight is not None:
        check_broadcast(pos_weight.shape, target.shape)
        logarithm = _times(logarithm, (pos_weight - 1) * target + 1)
    if target.dtype.kind == "b":
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` "
            "or `logical_xor()` operator instead."
        )
    _kept_in(target, input.shape, input.dtype)
    values = ((1 - target) * input - logarithm).astype(target.dtype, copy=False)
    return reduced_array(_times(values, weight), reduction)


@composite(method=False)
def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
    pos_weight: Any = None,
) -> Any:
    """Mean cross entropy of the probabilities sigmoid(input) and target, exact for large input.

    pos_weight multiplies what a target of 1 costs.

    binary_cross_entropy_with_logits(randn(3, 4), rand(3, 4))
    binary_cross_entropy_with_logits(randn(3, 4), rand(3, 4), rand(4).detach(), reduction="sum")
    binary_cross_entropy_with_logits(randn(3, 4), rand(3, 4), pos_weight=rand(4).detach())
    binary_cross_entropy_with_logits(randn(3, 4), rand(3, 4), reduction="none")
    """
    check_tensors("binary_cross_entropy_with_logits", input=input, target=target)
    reduction = check_reduction(reduction_name(reduction, size_average, reduce))
    if target.array.shape != input.array.shape:
        raise ValueError(
            f"Target size ({target.shape}) must be the same as input size ({input.shape})"
        )
    refuse_gradient("binary_cross_entropy_with_logits", weight=weight, pos_weight=pos_weight)
    return binary_cross_entropy_with_logits_of(input, target, weight, pos_weight, reduction)


def _soft_margin_curve(
    g: Any, grad: Any, input: Any, target: Any, reduction: str, input_shape: Any
) -> Any:
    z = exp(input * -target)
    slope = g * grad * (target * target) * z / ((z + 1) * (z + 1))
    return quotient(slope, math.prod(input_shape)) if reduction == "mean" else slope


@general(
    grad=lambda g, input, target, reduction: gathered(
        soft_margin_cotangent(g, input, target, reduction), reduction
    ),
    input=_soft_margin_curve,
    grad_fn="SoftMarginLossBackwardBackward0",
    hidden=True,
)
def soft_margin_cotangent(grad: Operand, input: Operand, target: Operand, reduction: str):
    """The cotangent of input for the cotangent grad of a soft margin loss."""
    z = precise(np.exp, -target * input)
    return target * z * z.dtype.type(-share(reduction, input.size)) / (z + 1) * grad


@general(
    input=lambda g, input, target, reduction: soft_margin_cotangent(g, input, target, reduction),
    grad_fn="SoftMarginLossBackward0",
    hidden=True,
)
def soft_margin_loss_of(input: Operand, target: Operand, reduction: str):
    """log(1 + exp(-input * target)), reduced, in input's type."""
    if input.dtype.kind == "b":
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
            "invert a mask, use the `~` or `logical_not()` operator instead."
        )
    _kept_in(input, target.shape, target.dtype)
    _kept_in(input, (), np.dtype(np.float32))
    product = (-input * target).astype(input.dtype, copy=False)
    return reduced_array(precise(np.log1p, precise(np.exp, product)), reduction)


@composite(method=False)
def soft_margin_loss(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Any:
    """Mean of log(1 + exp(-input * target)); targets are 1 and -1.

    soft_margin_loss(randn(3, 4), sign(randn(3, 4)).detach())
    soft_margin_loss(randn(3, 4), sign(randn(4)).detach(), reduction="none")
    soft_margin_loss(randn(3, 4), sign(randn(3, 4)).detach(), reduction="sum")
    """
    check_tensors("soft_margin_loss", input=input, target=target)
    reduction = check_reduction(reduction_name(reduction, size_average, reduce))
    refuse_gradient("soft_margin_loss", target=target)
    return soft_margin_loss_of(input, target, reduction)


@composite(method=False)
def multilabel_soft_margin_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Any:
    """Mean binary cross entropy of sigmoid(input) and target over the classes, the last dimension.

    multilabel_soft_margin_loss(randn(3, 4), rand(3, 4))
    multilabel_soft_margin_loss(randn(3, 4), rand(3, 4), rand(4), reduction="none")
    multilabel_soft_margin_loss(randn(3, 4), rand(3, 4), reduction="sum")
    """
    check_tensors("multilabel_soft_margin_loss", input=input, target=target)
    reduction = reduction_name(reduction, size_average, reduce)
    values = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        values = values * weight
    last = input.ndim - 1
    values = sum(values, last) / input.size(last)
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not valid")
    return reduced(values, reduction)
