"""The blocks of images as columns, and columns added up to images again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from gradsh.engine.arguments import Operand, check_tensors, shape
from gradsh.engine.derivative import linear
from gradsh.engine.op import composite
from gradsh.engine.ops.pieces import refuse

Array = np.ndarray[Any, np.dtype[Any]]
Pair = tuple[int, int]


class Blocks(NamedTuple):
    """How a block of pixels slides over an image, each as (vertical, horizontal)."""

    kernel: Pair
    dilation: Pair
    padding: Pair
    stride: Pair

    def counts(self, size: Pair) -> Pair:
        """How many blocks stand above each other, and side by side."""
        down, right = (
            math.floor((length + 2 * pad - gap * (kernel - 1) - 1) / step) + 1
            for length, kernel, gap, pad, step in zip(
                size, self.kernel, self.dilation, self.padding, self.stride, strict=True
            )
        )
        return down, right

    def places(self, counts: Pair) -> Iterator[tuple[int, Any]]:
        """For each pixel of a block its number, and where in the padded image it stands."""
        for row in range(self.kernel[0]):
            for column in range(self.kernel[1]):
                down, right = (
                    slice(start * gap, start * gap + (count - 1) * step + 1, step)
                    for start, gap, count, step in zip(
                        (row, column), self.dilation, counts, self.stride, strict=True
                    )
                )
                yield row * self.kernel[1] + column, (..., down, right)

    def frame(self, size: Pair) -> Pair:
        """The lengths of the padded image."""
        return size[0] + 2 * self.padding[0], size[1] + 2 * self.padding[1]

    def inside(self, size: Pair) -> Any:
        """Where the image lies in the padded one."""
        top, left = self.padding
        return ..., slice(top, top + size[0]), slice(left, left + size[1])


@linear(
    input=lambda g, blocks, input_shape: blocks_added(g, blocks, input_shape[-2:]),
    grad_fn="Im2ColBackward0",
    hidden=True,
)
def blocks_of(input: Operand, blocks: Any):
    """The blocks of images as columns."""
    *batch, channels, height, width = input.shape
    size = height, width
    counts = blocks.counts(size)
    padded = np.zeros((*batch, channels, *blocks.frame(size)), input.dtype)
    padded[blocks.inside(size)] = input
    pixels = math.prod(blocks.kernel)
    columns = np.empty((*batch, channels, pixels, *counts), input.dtype)
    for number, place in blocks.places(counts):
        columns[..., number, :, :] = padded[place]
    return columns.reshape(*batch, channels * pixels, math.prod(counts))


@linear(
    input=lambda g, blocks: blocks_of(g, blocks),
    grad_fn="Col2ImBackward0",
    hidden=True,
)
def blocks_added(input: Operand, blocks: Any, size: Any):
    """Images of this size, to which the blocks in the columns of input were added."""
    size = tuple(size)
    counts = blocks.counts(size)
    pixels = math.prod(blocks.kernel)
    *batch, rows, _ = input.shape
    columns = input.reshape(*batch, rows // pixels, pixels, *counts)
    padded = np.zeros((*batch, rows // pixels, *blocks.frame(size)), input.dtype)
    for number, place in blocks.places(counts):
        padded[place] += columns[..., number, :, :]
    return np.ascontiguousarray(padded[blocks.inside(size)])


def _pair(name: str, argument: str, value: Any) -> Pair:
    lengths = shape(value, name, argument, 2)
    if len(lengths) == 1:
        return lengths[0], lengths[0]
    if len(lengths) != 2:
        raise RuntimeError(f"It is expected {argument} equals to 2, but got size {len(lengths)}")
    return lengths[0], lengths[1]


def _blocks(name: str, kernel: Any, dilation: Any, padding: Any, stride: Any) -> Blocks:
    """The geometry that the arguments describe; RuntimeError where there is none."""
    blocks = Blocks(
        _pair(name, "kernel_size", kernel),
        _pair(name, "dilation", dilation),
        _pair(name, "padding", padding),
        _pair(name, "stride", stride),
    )
    for what, short, least, lengths in (
        ("kernel size", "kernel", 1, blocks.kernel),
        ("dilation", "dilation", 1, blocks.dilation),
        ("padding", "pad", 0, blocks.padding),
        ("stride", "stride", 1, blocks.stride),
    ):
        if min(lengths) < least:
            wanted = "greater than zero" if least else "non-negative"
            raise RuntimeError(
                f"{what} should be {wanted}, but got {short}_height: {lengths[0]} "
                f"{short}_width: {lengths[1]}"
            )
    return blocks


def image_blocks(
    input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Any:
    """The blocks of images as columns, what `torch.nn.functional` calls unfold.

    One example may stand without a batch. RuntimeError where no block fits.
    """
    check_tensors("unfold", input=input)
    input.size(2 if input.ndim < 3 else 0)
    blocks = _blocks("im2col", kernel_size, dilation, padding, stride)
    if input.ndim not in (3, 4) or 0 in input.shape[-3:]:
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
            f"dimensions for input, but got: {list(input.shape)}"
        )
    size = tuple(input.shape[-2:])
    counts = blocks.counts(size)
    if min(counts) < 1:
        raise RuntimeError(
            f"Given input with spatial size {size}, kernel_size={blocks.kernel}, "
            f"dilation={blocks.dilation}, padding={blocks.padding}, calculated shape of the array "
            f"of sliding blocks as {counts}, but its components must be at least one."
        )
    refuse("im2col_out_cpu", "iu", input.array)
    return blocks_of(input, blocks)


@composite(method=False)
def fold(
    input: Any,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Any:
    """Images of output_size, to which the blocks in the columns of input were added.

    fold(randn(2, 4, 9), (4, 4), 2)
    fold(randn(8, 4), output_size=(4, 5), kernel_size=(2, 2), stride=(2, 2))
    fold(randn(1, 6, 8), (5, 4), (3, 2), dilation=(1, 2), padding=(1, 1), stride=(2, 1))
    """
    check_tensors("fold", input=input)
    size = _pair("col2im", "output_size", output_size)
    blocks = _blocks("col2im", kernel_size, dilation, padding, stride)
    if input.ndim not in (2, 3) or 0 in input.shape[-2:]:
        raise RuntimeError(
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and "
            f"non-zero dimensions for input, but got: {list(input.shape)}"
        )
    rows, columns = input.shape[-2:]
    if rows % math.prod(blocks.kernel):
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, "
            f"but got input.size(1)={rows} and kernel_size={blocks.kernel}."
        )
    down, right = blocks.counts(size)
    if columns != down * right:
        raise RuntimeError(
            f"Given output_size={size}, kernel_size={blocks.kernel}, dilation={blocks.dilation}, "
            f"padding={blocks.padding}, stride={blocks.stride}, expected size of input's "
            f"dimension 2 to match the calculated number of sliding blocks {down} * {right} = "
            f"{down * right}, but got input.size(2)={columns}."
        )
    refuse("col2im_out_cpu", "iu", input.array)
    return blocks_added(input, blocks, size)
