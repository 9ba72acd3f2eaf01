"""A table from types to what is done with their values, open to other modules."""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["TypeTable"]

Entry = TypeVar("Entry")


class TypeTable(Generic[Entry]):
    """Finds the entry of a type, or of the nearest type it inherits from."""

    __slots__ = ("_declared", "_found")

    def __init__(self, default: Entry) -> None:
        self._declared: dict[type, Entry] = {object: default}
        self._found: dict[type, Entry] = {}

    def register(self, kind: type, entry: Entry) -> None:
        """Declare the entry of `kind` and of the types that inherit from it."""
        self._declared[kind] = entry
        self._found.clear()

    def find(self, kind: type) -> Entry:
        """The entry of `kind`; what was found once is found at once."""
        try:
            return self._found[kind]
        except KeyError:
            nearest = next(base for base in kind.__mro__ if base in self._declared)
            entry = self._found[kind] = self._declared[nearest]
            return entry
