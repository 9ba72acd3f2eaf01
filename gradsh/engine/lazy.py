"""What tells an array that is not computed yet from one that is."""

from __future__ import annotations

from typing import Any


class Lazy:
    """An array whose elements are computed when somebody asks for them.

    Operations hand it on as it is; `gradsh.engine.fusion` says what it is good for.
    """

    __slots__ = ()

    def compute(self) -> Any:
        """The array itself."""
        raise NotImplementedError
