"""Random permutations by PyTorch's two shuffles, without going through them swap by swap.

Both shuffles (Durstenfeld's, and the "inside-out" one) move one value a step. Seen by step rather
than by place, what a step moves is what an earlier step left there: a forest of links, each to an
earlier step, whose roots are found by jumping two links at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Below this length the swaps themselves, in plain Python, take less time than the arrays.
_SHORT: Final = 200
# Steps taken together: enough to make numpy's cost a call small, few enough to collide seldom.
_BATCH: Final = 8192


def swapped(targets: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers from 0 after swapping places `step` and `targets[step]` for each step in turn.

    No target lies before its step; there is one place more than there are steps.
    """
    steps = targets.size
    if steps < _SHORT:
        numbers = list(range(steps + 1))
        for step, target in enumerate(targets.tolist()):
            numbers[step], numbers[target] = numbers[target], numbers[step]
        return np.array(numbers, dtype=np.int64)
    places = np.arange(steps + 1, dtype=np.int64)
    latest = np.empty(steps + 1, dtype=np.int64)
    for start in range(0, steps, _BATCH):
        _swap_batch(places, latest, start, targets[start : start + _BATCH])
    return places


def _swap_batch(
    places: NDArray[np.int64],
    latest: NDArray[np.int64],
    start: int,
    targets: NDArray[np.int64],
) -> None:
    """Take the steps from `start` that have these targets; `latest` is room for one number a place.

    What a step moves away is what stands at its own place when its turn comes: what the last
    earlier step of the batch that aimed there moved away, if there is one. What it brings is what
    stands at its target: what the last earlier step with that target moved away, if there is one.
    """
    steps = np.arange(targets.size, dtype=np.int64)
    own = targets - start
    away = places[start : start + targets.size].copy()
    brought = places[targets]
    inner = np.flatnonzero((own < targets.size) & (own != steps))
    if inner.size:
        origin = steps.copy()
        origin[own[inner]] = inner
        away = away[_roots(origin)]
    latest[targets] = steps
    last = latest[targets]
    repeated = last != steps
    if repeated.any():
        repeated[last[repeated]] = True
        involved = np.flatnonzero(repeated)
        previous, step = _same_target_before(targets[involved])
        brought[involved[step]] = away[involved[previous]]
    still = own == steps
    brought[still] = away[still]
    places[targets] = away
    places[start : start + targets.size] = brought


def inserted(sources: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers from 0 after each step moves what is at place `sources[step]` to place `step`
    and puts `step` in its stead.

    No source lies after its step.
    """
    order = np.arange(sources.size, dtype=np.int64)
    content = order.copy()
    link = sources.copy()
    previous, step = _same_target_before(sources)
    link[step] = step
    content[step] = previous
    result = content[_roots(link)]
    last = np.full(sources.size, -1, dtype=np.int64)
    last[sources] = order
    return np.where(last > order, last, result)


def _roots(link: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the links from each place end; a root links to itself."""
    while True:
        further = link[link]
        if np.array_equal(further, link):
            return link
        link = further


def _same_target_before(
    targets: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs (the last earlier step with the same target, step)."""
    bits = int(targets.size).bit_length()
    keys = np.sort((targets << bits) | np.arange(targets.size, dtype=np.int64))
    repeated = np.flatnonzero(keys[1:] >> bits == keys[:-1] >> bits)
    mask = (1 << bits) - 1
    return keys[repeated] & mask, keys[repeated + 1] & mask
