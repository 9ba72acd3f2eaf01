"""Elements picked by a mask, and put back there."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import Number, Operand
from gradsh.engine.derivative import linear
from gradsh.engine.dtypes import FROM_NUMPY, NUMBER_CATEGORY
from gradsh.engine.op import composite
from gradsh.engine.ops.gathering import widened
from gradsh.engine.ops.pointwise import where
from gradsh.engine.ops.shape import reshape, sum_to
from gradsh.engine.scalars import stored_number

Array = np.ndarray[Any, np.dtype[Any]]


def _check_mask(name: str, mask: Array) -> None:
    if mask.dtype.kind != "b":
        raise RuntimeError(
            f"{name} only supports boolean masks, but got mask with dtype "
            f"{FROM_NUMPY[mask.dtype].c_name}"
        )


def _broadcast(*arrays: Array) -> list[Array]:
    from gradsh.engine.appliers import broadcast_error

    try:
        return list(np.broadcast_arrays(*arrays))
    except ValueError:
        raise broadcast_error(arrays[1].shape, arrays[0].shape) from None


@linear(
    input=lambda g, mask, input_shape: sum_to(where(mask, _zero(g), g), input_shape),
    grad_fn="MaskedFillBackward0",
    hidden=True,
)
def mask_number(input: Operand, mask: Operand, value: Number):
    """input with a number where the mask is true."""
    return _masked(input, mask, stored_number(value, input.dtype, by_name=True))


@linear(
    input=lambda g, mask, input_shape: sum_to(where(mask, _zero(g), g), input_shape),
    value=lambda g, mask: sum_to(where(mask, g, _zero(g)), ()),
    grad_fn="MaskedFillBackward1",
    hidden=True,
)
def mask_tensor(input: Operand, mask: Operand, value: Operand):
    """input with a zero-dim tensor's value where the mask is true."""
    if value.ndim:
        raise RuntimeError(
            "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value.ndim} dimension(s)."
        )
    return _masked(input, mask, value)


def _zero(g: Any) -> Any:
    return np.zeros((), getattr(g, "array", g).dtype)


def _masked(input: Array, mask: Array, value: Any) -> Array:
    _check_mask("masked_fill_", mask)
    values, spots = _broadcast(input, mask)
    result = values.copy()
    result[spots] = value
    return result


@composite(in_place=True)
def masked_fill(input: Any, mask: Any, value: Any) -> Any:
    """input with a number, or a zero-dim tensor's, where mask is true.

    masked_fill(randn(3, 4), tensor([true, false, true, false]), 7.)
    masked_fill(randn(3, 4), randn(4) > 0, tensor(7))
    """
    fill = mask_number if type(value) in NUMBER_CATEGORY else mask_tensor
    return fill(input, mask, value)


@linear(
    input=lambda g, mask, input_shape: sum_to(spread_by_mask(g, mask, input_shape), input_shape)
)
def masked_select(input: Operand, mask: Operand):
    """The elements of input where mask is true, in one row.

    masked_select(randn(3, 4), randn(3, 4) > 0)
    masked_select(randn(3, 4), tensor([true, false, true, false]))
    """
    if mask.dtype.kind != "b":
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    values, spots = _broadcast(input, mask)
    return values[spots]


@linear(input=lambda g, mask, input_shape: masked_select_of(g, mask, input_shape), hidden=True)
def spread_by_mask(input: Operand, mask: Operand, shape: Any):
    """Zeros with the elements of input where the mask, broadcast with `shape`, is true."""
    result = np.zeros(np.broadcast_shapes(mask.shape, shape), input.dtype)
    result[np.broadcast_to(mask, result.shape)] = input
    return result


def masked_select_of(g: Any, mask: Any, shape: tuple[int, ...]) -> Any:
    """The elements of `g` where the mask is true, as a row of the given shape."""
    return reshape(masked_select(g, mask), shape)


def _to_source(g: Any, mask: Any, shape: tuple[int, ...]) -> Any:
    """The elements of `g` where the mask is true, in order; zeros for what was not used."""
    picked = masked_select(g, mask)
    count = 1
    for length in shape:
        count *= length
    if picked.shape[0] != count:
        picked = widened(picked, (count,))
    return reshape(picked, shape)


@linear(
    input=lambda g, mask, input_shape: sum_to(where(mask, _zero(g), g), input_shape),
    source=lambda g, mask, source_shape: _to_source(g, mask, source_shape),
    in_place=True,
)
def masked_scatter(input: Operand, mask: Operand, source: Operand):
    """input with the elements of source, one after the other, where mask is true.

    masked_scatter(randn(3, 4), randn(3, 4) > 0, randn(3, 4))
    """
    if source.dtype is not input.dtype:
        raise RuntimeError(
            "masked_scatter: expected self and source to have same dtypes but got"
            f"{FROM_NUMPY[input.dtype].type_name} and {FROM_NUMPY[source.dtype].type_name}"
        )
    if mask.dtype.kind != "b":
        raise RuntimeError(
            "masked_scatter_ only supports boolean masks, but got mask with dtype "
            f"{FROM_NUMPY[mask.dtype].type_name}"
        )
    values, spots = _broadcast(input, mask)
    result = values.copy()
    count = int(np.count_nonzero(spots))
    if source.size < count:
        raise RuntimeError("Number of elements of source < number of ones in mask")
    result[spots] = source.reshape(-1)[:count]
    return result
