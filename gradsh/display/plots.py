"""Curves, drawn with characters on a terminal."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from importlib import import_module
from json import dumps
from math import isfinite
from typing import Any, NamedTuple

from gradsh.display import json, values

COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")
"""Of the curves, one after the other: the terminal's own."""

_MOST_WIDE, _MOST_HIGH = 100, 30
_BELOW = 4
_MOST_POINTS = 20_000


class Series(NamedTuple):
    """A curve: its name, and the coordinates of its points."""

    name: str
    x: list[float]
    y: list[float]


class Plot:
    """Curves over one axis, whose name is `axis`."""

    def __init__(self, series: Sequence[Series], axis: str) -> None:
        self.series = series
        self.axis = axis

    def __str__(self) -> str:
        plotext = package("plotext", "plot on a terminal")
        text: str = plotext.uncolorize(self._drawn())
        return "\n".join(line.rstrip() for line in text.rstrip("\n").split("\n"))

    def __rich__(self) -> Any:
        from rich.text import Text

        return Text.from_ansi(self._drawn().rstrip("\n"))

    def _drawn(self) -> str:
        """The picture, as large as the terminal has room for, with the terminal's colours."""
        plotext = package("plotext", "plot on a terminal")
        columns, lines = shutil.get_terminal_size()
        plotext.clear_figure()
        plotext.plot_size(min(columns - 1, _MOST_WIDE), min(max(lines - _BELOW, 8), _MOST_HIGH))
        plotext.canvas_color("default")
        plotext.axes_color("default")
        plotext.ticks_color("default")
        plotext.xlabel(self.axis)
        for index, (name, x, y) in enumerate(self.series):
            step = max(1, len(x) // _MOST_POINTS)
            points = [
                (a, b)
                for a, b in zip(x[::step], y[::step], strict=True)
                if isfinite(a) and isfinite(b)
            ]
            if points:
                across, up = zip(*points, strict=True)
                plotext.plot(across, up, label=name, color=COLOURS[index % len(COLOURS)])
        text: str = plotext.build()
        return text


def package(name: str, wanted_by: str) -> Any:
    """A package of the extra `plot`; RuntimeError that says how to install it."""
    try:
        return import_module(name)
    except ImportError:
        error = RuntimeError(f"{wanted_by} needs {name.partition('.')[0]}, which is not installed")
        error.add_note('install it: pip install "gradsh[plot]"')
        raise error from None


def _data(value: Plot) -> Iterator[str]:
    series = [
        {"name": name, "x": [*map(_number, x)], "y": [*map(_number, y)]}
        for name, x, y in value.series
    ]
    yield dumps({"axis": value.axis, "series": series})


def _number(value: float) -> float | str:
    return value if isfinite(value) else str(value)


values.register(Plot, Plot.__str__)
json.register(Plot, "plot", _data)
