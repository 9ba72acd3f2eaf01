"""Losses of regression: how far input lies from target."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand, check_tensors
from gradsh.engine.derivative import general
from gradsh.engine.dtypes import FROM_NUMPY, is_bfloat16, is_inexact
from gradsh.engine.op import composite
from gradsh.engine.ops.assembly import broadcast_tensors
from gradsh.engine.ops.creation import ones_like
from gradsh.engine.ops.elementary import abs, exp, log
from gradsh.engine.ops.loss_reduction import (
    check_reduction,
    gathered,
    promoted,
    reduced,
    reduced_array,
    reduction_name,
    share,
)
from gradsh.engine.ops.masking import masked_fill
from gradsh.engine.ops.pieces import refuse
from gradsh.engine.ops.pointwise import add, div, le, lt, mul, pow
from gradsh.engine.ops.reductions import any, sum
from gradsh.engine.ops.selection import clamp
from gradsh.engine.ops.shape import clone, unsqueeze
from gradsh.engine.ops.transcendental import xlogy
from gradsh.engine.precision import single
from gradsh.engine.tensor import Tensor, new_tensor


def _same_size(input: Any, target: Any) -> tuple[Any, Any]:
    """Input and target broadcast to one shape, with PyTorch's warning where they had not one."""
    if input.array.shape != target.array.shape:
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}). This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            stacklevel=3,
        )
        input, target = broadcast_tensors(input, target)
    return input, target


def _weights(weight: Any, input: Any) -> Any:
    if weight.array.shape != input.array.shape:
        raise ValueError("Weights and input must have the same size.")
    return weight


def _weighted_mean(errors: Any, weight: Any, reduction: Any) -> Any:
    """Errors times weights; their mean is taken over the weights."""
    weighted = mul(errors, weight)
    if reduction == "none":
        return weighted
    if reduction == "sum":
        return sum(weighted)
    if reduction == "mean":
        return div(sum(weighted), sum(weight))
    raise _unknown_reduction(reduction)


def _unknown_reduction(reduction: Any) -> ValueError:
    return ValueError(
        f"Invalid reduction mode: {reduction}. Expected one of 'none', 'mean', 'sum'."
    )


@general(
    grad=lambda g, input, target, reduction: gathered(
        mse_cotangent(g, input, target, reduction), reduction
    ),
    input=lambda g, grad, reduction, input_shape: _twice(g * grad, reduction, input_shape),
    target=lambda g, grad, reduction, input_shape: -_twice(g * grad, reduction, input_shape),
    grad_fn="MseLossBackwardBackward0",
    hidden=True,
)
def mse_cotangent(grad: Operand, input: Operand, target: Operand, reduction: str):
    """The cotangent of input for the cotangent grad of a mean of squares."""
    input, target = promoted(input, target)
    difference = input - target
    difference *= difference.dtype.type(2 * share(reduction, difference.size))
    difference *= grad
    return difference


def _twice(g: Any, reduction: str, shape: tuple[int, ...]) -> Any:
    return g * (2 * share(reduction, math.prod(shape)))


@general(
    input=lambda g, input, target, reduction: mse_cotangent(g, input, target, reduction),
    target=lambda g, input, target, reduction: mse_cotangent(g, target, input, reduction),
    grad_fn="MseLossBackward0",
    hidden=True,
)
def mse_loss_of(input: Operand, target: Operand, reduction: str):
    """Squares of the differences between two tensors of one shape, reduced."""
    input, target = promoted(input, target)
    refuse("mse_cpu", "iubc", input)
    difference = np.asarray(input - target)
    return reduced_array(np.multiply(difference, difference, out=difference), reduction)


@composite(method=False)
def mse_loss(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
    weight: Any = None,
) -> Any:
    """Mean of the squares of input - target; with a weight for each element, their weighted mean.

    mse_loss(randn(3, 4), randn(3, 4))
    mse_loss(randn(3, 4), randn(4), reduction="none")
    mse_loss(randn(3, 4), randn(3, 4), reduction="sum")
    mse_loss(randn(3, 4), randn(3, 4), weight=rand(3, 4) + 0.5)
    """
    check_tensors("mse_loss", input=input, target=target)
    reduction = reduction_name(reduction, size_average, reduce)
    spread_input, spread_target = _same_size(input, target)
    if weight is not None:
        weight = _weights(weight, input)
        return _weighted_mean(pow(spread_input - spread_target, 2), weight, reduction)
    return mse_loss_of(spread_input, spread_target, check_reduction(reduction))


def _l1_loss(input: Any, target: Any, reduction: Any) -> Any:
    return reduced(abs(input - target), check_reduction(reduction))


@composite(method=False)
def l1_loss(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
    weight: Any = None,
) -> Any:
    """Mean distance of input from target; with a weight for each element, the weighted mean.

    l1_loss(randn(3, 4), randn(3, 4))
    l1_loss(randn(3, 4), randn(4), reduction="none")
    l1_loss(randn(3, 4), randn(3, 4), reduction="sum")
    l1_loss(randn(3, 4), randn(3, 4), weight=rand(3, 4) + 0.5)
    """
    check_tensors("l1_loss", input=input, target=target)
    reduction = reduction_name(reduction, size_average, reduce)
    spread_input, spread_target = _same_size(input, target)
    if weight is not None:
        weight = _weights(weight, input)
        return _weighted_mean(abs(spread_input - spread_target), weight, reduction)
    return _l1_loss(spread_input, spread_target, reduction)


def _curved(g: Any, grad: Any, input: Any, target: Any, bend: float, factor: float) -> Any:
    """`g * grad * factor` within a distance of `bend`, zero beyond."""
    return g * grad * (abs(input - target) < bend) * factor


@general(
    grad=lambda g, input, target, reduction, beta: gathered(
        smooth_l1_cotangent(g, input, target, reduction, beta), reduction
    ),
    input=lambda g, grad, input, target, reduction, beta, input_shape: _curved(
        g, grad, input, target, beta, share(reduction, math.prod(input_shape)) / beta
    ),
    target=lambda g, grad, input, target, reduction, beta, input_shape: (
        -_curved(g, grad, input, target, beta, share(reduction, math.prod(input_shape)) / beta)
    ),
    grad_fn="SmoothL1LossBackwardBackward0",
    hidden=True,
)
def smooth_l1_cotangent(
    grad: Operand, input: Operand, target: Operand, reduction: str, beta: float
):
    """The cotangent of input for the cotangent grad of a smooth distance."""
    input, target = promoted(input, target)
    difference = input - target
    norm = difference.dtype.type(share(reduction, input.size))
    near = norm * difference * grad / difference.dtype.type(beta)
    return np.where(np.abs(difference) >= beta, np.copysign(norm, difference) * grad, near)


@general(
    input=lambda g, input, target, reduction, beta: smooth_l1_cotangent(
        g, input, target, reduction, beta
    ),
    target=lambda g, input, target, reduction, beta: smooth_l1_cotangent(
        g, target, input, reduction, beta
    ),
    grad_fn="SmoothL1LossBackward0",
    fused=True,
    hidden=True,
)
def smooth_l1_loss_of(input: Operand, target: Operand, reduction: str, beta: float):
    """Smooth distances between two tensors of one shape, reduced."""
    input, target = promoted(input, target)
    refuse("smooth_l1_cpu", "iubc", input)
    storage = input.dtype
    if is_bfloat16(storage):
        input, target = single(input), single(target)
    distance = single(np.abs(input - target))
    near = distance * distance.dtype.type(0.5) * distance / distance.dtype.type(beta)
    far = distance - distance.dtype.type(0.5 * beta)
    values = np.where(distance < beta, near, far).astype(storage, copy=False)
    return reduced_array(values, reduction)


@composite(method=False)
def smooth_l1_loss(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
    beta: Any = 1.0,
) -> Any:
    """Mean distance of input from target, curved like a square where it is below beta.

    Source: Girshick, Fast R-CNN (2015).

    smooth_l1_loss(randn(3, 4), randn(3, 4))
    smooth_l1_loss(randn(3, 4), randn(4), reduction="none", beta=0.5)
    smooth_l1_loss(randn(3, 4), randn(3, 4), reduction="sum")
    smooth_l1_loss(randn(3, 4), randn(3, 4), beta=0.0)
    """
    check_tensors("smooth_l1_loss", input=input, target=target)
    reduction = reduction_name(reduction, size_average, reduce)
    input, target = _same_size(input, target)
    if beta == 0:
        return _l1_loss(input, target, reduction)
    reduction = check_reduction(reduction)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    return smooth_l1_loss_of(input, target, reduction, float(beta))


@general(
    grad=lambda g, input, target, reduction, delta: gathered(
        huber_cotangent(g, input, target, reduction, delta), reduction
    ),
    input=lambda g, grad, input, target, reduction, delta, input_shape: _curved(
        g, grad, input, target, delta, share(reduction, math.prod(input_shape))
    ),
    target=lambda g, grad, input, target, reduction, delta, input_shape: (
        -_curved(g, grad, input, target, delta, share(reduction, math.prod(input_shape)))
    ),
    grad_fn="HuberLossBackwardBackward0",
    hidden=True,
)
def huber_cotangent(grad: Operand, input: Operand, target: Operand, reduction: str, delta: float):
    """The cotangent of input for the cotangent grad of Huber's loss."""
    input, target = promoted(input, target)
    storage = input.dtype
    difference, grad = single(input - target), single(grad)
    # of half precision PyTorch rounds the numbers, and the products within the bend
    norm, bend = (
        single(np.asarray(number).astype(storage))
        for number in (share(reduction, input.size), delta)
    )
    far = np.copysign(norm, difference) * grad * bend
    near = single((norm * difference).astype(storage, copy=False)) * grad
    return np.where(np.abs(difference) >= delta, far, near).astype(storage, copy=False)


@general(
    input=lambda g, input, target, reduction, delta: huber_cotangent(
        g, input, target, reduction, delta
    ),
    target=lambda g, input, target, reduction, delta: huber_cotangent(
        g, target, input, reduction, delta
    ),
    grad_fn="HuberLossBackward0",
    hidden=True,
)
def huber_loss_of(input: Operand, target: Operand, reduction: str, delta: float):
    """Huber's loss of two tensors of one shape, reduced, in input's type."""
    storage = input.dtype
    input, target = promoted(input, target)
    made, held = FROM_NUMPY[input.dtype], FROM_NUMPY[storage]
    if made.category > held.category:
        raise RuntimeError(
            f"result type {made.type_name} can't be cast to the desired output type "
            f"{held.type_name}"
        )
    refuse("huber_cpu", "iubc", input)
    # PyTorch's kernels round the distance of bfloat16 here, and that of float16 in smooth_l1_loss
    rounded = is_bfloat16(input.dtype)
    distance = np.abs(single(input - target) if rounded else single(input) - single(target))
    near = distance * distance.dtype.type(0.5) * distance
    far = (distance - distance.dtype.type(0.5 * delta)) * distance.dtype.type(delta)
    values = np.where(distance <= delta, near, far).astype(storage, copy=False)
    return reduced_array(values, reduction)


@composite(method=False)
def huber_loss(
    input: Any, target: Any, reduction: Any = "mean", delta: Any = 1.0, weight: Any = None
) -> Any:
    """Mean of half the squares of input - target, straight on from a distance of delta.

    Source: Huber, Robust Estimation of a Location Parameter (1964).

    huber_loss(randn(3, 4), randn(3, 4))
    huber_loss(randn(3, 4), randn(4), reduction="none", delta=0.5)
    huber_loss(randn(3, 4), randn(3, 4), reduction="sum")
    huber_loss(randn(3, 4), randn(3, 4), weight=rand(3, 4) + 0.5)
    """
    check_tensors("huber_loss", input=input, target=target)
    spread_input, spread_target = _same_size(input, target)
    if weight is None:
        reduction = check_reduction(reduction)
        return _huber_loss(spread_input, spread_target, reduction, delta)
    weight = _weights(weight, input)
    weighted = mul(_huber_loss(spread_input, spread_target, "none", delta), weight)
    if reduction not in ("none", "mean", "sum"):
        raise _unknown_reduction(reduction)
    return reduced(weighted, reduction)


def _huber_loss(input: Any, target: Any, reduction: str, delta: Any) -> Any:
    if not delta > 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    return huber_loss_of(input, target, reduction, float(delta))


@composite(method=False)
def kl_div(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
    log_target: bool = False,
) -> Any:
    """The divergence of Kullback and Leibler of target from input, which is given as logarithms.

    reduction "batchmean" is the sum divided by the length of the first dimension; with
    log_target the target is given as logarithms too.

    kl_div(log(rand(3, 4) + 0.1), rand(3, 4))
    kl_div(randn(3, 4), rand(4) + 0.1, reduction="none")
    kl_div(randn(3, 4), rand(3, 4) + 0.1, reduction="batchmean")
    kl_div(randn(3, 4), randn(3, 4), reduction="sum", log_target=true)
    """
    check_tensors("kl_div", input=input, target=target)
    reduction = reduction_name(reduction, size_average, reduce)
    by_batch = reduction == "batchmean"
    if reduction == "mean" and size_average is None and reduce is None:
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support "
            "size.'batchmean' divides only by the batch size, and aligns with the KL div math "
            "definition.'mean' will be changed to behave the same as 'batchmean' in the next "
            "major release.",
            stacklevel=2,
        )
    reduction = "sum" if by_batch else check_reduction(reduction)
    if input.dtype.is_complex or target.dtype.is_complex:
        raise RuntimeError("kl_div: Complex inputs not supported.")
    if not (input.dtype.is_floating_point and target.dtype.is_floating_point):
        error = RuntimeError("kl_div: Integral inputs not supported.")
        error.add_note("make both floats first: `x.float()`")
        raise error
    # right operands come first, as in PyTorch: a gradient's parts are added in that order
    if log_target:
        difference = target - input
        values = exp(target) * difference
    else:
        product = target * input
        values = xlogy(target, target) - product
    result = reduced(values, reduction)
    if by_batch and input.array.ndim:
        return div(result, len(input.array))
    return result


@composite(method=False)
def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    size_average: Any = None,
    eps: float = 1e-8,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Any:
    """How unlikely the counts target are where their expected values are exp(input).

    Without log_input the expected values are input itself. The term that does not depend on
    input is left out unless `full`, which adds it in Stirling's approximation.

    poisson_nll_loss(randn(3, 4), rand(3, 4) * 5)
    poisson_nll_loss(rand(3, 4), rand(3, 4) * 5, log_input=false, reduction="sum")
    poisson_nll_loss(randn(3, 4), rand(3, 4) * 5, full=true, reduction="none")
    """
    check_tensors("poisson_nll_loss", input=input, target=target)
    reduction = check_reduction(reduction_name(reduction, size_average, reduce))
    # right operands come first, as in PyTorch: a gradient's parts are added in that order
    if log_input:
        product = target * input
        values = exp(input) - product
    else:
        values = input - target * log(input + eps)
    if full:
        growth = log(target * (2 * math.pi)) * 0.5
        stirling = target * log(target) - target + growth
        values = add(values, masked_fill(stirling, le(target, 1), 0))
    return reduced(values, reduction)


@composite(method=False)
def gaussian_nll_loss(
    input: Any,
    target: Any,
    var: Any,
    full: bool = False,
    eps: float = 1e-6,
    reduction: Any = "mean",
) -> Any:
    """How unlikely target is for normal variables of mean input and variance var (at least eps).

    The constant term is left out unless `full`.

    gaussian_nll_loss(randn(3, 4), randn(3, 4), rand(3, 4))
    gaussian_nll_loss(randn(3, 4), randn(3, 4), rand(3, 1), full=true, reduction="sum")
    gaussian_nll_loss(randn(3, 4), randn(3, 4), rand(3), reduction="none", eps=0.25)
    gaussian_nll_loss(randn(3, 4), randn(3, 4), 0.5)
    """
    check_tensors("gaussian_nll_loss", input=input, target=target)
    if type(var) is Tensor:
        negative = bool(any(lt(var, 0)))
    else:
        negative = var < 0
        var = mul(ones_like(input), float(var))
    if negative:
        raise ValueError("var has negative entry/entries")
    var = _fitting_variance(tuple(input.array.shape), var)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid")
    bounded = _raised_to(clone(var), eps)
    values = (log(bounded) + pow(input - target, 2) / bounded) * 0.5
    if full:
        values = add(values, 0.5 * math.log(2 * math.pi))
    return reduced(values, reduction)


def _raised_to(var: Any, eps: float) -> Any:
    """`var`, but at least eps, with the gradient of `var` everywhere, as PyTorch has it."""
    if not is_inexact(var.array.dtype):
        kind = var.dtype.c_name
        raise RuntimeError(f"result type Float can't be cast to the desired output type {kind}")
    return new_tensor(clamp(new_tensor(var.array), eps).array, var.node)


def _fitting_variance(shape: tuple[int, ...], var: Any) -> Any:
    """`var` with a last dimension where it has one for each row only; ValueError if unfit."""
    given = tuple(var.array.shape)
    if given == shape:
        return var
    if given == shape[:-1] and shape:
        return unsqueeze(var, -1)
    if len(given) == len(shape):
        unlike = [b for a, b in zip(shape, given, strict=True) if a != b]
        if np.sum(unlike) == 1:
            return var
    raise ValueError("var is of incorrect size")
