"""What stands in the table of built-ins for a function whose module is not imported yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gradsh.engine import FUNCTIONS


class Unloaded:
    """Stands for a function; a session replaces it before a statement that mentions its name."""

    __slots__ = ("name", "table")

    def __init__(self, name: str, table: Mapping[str, Any] = FUNCTIONS) -> None:
        self.name = name
        self.table = table

    def __call__(self, *values: Any, **named: Any) -> Any:
        return self.table[self.name](*values, **named)


def loaded(value: Any) -> Any:
    """A built-in value, or the function it stands for."""
    return value.table[value.name] if type(value) is Unloaded else value


class Loading(Mapping[str, Any]):
    """A table of built-ins as it is meant: what is taken from it is loaded."""

    def __init__(self, table: dict[str, Any]) -> None:
        self._table = table

    def __getitem__(self, name: str) -> Any:
        return loaded(self._table[name])

    def __contains__(self, name: object) -> bool:
        return name in self._table

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)
