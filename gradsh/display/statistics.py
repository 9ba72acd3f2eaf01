"""What the elements of an array are like: in numbers, in one line, and as a small histogram."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gradsh.display.progress import BLOCKS
from gradsh.display.summaries import like_text
from gradsh.engine.dtypes import CATEGORY, FLOAT, INTEGER, is_floating

__all__ = ["histogram", "remark", "statistics", "summary"]

_BINS: Final = 16


def statistics(array: Any) -> dict[str, Any] | None:
    """Of the finite elements; None where there are none, or where they have no order."""
    if CATEGORY[array.dtype] not in (INTEGER, FLOAT):
        return None
    finite = _finite(array)
    if not finite.size:
        return None
    return {
        "min": float(finite.min()),
        "max": float(finite.max()),
        "mean": float(finite.mean()),
        "std": float(finite.std()),
        "zeros": int((finite == 0).sum()),
        "nan": int(np.isnan(array).sum()),
        "inf": int(np.isinf(array).sum()),
    }


def summary(array: Any) -> str:
    """The statistics in one line."""
    told = statistics(array)
    if told is None:
        if array.dtype.kind == "b":
            return f"{int(array.sum())} true, {int((~array).sum())} false"
        return "no finite elements" if array.size and is_floating(array.dtype) else "-"
    parts = [f"{told[key]:.4g}" for key in ("min", "max", "mean", "std")]
    line = "from {} to {}, mean {}, std {}".format(*parts)
    for key, word in (("zeros", "zero"), ("nan", "nan"), ("inf", "inf")):
        if told[key]:
            line += f", {told[key]} {word}"
    return line


def histogram(array: Any) -> str:
    """How the finite elements are spread from the least to the greatest, as a line of blocks.

    The lowest block is nobody at all; "" where there is nothing to spread.
    """
    if CATEGORY[array.dtype] not in (INTEGER, FLOAT):
        return ""
    finite = _finite(array)
    if finite.size < 2 or finite.min() == finite.max():
        return ""
    bins = min(_BINS, finite.size)
    with np.errstate(over="ignore"):
        counts, _ = np.histogram(finite / np.abs(finite).max(), bins)
    heights = np.ceil(counts * ((len(BLOCKS) - 1) / counts.max())).astype(int)
    return "".join([BLOCKS[height] for height in heights])


def remark(array: Any) -> str:
    """Shape, type, statistics and histogram: what `set show stats` tells under a tensor."""
    parts = [like_text((array.shape, array.dtype)), summary(array)]
    line = ", ".join([part for part in parts if part != "-"])
    blocks = histogram(array)
    return f"{line}  {blocks}" if blocks else line


def _finite(array: Any) -> Any:
    return array[np.isfinite(array)].astype(np.float64)
