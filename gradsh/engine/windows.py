"""Pooling in any number of dimensions: the windows of arrays, their largest elements and means.

Arrays have any number of dimensions before the pooled ones. Places in an array are counted over
its pooled dimensions, row by row. A window of Python slices is met an element at a time: the same
element of all windows is a strided view.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from gradsh.engine.dtypes import is_floating
from gradsh.engine.precision import single
from gradsh.engine.sliding import Lengths, Slide, offsets

Array = np.ndarray[Any, np.dtype[Any]]


class Pool(NamedTuple):
    """The window of a pooling and its movement, along each of the pooled dimensions."""

    kernel: Lengths
    stride: Lengths
    padding: Lengths
    dilation: Lengths
    ceil_mode: bool

    @property
    def dims(self) -> int:
        """How many dimensions are pooled."""
        return len(self.kernel)

    def places(self, spatial: Lengths) -> Lengths:
        """In how many places the window stands; with `ceil_mode` the last may hang over."""
        return tuple(self._along(length, dim) for dim, length in enumerate(spatial))

    def _along(self, length: int, dim: int) -> int:
        size, step, pad = self.kernel[dim], self.stride[dim], self.padding[dim]
        room = length + 2 * pad - self.dilation[dim] * (size - 1) - 1
        count = (room + (step - 1 if self.ceil_mode else 0)) // step + 1
        # a window must start inside the input or the padding before it
        if self.ceil_mode and (count - 1) * step >= length + pad:
            count -= 1
        return count

    def starts(self, places: Lengths) -> list[Array]:
        """Where the windows start along each dimension, from the input's first element on."""
        return [
            np.arange(count) * step - pad
            for count, step, pad in zip(places, self.stride, self.padding, strict=True)
        ]

    def frame(self, spatial: Lengths, places: Lengths) -> tuple[Lengths, Any]:
        """The lengths that all windows span, and where the input lies in them."""
        lengths = tuple(
            max(pad + length, step * (count - 1) + gap * (size - 1) + 1)
            for length, pad, step, count, gap, size in zip(
                spatial, self.padding, self.stride, places, self.dilation, self.kernel, strict=True
            )
        )
        within = (
            slice(pad, pad + length) for length, pad in zip(spatial, self.padding, strict=True)
        )
        return lengths, (..., *within)

    def framed(self, input: Array, places: Lengths, value: Any) -> Array:
        """The input with `value` wherever windows reach around it."""
        lead, spatial = split_shape(input.shape, self.dims)
        lengths, within = self.frame(spatial, places)
        frame = np.full((*lead, *lengths), value, input.dtype)
        frame[within] = input
        return frame

    def elements(self, places: Lengths) -> Iterator[tuple[Any, Any]]:
        """For each element of the window: its index, and what of the frame it meets."""
        return offsets(self.kernel, Slide(self.stride, self.padding, self.dilation), places)


class Mean(NamedTuple):
    """How the means of a pooling are taken."""

    pool: Pool
    count_include_pad: bool
    divisor: int | None

    def divisors(self, spatial: Lengths, places: Lengths) -> Any:
        """By what the sum in each place is divided."""
        if self.divisor is not None:
            return self.divisor
        counts = []
        for starts, size, length, pad in zip(
            self.pool.starts(places), self.pool.kernel, spatial, self.pool.padding, strict=True
        ):
            ends = np.minimum(starts + size, length + pad)
            if not self.count_include_pad:
                starts, ends = np.maximum(starts, 0), np.minimum(ends, length)
            counts.append(ends - starts)
        return reduce(np.multiply.outer, counts)


def split_shape(shape: Lengths, dims: int) -> tuple[Lengths, Lengths]:
    """A shape before its last `dims` dimensions, and those."""
    return shape[: len(shape) - dims], shape[len(shape) - dims :]


def _joined(array: Array, dims: int) -> Array:
    """The last `dims` dimensions made one."""
    lead, last = split_shape(array.shape, dims)
    return array.reshape(*lead, math.prod(last))


def _numbered(places: Sequence[Array], spatial: Lengths) -> Array:
    """The numbers of all elements whose indices along each dimension are given."""
    numbers = np.zeros((), np.int64)
    for at, length in zip(places, spatial, strict=True):
        numbers = np.add.outer(numbers * length, at)
    return numbers


def taken(input: Array, indices: Array, dims: int) -> Array:
    """The elements of input at the places that indices count."""
    return np.take_along_axis(_joined(input, dims), _joined(indices, dims), -1).reshape(
        indices.shape
    )


def placed(input: Array, indices: Array, shape: Lengths, dims: int) -> Array:
    """Zeros of this shape, but for input, which is added where indices point."""
    result = np.zeros(shape, input.dtype)
    size = math.prod(split_shape(shape, dims)[1])
    places = _joined(indices, dims)
    places = places.reshape(-1, places.shape[-1])
    starts = np.arange(len(places)) * size
    np.add.at(result.reshape(-1), (places + starts[:, None]).ravel(), input.ravel())
    return result


def lowest_of(dtype: Any) -> Any:
    """What every element of a type is at least."""
    return -np.inf if is_floating(dtype) else np.iinfo(dtype).min


def largest(input: Array, pool: Pool) -> tuple[Array, Array]:
    """The largest element of each window, and its place in the input.

    Of equal ones it is the first; a nan counts as larger than all, the last one most.
    """
    lead, spatial = split_shape(input.shape, pool.dims)
    places = pool.places(spatial)
    lowest = lowest_of(input.dtype)
    frame = pool.framed(input, places, lowest)
    values = np.full((*lead, *places), lowest, input.dtype)
    starts = pool.starts(places)
    # a window without anything larger has its first element inside the input
    first = [np.where(s < 0, s % gap, s) for s, gap in zip(starts, pool.dilation, strict=True)]
    indices = np.empty(values.shape, np.int64)
    indices[...] = _numbered(first, spatial)
    floating = is_floating(input.dtype)
    for offset, where in pool.elements(places):
        met = frame[(..., *where)]
        larger = met > values
        if floating:
            larger |= np.isnan(met)
        np.copyto(values, met, where=larger)
        at = [s + i * gap for s, i, gap in zip(starts, offset, pool.dilation, strict=True)]
        np.copyto(indices, _numbered(at, spatial), where=larger)
    return values, indices


def _divided(total: Array, divisors: Any) -> Array:
    quotient: Array
    if total.dtype.kind == "i":  # as C divides, towards zero
        quotient = np.sign(total) * np.sign(divisors) * (abs(total) // abs(divisors))
    else:
        quotient = total / np.asarray(divisors, total.dtype)
    return quotient


def means(input: Array, window: Mean) -> Array:
    """The mean of each window."""
    lead, spatial = split_shape(input.shape, window.pool.dims)
    places = window.pool.places(spatial)
    frame = window.pool.framed(single(input), places, 0)
    total = np.zeros((*lead, *places), frame.dtype)
    for _, where in window.pool.elements(places):
        total += frame[(..., *where)]
    return _divided(total, window.divisors(spatial, places)).astype(input.dtype, copy=False)


def means_spread(grad: Array, shape: Lengths, window: Mean) -> Array:
    """The cotangent of an input of this shape, of which `means` were taken."""
    lead, spatial = split_shape(shape, window.pool.dims)
    places = split_shape(grad.shape, window.pool.dims)[1]
    lengths, within = window.pool.frame(spatial, places)
    frame = np.zeros((*lead, *lengths), single(grad).dtype)
    share = _divided(single(grad), window.divisors(spatial, places))
    for _, where in window.pool.elements(places):
        frame[(..., *where)] += share
    inside: Array = frame[within]
    return inside.astype(grad.dtype)


# Windows that share out the input


def shares(length: int, count: int) -> tuple[Array, Array]:
    """Where each of `count` windows that cover `length` elements starts and ends."""
    at = np.arange(count)
    return at * length // max(count, 1), -((at + 1) * -length // max(count, 1))


def _range_sums(array: Array, starts: Array, ends: Array, axis: int) -> Array:
    """The sums over the ranges from starts to ends along an axis; they may overlap."""
    shape = list(array.shape)
    shape[axis] = len(starts)
    if not len(starts) or not array.size:
        return np.zeros(shape, array.dtype)
    shape[axis] = 1
    closed = np.concatenate([array, np.zeros(shape, array.dtype)], axis)
    pairs = np.stack([starts, ends], 1).ravel()
    every_other = (slice(None),) * (axis % array.ndim) + (slice(None, None, 2),)
    return np.add.reduceat(closed, pairs, axis)[every_other]


def shared_means(input: Array, counts: Lengths) -> Array:
    """The means of windows that share out the input, so many along each dimension."""
    total: Array = single(input)
    for axis in range(-1, -1 - len(counts), -1):
        starts, ends = shares(input.shape[axis], counts[axis])
        total = _range_sums(total, starts, ends, axis)
        total = total / (ends - starts).astype(total.dtype).reshape(-1, *(1,) * (-1 - axis))
    return total.astype(input.dtype, copy=False)


def shared_spread(grad: Array, shape: Lengths, dims: int) -> Array:
    """The cotangent of an input of this shape, of which `shared_means` were taken."""
    share: Array = single(grad)
    for axis in range(-1, -1 - dims, -1):
        length = shape[axis]
        starts, ends = shares(length, grad.shape[axis])
        share = share / (ends - starts).astype(share.dtype).reshape(-1, *(1,) * (-1 - axis))
        at = np.arange(length)  # the windows that hold an element follow each other
        first, last = np.searchsorted(ends, at, "right"), np.searchsorted(starts, at, "right")
        share = _range_sums(share, first, last, axis)
    return share.astype(grad.dtype, copy=False)


def shared_largest(input: Array, counts: Lengths) -> tuple[Array, Array]:
    """The largest elements of windows that share out the input, and their places."""
    dims = len(counts)
    lead, spatial = split_shape(input.shape, dims)
    if 0 in counts or not input.size:
        shape = (*lead, *counts)
        return np.zeros(shape, input.dtype), np.zeros(shape, np.int64)
    at = _numbered([_members(n, count) for n, count in zip(spatial, counts, strict=True)], spatial)
    # windows first, then their elements, each along all dimensions
    order = (*range(0, 2 * dims, 2), *range(1, 2 * dims, 2))
    at = at.transpose(order).reshape(*counts, -1)
    met = _joined(input, dims)[..., at]
    unknown = np.isnan(met)
    best = np.argmax(met, -1)
    if unknown.any():  # the last nan is taken
        best = np.where(
            unknown.any(-1), met.shape[-1] - 1 - np.argmax(unknown[..., ::-1], -1), best
        )
    values = np.take_along_axis(met, best[..., None], -1)[..., 0]
    indices = np.take_along_axis(np.broadcast_to(at, met.shape), best[..., None], -1)[..., 0]
    return values, np.ascontiguousarray(indices)


def _members(length: int, count: int) -> Array:
    """The elements of each window, its last one repeated where others have more."""
    starts, ends = shares(length, count)
    reach = np.arange((ends - starts).max())
    members: Array = np.minimum(starts[:, None] + reach, ends[:, None] - 1)
    return members
