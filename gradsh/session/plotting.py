"""The commands that draw: `plot` and `show`, on a terminal or into a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradsh.display.cells import Picture
from gradsh.display.plots import Plot, Series
from gradsh.engine.arguments import type_name
from gradsh.engine.dtypes import DEFAULTS
from gradsh.engine.modes import set_grad_enabled
from gradsh.engine.tensor import Tensor, new_tensor
from gradsh.session.output import JsonOutput

if TYPE_CHECKING:
    from gradsh.session.session import Session

Parts = dict[str, Any]

_POINTS = 200
_FROM, _UNTIL = -5.0, 5.0
_MOST_SERIES = 6


def plot(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    """Draw curves: of values over their index, of several over the first, of functions of `over`.

    Raises TypeError or ValueError for what is no curve, RuntimeError where there is neither a
    terminal nor a file, or a package is missing, and OSError from the file.
    """
    texts: tuple[str, ...] = parts["text"]
    if "over" in parts:
        axis = parts["over"]
        series = [*_of_functions(values, texts, parts)]
    elif len(values) == 1:
        axis = "index"
        series = [*_curves(texts[0], values[0], None)]
    else:
        axis = texts[0]
        across = _line(texts[0], values[0])
        series = [
            s for t, v in zip(texts[1:], values[1:], strict=True) for s in _curves(t, v, across)
        ]
    drawing = Plot(series, axis)
    if "to" in parts:
        from gradsh.session.figures import draw_plot

        draw_plot(drawing, parts["to"])
        return
    if not session.output.is_terminal and not isinstance(session.output, JsonOutput):
        error = RuntimeError("plot needs a terminal or a file, and the output is neither")
        error.add_note(f'write `plot {", ".join(texts)} to "plot.png"`')
        raise error
    session.output.show(drawing)


def show(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    """Show matrices and images as pictures.

    Raises TypeError or ValueError for what is neither, and for a file what `plot` raises.
    """
    pictures = [_picture(text, value) for text, value in zip(parts["text"], values, strict=True)]
    if "to" in parts:
        from gradsh.session.figures import draw_pictures

        draw_pictures(pictures, parts["to"])
        return
    for picture in pictures:
        session.output.show(picture)


# --------------------------------------------------------------------------------- curves


def _of_functions(
    values: Sequence[Callable[[Any], Any]], texts: Sequence[str], parts: Parts
) -> Iterator[Series]:
    """Expressions of the variable after `over`, at points that lie evenly from end to end."""
    start, end = (float(parts.get(key, end)) for key, end in (("from", _FROM), ("until", _UNTIL)))
    if not start < end or not np.isfinite(end - start):
        raise ValueError(f"plot goes from a number to a larger one, not from {start} to {end}")
    points = np.linspace(start, end, _POINTS, dtype=DEFAULTS.floating.numpy)
    with set_grad_enabled(False):
        for function, text in zip(values, texts, strict=True):
            heights = _heights(function, points)
            yield Series(text, points.tolist(), _line(text, heights))


def _heights(function: Callable[[Any], Any], points: Any) -> Any:
    """The values of a function: of all points at once, or of one after the other if it must be."""

    def value_at(x: Tensor) -> Any:
        value = function(x)
        return value(x) if callable(value) and not isinstance(value, Tensor) else value

    try:
        heights = value_at(new_tensor(points.copy()))
        if isinstance(heights, Tensor) and heights.array.shape == points.shape:
            return heights
    except (RuntimeError, IndexError, ValueError):
        pass  # it takes no vector; a number may do
    rows = []
    for point in points:
        height = value_at(new_tensor(np.asarray(point)))
        rows.append(height.item() if isinstance(height, Tensor) else height)
    return rows


def _curves(text: str, value: Any, across: list[float] | None) -> Iterator[Series]:
    """The curve of a vector, or one for each column of a matrix."""
    array = _array(text, value)
    if array.ndim == 1:
        columns = [(text, array)]
    elif array.ndim == 2 and array.shape[1] <= _MOST_SERIES:
        columns = [(f"{text}[:, {index}]", array[:, index]) for index in range(array.shape[1])]
    else:
        error = ValueError(f"plot takes vectors, and {text} has the shape {array.shape}")
        error.add_note(f"`show {text}` shows a matrix as a picture")
        raise error
    for name, column in columns:
        x = [float(index) for index in range(len(column))] if across is None else across
        if len(x) != len(column):
            raise ValueError(f"{name} has {len(column)} points, and the axis has {len(x)}")
        yield Series(name, x, column.tolist())


def _line(text: str, value: Any) -> list[float]:
    array = _array(text, value)
    if array.ndim != 1:
        raise ValueError(f"plot takes vectors, and {text} has the shape {array.shape}")
    heights: list[float] = array.tolist()
    return heights


def _array(text: str, value: Any) -> Any:
    """The real numbers of a tensor, a list or a tuple, with at least one dimension."""
    if isinstance(value, Tensor):
        value = value.array
    elif isinstance(value, (tuple, list, range)):
        value = [x.item() if isinstance(x, Tensor) and x.numel() == 1 else x for x in value]
    if np.iscomplexobj(value):
        raise TypeError(f"plot takes real numbers, and {text} is complex")
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"plot takes numbers, and {text} is {type_name(value)}") from None
    if not array.ndim:
        error = ValueError(f"{text} is one number, and no curve")
        error.add_note("for a function write `plot sin(x) over x from 0 to 6`")
        raise error
    return array


# -------------------------------------------------------------------------------- pictures


def _picture(text: str, value: Any) -> Picture:
    if not isinstance(value, Tensor):
        raise TypeError(f"show takes a tensor, and {text} is {type_name(value)}")
    array = value.array
    if array.dtype.kind == "c":
        error = TypeError(f"show takes real numbers, and {text} is complex")
        error.add_note(f"write `show abs({text})`")
        raise error
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[2] not in (1, 3):
        array = np.moveaxis(array, 0, 2)  # channels first, as networks have them
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim < 2:
        array = array.reshape(1, -1)
    if array.ndim > 3 or (array.ndim == 3 and array.shape[2] != 3) or not array.size:
        raise ValueError(
            f"show takes a matrix, or an image with 3 channels, and {text} has the shape "
            f"{tuple(value.shape)}"
        )
    return Picture(text, array)


def ending_of(path: Any) -> str:
    """The format that a path's ending names. TypeError for what is no text."""
    if not isinstance(path, str):
        raise TypeError(f"to takes the path of a file as a text, not {type_name(path)}")
    return os.path.splitext(path)[1][1:].lower()
