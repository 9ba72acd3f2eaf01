"""Running a program: what does not vary first, then block after block, then what comes late.

Every function is called as numpy would be called for the whole arrays, with the same types, so
element by element the bits are the same. The blocks are shared among the threads in parts that do
not depend on how many threads there are, and so does no result.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import copy_context
from functools import partial
from itertools import count
from math import prod
from typing import Any

import numpy as np

from gradsh.engine.blocks import THREADS, executor
from gradsh.engine.fusion.columns import reduce_columns
from gradsh.engine.fusion.plan import Constant, Place, Plan, Shape, as_cut, cut
from gradsh.engine.fusion.program import CAST, CHOICE, LATE, REDUCTION, TOTAL, Program, Value

Array = np.ndarray[Any, np.dtype[Any]]
_copyto: Any = np.copyto
_START: dict[Any, float] = {np.add: 0.0, np.maximum: -np.inf, np.minimum: np.inf}


def evaluate(program: Program, wanted: Sequence[Value]) -> None:
    """Give the wanted values their arrays."""
    needed = _needed(program, wanted)
    kept = {value.number for value in wanted}
    try:
        _run_blocks([value for value in needed if value.kind != LATE], wanted)
        for value in needed:
            if value.kind == LATE:
                value.real = _at_once(value)
    finally:
        for value in needed:
            if value.number not in kept:
                value.real = None


def _needed(program: Program, wanted: Sequence[Value]) -> list[Value]:
    """The values to compute for those wanted, in order."""
    needed: set[int] = set()
    stack = [value for value in wanted if value.real is None]
    while stack:
        value = stack.pop()
        if value.number in needed:
            continue
        needed.add(value.number)
        stack.extend(x for x in value.operands if type(x) is Value and x.real is None)
    return [program.values[number] for number in sorted(needed)]


def _at_once(value: Value) -> Array:
    """A value that is not cut into blocks."""
    arrays: list[Any] = [x.real if type(x) is Value else x for x in value.operands]
    options = dict(value.options)
    function: Any = value.function
    if value.kind == CAST:
        result = arrays[0].astype(value.dtype)
    elif value.kind == REDUCTION:
        result = function.reduce(arrays[0], options["axis"], keepdims=True)
    else:
        result = function(*arrays, **options)
    return np.asarray(result)


def _run_blocks(values: Sequence[Value], wanted: Sequence[Value]) -> None:
    if not values:
        return
    plan = cut(values, wanted)
    for value in plan.constant:
        value.real = _at_once(value)
    if not plan.steps:
        return
    totals = [
        [
            value.dtype.type(_START[value.function])
            if plan.cut_as_sum
            else np.full(shape, _START[value.function], value.dtype)
            for _ in (plan.blocks if plan.cut_as_sum else plan.parts)
        ]
        for value, shape, _ in plan.totals
    ]
    _share_out(plan, totals)
    for value, result in plan.results:
        value.real = result
    for (value, _, _), found in zip(plan.totals, totals, strict=True):
        if plan.cut_as_sum:
            combined = as_cut(value.function, plan.lengths[0], iter(found))
        else:
            combined = found[0]
            for more in found[1:]:
                combined = value.function(combined, more)  # type: ignore[misc]
        value.real = np.asarray(combined).reshape(value.shape)


def _share_out(plan: Plan, totals: list[list[Any]]) -> None:
    """Run all blocks, on as many threads as there are processors."""
    turn = count().__next__
    parts = plan.parts
    stopped: list[bool] = []

    def work() -> None:
        frame = _Frame(plan, totals)
        while not stopped:
            part = turn()
            if part >= len(parts):
                return
            for index in parts[part]:
                if stopped:
                    return
                frame.run(index, part)

    # numpy's treatment of floating-point errors belongs to the context, which a thread lacks
    helpers = [
        executor().submit(copy_context().run, work) for _ in range(min(THREADS, len(parts)) - 1)
    ]
    try:
        work()
    except BaseException:
        stopped.append(True)
        raise
    finally:
        for helper in helpers:
            helper.result()


class _Totals:
    """What one thread adds up, and the block that it is at."""

    def __init__(self, plan: Plan, found: Sequence[list[Any]]) -> None:
        self.plan = plan
        self.found = found
        self.index = self.part = 0
        self.place: Place = ()

    def add_up(self, value: Value, out: int, axes: tuple[int, ...], array: Any) -> None:
        """Add a block's reduction to those before it."""
        function: Any = value.function
        found, place = self.found[out], self.place
        if any(place[a].start for a in self.plan.totals[out].same):
            return  # the elements of an earlier block once more
        if self.plan.cut_as_sum:
            found[self.index] = function.reduce(array)
            return
        rows = _chosen(place, [a for a in range(len(place)) if a not in axes])
        target = found[self.part][rows]
        function(target, function.reduce(array, axes, keepdims=True), out=target)


class _Frame:
    """The buffers of one thread, and the calls bound to them for each shape of a block."""

    def __init__(self, plan: Plan, totals: Sequence[list[Any]]) -> None:
        self.plan = plan
        self.totals = _Totals(plan, totals)
        self.buffers = [np.empty(plan.largest, dtype) for dtype in plan.buffers]
        self.bound: dict[Shape, _Bound] = {}

    def run(self, index: int, part: int) -> None:
        """Compute one block."""
        plan, totals = self.plan, self.totals
        totals.index, totals.part = index, part
        totals.place = place = plan.blocks[index]
        shape = tuple([s.stop - s.start for s in place])
        bound = self.bound.get(shape)
        if bound is None:
            bound = self.bound[shape] = _Bound(plan, self.buffers, totals, shape)
        for (_, array, axes), uses in bound.cut:
            piece = array[place if axes is None else _chosen(place, axes)]
            for arguments, position in uses:
                arguments[position] = piece
        for function, given, named in bound.calls:
            function(*given, **named)


class _Bound:
    """The calls for blocks of one shape: each a function, its arguments and its named arguments.

    `cut` says where in them the pieces of the arrays go that are cut for each block.
    """

    def __init__(self, plan: Plan, buffers: Sequence[Array], totals: _Totals, shape: Shape) -> None:
        uses: dict[int, list[tuple[Any, Any]]] = {slot: [] for slot, _, _ in plan.sliced}
        arrays = _arrays(plan, buffers, shape)

        def place(slot: int, arguments: Any, position: Any) -> None:
            if slot in uses:
                uses[slot].append((arguments, position))
            else:
                arguments[position] = arrays[slot]

        self.calls: list[tuple[Any, list[Any], dict[str, Any]]] = []
        for value, operands, out, axes in plan.steps:
            function: Any = value.function
            given: list[Any] = [None] * len(operands)
            named: dict[str, Any] = {}
            for position, slot in enumerate(operands):
                place(slot, given, position)
            if value.kind == CAST:
                function, given = _copyto, [None, None, "unsafe"]
                place(out, given, 0)
                place(operands[0], given, 1)
            elif value.kind == CHOICE:
                first: list[Any] = [None, None, "unsafe"]
                place(out, first, 0)
                place(operands[2], first, 1)
                self.calls.append((_copyto, first, {}))
                function, given = _copyto, [None, None, "unsafe", None]
                place(out, given, 0)
                place(operands[1], given, 1)
                place(operands[0], given, 3)
            elif value.kind == TOTAL:
                function = partial(totals.add_up, value, out, axes)
            elif value.kind == REDUCTION:
                if plan.columns:
                    function = partial(reduce_columns, function, len(axes))
                else:
                    function, named = function.reduce, {"keepdims": True}
                    given.append(axes)
                place(out, named, "out")
            else:
                named.update(value.options)
                place(out, named, "out")
            self.calls.append((function, given, named))
        self.cut = [(entry, uses[entry[0]]) for entry in plan.sliced]


def _arrays(plan: Plan, buffers: Sequence[Array], shape: Shape) -> dict[int, Any]:
    """What lies in each place for blocks of a shape, but for what is cut for each block."""
    arrays: dict[int, Any] = {}
    for slot, array in plan.fixed:
        if type(array) is Constant:
            array = array.value.real.reshape(array.shape)  # type: ignore[union-attr]
        arrays[slot] = array
    for slot, buffer, lengths in plan.buffered:
        own = tuple([1 if n == 1 else m for n, m in zip(lengths, shape, strict=False)])
        own += lengths[len(shape) :]
        line = buffers[buffer][: prod(own)]
        arrays[slot] = line.reshape(own[::-1]).T if plan.columns else line.reshape(own)
    return arrays


def _chosen(place: Place, axes: Any) -> Place:
    """A place with only the given axes cut."""
    return tuple([s if a in axes else slice(None) for a, s in enumerate(place)])
