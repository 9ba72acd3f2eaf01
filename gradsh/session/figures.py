"""Plots and pictures as files, drawn by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradsh.display.cells import Picture
from gradsh.display.plots import Plot, package
from gradsh.files.atomic import replacing
from gradsh.session.plotting import ending_of

_DOTS_PER_INCH = 150


def draw_plot(plot: Plot, path: Any) -> None:
    """Write curves to a file whose ending names its format."""
    figure = _figure(path)
    axes = figure.subplots()
    for name, x, y in plot.series:
        axes.plot(x, y, label=name)
    axes.set_xlabel(plot.axis)
    if len(plot.series) > 1:
        axes.legend()
    else:
        axes.set_ylabel(plot.series[0].name)
    axes.grid(alpha=0.3)
    _write(figure, path)


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
