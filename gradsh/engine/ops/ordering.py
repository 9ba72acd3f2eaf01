"""Sorting, the largest and smallest, the distinct and the nonzero elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import Dim, Operand
from gradsh.engine.derivative import general
from gradsh.engine.dtypes import FROM_NUMPY
from gradsh.engine.op import composite
from gradsh.engine.ops.gathering import added_at
from gradsh.engine.ops.pieces import refuse
from gradsh.engine.ops.shape import reshape
from gradsh.engine.results import named_result
from gradsh.engine.tensor import Tensor, new_tensor, wrap_dim

Array = np.ndarray[Any, np.dtype[Any]]

Sort = named_result("sort", ("values", "indices"))
Topk = named_result("topk", ("values", "indices"))
Kthvalue = named_result("kthvalue", ("values", "indices"))


def put_back(g: Any, indices: Any, dim: int, shape: tuple[int, ...]) -> Any:
    """The values' cotangent where the values came from."""
    return added_at(g[0], indices, dim, shape)


def sorted_places(input: Array, axis: int, descending: bool) -> Array:
    """The order of the elements along `axis`: equal ones as they stand, nan the greatest."""
    if not descending:
        return np.argsort(input, axis, kind="stable")
    reversed_places = np.argsort(np.flip(input, axis), axis, kind="stable")
    return np.flip(input.shape[axis] - 1 - reversed_places, axis)


def _line(input: Array, dim: int) -> tuple[Array, int]:
    """A zero-dim tensor as a line of one element, and the dimension counted from the front."""
    return np.atleast_1d(input), wrap_dim(dim, input.ndim)


@general(
    input=lambda g, indices, dim, input_shape: put_back(g, indices, dim, input_shape),
    outputs=("values", "indices"),
)
def sort(input: Operand, dim: Dim = -1, descending: bool = False, *, stable: bool = False):
    """The elements in ascending order along dim, and where each was.

    sort(randn(3, 4))
    sort(randn(3, 4), 0, descending=true)
    """
    line, axis = _line(input, dim)
    if input.dtype.kind == "c":
        raise RuntimeError(" Sort does not support complex dtypes on CPU")
    places = np.empty_like(line, np.int64)
    places[...] = sorted_places(line, axis, descending)
    values = np.take_along_axis(line, places, axis)
    return Sort(values.reshape(input.shape), places.reshape(input.shape))


@composite()
def argsort(input: Any, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Any:
    """The order of the elements along dim: where each of the sorted ones was.

    argsort(randn(3, 4))
    argsort(randn(3, 4), 0, descending=true)
    """
    return sort(input, dim, descending, stable=stable)[1]


@composite()
def msort(input: Any) -> Any:
    """The elements in ascending order along the first dimension.

    msort(randn(3, 4))
    """
    return sort(input, 0)[0]


@general(
    input=lambda g, indices, dim, input_shape: put_back(g, indices, dim, input_shape),
    outputs=("values", "indices"),
)
def topk(input: Operand, k: Dim, dim: Dim = -1, largest: bool = True, sorted: bool = True):
    """The k largest elements along dim (or the smallest), and where each was.

    topk(tensor([3., 1., 4., 1.5]), 2)
    topk(tensor([[3., 1.], [4., 1.5]]), 1, 0, largest=false)
    """
    if input.dtype.kind == "c":
        raise RuntimeError(" topk does not support complex dtypes on CPU")
    if input.dtype.kind == "b":
        raise RuntimeError("topk does not support bool dtypes on CPU")
    line, axis = _line(input, dim)
    if not 0 <= k <= line.shape[axis]:
        raise RuntimeError("selected index k out of range")
    order = sorted_places(line, axis, largest)
    places = order[(slice(None),) * axis + (slice(k),)]
    values = np.take_along_axis(line, places, axis)
    if not input.ndim:
        return Topk(input.copy(), np.zeros((), np.int64))
    return Topk(values, np.ascontiguousarray(places))


def _kth_rule(g: Any, indices: Any, dim: int, keepdim: bool, input_shape: tuple[int, ...]) -> Any:
    """`g.values` at the elements that were selected along `dim`, zeros elsewhere."""
    g = g[0]
    if not keepdim and input_shape:
        axis = dim % len(input_shape)
        shape = (*input_shape[:axis], 1, *input_shape[axis + 1 :])
        g, indices = reshape(g, shape), reshape(indices, shape)
    return added_at(g, indices, dim, input_shape)


@general(
    input=_kth_rule,
    outputs=("values", "indices"),
)
def kthvalue(input: Operand, k: Dim, dim: Dim = -1, keepdim: bool = False):
    """The k-th smallest element along dim, and where it was.

    kthvalue(tensor([3., 1., 4., 1.5]), 2)
    kthvalue(tensor([[3., 1.], [4., 1.5]]), 1, 0, keepdim=true)
    """
    line, axis = _line(input, dim)
    if not line.shape[axis]:
        raise IndexError(f"kthvalue(): Expected reduction dim {axis} to have non-zero size.")
    if not 1 <= k <= line.shape[axis]:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {axis}")
    if input.dtype.kind == "b":
        from gradsh.engine.ops.pointwise import not_implemented

        raise not_implemented("kthvalue_cpu", input)
    order = sorted_places(line, axis, False)
    places = order[(slice(None),) * axis + (slice(k - 1, k),)]
    values = np.take_along_axis(line, places, axis)
    if not input.ndim:
        return Kthvalue(values.reshape(()), places.reshape(()))
    if not keepdim:
        values, places = np.squeeze(values, axis), np.squeeze(places, axis)
    return Kthvalue(values, places.copy())


def _no_derivative(name: str) -> Any:
    def refuse(g: Any) -> Any:
        raise NotImplementedError(f"the derivative for '{name}' is not implemented.")

    return refuse


@general(
    input=_no_derivative("_unique2"),
    outputs=("values", "inverse", "counts"),
    grad_fn="Unique2Backward0",
    hidden=True,
)
def distinct(input: Operand, wants_inverse: Any, wants_counts: Any):
    """The distinct elements in order, which of them each element is, how often each comes."""
    refuse("unique", "c", input)
    values, inverse, counts = np.unique(
        input, return_inverse=True, return_counts=True, equal_nan=False
    )
    return values, inverse.reshape(input.shape), counts


@general(
    input=_no_derivative("unique_dim"),
    outputs=("values", "inverse", "counts"),
    grad_fn="UniqueDimBackward0",
    hidden=True,
)
def distinct_parts(input: Operand, dim: Dim):
    """The distinct parts along dim in order, which of them each is, how often each comes."""
    if not input.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    refuse("unique_dim", "c", input)
    axis = wrap_dim(dim, input.ndim)
    if any(not length for dim, length in enumerate(input.shape) if dim != axis):
        raise RuntimeError(
            "There are 0 sized dimensions, and they aren't selected, so unique cannot be applied"
        )
    values, inverse, counts = np.unique(
        input, return_inverse=True, return_counts=True, axis=axis, equal_nan=False
    )
    return values, inverse.reshape(-1), counts


@general(
    input=_no_derivative("unique_consecutive"),
    outputs=("values", "inverse", "counts"),
    grad_fn="UniqueConsecutiveBackward0",
    hidden=True,
)
def runs(input: Operand, dim: Any = None):
    """The first of each run of equal elements (or parts), which run each is in, their lengths."""
    if dim is not None:
        return _runs_along(input, dim)
    refuse("unique", "c", input)
    flat = input.reshape(-1)
    starts = np.concatenate([np.ones(min(1, flat.size), bool), flat[1:] != flat[:-1]])
    inverse = np.cumsum(starts) - 1
    places = np.flatnonzero(starts)
    counts = np.diff(places, append=flat.size)
    return flat[starts], inverse.reshape(input.shape), counts


def _runs_along(input: Array, dim: int) -> Any:
    if not input.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    refuse("unique_dim", "c", input)
    axis = wrap_dim(dim, input.ndim)
    if not input.size and input.shape[axis]:
        raise RuntimeError(
            "There are 0 sized dimensions, and they aren't selected, so unique cannot be applied"
        )
    lines = np.moveaxis(input, axis, 0).reshape(input.shape[axis], -1)
    starts = np.ones(len(lines), bool)
    starts[1:] = (lines[1:] != lines[:-1]).any(1)
    places = np.flatnonzero(starts)
    counts = np.diff(places, append=len(lines))
    return np.compress(starts, input, axis), np.cumsum(starts) - 1, counts


def _asked(results: tuple[Any, ...], return_inverse: bool, return_counts: bool) -> Any:
    values, inverse, counts = results
    if return_inverse and return_counts:
        return values, inverse, counts
    if return_inverse:
        return values, inverse
    return (values, counts) if return_counts else values


@composite()
def unique(
    input: Any,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The distinct elements of input in order, or its distinct parts along dim.

    unique(tensor([3, 1, 3, 2]))
    unique(tensor([3, 1, 3, 2]), return_inverse=true, return_counts=true)
    unique(tensor([[1, 2], [0, 5], [1, 2]]), dim=0)
    """
    if dim is not None:
        return _asked(distinct_parts(input, dim), return_inverse, return_counts)
    return _asked(distinct(input, return_inverse, return_counts), return_inverse, return_counts)


@composite()
def unique_consecutive(
    input: Any,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The elements of input, or its parts along dim, without immediate repetitions.

    unique_consecutive(tensor([1, 1, 2, 2, 1]))
    unique_consecutive(tensor([1, 1, 2, 2, 1]), return_counts=true)
    unique_consecutive(tensor([[1, 2], [1, 2], [3, 1]]), return_inverse=true, dim=0)
    """
    return _asked(runs(input, dim), return_inverse, return_counts)


@composite()
def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """Where input is not zero: one row for each such element, or one tensor for each dimension.

    nonzero(tensor([[1, 0], [0, 3]]))
    nonzero(tensor([[1, 0], [0, 3]]), as_tuple=true)
    """
    array = input.array
    if as_tuple:
        return tuple(new_tensor(places) for places in np.nonzero(np.atleast_1d(array)))
    if not array.ndim:
        return new_tensor(np.empty((int(bool(array)), 0), np.int64))
    return new_tensor(np.stack(np.nonzero(array)).T)


@composite()
def argwhere(input: Any) -> Any:
    """Where input is not zero: one row for each such element.

    argwhere(tensor([[1, 0], [0, 3]]))
    """
    return nonzero(input)


@composite(method=False)
def searchsorted(
    sorted_sequence: Any,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Any = None,
) -> Any:
    """Where each element of input would have to be put into the sorted sequence.

    searchsorted(tensor([1., 2., 4.]), tensor([0., 2., 3.]))
    searchsorted(tensor([1., 2., 4.]), 2., right=true)
    searchsorted(tensor([4., 1., 2.]), tensor([0., 3.]), sorter=tensor([1, 2, 0]), out_int32=true)
    """
    sequence = sorted_sequence.array
    wanted = input.array if isinstance(input, Tensor) else np.asarray(input)
    if side not in (None, "left", "right"):
        raise RuntimeError(
            f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}"
        )
    if isinstance(input, Tensor) and input.array.dtype is not sequence.dtype:
        raise RuntimeError(
            "torch.searchsorted(): input value tensor and boundary tensor should have same dtype, "
            f"but got boundary tensor type {FROM_NUMPY[sequence.dtype].type_name} and input value "
            f"tensor type {FROM_NUMPY[wanted.dtype].type_name}"
        )
    if right and side == "left":
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left "
            "while right was True"
        )
    if sorter is not None:
        sequence = _in_order(sequence, sorter)
    storage = np.int32 if out_int32 else np.int64
    way: Any = "right" if right or side == "right" else "left"
    if sequence.ndim == 1:
        return new_tensor(np.asarray(np.searchsorted(sequence, wanted, way), storage))
    if wanted.shape[:-1] != sequence.shape[:-1]:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 "
            "dimensions of boundaries tensor and input value tensor must match, but we got "
            f"boundaries tensor {list(sequence.shape)} and input value tensor {list(wanted.shape)}"
        )
    lines, values = sequence[..., None, :], wanted[..., :, None]
    before = lines <= values if way == "right" else lines < values
    return new_tensor(np.count_nonzero(before, -1).astype(storage))


def _in_order(sequence: Array, sorter: Any) -> Array:
    """The boundaries in the order that `sorter`, a tensor of their indices, says."""
    order = sorter.array
    if order.shape != sequence.shape:
        raise RuntimeError(
            "torch.searchsorted(): boundary and sorter must have the same size, but got boundary "
            f"tensor {list(sequence.shape)}and got sorter tensor {list(order.shape)}"
        )
    if order.dtype != np.int64:
        raise RuntimeError(
            "torch.searchsorted(): sorter must be a tensor of long dtype but got dtype "
            f"{FROM_NUMPY[order.dtype].type_name}"
        )
    if order.size and (order.min() < 0 or order.max() >= sequence.shape[-1]):
        raise RuntimeError("torch.searchsorted(): sorter index out of range")
    return np.take_along_axis(sequence, order, -1)


@composite()
def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Any:
    """Which of the intervals between boundaries each element of input lies in.

    bucketize(tensor([0., 2., 3.]), tensor([1., 2., 4.]))
    bucketize(tensor([0., 2., 3.]), tensor([1., 2., 4.]), right=true, out_int32=true)
    """
    return searchsorted(boundaries, input, right=right, out_int32=out_int32)
