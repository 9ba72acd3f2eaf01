"""Pooling: the largest element or the mean of each window that slides over an image.

One dimension is pooled as two of which the first has length one, as PyTorch does it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine import windows
from gradsh.engine.arguments import Operand, operand
from gradsh.engine.arguments import shape as read_lengths
from gradsh.engine.derivative import general, linear
from gradsh.engine.op import composite
from gradsh.engine.ops.pieces import array_of, no_effect, refuse
from gradsh.engine.ops.reductions import mean
from gradsh.engine.ops.shape import squeeze, unsqueeze
from gradsh.engine.sliding import Lengths
from gradsh.engine.tensor import wrap_dim
from gradsh.engine.windows import Mean, Pool

# The largest element


@linear(input=lambda g, indices, input_shape: place(g, indices, input_shape), hidden=True)
def picked(input: Operand, indices: Any):
    """The elements of each image of input at the places that indices count."""
    return windows.taken(input, indices, 2)


@linear(input=lambda g, indices: picked(g, indices), hidden=True)
def place(input: Operand, indices: Any, shape: Any):
    """Images of this shape, zero but for input, which is added where indices point."""
    return windows.placed(input, indices, shape, 2)


@general(
    grad=lambda g, indices: picked(g, indices),
    input=lambda g, input_shape: no_effect(g, input_shape),
    grad_fn="MaxPool2DWithIndicesBackwardBackward0",
    hidden=True,
)
def max_pool_cotangent(grad: Operand, input: Operand, indices: Any):
    """The cotangent of max_pool2d: grad where the largest elements stand."""
    return windows.placed(grad, indices, input.shape, 2)


@general(
    input=lambda g, input, indices: max_pool_cotangent(g[0], input, array_of(indices)),
    outputs=("values", "indices"),
    grad_fn="MaxPool2DWithIndicesBackward0",
    hidden=True,
)
def max_pool2d_with_indices(input: Operand, pool: Any):
    """The largest element of each window, and its place in the image."""
    refuse("max_pool2d", "bc", input)
    return windows.largest(input, pool)


# The mean


@linear(
    input=lambda g, input, window: avg_pool_cotangent(g, input, window),
    grad_fn="AvgPool2DBackward0",
    hidden=True,
)
def avg_pool2d_of(input: Operand, window: Any):
    """The mean of each window."""
    refuse("avg_pool2d", "bc" if input.dtype == np.int64 else "biuc", input)
    return windows.means(input, window)


@general(
    grad=lambda g, window: avg_pool2d_of(g, window),
    input=lambda g, input_shape: no_effect(g, input_shape),
    grad_fn="AvgPool2DBackwardBackward0",
    hidden=True,
)
def avg_pool_cotangent(grad: Operand, input: Operand, window: Any):
    """The cotangent of avg_pool2d: grad shared evenly among the elements of each window."""
    return windows.means_spread(grad, input.shape, window)


# Windows that share out the input


@linear(
    input=lambda g, input: adaptive_avg_cotangent(g, input),
    grad_fn="AdaptiveAvgPool2DBackward0",
    hidden=True,
)
def adaptive_avg_pool2d_of(input: Operand, output_size: Any):
    """The means of windows that share out the input: output_size of them."""
    if 0 not in output_size:
        refuse("adaptive_avg_pool2d", "biuc", input)
    return windows.shared_means(input, output_size)


@general(
    grad=lambda g, grad_shape: adaptive_avg_pool2d_of(g, tuple(grad_shape[-2:])),
    input=lambda g, input_shape: no_effect(g, input_shape),
    grad_fn="AdaptiveAvgPool2DBackwardBackward0",
    hidden=True,
)
def adaptive_avg_cotangent(grad: Operand, input: Operand):
    """The cotangent of adaptive_avg_pool2d: grad shared evenly within each window."""
    _check_lengths("adaptive_avg_pool2d_backward", grad.shape, 1, "grad_output")
    return windows.shared_spread(grad, input.shape, 2)


@general(
    grad=lambda g, indices: picked(g, indices),
    input=lambda g, input_shape: no_effect(g, input_shape),
    grad_fn="AdaptiveMaxPool2DBackwardBackward0",
    hidden=True,
)
def adaptive_max_cotangent(grad: Operand, input: Operand, indices: Any):
    """The cotangent of adaptive_max_pool2d: grad where the largest elements stand."""
    _check_lengths("adaptive_max_pool2d_backward", grad.shape, 1, "grad_output")
    return windows.placed(grad, indices, input.shape, 2)


@general(
    input=lambda g, input, indices: adaptive_max_cotangent(g[0], input, array_of(indices)),
    outputs=("values", "indices"),
    grad_fn="AdaptiveMaxPool2DBackward0",
    hidden=True,
)
def adaptive_max_pool2d_with_indices(input: Operand, output_size: Any):
    """The largest elements of windows that share out the input, and their places."""
    refuse("adaptive_max_pool2d", "biuc", input)
    return windows.shared_largest(input, output_size)


# Reading and checking


def _pair(function: str, name: str, value: Any, wording: str, absent: Lengths | None = None) -> Any:
    """A number for each of the two dimensions, from one or two."""
    lengths = read_lengths(value, function, name, 2)
    if not lengths and absent is not None:
        return absent
    if len(lengths) not in (1, 2):
        raise RuntimeError(f"{function}: {name} must {wording}, or a tuple of two ints")
    return lengths * 2 if len(lengths) == 1 else lengths


def _pool(
    function: str, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Pool:
    kernel = _pair(function, "kernel_size", kernel_size, "either be a single int")
    steps = _pair(
        function,
        "stride",
        () if stride is None else stride,
        "either be omitted, a single int",
        kernel,
    )
    pads = _pair(function, "padding", padding, "either be a single int")
    gaps = _pair(function, "dilation", dilation, "be either a single int")
    return Pool(kernel, steps, pads, gaps, bool(ceil_mode))


def _check_pool(shape: Lengths, pool: Pool) -> None:
    """PyTorch's errors for windows that do not go with images of this shape, in its order."""
    for size, step, pad, gap in zip(*pool[:4], strict=True):
        if step == 0:
            raise RuntimeError("stride should not be zero")
        if pad < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {pad}")
        if pad > int(((size - 1) * gap + 1) / 2):
            error = RuntimeError(
                "pad should be at most half of effective kernel size, but got "
                f"pad={pad}, kernel_size={size} and dilation={gap}"
            )
            error.add_note("pad the input itself for more: `pad(x, (1, 1, 1, 1))`")
            raise error
    for name, letter, lengths in (
        ("kernel size", "k", pool.kernel),
        ("stride", "d", pool.stride),
        ("dilation", "dilation", pool.dilation),
    ):
        if min(lengths) <= 0:
            raise RuntimeError(
                f"{name} should be greater than zero, but got {letter}H: {lengths[0]} "
                f"{letter}W: {lengths[1]}"
            )
    if len(shape) not in (3, 4) or 0 in shape[len(shape) == 4 :]:
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but "
            f"got:{list(shape)}"
        )
    if any(2 * pad > size - size % 2 for pad, size in zip(pool.padding, pool.kernel, strict=True)):
        (high, wide), (tall, broad) = pool.padding, pool.kernel
        raise RuntimeError(
            "pad should be smaller than or equal to half of kernel size, but got "
            f"padW = {wide}, padH = {high}, kW = {broad}, kH = {tall}"
        )
    places = pool.places(shape[-2:])
    if min(places) < 1:
        channels = shape[-3]
        given, computed = (
            "x".join(map(str, (channels, *lengths))) for lengths in (shape[-2:], places)
        )
        error = RuntimeError(
            f"Given input size: ({given}). Calculated output size: ({computed}). Output size is "
            "too small"
        )
        error.add_note("the window is larger than the image; pad it, or take a smaller window")
        raise error


def _one_length(function: str, name: str, value: Any) -> int:
    lengths = read_lengths(value, function, name, 2)
    if len(lengths) != 1:
        raise RuntimeError(
            f"{function}() argument '{name}' should contain one int (got {len(lengths)})"
        )
    return lengths[0]


def _check_row(function: str, input: Any) -> None:
    ndim = input.array.ndim
    if ndim not in (2, 3):
        raise RuntimeError(
            f"Expected 2 to 3 dimensions, but got {ndim}-dimensional tensor for argument #1 "
            f"'self' (while checking arguments for {function})"
        )


def _as_rows(function: Any, input: Any, *rest: Any) -> Any:
    """A pooling of images, of signals: each is an image of one row."""
    result = function(unsqueeze(input, -2), *rest)
    return tuple(squeeze(x, -2) for x in result) if type(result) is tuple else squeeze(result, -2)


def _row_window(
    shape: Lengths, kernel_size: Any, stride: Any, padding: Any, dilation: Any
) -> tuple[int, int, int, int]:
    """max_pool1d's four lengths, with the errors that PyTorch has for it alone."""
    name = "max_pool1d"
    if len(shape) not in (2, 3) or 0 in shape[len(shape) == 3 :]:
        raise RuntimeError(
            "max_pool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for "
            f"input, but got:{list(shape)}"
        )
    lengths: dict[str, int] = {}
    for key, value, kinds in (
        ("kernel_size", kernel_size, "an int, list of ints or tuple of ints"),
        (
            "stride",
            () if stride is None else stride,
            "None, an int, list of ints, or tuple of ints",
        ),
        ("padding", padding, "an int, list of ints, or tuple of ints"),
        ("dilation", dilation, "an int, list of ints or tuple of ints"),
    ):
        read = read_lengths(value, name, key, 2)
        if key == "stride" and not read:
            read = (lengths["kernel_size"],)
        if len(read) != 1:
            raise RuntimeError(f"{name}() {key} must be {kinds} of size 1 but got size {len(read)}")
        lengths[key] = read[0]
    size, step, pad, gap = lengths.values()
    for key in ("kernel_size", "stride", "dilation"):
        if lengths[key] <= 0:
            raise RuntimeError(f"{name}() {key} must be greater than zero, but got {lengths[key]}")
    if pad < 0:
        raise RuntimeError(f"{name}() padding must be non-negative, but got {pad}")
    if pad > size // 2:
        raise RuntimeError(
            f"{name}() padding should be at most half of kernel size, but got padding={pad} and "
            f"kernel_size={size}"
        )
    return size, step, pad, gap


@composite(method=False)
def max_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window of kernel_size elements; with return_indices its place.

    The windows are stride apart, by default their own length; dilation leaves gaps within them;
    with ceil_mode the last one may hang over the end.

    max_pool1d(randn(2, 3, 9), 3)
    max_pool1d(randn(3, 9), 3, stride=2, padding=1, return_indices=true)
    max_pool1d(randn(2, 3, 9), 2, 3, dilation=2, ceil_mode=true)
    """
    name = "max_pool1d"
    input = operand(input, name, "input", 1)
    if return_indices:
        _check_row(name, input)
        steps = stride if stride not in (None, (), []) else kernel_size
        given = (("kernel_size", kernel_size), ("stride", steps), ("padding", padding))
        size, step, pad = (_one_length(name, key, value) for key, value in given)
        gap = _one_length(name, "dilation", dilation)
    else:
        size, step, pad, gap = _row_window(
            input.array.shape, kernel_size, stride, padding, dilation
        )
    pool = Pool((1, size), (1, step), (0, pad), (1, gap), bool(ceil_mode))
    if return_indices:
        *lead, length = input.array.shape
        _check_pool((*lead, 1, length), pool)
        result: Any = _as_rows(max_pool2d_with_indices, input, pool)
        return result
    count = pool.places((1, input.array.shape[-1]))[1]
    if count <= 0:
        raise RuntimeError(f"{name}() Invalid computed output size: {count}")
    refuse("max_pool1d_impl", "biu", input.array)
    return _as_rows(max_pool2d_with_indices, input, pool)[0]


@composite(method=False)
def max_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window of an image; with return_indices its place too.

    kernel_size is the window's height and width, or one number for both, and so are the steps
    between windows (by default their own lengths), the padding and the dilation; with ceil_mode
    the last windows may hang over the ends.

    max_pool2d(randn(2, 3, 8, 9), 2)
    max_pool2d(randn(3, 8, 9), (3, 2), stride=(2, 1), padding=1)
    max_pool2d(randn(2, 3, 8, 9), 3, 2, dilation=2, padding=1, ceil_mode=true, return_indices=true)
    """
    input = operand(input, "max_pool2d", "input", 1)
    pool = _pool("max_pool2d", kernel_size, stride, padding, dilation, ceil_mode)
    if input.array.ndim not in (3, 4):
        raise RuntimeError("non-empty 3D or 4D (batch mode) tensor expected for input")
    _check_pool(input.array.shape, pool)
    values, indices = max_pool2d_with_indices(input, pool)
    return (values, indices) if return_indices else values


def _mean_pooled(
    input: Any, pool: Pool, count_include_pad: bool, divisor_override: int | None
) -> Any:
    if divisor_override == 0:
        raise RuntimeError("divisor must be not zero")
    if not input.array.ndim:
        raise IndexError("Dimension specified as -3 but tensor has no dimensions")
    wrap_dim(-3, input.array.ndim)
    _check_pool(input.array.shape, pool)
    return avg_pool2d_of(input, Mean(pool, bool(count_include_pad), divisor_override))


@composite(method=False)
def avg_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """The mean of each window of kernel_size elements.

    The windows are stride apart, by default their own length; with ceil_mode the last one may
    hang over the end; the zeros of the padding count unless count_include_pad is false.

    avg_pool1d(randn(2, 3, 9), 3)
    avg_pool1d(randn(3, 9), 3, stride=2, padding=1, ceil_mode=true, count_include_pad=false)
    """
    name = "avg_pool1d"
    input = operand(input, name, "input", 1)
    size = _one_length(name, "kernel_size", kernel_size)
    given = () if stride is None else read_lengths(stride, name, "stride", 3)
    step = _one_length(name, "stride", given) if given else size
    pad = _one_length(name, "padding", padding)
    _check_row(name, input)
    pool = Pool((1, size), (1, step), (0, pad), (1, 1), bool(ceil_mode))
    return _as_rows(_mean_pooled, input, pool, count_include_pad, None)


@composite(method=False)
def avg_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """The mean of each window of an image, or its sum divided by divisor_override.

    kernel_size is the window's height and width, or one number for both, and so are the steps
    between windows (by default their own lengths) and the padding, whose zeros count unless
    count_include_pad is false; with ceil_mode the last windows may hang over the ends.

    avg_pool2d(randn(2, 3, 8, 9), 2)
    avg_pool2d(randn(3, 8, 9), (3, 2), stride=(2, 1), padding=1, count_include_pad=false)
    avg_pool2d(randn(2, 3, 8, 9), 3, 2, 1, ceil_mode=true)
    avg_pool2d(randn(2, 3, 8, 9), 3, divisor_override=2)
    """
    input = operand(input, "avg_pool2d", "input", 1)
    if divisor_override is not None and type(divisor_override) is not int:
        raise TypeError(
            "avg_pool2d(): argument 'divisor_override' must be int, not "
            + type(divisor_override).__name__
        )
    pool = _pool("avg_pool2d", kernel_size, stride, padding, 1, ceil_mode)
    return _mean_pooled(input, pool, count_include_pad, divisor_override)


def _check_shared(name: str, shape: Lengths, first: int, colon: str = "") -> None:
    """PyTorch's errors for images that cannot be shared out."""
    if len(shape) not in (3, 4):
        raise RuntimeError(f"{name}(): Expected 3D or 4D tensor, but got{colon} {list(shape)}")
    _check_lengths(name, shape, first)


def _check_lengths(name: str, shape: Lengths, first: int, what: str = "input") -> None:
    for dim in range(first, len(shape)):
        if not shape[dim]:
            raise RuntimeError(
                f"{name}(): Expected {what} to have non-zero size for non-batch dimensions, but "
                f"{what} has sizes {list(shape)} with dimension {dim} being empty"
            )


def read_output_size(
    name: str, output_size: Any, shape: Lengths, dims: int, refusal: str
) -> Lengths:
    """The lengths of the result along the pooled dimensions; none stands for the input's."""
    if isinstance(output_size, (tuple, list)):
        if len(shape) <= len(output_size):
            raise ValueError(f"Input dimension should be at least {len(output_size) + 1}")
        own = shape[len(shape) - len(output_size) :]
        output_size = tuple(
            length if count is None else count
            for count, length in zip(output_size, own, strict=True)
        )
        if len(output_size) != dims:
            raise RuntimeError(refusal)
    lengths = read_lengths(output_size, name, "output_size", 2)
    return lengths * dims if len(lengths) == 1 else lengths


@composite(method=False)
def adaptive_avg_pool1d(input: Any, output_size: Any) -> Any:
    """The means of output_size windows that share out the last dimension.

    adaptive_avg_pool1d(randn(2, 3, 9), 5)
    adaptive_avg_pool1d(randn(3, 9), 1)
    """
    name = "adaptive_avg_pool1d"
    input = operand(input, name, "input", 1)
    count = _one_length(name, "output_size", output_size)
    _check_row(name, input)
    return _as_rows(_means_shared, input, (1, count))


@composite(method=False)
def adaptive_avg_pool2d(input: Any, output_size: Any) -> Any:
    """The means of windows that share out an image: output_size of them down and across.

    One number stands for both; none for as many as the input has.

    adaptive_avg_pool2d(randn(2, 3, 8, 9), (5, 2))
    adaptive_avg_pool2d(randn(3, 8, 9), (none, 7))
    adaptive_avg_pool2d(randn(2, 3, 8, 9), 1)
    """
    name = "adaptive_avg_pool2d"
    input = operand(input, name, "input", 1)
    wanted = read_output_size(
        name, output_size, input.array.shape, 2, f"{name}: output_size must be 2"
    )
    return _means_shared(input, wanted)


def _means_shared(input: Any, wanted: Lengths) -> Any:
    name = "adaptive_avg_pool2d"
    if min(wanted) < 0:
        raise RuntimeError(
            f"{name}: elements of output_size must be greater than or equal to 0 but received "
            f"{{{wanted[0]}, {wanted[1]}}}"
        )
    if wanted == (1, 1):
        return mean(input, (-1, -2), keepdim=True)
    shape = input.array.shape
    _check_shared(name, shape, len(shape) - 2)
    return adaptive_avg_pool2d_of(input, wanted)


@composite(method=False)
def adaptive_max_pool1d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The largest elements of output_size windows that share out the last dimension.

    adaptive_max_pool1d(randn(2, 3, 9), 5)
    adaptive_max_pool1d(randn(3, 9), 2, return_indices=true)
    """
    name = "adaptive_max_pool1d"
    input = operand(input, name, "input", 1)
    count = _one_length(name, "output_size", output_size)
    _check_row(name, input)
    _check_lengths(name, input.array.shape, 1)
    if count < 0:
        shape = [*input.array.shape[:-1], 1, count]
        raise RuntimeError(f"Trying to create tensor with negative dimension {count}: {shape}")
    values, indices = _as_rows(adaptive_max_pool2d_with_indices, input, (1, count))
    return (values, indices) if return_indices else values


@composite(method=False)
def adaptive_max_pool2d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The largest elements of windows that share out an image: output_size of them.

    One number stands for both dimensions; none for as many as the input has.

    adaptive_max_pool2d(randn(2, 3, 8, 9), (5, 2))
    adaptive_max_pool2d(randn(3, 8, 9), (none, 7), return_indices=true)
    """
    name = "adaptive_max_pool2d"
    input = operand(input, name, "input", 1)
    shape = input.array.shape
    wanted = read_output_size(
        name, output_size, shape, 2, f"{name}(): internal error: output_size.size() must be 2"
    )
    _check_shared(name, shape, 1, colon=":")
    if min(wanted) < 0:
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {min(wanted)}: "
            f"{[*shape[:-2], *wanted]}"
        )
    values, indices = adaptive_max_pool2d_with_indices(input, wanted)
    return (values, indices) if return_indices else values
