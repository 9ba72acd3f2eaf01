"""Pooling of volumes: the largest element or the mean of each window in three dimensions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand, check_tensors
from gradsh.engine.arguments import shape as read_lengths
from gradsh.engine.derivative import general, linear
from gradsh.engine.dtypes import HALVES
from gradsh.engine.op import composite
from gradsh.engine.ops.pieces import array_of, no_effect, refuse
from gradsh.engine.ops.pointwise import not_implemented
from gradsh.engine.ops.pooling import Pool, lowest_of, members, range_sums, shares
from gradsh.engine.ops.reductions import mean
from gradsh.engine.precision import single
from gradsh.engine.sliding import Lengths

Array = np.ndarray[Any, np.dtype[Any]]


def _framed(input: Array, pool: Pool, places: Lengths, value: Any) -> tuple[Array, Any]:
    """The input with what windows reach around it, and where it lies in that."""
    lengths, within = pool.framed(input.shape[-3:], places)
    frame = np.full((*input.shape[:-3], *lengths), value, input.dtype)
    frame[within] = input
    return frame, within


# The largest element


@linear(input=lambda g, indices, input_shape: placed(g, indices, input_shape), hidden=True)
def taken(input: Operand, indices: Any):
    """The elements of each volume of input at the places that indices count."""
    flat = input.reshape(*input.shape[:-3], math.prod(input.shape[-3:]))
    places = indices.reshape(*indices.shape[:-3], math.prod(indices.shape[-3:]))
    return np.take_along_axis(flat, places, -1).reshape(indices.shape)


@linear(input=lambda g, indices: taken(g, indices), hidden=True)
def placed(input: Operand, indices: Any, shape: Any):
    """Volumes of this shape, zero but for input, which is added where indices point."""
    result = np.zeros(shape, input.dtype)
    size = math.prod(shape[-3:])
    places = indices.reshape(-1, math.prod(indices.shape[-3:]))
    starts = np.arange(len(places)) * size
    np.add.at(result.reshape(-1), (places + starts[:, None]).ravel(), input.ravel())
    return result


@general(
    grad=lambda g, indices: taken(g, indices),
    input=lambda g, input_shape: no_effect(g, input_shape),
    grad_fn="MaxPool3DWithIndicesBackwardBackward0",
    hidden=True,
)
def largest_cotangent(grad: Operand, input: Operand, indices: Any):
    """The cotangent of a pooling's input: grad where the largest elements stand."""
    return placed(grad, indices, input.shape)


@general(
    input=lambda g, input, indices: largest_cotangent(g[0], input, array_of(indices)),
    outputs=("values", "indices"),
    grad_fn="MaxPool3DWithIndicesBackward0",
    hidden=True,
)
def max_pool3d_with_indices(input: Operand, pool: Any):
    """The largest element of each window, and its place in the volume.

    Of equal ones it is the first; a nan counts as larger than all, the last one most.
    """
    refuse("max_pool3d", "bc", input)
    spatial = input.shape[-3:]
    places = pool.places(spatial)
    frame, _ = _framed(input, pool, places, lowest_of(input.dtype))
    values = np.full((*input.shape[:-3], *places), lowest_of(input.dtype), input.dtype)
    starts = [
        np.arange(count) * step - pad
        for count, step, pad in zip(places, pool.stride, pool.padding, strict=True)
    ]
    grid = np.ix_(
        *(np.where(s < 0, s % gap, s) for s, gap in zip(starts, pool.dilation, strict=True))
    )
    indices = np.empty(values.shape, np.int64)
    indices[...] = (grid[0] * spatial[1] + grid[1]) * spatial[2] + grid[2]
    floating = input.dtype.kind == "f"
    for offset, where in pool.elements(places):
        met = frame[(..., *where)]
        larger = met > values
        if floating:
            larger |= np.isnan(met)
        down, across, along = np.ix_(
            *(s + at * gap for s, at, gap in zip(starts, offset, pool.dilation, strict=True))
        )
        at = (down * spatial[1] + across) * spatial[2] + along
        values = np.where(larger, met, values)
        indices = np.where(larger, at, indices)
    return values, indices


# The mean


def _divisors(pool: Pool, spatial: Lengths, places: Lengths, count_pad: bool, given: Any) -> Any:
    """What the sum of each window is divided by."""
    if given is not None:
        return np.asarray(given)
    sizes = []
    for length, count, kernel, step, pad in zip(
        spatial, places, pool.kernel, pool.stride, pool.padding, strict=True
    ):
        start = np.arange(count) * step - pad
        end = np.minimum(start + kernel, length + pad)
        if not count_pad:
            start, end = np.maximum(start, 0), np.minimum(end, length)
        sizes.append(end - start)
    first, second, third = np.ix_(*sizes)
    return first * second * third


@linear(
    input=lambda g, input, pool, count_pad, divisor: means_spread(
        g, input, pool, count_pad, divisor
    ),
    grad_fn="AvgPool3DBackward0",
    hidden=True,
)
def avg_pool3d_of(input: Operand, pool: Any, count_pad: Any, divisor: Any):
    """The mean of each window."""
    refuse("avg_pool3d_out_frame", "buc", input)
    if input.dtype in HALVES or (input.dtype.kind == "i" and input.dtype != np.int64):
        raise not_implemented("avg_pool3d_out_frame", input)
    places = pool.places(input.shape[-3:])
    frame, _ = _framed(input, pool, places, 0)
    total = np.zeros((*input.shape[:-3], *places), input.dtype)
    for _, where in pool.elements(places):
        total += frame[(..., *where)]
    divisors = _divisors(pool, input.shape[-3:], places, count_pad, divisor)
    if input.dtype.kind == "i":
        return np.trunc(total / divisors).astype(input.dtype)
    return total / divisors.astype(input.dtype)


@general(
    grad=lambda g, pool, count_pad, divisor: avg_pool3d_of(g, pool, count_pad, divisor),
    input=lambda g, input_shape: no_effect(g, input_shape),
    grad_fn="AvgPool3DBackwardBackward0",
    hidden=True,
)
def means_spread(grad: Operand, input: Operand, pool: Any, count_pad: Any, divisor: Any):
    """The cotangent of a mean pooling's input: grad shared evenly within each window."""
    places = pool.places(input.shape[-3:])
    divisors = _divisors(pool, input.shape[-3:], places, count_pad, divisor)
    share = grad / divisors.astype(grad.dtype)
    frame, within = _framed(np.zeros(input.shape, grad.dtype), pool, places, 0)
    for _, where in pool.elements(places):
        frame[(..., *where)] += share
    return np.ascontiguousarray(frame[within])


# Windows that share out the input


@linear(
    input=lambda g, input: shared_spread(g, input),
    grad_fn="AdaptiveAvgPool3DBackward0",
    hidden=True,
)
def adaptive_avg_pool3d_of(input: Operand, output_size: Any):
    """The means of windows that share out the input: output_size of them."""
    if 0 not in output_size:
        refuse("adaptive_avg_pool3d_cpu", "biuc", input)
    total = single(input)
    for axis in (-1, -2, -3):
        starts, ends = shares(input.shape[axis], output_size[axis])
        total = range_sums(total, starts, ends, axis)
        total = total / (ends - starts).astype(total.dtype).reshape(-1, *(1,) * (-1 - axis))
    return total.astype(input.dtype, copy=False)


@general(
    grad=lambda g, grad_shape: adaptive_avg_pool3d_of(g, tuple(grad_shape[-3:])),
    input=lambda g, input_shape: no_effect(g, input_shape),
    grad_fn="AdaptiveAvgPool3DBackwardBackward0",
    hidden=True,
)
def shared_spread(grad: Operand, input: Operand):
    """The cotangent of adaptive_avg_pool3d: grad shared evenly within each window."""
    _check_lengths("adaptive_avg_pool3d_backward", grad.shape, "grad_output")
    share = single(grad)
    for axis in (-1, -2, -3):
        starts, ends = shares(input.shape[axis], grad.shape[axis])
        share = share / (ends - starts).astype(share.dtype).reshape(-1, *(1,) * (-1 - axis))
        at = np.arange(input.shape[axis])
        first, last = np.searchsorted(ends, at, "right"), np.searchsorted(starts, at, "right")
        share = range_sums(share, first, last, axis)
    return share.astype(grad.dtype, copy=False)


@general(
    input=lambda g, input, indices: adaptive_largest_cotangent(g[0], input, array_of(indices)),
    outputs=("values", "indices"),
    grad_fn="AdaptiveMaxPool3DBackward0",
    hidden=True,
)
def adaptive_max_pool3d_with_indices(input: Operand, output_size: Any):
    """The largest elements of windows that share out the input, and their places."""
    refuse("adaptive_max_pool3d_cpu", "biuc", input)
    spatial = input.shape[-3:]
    if 0 in output_size or not input.size:
        shape = (*input.shape[:-3], *output_size)
        return np.zeros(shape, input.dtype), np.zeros(shape, np.int64)
    down, across, along = (
        members(length, count) for length, count in zip(spatial, output_size, strict=True)
    )
    down = down[:, None, None, :, None, None]
    across = across[None, :, None, None, :, None]
    along = along[None, None, :, None, None, :]
    at = ((down * spatial[1] + across) * spatial[2] + along).reshape(*output_size, -1)
    met = input[..., down, across, along].reshape(*input.shape[:-3], *at.shape)
    unknown = np.isnan(met)
    best = np.argmax(met, -1)
    if unknown.any():  # the last nan is taken
        best = np.where(
            unknown.any(-1), met.shape[-1] - 1 - np.argmax(unknown[..., ::-1], -1), best
        )
    values = np.take_along_axis(met, best[..., None], -1)[..., 0]
    indices = np.take_along_axis(np.broadcast_to(at, met.shape), best[..., None], -1)[..., 0]
    return values, np.ascontiguousarray(indices)


@general(
    grad=lambda g, indices: taken(g, indices),
    input=lambda g, input_shape: no_effect(g, input_shape),
    grad_fn="AdaptiveMaxPool3DBackwardBackward0",
    hidden=True,
)
def adaptive_largest_cotangent(grad: Operand, input: Operand, indices: Any):
    """The cotangent of adaptive_max_pool3d: grad where the largest elements stand."""
    _check_lengths("adaptive_max_pool3d_backward", grad.shape, "grad_output")
    return placed(grad, indices, input.shape)


# Reading and checking


def _three(function: str, name: str, value: Any, wording: str) -> Lengths:
    """A number for each of the three dimensions, from one or three."""
    lengths = read_lengths(value, function, name, 2)
    if len(lengths) == 1:
        return lengths * 3
    if len(lengths) != 3:
        raise RuntimeError(
            f"{function}: {name} must {wording}a single int, or a tuple of three ints"
        )
    return lengths


def _pool(name: str, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any) -> Pool:
    either = "either be " if name == "max_pool3d" else "be "
    size = _three(name, "kernel_size", kernel, either)
    absent = stride is None or stride == () or stride == []
    steps = size if absent else _three(name, "stride", stride, either + "omitted, ")
    pads = _three(name, "padding", padding, either)
    return Pool(size, steps, pads, _three(name, "dilation", dilation, either), bool(ceil_mode))


def _check_pool(name: str, shape: Lengths, pool: Pool) -> None:
    """PyTorch's errors for volumes that cannot be pooled."""
    if len(shape) not in (4, 5):
        raise RuntimeError("non-empty 4D or 5D (batch mode) tensor expected for input")
    whole = "max_pool3d_with_indices_out_cpu_template()" if name == "max_pool3d" else f"{name}()"
    if 0 in shape[len(shape) - 4 :]:
        raise RuntimeError(
            f"{whole}: Expected input's non-batch dimensions to have positive length, but input "
            f"has a shape of {list(shape)} and non-batch dimension 0 has length zero!"
        )
    if 0 in pool.stride:
        raise RuntimeError("stride should not be zero")
    if min(pool.kernel) < 1:
        t, h, w = pool.kernel
        raise RuntimeError(
            f"kernel size should be greater than zero, but got kT: {t} kH: {h} kW: {w}"
        )
    if min(pool.dilation) < 1:
        t, h, w = pool.dilation
        raise RuntimeError(
            "dilation should be greater than zero, but got dilationT: "
            f"{t} dilationH: {h} dilationW: {w}"
        )
    for pad, size, gap in zip(pool.padding, pool.kernel, pool.dilation, strict=True):
        if pad < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {pad}")
        if pad > ((size - 1) * gap + 1) // 2:
            raise RuntimeError(
                f"pad should be at most half of effective kernel size, but got pad={pad}, "
                f"kernel_size={size} and dilation={gap}"
            )
    _check_places(name, shape, pool)


def _check_places(name: str, shape: Lengths, pool: Pool) -> None:
    places = pool.places(shape[-3:])
    if name == "avg_pool3d" and any(
        length < size for length, size in zip(shape[-3:], pool.kernel, strict=True)
    ):
        sizes, kernel = (
            " ".join(f"{letter}: {n}" for letter, n in zip(letters, lengths, strict=True))
            for letters, lengths in (
                (("T", "H", "W"), shape[-3:]),
                (("kT", "kH", "kW"), pool.kernel),
            )
        )
        raise RuntimeError(f"input image ({sizes}) smaller than kernel size ({kernel})")
    if min(places) < 1:
        given, made = (
            "x".join(map(str, (shape[-4], *lengths))) for lengths in (shape[-3:], places)
        )
        raise RuntimeError(
            f"Given input size: ({given}). Calculated output size: ({made}). Output size is too "
            "small"
        )


def _check_lengths(name: str, shape: Lengths, what: str = "input") -> None:
    for dim in range(len(shape) - 4 if what == "input" else 1, len(shape)):
        if dim >= 0 and not shape[dim] and (dim or what != "input" or len(shape) == 4):
            raise RuntimeError(
                f"{name}(): Expected {what} to have non-zero size for non-batch dimensions, but "
                f"{what} has sizes {list(shape)} with dimension {dim} being empty"
            )


def _output_size(output_size: Any, shape: Lengths, refusal: str) -> Lengths:
    """The three lengths of the result; none stands for the input's."""
    if isinstance(output_size, (tuple, list)):
        if len(shape) <= len(output_size):
            raise ValueError(f"Input dimension should be at least {len(output_size) + 1}")
        own = shape[len(shape) - len(output_size) :]
        output_size = tuple(
            length if count is None else count
            for count, length in zip(output_size, own, strict=True)
        )
        if len(output_size) != 3:
            raise RuntimeError(refusal)
    lengths = read_lengths(output_size, "adaptive_pool3d", "output_size", 2)
    return lengths * 3 if len(lengths) == 1 else lengths


@composite(method=False)
def max_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window that slides over a volume.

    max_pool3d(randn(2, 2, 4, 5, 6), 2)
    max_pool3d(randn(2, 4, 5, 6), (2, 1, 3), stride=(1, 2, 2), padding=(1, 0, 1), ceil_mode=true)
    max_pool3d(randn(1, 2, 5, 5, 6), 2, 1, dilation=2, return_indices=true)
    """
    check_tensors("max_pool3d", input=input)
    pool = _pool("max_pool3d", kernel_size, stride, padding, dilation, ceil_mode)
    _check_pool("max_pool3d", tuple(input.shape), pool)
    values, indices = max_pool3d_with_indices(input, pool)
    return (values, indices) if return_indices else values


@composite(method=False)
def avg_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Any = None,
) -> Any:
    """The mean of each window that slides over a volume.

    avg_pool3d(randn(2, 2, 4, 5, 6), 2)
    avg_pool3d(randn(2, 4, 5, 6), (2, 1, 3), stride=(1, 2, 2), padding=(1, 0, 1), ceil_mode=true)
    avg_pool3d(randn(1, 2, 5, 5, 6), 3, 2, 1, count_include_pad=false)
    avg_pool3d(randn(1, 2, 5, 5, 6), 2, divisor_override=3)
    """
    check_tensors("avg_pool3d", input=input)
    pool = _pool("avg_pool3d", kernel_size, stride, padding, 1, ceil_mode)
    if divisor_override == 0:
        raise RuntimeError("divisor must be not zero")
    _check_pool("avg_pool3d", tuple(input.shape), pool)
    return avg_pool3d_of(input, pool, bool(count_include_pad), divisor_override)


@composite(method=False)
def adaptive_avg_pool3d(input: Any, output_size: Any) -> Any:
    """The means of windows that share out a volume: output_size of them along each dimension.

    adaptive_avg_pool3d(randn(2, 2, 4, 5, 6), (2, 3, 4))
    adaptive_avg_pool3d(randn(2, 4, 5, 6), (none, 2, 3))
    adaptive_avg_pool3d(randn(2, 2, 4, 5, 6), 1)
    """
    name = "adaptive_avg_pool3d"
    check_tensors(name, input=input)
    shape = tuple(input.shape)
    wanted = _output_size(output_size, shape, f"{name}: output_size must be 3")
    if min(wanted) < 0:
        raise RuntimeError(
            f"{name}: elements of output_size must be greater than or equal to 0 but received "
            f"{{{wanted[0]}, {wanted[1]},{wanted[2]}}}"
        )
    if wanted == (1, 1, 1):
        return mean(input, (-1, -2, -3), keepdim=True)
    _check_lengths(name, shape)
    if len(shape) not in (4, 5):
        raise RuntimeError(f"{name}(): Expected 4D or 5D tensor, but got {list(shape)}")
    return adaptive_avg_pool3d_of(input, wanted)


@composite(method=False)
def adaptive_max_pool3d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The largest elements of windows that share out a volume: output_size of them.

    adaptive_max_pool3d(randn(2, 2, 4, 5, 6), (2, 3, 4))
    adaptive_max_pool3d(randn(2, 4, 5, 6), (none, 2, 3), return_indices=true)
    """
    name = "adaptive_max_pool3d"
    check_tensors(name, input=input)
    shape = tuple(input.shape)
    wanted = _output_size(
        output_size, shape, f"{name}(): internal error: output_size.size() must be 3"
    )
    if len(shape) not in (4, 5):
        raise RuntimeError(f"{name}(): Expected 4D or 5D tensor, but got: {list(shape)}")
    _check_lengths(name, shape)
    if min(wanted) < 0:
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {min(wanted)}: "
            f"{[*shape[:-3], *wanted]}"
        )
    values, indices = adaptive_max_pool3d_with_indices(input, wanted)
    return (values, indices) if return_indices else values
