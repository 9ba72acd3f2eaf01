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
from gradsh.engine.optim import Optimizer
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
        for name, box in _boxes(variables):
            if not last.filled(box):
                continue
            if box.value is None:
                self.cleared += 1
            else:
                self.rows.append(_row(name, box.value.array))
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
                row["name"],
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


def _boxes(variables: Mapping[str, Any]) -> Iterator[tuple[str, GradientBox]]:
    """Where the gradients of variables are, and of what lists, tuples and optimisers hold."""
    seen: set[int] = set()
    for name, value in variables.items():
        held: list[tuple[str, Any]] = [(name, value)]
        if isinstance(value, (tuple, list)):
            held = [(f"{name}[{index}]", item) for index, item in enumerate(value)]
        elif isinstance(value, Optimizer):
            tensors = [tensor for group in value.groups for tensor in group.tensors]
            held = [(f"{name}, tensor {index}", item) for index, item in enumerate(tensors)]
        for label, item in held:
            if isinstance(item, Tensor) and item.box is not None and id(item.box) not in seen:
                seen.add(id(item.box))
                yield label, item.box


def _row(name: str, gradient: Any) -> dict[str, Any]:
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
