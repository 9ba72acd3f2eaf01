"""Margin losses of classes: how far the right ones are ahead of the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand, check_tensors
from gradsh.engine.derivative import general
from gradsh.engine.dtypes import FROM_NUMPY, HALVES, is_floating
from gradsh.engine.op import composite
from gradsh.engine.ops.loss_reduction import (
    check_reduction,
    reduced_array,
    reduction_name,
    refuse_gradient,
    share,
)
from gradsh.engine.ops.pointwise import not_implemented
from gradsh.engine.tensor import Tensor

Array = np.ndarray[Any, np.dtype[Any]]


def _check_input(kernel: str, input: Array, target: Array) -> None:
    """PyTorch's errors for the shape of input and the element types."""
    if input.ndim > 2 or (input.ndim and not input.shape[-1]):
        raise RuntimeError(
            "Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            f"{list(input.shape)}"
        )
    if not is_floating(input.dtype) or input.dtype in HALVES:
        raise not_implemented(kernel, input)
    if target.dtype != np.int64:
        error = RuntimeError(
            f"expected scalar type Long but found {FROM_NUMPY[target.dtype].type_name}"
        )
        error.add_note("classes are integers: `target.long()`")
        raise error


def _rows(array: Array) -> Array:
    """An example, or a batch of them, as a matrix."""
    return array.reshape(-1, array.shape[-1] if array.ndim else 1)


def _finished(losses: Array, input: Array, reduction: str) -> Array:
    """One loss for each example, reduced; of a single example without a batch a zero-dim one."""
    if input.ndim < 2:
        return losses.reshape(())
    return np.asarray(reduced_array(losses, reduction))


def _by_example(grad: Array, input: Array, reduction: str) -> Array:
    """What arrives at each example's loss."""
    count = len(input) if input.ndim > 1 else 1
    factor = input.dtype.type(share(reduction if input.ndim > 1 else "sum", count))
    return np.broadcast_to(np.asarray(grad * factor).reshape(-1, 1), (count, 1))


def _lacks(input: Array, target: Array, margin: float) -> tuple[Array, Array, Array]:
    """What each other class lacks to the margin behind the right one; the rows and the classes."""
    rows = _rows(input)
    classes = target.reshape(-1)
    each = np.arange(len(rows))
    lacks = input.dtype.type(margin) - rows[each, classes][:, None] + rows
    lacks[each, classes] = 0
    return np.maximum(lacks, 0), each, classes


def _no_second_derivative(g: Any) -> Any:
    raise RuntimeError("derivative for aten::multi_margin_loss_backward is not implemented")


@general(
    grad=_no_second_derivative, input=_no_second_derivative, grad_fn="NotImplemented", hidden=True
)
def multi_margin_cotangent(
    grad: Operand,
    input: Operand,
    target: Operand,
    weight: Operand | None,
    p: int,
    margin: float,
    reduction: str,
):
    """The cotangent of input for the cotangent grad of a multi-class margin loss."""
    lacks, each, classes = _lacks(input, target, margin)
    slopes = (lacks > 0).astype(input.dtype) if p == 1 else 2 * lacks
    slopes = slopes / input.dtype.type(slopes.shape[1])
    if weight is not None:
        slopes = slopes * weight[classes][:, None]
    slopes[each, classes] = -slopes.sum(1)
    return (slopes * _by_example(grad, input, reduction)).reshape(input.shape)


@general(
    input=lambda g, input, target, weight, p, margin, reduction: multi_margin_cotangent(
        g, input, target, weight, p, margin, reduction
    ),
    grad_fn="MultiMarginLossBackward0",
    hidden=True,
)
def multi_margin_loss_of(
    input: Operand,
    target: Operand,
    weight: Operand | None,
    p: int,
    margin: float,
    reduction: str,
):
    """The margin losses of examples, reduced."""
    lacks, _, classes = _lacks(input, target, margin)
    terms = lacks if p == 1 else lacks * lacks
    if weight is not None:
        terms = terms * weight[classes][:, None]
    return _finished(terms.sum(1) / input.dtype.type(terms.shape[1]), input, reduction)


@composite(method=False)
def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Any:
    """Mean of what the other classes' scores lack to be a margin below that of the class target.

    What each class lacks is summed, to the power p (1 or 2), and divided by the number of classes;
    weight says how much each class counts.

    multi_margin_loss(randn(2, 5), tensor([1, 4]))
    multi_margin_loss(randn(2, 5), tensor([1, 4]), p=2, margin=0.5, reduction="sum")
    multi_margin_loss(randn(2, 5), tensor([1, 4]), weight=rand(5).detach(), reduction="none")
    multi_margin_loss(randn(5), tensor(2))
    """
    check_tensors("multi_margin_loss", input=input, target=target)
    reduction = check_reduction(reduction_name(reduction, size_average, reduce))
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.ndim != 1:
        raise ValueError("weight must be one-dimensional")
    refuse_gradient("multi_margin_loss", weight=weight)
    values, classes = input.array, target.array
    _check_input("multi_margin_loss_cpu_kernel", values, classes)
    count = len(values) if values.ndim > 1 else 1
    if classes.ndim > 1 or classes.size != count:
        raise RuntimeError(
            "multi_margin_loss: target tensor should be 1-D with size equal to the number of "
            f"input samples (batch size). Expected target size [{count}], but got "
            f"{list(classes.shape)}. Input has shape {list(values.shape)}."
        )
    length = values.shape[-1] if values.ndim else 1
    if type(weight) is Tensor:
        if weight.array.size != length:
            raise RuntimeError(
                f"inconsistent weight size, expected {length} but got {list(weight.shape)}"
            )
        if weight.array.dtype is not values.dtype:
            raise RuntimeError(
                f"expected scalar type {input.dtype.type_name} but found {weight.dtype.type_name}"
            )
    if classes.size and (classes.min() < 0 or classes.max() >= length):
        raise RuntimeError("target out of range")
    return multi_margin_loss_of(input, target, weight, int(p), float(margin), reduction)


def _pairs(input: Array, target: Array) -> tuple[Array, Array, Array]:
    """For each example, label and other class what the class lacks to be one below the label.

    Labels end before the first -1. With it: which labels count, and the labels.
    """
    rows, labels = _rows(input), _rows(target)
    counted = np.logical_and.accumulate(labels >= 0, 1)
    safe = np.where(counted, labels, 0)
    wanted = np.zeros(rows.shape, bool)
    each = np.arange(len(rows))[:, None]
    np.logical_or.at(wanted, (np.broadcast_to(each, labels.shape)[counted], labels[counted]), True)
    lacks = 1 - np.take_along_axis(rows, safe, 1)[:, :, None] + rows[:, None, :]
    compared = counted[:, :, None] & ~wanted[:, None, :]
    return np.where(compared, np.maximum(lacks, 0), 0), counted, safe


def _no_second_label_derivative(g: Any) -> Any:
    raise RuntimeError("derivative for aten::multilabel_margin_loss_backward is not implemented")


@general(
    grad=_no_second_label_derivative,
    input=_no_second_label_derivative,
    grad_fn="NotImplemented",
    hidden=True,
)
def multilabel_cotangent(grad: Operand, input: Operand, target: Operand, reduction: str):
    """The cotangent of input for the cotangent grad of a multi-label margin loss."""
    lacks, counted, labels = _pairs(input, target)
    behind = (lacks > 0).astype(input.dtype)
    slopes = behind.sum(1)
    each, place = np.nonzero(counted)
    np.subtract.at(slopes, (each, labels[each, place]), behind.sum(2)[each, place])
    slopes = slopes / input.dtype.type(slopes.shape[1])
    return (slopes * _by_example(grad, input, reduction)).reshape(input.shape)


@general(
    input=lambda g, input, target, reduction: multilabel_cotangent(g, input, target, reduction),
    grad_fn="MultilabelMarginLossBackward0",
    hidden=True,
)
def multilabel_margin_loss_of(input: Operand, target: Operand, reduction: str):
    """The multi-label margin losses of examples, reduced."""
    lacks, _, labels = _pairs(input, target)
    losses = lacks.sum((1, 2)) / input.dtype.type(labels.shape[1])
    return _finished(losses, input, reduction)


@composite(method=False)
def multilabel_margin_loss(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Any:
    """Mean of what the scores of other classes lack to be one below those of an example's labels.

    A row of target holds the labels of an example, as many as there are before the first -1.

    multilabel_margin_loss(randn(2, 5), tensor([[1, 3, -1, 0, 0], [4, -1, 2, 2, 2]]))
    multilabel_margin_loss(randn(2, 3), tensor([[1, -1, 0], [2, 0, -1]]), reduction="none")
    multilabel_margin_loss(randn(5), tensor([1, 3, 0, -1, 0]), reduction="sum")
    """
    check_tensors("multilabel_margin_loss", input=input, target=target)
    reduction = check_reduction(reduction_name(reduction, size_average, reduce))
    values, labels = input.array, target.array
    _check_input("multilabel_margin_loss_forward_out_frame", values, labels)
    if values.shape != labels.shape:
        raise RuntimeError(
            f"inconsistent target size: {list(labels.shape)} for input of size: "
            f"{list(values.shape)}"
        )
    length = values.shape[-1] if values.ndim else 1
    if labels.size and (labels.min() < -1 or labels.max() >= length):
        raise RuntimeError("argument #2 'target' is out of range")
    return multilabel_margin_loss_of(input, target, reduction)
