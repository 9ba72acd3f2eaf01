"""Cutting a program into blocks: which dimensions, how many rows a block, which buffers.

Dimensions along which all values go together are made one. The blocks run over the first of what
is left, and are small enough that a block's buffers stay in the cache. A line is cut as numpy's
pairwise sum cuts it, so that a sum over the blocks' sums has the bits of a sum over the line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, product
from math import prod
from typing import Any, NamedTuple

import numpy as np

from gradsh.engine.fusion.columns import SHORT
from gradsh.engine.fusion.program import CHOICE, REDUCTION, TOTAL, Value

Array = np.ndarray[Any, np.dtype[Any]]
Shape = tuple[int, ...]
Place = tuple[slice, ...]

BLOCK = 1 << 16
"""Elements of a block: a buffer of a quarter of a megabyte in float32. On the machine of
docs/performance.md smaller blocks show Python's time (2^14: half as much again), and larger ones
gain little and take more memory."""

_PARTS = 64
"""Most runs of blocks that are shared out; each adds up for itself."""

_LEVELLED = 8
"""numpy's pairwise sum halves at multiples of eight."""


class Step(NamedTuple):
    """One call within a block: `operands` and `out` are places in the list of arrays."""

    value: Value
    operands: tuple[int, ...]
    out: int
    axes: tuple[int, ...]


class Constant(NamedTuple):
    """A value that is computed before the blocks, and its shape there."""

    value: Value
    shape: Shape


class Total(NamedTuple):
    """A reduction over the blocks, the shape it is added up in, and the axes of the blocks along
    which its operand is the same: of those blocks only the first counts.
    """

    value: Value
    shape: Shape
    same: tuple[int, ...]


class Plan:
    """How to run some values of a program.

    `constant` values are the same for all blocks. `sliced` arrays (operands, and the results
    wanted) are cut for each block; `fixed` ones, with Python numbers among them, are not.
    With `columns` buffers have their rows' elements apart and the rows side by side.
    `buffers` has the types of the buffers, `buffered` which value is in which. `parts` are runs of
    blocks that one thread takes in turn.
    """

    def __init__(self) -> None:
        self.lengths: Shape = ()
        self.axis = 0
        self.blocks: list[Place] = []
        self.parts: list[range] = []
        self.constant: list[Value] = []
        self.steps: list[Step] = []
        self.slots: dict[Any, int] = {}
        self.fixed: list[tuple[int, Any]] = []
        self.sliced: list[tuple[int, Array, tuple[int, ...] | None]] = []
        self.buffers: list[np.dtype[Any]] = []
        self.buffered: list[tuple[int, int, Shape]] = []
        self.results: list[tuple[Value, Array]] = []
        self.totals: list[Total] = []
        self.largest = 0
        self.cut_as_sum = False
        self.columns = False


def cut(values: Sequence[Value], wanted: Sequence[Value]) -> Plan:
    """The plan for computing `values`, of which the `wanted` ones are kept."""
    plan = Plan()
    shapes = _Shapes(values)
    plan.lengths = shapes.lengths
    plan.axis = _block_axis(plan.lengths, shapes)
    for value in values:
        if value.kind != TOTAL and all(n == 1 for n in shapes.of(value)[: plan.axis + 1]):
            plan.constant.append(value)
    _cut_blocks(plan)
    plan.columns = _has_short_rows(plan, shapes, values)
    _make_steps(plan, shapes, values, wanted)
    return plan


class _Shapes:
    """The shapes of values with the dimensions that go together made one."""

    def __init__(self, values: Sequence[Value]) -> None:
        everything: dict[int, Value] = {}
        for value in values:
            if value.kind != TOTAL:
                everything[value.number] = value
            for x in value.operands:
                if type(x) is Value:
                    everything[x.number] = x
        rank = max(1, *(len(value.shape) for value in everything.values()))
        padded = {
            number: (1,) * (rank - len(value.shape)) + value.shape
            for number, value in everything.items()
        }
        full = np.broadcast_shapes(*set(padded.values()))
        reduced = [
            {a + rank - len(value.operands[0].shape) for a in dict(value.options)["axis"]}
            for value in values
            if value.kind in (REDUCTION, TOTAL)
        ]
        self.groups: list[list[int]] = []
        for axis in range(rank):
            if self.groups and self._together(
                self.groups[-1], axis, full, padded, reduced, everything
            ):
                self.groups[-1].append(axis)
            else:
                self.groups.append([axis])
        self.rank = rank
        self._of: dict[int, Shape] = {}
        self.lengths = tuple([prod(full[a] for a in group) for group in self.groups])

    @staticmethod
    def _together(
        group: list[int],
        axis: int,
        full: Shape,
        padded: dict[int, Shape],
        reduced: list[set[int]],
        everything: dict[int, Value],
    ) -> bool:
        """Whether `axis` goes with the axes of `group` in every value."""
        last = group[-1]
        if full[axis] == 1:
            return True
        wide = [a for a in group if full[a] != 1]
        if not wide:
            return True
        last = wide[-1]
        if any((last in axes) != (axis in axes) for axes in reduced):
            return False
        for number, shape in padded.items():
            if (shape[last] == 1) != (shape[axis] == 1):
                return False
            real = everything[number].real
            if real is not None and shape[axis] != 1:
                offset = len(shape) - real.ndim
                if real.strides[last - offset] != real.strides[axis - offset] * shape[axis]:
                    return False
        return True

    def of(self, value: Value) -> Shape:
        """A value's shape."""
        found = self._of.get(value.number)
        if found is None:
            shape = (1,) * (self.rank - len(value.shape)) + value.shape
            found = tuple([prod([shape[a] for a in group]) for group in self.groups])
            self._of[value.number] = found
        return found

    def axes_of(self, value: Value) -> tuple[int, ...]:
        """The axes over which a reduction goes."""
        offset = self.rank - len(value.operands[0].shape)
        axes = {a + offset for a in dict(value.options)["axis"]}
        return tuple(
            [
                index
                for index, group in enumerate(self.groups)
                if any(a in axes for a in group) and self.lengths[index] != 1
            ]
        )

    def first_reduced(self, values: Sequence[Value]) -> int:
        """The first axis that must not be cut."""
        found = [
            min(self.axes_of(value), default=len(self.groups))
            for value in values
            if value.kind == REDUCTION
        ]
        return min(found, default=len(self.groups))

    def array(self, value: Value, array: Array) -> Array:
        """The array of a value in its shape here."""
        return array.reshape(self.of(value))


def _block_axis(lengths: Shape, shapes: _Shapes) -> int:
    """The axis along which blocks are cut: what lies behind it fits into one."""
    axis = len(lengths) - 1
    while axis > 0 and prod(lengths[axis:]) <= BLOCK:
        axis -= 1
    return axis


def _halves(start: int, length: int, found: list[Place]) -> None:
    if length <= BLOCK:
        found.append((slice(start, start + length),))
        return
    half = length // 2
    half -= half % _LEVELLED
    _halves(start, half, found)
    _halves(start + half, length - half, found)


def as_cut(function: Any, length: int, totals: Iterator[Any]) -> Any:
    """The totals of a line's blocks put together as the line was cut."""
    if length <= BLOCK:
        return next(totals)
    half = length // 2
    half -= half % _LEVELLED
    left = as_cut(function, half, totals)
    return function(left, as_cut(function, length - half, totals))


def _cut_blocks(plan: Plan) -> None:
    lengths, axis = plan.lengths, plan.axis
    if len(lengths) == 1:
        _halves(0, lengths[0], plan.blocks)
        plan.cut_as_sum = True
    else:
        rows = max(1, BLOCK // max(1, prod(lengths[axis + 1 :])))
        chunks = [
            slice(start, min(start + rows, lengths[axis]))
            for start in range(0, lengths[axis], rows)
        ]
        outer = [[slice(i, i + 1) for i in range(n)] for n in lengths[:axis]]
        plan.blocks = list(product(*outer, chunks))
    plan.largest = max(prod(s.stop - s.start for s in block) for block in plan.blocks) * prod(
        lengths[axis + 1 :]
    )


def _has_short_rows(plan: Plan, shapes: _Shapes, values: Sequence[Value]) -> bool:
    """Whether rows are short, and all that is reduced within a block is a whole row."""
    behind = range(plan.axis + 1, len(plan.lengths))
    row = prod(plan.lengths[plan.axis + 1 :])
    return 1 < row <= SHORT and all(
        shapes.axes_of(value) == tuple(behind) for value in values if value.kind == REDUCTION
    )


def _make_steps(
    plan: Plan, shapes: _Shapes, values: Sequence[Value], wanted: Sequence[Value]
) -> None:
    constant = {value.number for value in plan.constant}
    kept = {value.number for value in wanted}
    steps = [value for value in values if value.number not in constant]
    last_use: dict[int, int] = {}
    for index, value in enumerate(steps):
        for x in value.operands:
            if type(x) is Value:
                last_use[x.number] = index
    free: dict[np.dtype[Any], list[int]] = {}
    held: dict[int, int] = {}
    kept_elements = 0
    for index, value in enumerate(steps):
        operands = tuple([_place(plan, shapes, x, constant) for x in _numbers_as_arrays(value)])
        shape = shapes.of(value) if value.kind != TOTAL else ()
        done = [
            x
            for position, x in enumerate(value.operands)
            if type(x) is Value
            and x.number in held
            and last_use[x.number] == index
            and x.number not in [y.number for y in value.operands[:position] if type(y) is Value]
        ]
        reusable = [] if value.kind == REDUCTION else done
        if value.kind == CHOICE:
            reusable = [x for x in done if x is value.operands[2] and x not in value.operands[:2]]
        for x in reusable:
            if shapes.of(x) == shape:
                free.setdefault(x.dtype, []).append(held.pop(x.number))
        out = len(plan.slots)
        plan.slots[value.number] = out
        if value.kind == TOTAL:
            axes = shapes.axes_of(value)
            operand = shapes.of(value.operands[0])
            total = tuple([1 if a in axes else n for a, n in enumerate(operand)])
            same = [a for a in range(plan.axis + 1) if operand[a] == 1 != plan.lengths[a]]
            plan.totals.append(Total(value, total, tuple(same)))
            kept_elements = max(kept_elements, prod(total))
            plan.steps.append(Step(value, operands, len(plan.totals) - 1, axes))
        else:
            axes = shapes.axes_of(value) if value.kind == REDUCTION else ()
            plan.steps.append(Step(value, operands, out, axes))
            if value.number in kept:
                result = np.empty(value.shape, value.dtype)
                plan.results.append((value, result))
                plan.sliced.append((out, shapes.array(value, result), _cut_axes(plan, shape)))
            else:
                pool = free.setdefault(value.dtype, [])
                if pool:
                    buffer = pool.pop()
                else:
                    buffer = len(plan.buffers)
                    plan.buffers.append(value.dtype)
                held[value.number] = buffer
                plan.buffered.append((out, buffer, shape))
        for x in done:
            if x.number in held:
                free.setdefault(x.dtype, []).append(held.pop(x.number))
    elements = prod(plan.lengths)
    count = min(_PARTS, len(plan.blocks), max(1, elements // (64 * max(1, kept_elements))))
    bounds = [len(plan.blocks) * i // count for i in range(count + 1)]
    plan.parts = [range(a, b) for a, b in pairwise(bounds)]


def _numbers_as_arrays(value: Value) -> Iterator[Any]:
    """The operands of a value; a number beside floats of one type is of that type."""
    types = {x.dtype for x in value.operands if type(x) is Value}
    dtype = types.pop() if len(types) == 1 else None
    for x in value.operands:
        if type(x) in (int, float) and dtype is not None and dtype.kind == "f":
            yield np.array(x, dtype)
        else:
            yield x


def _cut_axes(plan: Plan, shape: Shape) -> tuple[int, ...] | None:
    """The axes, of those that blocks are cut along, in which a value varies; None for all."""
    axes = tuple([a for a in range(plan.axis + 1) if shape[a] != 1 or plan.lengths[a] == 1])
    return None if len(axes) == plan.axis + 1 else axes


def _place(plan: Plan, shapes: _Shapes, x: Any, constant: set[int]) -> int:
    """The place of an operand in the list of arrays."""
    if type(x) is not Value:
        key: Any = (repr(x.item()), x.dtype) if type(x) is np.ndarray else (type(x), repr(x))
        if key not in plan.slots:
            plan.slots[key] = len(plan.slots)
            plan.fixed.append((plan.slots[key], x))
        return plan.slots[key]
    if x.number not in plan.slots:
        slot = plan.slots[x.number] = len(plan.slots)
        if x.number in constant:
            plan.fixed.append((slot, Constant(x, shapes.of(x))))
        else:
            assert x.real is not None
            shape = shapes.of(x)
            array = shapes.array(x, x.real)
            if all(n == 1 for n in shape[: plan.axis + 1]):
                plan.fixed.append((slot, array if array.size > 1 else array.reshape(())))
            else:
                plan.sliced.append((slot, array, _cut_axes(plan, shape)))
    return plan.slots[x.number]
