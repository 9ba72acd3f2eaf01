"""Images made larger or smaller, in one to three dimensions."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from gradsh.engine import resampling
from gradsh.engine.arguments import Operand, check_tensors
from gradsh.engine.derivative import linear
from gradsh.engine.graph import Node
from gradsh.engine.op import Op, composite
from gradsh.engine.ops.pieces import refuse
from gradsh.engine.ops.pointwise import not_implemented
from gradsh.engine.ops.pooling import adaptive_avg_pool1d, adaptive_avg_pool2d
from gradsh.engine.ops.volume_pooling import adaptive_avg_pool3d
from gradsh.engine.precision import single

Array = np.ndarray[Any, np.dtype[Any]]
_NAMES = {
    ("nearest", 1): "UpsampleNearest1D",
    ("nearest", 2): "UpsampleNearest2D",
    ("nearest", 3): "UpsampleNearest3D",
    ("nearest-exact", 1): "UpsampleNearestExact1D",
    ("nearest-exact", 2): "UpsampleNearestExact2D",
    ("nearest-exact", 3): "UpsampleNearestExact3D",
    ("linear", 1): "UpsampleLinear1D",
    ("bilinear", 2): "UpsampleBilinear2D",
    ("bicubic", 2): "UpsampleBicubic2D",
    ("trilinear", 3): "UpsampleTrilinear3D",
}
_DIMENSIONS = {"linear": 3, "bilinear": 4, "trilinear": 5}
_KNOWN = "nearest | linear | bilinear | bicubic | trilinear | lanczos | area | nearest-exact"


class Resampling(NamedTuple):
    """How the last dimensions of images are resampled: to which lengths, and by which rule."""

    mode: str
    counts: tuple[int, ...]
    factors: tuple[float | None, ...]
    corners: bool
    antialias: bool

    def lines(self, lengths: tuple[int, ...], storage: np.dtype[Any]) -> list[resampling.Line]:
        """The neighbours and weights along each dimension."""
        kind = np.float64 if storage == np.float64 else np.float32
        return [
            self._line(length, count, factor, kind)
            for length, count, factor in zip(lengths, self.counts, self.factors, strict=True)
        ]

    def _line(self, length: int, count: int, factor: float | None, kind: Any) -> resampling.Line:
        if self.antialias:
            return resampling.antialiased(self.mode, length, count, factor, self.corners, kind)
        if self.mode.startswith("nearest"):
            return resampling.nearest(length, count, factor, self.mode == "nearest-exact")
        make = resampling.cubic if self.mode == "bicubic" else resampling.linear
        return make(length, count, factor, self.corners, kind)

    @property
    def node(self) -> str:
        """PyTorch's name of the operation."""
        if self.mode == "lanczos":
            return "UpsampleLanczos2DAa"
        return _NAMES[self.mode, len(self.counts)] + ("Aa" if self.antialias else "")


def _node_name(node: Node) -> str:
    op = node.op
    assert isinstance(op, Op)
    plan: Resampling = op.argument(node, "plan")
    return plan.node + "Backward0"


def _cotangent_name(node: Node) -> str:
    return _node_name(node).replace("Backward0", "BackwardBackward0")


@linear(
    input=lambda g, plan, input_shape: resampled_back(g, plan, input_shape),
    grad_fn=_node_name,
    hidden=True,
)
def resampled(input: Operand, plan: Any):
    """Images with the last dimensions resampled, the last of them first."""
    count = len(plan.counts)
    values = single(input)
    lines = plan.lines(input.shape[-count:], values.dtype)
    for dim in range(1, count + 1):
        values = _picked(values, lines[-dim], values.ndim - dim)
        if input.dtype == np.uint8:  # each pass is rounded
            values = np.clip(np.floor(values + 0.5), 0, 255).astype(np.uint8)
    return values.astype(input.dtype, copy=False)


def _picked(values: Array, line: resampling.Line, axis: int) -> Array:
    """The weighted sums of the neighbours along one dimension."""
    if line.weights is None:
        return np.take(values, line.indices[0], axis)
    total: Any = None
    for index, weight in zip(line.indices, line.weights, strict=True):
        part = np.take(values, index, axis) * _along(weight, values.ndim, axis)
        total = part if total is None else total + part
    return np.asarray(total)


def _along(weight: Array, ndim: int, axis: int) -> Array:
    return weight.reshape(tuple(-1 if place == axis else 1 for place in range(ndim)))


@linear(
    input=lambda g, plan: resampled(g, plan),
    grad_fn=_cotangent_name,
    hidden=True,
)
def resampled_back(input: Operand, plan: Any, shape: Any):
    """Resampling transposed: what each old point gave to new ones, added up."""
    count = len(plan.counts)
    values = single(input)
    lines = plan.lines(shape[-count:], values.dtype)
    for dim in range(count, 0, -1):
        values = _spread(values, lines[-dim], values.ndim - dim)
    return values.astype(input.dtype, copy=False)


def _spread(values: Array, line: resampling.Line, axis: int) -> Array:
    shape = (line.length, *values.shape[:axis], *values.shape[axis + 1 :])
    result = np.zeros(shape, values.dtype)
    source = np.moveaxis(values, axis, 0)
    for place, index in enumerate(line.indices):
        weight = None if line.weights is None else line.weights[place]
        part = source if weight is None else source * _along(weight, source.ndim, 0)
        np.add.at(result, index, part)
    return np.ascontiguousarray(np.moveaxis(result, 0, axis))


def _check_sizes(input: Any, counts: tuple[int, ...]) -> None:
    lengths = tuple(input.shape[2:])
    if min(*lengths, *counts) <= 0:
        letters = "DHW"[-len(counts) :]
        before, after = (
            ", ".join(f"{letter}: {n}" for letter, n in zip(letters, sizes, strict=True))
            for sizes in (lengths, counts)
        )
        between = " and" if len(counts) == 1 else ""
        raise RuntimeError(
            "Input and output sizes should be greater than 0, but got input "
            f"({before}){between} output ({after})"
        )
    if not input.array.size and 0 in input.shape[1:]:
        raise RuntimeError(
            f"Non-empty {input.ndim}D data tensor expected but got a tensor with sizes "
            f"{list(input.shape)}"
        )


def _refuse_types(plan: Resampling, array: Array) -> None:
    """PyTorch's errors for element types; they name the kernel of the mode."""
    if plan.antialias:
        refuse("compute_index_ranges_weights", "bic", array)
        if array.dtype.itemsize == 2:
            raise not_implemented("compute_index_ranges_weights", array)
        if array.dtype.kind == "u" and array.dtype != np.uint8:
            raise not_implemented("compute_index_ranges_weights", array)
        return
    flat = len(plan.counts) == 2
    if plan.mode.startswith("nearest"):
        refuse(
            "upsample_nearest2d_channels_last" if flat else "compute_indices_weights_nearest",
            "bic",
            array,
        )
    elif plan.mode == "bilinear":
        refuse("upsample_bilinear2d_channels_last", "bic", array)
    elif plan.mode == "bicubic":
        refuse("compute_indices_weights_cubic", "bic", array)
    else:
        refuse("compute_indices_weights_linear", "biuc", array)


def _each(
    value: Any, count: int, lengths: tuple[int, ...], what: str, shown: str, tail: str
) -> Any:
    """One value for each spatial dimension."""
    if not isinstance(value, (tuple, list)):
        return (value,) * count
    if len(value) != count:
        raise ValueError(
            f"Input and {what} must have the same number of spatial dimensions, but got input "
            f"with spatial dimensions of {list(lengths)} and {shown} {value}. Please provide "
            f"input tensor in (N, C, d1, d2, ...,dK) format and {tail} format."
        )
    return tuple(value)


def _counts(
    input: Any, size: Any, scale_factor: Any, recompute: bool | None, mode: str
) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    """The new lengths, and the factors that are to be used for the distances of points."""
    lengths = tuple(input.shape[2:])
    count = len(lengths)
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is None and scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    if size is not None:
        sizes = _each(
            size, count, lengths, "output", "output size of", "output size in (o1, o2, ...,oK)"
        )
        if isinstance(size, (tuple, list)) and not all(isinstance(n, int) for n in sizes):
            raise TypeError(
                "expected size to be one of int or Tuple[int] or Tuple[int, int] or Tuple[int, "
                f"int, int], but got size with types {[type(n) for n in sizes]}"
            )
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        return tuple(int(n) for n in sizes), (None,) * count
    factors = _each(
        scale_factor,
        count,
        lengths,
        "scale_factor",
        "scale_factor of shape",
        "scale_factor in (s1, s2, ...,sK)",
    )
    counts = tuple(
        math.floor(float(n) * factor) for n, factor in zip(lengths, factors, strict=True)
    )
    if recompute or mode == "area":
        return counts, (None,) * count
    return counts, tuple(float(factor) for factor in factors)


def _check_mode(input: Any, mode: str, antialias: bool) -> None:
    ndim = input.ndim
    if mode in _DIMENSIONS and ndim in (3, 4, 5) and ndim != _DIMENSIONS[mode]:
        raise NotImplementedError(
            f"Got {ndim}D input, but {mode} mode needs {_DIMENSIONS[mode]}D input"
        )
    everywhere = mode in ("nearest", "nearest-exact", "area", *_DIMENSIONS)
    flat = mode in ("bicubic", "lanczos") and ndim == 4
    if ndim not in (3, 4, 5) or not (everywhere or flat):
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {ndim}D) for the modes: "
            f"{_KNOWN} (got {mode})"
        )
    if mode == "lanczos" and not antialias:
        raise ValueError("Lanczos mode requires antialias=True")


_AREA = {1: adaptive_avg_pool1d, 2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}


@composite(method=False)
def interpolate(
    input: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Any:
    """Images made larger or smaller, to a size or by a scale_factor.

    mode is "nearest", "nearest-exact", "linear" (one dimension), "bilinear", "bicubic" (two),
    "trilinear" (three) or "area". With align_corners the middles of the corner points lie on each
    other, otherwise the edges of the images do. antialias widens the filter where many points
    become one.

    interpolate(randn(2, 3, 4), 6)
    interpolate(randn(2, 3, 4), scale_factor=1.7, mode="linear")
    interpolate(randn(2, 3, 4), scale_factor=0.7, mode="nearest-exact")
    interpolate(randn(1, 2, 3, 4), (5, 7), mode="bilinear")
    interpolate(randn(1, 2, 3, 4), scale_factor=(2, 1.5), mode="bilinear", align_corners=true)
    interpolate(randn(1, 2, 3, 4), (5, 7), mode="bicubic")
    interpolate(randn(1, 2, 5, 6), (3, 2), mode="bilinear", antialias=true)
    interpolate(randn(1, 2, 5, 6), (3, 2), mode="bicubic", antialias=true)
    interpolate(randn(1, 2, 3, 2, 4), scale_factor=1.5, mode="trilinear")
    interpolate(randn(1, 2, 3, 4), 2, mode="area")
    interpolate(randn(1, 2, 3, 4), scale_factor=1.3, recompute_scale_factor=true)
    """
    check_tensors("interpolate", input=input)
    if align_corners is not None and mode in ("nearest", "area", "nearest-exact"):
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear "
            "| bicubic | trilinear"
        )
    counts, factors = _counts(input, size, scale_factor, recompute_scale_factor, mode)
    if antialias and not (mode in resampling.FILTERS and input.ndim == 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires "
            "a 4-D tensor as input"
        )
    _check_mode(input, mode, antialias)
    if mode == "area":
        return _AREA[len(counts)](input, counts if len(counts) > 1 else counts[0])
    plan = Resampling(mode, counts, factors, bool(align_corners), antialias)
    _check_sizes(input, counts)
    _refuse_types(plan, input.array)
    return resampled(input, plan)


@composite(method=False)
def upsample(
    input: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Any:
    """interpolate by its older name.

    upsample(randn(1, 2, 3, 4), scale_factor=2)
    upsample(randn(1, 2, 3, 4), (5, 6), mode="bilinear", align_corners=true)
    """
    return interpolate(input, size, scale_factor, mode, align_corners)


@composite(method=False)
def upsample_nearest(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """interpolate with the mode "nearest".

    upsample_nearest(randn(1, 2, 3, 4), scale_factor=2)
    """
    return interpolate(input, size, scale_factor)


@composite(method=False)
def upsample_bilinear(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """interpolate with the mode "bilinear" and align_corners.

    upsample_bilinear(randn(1, 2, 3, 4), (5, 6))
    """
    return interpolate(input, size, scale_factor, "bilinear", True)
