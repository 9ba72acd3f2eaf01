"""Rows of a large array taken a block at a time, so that a block's intermediates stay in the cache.

The blocks are shared among as many threads as there are processors: numpy's loops let other
threads run. A small array is one block, computed at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import numpy as np

from gradsh.engine.precision import SEEN_IN_FULL

if TYPE_CHECKING:
    from concurrent.futures import Executor

Array = np.ndarray[Any, np.dtype[Any]]

_ADD: Any = np.add  # numpy's stubs cannot choose an overload for a `keepdims` that is a variable


def thread_count() -> int:
    """What OMP_NUM_THREADS says, else the number of processors."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked):
        return int(asked)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_LARGE = 1 << 16
"""Below so many elements starting a second thread costs more than it saves."""

_BLOCK = 1 << 18
"""Elements of a block, a megabyte in float32: with smaller ones numpy's calls cost more than its
loops gain from a faster cache."""

_LEAST_BUFFER = 16
"""The lengths of numpy's buffer are multiples of this."""

THREADS = thread_count()
"""As many as PyTorch takes by itself; some of its kernels add in an order that depends on it."""

ONE = np.float32(1)
_pool: Executor | None = None


def over_rows(work: Callable[[slice], Any], rows: int, length: int) -> list[Any]:
    """What `work` gives for slices that together are all `rows`, each of `length` elements.

    The calls may run at the same time, so each must write to its own rows alone.
    """
    if rows * length < _LARGE:
        return [work(slice(0, rows))]
    # numpy copies what is broadcast to fill its buffer, unless a row does that already
    before = np.setbufsize(max(_LEAST_BUFFER, min(length, np.getbufsize())) & -_LEAST_BUFFER)
    try:
        return over_slices(work, rows, max(1, min(_BLOCK // max(length, 1), -(-rows // THREADS))))
    finally:
        np.setbufsize(before)


def over_slices(work: Callable[[slice], Any], rows: int, step: int) -> list[Any]:
    """What `work` gives for slices of `step` rows, shared among the threads.

    The calls may run at the same time, so each must write to its own rows alone.
    """
    slices = [slice(start, min(start + step, rows)) for start in range(0, rows, step)]
    if THREADS == 1 or len(slices) <= 1:
        return [work(part) for part in slices]
    threads = min(THREADS, len(slices))
    shares = [slices[turn::threads] for turn in range(threads)]

    def share(turn: int) -> list[Any]:
        return [work(part) for part in shares[turn]]

    # numpy's treatment of floating-point errors belongs to the context, which a thread lacks.
    others = [executor().submit(copy_context().run, share, turn) for turn in range(1, threads)]
    try:
        results = share(0)
    finally:
        done = [other.result() for other in others]
    for more in done:
        results += more
    return results


def products(a: Array, b: Array | np.float32, axis: int) -> Array:
    """The sums over one axis of the products of a and b, that axis kept with length one.

    Along the last axis of a large array no intermediate is made, and vector units add.
    """
    if a.size <= SEEN_IN_FULL or axis % a.ndim != a.ndim - 1:
        result: Array = _ADD.reduce(a if b is ONE else a * b, axis, keepdims=True)
        return result
    other = np.ones(a.shape[-1], a.dtype) if b is ONE else b
    totals: Array = np.vecdot(a, other)
    return totals[..., np.newaxis]


def executor() -> Executor:
    """The threads beside the one that runs, made when they are first asked for."""
    global _pool
    if _pool is None:
        from concurrent.futures import ThreadPoolExecutor  # slow to import, and rarely needed

        _pool = ThreadPoolExecutor(max(THREADS - 1, 1), "gradsh-rows")
    return _pool


def _forget_threads() -> None:
    """A process that was forked has none of its parent's threads."""
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)
