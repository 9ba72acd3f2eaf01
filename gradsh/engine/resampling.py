"""Where each point of a resampled line comes from, and with which weights.

A line of `length` points is resampled to `count`; the distance between two new points is `scale`
old ones. The rules, and the precision that they are computed in, are PyTorch's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
_CUBIC = -0.75
_CUBIC_ANTIALIASED = -0.5
"""The free parameter of cubic convolution: Keys, Cubic Convolution Interpolation (1981)."""


class Line(NamedTuple):
    """For each of K neighbours of every new point: its index, and its weight (None: one)."""

    length: int
    indices: Array
    weights: Array | None


def scale_of(length: int, count: int, factor: float | None, corners: bool, kind: Any) -> Any:
    """How many old points apart new ones are; `kind` is the type it is computed in."""
    if corners:
        return kind(length - 1) / kind(count - 1) if count > 1 else kind(0)
    if factor is not None and factor > 0:
        return kind(1.0 / factor)
    return kind(length) / kind(count)


def nearest(length: int, count: int, factor: float | None, exact: bool) -> Line:
    """Each new point from the old one at its place; `exact`: from the one nearest to its middle."""
    place = np.arange(count)
    if not exact and count == length:
        index = place
    elif not exact and count == 2 * length and factor is None:
        index = place // 2
    else:
        scale = scale_of(length, count, factor, False, np.float32)
        middle = place.astype(np.float32) + np.float32(0.5 if exact else 0)
        index = np.floor(middle * scale).astype(np.int64)
    return Line(length, np.minimum(index, length - 1)[None], None)


def linear(length: int, count: int, factor: float | None, corners: bool, kind: Any) -> Line:
    """Each new point from its two neighbours, by their nearness."""
    place = np.arange(count)
    if count == length:
        position = place.astype(kind)
    else:
        scale = scale_of(length, count, factor, corners, kind)
        if corners:
            position = scale * place.astype(kind)
        else:
            position = np.maximum(scale * (place.astype(kind) + kind(0.5)) - kind(0.5), 0)
    left = np.minimum(position.astype(np.int64), length - 1)
    share = np.clip(position - left.astype(kind), 0, 1).astype(kind)
    indices = np.stack([left, np.minimum(left + 1, length - 1)])
    return Line(length, indices, np.stack([1 - share, share]).astype(kind))


def _near(x: Any, a: float) -> Any:
    return ((a + 2) * x - (a + 3)) * x * x + 1


def _far(x: Any, a: float) -> Any:
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a


def cubic(length: int, count: int, factor: float | None, corners: bool, kind: Any) -> Line:
    """Each new point from four neighbours, by cubic convolution."""
    place = np.arange(count).astype(kind)
    scale = scale_of(length, count, factor, corners, kind)
    position = scale * place if corners else scale * (place + kind(0.5)) - kind(0.5)
    left = np.minimum(np.floor(position).astype(np.int64), length - 1)
    t = np.clip(position - left.astype(kind), 0, 1).astype(kind)
    weights = [_far(t + 1, _CUBIC), _near(t, _CUBIC), _near(1 - t, _CUBIC), _far(2 - t, _CUBIC)]
    indices = np.clip(left + np.arange(-1, 3)[:, None], 0, length - 1)
    return Line(length, indices, np.stack(weights).astype(kind))


def _triangle(x: Array) -> Array:
    height: Array = np.maximum(1 - np.abs(x), 0)
    return height


def _cubic_filter(x: Array) -> Array:
    x = np.abs(x)
    a = _CUBIC_ANTIALIASED
    return np.where(x < 1, _near(x, a), np.where(x < 2, _far(x, a), 0))


def _lanczos(x: Array) -> Array:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)


FILTERS: dict[str, tuple[int, Any]] = {
    "bilinear": (2, _triangle),
    "bicubic": (4, _cubic_filter),
    "lanczos": (6, _lanczos),
}
"""The filters that keep small structures from aliasing: their width, and their shape."""


def antialiased(
    mode: str, length: int, count: int, factor: float | None, corners: bool, kind: Any
) -> Line:
    """Each new point from all old ones that a filter, widened where many become one, covers."""
    width, shape = FILTERS[mode]
    scale = scale_of(length, count, factor, corners, kind)
    support = kind(width * 0.5) * (scale if scale >= 1 else kind(1))
    squeeze = kind(1) / scale if scale >= 1 else kind(1)
    center = scale * (np.arange(count).astype(kind) + kind(0.5))
    first = np.maximum((center - support + kind(0.5)).astype(np.int64), 0)
    last = np.minimum((center + support + kind(0.5)).astype(np.int64), length)
    place = np.arange(int(np.max(last - first, initial=1)))[:, None]
    inside = place < last - first
    distance = (place + first).astype(kind) - center + kind(0.5)
    weights = np.where(inside, shape(distance * squeeze), 0)
    total = weights.sum(0)
    weights = np.where(total != 0, weights / np.where(total == 0, 1, total), weights)
    indices = np.where(inside, place + first, np.maximum(last - 1, 0))
    return Line(length, indices, weights.astype(kind))
