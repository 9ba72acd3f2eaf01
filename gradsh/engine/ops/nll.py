"""The loss of classification by indices: the negated logarithms of the classes' probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand, check_tensors
from gradsh.engine.derivative import general
from gradsh.engine.dtypes import FROM_NUMPY
from gradsh.engine.op import composite
from gradsh.engine.ops.loss_reduction import (
    check_reduction,
    reduction_name,
    refuse_gradient,
)
from gradsh.engine.ops.pieces import refuse
from gradsh.engine.ops.pointwise import no_change
from gradsh.engine.ops.shape import contiguous, view

_RUN_LEVELS = 8


def _cascade_total(values: Any) -> Any:
    """The sum of a line of numbers in the order in which PyTorch's kernel adds losses up.

    The first number goes to the highest level; the others are added in runs, these in runs of
    runs, so that rounding errors stay small. Source of the order: PyTorch's LossNLL.cpp.
    """
    count = len(values)
    if count < 3:
        return values.sum()
    run = 1 << max(4, (count - 1).bit_length() // _RUN_LEVELS)
    first, rest = values[:1], values[1:]
    levels: list[Any] = []
    while len(rest) and len(levels) < _RUN_LEVELS - 1:
        whole = len(rest) // run * run
        if whole < len(rest):
            levels.append(np.add.accumulate(rest[whole:])[-1:])
        rest = np.add.accumulate(rest[:whole].reshape(-1, run), 1)[:, -1]
    levels.append(np.add.accumulate(np.concatenate((first, rest)))[-1:] if len(rest) else first)
    return np.add.accumulate(np.concatenate(levels))[-1]


def _counted(target: Any, classes: int, ignore_index: int) -> Any:
    """Where a target counts; None if all do. IndexError for one that is no class."""
    low, high = (target.min(), target.max()) if target.size else (0, -1)
    counted = target != ignore_index if low <= ignore_index <= high else None
    if low < 0 or high >= classes:
        outside = (target < 0) | (target >= classes)
        if counted is not None:
            outside &= counted
        if outside.any():
            error = IndexError(f"Target {target[outside].flat[0]} is out of bounds.")
            error.add_note(f"the classes are counted from 0: here 0 to {classes - 1}")
            raise error
    return counted


def _weight_of(target: Any, weight: Any, counted: Any) -> Any:
    """The weight of each target, zero for the ignored ones; None where all weigh one."""
    if weight is None:
        return counted
    if counted is None:
        return weight[target]
    return np.where(counted, weight[np.where(counted, target, 0)], weight.dtype.type(0))


def _weighted(values: Any, weights: Any, counted: Any) -> Any:
    """Values times weights; zero where a target does not count, whatever the value is."""
    if weights is None:
        return values
    if weights is not counted:
        values = values * weights
    return values if counted is None else np.where(counted, values, values.dtype.type(0))


def _total_weight(target: Any, weights: Any) -> Any:
    """The weights' sum: how many targets count, where all weigh one."""
    if weights is None:
        return target.size
    if weights.dtype.kind == "b":
        return np.count_nonzero(weights)
    return _cascade_total(weights.reshape(-1))


def _places(target: Any, counted: Any) -> tuple[Any, ...]:
    """Where in an input of shape (N, C, ...) the class of each target stands."""
    chosen = target if counted is None else np.where(counted, target, 0)
    if target.ndim == 1:
        return np.arange(len(target)), chosen
    places = list(np.ogrid[tuple(slice(length) for length in target.shape)])
    places.insert(1, chosen)
    return tuple(places)


def _as_batch(input: Any, target: Any) -> tuple[Any, Any]:
    """A single example as a batch of one."""
    return (input[np.newaxis], target.reshape(1)) if input.ndim == 1 else (input, target)


@general(
    grad=lambda g, target, weight, reduction, ignore_index: nll_loss_of(
        g, target, weight, reduction, ignore_index
    ),
    input=lambda g, input_shape: no_change(g),
    grad_fn=lambda node: _nll_node(node, "BackwardBackward0"),
    hidden=True,
)
def nll_cotangent(
    grad: Operand,
    input: Operand,
    target: Operand,
    weight: Operand | None,
    reduction: str,
    ignore_index: int,
):
    """The cotangent of input for the cotangent grad of its negative log loss."""
    result = np.zeros(input.shape, grad.dtype)
    batch, target = _as_batch(result, target)
    if not target.size:
        return result
    counted = _counted(target, batch.shape[1], ignore_index)
    weights = _weight_of(target, weight, counted)
    if reduction == "mean":
        grad = grad / grad.dtype.type(_total_weight(target, weights))
    elif reduction == "none":
        grad = grad.reshape(target.shape)
    values = _weighted(-np.broadcast_to(grad, target.shape), weights, counted)
    batch[_places(target, counted)] = values
    return result


def _nll_node(node: Any, ending: str) -> str:
    """NllLoss2D for images, NllLoss for single values."""
    return f"NllLoss{'2D' if len(node.op.argument(node, 'input_shape')) > 2 else ''}{ending}"


@general(
    input=lambda g, input, target, weight, reduction, ignore_index, input_shape: nll_cotangent(
        g, input, target, weight, reduction, ignore_index
    ),
    grad_fn=lambda node: _nll_node(node, "Backward0"),
    hidden=True,
)
def nll_loss_of(
    input: Operand, target: Operand, weight: Operand | None, reduction: str, ignore_index: int
):
    """The negated entries of input, of shape (C), (N, C) or (N, C, ...), at their targets."""
    batch, target = _as_batch(input, target)
    refuse(
        "nll_loss_out_frame" if batch.ndim == 2 else "nll_loss2d_forward_out_frame", "iubc", input
    )
    if weight is not None and weight.dtype is not input.dtype:
        raise RuntimeError(
            f"expected scalar type {FROM_NUMPY[input.dtype].type_name} but found "
            f"{FROM_NUMPY[weight.dtype].type_name}"
        )
    if batch.ndim > 2 and target.dtype != np.int64:
        raise RuntimeError("expected scalar type Long but found Byte")
    counted = _counted(target, batch.shape[1], ignore_index)
    weights = _weight_of(target, None if weight is None else weight.reshape(-1), counted)
    values = np.zeros(target.shape, input.dtype)
    if target.size:
        values = _weighted(-batch[_places(target, counted)], weights, counted)
    if reduction == "none":
        return values.reshape(()) if input.ndim == 1 else values
    total = _cascade_total(values.reshape(-1))
    if reduction == "mean":
        total = np.true_divide(total, input.dtype.type(_total_weight(target, weights)))
    return total


def _check_nll(input: Any, target: Any, weight: Any) -> None:
    """PyTorch's errors for shapes and types that nll_loss does not take."""
    if weight is None and target.array.dtype == np.int64:
        given, wanted_shape = input.array.shape, target.array.shape
        if len(given) == 2 and given[:1] == wanted_shape:
            return  # the common case
    shape, wanted = list(input.array.shape), list(target.array.shape)
    if not shape:
        raise ValueError("Expected 1 or more dimensions (got 0)")
    batch = wanted[0] if wanted else 0
    if len(shape) > 1 and shape[0] != batch:
        raise ValueError(
            f"Expected input batch_size ({shape[0]}) to match target batch_size ({batch})."
        )
    if len(shape) == 3 or len(shape) > 4:
        expected = [shape[0], *shape[2:]]
        if wanted[1:] != shape[2:]:
            raise RuntimeError(f"Expected target size {expected}, got {wanted}")
    refuse_gradient(f"nll_loss{'2d' if len(shape) > 2 else ''}_forward", weight=weight)
    if len(shape) == 4 and len(wanted) != 3:
        raise RuntimeError(
            "only batches of spatial targets supported (3D tensors) but got targets of "
            f"dimension: {len(wanted)}"
        )
    if len(shape) < 3 and len(wanted) > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if target.dtype.name not in ("int64", "uint8"):
        error = RuntimeError(
            f"expected target dtype to be Long or Byte, but got {target.dtype.type_name}"
        )
        error.add_note("targets are class indices: `target.long()`")
        raise error
    if len(shape) < 3:
        _check_flat(shape, wanted, weight)


def _check_image(input: Any, target: Any, weight: Any) -> None:
    """PyTorch's errors for an input of four dimensions."""
    shape, wanted = list(input.array.shape), list(target.array.shape)
    if weight is not None and weight.array.size != shape[1]:
        raise RuntimeError("weight tensor should be defined either for all or no classes")
    if [shape[0], *shape[2:]] != wanted:
        raise RuntimeError(f"size mismatch (got input: {shape} , target: {wanted}")


def _check_flat(shape: list[int], wanted: list[int], weight: Any) -> None:
    """PyTorch's errors for the shapes of an input of at most two dimensions and its target."""
    if len(shape) == 1 and wanted not in ([], [1]):
        raise ValueError(
            f"For 1D input, 1D target must have size 1, but got target size: {wanted[0]}"
        )
    if len(shape) == 2 and not wanted:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    classes = shape[-1]
    if weight is not None and tuple(weight.array.shape) != (classes,):
        raise RuntimeError(
            f"weight tensor should be defined either for all {classes} classes or no classes but "
            f"got weight tensor of shape: {list(weight.array.shape)}"
        )


def _row(tensor: Any) -> tuple[int, int]:
    return (1, -1) if tensor.array.size else (0, 0)


def nll(input: Any, target: Any, weight: Any, reduction: str, ignore_index: int) -> Any:
    """The negative log likelihood loss of checked settings."""
    _check_nll(input, target, weight)
    shape = input.array.shape
    if len(shape) < 3:
        return nll_loss_of(input, target, weight, reduction, ignore_index)
    if len(shape) == 4:
        _check_image(input, target, weight)
        return nll_loss_of(input, target, weight, reduction, ignore_index)
    # PyTorch sees any other number of dimensions as an image of one row
    flat = view(contiguous(input), (*shape[:2], *_row(input)))
    flat_target = view(contiguous(target), (shape[0], *_row(target)))
    _check_image(flat, flat_target, weight)
    result = nll_loss_of(flat, flat_target, weight, reduction, ignore_index)
    return view(result, (shape[0], *shape[2:])) if reduction == "none" else result


@composite(method=False)
def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Any:
    """Mean of the negated logarithms that input, of shape (N, C) or (N, C, ...), holds at target.

    target names a class, 0 to C - 1, for each row; those that are ignore_index do not count. The
    mean is weighted with the weight of each class where given.

    nll_loss(randn(3, 4), tensor([1, 0, 3]))
    nll_loss(randn(3, 4), tensor([1, -100, 3]), rand(4).detach(), reduction="sum")
    nll_loss(randn(3, 4), tensor([1, 0, 1]), ignore_index=0, reduction="none")
    nll_loss(randn(2, 4, 3), tensor([[1, 0, 2], [3, 3, 0]]), rand(4).detach())
    nll_loss(randn(2, 4, 1, 3).contiguous(), tensor([[[1, 0, 1]], [[1, 1, 0]]]), reduction="none")
    """
    check_tensors("nll_loss", input=input, target=target)
    reduction = check_reduction(reduction_name(reduction, size_average, reduce))
    return nll(input, target, weight, reduction, ignore_index)
