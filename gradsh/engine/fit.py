"""Bringing a cotangent back to an operand's shape and type after broadcasting or promotion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradsh.engine.dtypes import FROM_NUMPY
from gradsh.engine.graph import Node
from gradsh.engine.ops.shape import expand, sum_to, to
from gradsh.engine.tensor import Tensor

Entry = tuple[tuple[int, ...], "np.dtype[Any]"]


def fit(cotangent: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """`cotangent` summed over the dimensions that were broadcast, in the operand's type.

    Takes an array or a tensor and gives the same; a real operand of a complex operation gets
    the real part, as in PyTorch.
    """
    array = cotangent.array if type(cotangent) is Tensor else cotangent
    if array.shape != shape:
        cotangent = (sum_to if _exceeds(array.shape, shape) else expand)(cotangent, shape)
    if array.dtype is not dtype:
        cotangent = to(cotangent, FROM_NUMPY[dtype])
    return cotangent


def _exceeds(given: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether `shape` was repeated to give another shape, rather than reduced."""
    if len(given) > len(shape):
        return True
    return any(length == 1 != long for length, long in zip(shape, given, strict=False))


def fit_all(node: Node, cotangents: Sequence[Any]) -> Sequence[Any]:
    """The cotangents of a node's operands, each brought back where the node says so."""
    if node.fit is None:
        return cotangents
    return [
        cotangent if cotangent is None or entry is None else fit(cotangent, *entry)
        for cotangent, entry in zip(cotangents, node.fit, strict=True)
    ]
