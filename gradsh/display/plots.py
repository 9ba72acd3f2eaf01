"""Curves, histograms and contour lines, drawn with characters on a terminal."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from importlib import import_module
from json import dumps
from math import floor, isfinite, log10
from typing import Any, NamedTuple

import numpy as np

from gradsh.display import json, values

COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")
"""Of the curves, one after the other: the terminal's own."""

_MOST_WIDE, _MOST_HIGH = 100, 30
_BELOW = 4
_MOST_POINTS = 20_000


class Drawing:
    """What has a picture on a terminal; a kind of drawing says how it goes onto plotext's canvas.

    `caption` is a line of text below the picture, empty where there is nothing to say.
    """

    caption = ""

    def draw(self, plotext: Any) -> None:
        """Put everything onto plotext's canvas."""
        raise NotImplementedError

    def __str__(self) -> str:
        plotext = package("plotext", "plot on a terminal")
        text: str = plotext.uncolorize(self._drawn(plotext))
        lines = [line.rstrip() for line in text.rstrip("\n").split("\n")]
        return "\n".join([*lines, self.caption] if self.caption else lines)

    def __rich__(self) -> Any:
        from rich.text import Text

        plotext = package("plotext", "plot on a terminal")
        picture = Text.from_ansi(self._drawn(plotext).rstrip("\n"))
        return picture.append(f"\n{self.caption}", "dim") if self.caption else picture

    def _drawn(self, plotext: Any) -> str:
        """The picture, as large as the terminal has room for, with the terminal's colours."""
        columns, lines = shutil.get_terminal_size()
        plotext.clear_figure()
        plotext.plot_size(min(columns - 1, _MOST_WIDE), min(max(lines - _BELOW, 8), _MOST_HIGH))
        plotext.canvas_color("default")
        plotext.axes_color("default")
        plotext.ticks_color("default")
        self.draw(plotext)
        text: str = plotext.build()
        return text


class Series(NamedTuple):
    """A curve: its name, and the coordinates of its points."""

    name: str
    x: list[float]
    y: list[float]


class Plot(Drawing):
    """Curves over one axis, whose name is `axis`."""

    def __init__(self, series: Sequence[Series], axis: str) -> None:
        self.series = series
        self.axis = axis

    def draw(self, plotext: Any) -> None:
        """Every curve in a colour of its own, through its finite points."""
        plotext.xlabel(self.axis)
        for (name, x, y), colour in zip(self.series, _colours(self.series), strict=True):
            step = max(1, len(x) // _MOST_POINTS)
            points = [
                (a, b)
                for a, b in zip(x[::step], y[::step], strict=True)
                if isfinite(a) and isfinite(b)
            ]
            if points:
                across, up = zip(*points, strict=True)
                plotext.plot(across, up, label=name, color=colour)


class Counts(NamedTuple):
    """The values of one tensor in a histogram: how many lie in each bin, and in none (nan, inf)."""

    name: str
    inside: list[int]
    outside: int


class Histogram(Drawing):
    """How many values lie in each bin between two neighbouring `edges`."""

    def __init__(self, counts: Sequence[Counts], edges: list[float]) -> None:
        self.counts = counts
        self.edges = edges

    @property
    def caption(self) -> str:  # type: ignore[override]
        """What no bin holds."""
        return ", ".join(
            f"{name}: {outside} not finite" for name, _, outside in self.counts if outside
        )

    def draw(self, plotext: Any) -> None:
        """One as filled steps, several as outlines."""
        corners = [edge for edge in self.edges for _ in range(2)]
        for (name, inside, _), colour in zip(self.counts, _colours(self.counts), strict=True):
            heights = [0, *(count for count in inside for _ in range(2)), 0]
            alone = len(self.counts) == 1
            plotext.plot(corners, heights, label=name, color=colour, fillx=alone)
        plotext.ylim(0, None)


class Contours(Drawing):
    """Lines of equal height of a function of two variables.

    `heights` has a row for each of the points `y` and a column for each of `x`; `axes` are the
    names of the two variables.
    """

    def __init__(
        self, name: str, axes: tuple[str, str], x: list[float], y: list[float], heights: Any
    ) -> None:
        self.name = name
        self.axes = axes
        self.x = x
        self.y = y
        self.heights = heights

    @property
    def levels(self) -> list[float]:
        """The heights of the lines: they part the area evenly, so that no valley is left empty."""
        finite = self.heights[np.isfinite(self.heights)]
        parts = np.quantile(finite, np.arange(1, len(COLOURS) + 1) / (len(COLOURS) + 1))
        return sorted({_rounded(level) for level in parts.tolist()})

    @property
    def caption(self) -> str:  # type: ignore[override]
        """Where the function is least and where it is greatest."""
        told = []
        for height in (np.nanmin(self.heights), np.nanmax(self.heights)):
            row, column = np.argwhere(self.heights == height)[0]
            told.append(f"{height:.4g} at ({self.x[column]:.4g}, {self.y[row]:.4g})")
        return f"{self.name}: from {told[0]} to {told[1]}"

    def draw(self, plotext: Any) -> None:
        """The lines of each level in a colour of their own."""
        contours = package("contourpy", "contour").contour_generator(
            self.x, self.y, np.ma.masked_invalid(self.heights)
        )
        plotext.xlabel(self.axes[0])
        plotext.ylabel(self.axes[1])
        levels = self.levels
        for level, colour in zip(levels, _colours(levels), strict=True):
            label: str | None = f"{level:g}"
            for line in contours.lines(level):
                plotext.plot(*line.T.tolist(), label=label, color=colour)
                label = None
        plotext.xlim(self.x[0], self.x[-1])
        plotext.ylim(self.y[0], self.y[-1])


def _colours(drawn: Sequence[Any]) -> list[str]:
    return [COLOURS[index % len(COLOURS)] for index in range(len(drawn))]


def _rounded(value: float) -> float:
    """A number to two digits, which is enough for a line's label."""
    return round(value, 1 - floor(log10(abs(value)))) if value else 0.0


def package(name: str, wanted_by: str) -> Any:
    """A package of the extra `plot`; RuntimeError that says how to install it."""
    try:
        return import_module(name)
    except ImportError:
        error = RuntimeError(f"{wanted_by} needs {name.partition('.')[0]}, which is not installed")
        error.add_note('install it: pip install "gradsh[plot]"')
        raise error from None


def _plot_data(value: Plot) -> Iterator[str]:
    series = [
        {"name": name, "x": [*map(_number, x)], "y": [*map(_number, y)]}
        for name, x, y in value.series
    ]
    yield dumps({"axis": value.axis, "series": series})


def _histogram_data(value: Histogram) -> Iterator[str]:
    counts = [counts._asdict() for counts in value.counts]
    yield dumps({"edges": value.edges, "counts": counts})


def _contours_data(value: Contours) -> Iterator[str]:
    heights = [[*map(_number, row)] for row in value.heights.tolist()]
    fields = {"name": value.name, "axes": value.axes, "x": value.x, "y": value.y}
    yield dumps({**fields, "heights": heights})


def _number(value: float) -> float | str:
    return value if isfinite(value) else str(value)


for _kind, _name, _data in (
    (Plot, "plot", _plot_data),
    (Histogram, "histogram", _histogram_data),
    (Contours, "contours", _contours_data),
):
    values.register(_kind, _kind.__str__)
    json.register(_kind, _name, _data)
