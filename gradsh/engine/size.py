"""The shape of a tensor, printed as PyTorch prints it."""

from __future__ import annotations

import math
from typing import Any


class Size(tuple[int, ...]):
    """A shape: a tuple of lengths, one a dimension. Its slices, sums and repetitions are shapes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"

    __str__ = __repr__

    def __getitem__(self, key: Any) -> Any:
        part = tuple.__getitem__(self, key)
        return Size(part) if isinstance(key, slice) else part

    def __add__(self, other: Any) -> Any:
        return _shape(tuple.__add__(self, other)) if isinstance(other, tuple) else NotImplemented

    def __radd__(self, other: Any) -> Any:
        return _shape(tuple.__add__(other, self)) if isinstance(other, tuple) else NotImplemented

    def __mul__(self, times: Any) -> Any:
        return Size(tuple.__mul__(self, times)) if isinstance(times, int) else NotImplemented

    __rmul__ = __mul__

    def numel(self) -> int:
        """How many elements a tensor of this shape has."""
        return math.prod(self)


def _shape(lengths: tuple[Any, ...]) -> Size:
    """The lengths as a shape. TypeError if one is no whole number."""
    for position, length in enumerate(lengths):
        if not isinstance(length, int):
            raise TypeError(
                f"torch.Size() takes an iterable of 'int' (item {position} is "
                f"'{type(length).__name__}')"
            )
    return Size(lengths)
