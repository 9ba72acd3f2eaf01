"""Cross entropy of scores and classes, given by indices or by probabilities."""

from __future__ import annotations

from typing import Any

from gradsh.engine.arguments import check_tensors
from gradsh.engine.op import composite
from gradsh.engine.ops.gathering import gather
from gradsh.engine.ops.loss_reduction import (
    check_reduction,
    multiple,
    quotient,
    reduction_name,
)
from gradsh.engine.ops.masking import masked_fill, masked_select
from gradsh.engine.ops.nll import nll
from gradsh.engine.ops.pointwise import add, div, mul, neg
from gradsh.engine.ops.reductions import sum
from gradsh.engine.ops.shape import view
from gradsh.engine.ops.softmax import log_softmax


def _along_classes(weight: Any, ndim: int) -> Any:
    """A weight for each class in a shape that broadcasts with an input of `ndim` dimensions."""
    shape = [1] * ndim
    shape[0 if ndim == 1 else 1] = len(weight.array)
    return view(weight, tuple(shape))


def _check_smoothing(label_smoothing: float) -> None:
    if label_smoothing > 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing:g}")


def _per_class(label_smoothing: float, classes: int) -> float:
    return label_smoothing / classes if classes else float("inf")


def _with_probabilities(
    input: Any, target: Any, weight: Any, reduction: str, label_smoothing: float
) -> Any:
    ndim = input.array.ndim
    if not ndim:
        raise IndexError("Dimension specified as 1 but tensor has no dimensions")
    class_dim = 0 if ndim == 1 else 1
    classes = input.array.shape[class_dim]
    if weight is not None and tuple(weight.array.shape) != (classes,):
        raise RuntimeError(
            f"cross_entropy: weight tensor should be defined either for all {classes} classes or "
            f"no classes but got weight tensor of shape: {list(weight.array.shape)}"
        )
    logarithms = log_softmax(input, class_dim)
    if label_smoothing > 0:
        _check_smoothing(label_smoothing)
        target = add(mul(target, 1 - label_smoothing), _per_class(label_smoothing, classes))
    products = mul(logarithms, target)
    if weight is not None:
        products = mul(products, _along_classes(weight, ndim))
    if reduction == "none":
        return neg(sum(products, class_dim))
    if reduction == "sum":
        return neg(sum(products))
    if not input.array.size:
        return neg(sum(products) * float("nan"))
    return quotient(neg(sum(products)), input.array.size // classes)


def _with_smoothed_labels(
    input: Any, target: Any, weight: Any, reduction: str, ignore_index: int, label_smoothing: float
) -> Any:
    _check_smoothing(label_smoothing)
    class_dim = 0 if input.array.ndim == 1 else 1
    logarithms = log_softmax(input, class_dim)
    sharp = nll(logarithms, target, weight, reduction, ignore_index)
    weighted = logarithms
    if weight is not None:
        weighted = mul(logarithms, _along_classes(weight, input.array.ndim))
    ignored = target == ignore_index
    smooth = masked_fill(neg(sum(weighted, class_dim)), ignored, 0.0)
    if reduction == "sum":
        smooth = sum(smooth)
    elif reduction == "mean":
        counted = ~ignored
        total = counted
        if weight is not None:
            total = gather(weight, 0, masked_select(target, counted))
        smooth = div(sum(smooth), sum(total))
    return add(
        multiple(sharp, 1 - label_smoothing),
        multiple(smooth, _per_class(label_smoothing, input.array.shape[class_dim])),
    )


@composite(method=False)
def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: Any = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """Mean cross entropy of the classes that input, of shape (N, C, ...), scores, and target.

    target holds a class index for each row, or, of input's shape, the probability of each
    class. label_smoothing mixes it with the even distribution.

    cross_entropy(randn(3, 4), tensor([1, 0, 3]))
    cross_entropy(randn(3, 4), rand(3, 4))
    cross_entropy(randn(3, 4), tensor([1, -100, 3]), rand(4).detach(), label_smoothing=0.2)
    cross_entropy(randn(3, 4), tensor([1, 0, 1]), ignore_index=0, reduction="none")
    cross_entropy(randn(3, 4), rand(3, 4), rand(4), reduction="sum", label_smoothing=0.1)
    cross_entropy(randn(2, 4, 3), tensor([[1, 0, 1], [1, 1, 0]]), reduction="none")
    """
    check_tensors("cross_entropy", input=input, target=target)
    reduction = check_reduction(reduction_name(reduction, size_average, reduce))
    if input.array.shape == target.array.shape:
        if not target.dtype.is_floating_point:
            error = RuntimeError(
                "Expected floating point type for target with class probabilities, got "
                + target.dtype.type_name
            )
            error.add_note("a target of input's shape holds probabilities: `target.float()`")
            raise error
        if ignore_index >= 0:
            raise RuntimeError("ignore_index is not supported for floating point target")
        return _with_probabilities(input, target, weight, reduction, label_smoothing)
    if label_smoothing > 0:
        return _with_smoothed_labels(
            input, target, weight, reduction, ignore_index, label_smoothing
        )
    class_dim = 0 if input.array.ndim == 1 else 1
    return nll(log_softmax(input, class_dim), target, weight, reduction, ignore_index)
