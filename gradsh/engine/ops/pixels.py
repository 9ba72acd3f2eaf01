"""Channels of images turned into pixels and back, and channels in another order."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import Dim, Operand
from gradsh.engine.derivative import linear

Array = np.ndarray[Any, np.dtype[Any]]


def _check_image(name: str, input: Array, factor_name: str, factor: int) -> None:
    if input.ndim < 3:
        raise RuntimeError(
            f"{name} expects input to have at least 3 dimensions, but got input with {input.ndim} "
            "dimension(s)"
        )
    if factor <= 0:
        raise RuntimeError(f"{name} expects a positive {factor_name}, but got {factor}")


@linear(input=lambda g, upscale_factor: pixel_unshuffle(g, upscale_factor), method=False)
def pixel_shuffle(input: Operand, upscale_factor: Dim):
    """Images r times as high and wide, each block of r*r pixels from r*r channels.

    Source: Shi et al., Real-Time Single Image and Video Super-Resolution (2016).

    pixel_shuffle(randn(2, 8, 2, 5), 2)
    pixel_shuffle(randn(9, 2, 2), upscale_factor=3)
    """
    _check_image("pixel_shuffle", input, "upscale_factor", upscale_factor)
    r = upscale_factor
    *batch, channels, height, width = input.shape
    if channels % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square "
            f"of upscale_factor, but input.size(-3)={channels} is not divisible by {r * r}"
        )
    n = len(batch)
    blocks = input.reshape(*batch, channels // (r * r), r, r, height, width)
    order = (*range(n), n, n + 3, n + 1, n + 4, n + 2)
    shape = (*batch, channels // (r * r), height * r, width * r)
    return np.ascontiguousarray(blocks.transpose(order)).reshape(shape)


@linear(input=lambda g, downscale_factor: pixel_shuffle(g, downscale_factor), method=False)
def pixel_unshuffle(input: Operand, downscale_factor: Dim):
    """Images a factor lower and narrower, whose blocks of pixels become channels.

    pixel_unshuffle(randn(2, 2, 6, 2), 2)
    pixel_unshuffle(randn(1, 6, 9), downscale_factor=3)
    """
    _check_image("pixel_unshuffle", input, "downscale_factor", downscale_factor)
    r = downscale_factor
    *batch, channels, height, width = input.shape
    for side, length, dim in (("height", height, -2), ("width", width, -1)):
        if length % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {side} to be divisible by downscale_factor, but "
                f"input.size({dim})={length} is not divisible by {r}"
            )
    n = len(batch)
    blocks = input.reshape(*batch, channels, height // r, r, width // r, r)
    order = (*range(n), n, n + 2, n + 4, n + 1, n + 3)
    shape = (*batch, channels * r * r, height // r, width // r)
    return np.ascontiguousarray(blocks.transpose(order)).reshape(shape)


@linear(
    input=lambda g, groups, input_shape: channel_shuffle(g, input_shape[1] // groups),
    method=False,
)
def channel_shuffle(input: Operand, groups: Dim):
    """The channels of groups taken in turns.

    Source: Zhang et al., ShuffleNet (2017).

    channel_shuffle(randn(2, 4, 3, 3), 2)
    channel_shuffle(randn(1, 6, 3, 2), groups=3)
    """
    if input.ndim <= 2:
        raise RuntimeError(
            f"channel_shuffle expects input with > 2 dims, but got input with sizes "
            f"{list(input.shape)}"
        )
    if groups <= 0:
        raise RuntimeError(
            f"Number of groups to divide channels in must be positive. Value of groups:{groups}"
        )
    batch, channels, *rest = input.shape
    if channels % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {channels} channels and "
            f"{groups} groups."
        )
    grouped = input.reshape(batch, groups, channels // groups, *rest)
    return np.ascontiguousarray(grouped.swapaxes(1, 2)).reshape(input.shape)
