"""Where a nan comes from: the first operation with a nan result whose operands have none.

Nothing is watched while programs run: the function in question is run once more under a profiler,
which sees every operation return.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any

import numpy as np

from gradsh.engine import appliers
from gradsh.engine.op import Op
from gradsh.engine.tensor import Tensor


class Origin:
    """The operation's name, and the places of the calls that led to it, innermost first.

    A place is a code object and the offset of the instruction that called.
    """

    def __init__(self, operation: str, frame: FrameType | None) -> None:
        self.operation = operation
        self.places: list[tuple[CodeType, int]] = []
        while frame is not None:
            self.places.append((frame.f_code, frame.f_lasti))
            frame = frame.f_back


def origin_of_nan(function: Callable[[], Any]) -> Origin | None:
    """Run `function` once more and find the operation in which a nan first came up."""
    found: list[Origin] = []

    def watch(frame: FrameType, event: str, result: Any) -> None:
        if event != "return" or found or frame.f_code.co_filename != appliers.__file__:
            return
        local = frame.f_locals
        op = local.get("op")
        if isinstance(op, Op) and _has_nan(result) and not _has_nan(list(_operands(frame, local))):
            found.append(Origin(op.name, frame.f_back))

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        function()
    finally:
        sys.setprofile(before)
    return found[0] if found else None


def _operands(frame: FrameType, local: dict[str, Any]) -> Iterator[Any]:
    code = frame.f_code
    for name in code.co_varnames[: code.co_argcount]:
        yield local.get(name)
    yield local.get("args")
    yield local.get("rest")


def _has_nan(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.array.dtype.kind in "fc" and bool(np.isnan(value.array).any())
    if isinstance(value, float):
        return value != value
    return isinstance(value, (list, tuple)) and any(map(_has_nan, value))
