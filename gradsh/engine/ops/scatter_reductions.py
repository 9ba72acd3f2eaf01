"""Values gathered into the places of a tensor that indices name: their sum, product, mean, extreme.

The derivatives follow PyTorch's at ties (shared evenly) and at zeros of a product.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gradsh.engine.arguments import Dim, Operand
from gradsh.engine.derivative import general
from gradsh.engine.dtypes import is_floating
from gradsh.engine.op import composite
from gradsh.engine.ops.gathering import (
    added_at,
    check_index,
    cut_back,
    cut_to,
    gather,
    places_of,
    scatter_number,
    widened,
)
from gradsh.engine.ops.index_along import (
    along,
    check_source,
    fill_number,
    index_added,
    index_select,
)
from gradsh.engine.ops.pieces import array_of, choose, refuse, refuse_complex_gradient
from gradsh.engine.ops.pointwise import not_implemented
from gradsh.engine.tensor import Tensor, new_tensor, wrap_dim

Array = np.ndarray[Any, np.dtype[Any]]
_UFUNCS: dict[str, Any] = {
    "sum": np.add,
    "mean": np.add,
    "prod": np.multiply,
    "amax": np.maximum,
    "amin": np.minimum,
}

_EXTREME_KERNELS = {"amax": "maximum_cpu", "amin": "minimum_cpu"}
_START_KERNEL = "index_reduce_func_exclude_input_init"


def _start(reduce: str, storage: np.dtype[Any]) -> Any:
    """What a reduction starts from where the tensor's own values are left out."""
    if reduce in ("sum", "mean"):
        return 0
    if reduce == "prod":
        return 1
    if storage.kind == "b":
        return reduce == "amin"
    largest = reduce == "amin"
    if is_floating(storage):
        return np.inf if largest else -np.inf
    limits = np.iinfo(storage)
    return limits.max if largest else limits.min


def _reduced(input: Array, where: Any, values: Array, reduce: str, include_self: bool) -> Array:
    """A copy of `input` with `values` brought in at `where`."""
    result = input.copy()
    target = np.atleast_1d(result)
    if not include_self:
        target[where] = _start(reduce, input.dtype)
    _UFUNCS[reduce].at(target, where, values)
    if reduce == "mean":
        count = np.full(target.shape, 1 if include_self else 0, np.int64)
        np.add.at(count, where, 1)
        count = np.maximum(count, 1)
        mean = target // count if input.dtype.kind in "iu" else target / count
        target[...] = mean.astype(input.dtype)
    return result


class _Walk(NamedTuple):
    """How values get from the tensor's places to the source's, and back, by one kind of index."""

    picked: Callable[[Any], Any]
    added: Callable[[Any], Any]
    emptied: Callable[[Any], Any]
    again: Callable[[Any, Any], Any]
    refusal: str


def _counts(walk: _Walk, g: Any, src: Any, include_self: bool) -> Any:
    """How many values went into each place's mean."""
    storage = array_of(g).dtype
    count = walk.added(np.ones(array_of(src).shape, storage)) + int(include_self)
    return np.where(count == 0, 1, count).astype(storage)


def _shared(walk: _Walk, g: Any, input: Any, src: Any, out: Any) -> tuple[Any, Any]:
    """`g` shared evenly among all that are equal to the extreme."""
    storage = array_of(g).dtype
    own = (array_of(input) == array_of(out)).astype(storage)
    brought = (array_of(src) == walk.picked(array_of(out))).astype(storage)
    share = g / (own + walk.added(brought))
    return own * share, brought * walk.picked(share)


def _input_rule(
    walk: _Walk, g: Any, input: Any, src: Any, out: Any, reduce: str, include_self: bool
) -> Any:
    """The cotangent of the tensor itself."""
    if reduce == "sum":
        cotangent = g
    elif reduce == "mean":
        cotangent = g / _counts(walk, g, src, include_self)
    elif reduce == "prod":
        whole = choose(array_of(input) == 0, 1, input)
        cotangent = g * walk.again(whole, src) / whole
    else:
        cotangent = _shared(walk, g, input, src, out)[0]
    return cotangent if include_self else walk.emptied(cotangent)


def _source_rule(
    walk: _Walk, g: Any, input: Any, src: Any, out: Any, reduce: str, include_self: bool
) -> Any:
    """The cotangent of the source."""
    if reduce == "sum":
        return walk.picked(g)
    if reduce == "mean":
        return walk.picked(g / _counts(walk, g, src, include_self))
    if reduce != "prod":
        return _shared(walk, g, input, src, out)[1]
    zero = array_of(src) == 0
    zeros = walk.picked(walk.added(zero.astype(array_of(g).dtype)))
    alone = zero & (zeros == 1)
    others = walk.again(input, choose(alone, 1, src))
    cotangent = choose(alone, walk.picked(g * others), walk.picked(g * out) / choose(zero, 1, src))
    if type(g) is Tensor and (zeros > 1).any():
        return once_differentiable(cotangent, walk.refusal)
    return cotangent


def _no_second_derivative(g: Any, refusal: str) -> Any:
    raise RuntimeError(refusal)


@general(input=_no_second_derivative, grad_fn="DelayedErrorBackward", hidden=True)
def once_differentiable(input: Operand, refusal: str):
    """input as it is, which is not to be differentiated again."""
    return input


_REFUSAL = (
    "{0}(): Double backward is unsupported for {1} when >1 zeros in {1} are scattered to the same "
    "position in self"
)


def _scatter_walk(dim: int, index: Any, shape: Any, reduce: str, include_self: bool) -> _Walk:
    places = array_of(index)
    return _Walk(
        lambda g: gather(g, dim, places if type(g) is not Tensor else new_tensor(places)),
        lambda source: added_at(source, places, dim, shape),
        lambda g: scatter_number(g, dim, places if type(g) is not Tensor else index, 0),
        lambda input, src: scattered(input, dim, index, src, reduce, include_self),
        _REFUSAL.format("scatter_reduce", "src"),
    )


def _scatter_input_rule(
    g: Any,
    input: Any,
    dim: int,
    index: Any,
    src: Any,
    out: Any,
    reduce: str,
    include_self: bool,
    input_shape: Any,
) -> Any:
    walk = _scatter_walk(dim, index, input_shape, reduce, include_self)
    src = cut_back(src, array_of(index).shape)
    return _input_rule(walk, g, input, src, out, reduce, include_self)


def _scatter_source_rule(
    g: Any,
    input: Any,
    dim: int,
    index: Any,
    src: Any,
    out: Any,
    reduce: str,
    include_self: bool,
    input_shape: Any,
    src_shape: Any,
) -> Any:
    walk = _scatter_walk(dim, index, input_shape, reduce, include_self)
    src = cut_back(src, array_of(index).shape)
    return widened(_source_rule(walk, g, input, src, out, reduce, include_self), src_shape)


@composite(in_place=True)
def scatter_reduce(
    input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True
) -> Any:
    """input with src brought in at the places that index names along dim.

    reduce is "sum", "prod", "mean", "amax" or "amin"; without include_self the values of input
    that something is brought to do not count.

    scatter_reduce(randn(2, 5), 1, tensor([[0, 2], [4, 4]]), randn(2, 2), "sum")
    scatter_reduce(randn(2, 5), 1, tensor([[0, 2], [4, 4]]), randn(2, 2), reduce="prod")
    scatter_reduce(randn(2, 5), 1, tensor([[0, 2], [4, 4]]), randn(2, 2), "mean")
    scatter_reduce(randn(2, 5), 0, tensor([[0, 1], [1, 1]]), randn(2, 2), "amax")
    scatter_reduce(randn(2, 5), 1, tensor([[0, 2]]), randn(2, 2), "amin", include_self=false)
    """
    if type(input) is Tensor and input.dtype.is_complex and reduce in ("amax", "amin"):
        raise not_implemented(f"scatter_gather_tensor_cpu_reduce_{reduce}", input.array)
    for operand in (input, src):
        refuse_complex_gradient("scatter_reduce", operand)
    return scattered(input, dim, index, src, reduce, include_self)


@general(
    input=_scatter_input_rule,
    src=_scatter_source_rule,
    grad_fn="ScatterReduceBackward0",
    hidden=True,
)
def scattered(
    input: Operand, dim: Dim, index: Operand, src: Operand, reduce: str, include_self: bool
):
    """input with src brought in at the places that index names along dim."""
    axis = wrap_dim(dim, input.ndim)
    if reduce not in _UFUNCS:
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}"
        )
    if src.dtype is not input.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    check_index("scatter_add", input, index, axis, src)
    if not index.size:
        return input.copy()
    if reduce == "mean":
        refuse("scatter_gather_tensor_cpu_reduce_mean", "b", input)
    where = places_of(np.atleast_1d(index), axis)
    return _reduced(input, where, cut_to(src, index), reduce, include_self)


def _index_walk(dim: int, index: Any, shape: Any, reduce: str, include_self: bool) -> _Walk:
    places = array_of(index)
    return _Walk(
        lambda g: index_select(g, dim, places if type(g) is not Tensor else new_tensor(places)),
        lambda source: index_added(source, places, dim, shape),
        lambda g: fill_number(g, dim, places if type(g) is not Tensor else index, 0),
        lambda input, source: brought_along(input, dim, index, source, reduce, include_self),
        _REFUSAL.format("index_reduce", "source"),
    )


@composite(in_place=True)
def index_reduce(
    input: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True
) -> Any:
    """input with the parts of source brought in along dim where the vector index says.

    reduce is "prod", "mean", "amax" or "amin"; without include_self the values of input that
    something is brought to do not count.

    index_reduce(randn(5, 4), 0, tensor([0, 2, 0]), randn(3, 4), "prod")
    index_reduce(randn(5, 4), 0, tensor([0, 2, 0]), randn(3, 4), reduce="mean")
    index_reduce(randn(3, 6), 1, tensor([0, 2]), randn(3, 2), "amax")
    index_reduce(randn(5, 4), 0, tensor([0, 2, 0]), randn(3, 4), "amin", include_self=false)
    """
    if type(input) is Tensor and input.dtype.is_complex and reduce in _EXTREME_KERNELS:
        kernel = _EXTREME_KERNELS[reduce] if include_self else _START_KERNEL
        raise not_implemented(kernel, input.array)
    for operand in (input, source):
        refuse_complex_gradient("index_reduce", operand)
    return brought_along(input, dim, index, source, reduce, include_self)


@general(
    input=lambda g, input, dim, index, source, out, reduce, include_self, input_shape: _input_rule(
        _index_walk(dim, index, input_shape, reduce, include_self),
        g,
        input,
        source,
        out,
        reduce,
        include_self,
    ),
    source=lambda g, input, dim, index, source, out, reduce, include_self, input_shape: (
        _source_rule(
            _index_walk(dim, index, input_shape, reduce, include_self),
            g,
            input,
            source,
            out,
            reduce,
            include_self,
        )
    ),
    grad_fn="IndexReduceBackward0",
    hidden=True,
)
def brought_along(
    input: Operand, dim: Dim, index: Operand, source: Operand, reduce: str, include_self: bool
):
    """input with the parts of source brought in along dim where the vector index says."""
    axis = wrap_dim(dim, input.ndim)
    if reduce not in _UFUNCS or reduce == "sum":
        raise RuntimeError(
            "index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got "
            f"{reduce}."
        )
    places = check_source(input, index, axis, source, "index_reduce_")
    if input.ndim < 2:
        refuse("index_func_", "bc", input)
    elif reduce in _EXTREME_KERNELS and not include_self:
        refuse(_START_KERNEL, "b", input)
    elif reduce == "mean":
        refuse("div_floor_cpu", "b", input)
    if not input.size or not places.size:
        return input.copy()
    return _reduced(input, along(axis, places), source, reduce, include_self)
