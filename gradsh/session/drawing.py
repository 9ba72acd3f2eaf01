"""What the commands that draw have in common: their numbers, their ranges, and where they draw."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from gradsh.display.values import text as text_of
from gradsh.engine.arguments import type_name
from gradsh.engine.tensor import Tensor
from gradsh.session.output import JsonOutput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gradsh.display.plots import Drawing
    from gradsh.session.session import Session

Parts = dict[str, Any]

_FROM, _UNTIL = -5.0, 5.0


def draw(session: Session, drawing: Drawing, command: str, parts: Parts) -> None:
    """Draw into the file that `to` names, or on the terminal.

    Raises RuntimeError where there is neither a terminal nor a file, or a package is missing, and
    OSError from the file.
    """
    if "to" in parts:
        from gradsh.session.figures import draw_figure

        draw_figure(drawing, parts["to"])
        return
    if not session.output.is_terminal and not isinstance(session.output, JsonOutput):
        error = RuntimeError(f"{command} needs a terminal or a file, and the output is neither")
        options = "" if parts.keys() <= {"text", "names"} else " ..."
        written = ", ".join(parts["text"]) + options
        error.add_note(f'write `{command} {written} to "{command}.png"`')
        raise error
    session.output.show(drawing)


def names_of(parts: Parts) -> tuple[str, ...]:
    """What the values are called: by `as`, else as they were written."""
    names: tuple[str, ...] = parts["names"] if "names" in parts else parts["text"]
    return names


def numbers(command: str, text: str, value: Any) -> NDArray[Any]:
    """The real numbers of a tensor, a list or a tuple, as float64.

    TypeError for what has none.
    """
    if isinstance(value, Tensor):
        value = value.array
    elif isinstance(value, (tuple, list, range)):
        value = [x.item() if isinstance(x, Tensor) and x.numel() == 1 else x for x in value]
    if np.iscomplexobj(value):
        raise TypeError(f"{command} takes real numbers, and {text} is complex")
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{command} takes numbers, and {text} is {type_name(value)}") from None


def ends(command: str, parts: Parts, axes: int) -> list[tuple[float, float]]:
    """Where each axis begins and ends, by `from ... to ...`: a number for all, or one for each.

    TypeError or ValueError for what is no range.
    """
    lower, upper = (
        _each(command, parts.get(key, end), axes)
        for key, end in (("from", _FROM), ("until", _UNTIL))
    )
    ranges = [*zip(lower, upper, strict=True)]
    for start, end in ranges:
        if not start < end or not np.isfinite(end - start):
            raise ValueError(
                f"{command} goes from a number to a larger one, not from {start} to {end}"
            )
    return ranges


def _each(command: str, value: Any, axes: int) -> list[float]:
    given = numbers(command, text_of(value), value).ravel().tolist()
    if len(given) not in (1, axes):
        wanted = "a number" if axes == 1 else f"a number or {axes}"
        raise ValueError(f"an end of {command}'s range is {wanted}, not {text_of(value)}")
    return given * axes if len(given) == 1 else given


def ending_of(path: Any) -> str:
    """The format that a path's ending names. TypeError for what is no text."""
    if not isinstance(path, str):
        raise TypeError(f"to takes the path of a file as a text, not {type_name(path)}")
    return os.path.splitext(path)[1][1:].lower()
