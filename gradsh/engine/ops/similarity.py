"""How alike or how far apart vectors are."""

from __future__ import annotations

from typing import Any

from gradsh.engine.arguments import Operand
from gradsh.engine.arguments import operand as read_operand
from gradsh.engine.derivative import general
from gradsh.engine.dtypes import FLOAT, result_type
from gradsh.engine.modes import set_grad_enabled
from gradsh.engine.op import METHODS, composite
from gradsh.engine.ops.pointwise import add, div, mul, refuse_bools, sub
from gradsh.engine.ops.reductions import norm, sum, vector_norm_of
from gradsh.engine.ops.selection import clamp
from gradsh.engine.ops.shape import broadcast_to, clone, to


def _scaled_to_one(input: Any, dim: int, eps: float) -> Any:
    """input over its norm, or over eps where that is greater; to a derivative it is the norm."""
    length = clone(vector_norm_of(input, 2.0, dim, True))
    with set_grad_enabled(False):
        METHODS["clamp_"](length, min=eps)
    return div(input, length)


@composite()
def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """Cosine of the angle between the vectors along dim of x1 and x2.

    Norms below eps count as eps.

    cosine_similarity(randn(3, 4), randn(3, 4))
    cosine_similarity(randn(2, 3, 4), randn(3, 4), dim=-1, eps=1.0)
    """
    x1 = read_operand(x1, "cosine_similarity", "x1", 1)
    x2 = read_operand(x2, "cosine_similarity", "x2", 2)
    common = result_type((x.dtype, x.array.ndim == 0) for x in (x1, x2))
    if common.category != FLOAT:
        error = RuntimeError(
            "expected common dtype to be floating point, yet common dtype is " + common.type_name
        )
        error.add_note("make one of them a float first: `x.float()`")
        raise error
    x1, x2 = to(x1, common), to(x2, common)
    if x1.array.shape != x2.array.shape:
        from gradsh.engine.appliers import check_broadcast

        shape = check_broadcast(x1.array.shape, x2.array.shape)
        x1, x2 = broadcast_to(x1, shape), broadcast_to(x2, shape)
    return sum(mul(_scaled_to_one(x1, dim, eps), _scaled_to_one(x2, dim, eps)), dim)


@composite()
def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Any:
    """input over its p-norm along dim: vectors of length one.

    Norms below eps count as eps.

    normalize(randn(3, 4))
    normalize(randn(3, 4), 1., 0)
    normalize(randn(3, 4), dim=(0, 1), eps=100.)
    """
    length = clamp(norm(input, p, dim, True), min=eps)
    return div(input, broadcast_to(length, input.shape))


@general(input=vector_norm_of.op.formulas["input"], grad_fn="NormBackward1", hidden=True)
def distance_of(input: Operand, ord: float, dim: int, keepdim: bool):
    """The ord-norm along dim."""
    return vector_norm_of(input, ord, dim, keepdim)


@composite()
def pairwise_distance(
    x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Any:
    """The p-norm, along the last dimension, of x1 - x2 + eps.

    pairwise_distance(randn(3, 4), randn(3, 4))
    pairwise_distance(randn(3, 4), randn(4), 1., keepdim=true)
    pairwise_distance(randn(3, 4), randn(3, 4), 3., 0.5)
    """
    refuse_bools(x1, x2)
    return distance_of(add(sub(x1, x2), eps), p, -1, keepdim)
