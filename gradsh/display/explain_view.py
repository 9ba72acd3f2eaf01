"""The backward pass as a text: each node with its formula, the numbers, what arrives and leaves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from json import dumps
from operator import eq, ge, gt, le, lt, ne
from textwrap import wrap
from typing import Any

import numpy as np

from gradsh.display import json, values
from gradsh.display.graph_view import Names
from gradsh.display.summaries import array_text, is_small, plain_text, shape_text
from gradsh.engine.dtypes import FROM_NUMPY
from gradsh.engine.graph import Leaf, Node, Output
from gradsh.engine.op import Op
from gradsh.engine.recording import result_name
from gradsh.engine.steps import Arrival, Departure, Step
from gradsh.engine.symbols import Case, Derivative, derivative, first_sentence

STEPS = 60
"""An explanation shows at most so many steps between the output and the leaves."""

_WIDTH = 80
_IN_ROW = re.compile(r"(?<=[\dnfjse]), (?=[-\dntf][^=]*\])")
_INDENT = "   "


class Explanation:
    """The steps of one backward pass, with the names of variables.

    Of more steps than `limit` the first are kept, and all that end in a gradient. `differences`
    has, for each gradient, how far it is from what the backward pass itself gives. `has_hooks`
    says whether the pass called any.
    """

    def __init__(
        self, text: str, steps: Iterable[Step], names: Names, limit: int | None = None
    ) -> None:
        self.text = text
        self.names = names
        self.steps: list[Step] = []
        self.ends: list[Step] = []
        self.numbers: dict[Node, int] = {}
        self.left_out = 0
        self.differences: dict[Node, float] = {}
        self.has_hooks = False
        for step in steps:
            self.has_hooks |= step.hooked
            is_end = step.gradient is not None
            if is_end:
                self.ends.append(step)
            if step.node.is_leaf or isinstance(step.node, Output):
                continue
            if is_end and not step.departures:
                continue
            if limit is None or len(self.steps) < limit:
                self.steps.append(step)
                self.numbers[step.node] = len(self.steps)
            else:
                self.left_out += 1

    def name(self, node: Node, result: int | None = None) -> str:
        """The variable that holds a node's result, or what else to call it."""
        name = self.names.of(node, result)
        if name is None and node in self.numbers:
            name = f"step {self.numbers[node]}"
            if result is not None:
                name += f".{result_name(node, result)}"
        return name or (f"an unnamed {'leaf' if node.is_leaf else node.name}")


def explained(view: Explanation) -> str:
    """The whole explanation."""
    lines: list[str] = []
    notes: dict[str, str] = {}
    for step in view.steps:
        lines += _step(view, step, notes)
    return _joined([*lines, *_gradients(view), *_words(notes)])


def pages(view: Explanation) -> list[str]:
    """The same in parts: each step with the words it uses, then the gradients."""
    listed = []
    for step in view.steps:
        notes: dict[str, str] = {}
        lines = list(_step(view, step, notes))
        listed.append(_joined([*lines, *_words(notes)]))
    return [*listed, _joined(_gradients(view))]


def _step(view: Explanation, step: Step, notes: dict[str, str]) -> Iterator[str]:
    yield from _heading(view, step)
    if step.hooked:
        yield f"{_INDENT}after its hooks: g = {array_text(step.g)}"
    for departure in step.departures:
        yield from _departure(view, step.node, departure, notes)


def _gradients(view: Explanation) -> Iterator[str]:
    if view.left_out:
        yield f"... {view.left_out:,} more steps; `explain {view.text} step` shows all"
    for step in view.ends:
        yield from _end(view, step)


def _words(notes: dict[str, str]) -> Iterator[str]:
    """What the words in formulas mean."""
    for call, note in notes.items():
        yield f"{call}: {note}"


def _joined(lines: Iterable[str]) -> str:
    return "\n".join(piece for line in lines for piece in _fitted(line))


def _fitted(line: str) -> list[str]:
    """A line, and what does not fit on it on further ones; a row of a matrix stays together."""
    if len(line) <= _WIDTH:
        return [line]
    indent = len(line) - len(line.lstrip())
    further = " " * (indent + 2) if indent else _INDENT
    pieces = wrap(
        _IN_ROW.sub(",\N{NO-BREAK SPACE}", line),
        _WIDTH,
        subsequent_indent=further,
        break_long_words=False,
    )
    return [piece.replace("\N{NO-BREAK SPACE}", " ") for piece in pieces]


def _heading(view: Explanation, step: Step) -> Iterator[str]:
    """The node with its names, and what arrives at it."""
    node = step.node
    several = isinstance(step.g, list)
    names = view.names.all(node) or view.names.was(node)
    title = f"{view.numbers[node]}  {node.name if names is None else f'{names}, {node.name}'}"
    if several:
        given = [
            f"g.{result_name(node, index)} = {array_text(g)}"
            for index, g in enumerate(step.g)
            if g is not None
        ]
        yield from _wrapped(f"{title}: {given[0]}", given[1:])
    elif step.count > 1:
        yield from _sum(view, f"{title}: g", step)
    else:
        yield from _wrapped(f"{title}:", [f"g = {array_text(step.total)}"], joint=" ")


def _sum(view: Explanation, start: str, step: Step) -> Iterator[str]:
    """A sum of what arrives on several ways: the ways, and the sum."""
    yield f"{start} is the sum of what {step.count} paths bring,"
    parts = [_path(view, arrival) for arrival in step.arrivals]
    if step.count > len(parts):
        parts.append(f"{step.count - len(parts)} more")
    yield from _wrapped(f"{_INDENT}{parts[0]}", [f"+ {part}" for part in parts[1:]], joint=" ")
    yield f"{_INDENT}= {array_text(step.total)}"


def _path(view: Explanation, arrival: Arrival) -> str:
    where = ""
    if arrival.source is not None:
        number = view.numbers.get(arrival.source)
        where = f" ({'a later step' if number is None else f'step {number}'}"
        where += f", {arrival.operand})" if arrival.operand else ")"
    return f"{array_text(arrival.cotangent)}{where}"


def _departure(
    view: Explanation, node: Node, departure: Departure, notes: dict[str, str]
) -> Iterator[str]:
    """What goes to one input: the formula, the values in it, the result, what is summed away."""
    target = view.name(departure.target, departure.result)
    formula = _formula(node, departure, notes)
    start = f"{_INDENT}to {target}: {formula}"
    raw, cotangent = np.asarray(departure.raw), np.asarray(departure.cotangent)
    given = [f"{name} = {text}" for name, text in _given(departure)]
    result = f"= {array_text(raw)}"
    if given:
        yield from _wrapped(start, [f"with {given[0]}", *given[1:]])
        yield f"{_INDENT}  {result}"
    else:
        yield from _wrapped(start, [result], joint=" ")
    if raw.shape != cotangent.shape:
        verb = "summed over what was broadcast" if raw.size >= cotangent.size else "spread"
        change = f"{shape_text(raw.shape)} -> {shape_text(cotangent.shape)}"
        yield from _wrapped(
            f"{_INDENT}  {verb}, {change}:", [f"= {array_text(cotangent)}"], joint=" "
        )
    if raw.dtype is not cotangent.dtype:
        yield f"{_INDENT}  in the operand's type, {FROM_NUMPY[cotangent.dtype].name}"


def _formula(node: Node, departure: Departure, notes: dict[str, str]) -> str:
    op = node.op
    if not isinstance(op, Op) or departure.parameter is None:
        return first_sentence(type(op).__doc__)
    told = _read(op, departure.parameter)
    notes |= told.notes
    case = _case_that_holds(told, departure.values)
    return told.text if case is None else case.text


_COMPARE = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
_CONDITION = re.compile(r"(\w+) (==|!=|<|<=|>|>=) (-?[\d.]+)")


def _case_that_holds(told: Derivative, given: dict[str, Any]) -> Case | None:
    """The case that these numbers fall under; None if the conditions are more than comparisons."""
    for case in told.cases:
        holds = True
        for condition in (case.condition or "").split(" and ") if case.condition else ():
            parts = _CONDITION.fullmatch(condition)
            value = None if parts is None else given.get(parts[1])
            if parts is None or not isinstance(value, (int, float)):
                return None
            holds = holds and _COMPARE[parts[2]](value, float(parts[3]))
        if holds:
            return case
    return None


@cache
def _read(op: Op, parameter: str) -> Derivative:
    return derivative(op, parameter)


def _given(departure: Departure) -> Iterator[tuple[str, str]]:
    """The values that a formula asks for, as it calls them."""
    for name, value in departure.values.items():
        text = plain_text(value)
        if text is not None:
            base = name.removesuffix("_shape")
            yield (name if base == name else f"{base}.shape"), text


def _end(view: Explanation, step: Step) -> Iterator[str]:
    """A gradient that the pass was asked for."""
    name = view.name(*_key(step.node))
    start = f"gradient of {name}"
    if step.count > 1 and step.node.is_leaf:
        yield from _sum(view, f"{start}", step)
        if step.hooked:
            yield f"{_INDENT}after its hooks: {array_text(step.gradient)}"
    else:
        yield from _wrapped(f"{start}:", [f"{array_text(step.gradient)}"], joint=" ")
    before = step.node.box.value if isinstance(step.node, Leaf) else None
    if before is not None:
        yield from _wrapped(
            f"{_INDENT}`backward` adds it to what {name}.grad holds,",
            [array_text(before.array)],
            " ",
        )
    difference = view.differences.get(step.node)
    if difference == 0:
        yield f"{_INDENT}as `backward` gives it"
    elif difference is not None:
        yield f"{_INDENT}`backward` gives another: they differ by up to {difference:.3g}"


def _wrapped(start: str, parts: list[str], joint: str = ", ") -> Iterator[str]:
    """`start` and the parts, on further lines what does not fit on one."""
    line = start
    room = _WIDTH - len(joint.rstrip())  # another part may follow on the next line
    for part in parts:
        if len(line) + len(joint) + len(part) <= room:
            line += joint + part
        else:
            yield line + joint.rstrip()
            line = f"{_INDENT}  {part}"
    yield line


def _json(view: Explanation) -> Iterator[str]:
    listed = [_step_entry(view, step) for step in view.steps]
    gradients = [
        {
            "name": view.names.of(*_key(step.node)),
            "gradient": _data(step.gradient),
            "paths": step.count,
            "difference": view.differences.get(step.node),
        }
        for step in view.ends
    ]
    yield dumps({"steps": listed, "gradients": gradients})


def _key(node: Node) -> tuple[Node, int | None]:
    return (node.owner, node.index) if isinstance(node, Output) else (node, None)


def _step_entry(view: Explanation, step: Step) -> dict[str, Any]:
    g = [_data(each) for each in step.g] if isinstance(step.g, list) else _data(step.g)
    return {
        "id": view.numbers[step.node],
        "grad_fn": step.node.name,
        "name": view.names.all(step.node),
        "g": g,
        "paths": step.count,
        "sends": [
            {
                "operand": departure.operand,
                "to": view.numbers.get(departure.target),
                "name": view.names.of(departure.target, departure.result),
                "formula": _formula(step.node, departure, {}),
                "values": dict(_given(departure)),
                "cotangent": _data(departure.cotangent),
                "summed": np.shape(departure.raw) != np.shape(departure.cotangent),
            }
            for departure in step.departures
        ],
    }


def _data(array: Any) -> Any:
    """A small array's elements, a large one in words."""
    if array is None:
        return None
    array = np.asarray(array)
    if array.dtype.kind == "c" or not is_small(array) or not np.isfinite(array).all():
        return array_text(array)
    return array.tolist()


values.register(Explanation, explained)
json.register(Explanation, "explanation", _json)
