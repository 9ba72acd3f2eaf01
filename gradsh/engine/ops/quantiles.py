"""Quantiles, and the middle of the elements that are not nan."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import check_tensors
from gradsh.engine.dtypes import float32, float64, int64
from gradsh.engine.leaf import detach
from gradsh.engine.op import METHODS, composite
from gradsh.engine.ops.assembly import broadcast_tensors
from gradsh.engine.ops.creation import full_like
from gradsh.engine.ops.gathering import gather
from gradsh.engine.ops.masking import masked_fill
from gradsh.engine.ops.ordering import sort
from gradsh.engine.ops.rounding import ceil
from gradsh.engine.ops.shape import flatten, to, transpose, unsqueeze, view
from gradsh.engine.tensor import Tensor, new_tensor, wrap_dim

_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")
_ROUNDED: dict[str, Any] = {"lower": np.floor, "higher": np.ceil, "nearest": np.round}


def _shares(q: Any, storage: np.dtype[Any]) -> Tensor:
    """q as a tensor of the input's type; RuntimeError where it is no share of one."""
    if type(q) is not Tensor:
        if not 0 <= q <= 1:
            raise RuntimeError(f"quantile() q must be in the range [0, 1] but got {q:g}")
        return new_tensor(np.asarray(q, storage))
    if q.array.dtype is not storage:
        raise RuntimeError("quantile() q tensor must be same dtype as the input tensor")
    if not np.all((q.array >= 0) & (q.array <= 1)):
        raise RuntimeError("quantile() q values must be in the range [0, 1]")
    return q


def _ranks(ordered: Any, shares: Any, skips_nan: bool) -> Any:
    """Where in a sorted line each share of it ends; the last place if there is a nan."""
    absent = np.isnan(ordered.array)
    if skips_nan:
        present = np.sum(~absent, -1, keepdims=True) - 1
        ranks = shares * new_tensor(present)
        return masked_fill(ranks, ranks < 0, 0)
    last = ordered.shape[-1] - 1
    ranks = shares * last
    missing = new_tensor(absent.any(-1, keepdims=True))
    return masked_fill(*broadcast_tensors(ranks, missing), last)


def _picked(ordered: Any, shares: Any, skips_nan: bool, interpolation: str) -> Any:
    """The elements of sorted lines at the given shares of them."""
    ranks = _ranks(ordered, shares, skips_nan)
    if interpolation in _ROUNDED:
        ranks = new_tensor(_ROUNDED[interpolation](ranks.array))
    below = to(detach(ranks), int64)
    values = gather(ordered, -1, below)
    if interpolation in ("linear", "midpoint"):
        weights = ranks - below if interpolation == "linear" else full_like(ranks, 0.5)
        above = gather(ordered, -1, to(ceil(detach(ranks)), int64))
        METHODS["lerp_"](values, above, weights)
    if not shares.ndim:
        return METHODS["squeeze_"](values, -1)
    METHODS["unsqueeze_"](values, 0)
    METHODS["transpose_"](values, 0, -1)
    return METHODS["squeeze_"](values, -1)


def _quantile(
    input: Any, q: Any, dim: int | None, keepdim: bool, interpolation: str, skips_nan: bool
) -> Any:
    check_tensors("quantile", input=input)
    if interpolation not in _INTERPOLATIONS:
        raise RuntimeError(
            "quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, "
            f"but got {interpolation}"
        )
    axis = None if dim is None else wrap_dim(dim, input.ndim)
    if not input.array.size:
        raise RuntimeError("quantile() input tensor must be non-empty")
    if type(q) is Tensor and q.ndim > 1:
        raise RuntimeError("quantile() q must be a scalar or 1D tensor")
    if input.dtype not in (float32, float64):
        error = RuntimeError("quantile() input tensor must be either float or double dtype")
        error.add_note("make it a float first: `quantile(x.float(), q)`")
        raise error
    shares = _shares(q, input.array.dtype)
    shape = list(input.shape)
    if axis is None or not shape:
        lines = flatten(input)
        shape = [1] * input.ndim if keepdim else []
    else:
        last = axis == input.ndim - 1
        lines = input if last else transpose(unsqueeze(input, -1), axis, -1)
        shape[axis : axis + 1] = [1] if keepdim else []
    ordered = sort(lines).values
    ordered = view(ordered, (*shape, ordered.shape[-1]))
    return _picked(ordered, shares, skips_nan, interpolation)


@composite()
def quantile(
    input: Any, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Any:
    """The value below which a share q of the elements lies, of all or along dim.

    Several q, in a tensor, give a first dimension. Between two elements it is found by
    interpolation: "linear", "lower", "higher", "midpoint" or "nearest".

    quantile(randn(3, 4), 0.4)
    quantile(randn(3, 4), 0.25, dim=1, keepdim=true)
    quantile(randn(3, 4), tensor([0.2, 0.5, 0.9]), 0)
    quantile(randn(3, 4), 0.3, 1, interpolation="midpoint")
    quantile(randn(3, 4), 0.3, interpolation="nearest")
    """
    return _quantile(input, q, dim, keepdim, interpolation, False)


@composite()
def nanquantile(
    input: Any, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Any:
    """quantile of the elements that are not nan.

    nanquantile(tensor([1.0, nan, 2.0, 4.0]), 0.5)
    nanquantile(randn(3, 4), 0.25, dim=1, keepdim=true)
    nanquantile(randn(3, 4), tensor([0.2, 0.9]), interpolation="higher")
    """
    return _quantile(input, q, dim, keepdim, interpolation, True)
