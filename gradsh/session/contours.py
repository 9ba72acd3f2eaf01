"""The command `contour`: lines of equal height of a function of two variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gradsh.display.plots import Contours
from gradsh.engine.dtypes import DEFAULTS
from gradsh.engine.modes import set_grad_enabled
from gradsh.engine.tensor import Tensor, new_tensor
from gradsh.session.drawing import Parts, draw, ends

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gradsh.session.session import Session

_SIDE = 61
"""Points along each axis."""


def contour(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    """Draw the lines of equal height of an expression of two variables, or of a function.

    A function takes two numbers, or a vector of two. Raises TypeError or ValueError for what is no
    such function, and what `drawing.draw` raises.
    """
    (text,), (function,) = parts["text"], values
    if not callable(function) or isinstance(function, Tensor):
        error = TypeError(f"contour draws a function of two variables, and {text} is none")
        error.add_note("write `contour x^2 + y^2 over x, y from -1 to 1`")
        raise error
    ranges = ends("contour", parts, 2)
    x, y = (np.linspace(*ends, _SIDE, dtype=DEFAULTS.floating.numpy) for ends in ranges)
    names = _parameters(function)
    if "over" not in parts and len(names) == 1:
        function, names = _of_numbers(function), (f"{names[0]}[0]", f"{names[0]}[1]")
    axes = parts.get("over") or (names if len(names) == 2 else ("x", "y"))
    with set_grad_enabled(False):
        heights = _heights(function, x, y)
    if not np.isfinite(heights).any():
        raise ValueError(f"{text} is finite at no point of the picture")
    draw(session, Contours(text, axes, x.tolist(), y.tolist(), heights), "contour", parts)


def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of the parameters that have to be given."""
    code = getattr(function, "__code__", None)
    if code is None:
        return ()
    given = len(getattr(function, "__defaults__", None) or ())
    names: tuple[str, ...] = code.co_varnames[: code.co_argcount - given]
    return names


def _of_numbers(function: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """A function of a vector as one of its two elements."""
    return lambda x, y: function(new_tensor(np.stack([x.array, y.array])))


def _heights(function: Callable[[Any, Any], Any], x: Any, y: Any) -> NDArray[Any]:
    """The values at all points of the grid: at once, or one after the other if it must be.

    TypeError if the function's value is no number.
    """

    def value_at(x: Any, y: Any) -> Any:
        here = new_tensor(x), new_tensor(y)
        value = function(*here)
        return value(*here) if callable(value) and not isinstance(value, Tensor) else value

    across, up = (axis.copy() for axis in np.meshgrid(x, y))
    try:
        heights = value_at(across, up)
        if isinstance(heights, Tensor) and heights.array.shape == across.shape:
            return heights.array.astype(np.float64)
    except Exception:  # noqa: BLE001
        pass  # it takes no matrices; numbers may do, or fail with the error to report
    rows = [
        [_number(value_at(*map(np.asarray, point))) for point in zip(*lines, strict=True)]
        for lines in zip(across, up, strict=True)
    ]
    return np.array(rows, dtype=np.float64)


def _number(value: Any) -> float:
    if isinstance(value, Tensor) and value.numel() == 1:
        value = value.item()
    if isinstance(value, (bool, int, float)):
        return value
    error = TypeError("contour draws a function whose value is one real number")
    if isinstance(value, Tensor):
        error.add_note(f"this one gives a tensor of shape {tuple(value.shape)}")
    raise error
