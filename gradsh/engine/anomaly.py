"""Where a nan comes from: the first operation with a nan result whose operands have none.

Nothing is watched while programs run: the function in question is run once more under a profiler,
which sees every operation return.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
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
        if not isinstance(op, Op):
            return
        given = [*arrays_in([value for _, value in operands_of(frame, local, op)])]
        if any(becomes(array, given) == "nan" for array in arrays_in(result)):
            found.append(Origin(op.name, frame.f_back))

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        function()
    finally:
        sys.setprofile(before)
    return found[0] if found else None


def arrays_in(value: Any) -> Iterator[Any]:
    """The floating arrays and numbers in a value."""
    if isinstance(value, Tensor):
        value = value.array
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from arrays_in(item)
    elif isinstance(value, (float, complex)):
        yield np.asarray(value)
    elif isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind not in "biuSUO":
        yield value


def is_finite(array: Any) -> bool:
    """Whether no element is nan or inf."""
    return bool(np.isfinite(array).all())


def becomes(array: Any, given: list[Any]) -> str | None:
    """What a result has that none of the operands accounts for: "nan", "inf" or nothing.

    Only a nan accounts for a nan: that of `inf - inf` is made by the subtraction.
    """
    if np.isnan(array).any():
        return None if any(np.isnan(x).any() for x in given) else "nan"
    if np.isinf(array).any() and all(map(is_finite, given)):
        return "inf"
    return None


def operands_of(frame: FrameType, local: Mapping[str, Any], op: Op) -> Iterator[tuple[str, Any]]:
    """The arguments of an applier that returns, by the names of the declaration."""
    code = frame.f_code
    names = list(op.parameters)
    for position, name in enumerate(code.co_varnames[: code.co_argcount]):
        yield names[position], local.get(name)
    rest = local.get("rest", local.get("args", local.get("others", ())))
    yield from zip(names[code.co_argcount :], rest, strict=False)
    yield from (local.get("named") or local.get("kwargs") or {}).items()
