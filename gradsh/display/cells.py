"""A matrix or an image as cells: shades in plain text, colours on a terminal."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from json import dumps
from typing import TYPE_CHECKING, Any

import numpy as np

from gradsh.display import json, values
from gradsh.engine.tensor import new_tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.text import Text

_SHADES = " ░▒▓█"
_UNKNOWN = "?"
_ROWS = 40
_WIDE = 80
_MOST_NUMBERS = 16
_COLD, _MIDDLE, _WARM = (33, 102, 172), (247, 247, 247), (178, 24, 43)
_DARK, _LIGHT = (68, 1, 84), (253, 231, 37)


class Picture:
    """The picture of an array: a matrix by its values, an image (height, width, 3) by its colours.

    In plain text a cell is two characters, from a blank for the least to a block for the greatest
    value. On a terminal small matrices show their numbers on colour, and in large ones a character
    holds two pixels. What has more cells than there is room for is shown by means over blocks.
    """

    def __init__(self, name: str, array: NDArray[Any]) -> None:
        self.name = name
        self.array = array
        wide = array.astype(np.float64)
        finite = wide[np.isfinite(wide)]
        self.low = float(finite.min()) if finite.size else 0.0
        self.high = float(finite.max()) if finite.size else 0.0
        self._wide = wide

    @property
    def is_image(self) -> bool:
        """Whether it has colours of its own."""
        return self.array.ndim == 3

    def __str__(self) -> str:
        cells = self._fitted(_WIDE // 2, _ROWS)
        grey = cells.mean(axis=2) if self.is_image else cells
        low, span = self.low, (self.high - self.low) or 1.0
        lines = []
        for row in grey:
            line = ""
            for value in row:
                if np.isfinite(value):
                    place = min(max((value - low) / span, 0.0), 1.0)
                    line += _SHADES[round(place * (len(_SHADES) - 1))] * 2
                else:
                    line += _UNKNOWN * 2
            lines.append(f"│{line}│")
        edge = "─" * 2 * grey.shape[1]
        return "\n".join([f"┌{edge}┐", *lines, f"└{edge}┘", self._caption(cells.shape)])

    def __rich__(self) -> Any:
        from rich.text import Text

        columns, lines = shutil.get_terminal_size()
        numbers = None if self.is_image else self._numbers(columns - 1)
        if numbers is not None:
            return numbers.append(self._caption(self.array.shape), "dim")
        cells = self._fitted(columns - 1, 2 * max(lines - 4, 4))
        picture = Text()
        for upper in range(0, len(cells), 2):
            for column in range(cells.shape[1]):
                style = f"rgb{self._colour(cells[upper, column])}"
                if upper + 1 < len(cells):
                    style += f" on rgb{self._colour(cells[upper + 1, column])}"
                picture.append("▀", style.replace(" ", "").replace("on", " on "))
            picture.append("\n")
        return picture.append(self._caption(cells.shape), "dim")

    def _numbers(self, columns: int) -> Text | None:
        """A small matrix with its numbers on coloured cells; None if there is no room."""
        from rich.text import Text

        if len(self.array) > _MOST_NUMBERS:
            return None
        texts = [[f"{value:.4g}" for value in row] for row in self.array.tolist()]
        width = max((len(text) for row in texts for text in row), default=0) + 2
        if width * self.array.shape[1] > columns:
            return None
        picture = Text()
        for row, values_in_row in zip(texts, self._wide, strict=True):
            for text, value in zip(row, values_in_row, strict=True):
                colour = self._colour(value)
                ink = "black" if sum(colour) > 3 * 120 else "bright_white"
                back = ",".join(map(str, colour))
                picture.append(f"{text:>{width - 1}} ", f"{ink} on rgb({back})")
            picture.append("\n")
        return picture

    def _colour(self, value: Any) -> tuple[int, int, int]:
        """Red, green and blue of a cell: around 0 from blue to red where there are both signs."""
        if self.is_image:
            scale = 1 if self.high > 1 else 255
            red, green, blue = (int(min(max(x * scale, 0), 255)) for x in np.nan_to_num(value))
            return red, green, blue
        if not np.isfinite(value):
            return (128, 128, 128)
        if self.low < 0 < self.high:
            reach = max(-self.low, self.high)
            return _between(_MIDDLE, _WARM if value > 0 else _COLD, abs(value) / reach)
        return _between(_DARK, _LIGHT, (value - self.low) / ((self.high - self.low) or 1.0))

    def _fitted(self, columns: int, rows: int) -> NDArray[Any]:
        """The cells, as means over blocks where there are more than fit."""
        array = self._wide
        for axis, room in ((0, rows), (1, columns)):
            block = -(-array.shape[axis] // room)
            if block > 1:
                starts = np.arange(0, array.shape[axis], block)
                counts = np.diff(np.append(starts, array.shape[axis]))
                shape = [1] * array.ndim
                shape[axis] = -1
                array = np.add.reduceat(array, starts, axis=axis) / counts.reshape(shape)
        return array

    def _caption(self, cells: tuple[int, ...]) -> str:
        shape = tuple(self.array.shape)
        told = f"{self.name}: {shape} from {self.low:.4g} to {self.high:.4g}"
        if cells[:2] != shape[:2]:
            told += f", shown as {cells[0]} x {cells[1]} means"
        return told


def _between(
    start: tuple[int, int, int], end: tuple[int, int, int], part: float
) -> tuple[int, int, int]:
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(start, end, strict=True))
    return red, green, blue


def _data(value: Picture) -> Iterator[str]:
    yield f'{{"name": {dumps(value.name)}, "low": {value.low}, "high": {value.high}, "tensor": '
    yield json.to_json(None, new_tensor(value.array))
    yield "}"


values.register(Picture, Picture.__str__)
json.register(Picture, "picture", _data)
