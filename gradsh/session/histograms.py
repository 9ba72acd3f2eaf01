"""The command `hist`: how the elements of tensors are spread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gradsh.display.plots import Counts, Histogram
from gradsh.display.values import text as text_of
from gradsh.session.drawing import Parts, draw, names_of, numbers

if TYPE_CHECKING:
    from gradsh.session.session import Session

_MOST_BINS = 1000
_MOST_UNASKED = 50


def hist(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    """Draw how many elements of each tensor lie in each of `bins` bins of equal width.

    Unasked their number follows the spread. Raises TypeError or ValueError for what has
    no numbers, and what `drawing.draw` raises.
    """
    names = names_of(parts)
    bins = parts.get("bins")
    if bins is not None and not (type(bins) is int and 1 <= bins <= _MOST_BINS):
        raise ValueError(f"bins is a number from 1 to {_MOST_BINS}, not {text_of(bins)}")
    arrays = [numbers("hist", n, v).ravel() for n, v in zip(names, values, strict=True)]
    finite = [array[np.isfinite(array)] for array in arrays]
    everything = np.concatenate(finite)
    if not everything.size:
        raise ValueError(f"there is no number to count in {', '.join(names)}")
    if bins is None:
        bins = min(_rule(everything), _MOST_UNASKED)
    edges = np.histogram_bin_edges(everything, bins)
    counts = [
        Counts(name, np.histogram(inside, edges)[0].tolist(), array.size - inside.size)
        for name, array, inside in zip(names, arrays, finite, strict=True)
    ]
    draw(session, Histogram(counts, edges.tolist()), "hist", parts)


def _rule(values: Any) -> int:
    """The more of what Sturges' rule and what Freedman and Diaconis' rule gives.

    The bins of the latter are as wide as twice the distance of the quartiles over the cube root
    of the number of values.
    """
    lower, upper = np.quantile(values, (0.25, 0.75))
    width = 2 * (upper - lower) / np.cbrt(values.size)
    by_spread = np.ptp(values) / width if width else 1.0
    return int(np.ceil(max(min(by_spread, _MOST_BINS), np.log2(values.size) + 1)))
