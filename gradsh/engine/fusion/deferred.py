"""Arrays that are not computed yet: what numpy is asked to do with them is recorded.

A `Deferred` has an array's shape and type, and takes part in numpy's calls through its protocols.
What works element by element, or along the last dimensions, becomes a value of the program; any
other function gets the array, computed now. So whatever is declared as an operation runs on
deferred arrays as it does on arrays, and the bodies and formulas are written once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from gradsh.engine.fusion import plan
from gradsh.engine.fusion.program import (
    CAST,
    CHOICE,
    LATE,
    LEAF,
    REDUCTION,
    TOTAL,
    UFUNC,
    Program,
    Value,
)
from gradsh.engine.lazy import Lazy

Array = np.ndarray[Any, np.dtype[Any]]
Shape = tuple[int, ...]

LARGE = 1 << 19
"""Elements from which on an array is deferred; smaller ones are operands as they are."""

_NUMBERS = (bool, int, float)
_KINDS = "biuf"
_COMBINED = (np.add, np.maximum, np.minimum)
"""Ufuncs whose reductions may be put together from those of blocks."""


_FLAGS = np.broadcast_to(np.float32(0), (2, 2)).flags


class Deferred(Lazy, NDArrayOperatorsMixin):
    """An array of a shape and type whose elements are a value of a program.

    `dropped` counts the dimensions of length one that the value has behind those of the array.
    """

    __slots__ = ("dropped", "dtype", "program", "shape", "value")

    def __init__(self, program: Program, value: Value, shape: Shape, dropped: int = 0) -> None:
        self.program = program
        self.value = value
        self.shape = shape
        self.dtype = value.dtype
        self.dropped = dropped

    @property
    def ndim(self) -> int:
        """How many dimensions it has."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many elements it has."""
        return prod(self.shape)

    @property
    def itemsize(self) -> int:
        """Bytes an element."""
        return self.dtype.itemsize

    @property
    def flags(self) -> Any:
        """Nothing can be written into it."""
        return _FLAGS

    @property
    def real(self) -> Deferred:
        """Itself: no deferred array is complex."""
        return self

    def compute(self) -> Array:
        """The array, computed now if it was not before."""
        from gradsh.engine.fusion.execution import evaluate  # which runs what is recorded here

        if self.value.real is None:
            evaluate(self.program, [self.value])
        return self.array_of_value()

    def array_of_value(self) -> Array:
        """The array, when its value is computed; repeated elements share memory."""
        array = self.own_array()
        return array if array.shape == self.shape else np.broadcast_to(array, self.shape)

    def own_array(self) -> Array:
        """The same without the repetition."""
        array = self.value.real
        assert array is not None
        if self.dropped and array.ndim >= self.dropped:
            array = array.reshape(array.shape[: array.ndim - self.dropped])
        return array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.compute(), dtype, copy=copy)

    def __bool__(self) -> bool:
        return bool(self.compute())

    def astype(self, dtype: Any, copy: bool = True) -> Deferred:
        """The same in another type."""
        dtype = np.dtype(dtype)
        if dtype is self.dtype:
            return self
        if dtype.kind not in _KINDS:
            raise NotImplementedError
        if self.value.late:
            return _late(lambda array: array.astype(dtype), (self,), {}, self.program)
        value = self.program.call(CAST, None, (self.value,), (), self.value.shape, dtype)
        return Deferred(self.program, value, self.shape, self.dropped)

    def reshape(self, *shape: Any) -> Any:
        """The same elements in another shape."""
        return np.reshape(self, shape[0] if len(shape) == 1 else shape)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **named: Any) -> Any:
        out = named.pop("out", None)
        if out is not None and type(out[0]) is not Deferred:
            return NotImplemented
        if method == "reduce":
            return _reduced(ufunc, *inputs, **named)
        if method != "__call__" or ufunc.signature is not None or ufunc.nout != 1:
            return _now(getattr(ufunc, method), inputs, named)
        return _pointwise(UFUNC, ufunc, inputs, named)

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], named: dict[str, Any]
    ) -> Any:
        handler = _HANDLERS.get(function)
        return _now(function, args, named) if handler is None else handler(*args, **named)


def _now(function: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """What `function` gives for the arrays themselves; a large result is deferred further."""
    program = next(x.program for x in _all_of(args, named) if type(x) is Deferred)
    result = function(*map(_computed, args), **{k: _computed(v) for k, v in named.items()})
    if isinstance(result, np.ndarray) and result.size >= LARGE and result.dtype.kind in _KINDS:
        return Deferred(program, program.leaf(result), result.shape)
    return result


def _all_of(args: tuple[Any, ...], named: dict[str, Any]) -> list[Any]:
    found: list[Any] = []
    for x in (*args, *named.values()):
        found.extend(x if isinstance(x, (tuple, list)) else (x,))
    return found


def _computed(x: Any) -> Any:
    if isinstance(x, (tuple, list)):
        return type(x)(map(_computed, x))
    return x.compute() if type(x) is Deferred else x


def _late(
    function: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any], program: Program
) -> Deferred:
    """A call on what is there only when all blocks are done."""
    samples = [np.ones(x.shape, x.dtype) if type(x) is Deferred else x for x in args]
    sample = np.asarray(function(*samples, **named))
    operands = tuple(
        [
            x.value if type(x) is Deferred else program.leaf(x) if isinstance(x, np.ndarray) else x
            for x in args
        ]
    )
    value = program.call(
        LATE, function, operands, tuple(sorted(named.items())), sample.shape, sample.dtype
    )
    return Deferred(program, value, sample.shape)


def _pointwise(kind: int, function: Any, inputs: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """A call that works element by element."""
    program = next(x.program for x in inputs if type(x) is Deferred)
    if any(key != "dtype" for key in named):
        return _now(function, inputs, named)
    late = [x for x in inputs if type(x) is Deferred and x.value.late]
    if late:
        if len(late) == sum(type(x) is Deferred for x in inputs) and all(
            type(x) is Deferred or type(x) in _NUMBERS or np.size(x) < LARGE for x in inputs
        ):
            return _late(function, inputs, named, program)
        for x in late:
            _settle(x)
    dropped: int | None = None
    for x in inputs:
        if type(x) is Deferred and x.value.kind != LEAF and x.size > 1:
            if dropped is not None and dropped != x.dropped:
                return _now(function, inputs, named)
            dropped = x.dropped
    operands: list[Any] = []
    shapes: list[Shape] = []
    own: list[Shape] = []
    for x in inputs:
        if type(x) in _NUMBERS:
            operands.append(x)
            continue
        if type(x) is Deferred:
            value = x.value
            if value.kind == LEAF:
                value = program.leaf(x.own_array(), dropped or 0)
            shapes.append(x.shape)
        else:
            if not isinstance(x, (np.ndarray, np.generic)) or x.dtype.kind not in _KINDS:
                return _now(function, inputs, named)
            value = program.leaf(np.asarray(x), dropped or 0)
            shapes.append(x.shape)
        operands.append(value)
        own.append(value.shape)
    dtype = _result_type(function, operands, named)
    if dtype.kind not in _KINDS:
        return _now(function, inputs, named)
    value = program.call(
        kind,
        function,
        tuple(operands),
        tuple(named.items()),
        _common(own),
        dtype,
    )
    return Deferred(program, value, _common(shapes), dropped or 0)


_TYPES: dict[Any, np.dtype[Any]] = {}
_MOST_TYPES = 1024


def _result_type(function: Any, operands: Sequence[Any], named: dict[str, Any]) -> np.dtype[Any]:
    """The type of a call's result, for which numpy is asked once."""
    key = (
        function,
        named.get("dtype"),
        *[x.dtype if type(x) is Value else (type(x), repr(x)) for x in operands],
        # a zero-dim array counts as any other: only Python numbers give way
    )
    found = _TYPES.get(key)
    if found is None:
        samples = [np.ones(1, x.dtype) if type(x) is Value else x for x in operands]
        found = np.dtype(function(*samples, **named).dtype)
        if len(_TYPES) >= _MOST_TYPES:
            _TYPES.clear()
        _TYPES[key] = found
    return found


def _common(shapes: Sequence[Shape]) -> Shape:
    """The shape that shapes broadcast to."""
    first, *others = shapes
    if all(shape == first or not shape for shape in others):
        return first
    return np.broadcast_shapes(*shapes)


def _settle(x: Deferred) -> None:
    """Make a late value one that blocks can be computed from."""
    x.value = x.program.leaf(np.ascontiguousarray(x.compute()).reshape(x.shape))


def _reduced(
    ufunc: np.ufunc,
    array: Any,
    axis: Any = 0,
    dtype: Any = None,
    keepdims: bool = False,
    **named: Any,
) -> Any:
    """A reduction: of the last dimensions within each block, of all or others over the blocks."""
    options = {"axis": axis, "dtype": dtype, "keepdims": keepdims, **named}
    if array.value.late:
        return _late(ufunc.reduce, (array,), options, array.program)
    ndim, value = array.ndim, array.value
    axes = range(ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    axes = sorted(a % ndim for a in axes)
    if value.kind == LEAF and array.dropped == 0:
        value = array.program.leaf(array.own_array())
    repeated = value.shape[: len(value.shape) - array.dropped] != array.shape
    result_dtype = np.dtype(dtype or ufunc.reduce(np.ones(1, array.dtype)).dtype)
    if (
        named
        or repeated
        or not array.size
        or ufunc not in _COMBINED
        or result_dtype is not array.dtype
        or array.dtype.kind != "f"
    ):
        return _now(ufunc.reduce, (array,), options)
    lengths = [1 if a in axes else n for a, n in enumerate(value.shape)]
    kept = len(axes) < ndim and axes == list(range(ndim - len(axes), ndim))
    if kept and prod(array.shape[a] for a in axes) <= plan.BLOCK:
        made = array.program.call(
            REDUCTION, ufunc, (value,), (("axis", tuple(axes)),), tuple(lengths), array.dtype
        )
        shape = tuple(lengths[:ndim]) if keepdims else array.shape[: ndim - len(axes)]
        return Deferred(array.program, made, shape, array.dropped + (0 if keepdims else len(axes)))
    shape = tuple(
        [1 if a in axes else n for a, n in enumerate(array.shape) if keepdims or a not in axes]
    )
    if array.dropped:
        if len(axes) < ndim:
            return _now(ufunc.reduce, (array,), options)
        axes = list(range(len(value.shape)))
    made = array.program.call(TOTAL, ufunc, (value,), (("axis", tuple(axes)),), shape, array.dtype)
    return Deferred(array.program, made, shape)


def _where(condition: Any, *choices: Any) -> Any:
    if len(choices) != 2:
        return _now(np.where, (condition, *choices), {})
    return _pointwise(CHOICE, np.where, (condition, *choices), {})


def _reshape(array: Deferred, shape: Any, *rest: Any, **named: Any) -> Any:
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if rest or named or -1 in shape:
        return _now(np.reshape, (array, shape, *rest), named)
    if array.value.late:
        return _late(_in_shape, (array, shape), {}, array.program)
    if shape == array.shape:
        return array
    size = array.ndim
    if prod(shape) == 1:
        value = array.program.leaf(array.compute().reshape(()))
        return Deferred(array.program, value, shape)
    own = array.value.shape
    if prod(own) == 1 and len(own) <= len(shape) and prod(shape) == array.size:
        return Deferred(array.program, array.value, shape)  # the same everywhere
    added = len(shape) - size
    if 0 < added <= array.dropped and shape == array.shape + (1,) * added:
        return Deferred(array.program, array.value, shape, array.dropped - added)
    if added < 0 and shape + (1,) * -added == array.shape:
        return Deferred(array.program, array.value, shape, array.dropped - added)
    return _now(np.reshape, (array, shape), {})


def _in_shape(array: Array, shape: Shape) -> Array:
    return array.reshape(shape)


def _squeeze(array: Deferred, axis: Any = None) -> Any:
    if axis is None:
        return _now(np.squeeze, (array,), {})
    axes = {a % array.ndim for a in ((axis,) if isinstance(axis, int) else axis)}
    return _reshape(array, tuple(n for a, n in enumerate(array.shape) if a not in axes))


def _broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    """The array repeated: only the shape grows, and on the left dimensions of length one."""
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if array.value.late:
        _settle(array)
    if array.dropped and len(shape) != array.ndim:
        return _now(np.broadcast_to, (array, shape), {})
    np.broadcast_shapes(array.shape, shape)
    return Deferred(array.program, array.value, shape, array.dropped)


def _filled(number: Any) -> Callable[..., Any]:
    def like(array: Deferred, dtype: Any = None, **named: Any) -> Any:
        storage = array.dtype if dtype is None else np.dtype(dtype)
        value = array.program.leaf(np.array(number, storage))
        return Deferred(array.program, value, array.shape, array.dropped)

    return like


_HANDLERS: dict[Any, Callable[..., Any]] = {
    np.where: _where,
    np.reshape: _reshape,
    np.squeeze: _squeeze,
    np.broadcast_to: _broadcast_to,
    np.zeros_like: _filled(0),
    np.ones_like: _filled(1),
    np.shape: lambda array: array.shape,
    np.ndim: lambda array: array.ndim,
    np.size: lambda array: array.size,
}
