"""Functions known at sampled points: differences, slopes and integrals along a dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import check_tensors, dims
from gradsh.engine.dtypes import BOOL, FLOAT, INTEGER, NUMBER_CATEGORY, uint8
from gradsh.engine.op import composite
from gradsh.engine.ops.indexing import narrow, select, slice_along
from gradsh.engine.ops.logic import logical_xor
from gradsh.engine.ops.loss_reduction import multiple, quotient
from gradsh.engine.ops.pointwise import sub_scaled
from gradsh.engine.ops.reductions import sum
from gradsh.engine.ops.shape import cat, clone, reshape, to, view, wrap_dims
from gradsh.engine.ops.statistics import cumsum
from gradsh.engine.tensor import Tensor, new_tensor, wrap_dim


def _part(input: Any, dim: int, start: int | None, end: int | None) -> Any:
    """A slice of input along a dimension, bounds counted as Python counts them."""
    first, last, step = slice(start, end).indices(input.shape[dim])
    return slice_along(input, dim, first, max(first, last), step)


def _neighbours(input: Any, dim: int) -> tuple[Any, Any]:
    """All elements along dim but the last, and all but the first."""
    return _part(input, dim, 0, -1), _part(input, dim, 1, None)


def _check_ends(input: Any, dim: int, *ends: Any) -> None:
    for end in ends:
        if end is None:
            continue
        if end.ndim != input.ndim:
            raise RuntimeError("diff expects prepend or append to be the same dimension as input")
        for place in range(input.ndim):
            if place != dim and end.shape[place] != input.shape[place]:
                raise RuntimeError(
                    "diff expects the shape of tensor to prepend or append to match that of input "
                    f"except along the differencing dimension; input.size({place}) = "
                    f"{input.shape[place]}, but got tensor.size({place}) = {end.shape[place]}"
                )


@composite()
def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """The differences of neighbours along dim, taken n times; first prepend and append are added.

    diff(randn(3, 4))
    diff(randn(3, 4), 2, 0)
    diff(randn(3, 4), prepend=randn(3, 1), append=randn(3, 2))
    """
    check_tensors("diff", input=input)
    if not input.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    axis = wrap_dim(dim, input.ndim)
    _check_ends(input, axis, prepend, append)
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    if n == 0:
        return clone(input)
    if prepend is not None or append is not None:
        input = cat([part for part in (prepend, input, append) if part is not None], axis)
    if n > input.shape[axis]:
        n = input.shape[axis]
    subtract = logical_xor if input.dtype.category == BOOL else sub_scaled
    for _ in range(n):
        length = max(input.shape[axis] - 1, 0)
        input = subtract(
            narrow(input, axis, min(1, input.shape[axis]), length), narrow(input, axis, 0, length)
        )
    return input


def _check_spacing(input: Any, given: int | None, dim: Any, edge_order: int) -> tuple[int, ...]:
    """The dimensions to differentiate along; PyTorch's errors where that cannot be done."""
    if input.dtype is uint8:
        raise RuntimeError("torch.gradient does not support uint8 input.")
    if given is not None and dim is None and given != input.ndim:
        raise RuntimeError(
            "torch.gradient expected spacing to be unspecified, a scalar, or a list of length "
            f"equal to 'self.dim() = {input.ndim}', since dim argument was not given, but got a "
            f"list of length {given}"
        )
    if given is not None and dim is not None and given != len(dim):
        raise RuntimeError(
            "torch.gradient expected spacing to be unspecified, a scalar or it's spacing and dim "
            f"arguments to have the same length, but got a spacing argument of length {given} "
            f"and a dim argument of length {len(dim)}."
        )
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    axes = tuple(range(input.ndim)) if dim is None else wrap_dims(dim, input.ndim)
    for axis in axes:
        if input.shape[axis] < edge_order + 1:
            raise RuntimeError(
                "torch.gradient expected each dimension size to be at least edge_order+1"
            )
    return axes


def _even_slope(input: Any, spacing: Any, axis: int, edge_order: int) -> Any:
    """Slopes at points with one distance between them."""
    center = (_part(input, axis, 2, None) - _part(input, axis, 0, -2)) / spacing / 2
    first, second = _part(input, axis, 0, 1), _part(input, axis, 1, 2)
    last, before = _part(input, axis, -1, None), _part(input, axis, -2, -1)
    if edge_order == 1:
        head, tail = (second - first) / spacing, (last - before) / spacing
    else:
        third, earlier = _part(input, axis, 2, 3), _part(input, axis, -3, -2)
        head = (4 * second - 3 * first - third) / spacing / 2
        tail = (3 * last - 4 * before + earlier) / spacing / 2
    return cat([head, center, tail], axis)


def _uneven_slope(input: Any, points: Any, axis: int, edge_order: int) -> Any:
    """Slopes at given points, by the parabola through each and its neighbours."""
    if points.ndim != 1:
        raise RuntimeError(
            "torch.gradient expected each element of spacing to have one dimension, but got an "
            f"element with {points.ndim} dimensions!"
        )
    steps = diff(points)
    shape = tuple(-1 if place == axis else 1 for place in range(input.ndim))
    d1, d2 = (reshape(part, shape) for part in _neighbours(steps, 0))
    parts = [_part(input, axis, 0, -2), _part(input, axis, 1, -1), _part(input, axis, 2, None)]
    weights = [-d2 / (d1 * (d1 + d2)), (d2 - d1) / (d1 * d2), d1 / (d2 * (d1 + d2))]
    center = weights[0] * parts[0] + weights[1] * parts[1] + weights[2] * parts[2]
    first, second = _part(input, axis, 0, 1), _part(input, axis, 1, 2)
    last, before = _part(input, axis, -1, None), _part(input, axis, -2, -1)
    if edge_order == 1:
        head, tail = (second - first) / steps[0], (last - before) / steps[-1]
        return cat([head, center, tail], axis)
    third, earlier = _part(input, axis, 2, 3), _part(input, axis, -3, -2)
    a, b = steps[0], steps[1]
    head = (
        -(2.0 * a + b) / (a * (a + b)) * first
        + (a + b) / (a * b) * second
        + -a / (b * (a + b)) * third
    )
    a, b = steps[-1], steps[-2]
    tail = (
        a / (b * (a + b)) * earlier
        + -(a + b) / (a * b) * before
        + (2 * a + b) / (a * (a + b)) * last
    )
    return cat([head, center, tail], axis)


@composite(method=False)
def gradient(input: Any, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> Any:
    """The slopes of a sampled function along each dimension, as a tuple.

    Within by central differences, at the ends by differences of edge_order 1 or 2. spacing is the
    distance of the points, or for each dimension its distance or a tensor with its points.

    gradient(randn(3, 4))
    gradient(randn(3, 4), spacing=0.5, dim=1)
    gradient(randn(3, 4), spacing=[2, 0.5], edge_order=2)
    gradient(randn(3, 4), spacing=(tensor([0.0, 1.0, 3.0, 4.5]),), dim=1)
    gradient(randn(3, 4), spacing=(tensor([0.0, 1.0, 3.0, 4.5]),), dim=1, edge_order=2)
    """
    check_tensors("gradient", input=input)
    axes = None if dim is None else dims(dim, "gradient", "dim", 3)
    axes = (axes,) if isinstance(axes, int) else axes
    given = len(spacing) if isinstance(spacing, (list, tuple)) else None
    if type(spacing) is Tensor:
        spacing, given = [spacing], 1
    wanted = _check_spacing(input, given, axes, edge_order)
    each = [spacing] * len(wanted) if given is None else spacing
    return tuple(
        (_uneven_slope if type(distance) is Tensor else _even_slope)(
            input, distance, axis, edge_order
        )
        for distance, axis in zip(each, wanted, strict=True)
    )


def _check_integrand(name: str, y: Any, x: Any, dx: Any) -> Any:
    """dx; PyTorch's errors for arguments of an integral."""
    check_tensors(name, y=y)
    if x is None:
        if y.dtype.category == BOOL:
            raise RuntimeError(f"{name}: received a bool input for `y`, but bool is not supported")
        if dx is not None and NUMBER_CATEGORY.get(type(dx)) not in (INTEGER, FLOAT):
            raise RuntimeError(f"{name}: Currently, we only support dx as a real number.")
        return 1.0 if dx is None else float(dx)
    check_tensors(name, y=y, x=x)
    if BOOL in (y.dtype.category, x.dtype.category):
        raise RuntimeError(
            f"{name}: received a bool input for `x` or `y`, but bool is not supported"
        )
    return dx


def _steps(name: str, x: Any, y: Any, axis: int) -> Any:
    """The distances of the points x along a dimension of y."""
    if x.ndim == 1:
        if x.shape[0] != y.shape[axis]:
            raise RuntimeError(f"{name}: There must be one `x` value for each sample point")
        shape = tuple(x.shape[0] if place == axis else 1 for place in range(y.ndim))
        x = view(x, shape)
    elif x.ndim < y.ndim:
        x = view(x, (1,) * (y.ndim - x.ndim) + tuple(x.shape))
    left, right = _neighbours(x, axis)
    return right - left


def _floating(values: Any) -> Any:
    return (
        values
        if values.dtype.category >= FLOAT
        else to(values, new_tensor(np.zeros(0, np.float32)).dtype)
    )


def _trapezoid(name: str, y: Any, x: Any, dx: Any, dim: int) -> Any:
    dx = _check_integrand(name, y, x, dx)
    axis = wrap_dim(dim, y.ndim)
    if not y.size(axis if x is not None else dim):
        shape = (*y.shape[:axis], *y.shape[axis + 1 :])
        return new_tensor(np.zeros(shape, y.array.dtype))
    if x is None:
        ends = multiple(_floating(select(y, axis, 0) + select(y, axis, -1)), 0.5)
        return multiple(sum(y, axis) - ends, dx)
    steps = _steps(name, x, y, axis)
    left, right = _neighbours(y, axis)
    return quotient(_floating(sum((left + right) * steps, axis)), 2.0)


@composite(method=False)
def trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The integral of y along dim by the rule of trapezoids, at points x or dx apart.

    trapezoid(randn(3, 4))
    trapezoid(randn(3, 4), dx=0.5, dim=0)
    trapezoid(randn(3, 4), tensor([0.0, 1.0, 3.0, 3.5]))
    trapezoid(randn(3, 4), randn(3, 4), dim=0)
    """
    return _trapezoid("trapezoid", y, x, dx, dim)


@composite(method=False)
def trapz(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The integral of y along dim by the rule of trapezoids, at points x or dx apart.

    trapz(randn(3, 4))
    trapz(randn(3, 4), tensor([0.0, 1.0, 3.0, 3.5]))
    """
    return _trapezoid("trapezoid", y, x, dx, dim)


@composite(method=False)
def cumulative_trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The integrals of y along dim from the first point to each other one.

    cumulative_trapezoid(randn(3, 4))
    cumulative_trapezoid(randn(3, 4), dx=0.5, dim=0)
    cumulative_trapezoid(randn(3, 4), tensor([0.0, 1.0, 3.0, 3.5]))
    cumulative_trapezoid(randn(3, 4), randn(3, 4), dim=0)
    """
    dx = _check_integrand("cumulative_trapezoid", y, x, dx)
    axis = wrap_dim(dim, y.ndim)
    if x is not None and x.ndim == 1:
        y.size(axis)
    if not y.ndim:
        raise IndexError("slice() cannot be applied to a 0-dim tensor.")
    left, right = _neighbours(y, axis)
    if x is None:
        return cumsum(multiple(_floating(left + right), dx / 2.0), axis)
    steps = _steps("cumulative_trapezoid", x, y, axis)
    return quotient(_floating(cumsum((left + right) * steps, axis)), 2.0)
