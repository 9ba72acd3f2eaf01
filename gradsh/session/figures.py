"""Plots and pictures as files, drawn by matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from gradsh.display.cells import Picture
from gradsh.display.plots import Contours, Drawing, Histogram, Plot, package
from gradsh.files.atomic import replacing
from gradsh.session.drawing import ending_of

_DOTS_PER_INCH = 150


def draw_figure(drawing: Drawing, path: Any) -> None:
    """Write curves, a histogram or contour lines to a file whose ending names its format."""
    figure = _figure(path)
    _DRAWN[type(drawing)](figure.subplots(), drawing)
    _write(figure, path)


def _curves(axes: Any, plot: Plot) -> None:
    for name, x, y in plot.series:
        axes.plot(x, y, label=name)
    axes.set_xlabel(plot.axis)
    if len(plot.series) > 1:
        axes.legend()
    else:
        axes.set_ylabel(plot.series[0].name)
    axes.grid(alpha=0.3)


def _steps(axes: Any, histogram: Histogram) -> None:
    several = len(histogram.counts) > 1
    for name, inside, _ in histogram.counts:
        axes.stairs(inside, histogram.edges, fill=True, alpha=0.5 if several else 1, label=name)
    if several:
        axes.legend()
    else:
        axes.set_xlabel(histogram.counts[0].name)
    axes.set_ylabel("count")


def _contour_lines(axes: Any, contours: Contours) -> None:
    lines = axes.contour(contours.x, contours.y, contours.heights, contours.levels)
    axes.clabel(lines, fmt="%g", fontsize="small")
    axes.set_xlabel(contours.axes[0])
    axes.set_ylabel(contours.axes[1])
    axes.set_title(contours.name)


_DRAWN: Final[dict[type, Callable[[Any, Any], None]]] = {
    Plot: _curves, Histogram: _steps, Contours: _contour_lines,
}  # fmt: skip


def draw_pictures(pictures: Sequence[Picture], path: Any) -> None:
    """Write pictures to a file, side by side."""
    figure = _figure(path)
    for axes, picture in zip(
        figure.subplots(1, len(pictures), squeeze=False)[0], pictures, strict=True
    ):
        array = picture.array
        if picture.is_image:
            axes.imshow((array if picture.high > 1 else array * 255).clip(0, 255).astype("uint8"))
        elif picture.low < 0 < picture.high:
            reach = max(-picture.low, picture.high)
            drawn = axes.imshow(array.astype(float), cmap="RdBu_r", vmin=-reach, vmax=reach)
            figure.colorbar(drawn, ax=axes)
        else:
            figure.colorbar(axes.imshow(array.astype(float), cmap="viridis"), ax=axes)
        axes.set_title(picture.name)
        for axis in (axes.xaxis, axes.yaxis):
            axis.get_major_locator().set_params(integer=True)
    _write(figure, path)


def _figure(path: Any) -> Any:
    """An empty figure. ValueError for an ending that matplotlib has no format for."""
    ending = ending_of(path)
    figure = package("matplotlib.figure", "a plot in a file").Figure(layout="constrained")
    formats = figure.canvas.get_supported_filetypes()
    if ending not in formats:
        error = ValueError(f"nothing can be drawn to '{path}': its ending names no format")
        error.add_note(f"endings are .{' .'.join(sorted(formats))}")
        raise error
    return figure


def _write(figure: Any, path: str) -> None:
    with replacing(path) as stream:
        figure.savefig(stream, format=ending_of(path), dpi=_DOTS_PER_INCH)
