"""Appliers: what runs when a declared operation is called.

An applier takes the arrays out of the tensors, computes, and records a node if some operand has
one and the mode records. Called with arrays alone, as formulas call, it only computes. There is
one plain applier for each shape of signature: generic loops over operands would cost more than
the operations on small tensors themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradsh.engine.arguments import bind, needs_no_reading, operand, refuse
from gradsh.engine.dtypes import (
    CATEGORY,
    DEFAULTS,
    FLOAT,
    FROM_NUMPY,
    HALVES,
    NUMBER_CATEGORY,
    RANK_BESIDE_NUMBER,
    result_type,
)
from gradsh.engine.evidence import tell
from gradsh.engine.graph import Node, Output, next_sequence_number
from gradsh.engine.lazy import Lazy
from gradsh.engine.modes import GRAD_MODE, RUNNING
from gradsh.engine.notices import grown
from gradsh.engine.op import Op, expected_versions, saved_output
from gradsh.engine.scalars import kept_beside, number_array, number_constant, number_tensor
from gradsh.engine.tensor import Tensor, Version, new_tensor
from gradsh.engine.views import MANY, link_view, shares_storage

ndarray = np.ndarray
_SINGLE = np.dtype(np.float32)
_KEPT, _KEPT_EXACT = kept_beside(CATEGORY), kept_beside(RANK_BESIDE_NUMBER)


def applier(op: Op) -> Any:
    """The function that a user and the formulas call for `op`."""
    pointwise = op.kind == "pointwise"
    bare = not op.annotations and not op.saved_plain
    if pointwise and bare and len(op.parameters) == 1:
        return _unary(op)
    if _is_binary(op):
        return _binary(op)
    if op.operands == (0,) and "Operands" not in op.annotations.values() and not op.optional:
        return _one(op)
    if pointwise:
        return _promoting(op)
    if op.operands == (0, 1) and len(op.parameters) == 2 and not op.optional:
        return _two(op)
    return _variadic(op)


def operator(op: Op) -> Any:
    """`op` as a Python operator, which leaves what is no operand to Python to refuse."""
    return _binary(op, as_operator=True) if _is_binary(op) else None


def without_numbers(op: Op, numbers: str) -> Any:
    """What a user calls of an operation that PyTorch gives no numbers: formulas still may."""
    inner = op.call
    first, *rest = op.parameters
    second_too = numbers == "none"

    def call(input: Any, *others: Any, **named: Any) -> Any:
        if type(input) in NUMBER_CATEGORY:
            raise refuse(op.name, first, 1, "Tensor", input)
        if second_too:
            for position, name in enumerate(rest):
                value = others[position] if position < len(others) else named.get(name)
                if type(value) in NUMBER_CATEGORY and op.annotations.get(name, "Operand") == (
                    "Operand"
                ):
                    raise refuse(op.name, name, position + 2, "Tensor", value)
        return inner(input, *others, **named)

    call.__name__ = call.__qualname__ = op.name
    call.__doc__ = op.doc
    result: Any = _renamed(call, (first,))
    result.op = op
    return result


def _is_binary(op: Op) -> bool:
    bare = not op.annotations and not op.saved_plain and not op.saves_out
    return op.kind == "pointwise" and bare and len(op.parameters) == 2


def broadcast_error(a: tuple[int, ...], b: tuple[int, ...]) -> RuntimeError:
    """PyTorch's error for shapes that do not broadcast."""
    for back in range(1, min(len(a), len(b)) + 1):
        if a[-back] != b[-back] and 1 not in (a[-back], b[-back]):
            error = RuntimeError(
                f"The size of tensor a ({a[-back]}) must match the size of tensor b ({b[-back]}) "
                f"at non-singleton dimension {max(len(a), len(b)) - back}"
            )
            tell(error, shapes=[a, b])
            return error
    return RuntimeError(f"shapes {list(a)} and {list(b)} do not broadcast")


def check_broadcast(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The common shape, found one after the other; PyTorch's RuntimeError where there is none."""
    common: tuple[int, ...] = ()
    for shape in shapes:
        try:
            common = np.broadcast_shapes(common, shape)
        except ValueError:
            raise broadcast_error(common, shape) from None
    return common


def _renamed(call: Any, names: tuple[str, ...]) -> Any:
    """`call` with its positional parameters named as the declaration names them."""
    code = call.__code__
    given = dict(zip(code.co_varnames, names, strict=False))
    call.__code__ = code.replace(
        co_varnames=names + code.co_varnames[len(names) :],
        # what an inner function uses too is listed a second time
        co_cellvars=tuple(given.get(name, name) for name in code.co_cellvars),
    )
    return call


def _laid_out(result: Any, array: Any) -> Any:
    """`result`, made from `array`, with its dimensions in the order that PyTorch gives them.

    A dimension along which an expanded array repeats stays where it is; `astype` moves it inwards.
    """
    if result.flags.c_contiguous or 0 not in array.strides or 0 in result.strides:
        return result
    ordered = np.empty_like(np.not_equal(array, array), result.dtype)
    ordered[...] = result
    return ordered


def _unary(op: Op) -> Any:
    compute = op.compute
    promotes = op.result == "float"
    differentiable = bool(op.formulas)
    (parameter,) = op.parameters

    def call(input: Any) -> Any:
        if type(input) is not Tensor:
            if type(input) not in NUMBER_CATEGORY and hasattr(input, "dtype"):
                return compute(input)
            input = bind(op, (input,), {})[0]
        array = input.array
        if promotes and CATEGORY[array.dtype] < FLOAT:
            array = array.astype(DEFAULTS.floating.numpy)
        result = compute(array)
        if type(result) is not ndarray:
            if not isinstance(result, Lazy):
                result = np.asarray(result)
        elif input.array.base is not None:
            result = _laid_out(result, input.array)
        out = Tensor()
        out.array = result
        parent = input.node
        if parent is not None and differentiable and GRAD_MODE.recording:
            node = out.node = Node()
            node.op = op
            node.seq = next_sequence_number()
            node.place = RUNNING.place
            node.parents = (parent,)
            if saves_out:
                twin = Tensor()
                twin.array = result
                twin.version = out.version = Version()
                node.saved = (input, twin) if saves_input else (twin,)
            elif saves_input:
                node.saved = (input,)
            if saves_input and input.version is not None:
                node.expected = expected_versions(node.saved)
        return out

    saves_input = parameter in op.saved_tensors
    saves_out = op.saves_out
    if op.saved_tensors == ("out", parameter):
        op.order_saved((parameter, "out"))
    return _renamed(call, op.parameters)


def _binary(op: Op, as_operator: bool = False) -> Any:
    """Two operands. As an operator it leaves what is no operand to Python to refuse."""
    compute = op.compute
    differentiable = bool(op.formulas)
    to_float = op.result == "float"
    first, second = op.parameters
    saves = bool(op.saved_tensors)
    rank = RANK_BESIDE_NUMBER if op.exact_number else CATEGORY
    kept = _KEPT_EXACT if op.exact_number else _KEPT
    if saves:
        op.order_saved((first, second))
    p_wants_first, p_wants_second = (name in op.wants.get(first, ()) for name in (first, second))
    q_wants_first, q_wants_second = (name in op.wants.get(second, ()) for name in (first, second))

    def call_otherwise(input: Any, other: Any) -> Any:
        """Everything but a tensor beside a tensor or a number."""
        kinds = type(input), type(other)
        if Tensor in kinds:
            array = other if kinds[0] is Tensor else input
            if hasattr(array, "dtype"):
                return call(
                    *(x if type(x) is Tensor else constant_tensor(x) for x in (input, other))
                )
        elif kinds[0] in NUMBER_CATEGORY and kinds[1] in NUMBER_CATEGORY:
            return call(number_tensor(input), other)
        elif hasattr(input, "dtype") or hasattr(other, "dtype"):
            return compute(input, other)
        return NotImplemented if as_operator else bind(op, (input, other), {})

    def call(input: Any, other: Any) -> Any:
        with_number = False
        if type(input) is Tensor:
            a = input.array
            p = input.node
            if type(other) is Tensor:
                b = other.array
                q = other.node
                alike = a.dtype is b.dtype
            else:
                try:
                    b = kept[type(other)][a.dtype][other]
                    alike = True
                except KeyError:
                    if type(other) not in NUMBER_CATEGORY:
                        return call_otherwise(input, other)
                    alike = NUMBER_CATEGORY[type(other)] <= rank[a.dtype]
                    if alike:
                        b = number_array(other, a.dtype)
                with_number = True
                q = None
        elif type(other) is Tensor and type(input) in NUMBER_CATEGORY:
            b = other.array
            try:
                a = _KEPT[type(input)][b.dtype][input]
                alike = True
            except KeyError:
                alike = NUMBER_CATEGORY[type(input)] <= CATEGORY[b.dtype]
                if alike:
                    a = number_array(input, b.dtype)
            with_number = True
            q = other.node
            p = None
        else:
            return call_otherwise(input, other)
        promoted = not alike or (to_float and CATEGORY[a.dtype] < FLOAT)
        if promoted:
            a, b = _promoted(op, input, other)
        try:
            result = compute(a, b)
        except ValueError:
            raise broadcast_error(a.shape, b.shape) from None
        except NotImplementedError:
            check_broadcast(a.shape, b.shape)  # PyTorch looks at the shapes first
            raise
        if type(result) is not ndarray and not isinstance(result, Lazy):
            result = np.asarray(result)
        widened = promoted and a.dtype in HALVES and b.dtype not in HALVES
        if widened:
            result = result.astype(a.dtype)
        out = Tensor()
        out.array = result
        out.node = None  # read faster than the class's
        if (p is not None or q is not None) and differentiable and GRAD_MODE.recording:
            node = out.node = Node()
            node.op = op
            node.seq = next_sequence_number()
            node.place = RUNNING.place
            node.parents = (p, q)
            if saves:
                # Only what the wanted formulas ask for: a constant's formula is never called.
                left = right = None
                if (p is not None and p_wants_first) or (q is not None and q_wants_first):
                    left = input if type(input) is Tensor else number_constant(a)
                if (p is not None and p_wants_second) or (q is not None and q_wants_second):
                    right = other if type(other) is Tensor else number_constant(b)
                node.saved = (left, right)
                if (left is not None and left.version is not None) or (
                    right is not None and right.version is not None
                ):
                    node.expected = expected_versions(node.saved)
            if promoted or (not with_number and a.shape != b.shape):
                node.fit = _fit_two(input, other, result, widened)
        return out

    return _renamed(call, op.parameters)


def constant_tensor(value: Any) -> Tensor:
    """A tensor over an array that a formula computed with."""
    return new_tensor(np.asarray(value))


def _promoted(op: Op, *operands: Any) -> list[Any]:
    """The operands' arrays in their common type (a floating one if the operation needs it)."""
    common = result_type(
        (FROM_NUMPY[x.array.dtype], x.array.ndim == 0) if type(x) is Tensor else (type(x), True)
        for x in operands
    )
    if op.result == "float" and common.category < FLOAT:
        common = DEFAULTS.floating
    dtype = common.numpy
    if op.exact_number and dtype in HALVES:
        first, second = operands
        if type(second) is not Tensor or (not second.array.ndim and second.array.dtype != dtype):
            number = second.array if type(second) is Tensor else number_array(second, _SINGLE)
            return [_in(first, dtype), number.astype(_SINGLE, copy=False)]
    return [_in(x, dtype) for x in operands]


def _in(operand: Any, dtype: np.dtype[Any]) -> Any:
    """The array of an operand in type `dtype`."""
    if type(operand) is Tensor:
        return operand.array.astype(dtype, copy=False)
    return number_array(operand, dtype)


def _fit_two(input: Any, other: Any, result: Any, widened: bool) -> tuple[Any, Any]:
    """`_fit_entries` for two operands: broadcasting small tensors is frequent."""
    shape, dtype = result.shape, result.dtype
    a = input.array if type(input) is Tensor else None
    b = other.array if type(other) is Tensor else None
    mixed = (
        widened
        or (a is not None and a.dtype is not dtype)
        or (b is not None and b.dtype is not dtype)
    )
    first = (a.shape, a.dtype) if a is not None and (mixed or a.shape != shape) else None
    second = (b.shape, b.dtype) if b is not None and (mixed or b.shape != shape) else None
    if first is not None and second is not None:
        grown(first[0], second[0], shape)
    return first, second


def _fit_entries(operands: Sequence[Any], result: Any, widened: bool = False) -> tuple[Any, ...]:
    """For each operand the shape and dtype its cotangent must have, None where it has them.

    Among operands of several types (or `widened` to single) none has: numpy's arithmetic on what
    a formula saved may widen a cotangent that PyTorch's promotion would leave as it is.
    """
    dtype = result.dtype
    mixed = widened or any(type(x) is Tensor and x.array.dtype is not dtype for x in operands)
    return tuple(
        (x.array.shape, x.array.dtype)
        if type(x) is Tensor and (mixed or x.array.shape != result.shape)
        else None
        for x in operands
    )


def _one(op: Op) -> Any:
    """One operand and other arguments."""
    compute = op.compute
    promotes = op.kind == "pointwise" and op.result == "float"
    readers, names, defaults = op.readers[1:], op.parameters[1:], op.defaults
    most = op.positional - 1
    preset = tuple(defaults[name] for name in names) if all(n in defaults for n in names) else None
    gathers = op.gathers and most == 1
    differentiable = bool(op.formulas)
    parameter = op.parameters[0]
    # where each saved plain value comes from: -1 is the operand's shape
    sources = [names.index(name) if name in names else -1 for name in op.saved_plain]
    saves = op.saved_tensors
    as_they_are: dict[
        tuple[type, ...], bool
    ] = {}  # whether arguments of these types need no reading

    def call(input: Any, *rest: Any, **named: Any) -> Any:
        if type(input) is not Tensor:
            if type(input) not in NUMBER_CATEGORY and hasattr(input, "dtype"):
                return op.forward(input, *rest, **named)
            input = operand(input, op.name, parameter, 1)
        values: Sequence[Any]
        if gathers and len(rest) > 1:
            rest = (rest,)
        if named or len(rest) > most or (preset is None and len(rest) < len(names)):
            values = bind(op, (input, *rest), named)[1:]
        elif rest:
            given: Sequence[Any] = rest
            kinds = tuple(map(type, rest))
            if not as_they_are.get(kinds):
                given = [
                    reader(value, op.name, name, position)
                    for position, (value, reader, name) in enumerate(
                        zip(rest, readers, names, strict=False), 2
                    )
                ]
                if kinds not in as_they_are:
                    as_they_are[kinds] = needs_no_reading(op, names, kinds)
            values = given if preset is None else (*given, *preset[len(rest) :])
        else:
            values = preset or ()
        array = input.array
        if promotes and CATEGORY[array.dtype] < FLOAT:
            array = array.astype(DEFAULTS.floating.numpy)
        result = compute(array, *values)
        parent = input.node
        records = parent is not None and differentiable and GRAD_MODE.recording
        if type(result) is not ndarray:
            if isinstance(result, (tuple, list)):
                return _several(op, result, (input, *values), (input,), (parent,), records)
            if not isinstance(result, Lazy):
                result = np.asarray(result)
        out = Tensor()
        out.array = result
        if op.view and type(result) is ndarray and shares_storage(result, array):
            link_view(out, input)
        if records and CATEGORY[result.dtype] >= FLOAT:
            node = out.node = Node()
            node.op = op
            node.seq = next_sequence_number()
            node.place = RUNNING.place
            node.parents = (parent,)
            if saves:
                node.saved = tuple(
                    [input if name == parameter else saved_output(out) for name in saves]
                )
                node.expected = expected_versions(node.saved)
            if sources:
                node.context = tuple(
                    [array.shape if source < 0 else values[source] for source in sources]
                )
            if result.dtype is not input.array.dtype:
                node.fit = ((array.shape, input.array.dtype),)
        return out

    return _renamed(call, (parameter,))


def _two(op: Op) -> Any:
    """Two operands that do not broadcast, as a matrix product's."""
    compute = op.compute
    first, second = op.parameters
    saves = op.saved_tensors
    plain = op.saved_plain
    in_order = not op.saves_out
    if in_order and saves:
        op.order_saved((first, second))
    p_wants_first, p_wants_second = (name in op.wants.get(first, ()) for name in (first, second))
    q_wants_first, q_wants_second = (name in op.wants.get(second, ()) for name in (first, second))

    def call(input: Any, other: Any) -> Any:
        if type(input) is not Tensor or type(other) is not Tensor:
            if _is_raw(input, False) and _is_raw(other, False):
                return compute(input, other)
            input, other = (
                x if type(x) is Tensor else constant_tensor(x) for x in bind(op, (input, other), {})
            )
        result = compute(input.array, other.array)
        if type(result) is not ndarray and not isinstance(result, Lazy):
            result = np.asarray(result)
        out = Tensor()
        out.array = result
        p, q = input.node, other.node
        if (p is not None or q is not None) and GRAD_MODE.recording and op.formulas:
            node = out.node = Node()
            node.op = op
            node.seq = next_sequence_number()
            node.place = RUNNING.place
            node.parents = (p, q)
            if not in_order:
                node.saved = _saved_of_two(op, input, other, out)
            elif saves:
                left = right = None
                if (p is not None and p_wants_first) or (q is not None and q_wants_first):
                    left = input
                if (p is not None and p_wants_second) or (q is not None and q_wants_second):
                    right = other
                node.saved = (left, right)
            node.expected = expected_versions(node.saved)
            if plain:
                operands = {first: input, second: other}
                node.context = tuple(
                    [operands[name.removesuffix("_shape")].array.shape for name in plain]
                )
        return out

    return _renamed(call, op.parameters)


def _saved_of_two(op: Op, input: Tensor, other: Tensor, out: Tensor) -> tuple[Tensor | None, ...]:
    """What a node with two operands keeps where its formulas ask for the result too."""
    operands = dict(zip(op.parameters, (input, other), strict=True))
    wanted = [
        name
        for parameter, x in operands.items()
        if x.node is not None
        for name in op.wants.get(parameter, ())
    ]
    return tuple(
        [
            None
            if name not in wanted
            else operands[name]
            if name in operands
            else saved_output(out)
            for name in op.saved_tensors
        ]
    )


def _promoting(op: Op) -> Any:
    """Pointwise operations with other arguments, or more than two operands."""
    positions = op.operands

    def call(*args: Any, **kwargs: Any) -> Any:
        if any(hasattr(x, "dtype") for x in args) and not any(type(x) is Tensor for x in args):
            return op.forward(*args, **kwargs)
        values = bind(op, args, kwargs)
        operands = [values[position] for position in positions]
        operands = [x if x is None or type(x) is Tensor else constant_tensor(x) for x in operands]
        for index, (position, x) in enumerate(zip(positions, args, strict=False)):
            if position == index and type(x) in NUMBER_CATEGORY:
                operands[index] = x
        arrays = list(values)
        promotable = [
            position
            for position, x in zip(positions, operands, strict=True)
            if x is not None and op.parameters[position] not in op.unpromoted
        ]
        given = dict(zip(positions, operands, strict=True))
        for position, x in given.items():
            arrays[position] = x.array if type(x) is Tensor else x
        promoted = (
            _promoted(op, *(given[position] for position in promotable)) if promotable else []
        )
        arrays_of = zip(promotable, promoted, strict=True)
        for position, array in arrays_of:
            arrays[position] = array
        try:
            result = op.compute(*arrays)
        except ValueError as error:
            if "broadcast" in str(error):
                check_broadcast(*(np.shape(arrays[p]) for p in positions if arrays[p] is not None))
            raise
        if not isinstance(result, Lazy):
            result = np.asarray(result)
        if op.exact_number and promoted[0].dtype in HALVES:
            result = result.astype(promoted[0].dtype, copy=False)
        return _recorded(op, values, operands, new_tensor(result))

    return call


def _recorded(op: Op, values: Sequence[Any], operands: Sequence[Any], out: Tensor) -> Tensor:
    """`out`, with a node if some operand has one and the mode records."""
    parents = tuple(x.node if type(x) is Tensor else None for x in operands)
    if op.formulas and GRAD_MODE.recording and any(parent is not None for parent in parents):
        named = {
            op.parameters[position]: x if x is None or type(x) is Tensor else number_tensor(x)
            for position, x in zip(op.operands, operands, strict=True)
        }
        node = out.node = op.record((out,), parents, named, values)
        entries = _fit_entries(operands, out.array)
        if any(entries):
            node.fit = entries
    return out


def _variadic(op: Op) -> Any:
    """Operations whose body decides shape and type; several results become several tensors."""
    positions = op.operands
    sequence = "Operands" in op.annotations.values()
    many = len(positions)

    def call(*args: Any, **kwargs: Any) -> Any:
        if sequence and args and type(args[0]) is Tensor:
            count = next((i for i, x in enumerate(args) if type(x) is not Tensor), len(args))
            args = (list(args[:count]), *args[count:])
        if args and _is_raw(args[0], sequence):
            return op.forward(*args, **kwargs)
        values = bind(op, args, kwargs)
        if sequence:
            operands = values[positions[0]]
        elif many == 1:
            operands = (values[positions[0]],)
        else:
            operands = tuple(values[position] for position in positions)
        operands = [x if x is None or type(x) is Tensor else constant_tensor(x) for x in operands]
        arrays = list(values)
        if sequence:
            arrays[positions[0]] = [x.array for x in operands]
        else:
            for position, x in zip(positions, operands, strict=True):
                arrays[position] = None if x is None else x.array
        result = op.compute(*arrays)
        parents = tuple(None if x is None else x.node for x in operands)
        records = (
            GRAD_MODE.recording
            and bool(op.formulas)
            and any(parent is not None for parent in parents)
        )
        if isinstance(result, (tuple, list)):
            return _several(op, result, values, operands, parents, records)
        if type(result) is not ndarray and not isinstance(result, Lazy):
            result = np.asarray(result)
        out = new_tensor(result)
        if op.view and type(result) is ndarray and shares_storage(result, operands[0].array):
            link_view(out, operands[0])
        if records and CATEGORY[result.dtype] >= FLOAT:
            named = (
                {op.parameters[positions[0]]: operands}
                if sequence
                else dict(zip((op.parameters[p] for p in positions), operands, strict=True))
            )
            node = out.node = op.record((out,), parents, named, values)
            if any(x is not None and x.array.dtype is not result.dtype for x in operands):
                node.fit = tuple(
                    None if x is None else (x.array.shape, x.array.dtype) for x in operands
                )
        return out

    return call


def _is_raw(first: Any, sequence: bool) -> bool:
    """Whether a call computes with arrays, as formulas do; such a call is not read or recorded."""
    if sequence:
        return (
            bool(first)
            and isinstance(first, list)
            and all(isinstance(x, (ndarray, np.generic)) for x in first)
        )
    return (
        type(first) is not Tensor and type(first) not in NUMBER_CATEGORY and hasattr(first, "dtype")
    )


def _several(
    op: Op,
    results: Sequence[Any],
    values: Sequence[Any],
    operands: Sequence[Any],
    parents: tuple[Node | None, ...],
    records: bool,
) -> Any:
    """Tensors of several results; in the graph one node, and an `Output` for each result."""
    outs = [new_tensor(np.asarray(result)) for result in results]
    if op.view:
        for out in outs:
            link_view(out, operands[0])
            if out.restricted is None:
                out.restricted = MANY
    if records:
        named = dict(zip((op.parameters[p] for p in op.operands), operands, strict=True))
        owner = op.record(outs, parents, named, values)
        for index, out in enumerate(outs):
            if CATEGORY[out.array.dtype] >= FLOAT:
                out.node = Output(owner, index, len(outs))
    kind: Any = type(results)
    return kind(*outs) if hasattr(kind, "_fields") else kind(outs)
