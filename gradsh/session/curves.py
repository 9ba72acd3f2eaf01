"""The command `plot`: curves of values and of functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from gradsh.display.plots import Plot, Series
from gradsh.engine.dtypes import DEFAULTS
from gradsh.engine.functional import vjp
from gradsh.engine.modes import set_grad_enabled
from gradsh.engine.tensor import Tensor, new_tensor
from gradsh.session.drawing import Parts, draw, ends, names_of, numbers

if TYPE_CHECKING:
    from gradsh.session.session import Session

_POINTS = 200
_MOST_SERIES = 6


def plot(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    """Draw curves: of values over their index, of several over the first, of functions of `over`.

    Raises TypeError or ValueError for what is no curve, and what `drawing.draw` raises.
    """
    names = names_of(parts)
    if "over" in parts:
        (axis,) = parts["over"]
        series = [*_of_functions(values, names, parts)]
    elif len(values) == 1:
        axis = "index"
        series = [*_curves(names[0], values[0], None)]
    else:
        axis = names[0]
        across = _line(axis, values[0])
        series = [
            s for n, v in zip(names[1:], values[1:], strict=True) for s in _curves(n, v, across)
        ]
    draw(session, Plot(series, axis), "plot", parts)


def _of_functions(
    values: Sequence[Callable[[Any], Any]], names: Sequence[str], parts: Parts
) -> Iterator[Series]:
    """Expressions of the variable after `over`, each with its derivative if that is asked for."""
    ((start, end),) = ends("plot", parts, 1)
    points = np.linspace(start, end, _POINTS, dtype=DEFAULTS.floating.numpy)
    (axis,) = parts["over"]
    for function, name in zip(values, names, strict=True):
        with set_grad_enabled(False):
            heights = _at_points(partial(_value, function), points)
        yield Series(name, points.tolist(), _line(name, heights))
        if "derivative" in parts:
            slopes = _at_points(partial(_slope, function, name), points)
            yield Series(f"d/d{axis} {name}", points.tolist(), _line(name, slopes))


def _value(function: Callable[[Any], Any], x: Tensor) -> Any:
    """The value of an expression of `x`; where that is a function itself, its value at `x`."""
    value = function(x)
    return value(x) if callable(value) and not isinstance(value, Tensor) else value


def _slope(function: Callable[[Any], Any], name: str, x: Tensor) -> Tensor:
    """The derivative of an expression that works on each of the elements of `x` alone."""

    def recorded(x: Tensor) -> Tensor:
        value = _value(function, x)
        if isinstance(value, Tensor) and value.array.shape in ((), x.array.shape):
            return value
        raise TypeError(f"the derivative of {name} is not recorded: its value is no tensor")

    ones = new_tensor(np.ones_like(x.array))
    slope: Tensor = vjp(recorded, x, ones)[1]
    return slope


def _at_points(evaluate: Callable[[Tensor], Any], points: Any) -> Any:
    """What `evaluate` gives for all points at once, or one after the other if it must be."""
    try:
        found = evaluate(new_tensor(points.copy()))
        if isinstance(found, Tensor) and found.array.shape == points.shape:
            return found
    except Exception:  # noqa: BLE001
        pass  # it takes no vector; a number may do, or fails with the error to report
    return [
        x.item() if isinstance(x, Tensor) else x
        for x in (evaluate(new_tensor(np.asarray(point))) for point in points)
    ]


def _curves(text: str, value: Any, across: list[float] | None) -> Iterator[Series]:
    """The curve of a vector, or one for each column of a matrix."""
    array = _vector_or_matrix(text, value)
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
    array = _vector_or_matrix(text, value)
    if array.ndim != 1:
        raise ValueError(f"plot takes vectors, and {text} has the shape {array.shape}")
    heights: list[float] = array.tolist()
    return heights


def _vector_or_matrix(text: str, value: Any) -> Any:
    array = numbers("plot", text, value)
    if not array.ndim:
        error = ValueError(f"{text} is one number, and no curve")
        error.add_note("for a function write `plot sin(x) over x from 0 to 6`")
        raise error
    return array
