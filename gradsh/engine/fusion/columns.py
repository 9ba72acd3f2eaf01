"""Short rows: blocks that lie in memory column by column, so that numpy's loops are long.

Rows of ten elements are ten calls of numpy's inner loop for each hundred; columns of thousands are
one for each. Only a reduction along the rows has to do by hand what numpy does with a row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

SHORT = 128
"""Longest row: numpy's pairwise sum takes so many elements together."""

_SIDE_BY_SIDE = 8


def reduce_columns(ufunc: Any, trailing: int, block: Any, out: Any) -> None:
    """The reduction of each row: of a block's elements along its `trailing` last dimensions.

    A sum is added up in the order of numpy's pairwise sum of up to 128 elements: eight sums side
    by side, which are put together in pairs, then what is left over.
    """
    columns = [block[(..., *place)] for place in np.ndindex(block.shape[-trailing:])]
    target = out[(..., *(0,) * trailing)]
    if ufunc is np.add and len(columns) >= _SIDE_BY_SIDE:
        whole = len(columns) - len(columns) % _SIDE_BY_SIDE
        sums = columns[:_SIDE_BY_SIDE]
        for start in range(_SIDE_BY_SIDE, whole, _SIDE_BY_SIDE):
            more = columns[start : start + _SIDE_BY_SIDE]
            sums = [a + b for a, b in zip(sums, more, strict=True)]
        while len(sums) > 1:
            sums = [a + b for a, b in zip(sums[::2], sums[1::2], strict=True)]
        columns = [*sums, *columns[whole:]]
    first, *rest = columns
    if ufunc is np.add:
        np.add(first, 0, out=target)  # as numpy's sum, which begins with zero: -0 becomes 0
    else:
        np.copyto(target, first)
    for column in rest:
        ufunc(target, column, out=target)
