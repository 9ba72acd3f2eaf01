"""Who has to know before the elements of an array change in place."""

from __future__ import annotations

from typing import Any, Protocol
from weakref import WeakSet


class Watcher(Protocol):
    """Something that still needs the elements as they are."""

    def before_change(self, array: Any) -> None:
        """The elements of `array` are about to change."""


WATCHED: WeakSet[Any] = WeakSet()
"""The watchers."""


def about_to_change(array: Any) -> None:
    """Tell those that still read `array`; to be called before its elements change."""
    if WATCHED:
        for watcher in tuple(WATCHED):
            watcher.before_change(array)
