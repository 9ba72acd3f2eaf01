"""How many elements fall where: counts of integers and histograms."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand, check_tensors
from gradsh.engine.derivative import linear
from gradsh.engine.dtypes import FROM_NUMPY, HALVES
from gradsh.engine.op import composite
from gradsh.engine.ops.pieces import refuse
from gradsh.engine.ops.pointwise import not_implemented
from gradsh.engine.precision import single
from gradsh.engine.results import named_result
from gradsh.engine.scalars import stored_number
from gradsh.engine.tensor import Tensor, new_tensor


@composite()
def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each number from 0 occurs in a vector of integers, or the sum of its weights.

    bincount(tensor([0, 1, 1, 4]))
    bincount(tensor([0, 1, 1, 4]), minlength=7)
    bincount(tensor([0, 1, 1, 2]), rand(4).detach())
    """
    check_tensors("bincount", input=input)
    array = input.array
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if array.dtype.kind not in "iu":
        raise not_implemented("bincount_cpu", array)
    if array.ndim == 1 and not array.size:
        return new_tensor(np.zeros(minlength, np.int64))
    if array.ndim != 1 or (array.size and array.min() < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is None:
        return new_tensor(np.bincount(array, minlength=minlength).astype(np.int64))
    if weights.shape != input.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    storage = np.dtype(np.float32) if weights.array.dtype == np.float32 else np.dtype(np.float64)
    counts = np.bincount(array, weights.array.astype(np.float64), minlength)
    return new_tensor(counts.astype(storage))


def _range(name: str, array: Any, given: tuple[float, float] | None) -> tuple[float, float]:
    """The range of a histogram: as given, or from the smallest to the largest element."""
    low, high = given or (0.0, 0.0 if array.size or name == "histc" else 1.0)
    if low == high and array.size:
        refuse("aminmax_cpu", "c", array)
        low, high = array.min().item(), array.max().item()
    if low == high:
        margin = 1 if name == "histc" else 0.5
        low, high = low - margin, high + margin
    if not (np.isfinite(low) and np.isfinite(high)):
        shown = ", ".join("-nan" if np.isnan(end) else f"{end:g}" for end in (low, high))
        whose = "histc: range of" if name == "histc" else "histogramdd: dimension 0's range"
        raise RuntimeError(f"torch.{whose} [{shown}] is not finite")
    if not low < high:
        if name == "histc":
            raise RuntimeError("torch.histc: max must be larger than min")
        raise RuntimeError(
            f"torch.histogramdd: min should not exceed max, but got min {low:g} max {high:g} for "
            "dimension 0"
        )
    return low, high


def _check_bins(bins: int) -> None:
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")


def _edges(low: float, high: float, bins: int, storage: np.dtype[Any]) -> Any:
    """The edges of equal bins, from both ends to the middle as `linspace` makes them."""
    count = bins + 1
    step = storage.type((high - low) / bins)
    place = np.arange(count)
    rising = storage.type(low) + step * place.astype(storage)
    falling = storage.type(high) - step * (count - 1 - place).astype(storage)
    return np.where(place < count // 2, rising, falling).astype(storage)


def _counts(array: Any, edges: Any, weights: Any) -> Any:
    """The weights that fall between neighbouring edges; the last bin has both of its ends."""
    values = array.reshape(-1)
    inside = (values >= edges[0]) & (values <= edges[-1])
    bins = len(edges) - 1
    place = np.minimum(np.searchsorted(edges, values[inside], "right") - 1, bins - 1)
    taken = None if weights is None else weights.reshape(-1)[inside].astype(np.float64)
    return np.bincount(place, taken, bins)


@linear()
def histc(input: Operand, bins: int = 100, min: float = 0, max: float = 0):
    """How many elements fall into each of the equal bins from min to max, or over all if equal.

    histc(randn(3, 4), bins=4, min=-1, max=1)
    histc(randn(3, 4), 5)
    histc(tensor([1.0, 2.0, 1.0]), bins=4, min=0, max=3)
    """
    refuse("linspace_cpu", "b", input)
    _check_bins(bins)
    low, high = _range("histc", input, (min, max))
    if input.dtype.kind in "iu":
        stored_number(low, input.dtype), stored_number(high, input.dtype)
    refuse("histogram_cpu", "iuc", input)
    edges = _edges(low, high, bins, single(input).dtype)
    return _counts(single(input), edges, None).astype(input.dtype)


_HISTOGRAM = named_result("histogram", ("hist", "bin_edges"))


@composite()
def histogram(
    input: Any, bins: Any, *, range: Any = None, weight: Any = None, density: bool = False
) -> Any:
    """The counts of elements in bins, and the edges of the bins.

    bins is their number, over range or from the smallest to the largest element, or a tensor with
    their edges. Elements count by their weight; density makes the histogram's integral one.

    histogram(rand(3, 4).detach(), 4, range=(0.0, 1.0))
    histogram(rand(3, 4).detach(), tensor([0.0, 0.2, 0.5, 1.0]).detach())
    histogram(rand(4).detach(), 3, weight=rand(4).detach(), density=true)
    """
    check_tensors("histogram", input=input)
    array = input.array
    if type(bins) is Tensor:
        edges = bins.array
        if edges.dtype is not array.dtype:
            raise RuntimeError(
                "torch.histogramdd: input tensor and bins tensors should have the same dtype, but "
                f"got input with dtype {FROM_NUMPY[array.dtype].c_name} and bins for dimension 0 "
                f"with dtype {FROM_NUMPY[edges.dtype].c_name}"
            )
        refuse("histogram_cpu", "biuc", array)
    else:
        _check_bins(bins)
        if range is None:
            if array.dtype in HALVES:
                raise not_implemented("histogramdd", array)
            refuse("histogramdd", "biuc", array)
        elif len(range) != 2:
            raise RuntimeError(
                "torch.histogramdd: for a 1-dimensional histogram range should have 2 elements, "
                f"but got {len(range)}"
            )
        refuse("linspace_cpu", "b", array)
        refuse("histogram_cpu", "iuc", array)
        edges = _edges(*_range("histogram", array, range), bins, array.dtype)
    if weight is not None and weight.shape != input.shape:
        raise RuntimeError(
            "torch.histogramdd: if weight tensor is provided it should have the same shape as the "
            "input tensor excluding its innermost dimension, but got input with shape "
            f"[{array.size}, 1] and weight with shape [{weight.array.size}]"
        )
    counts = _counts(array, edges, None if weight is None else weight.array)
    if density:
        counts = counts / (counts.sum() * np.diff(edges.astype(np.float64)))
    return _HISTOGRAM(new_tensor(counts.astype(array.dtype)), new_tensor(edges.copy()))
