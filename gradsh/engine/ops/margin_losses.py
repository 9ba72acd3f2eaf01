"""Losses that compare: of rankings, of similar and dissimilar pairs, of triplets."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import check_tensors
from gradsh.engine.derivative import pointwise
from gradsh.engine.op import composite
from gradsh.engine.ops.creation import zeros_like
from gradsh.engine.ops.elementary import sqrt
from gradsh.engine.ops.loss_reduction import (
    below,
    check_reduction,
    reduced,
    reduction_name,
)
from gradsh.engine.ops.pieces import kept
from gradsh.engine.ops.pointwise import where
from gradsh.engine.ops.reductions import sum, vector_norm_of
from gradsh.engine.ops.selection import minimum
from gradsh.engine.ops.similarity import pairwise_distance

_EPSILON = float(np.float32(1e-12))
"""PyTorch holds this constant in single precision."""


@pointwise(
    input=lambda g, input: kept(g, input >= 0),
    grad_fn="ClampMinBackward0",
    in_place=False,
    hidden=True,
)
def lack(input):
    """input where it is positive, 0 elsewhere: what a margin lacks."""
    if input.dtype.kind == "c":
        raise NotImplementedError("clamp is not supported for complex types")
    return np.maximum(input, input.dtype.type(0))


@composite(method=False)
def hinge_embedding_loss(
    input: Any,
    target: Any,
    margin: float = 1.0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Any:
    """Mean of the distances input where target is 1, of what they lack to margin where it is -1.

    hinge_embedding_loss(randn(3, 4), sign(randn(3, 4)))
    hinge_embedding_loss(randn(3, 4), sign(randn(4)), 0.5, reduction="none")
    hinge_embedding_loss(randn(3, 4), sign(randn(3, 4)), reduction="sum")
    """
    check_tensors("hinge_embedding_loss", input=input, target=target)
    reduction = check_reduction(reduction_name(reduction, size_average, reduce))
    zeros = zeros_like(input)
    apart = where(target != 1, lack(below(margin, input)), zeros)
    return reduced(apart + where(target != -1, input, zeros), reduction)


@composite(method=False)
def margin_ranking_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Any:
    """Mean of how far input1 fails to exceed input2 by margin; the other way where target is -1.

    margin_ranking_loss(randn(3, 4), randn(3, 4), sign(randn(3, 4)))
    margin_ranking_loss(randn(3, 4), randn(3, 1), sign(randn(1, 4)), 0.5, reduction="none")
    margin_ranking_loss(randn(3, 4), randn(3, 4), sign(randn(3, 4)), reduction="sum")
    """
    check_tensors("margin_ranking_loss", input1=input1, input2=input2, target=target)
    reduction = check_reduction(reduction_name(reduction, size_average, reduce))
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.shape}, input2: {input2.shape}, target: {target.shape} "
        )
    difference = input1 - input2
    return reduced(lack(-target * difference + float(margin)), reduction)


@composite(method=False)
def cosine_embedding_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Any:
    """Mean of 1 - the cosine of two vectors where target is 1, of cosine - margin where it is -1.

    cosine_embedding_loss(randn(3, 2) + tensor([2., 0.]), randn(3, 2), tensor([1, -1, 1]))
    cosine_embedding_loss(randn(2, 2), rand(2, 2).T, tensor([1, -1]), 0.2, reduction="none")
    cosine_embedding_loss(randn(2) + tensor([0., 2.]), randn(2), tensor(-1), reduction="sum")
    """
    check_tensors("cosine_embedding_loss", input1=input1, input2=input2, target=target)
    reduction = check_reduction(reduction_name(reduction, size_average, reduce))
    dim = target.ndim
    if dim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if input1.ndim != dim + 1 or input2.ndim != dim + 1:
        raise RuntimeError(
            f"{dim}D target tensor expects {dim + 1}D input tensors, but found inputs with sizes "
            f"{list(input1.shape)} and {list(input2.shape)}."
        )
    products = sum(input1 * input2, dim)
    squares = (sum(input1 * input1, dim) + _EPSILON) * (sum(input2 * input2, dim) + _EPSILON)
    cosines = products / sqrt(squares)
    zeros = zeros_like(cosines)
    alike = where(target == 1, below(1, cosines), zeros)
    return reduced(alike + where(target == -1, lack(cosines - margin), zeros), reduction)


def _distance(a: Any, b: Any, p: float, eps: float) -> Any:
    difference = a - b
    return vector_norm_of(difference + eps, float(p), difference.ndim - 1, False)


def _check_triplet(anchor: Any, positive: Any, negative: Any, margin: float) -> None:
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and "
            f"negative {negative.ndim}D inputs"
        )


@composite(method=False)
def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Any:
    """Mean of how far positive fails to be nearer to anchor, by margin, than negative is.

    Distances are p-norms along the last dimension. With swap the nearer of anchor and positive
    counts for negative.

    triplet_margin_loss(randn(3, 4), randn(3, 4), randn(3, 4))
    triplet_margin_loss(randn(3, 4), randn(3, 4), randn(1, 4), 2.5, p=1, reduction="none")
    triplet_margin_loss(randn(3, 4), randn(3, 4), randn(3, 4), eps=0.01, reduction="sum")
    triplet_margin_loss(randn(3, 4), randn(3, 4), randn(3, 4), swap=true)
    """
    check_tensors("triplet_margin_loss", anchor=anchor, positive=positive, negative=negative)
    reduction = check_reduction(reduction_name(reduction, size_average, reduce))
    _check_triplet(anchor, positive, negative, margin)
    near = _distance(anchor, positive, p, eps)
    far = _distance(anchor, negative, p, eps)
    if swap:
        far = minimum(far, _distance(positive, negative, p, eps))
    return reduced(lack(near + margin - far), reduction)


@composite(method=False)
def triplet_margin_with_distance_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    distance_function: Any = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: Any = "mean",
) -> Any:
    """triplet_margin_loss with any function of two tensors as the distance_function.

    triplet_margin_with_distance_loss(randn(3, 4), randn(3, 4), randn(3, 4), swap=true)
    triplet_margin_with_distance_loss(randn(3, 4), randn(3, 4), randn(3, 4), margin=0.5)
    """
    check_tensors(
        "triplet_margin_with_distance_loss", anchor=anchor, positive=positive, negative=negative
    )
    reduction = check_reduction(reduction)
    _check_triplet(anchor, positive, negative, margin)
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduced(lack(near + margin - far), reduction)
