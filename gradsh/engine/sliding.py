"""Windows that slide over arrays: what convolution does with each, and its transposes.

Arrays are (batch, channels, *spatial) with any number of spatial dimensions. The windows are a
strided view; a convolution copies it, a few images at a time so that the copy stays in the
processor's cache, and is a matrix product of it. Measured on a 3x3 kernel the copy takes a tenth
of the product's time, less than a product for each of the kernel's places would cost.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from gradsh.engine.blocks import over_slices
from gradsh.engine.precision import single

Array = np.ndarray[Any, np.dtype[Any]]
Lengths = tuple[int, ...]

_CACHE = 1 << 20
"""Bytes that the copied windows of one step take, unless those of one image take more."""

_ONE_THREAD = 1 << 18
_NARROWEST = 16
"""OpenBLAS computes a product of so many multiplications on one thread. Waiting for a second
thread costs more than it gains in products as small as an image's, many times so on a machine
that does other work too: they are cut into pieces, unless those would be too narrow."""


class Slide(NamedTuple):
    """How a window moves: its steps, the zeros around the input, the gaps between its elements."""

    stride: Lengths
    padding: Lengths
    dilation: Lengths
    groups: int = 1

    def places(self, spatial: Lengths, kernel: Lengths) -> Lengths:
        """In how many places the window fits along each dimension."""
        return tuple(
            (length + 2 * pad - gap * (size - 1) - 1) // step + 1
            for length, pad, gap, size, step in zip(
                spatial, self.padding, self.dilation, kernel, self.stride, strict=True
            )
        )


def padded(array: Array, padding: Lengths, value: Any = 0) -> Array:
    """`array` with `value` on both sides of its last dimensions."""
    if not any(padding):
        return array
    lead = array.ndim - len(padding)
    spatial = array.shape[lead:]
    lengths = [length + 2 * pad for length, pad in zip(spatial, padding, strict=True)]
    result = np.full((*array.shape[:lead], *lengths), value, array.dtype)
    result[inside(spatial, padding)] = array
    return result


def inside(spatial: Lengths, padding: Lengths) -> Any:
    """Where the input lies in what `padded` gives."""
    within = (slice(pad, pad + length) for length, pad in zip(spatial, padding, strict=True))
    return (..., *within)


def windows(array: Array, kernel: Lengths, slide: Slide, places: Lengths) -> Array:
    """A view of a padded `array` as (batch, channels, *kernel, *places)."""
    steps = array.strides[2:]
    return as_strided(
        array,
        (*array.shape[:2], *kernel, *places),
        (
            *array.strides[:2],
            *(gap * step for gap, step in zip(slide.dilation, steps, strict=True)),
            *(stride * step for stride, step in zip(slide.stride, steps, strict=True)),
        ),
        writeable=False,
    )


def offsets(kernel: Lengths, slide: Slide, places: Lengths) -> Iterator[tuple[Any, Any]]:
    """For each element of the kernel: its index, and what of a padded array it meets."""
    for index in product(*map(range, kernel)):
        yield (
            index,
            tuple(
                slice(gap * at, gap * at + step * (count - 1) + 1, step)
                for gap, at, step, count in zip(
                    slide.dilation, index, slide.stride, places, strict=True
                )
            ),
        )


def _at_once(elements: int, itemsize: int) -> int:
    """How many images there are whose windows, `elements` an image, fit into the cache."""
    return max(1, _CACHE // max(1, elements * itemsize))


def _width(size: int, count: int) -> int:
    """How many of `count` columns to multiply at once with a matrix of `size` elements."""
    width = _ONE_THREAD // max(size, 1)
    return width if _NARROWEST <= width < count else max(count, 1)


def _in_pieces(array: Array, whole: int, width: int) -> Array:
    """(..., rows, columns) as (..., pieces, rows, width), a view of the first `whole` columns."""
    pieces = array[..., :whole].reshape(*array.shape[:-1], whole // width, width)
    return pieces.swapaxes(-2, -3)


def _multiply(matrix: Array, columns: Array, out: Array) -> None:
    """Fill `out` (batch, groups, rows, columns) with the products of (groups, rows, taps)."""
    count = columns.shape[-1]
    width = _width(matrix[0].size, count)
    whole = count // width * width
    np.matmul(matrix[:, None], _in_pieces(columns, whole, width), out=_in_pieces(out, whole, width))
    if whole < count:
        np.matmul(matrix, columns[..., whole:], out=out[..., whole:])


def correlate(input: Array, weight: Array, slide: Slide, places: Lengths) -> Array:
    """Each window's products with the kernels, summed: (batch, kernels, *places).

    `weight` is (kernels, channels / groups, *kernel).
    """
    batch, kernels, kernel = len(input), weight.shape[0], weight.shape[2:]
    result = np.empty((batch, kernels, *places), input.dtype)
    groups, taps, count = slide.groups, weight[0].size, math.prod(places)
    view = windows(padded(input, slide.padding), kernel, slide, places)
    matrix = weight.reshape(groups, kernels // groups, taps)
    by_group = result.reshape(batch, groups, kernels // groups, count)

    def multiply(part: slice) -> None:
        columns = np.ascontiguousarray(view[part]).reshape(-1, groups, taps, count)
        _multiply(matrix, columns, by_group[part])

    over_slices(multiply, batch, _at_once(groups * taps * count, input.itemsize))
    return result


def spread(grad: Array, weight: Array, slide: Slide, spatial: Lengths, in_steps: bool) -> Array:
    """The transpose of `correlate` in its input, whose spatial lengths are `spatial`.

    Half precision is rounded after each product and each sum if `in_steps`, else at the end.
    """
    kind = grad.dtype if in_steps else single(grad[:0]).dtype
    batch, kernels, *lengths = grad.shape
    places, kernel = tuple(lengths), weight.shape[2:]
    groups, taps, count = slide.groups, math.prod(weight.shape[1:]), math.prod(places)
    channels = weight.shape[1] * groups
    whole = [length + 2 * pad for length, pad in zip(spatial, slide.padding, strict=True)]
    result = np.zeros((batch, channels, *whole), kind)
    matrix = np.ascontiguousarray(
        single(weight).reshape(groups, kernels // groups, taps).transpose(0, 2, 1)
    )
    by_group = single(grad).reshape(batch, groups, kernels // groups, count)
    met = list(offsets(kernel, slide, places))

    def put_back(part: slice) -> None:
        images = by_group[part]
        columns = np.empty((len(images), groups, taps, count), images.dtype)
        _multiply(matrix, images, columns)
        columns = columns.astype(kind, copy=False).reshape(-1, channels, *kernel, *places)
        target = result[part]
        for index, where in met:
            target[(..., *where)] += columns[(slice(None), slice(None), *index)]

    over_slices(put_back, batch, _at_once(groups * taps * count, grad.itemsize))
    kept: Array = result[inside(spatial, slide.padding)]
    return kept


def weigh(
    grad: Array, input: Array, slide: Slide, kernel: Lengths, rounded: np.dtype[Any] | None
) -> Array:
    """The transpose of `correlate` in its weight, whose kernels have the lengths `kernel`.

    What is `rounded` to a type is so after each image of the batch.
    """
    batch, kernels, *lengths = grad.shape
    places, channels, groups = tuple(lengths), input.shape[1], slide.groups
    count, taps = math.prod(places), channels // groups * math.prod(kernel)
    view = windows(padded(input, slide.padding), kernel, slide, places)
    by_group = grad.reshape(batch, groups, kernels // groups, count)
    total = np.zeros((groups, kernels // groups, taps), grad.dtype)
    step = _at_once(groups * taps * count, input.itemsize)
    for part in (slice(start, start + step) for start in range(0, batch, step)):
        columns = np.ascontiguousarray(view[part]).reshape(-1, groups, taps, count)
        width = _width(total[0].size, count)
        whole = count // width * width
        kept = by_group[part]
        if rounded is not None:
            for product_of_image in np.matmul(kept, columns.swapaxes(-1, -2)):
                total = (total + product_of_image).astype(rounded).astype(total.dtype)
            continue
        total += np.matmul(
            _in_pieces(kept, whole, width), _in_pieces(columns, whole, width).swapaxes(-1, -2)
        ).sum((0, 2))
        if whole < count:
            total += np.matmul(kept[..., whole:], columns[..., whole:].swapaxes(-1, -2)).sum(0)
    return total.reshape(kernels, channels // groups, *kernel)
