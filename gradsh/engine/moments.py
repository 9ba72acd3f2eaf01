"""Means and variances of a few numbers of single precision, with the last bits of PyTorch's.

Its kernels differ in how they add, which shows where a normalized value is next to zero and in
gradients that cancel. Each function here takes the steps of one of them, on all rows at once;
`_fused` stands where the kernel rounds a product and a sum together.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.blocks import THREADS

Array = np.ndarray[Any, np.dtype[Any]]

_LANES = 8
_MOST_ROUNDS = 16
"""PyTorch joins the moments of longer rows from pieces of so many rounds."""

FEW = 256
"""Up to so many numbers the steps are worth their time: more are seldom read one by one."""

LONGEST_ROW = _LANES * _MOST_ROUNDS


def _fused(first: Any, second: Any, third: Any) -> Array:
    """first * second + third, rounded once: float64 holds products of float32 exactly."""
    product = np.multiply(first, second, dtype=np.float64)
    result: Array = np.add(product, third).astype(np.float32)
    return result


def row_moments(rows: Array) -> tuple[Array, Array]:
    """Mean and variance of each row of a float32 matrix with at most LONGEST_ROW columns.

    Source: Welford, Note on a method for calculating corrected sums of squares and products
    (1962), in eight lanes, which are joined to the moments of what is left over by the rule of
    Chan, Golub and LeVeque (1979).
    """
    count, length = rows.shape
    rounds = length // _LANES
    mean, squares = np.zeros(count, np.float32), np.zeros(count, np.float32)
    seen = 0
    for column in rows[:, rounds * _LANES :].T:
        seen += 1
        distance = column - mean
        mean = mean + distance / np.float32(seen)
        squares = squares + distance * (column - mean)
    if not rounds:
        return mean, squares / np.float32(length)
    lane_means, lane_squares = _lane_moments(rows, rounds)
    for lane in range(_LANES):
        together = seen + rounds
        share = np.float32(rounds) / np.float32(together)
        distance = lane_means[:, lane] - mean
        mean = _fused(distance, share, mean)
        between = distance * distance * share
        squares = squares + _fused(between, np.float32(seen), lane_squares[:, lane])
        seen = together
    return mean, squares / np.float32(length)


def _lane_moments(rows: Array, rounds: int) -> tuple[Array, Array]:
    """Means, and sums of squared distances, of every eighth element of each row."""
    means = np.zeros((len(rows), _LANES), np.float32)
    squares = np.zeros_like(means)
    for turn in range(rounds):
        values = rows[:, turn * _LANES : (turn + 1) * _LANES]
        distance = values - means
        means = _fused(distance, np.float32(1) / np.float32(turn + 1), means)
        squares = _fused(distance, values - means, squares)
    return means, squares


def _shares(count: int) -> list[slice]:
    """The rows that each of PyTorch's threads adds up; with few rows one adds all."""
    step = -(-count // THREADS) if count > THREADS else count
    return [slice(start, start + step) for start in range(0, count, step)]


def _column_totals(rows: Array) -> Array:
    """The sum of each column: a thread's rows in turn, what the threads have in double."""
    totals = [np.add.accumulate(rows[share], 0)[-1] for share in _shares(len(rows))]
    result: Array = np.add.reduce(totals, 0, dtype=np.float64)
    return result


def _column_products(first: Array, second: Array) -> Array:
    """The sum over each column of products, in the same order."""
    totals = []
    for share in _shares(len(first)):
        total = np.zeros(first.shape[1], np.float32)
        for one, other in zip(first[share], second[share], strict=True):
            total = _fused(one, other, total)
        totals.append(total)
    result: Array = np.add.reduce(totals, 0, dtype=np.float64).astype(np.float32)
    return result


def column_moments(rows: Array) -> tuple[Array, Array]:
    """Mean and variance of each column of a float32 matrix."""
    count = np.float32(len(rows))
    mean = (_column_totals(rows) / count).astype(np.float32)
    distances = rows - mean
    return mean, _column_products(distances, distances) / count


def _row_totals(rows: Array) -> Array:
    """The sums of rows: few numbers in turn, more in eight lanes, whose halves are then added."""
    length = rows.shape[1]
    if length < _LANES:
        totals: Array = np.add.accumulate(rows, 1)[:, -1:]
        return totals
    lanes: Array = rows[:, :_LANES].copy()
    for start in range(_LANES, length, _LANES):
        more = rows[:, start : start + _LANES]
        lanes[:, : more.shape[1]] += more
    while (half := lanes.shape[1] // 2) > 0:
        lanes = lanes[:, :half] + lanes[:, half:]
    return lanes


def row_cotangent(g: Array, rows: Array, mean: Array, scale: Array) -> Array:
    """The cotangent of rows that were given mean 0 and variance 1, for g: g * scale + b * x + c.

    `mean` and `scale`, the reciprocal deviation, have one number a row.
    """
    share = np.float32(1) / np.float32(rows.shape[1])
    along, total = _row_totals(g * rows), _row_totals(g)
    b = _fused(total, mean, -along) * scale * scale * scale * share
    c = _fused(-b, mean, -(total * scale * share))
    result: Array = _fused(b, rows, scale * g) + c
    return result


def column_cotangent(g: Array, rows: Array, mean: Array, scale: Array) -> Array:
    """The cotangent of columns that were given mean 0 and variance 1, for g.

    `mean` and `scale`, the reciprocal deviation, have one number a column. An expanded `g`, as
    the sum of everything has it, goes to another kernel, which adds in double precision.
    """
    count = np.float32(len(rows))
    distances = rows - mean
    if not g.flags.c_contiguous:
        along = np.add.reduce(distances * g.astype(np.float64), 0).astype(np.float32)
        share = (np.add.reduce(g.astype(np.float64), 0) / len(rows)).astype(np.float32)
        spread: Array = (g - share - distances * (along * scale * scale / count)) * scale
        return spread
    factor = _column_products(g, distances) * scale * scale / count
    centred = g - _column_totals(g).astype(np.float32) / count
    result: Array = centred - distances * factor
    wide = rows.shape[1] // _LANES * _LANES
    if wide:
        result[:, :wide] = _fused(-distances, factor, centred)[:, :wide]
    result *= scale
    return result
