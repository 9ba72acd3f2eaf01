"""Convolution and its transpose, over any number of spatial dimensions.

Three operations close the family under differentiation: the convolution and its cotangents in the
input and in the weight are each linear in two of (input, weight, output), and the derivative of
any is another. See Dumoulin and Visin, A guide to convolution arithmetic for deep learning (2016).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gradsh.engine.arguments import Operand, operand, optional_operand
from gradsh.engine.arguments import shape as read_lengths
from gradsh.engine.derivative import general, linear
from gradsh.engine.dtypes import FROM_NUMPY, bfloat16, float16, float32
from gradsh.engine.op import composite
from gradsh.engine.ops.complex_numbers import imag, real
from gradsh.engine.ops.padding import constant_pad
from gradsh.engine.ops.pieces import refuse
from gradsh.engine.ops.pointwise import add
from gradsh.engine.ops.shape import squeeze, unsqueeze
from gradsh.engine.precision import single
from gradsh.engine.sliding import Lengths, Slide, correlate, spread, weigh

_SECOND = "ConvolutionBackwardBackward0"
"""PyTorch computes all cotangents of a convolution by one operation, whose node is called so."""


class Geometry(NamedTuple):
    """How a convolution slides; `transposed` where it goes from the outputs to the inputs."""

    stride: Lengths
    padding: Lengths
    dilation: Lengths
    transposed: bool
    output_padding: Lengths
    groups: int

    @property
    def slide(self) -> Slide:
        """The movement of the window, without what says which way."""
        return Slide(self.stride, self.padding, self.dilation, self.groups)

    def in_steps(self, storage: np.dtype[Any]) -> bool:
        """Whether PyTorch's kernels round between the products of a transposed convolution.

        It has none of its own for float16; those of its library, for bfloat16, do not take a
        padding of the output as long as a stride.
        """
        return storage is float16.numpy or (
            self.transposed
            and any(
                extra >= step for extra, step in zip(self.output_padding, self.stride, strict=True)
            )
        )

    def spatial(self, spatial: Lengths, kernel: Lengths) -> Lengths:
        """The lengths of the result of a transposed convolution."""
        return tuple(
            (length - 1) * step - 2 * pad + gap * (size - 1) + extra + 1
            for length, step, pad, gap, size, extra in zip(
                spatial,
                self.stride,
                self.padding,
                self.dilation,
                kernel,
                self.output_padding,
                strict=True,
            )
        )


def unless_empty(cotangent: Any, shape: Any) -> Any:
    """A second cotangent; none where the first came from nothing: there PyTorch's graph ends."""
    return None if 0 in shape else cotangent


@linear(
    grad=lambda g, weight, geometry, grad_shape: unless_empty(
        convolution(g, weight, None, geometry), grad_shape
    ),
    weight=lambda g, grad, geometry, weight_shape, grad_shape: unless_empty(
        weight_cotangent(grad, g, geometry, weight_shape, False), grad_shape
    ),
    grad_fn=_SECOND,
    hidden=True,
)
def input_cotangent(grad: Operand, weight: Operand, geometry: Any, shape: Any):
    """A convolution's cotangent in its input, which has this shape."""
    if 0 in shape[:2]:
        return np.zeros(shape, grad.dtype)
    if geometry.transposed:
        result = correlate(single(grad), single(weight), geometry.slide, shape[2:])
    else:
        result = spread(grad, weight, geometry.slide, shape[2:], geometry.in_steps(grad.dtype))
    return result.astype(grad.dtype, copy=False)


@linear(
    grad=lambda g, input, geometry, grad_shape: unless_empty(
        convolution(input, g, None, geometry), grad_shape
    ),
    input=lambda g, grad, geometry, input_shape, grad_shape: unless_empty(
        input_cotangent(grad, g, geometry, input_shape), grad_shape
    ),
    grad_fn=_SECOND,
    hidden=True,
)
def weight_cotangent(grad: Operand, input: Operand, geometry: Any, shape: Any, by_image: Any):
    """A convolution's cotangent in its weight, which has this shape.

    Rounded `by_image` where PyTorch's kernel is; a second derivative is a convolution there.
    """
    above, below = (input, grad) if geometry.transposed else (grad, input)
    if not above.size or not below.size:
        return np.zeros(shape, grad.dtype)
    rounded = grad.dtype if by_image and geometry.in_steps(grad.dtype) else None
    result = weigh(single(above), single(below), geometry.slide, shape[2:], rounded)
    return result.astype(grad.dtype, copy=False)


@linear(
    input=lambda g, input_shape: spread_over_channels(g, input_shape), grad_fn=_SECOND, hidden=True
)
def bias_cotangent(input: Operand, kernels: Any):
    """A convolution's cotangent in its bias: the sum of each channel of input.

    Without channels, as of an input that has none, zeros for the kernels.
    """
    if not input.size:
        return np.zeros(input.shape[1] or kernels, input.dtype)
    by_channel = input.reshape(*input.shape[:2], -1)
    return by_channel.sum((0, 2), dtype=single(input).dtype).astype(input.dtype, copy=False)


@linear(input=lambda g, input_shape: bias_cotangent(g, input_shape[0]), hidden=True)
def spread_over_channels(input: Operand, shape: Any):
    """A number for each channel, repeated over its elements."""
    return np.broadcast_to(_by_channel(input, len(shape)), shape)


def _by_channel(bias: Any, ndim: int) -> Any:
    return bias.reshape(-1, *(1,) * (ndim - 2))


@general(
    input=lambda g, weight, geometry, input_shape: input_cotangent(
        g, weight, geometry, input_shape
    ),
    weight=lambda g, input, geometry, weight_shape: weight_cotangent(
        g, input, geometry, weight_shape, True
    ),
    bias=lambda g, weight_shape: bias_cotangent(g, weight_shape[0]),
    hidden=True,
)
def convolution(input: Operand, weight: Operand, bias: Operand | None, geometry: Any):
    """The sums of products of each window of input with the kernels of weight, plus bias."""
    kernel = weight.shape[2:]
    if geometry.transposed:
        spatial = geometry.spatial(input.shape[2:], kernel)
        result = spread(input, weight, geometry.slide, spatial, geometry.in_steps(input.dtype))
    else:
        places = geometry.slide.places(input.shape[2:], kernel)
        if not input.shape[1]:  # without channels PyTorch computes nothing, not even the bias
            return np.zeros((len(input), 0, *places), input.dtype)
        result = correlate(single(input), single(weight), geometry.slide, places)
    if bias is not None:
        result += _by_channel(bias, result.ndim)
    return np.ascontiguousarray(result, dtype=input.dtype)


def _listed(lengths: Any) -> str:
    return f"[{', '.join(map(str, lengths))}]"


def _expanded(name: str, lengths: Lengths, ndim: int) -> Lengths:
    """One length for each of `ndim` dimensions; RuntimeError where that cannot be."""
    if len(lengths) == 1:
        return lengths * ndim
    if len(lengths) != ndim:
        raise RuntimeError(
            f"expected {name} to be a single integer value or a list of {ndim} values to match "
            f"the convolution dimensions, but got {name}={_listed(lengths)}"
        )
    return lengths


def _check_geometry(geometry: Geometry) -> None:
    if min(geometry.padding) < 0:
        raise RuntimeError("negative padding is not supported")
    if min(geometry.output_padding) < 0:
        raise RuntimeError("negative output_padding is not supported")
    if min(geometry.stride) <= 0:
        raise RuntimeError("non-positive stride is not supported")
    if min(geometry.dilation) < 0:
        raise RuntimeError("dilation should be greater than zero")


def _check_shapes(input: Any, weight: Any, bias: Any, geometry: Geometry) -> None:
    """PyTorch's errors for shapes that do not go together."""
    shape, sizes, groups = input.shape, weight.shape, geometry.groups
    if len(shape) != len(sizes):
        raise RuntimeError(
            f"Expected {len(sizes)}-dimensional input for {len(sizes)}-dimensional weight "
            f"{_listed(sizes)}, but got {len(shape)}-dimensional input of size {_listed(shape)} "
            "instead"
        )
    if sizes[0] < groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, but "
            f"got weight of size {_listed(sizes)} instead"
        )
    if sizes[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, "
            f"but got weight of size [{_listed(sizes)}] instead"
        )
    given = "transposed=1" if geometry.transposed else f"groups={groups}"
    channels = sizes[0] if geometry.transposed else sizes[1] * groups
    if shape[1] != channels:
        error = RuntimeError(
            f"Given {given}, weight of size {_listed(sizes)}, expected input{_listed(shape)} to "
            f"have {channels} channels, but got {shape[1]} channels instead"
        )
        error.add_note(
            "the input is (batch, channels, ...), the weight (in, out / groups, ...)"
            if geometry.transposed
            else "the input is (batch, channels, ...), the weight (out, channels / groups, ...)"
        )
        raise error
    kernels = sizes[1] * groups if geometry.transposed else sizes[0]
    if bias is not None and bias.shape != (kernels,):
        given = "transposed=1, " if geometry.transposed else ""
        raise RuntimeError(
            f"Given {given}weight of size {_listed(sizes)}, expected bias to be 1-dimensional "
            f"with {kernels} elements, but got bias of size {_listed(bias.shape)} instead"
        )
    if not geometry.transposed:
        _check_fit(shape[2:], sizes[2:], geometry)


def _check_fit(spatial: Lengths, kernel: Lengths, geometry: Geometry) -> None:
    whole = [length + 2 * pad for length, pad in zip(spatial, geometry.padding, strict=True)]
    reach = [gap * (size - 1) + 1 for gap, size in zip(geometry.dilation, kernel, strict=True)]
    if any(a < b for a, b in zip(whole, reach, strict=True)):
        error = RuntimeError(
            f"Calculated padded input size per channel: ({' x '.join(map(str, whole))}). Kernel "
            f"size: ({' x '.join(map(str, reach))}). Kernel size can't be greater than actual "
            "input size"
        )
        error.add_note('pad the input, as with `padding=1` or `padding="same"`')
        raise error


def _check_output(input: Any, weight: Any, geometry: Geometry) -> None:
    """PyTorch's errors for results that cannot be, raised by its kernels."""
    if 0 in geometry.dilation:
        raise RuntimeError("non-positive dilation is not supported")
    if not weight.size and input.size:
        kind = "deconvolution" if geometry.transposed else "convolution"
        raise RuntimeError(
            f"could not create a primitive descriptor for the {kind} forward propagation "
            "primitive. Run workload with environment variable ONEDNN_VERBOSE=all to get "
            "additional diagnostic information."
        )
    if not geometry.transposed:
        return
    extra = geometry.output_padding
    if any(a >= max(b, c) for a, b, c in zip(extra, geometry.stride, geometry.dilation)):  # noqa: B905
        names = ("depth", "height", "width")[-len(extra) :]
        if len(extra) == 1:  # PyTorch computes one dimension as two
            names = ("height", "width")
        given = [
            f"{kind}_{name}: {length}"
            for kind, lengths, first in (
                ("output_padding", extra, 0),
                ("stride", geometry.stride, 1),
                ("dilation", geometry.dilation, 1),
            )
            for name, length in zip(
                names, (first, *lengths) if len(extra) == 1 else lengths, strict=True
            )
        ]
        raise RuntimeError(
            "output padding must be smaller than either stride or dilation, but got "
            + " ".join(given)
        )
    lengths = geometry.spatial(input.shape[2:], weight.shape[2:])
    if min(lengths) <= 0:
        alone = (1,) if len(lengths) == 1 else ()  # PyTorch computes one dimension as two
        before, after = (
            " x ".join(map(str, (*alone, *sizes))) for sizes in (input.shape[2:], lengths)
        )
        error = RuntimeError(
            f"Given input size per channel: ({before}). Calculated output size per channel: "
            f"({after}). Output size is too small"
        )
        error.add_note("the padding leaves nothing of the result")
        raise error


def _check_types(input: Any, weight: Any, bias: Any, geometry: Geometry) -> None:
    """PyTorch's errors for element types, raised by the kernel that it would choose."""
    kind, other = FROM_NUMPY[input.dtype], FROM_NUMPY[weight.dtype]
    if kind is not other:
        error = RuntimeError(
            f"Input type ({kind.tensor_class}) and weight type ({other.tensor_class}) should be "
            "the same or input should be a MKLDNN tensor and weight is a dense tensor"
            if kind in (float32, bfloat16)
            else f"expected scalar type {kind.type_name} but found {other.type_name}"
        )
        error.add_note("convert one: `x.float()`, or `x.to(w.dtype)`")
        raise error
    if bias is not None and bias.dtype is not input.dtype:
        names = [FROM_NUMPY[x.dtype].c_name for x in (input, bias)]
        error = RuntimeError(
            f"Input type ({names[0]}) and bias type ({names[1]}) should be the same"
        )
        error.add_note("convert one: `b.float()`, or `b.to(x.dtype)`")
        raise error
    spatial = input.ndim - 2
    if geometry.transposed:
        refused = "biu" if input.dtype != np.int64 else "b"
        refuse(f"slow_conv_transpose{max(spatial, 2)}d_out_cpu", refused, input)
    elif max(geometry.dilation) > 1:
        refuse("slow_conv_dilated<>", "biu" if input.dtype != np.int64 else "b", input)
    else:
        refuse("compute_columns3d" if spatial == 3 else "slow_conv2d_cpu", "b", input)


def _convolved(
    name: str,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
    output_padding: Any = 0,
) -> Any:
    """What all the functions do: read, check, and convolve a batch, of one where none is given."""
    transposed = "transpose" in name
    ndim = int(name[-2])
    given = input = operand(input, name, "input", 1)
    weight = operand(weight, name, "weight", 2)
    bias = optional_operand(bias, name, "bias", 3)
    rank = input.array.ndim
    if rank not in (ndim + 1, ndim + 2):
        error = RuntimeError(
            f"Expected {ndim + 1}D (unbatched) or {ndim + 2}D (batched) input to {name}, but got "
            f"input of size: {_listed(input.array.shape)}"
        )
        error.add_note("the input is (batch, channels, ...) or (channels, ...)")
        raise error
    if rank == ndim + 1:
        input = unsqueeze(input, 0)
    lengths = {
        key: read_lengths(value, name, key, position)
        for key, value, position in (
            ("stride", stride, 4),
            ("padding", 0 if isinstance(padding, str) else padding, 5),
            ("dilation", dilation, 6),
            ("output_padding", output_padding, 6),
        )
    }
    lengths = {key: value * ndim if len(value) == 1 else value for key, value in lengths.items()}
    spatial = weight.array.ndim - 2
    if groups <= 0:
        raise RuntimeError("non-positive groups is not supported")
    if spatial <= 0:
        raise RuntimeError("weight should have at least three dimensions")
    lengths = {key: _expanded(key, value, spatial) for key, value in lengths.items()}
    if isinstance(padding, str):
        kernel = weight.array.shape[2:]
        input, lengths["padding"] = _named_padding(input, padding, kernel, lengths)
    geometry = Geometry(transposed=transposed, groups=groups, **lengths)
    array, kernels = input.array, weight.array
    addend = None if bias is None else bias.array
    _check_geometry(geometry)
    _check_shapes(array, kernels, addend, geometry)
    _check_output(array, kernels, geometry)
    _check_types(array, kernels, addend, geometry)
    if not array.size and all(array.shape[:2]):
        raise RuntimeError(
            "Only zero batch or zero channel inputs are supported, but got input shape: "
            + _listed(array.shape)
        )
    if array.dtype.kind == "c":
        result = _complex_convolution(input, weight, bias, geometry)
    else:
        result = convolution(input, weight, bias, geometry)
    return result if given is input or rank == ndim + 2 else squeeze(result, 0)


def _complex_convolution(input: Any, weight: Any, bias: Any, geometry: Geometry) -> Any:
    """Three real convolutions instead of four: Gauss's product of complex numbers."""
    a, b, c, d = real(input), imag(input), real(weight), imag(weight)
    first = None if bias is None else real(bias)
    sum_of = None if bias is None else add(first, imag(bias))
    straight = convolution(a, c, first, geometry)
    crossed = convolution(b, d, None, geometry)
    both = convolution(add(a, b), add(c, d), sum_of, geometry)
    return straight - crossed + (both - straight - crossed) * 1j


def _named_padding(
    input: Any, padding: str, kernel: Lengths, lengths: dict[str, Lengths]
) -> tuple[Any, Lengths]:
    """The input and its padding on both sides for `padding` "same" or "valid".

    Where "same" needs an odd number of zeros, the input gets the odd ones behind.
    """
    if padding == "valid":
        return input, (0,) * len(kernel)
    if padding != "same":
        raise RuntimeError(f"Invalid padding string: '{padding}'")
    if any(step != 1 for step in lengths["stride"]):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    total = [gap * (size - 1) for gap, size in zip(lengths["dilation"], kernel, strict=True)]
    if any(zeros % 2 for zeros in total):
        behind = [side for zeros in reversed(total) for side in (0, zeros % 2)]
        input = constant_pad(input, tuple(behind), 0.0)
    return input, tuple(zeros // 2 for zeros in total)


@composite(method=False)
def conv1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """Convolution of (batch, channels, length), or (channels, length), with the kernels of weight.

    weight is (out, channels / groups, length); padding counts zeros on both sides, or is "same"
    or "valid".

    conv1d(randn(3, 2, 9), randn(4, 2, 2), randn(4))
    conv1d(randn(6, 9), randn(4, 3, 2), stride=2, padding=1, groups=2)
    conv1d(randn(3, 8, 9), randn(4, 8, 6), padding="same", dilation=3)
    """
    return _convolved("conv1d", input, weight, bias, stride, padding, dilation, groups)


@composite(method=False)
def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """Convolution of (batch, channels, height, width), or one without batch, with weight's kernels.

    weight is (out, channels / groups, height, width); padding counts zeros on both sides, or is
    "same" or "valid".

    conv2d(randn(3, 2, 5, 6), randn(4, 2, 2, 2), randn(4))
    conv2d(randn(3, 4, 7, 8), randn(6, 2, 5, 2), stride=(2, 1), padding=1, groups=2)
    conv2d(randn(6, 7, 8), randn(4, 6, 5, 2), dilation=2, padding=(4, 1))
    conv2d(randn(3, 6, 5, 6), randn(4, 6, 2, 5), padding="same")
    """
    return _convolved("conv2d", input, weight, bias, stride, padding, dilation, groups)


@composite(method=False)
def conv3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """Convolution over three spatial dimensions; the arguments are those of conv2d.

    conv3d(randn(3, 2, 5, 6, 5), randn(4, 2, 2, 5, 2), randn(4))
    conv3d(randn(6, 5, 6, 5), randn(4, 6, 2, 5, 2), stride=2, padding=1)
    """
    return _convolved("conv3d", input, weight, bias, stride, padding, dilation, groups)


@composite(method=False)
def conv_transpose1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """The transpose of conv1d: what carries its cotangents from the results to the inputs.

    weight is (channels, out / groups, length); output_padding lengthens the result on one side.

    conv_transpose1d(randn(3, 2, 6), randn(2, 4, 2), randn(4))
    conv_transpose1d(randn(4, 6), randn(4, 3, 3), stride=2, padding=1, output_padding=1, groups=2)
    """
    return _convolved(
        "conv_transpose1d", input, weight, bias, stride, padding, dilation, groups, output_padding
    )


@composite(method=False)
def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """The transpose of conv2d: what carries its cotangents from the results to the inputs.

    weight is (channels, out / groups, height, width); output_padding lengthens the result on one
    side.

    conv_transpose2d(randn(3, 2, 5, 6), randn(2, 4, 2, 5), randn(4))
    conv_transpose2d(randn(4, 5, 6), randn(4, 3, 3, 2), stride=(2, 3), padding=1, groups=2)
    conv_transpose2d(randn(2, 3, 5, 5), randn(3, 5, 2, 2), output_padding=1, dilation=2)
    """
    return _convolved(
        "conv_transpose2d", input, weight, bias, stride, padding, dilation, groups, output_padding
    )


@composite(method=False)
def conv_transpose3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """The transpose of conv3d; the arguments are those of conv_transpose2d.

    conv_transpose3d(randn(3, 2, 2, 5, 2), randn(2, 4, 2, 5, 2), randn(4), stride=2)
    """
    return _convolved(
        "conv_transpose3d", input, weight, bias, stride, padding, dilation, groups, output_padding
    )
