"""What a contender hands to the worker."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path


def nothing() -> None:
    """Prepare nothing."""


class Task:
    """A piece of work of `units` equal parts.

    `prepare` runs before each sample, untimed. `once` is set where the work uses up what was
    prepared, so that it cannot be repeated within a sample. `measure` gives the sample itself, for
    what is not time. `result` is a number that all contenders must agree on.
    """

    def __init__(
        self,
        run: Callable[[], object] = nothing,
        units: float = 1,
        prepare: Callable[[], object] = nothing,
        once: bool = False,
        measure: Callable[[], float] | None = None,
        result: Callable[[], float] | None = None,
    ) -> None:
        self.run = run
        self.units = units
        self.prepare = prepare
        self.once = once
        self.measure = measure
        self.result = result


def resident_memory() -> int:
    """The bytes of memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()
