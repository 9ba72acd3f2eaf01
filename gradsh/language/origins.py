"""Where in a program something came from: what `modes.RUNNING` told, as a place in the text.

What is told is a unit, a mark (`gradsh.language.marks`), or a moment. It names a statement; which
part of the statement recorded an operation is found by the operation's name and its inputs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

from gradsh.language.blocks import Shown
from gradsh.language.builder import Builder
from gradsh.language.diagnostics import MAXIMUM_LINE_SHOWN, Related, operator_between, place_at
from gradsh.language.expressions import GuardedOperation, ListLiteral
from gradsh.language.faults import Fault
from gradsh.language.parser import Parser
from gradsh.language.units import Unit, written_under

Trace = tuple[str, tuple[Any, ...]]
"""An operation's name, and for each input the same, or None where another statement made it."""

_MOST_TEXT: Final = 4000
"""A longer statement is not looked into."""

_OPERATORS: Final[dict[type[ast.AST], tuple[str, ...]]] = {
    ast.Add: ("add",),
    ast.Sub: ("sub", "rsub"),
    ast.Mult: ("mul",),
    ast.Div: ("div", "reciprocal"),
    ast.FloorDiv: ("floor_divide",),
    ast.Mod: ("remainder",),
    ast.Pow: ("pow",),
    ast.MatMult: ("mm", "mv", "dot", "bmm", "matmul", "addmm", "unsafe_view"),
    ast.BitAnd: ("bitwise_and",),
    ast.BitOr: ("bitwise_or",),
    ast.USub: ("neg",),
}
_ATTRIBUTES: Final = {
    "T": ("permute", "t", "transpose"),
    "mT": ("transpose",),
    "H": ("permute", "transpose", "conj"),
    "mH": ("transpose", "conj"),
}
_INDEXING: Final = ("select", "slice", "index", "unsqueeze", "alias", "CopySlices", "put")
_OTHERWISE: Final = {
    "norm": ("vector_norm", "matrix_norm"),
    "cross_entropy": ("nll_loss", "log_softmax"),
    "reshape": ("view", "unsafe_view", "clone"),
    "flatten": ("view", "reshape"),
    "float": ("cast",),
    "double": ("cast",),
    "to": ("cast",),
    "matmul": _OPERATORS[ast.MatMult],
    "linear": ("addmm", "mm", "add"),
    "t": ("permute", "transpose"),
}
"""What functions record whose operations have other names."""


class Spot(NamedTuple):
    """A place in a program: the columns count from 1, `end` is the one after the last character.

    `operator` are the columns of the operator, if it is an operation between two operands. `name`
    is the variable that was bound to what was made there, and `text` how it is written.
    """

    source: str
    line: int
    column: int
    end: int
    source_line: str
    operator: tuple[int, int] | None
    name: str | None
    text: str

    def related(self, what: str) -> Related:
        """The place as one that an error shows too, with what it has to do with the error."""
        return Related(
            what,
            self.source,
            self.line,
            self.column,
            self.end,
            self.source_line,
            self.operator,
        )


class Statement:
    """A statement of a program as text and tree, and where it stands.

    `trees` are its statements, whose places count from the text's first line, `line`, and in that
    line from `column`, 0 being the line's start.
    """

    def __init__(self, source: str, line: int, column: int, text: str, lines: str) -> None:
        self.source = source
        self.line = line
        self.column = column
        self.text = text
        self.lines = lines.split("\n")
        self.trees = parsed(text)

    def spot(self, part: ast.AST | None = None, name: str | None = None) -> Spot:
        """The place of a part of it, or of the whole."""
        if part is None and len(self.trees) == 1 and isinstance(self.trees[0], ast.AugAssign):
            part = self.trees[0]
        if part is None:
            first, *rest = self.text.split("\n")
            return self._spot(1, 0, None if rest else len(first), None, name)
        located: Any = part
        end = located.end_col_offset if located.end_lineno == located.lineno else None
        return self._spot(located.lineno, located.col_offset, end, part, name)

    def _spot(
        self, line: int, column: int, end: int | None, part: ast.AST | None, name: str | None
    ) -> Spot:
        shift = self.column if line == 1 else 0
        number = line - 1
        whole = self.lines[number] if number < len(self.lines) else ""
        first = column + shift
        last = len(whole.rstrip()) if end is None else end + shift
        operator = None
        if part is not None and end is not None:
            found = operator_between(part, self.text.split("\n")[number])
            operator = None if found is None else (found[0] + shift, found[1] + shift)
        return Spot(
            self.source,
            self.line + number,
            first + 1,
            max(last, first + 1) + 1,
            whole,
            operator,
            name,
            whole[first:last],
        )


def parsed(text: str) -> list[ast.stmt]:
    """The trees of a statement's text; none where that is too long or not whole."""
    if len(text) > _MOST_TEXT:
        return []
    builder = Builder(lambda: text)
    parser = Parser(builder)
    try:
        if parser.run(text + "\n", 0, len(text) + 1) < 0:
            return []
        trees: list[ast.stmt] = builder.settled(parser.value)
    except Fault:
        return []
    return trees


def statement_at(place: object) -> Statement | None:
    """The statement that a place tells, None for what is no place."""
    if isinstance(place, Unit):
        return Statement(place.source, place.line, place.column - 1, place.text, place.lines)
    if not isinstance(place, tuple) or not place or not isinstance(place[0], str):
        return None
    filename, line, column, end_line, end = place
    written = written_under(filename)
    if written is None:
        return None
    source, first, text = written
    lines = text.split("\n")[line - 1 : end_line]
    whole = "\n".join(lines)
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][column:]
    return Statement(source, first + line - 1, column, "\n".join(lines), whole)


@lru_cache(256)
def spot_of(place: object, trace: Trace | None = None) -> Spot | None:
    """The place in the text, as close as it can be told; None for what is no place.

    `trace` is the operation that was recorded there, if it was that.
    """
    if isinstance(place, tuple) and len(place) == 3:
        here = place_at(place)
        if here is None:
            return None
        text = here.source_line[here.column : here.end_in_line]
        return Spot(
            here.source, here.line, here.column + 1, here.end_in_line + 1, here.source_line,
            None, None, text,
        )  # fmt: skip
    statement = statement_at(place)
    if statement is None:
        return None
    if trace is None:
        return statement.spot(name=_changed(statement.trees))
    part = _part_of(statement.trees, trace)
    name = None
    for tree in _walk(statement.trees):
        if isinstance(tree, ast.Assign) and tree.value is part and len(tree.targets) == 1:
            name = _plain_name(tree.targets[0])
        elif isinstance(tree, ast.AugAssign) and tree is part:
            name = _plain_name(tree.target)
    return statement.spot(part, name)


def told(place: object) -> str | None:
    """A place as `file.grad:3:5: y = log(x)`: where it is, and the line of the program."""
    spot = spot_of(place)
    if spot is None:
        return None
    line = spot.source_line.strip()
    if len(line) > MAXIMUM_LINE_SHOWN:
        line = line[: MAXIMUM_LINE_SHOWN - 3] + "..."
    return f"{spot.source}:{spot.line}:{spot.column}: {line}"


def _changed(trees: list[ast.stmt]) -> str | None:
    """The variable that a statement changes in place: of `x += 1`, `x[0] = 1` or `x.zero_()`."""
    changed: ast.expr | None = None
    for tree in _walk(trees):
        if isinstance(tree, ast.AugAssign):
            changed = tree.target
        elif isinstance(tree, ast.Assign) and isinstance(tree.targets[0], ast.Subscript):
            changed = tree.targets[0]
        elif isinstance(tree, ast.Call) and (called(tree) or "").endswith("_"):
            changed = next(iter(operands_of(tree)), None)
    while isinstance(changed, (ast.Subscript, ast.Attribute)):
        changed = changed.value
    return None if changed is None else _plain_name(changed)


def _plain_name(target: ast.AST) -> str | None:
    return target.id if isinstance(target, ast.Name) else None


def _walk(trees: list[ast.stmt]) -> Iterator[ast.AST]:
    for tree in trees:
        yield from ast.walk(tree)


def _part_of(trees: list[ast.stmt], trace: Trace) -> ast.AST | None:
    """The part of a statement that recorded an operation; None if several may have."""
    found = [(_likeness(part, trace), part) for part in _walk(trees) if _may_be(part, trace[0])]
    if not found:
        parts = [part for part in _walk(trees) if _is_call(part)]
        return parts[0] if len(parts) == 1 else None
    best = max(likeness for likeness, _ in found)
    parts = [part for likeness, part in found if likeness == best]
    return parts[0] if len(parts) == 1 else None


def _is_call(part: ast.AST) -> bool:
    return (
        isinstance(part, ast.Call)
        and not isinstance(part, (ListLiteral, GuardedOperation))
        and not (isinstance(part.func, ast.Name) and part.func.id.startswith("@"))
    )


def _may_be(part: ast.AST, operation: str) -> bool:
    """Whether a part of a statement may have recorded an operation of this name."""
    return any(
        operation == name or operation.startswith(name + "_") for name in names_recorded(part)
    )


def names_recorded(part: ast.AST) -> tuple[str, ...]:
    """The names of the operations that a part of a statement may record by itself."""
    if isinstance(part, (ast.BinOp, ast.AugAssign, ast.UnaryOp)):
        return _OPERATORS.get(type(part.op), ())
    if isinstance(part, ListLiteral):
        return ("stack",)
    if isinstance(part, GuardedOperation):
        return ("remainder", "pow")
    if isinstance(part, ast.Subscript):
        return _INDEXING
    if isinstance(part, ast.Call):
        name = called(part)
        if name is None:
            return ()
        name = name.rstrip("_") if not name.startswith("_") else name
        return (name, *_OTHERWISE.get(name, ()))
    if isinstance(part, ast.Attribute):
        return _ATTRIBUTES.get(part.attr.removeprefix("."), ())
    return ()


def called(part: ast.Call) -> str | None:
    """The name of the function or method that a call names."""
    if isinstance(part.func, ast.Attribute):
        return part.func.attr.removeprefix(".")
    if isinstance(part.func, ast.Name):
        if part.func.id == "@call" and part.args:
            function = part.args[0]
            if isinstance(function, ast.Name):
                return function.id
            return function.attr[1:] if isinstance(function, ast.Attribute) else None
        return part.func.id
    return None


def operands_of(part: ast.AST) -> list[ast.expr]:
    """The expressions that an operation takes, in the order of the operation's inputs."""
    if isinstance(part, ast.AugAssign):
        return [part.target, part.value]
    if isinstance(part, ast.BinOp):
        return [part.left, part.right]
    if isinstance(part, ast.UnaryOp):
        return [part.operand]
    if isinstance(part, (ast.Attribute, ast.Subscript)):
        return [part.value]
    if isinstance(part, ast.Call):
        arguments = [*part.args, *(keyword.value for keyword in part.keywords)]
        if isinstance(part.func, ast.Attribute) and part.func.attr.startswith("."):
            return [part.func.value, *arguments]
        if isinstance(part.func, ast.Name) and part.func.id == "@call":
            return arguments[1:]
        return arguments
    return []


def _likeness(part: ast.AST, trace: Trace) -> float:
    """How well the operands of a part agree with an operation's inputs."""
    score = 0.0
    for operand, made in zip(operands_of(part), trace[1], strict=False):
        computes = bool(names_recorded(operand))
        if made is None:
            score += -0.5 if computes else 1.0
        elif computes:
            score += 2.0 + 0.1 * _likeness(operand, made) if _may_be(operand, made[0]) else -2.0
    return score


def shown_value(trees: list[ast.stmt]) -> ast.expr | None:
    """The value of a statement that is one expression, or binds one."""
    last = trees[-1] if trees else None
    if isinstance(last, (Shown, ast.Expr, ast.Assign, ast.Return)):
        return last.value
    return None
