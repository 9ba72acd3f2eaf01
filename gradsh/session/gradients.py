"""The command `grads`: the gradients of the last backward pass as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from json import dumps
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gradsh.display import json, values
from gradsh.display.summaries import number_text, shape_text
from gradsh.display.tables import aligned, rich_table
from gradsh.engine.passes import PASSES
from gradsh.engine.tensor import GradientBox, Tensor
from gradsh.language.origins import spot_of

if TYPE_CHECKING:
    from rich.table import Table

_HEADS: Final = ("name", "shape", "norm", "min", "max", "zeros", "")
_RIGHT: Final = (2, 3, 4, 5)

EXPLODING: Final = 1e4
"""Elements of this size are called exploding."""

VANISHING: Final = 1e-7
"""Gradients that have no larger element are called vanishing."""

APART: Final = 1e5
"""So are those whose elements are typically so many times smaller than the largest gradient's."""


class Gradients:
    """What `grads` shows: a row for each leaf and retained result that the pass filled."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        last = PASSES.last
        self.rows: list[dict[str, Any]] = []
        self.line: int | None = None
        self.source: str | None = None
        self.cleared = 0
        self.ran = last is not None
        if last is None:
            return
        spot = spot_of(last.place)
        if spot is not None:
            self.line, self.source = spot.line, spot.source
        names = _names(variables)
        for box in last.boxes:
            if box.value is None:
                self.cleared += 1
            else:
                self.rows.append(_row(names.get(id(box)), box.value.array))
        order = {name: place for place, name in enumerate(names.values())}
        self.rows.sort(key=lambda row: order.get(row["name"], len(order)))
        largest = max([row["rms"] for row in self.rows if isfinite(row["rms"])], default=0.0)
        for row in self.rows:
            row["flag"] = _flag(row, largest)

    def _sentence(self) -> str:
        if not self.ran:
            return "no backward pass has run yet"
        where = "" if self.line is None else f" in line {self.line}"
        if not self.rows:
            return f"the backward pass{where} left no gradient that is still there"
        cleared = f"; {self.cleared} cleared since" if self.cleared else ""
        return f"gradients after the backward pass{where}{cleared}"

    def _cells(self) -> list[list[str]]:
        return [
            [
                row["name"] or "-",
                shape_text(row["shape"]),
                *(_number(row[key]) for key in ("norm", "min", "max")),
                f"{row['zeros']:.0%}",
                row["flag"] or "",
            ]
            for row in self.rows
        ]

    def __str__(self) -> str:
        if not self.rows:
            return self._sentence()
        return f"{self._sentence()}\n{aligned(_HEADS, self._cells(), _RIGHT)}"

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        sentence = Text(self._sentence(), "dim")
        if not self.rows:
            return sentence
        table: Table = rich_table(_HEADS, self._cells(), _RIGHT)
        table.columns[-1].style = "bold yellow"
        return Group(sentence, table)

    def fields(self) -> dict[str, Any]:
        """The same as data."""
        kept = ("name", "shape", "norm", "min", "max", "zeros", "flag")
        return {
            "source": self.source,
            "line": self.line,
            "gradients": [
                {key: _plain(list(row[key]) if key == "shape" else row[key]) for key in kept}
                for row in self.rows
            ],
        }


def _names(variables: Mapping[str, Any]) -> dict[int, str]:
    """The variables' names by the identity of the box of their gradient."""
    found: dict[int, str] = {}

    def add(name: str, value: Any) -> None:
        if isinstance(value, Tensor) and isinstance(value.box, GradientBox):
            found.setdefault(id(value.box), name)

    for name, value in variables.items():
        add(name, value)
        if isinstance(value, (tuple, list)):
            for index, item in enumerate(value):
                add(f"{name}[{index}]", item)
    return found


def _row(name: str | None, gradient: Any) -> dict[str, Any]:
    size = gradient.size
    wide = gradient.astype(np.complex128 if gradient.dtype.kind == "c" else np.float64).ravel()
    if gradient.dtype.kind == "c":
        wide = np.abs(wide)
    norm = float(np.linalg.norm(wide))
    return {
        "name": name,
        "shape": gradient.shape,
        "norm": norm,
        "min": float(wide.min()) if size else 0.0,
        "max": float(wide.max()) if size else 0.0,
        "largest": float(np.abs(wide).max(initial=0.0)),
        "rms": norm / size**0.5 if size else 0.0,
        "zeros": float((wide == 0).mean()) if size else 0.0,
        "size": size,
    }


def _flag(row: dict[str, Any], largest: float) -> str | None:
    """What is to be said of a gradient beside the others, of which `largest` is the largest."""
    if not row["size"]:
        return None
    if not isfinite(row["norm"]):
        return "nan" if row["norm"] != row["norm"] else "inf"
    if row["largest"] >= EXPLODING:
        return "exploding"
    if row["norm"] == 0:
        return "all zero"
    if row["largest"] <= VANISHING or row["rms"] * APART < largest:
        return "vanishing"
    return None


def _number(value: float) -> str:
    return number_text(value) if isfinite(value) else str(value)


def _plain(value: Any) -> Any:
    """A value that JSON has."""
    return str(value) if isinstance(value, float) and not isfinite(value) else value


def _data(value: Gradients) -> Iterator[str]:
    yield dumps(value.fields())


values.register(Gradients, Gradients.__str__)
json.register(Gradients, "grads", _data)
