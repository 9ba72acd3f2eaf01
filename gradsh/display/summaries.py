"""Short texts for values, types and sizes, as the views of a graph need them."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.dtypes import FROM_NUMPY, DType, is_inexact
from gradsh.engine.recording import Like
from gradsh.engine.tensor import Tensor

MOST_ELEMENTS = 9
"""A tensor with more elements is told by its shape and norm."""

_MOST_DIMENSIONS = 3


def number_text(number: Any) -> str:
    """A number with four digits, as `2.25`, `-1e-07`, `true`."""
    if isinstance(number, (bool, np.bool_)):
        return str(bool(number)).lower()
    if isinstance(number, (int, np.integer)):
        return str(int(number))
    if isinstance(number, (complex, np.complexfloating)):
        number = complex(number)
        return f"{number.real:.4g}{number.imag:+.4g}j"
    return f"{float(number):.4g}"


def array_text(array: Any) -> str:
    """A small array as a list, a large one by its type, shape and norm."""
    array = np.asarray(array)
    if array.size > MOST_ELEMENTS or array.ndim > _MOST_DIMENSIONS or not array.size:
        return f"{like_text((array.shape, array.dtype))}{norm_text(array)}"
    return _nested(array)


def is_small(array: Any) -> bool:
    """Whether `array_text` writes the elements."""
    array = np.asarray(array)
    return bool(0 < array.size <= MOST_ELEMENTS and array.ndim <= _MOST_DIMENSIONS)


def _nested(array: Any) -> str:
    if not array.ndim:
        return number_text(array[()])
    return f"[{', '.join(map(_nested, array))}]"


def norm_text(array: Any) -> str:
    """`, norm 3.2` for a large array; nothing for an empty one, or one of integers."""
    if not array.size or not is_inexact(array.dtype):
        return ""
    wide = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
    return f" norm {number_text(np.linalg.norm(wide.ravel()))}"


def like_text(like: Like | None) -> str:
    """A shape and a type, as `(2, 3) float32`; `?` where they are not known."""
    if like is None:
        return "?"
    shape, dtype = like
    return f"{shape_text(shape)} {FROM_NUMPY[dtype].name}"


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape, as `(2, 3)`."""
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def plain_text(value: Any) -> str | None:
    """A plain argument as the language writes it; None for what has no short text."""
    if value is None:
        return "none"
    if isinstance(value, (bool, int, float, complex, np.generic)):
        return number_text(value)
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, DType):
        return value.name
    if isinstance(value, Tensor):
        return array_text(value.array)
    if isinstance(value, np.ndarray):
        return array_text(value)
    if isinstance(value, slice):
        return None
    if isinstance(value, (tuple, list)):
        parts = [plain_text(item) for item in value[:MOST_ELEMENTS]]
        if len(value) > MOST_ELEMENTS or any(part is None for part in parts):
            return None
        comma = "," if len(parts) == 1 else ""
        return f"({', '.join(part for part in parts if part is not None)}{comma})"
    return None


def bytes_text(count: int) -> str:
    """A number of bytes, as `16 bytes` or `3.8 MiB`."""
    if count < 1024:
        return f"{count} byte{'' if count == 1 else 's'}"
    size = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        size /= 1024
        if size < 1024:
            return f"{size:.1f} {unit}"
    return f"{size / 1024:.1f} TiB"


def count_text(count: int, one: str, several: str | None = None) -> str:
    """`1 leaf`, `1,200 leaves`."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"
