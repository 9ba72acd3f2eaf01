"""Pooling of volumes: the largest element or the mean of each window in three dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine import windows
from gradsh.engine.arguments import Operand, check_tensors
from gradsh.engine.arguments import shape as read_lengths
from gradsh.engine.derivative import general, linear
from gradsh.engine.dtypes import HALVES
from gradsh.engine.op import composite
from gradsh.engine.ops.pieces import array_of, no_effect, refuse
from gradsh.engine.ops.pointwise import not_implemented
from gradsh.engine.ops.pooling import read_output_size
from gradsh.engine.ops.reductions import mean
from gradsh.engine.sliding import Lengths
from gradsh.engine.windows import Mean, Pool

# The largest element


@linear(input=lambda g, indices, input_shape: placed(g, indices, input_shape), hidden=True)
def taken(input: Operand, indices: Any):
    """The elements of each volume of input at the places that indices count."""
    return windows.taken(input, indices, 3)


@linear(input=lambda g, indices: taken(g, indices), hidden=True)
def placed(input: Operand, indices: Any, shape: Any):
    """Volumes of this shape, zero but for input, which is added where indices point."""
    return windows.placed(input, indices, shape, 3)


@general(
    grad=lambda g, indices: taken(g, indices),
    input=lambda g, input_shape: no_effect(g, input_shape),
    grad_fn="MaxPool3DWithIndicesBackwardBackward0",
    hidden=True,
)
def largest_cotangent(grad: Operand, input: Operand, indices: Any):
    """The cotangent of max_pool3d: grad where the largest elements stand."""
    return windows.placed(grad, indices, input.shape, 3)


@general(
    input=lambda g, input, indices: largest_cotangent(g[0], input, array_of(indices)),
    outputs=("values", "indices"),
    grad_fn="MaxPool3DWithIndicesBackward0",
    hidden=True,
)
def max_pool3d_with_indices(input: Operand, pool: Any):
    """The largest element of each window, and its place in the volume."""
    refuse("max_pool3d", "bc", input)
    return windows.largest(input, pool)


# The mean


@linear(
    input=lambda g, input, window: means_spread(g, input, window),
    grad_fn="AvgPool3DBackward0",
    hidden=True,
)
def avg_pool3d_of(input: Operand, window: Any):
    """The mean of each window."""
    refuse("avg_pool3d_out_frame", "buc", input)
    if input.dtype in HALVES or (input.dtype.kind == "i" and input.dtype != np.int64):
        raise not_implemented("avg_pool3d_out_frame", input)
    return windows.means(input, window)


@general(
    grad=lambda g, window: avg_pool3d_of(g, window),
    input=lambda g, input_shape: no_effect(g, input_shape),
    grad_fn="AvgPool3DBackwardBackward0",
    hidden=True,
)
def means_spread(grad: Operand, input: Operand, window: Any):
    """The cotangent of avg_pool3d: grad shared evenly among the elements of each window."""
    return windows.means_spread(grad, input.shape, window)


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
    return windows.shared_means(input, output_size)


@general(
    grad=lambda g, grad_shape: adaptive_avg_pool3d_of(g, tuple(grad_shape[-3:])),
    input=lambda g, input_shape: no_effect(g, input_shape),
    grad_fn="AdaptiveAvgPool3DBackwardBackward0",
    hidden=True,
)
def shared_spread(grad: Operand, input: Operand):
    """The cotangent of adaptive_avg_pool3d: grad shared evenly within each window."""
    _check_lengths("adaptive_avg_pool3d_backward", grad.shape, "grad_output")
    return windows.shared_spread(grad, input.shape, 3)


@general(
    grad=lambda g, indices: taken(g, indices),
    input=lambda g, input_shape: no_effect(g, input_shape),
    grad_fn="AdaptiveMaxPool3DBackwardBackward0",
    hidden=True,
)
def adaptive_largest_cotangent(grad: Operand, input: Operand, indices: Any):
    """The cotangent of adaptive_max_pool3d: grad where the largest elements stand."""
    _check_lengths("adaptive_max_pool3d_backward", grad.shape, "grad_output")
    return windows.placed(grad, indices, input.shape, 3)


@general(
    input=lambda g, input, indices: adaptive_largest_cotangent(g[0], input, array_of(indices)),
    outputs=("values", "indices"),
    grad_fn="AdaptiveMaxPool3DBackward0",
    hidden=True,
)
def adaptive_max_pool3d_with_indices(input: Operand, output_size: Any):
    """The largest elements of windows that share out the input, and their places."""
    refuse("adaptive_max_pool3d_cpu", "biuc", input)
    return windows.shared_largest(input, output_size)


# Reading and checking

_ADAPTIVE = "adaptive_pool3d"
"""What refusals of lengths call both kinds of windows that share out a volume."""


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
    return avg_pool3d_of(input, Mean(pool, bool(count_include_pad), divisor_override))


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
    wanted = read_output_size(
        "adaptive_pool3d", output_size, shape, 3, f"{name}: output_size must be 3"
    )
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
    wanted = read_output_size(
        "adaptive_pool3d",
        output_size,
        shape,
        3,
        f"{name}(): internal error: output_size.size() must be 3",
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
