"""Products of small matrices of single precision, added up in the order of PyTorch's library.

Its kernels for few columns or few rows round every product before they add it, where others round
product and sum at once; so rows that are orthogonal give exactly zero there and here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.dtypes import HALVES
from gradsh.engine.precision import single

Array = np.ndarray[Any, np.dtype[Any]]

_MOST_PRODUCTS = 4096
_MOST_IN_BATCH = 400
"""Below so many products a matrix PyTorch multiplies batches with loops of its own."""

_CHAINS = 4
_REDUCE: Any = np.add.reduce


def product(first: Array, second: Array) -> Any:
    """first @ second in numpy's order; of half precision added up in single and rounded once."""
    if first.dtype in HALVES:
        return np.matmul(single(first), single(second)).astype(first.dtype)
    return np.matmul(first, second)


def matrix_product(first: Array, second: Array) -> Any:
    """first @ second of two matrices."""
    columns = second.shape[1]
    if (
        first.dtype.char != "f"
        or second.dtype.char != "f"
        or not 0 < first.size * columns <= _MOST_PRODUCTS
        or (len(first) >= _CHAINS and columns >= 3 * _CHAINS)
    ):
        return product(first, second)
    inner = len(second)
    if columns == 1:
        return _in_turn(first, second) if inner <= _CHAINS else product(first, second)
    if inner >= _CHAINS and second.strides[0] < second.strides[1]:  # dot products of rows
        if inner % _CHAINS == 0 and (columns % _CHAINS == 0 or inner > _CHAINS):
            return _in_chains(first, second)
        if columns >= _CHAINS or inner > _CHAINS + 1:
            return product(first, second)
    return _in_turn(first, second)


def matrix_vector_product(matrix: Array, vector: Array) -> Any:
    """matrix @ vector."""
    if matrix.dtype.char != "f" or not 0 < vector.size <= _CHAINS + 1:
        return product(matrix, vector)
    if not 0 < matrix.size <= _MOST_PRODUCTS:
        return product(matrix, vector)
    return _in_turn(matrix, vector.reshape(-1, 1))[:, 0]


def batch_product(first: Array, second: Array) -> Any:
    """first @ second of two batches of matrices."""
    _batch, rows, inner = first.shape
    columns = second.shape[2]
    if first.dtype.char != "f" or second.dtype.char != "f" or not first.size * second.size:
        return product(first, second)
    if rows * inner * columns >= _MOST_IN_BATCH or first.size * columns > _MOST_PRODUCTS:
        return product(first, second)
    left, right = first.transpose(2, 0, 1), second.transpose(1, 0, 2)
    return _REDUCE(left[:, :, :, None] * right[:, :, None, :], 0)


def _in_turn(first: Array, second: Array) -> Any:
    """The products of columns and rows, one added to the other."""
    products = first.T[:, :, None] * second[:, None, :]
    if products.size > len(products):
        return _REDUCE(products, 0)
    return np.add.accumulate(products, 0)[-1]  # numpy adds lines of numbers in pairs


def _in_chains(first: Array, second: Array) -> Any:
    """Four sums, of every fourth product each: the first and third together, then the others."""
    one, two, three, four = (
        _in_turn(first[:, start::_CHAINS], second[start::_CHAINS]) for start in range(_CHAINS)
    )
    return (one + three) + (two + four)
