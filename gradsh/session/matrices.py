"""The command `show`: matrices and images as pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gradsh.display.cells import Picture
from gradsh.engine.arguments import type_name
from gradsh.engine.tensor import Tensor
from gradsh.session.drawing import Parts

if TYPE_CHECKING:
    from gradsh.session.session import Session


def show(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    """Show matrices and images as pictures.

    Raises TypeError or ValueError for what is neither, RuntimeError for a missing package, and
    OSError from the file.
    """
    pictures = [_picture(text, value) for text, value in zip(parts["text"], values, strict=True)]
    if "to" in parts:
        from gradsh.session.figures import draw_pictures

        draw_pictures(pictures, parts["to"])
        return
    for picture in pictures:
        session.output.show(picture)


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
