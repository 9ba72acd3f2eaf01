"""Anomaly mode: the first operation whose result, or whose gradient, becomes nan or inf.

Like `gradsh.engine.anomaly` it uses Python's profiler, so that operations cost what they cost
while nothing is watched. What is nan or inf already, or was written so by the program, is no
anomaly: only what an operation makes of operands that are not.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

from gradsh.engine import appliers, inplace
from gradsh.engine.anomaly import arrays_in, becomes, is_finite, operands_of
from gradsh.engine.backward import Walk
from gradsh.engine.causes import backward_cause, forward_cause
from gradsh.engine.graph import Node, Output
from gradsh.engine.op import FUNCTIONS, Op
from gradsh.engine.tensor import Tensor

_ENGINE = __package__
_WALK = Walk.run.__code__
_UNDEFINED = frozenset(("empty", "empty_like", "new_empty"))
"""Operations whose values mean nothing."""


class _Made(NamedTuple):
    """An anomaly that an operation made: it counts if it is in what the program gets, too."""

    op: Op
    kind: str
    operands: dict[str, Any]
    result: Any


class Watch:
    """Watches every operation between `start` and `stop`, and raises RuntimeError at an anomaly.

    `moment` gives, for a frame that runs, the place in the program that each node keeps; `told`
    makes a text of it when a backward pass needs to say where its operation stood.
    The error is raised where the program called the operation. Python ends a profiler that raises,
    so whoever catches the error has to start again.
    """

    def __init__(
        self, moment: Callable[[FrameType], Any], told: Callable[[Any], str | None]
    ) -> None:
        self._moment = moment
        self._told = told
        self._hook = self._see
        self._made: _Made | None = None
        self._newest: float = 0

    def start(self) -> None:
        """Watch from now on."""
        self._made = None
        sys.setprofile(self._hook)

    def stop(self) -> None:
        """Watch no longer."""
        if sys.getprofile() is self._hook:
            sys.setprofile(None)

    @property
    def watching(self) -> bool:
        """Whether operations are watched now."""
        return sys.getprofile() is self._hook

    def _see(self, frame: FrameType, event: str, result: Any) -> None:
        caller = frame.f_back
        if event != "return" or caller is None:
            return
        if caller.f_code is _WALK:
            if isinstance(result, (list, tuple)):
                self._check_pulled(caller, result)
            return
        code = frame.f_code
        is_applier = code.co_filename == appliers.__file__ and "op" in code.co_freevars
        if is_applier and _is_tensor(result):
            self._check_result(frame, result)
        # a change in place gets its result before the tensor is changed
        leaves = not _in_engine(caller) or caller.f_code.co_filename == inplace.__file__
        if self._made is not None and leaves and _in_engine(frame):
            self._judge(result)

    # -------------------------------------------------------------------------- forward

    def _check_result(self, frame: FrameType, result: Any) -> None:
        """An operation returns: remember its place, and whether its result is an anomaly."""
        local = frame.f_locals
        op: Op = local["op"]
        for tensor in result if isinstance(result, (list, tuple)) else (result,):
            node = tensor.node
            if node is not None and not node.is_leaf:
                owner = node.owner if isinstance(node, Output) else node
                if owner.seq > self._newest:
                    self._newest = owner.seq
                    owner.place = self._moment(frame)
        if self._made is not None or op.name in _UNDEFINED:
            return
        arrays = [*arrays_in(result)]
        if all(map(is_finite, arrays)):
            return
        operands = dict(operands_of(frame, local, op))
        given = [*arrays_in(list(operands.values()))]
        for array in arrays:
            kind = becomes(array, given)
            if kind is not None:
                self._made = _Made(op, kind, operands, array)
                return

    def _judge(self, result: Any) -> None:
        """The program gets a result: does it hold what an operation in it made?"""
        made, self._made = self._made, None
        assert made is not None
        if all(map(is_finite, arrays_in(result))):
            return
        name = _public_name(made.op)
        error = RuntimeError(
            "\n".join(
                (
                    f"Function '{name}' returned {made.kind} values in its forward pass.",
                    _first_place(made.result),
                    *_ranges(made.operands),
                )
            )
        )
        error.add_note(forward_cause(name, made.kind, made.operands, made.result))
        raise error

    # ------------------------------------------------------------------------- backward

    def _check_pulled(self, walk: FrameType, pulled: Any) -> None:
        """A node's formulas gave cotangents: are they an anomaly?"""
        local = walk.f_locals
        node, g = local.get("node"), local.get("g")
        if node is None:
            return  # the walk has not begun
        given = [*arrays_in(g)]
        for index, cotangent in enumerate(pulled):
            for array in arrays_in(cotangent):
                kind = None if is_finite(array) else becomes(array, given)
                if kind is not None:
                    raise self._backward_error(node, g, index, kind, array)

    def _backward_error(
        self, node: Node, g: Any, index: int, kind: str, cotangent: Any
    ) -> RuntimeError:
        name, saved = "", {}
        if isinstance(node.op, Op):
            name, saved = _public_name(node.op), _saved(node, node.op)
        where = self._told(node.place)
        lines = [f"Function '{node.name}' returned {kind} values in its {index}th output."]
        lines.append(_first_place(cotangent))
        if where is not None:
            lines.append(f"{name or node.name} was called at {where}")
        lines += _ranges({**saved, "what arrived": g})
        error = RuntimeError("\n".join(lines))
        error.add_note(backward_cause(name, kind, saved, g, cotangent))
        return error


def _public_name(op: Op) -> str:
    """The name of the function that a user knows: `std` for the operation `std_of`."""
    name = op.name
    while name and name not in FUNCTIONS:
        name = name.rpartition("_")[0]
    return name or op.name


def _first_place(array: Any) -> str:
    """How many elements are nan or inf, and which is the first."""
    array = np.asarray(array)
    places = np.argwhere(~np.isfinite(array))
    if not array.ndim:
        return "it has one element"
    return f"{len(places)} of {array.size} elements, the first at {places[0].tolist()}"


def _in_engine(frame: FrameType) -> bool:
    name: str = frame.f_globals.get("__name__", "")
    return name.startswith(_ENGINE)


def _is_tensor(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return bool(value) and type(value[0]) is Tensor
    return type(value) is Tensor


def _saved(node: Node, op: Op) -> dict[str, Any]:
    """What a node keeps, by name."""
    found = dict(zip(op.saved_tensors, node.saved or (), strict=False))
    found |= {
        name: value
        for name, value in zip(op.saved_plain, node.context, strict=False)
        if not name.endswith("_shape")
    }
    return found


def _ranges(values: Mapping[str, Any]) -> Iterator[str]:
    """A line for each tensor: from where to where its elements go."""
    for name, value in values.items():
        for array in arrays_in(value):
            if not array.size:
                yield f"{name} has no elements"
                continue
            finite = array[np.isfinite(array)]
            wide = np.abs(finite) if array.dtype.kind == "c" else finite
            told = []
            if finite.size:
                low, high = float(wide.min()) + 0.0, float(wide.max()) + 0.0  # no -0
                told.append(f"{low:.6g}" if low == high else f"from {low:.6g} to {high:.6g}")
            told += ["nan"] * bool(np.isnan(array).any()) + ["inf"] * bool(np.isinf(array).any())
            yield f"{name} is {' and '.join(told)}"
