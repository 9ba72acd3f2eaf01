"""Embedding: rows of a table, looked up by their numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand
from gradsh.engine.arguments import operand as read_operand
from gradsh.engine.derivative import linear
from gradsh.engine.dtypes import FLOAT, FROM_NUMPY
from gradsh.engine.leaf import detach
from gradsh.engine.op import composite
from gradsh.engine.ops.pieces import array_of, refuse_complex_gradient
from gradsh.engine.ops.reductions import vector_norm_of
from gradsh.engine.rebasing import write
from gradsh.engine.tensor import Tensor

Array = np.ndarray[Any, np.dtype[Any]]

NO_PADDING = -1


def _check(weight: Array, indices: Array) -> None:
    if not weight.ndim:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    dtype = FROM_NUMPY[indices.dtype]
    if dtype.name not in ("int64", "int32"):
        error = RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: "
            f"Long, Int; but got {dtype.tensor_class} instead (while checking arguments for "
            "embedding)"
        )
        error.add_note("`embedding(indices, table)`: whole numbers first, `indices.long()`")
        raise error
    if indices.size and not len(weight):
        raise RuntimeError("index_select(): self indexing axis dim should be positive")
    if indices.size and not 0 <= indices.min() <= indices.max() < len(weight):
        bad = IndexError("index out of range in self")
        bad.add_note(f"the table has {len(weight)} rows; they are numbered from 0")
        raise bad


def _weights(indices: Array, rows: int, padding_idx: int, by_freq: bool, kind: Any) -> Array:
    """With what each looked-up row's cotangent counts: nothing for padding."""
    weights = (indices != padding_idx).astype(kind)
    if by_freq:
        weights /= np.bincount(indices, minlength=rows).astype(kind)[indices]
    return weights


@linear(
    grad=lambda g, indices, padding_idx, by_freq: _looked_up(g, indices, padding_idx, by_freq),
    grad_fn="EmbeddingDenseBackwardBackward0",
    hidden=True,
)
def embedding_cotangent(
    grad: Operand, indices: Operand, rows: int, padding_idx: int, by_freq: bool
):
    """The table's cotangent: for each row the sum over the places where it was looked up."""
    width = grad.shape[-1]
    result = np.zeros((rows, width), grad.dtype)
    flat = indices.reshape(-1)
    if not flat.size or not width:
        return result
    lines = grad.reshape(-1, width)
    if by_freq:
        lines = lines * _weights(flat, rows, padding_idx, by_freq, grad.dtype)[:, None]
    if padding_idx != NO_PADDING:
        counted = flat != padding_idx
        flat, lines = flat[counted], lines[counted]
        if not flat.size:
            return result
    order = np.argsort(flat, kind="stable")
    looked_up, starts = np.unique(flat[order], return_index=True)
    result[looked_up] = np.add.reduceat(lines[order], starts, 0)
    return result


def _looked_up(g: Any, indices: Any, padding_idx: int, by_freq: bool) -> Any:
    places = array_of(indices)
    rows = embedding_of(g, indices, NO_PADDING, False)
    if not by_freq and padding_idx == NO_PADDING:
        return rows
    table = array_of(g)
    weights = _weights(places.reshape(-1), len(table), padding_idx, by_freq, table.dtype)
    return rows * weights.reshape(*places.shape, 1)


@linear(
    weight=lambda g, indices, padding_idx, by_freq, weight_shape: embedding_cotangent(
        g, indices, weight_shape[0], padding_idx, by_freq
    ),
    grad_fn="EmbeddingBackward0",
    hidden=True,
)
def embedding_of(weight: Operand, indices: Operand, padding_idx: int, by_freq: bool):
    """The rows of weight that indices name."""
    _check(weight, indices)
    return weight[indices]


def _limit_norms(weight: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> None:
    """Scale the rows that are looked up, in place, to a norm of at most `max_norm`."""
    shape = weight.array.shape
    looked_up = np.unique(indices.array)
    if len(shape) != 2:
        raise RuntimeError(
            f"Expected 2-dimensional tensor, but got {len(shape)}-dimensional tensor for argument "
            "#1 'self' (while checking arguments for embedding_renorm_)"
        )
    for outside in looked_up[looked_up >= shape[0]][:1]:
        raise IndexError(
            f"select(): index {outside} out of range for tensor of size {list(shape)} at "
            "dimension 0"
        )
    if weight.dtype.category < FLOAT:
        raise RuntimeError(
            "norm(): input dtype should be either floating point or complex. Got "
            f"{weight.dtype.type_name} instead."
        )
    _check(weight.array, indices.array)
    table = weight.array.copy()
    rows = table[looked_up]
    norms = vector_norm_of(rows, norm_type, 1, True)
    kind = rows.dtype.type
    table[looked_up] = np.where(
        norms > max_norm, rows * (kind(max_norm) / (norms + kind(1e-7))), rows
    )
    write(detach(weight), table, None)


@composite()
def embedding(
    input: Any,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    """The rows of the table weight that the whole numbers in input name.

    The row padding_idx (counted from the end if negative) gets no gradient. max_norm first scales
    rows in place whose norm_type-norm is greater. scale_grad_by_freq divides a row's gradient by
    how often it was looked up. sparse is for PyTorch's sake: gradients are dense here.

    embedding(tensor([[1, 2], [0, 2]]), randn(3, 4))
    embedding(tensor([[1, 2], [0, 2]]), randn(3, 4), padding_idx=-1)
    embedding(tensor([1, 2, 2]), randn(3, 4), scale_grad_by_freq=true)
    embedding(tensor([1, 2, 2]), randn(3, 4).detach(), max_norm=1.)
    """
    indices = read_operand(input, "embedding", "indices", 2)
    weight = read_operand(weight, "embedding", "weight", 1)
    refuse_complex_gradient("embedding", weight)
    if padding_idx is not None and weight.array.ndim:
        rows = len(weight.array)
        if not -rows <= padding_idx < rows:
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx %= rows
    if max_norm is not None:
        _limit_norms(weight, indices, max_norm, norm_type)
    return embedding_of(
        weight, indices, NO_PADDING if padding_idx is None else padding_idx, scale_grad_by_freq
    )
