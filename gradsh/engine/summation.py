"""Sums in the order in which PyTorch adds, so that the last bits agree.

A sum of floats depends on the order of its additions. PyTorch's CPU kernel adds four vectors of
256 bits side by side, and in each lane in a cascade: runs of 16 (or more) are added up, then runs
of runs, which keeps the rounding error small. The same order in numpy is a handful of reductions
over reshaped views. Source of the order: PyTorch's SumKernel.cpp, checked bit for bit against it.
"""

from __future__ import annotations

from math import sqrt
from struct import Struct
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

_PARALLEL = 32768
"""From here on PyTorch splits the work among threads, in an order that depends on their number."""

_ZERO = np.float32(0)  # what PyTorch starts from: a sum of -0 is 0
_CHAINS = 4
_LEVELS = 4
_SHORTEST_RUN = 16
_REGISTER = 32
"""Bytes of a vector register: PyTorch's kernel is the one for AVX2."""

_SINGLE = np.dtype(np.float32)
_SINGLE_BYTES = Struct("f")
_REDUCE: Any = np.add.reduce
_ACCUMULATE: Any = np.add.accumulate
_CONCATENATE: Any = np.concatenate


def ordered_sum(array: Array, axes: tuple[int, ...] | None, keepdims: bool) -> Any:
    """The sum of a float32 or float64 array over `axes` (none: all), in PyTorch's order.

    Arrays whose reduced axes do not lie together in memory, and large ones, are added in numpy's
    order, which is pairwise and about as accurate.
    """
    size = array.size
    if size < _CHAINS or size >= _PARALLEL or array.dtype.char not in "fd":
        return _REDUCE(array, axes, keepdims=keepdims)
    if array.flags.c_contiguous and (axes is None or _count(array, axes) == size):
        total = _line(array.reshape(size), size, _REGISTER // array.itemsize) + _ZERO
        if keepdims:
            return total.reshape((1,) * array.ndim)
        return total if axes is None else total.reshape((1,) * (array.ndim - len(axes)))
    reduced = range(array.ndim) if axes is None else axes
    block = _as_block(array, reduced)
    if block is None:
        return _REDUCE(array, axes, keepdims=keepdims)
    result = _inner(block[:, :, 0]) if block.shape[2] == 1 else _outer(block)
    shape = [
        1 if axis in reduced else length
        for axis, length in enumerate(array.shape)
        if keepdims or axis not in reduced
    ]
    result += _ZERO
    return result.reshape(shape)


def _count(array: Array, axes: tuple[int, ...]) -> int:
    """How many elements are added up for each sum."""
    count = 1
    for axis in axes:
        count *= array.shape[axis]
    return count


def _as_block(array: Array, reduced: Any) -> Array | None:
    """`array` as (before, reduced, after) in memory order, or None if it is no such block."""
    order = sorted(range(array.ndim), key=lambda axis: -array.strides[axis])
    if order != list(range(array.ndim)):
        array = array.transpose(order)
    if not array.flags.c_contiguous:
        return None
    lengths = [1, 1, 1]
    stage = 0
    kept_order = [axis for axis in order if axis not in reduced]
    if kept_order != sorted(kept_order):
        return None
    for axis, length in zip(order, array.shape, strict=True):
        if length == 1:
            continue
        if axis in reduced:
            if stage == 2:
                return None
            stage = 1
        elif stage == 1:
            stage = 2
        lengths[stage] *= length
    return array.reshape(lengths)


def _line(line: Array, n: int, lanes: int) -> Any:
    """The sum of n numbers that lie together: `_inner` for one row, with fewer calls."""
    if n < lanes:
        if n > _CHAINS:
            line = _CONCATENATE((line[:1], line[_CHAINS:], line[1:_CHAINS]))
        return _ACCUMULATE(line)[-1]
    vectors = n // lanes
    used = vectors * lanes
    count = vectors // _CHAINS
    if not count:
        totals = _REDUCE(line[:used].reshape(vectors, lanes), 0) if vectors > 1 else line[:used]
    else:
        chained = count * _CHAINS * lanes
        chains = line[:chained].reshape(count, _CHAINS * lanes)
        if count > 1:
            chains = _REDUCE(chains, 0) if count < _SHORTEST_RUN else _cascade(chains)
        chains = chains.reshape(_CHAINS, lanes)
        if chained < used:
            extra = line[chained:used].reshape(-1, lanes)
            chains = _CONCATENATE((chains[:1], extra, chains[1:]))
        totals = _REDUCE(chains, 0)
    if used < n:
        totals = _CONCATENATE((line[used:], totals))
    return _ACCUMULATE(totals)[-1]


def _inner(rows: Array) -> Array:
    """The sum of each row of (count, n), n lying together in memory."""
    count, n = rows.shape
    lanes = _REGISTER // rows.itemsize
    if n < lanes:
        return _chained(rows.T)
    vectors = n // lanes
    used = vectors * lanes
    by_lane = rows[:, :used].reshape(count, vectors, lanes)
    totals = _chained(by_lane[0] if count == 1 else by_lane.transpose(1, 0, 2))
    totals = totals.reshape(count, lanes)
    if used < n:
        tail = rows[:, used:]
        if n - used > 1:
            tail = _ACCUMULATE(tail, 1)[:, -1:]
        totals = _CONCATENATE((tail, totals), 1)
    result: Array = _ACCUMULATE(totals, 1)[:, -1]
    return result


def _outer(block: Array) -> Array:
    """The sum over the middle axis of (before, n, after), for each column of `after`."""
    after = block.shape[2]
    wide = after - after % (_REGISTER // block.itemsize * _CHAINS)
    rows = block[0] if len(block) == 1 else block.transpose(1, 0, 2)
    if wide == after:
        return _cascade(rows)
    if not wide:
        return _chained(rows)
    result: Array = _CONCATENATE((_cascade(rows[..., :wide]), _chained(rows[..., wide:])), -1)
    return result


def _in_turn(rows: Array) -> Array:
    """The sum over the first axis, one after the other."""
    if len(rows) == 1:
        first: Array = rows[0]
        return first
    # numpy adds whole rows in turn; only where a row is one number would it go pairwise
    if rows.size > len(rows):
        result: Array = _REDUCE(rows, 0)
    else:
        result = _ACCUMULATE(rows, 0)[-1]
    return result


def _chained(rows: Array) -> Array:
    """The sum over the first axis in four chains, each a cascade, joined at the end."""
    count = len(rows) // _CHAINS
    used = count * _CHAINS
    if not count:
        return _in_turn(rows)
    chains = _cascade(rows[:used].reshape(count, _CHAINS, *rows.shape[1:]))
    if used < len(rows):
        chains = _CONCATENATE((chains[:1], rows[used:], chains[1:]))
    return _in_turn(chains)


def _cascade(rows: Array) -> Array:
    """The sum over the first axis: runs added up, then runs of runs, four levels of them."""
    count = len(rows)
    step = max(_SHORTEST_RUN, 1 << (count - 1).bit_length() // _LEVELS)
    if count < step:
        return _in_turn(rows)
    sums = []
    for level in range(_LEVELS):
        runs = count // step if level < _LEVELS - 1 else 0
        if count > runs * step:
            sums.append(_in_turn(rows[runs * step :]))
        if not runs:
            break
        whole = rows[: runs * step].reshape(runs, step, *rows.shape[1:])
        if whole.size > runs * step:
            rows, count = _REDUCE(whole, 1), runs
        else:
            rows, count = _ACCUMULATE(whole, 1)[:, -1], runs
    return sums[0] if len(sums) == 1 else _in_turn(np.array(sums))


def ordered_norm(array: Array, axes: tuple[int, ...] | None, keepdims: bool) -> Any:
    """The 2-norm of a real array over `axes` (none: all), in PyTorch's order of additions.

    Its kernel for float32 adds squares in the eight lanes of one register, then the lanes, then
    the elements left over, each with one rounding for its square and the sum.
    """
    lanes = _REGISTER // 4
    if array.ndim == 1 and 0 < array.size < lanes and array.dtype is _SINGLE and not keepdims:
        return np.float32(sqrt(_squares_in_turn(0.0, array)))
    last = axes == (array.ndim - 1,)
    if (
        array.dtype.char != "f"
        or not array.size
        or not (array.flags.c_contiguous and (last or axes is None or len(axes) == array.ndim))
    ):
        return np.sqrt(_REDUCE(array * array, axes, keepdims=keepdims))
    if not last or array.ndim == 1:
        norm = np.float32(sqrt(_line_of_squares(array.reshape(array.size), lanes)))
        return norm.reshape((1,) * array.ndim) if keepdims else norm
    rows = array.reshape(-1, array.shape[-1])
    used = rows.shape[1] // lanes * lanes
    total = np.zeros(len(rows), np.float32)
    if used:
        body = rows[:, :used]
        squares = (body * body).reshape(len(rows), -1, lanes)
        total = _ACCUMULATE(_REDUCE(squares, 1), 1)[:, -1]
    for column in rows[:, used:].T:
        wide = column.astype(np.float64)
        total = (total + wide * wide).astype(np.float32)
    shape = array.shape[:-1]
    return np.sqrt(total).reshape((*shape, 1) if keepdims else shape)


def _line_of_squares(line: Array, lanes: int) -> float:
    """The sum of the squares of numbers that lie together, for `ordered_norm`."""
    used = line.size // lanes * lanes
    total = 0.0
    if used:
        body = line[:used]
        total = float(_ACCUMULATE(_REDUCE((body * body).reshape(-1, lanes), 0))[-1])
    return _squares_in_turn(total, line[used:])


def _squares_in_turn(total: float, numbers: Array) -> float:
    """`total` and the squares of a few numbers, rounded to single precision after each."""
    pack, unpack = _SINGLE_BYTES.pack, _SINGLE_BYTES.unpack  # rounds faster than numpy
    values = numbers.tolist()
    try:
        for number in values:
            (total,) = unpack(pack(total + number * number))
    except OverflowError:
        total = float("nan") if any(number != number for number in values) else float("inf")
    return total
