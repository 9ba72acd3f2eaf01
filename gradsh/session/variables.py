"""The command `vars`: the user's variables as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from json import dumps
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from gradsh.display import json, values
from gradsh.display.tables import aligned, bytes_text, rich_table
from gradsh.engine.optim import Optimizer
from gradsh.engine.tensor import Tensor

if TYPE_CHECKING:
    from rich.table import Table

_HEADS = ("name", "kind", "shape", "dtype", "requires_grad", "grad", "memory")
_MEMORY = _HEADS.index("memory")
_NONE = "-"
_KINDS = {
    FunctionType: "function",
    str: "text",
    int: "number",
    float: "number",
    type(None): "none",
}


class Variables:
    """What `vars` shows of variables, by their names. Nothing of their values is kept.

    With `by_size` the largest comes first.
    """

    def __init__(self, variables: Mapping[str, Any], *, by_size: bool = False) -> None:
        self.rows = [_row(name, value) for name, value in variables.items()]
        if by_size:
            self.rows.sort(key=lambda row: -(row["bytes"] or 0))
        self.total = memory_held(variables.values())

    def __str__(self) -> str:
        if not self.rows:
            return "no variables yet"
        return f"{aligned(_HEADS, self._cells(), (_MEMORY,))}\n{self._sum()}"

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        if not self.rows:
            return Text(str(self), "dim")
        table: Table = rich_table(_HEADS, self._cells(), (_MEMORY,))
        return Group(table, Text(self._sum(), "dim"))

    def _cells(self) -> list[list[str]]:
        return [
            [
                row["name"],
                row["kind"],
                _NONE if row["shape"] is None else str(tuple(row["shape"])),
                row["dtype"] or _NONE,
                _NONE if row["requires_grad"] is None else _word(row["requires_grad"]),
                _NONE if row["grad"] is None else _word(row["grad"]),
                _NONE if row["bytes"] is None else bytes_text(row["bytes"]),
            ]
            for row in self.rows
        ]

    def _sum(self) -> str:
        count = len(self.rows)
        return f"{count} variable{'s' * (count != 1)}, {bytes_text(self.total)}"


def kind_of(value: object) -> str:
    """The word for a value's kind."""
    if isinstance(value, Tensor):
        return "tensor"
    if isinstance(value, Optimizer):
        return "optimiser"
    if isinstance(value, BaseException):
        return "error"
    return _KINDS.get(type(value), type(value).__name__)


def _row(name: str, value: object) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": name,
        "kind": kind_of(value),
        "shape": None,
        "dtype": None,
        "requires_grad": None,
        "grad": None,
        "bytes": None,
    }
    if isinstance(value, Tensor):
        gradient = gradient_of(value)
        row |= {
            "shape": [*value.shape],
            "dtype": value.dtype.name,
            "requires_grad": value.node is not None,
            "grad": gradient is not None,
        }
    storages = _storages(value)
    if storages:
        row["bytes"] = sum({id(array): array.nbytes for array in storages}.values())
    return row


def memory_held(values: Iterable[object]) -> int:
    """The memory that values keep alive together; that of views counts once, and whole."""
    held: dict[int, int] = {}
    for array in [array for value in values for array in _storages(value)]:
        owner = array
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        held[id(owner)] = owner.nbytes
    return sum(held.values())


def gradient_of(tensor: Tensor) -> Tensor | None:
    """A tensor's gradient, without the warning that asking a result for it gives."""
    return None if tensor.box is None else tensor.box.value


def _storages(value: object) -> list[Any]:
    """The arrays that a value holds: a tensor's own and its gradient's, a tuple's elements'."""
    if isinstance(value, Tensor):
        gradient = gradient_of(value)
        return [value.array] if gradient is None else [value.array, gradient.array]
    if isinstance(value, (tuple, list)):
        return [array for item in value for array in _storages(item)]
    return []


def _word(flag: bool) -> str:
    return "yes" if flag else "no"


def _data(value: Variables) -> Iterator[str]:
    yield dumps(value.rows)


values.register(Variables, Variables.__str__)
json.register(Variables, "vars", _data)
