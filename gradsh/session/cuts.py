"""Where a history was cut: why a tensor that should require grad does not.

Nothing is recorded of what has no history, so this is read from the program: the statements that
bound the variables, back to what requires grad, and what between the two cannot pass it on.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gradsh.engine.dtypes import is_inexact
from gradsh.engine.op import FUNCTIONS
from gradsh.engine.tensor import Tensor
from gradsh.language.blocks import Block, BlockWith
from gradsh.language.expressions import ListLiteral
from gradsh.language.origins import Spot, Statement, called, operands_of, statement_at
from gradsh.language.units import written_in

if TYPE_CHECKING:
    from gradsh.language import Unit

_MOST_DEFINITIONS: Final = 40
_LONGEST: Final = 32
_DETACHING: Final = frozenset(("detach", "detach_", "numpy", "tolist", "item"))
_COPYING: Final = frozenset(("tensor", "as_tensor", "asarray", "from_numpy"))
_TO_INTEGERS: Final = frozenset(("int", "long", "short", "byte", "bool", "char"))
_SHAPES: Final = frozenset((".shape", ".ndim", ".dtype", ".requires_grad", ".is_leaf", ".grad_fn"))


class Cut(NamedTuple):
    """What stands between a tensor and a gradient: where it is, and in words, where `{line}`
    stands for its place. `certain` says that something that requires grad goes in there.
    """

    words: str
    spot: Spot
    certain: bool


class Definition(NamedTuple):
    """A statement that binds a variable: its value, and whether nothing was recorded there."""

    statement: Statement
    value: ast.expr
    recorded: bool
    blocks: dict[str, ast.FunctionDef]


class Search:
    """Looks through a program for what cut a history.

    `values` are the variables as they are now, `recent` the statements that ran, and `inside` the
    text of a function, if it is one that runs now.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        recent: Sequence[Unit],
        inside: Statement | None = None,
    ) -> None:
        self.values = values
        self.recent = recent
        self.inside = inside
        self._seen: set[int] = set()
        self._definitions = 0

    # ---------------------------------------------------------------------- definitions

    def definition(self, name: str, before: int | None = None) -> Definition | None:
        """The statement that last bound a variable; in the function that runs, before a line."""
        if self.inside is not None:
            found = self._bound(self.inside, name, before)
            if found is not None:
                return found
        for unit in reversed(self.recent):
            if name not in unit.text:
                continue
            self._definitions += 1
            if self._definitions > _MOST_DEFINITIONS:
                return None
            statement = statement_at(unit)
            found = None if statement is None else self._bound(statement, name, None)
            if found is not None:
                return found
        return None

    def _bound(self, statement: Statement, name: str, before: int | None) -> Definition | None:
        blocks = {
            tree.name: tree
            for each in statement.trees
            for tree in ast.walk(each)
            if isinstance(tree, ast.FunctionDef)
        }
        found = None
        for value, targets, recorded in _bindings(statement.trees, recorded=True):
            names = {part.id for target in targets for part in ast.walk(target)
                     if isinstance(part, ast.Name)}  # fmt: skip
            line = statement.line + value.lineno - 1
            if name in names and (before is None or line < before or found is None):
                found = Definition(statement, value, recorded, blocks)
        return found

    # ----------------------------------------------------------------------------- cuts

    def cuts(self, expression: ast.expr, at: Definition) -> list[Cut]:
        """What keeps an expression from requiring grad; the certain reasons, if there are any."""
        found = list(self._cuts(expression, at, 0))
        certain = [cut for cut in found if cut.certain]
        unique: dict[tuple[int, int], Cut] = {}
        for cut in certain or found:
            unique.setdefault((cut.spot.line, cut.spot.column), cut)
        return list(unique.values())

    def of_name(self, name: str, before: int | None = None) -> list[Cut]:
        """The same for a variable."""
        node = ast.Name(name, ast.Load(), lineno=1, col_offset=0, end_lineno=1, end_col_offset=0)
        nowhere = Definition(Statement("", 0, 0, "", ""), node, True, {})
        found = list(self._name(name, nowhere, 0, before))
        return [cut for cut in found if cut.certain] or found

    def _cuts(self, part: ast.expr, at: Definition, depth: int) -> Iterator[Cut]:
        if depth > 20 or id(part) in self._seen:
            return
        self._seen.add(id(part))
        if isinstance(part, ast.Name):
            yield from self._name(part.id, at, depth, at.statement.line + part.lineno - 1)
            return
        reason = self._reason(part, at)
        if reason is not None:
            inputs = [self.requires(operand, at) for operand in _inside(part, at)]
            if not inputs or any(inputs):
                yield Cut(reason, at.statement.spot(part), any(inputs))
                return
        if isinstance(part, ast.Attribute) and part.attr in _SHAPES:
            return
        if isinstance(part, ast.Call):
            yield from self._in_function(part, at)
        for operand in operands_of(part) or _elements(part):
            yield from self._cuts(operand, at, depth + 1)

    def _name(self, name: str, at: Definition, depth: int, before: int | None) -> Iterator[Cut]:
        value = self.values.get(name)
        if isinstance(value, Tensor) and value.node is not None:
            return
        if not isinstance(value, Tensor) and value is not None:
            return
        definition = self.definition(name, before)
        if definition is None or id(definition.value) in self._seen:
            return
        inner = list(self._definition_cuts(name, value, definition, depth))
        yield from inner
        if not inner and isinstance(value, Tensor):
            spot = definition.statement.spot(definition.value, name)
            if not is_inexact(value.array.dtype):
                words = f"`{name}`, from {{line}}, is {value.dtype.name}, which has no gradient"
            else:
                words = f"`{name}` was made in {{line}} without `grad`"
            yield Cut(words, spot, certain=False)

    def _definition_cuts(
        self, name: str, value: Any, definition: Definition, depth: int
    ) -> Iterator[Cut]:
        if not definition.recorded:
            spot = definition.statement.spot(definition.value, name)
            words = f"`{name}` was computed inside `nograd` in {{line}}, where nothing is recorded"
            yield Cut(words, spot, certain=True)
            return
        yield from self._cuts(definition.value, definition, depth + 1)
        if isinstance(value, Tensor) and self.requires(definition.value, definition):
            # what goes in requires grad now, and did not then
            for operand in ast.walk(definition.value):
                if isinstance(operand, ast.Name) and self.requires(operand, definition):
                    words = (
                        f"`{name}` was computed in {{line}}, before `{operand.id}` required grad"
                    )
                    spot = definition.statement.spot(definition.value, name)
                    yield Cut(words, spot, certain=False)
                    return

    def _reason(self, part: ast.expr, at: Definition) -> str | None:
        """Why this operation passes no history on; None if it does."""
        text = _short(at.statement.spot(part).text)
        if _is_nograd(part, at):
            return f"{text} in {{line}} is inside `nograd`, where nothing is recorded"
        if isinstance(part, ast.Compare):
            return f"{text} in {{line}} is a comparison, which has no derivative"
        if isinstance(part, ast.Attribute) and part.attr == ".data":
            return f"{text} in {{line}} has the values, but not their history"
        if not isinstance(part, ast.Call):
            return None
        name = called(part)
        if name is None or isinstance(self.values.get(name), FunctionType):
            return None
        method = isinstance(part.func, ast.Attribute)
        if name in _DETACHING:
            return f"{text} in {{line}} gives the values without their history"
        if name in _COPYING and not isinstance(part, ListLiteral):
            return f"{text} in {{line}} copies the values without their history"
        if name in _TO_INTEGERS and (method or part.args):
            return f"{text} in {{line}} gives integers, which have no derivative"
        op = getattr(FUNCTIONS.get(name), "op", None)
        if op is not None and op.operands and not op.formulas:
            return f"{text} in {{line}} has no derivative"
        return None

    def _in_function(self, part: ast.Call, at: Definition) -> Iterator[Cut]:
        """What in a function of the program cuts what goes into it."""
        function = self.values.get(called(part) or "")
        if not isinstance(function, FunctionType) or id(function.__code__) in self._seen:
            return
        written = written_in(function.__code__)
        if written is None or not any(self.requires(x, at) for x in operands_of(part)):
            return
        self._seen.add(id(function.__code__))
        source, line, text = written
        statement = Statement(source, line, 0, text, text)
        inner = Definition(statement, part, True, {})
        wanted = function.__name__
        for tree in statement.trees:
            for body in ast.walk(tree):
                is_it = isinstance(body, ast.FunctionDef) and body.name == wanted
                if is_it or (wanted == "<lambda>" and isinstance(body, ast.Lambda)):
                    for each in ast.walk(body):
                        if isinstance(each, BlockWith) and _is_manager(each.items[0].context_expr):
                            first = each.body[0]
                            words = "inside `nograd`, in {line}, nothing is recorded"
                            yield Cut(words, statement.spot(first), certain=True)
                        elif isinstance(each, ast.expr):
                            reason = self._reason(each, inner)
                            if reason is not None:
                                yield Cut(reason, statement.spot(each), certain=True)

    # ------------------------------------------------------------------------- questions

    def requires(self, part: ast.expr, at: Definition) -> bool:
        """Whether an expression requires grad, as far as the variables and the text tell."""
        if isinstance(part, ast.Name):
            value = self.values.get(part.id)
            return isinstance(value, Tensor) and value.node is not None
        if self._reason(part, at) is not None:
            return False
        if isinstance(part, ast.Attribute) and part.attr in (*_SHAPES, ".grad"):
            return False
        parts = operands_of(part) or list(_elements(part))
        return any(self.requires(each, at) for each in parts)

    def route(self, name: str, expression: ast.expr, at: Definition) -> list[Definition] | None:
        """The statements through which an expression comes from a variable, the last one first.

        None if it does not come from there as far as the text tells.
        """
        waiting: list[tuple[ast.expr, list[Definition]]] = [(expression, [at])]
        seen: set[str] = set()
        while waiting:
            value, path = waiting.pop(0)
            names = [part for part in ast.walk(value) if isinstance(part, ast.Name)]
            if any(part.id == name for part in names):
                return path
            for part in names:
                if part.id not in seen:
                    seen.add(part.id)
                    line = path[-1].statement.line + part.lineno - 1
                    definition = self.definition(part.id, line)
                    if definition is not None:
                        waiting.append((definition.value, [*path, definition]))
        return None

    def cut_between(self, name: str, path: Sequence[Definition]) -> Cut | None:
        """What on a route cuts off what comes from the variable."""
        inner = name
        for definition in reversed(path):
            found = self._cut_of(inner, definition)
            if found is not None:
                return found
            target = _target(definition)
            if target is None:
                return None
            inner = target
        return None

    def _cut_of(self, name: str, at: Definition) -> Cut | None:
        for part in ast.walk(at.value):
            if not isinstance(part, ast.expr):
                continue
            holds = any(isinstance(x, ast.Name) and x.id == name for x in ast.walk(part))
            reason = self._reason(part, at) if holds else None
            if reason is not None:
                return Cut(reason, at.statement.spot(part), certain=True)
        if not at.recorded:
            words = "inside `nograd`, in {line}, nothing is recorded"
            return Cut(words, at.statement.spot(at.value), certain=True)
        return None


def _target(definition: Definition) -> str | None:
    for value, targets, _ in _bindings(definition.statement.trees, recorded=True):
        if value is definition.value and isinstance(targets[0], ast.Name):
            return targets[0].id
    return None


def _bindings(
    trees: Sequence[ast.AST], *, recorded: bool
) -> Iterator[tuple[ast.expr, list[ast.expr], bool]]:
    """The values that statements bind, what they are bound to, and whether that is recorded."""
    for tree in trees:
        if isinstance(tree, ast.Assign):
            yield tree.value, tree.targets, recorded
        elif isinstance(tree, ast.AugAssign):
            yield tree.value, [tree.target], recorded
        elif isinstance(tree, ast.For):
            yield tree.iter, [tree.target], recorded
        inner = recorded
        if isinstance(tree, ast.With) and tree.items:
            inner = recorded and not _is_manager(tree.items[0].context_expr)
        for field in ("body", "orelse", "handlers"):
            block = getattr(tree, field, None)
            if isinstance(block, list):
                yield from _bindings(block, recorded=inner)


def _is_manager(expression: ast.expr) -> bool:
    return (
        isinstance(expression, ast.Call)
        and isinstance(expression.func, ast.Name)
        and expression.func.id == "@nograd"
    )


def _is_nograd(part: ast.expr, at: Definition) -> bool:
    return isinstance(part, Block) and _is_manager(part.manager)


def _inside(part: ast.expr, at: Definition) -> list[ast.expr]:
    """The expressions that go into an operation, or that a block computes with."""
    if isinstance(part, Block):
        return [
            each
            for statement in part.body
            for each in ast.walk(statement)
            if isinstance(each, ast.Name)
        ]
    if isinstance(part, ast.Compare):
        return [part.left, *part.comparators]
    return operands_of(part)


def _elements(part: ast.expr) -> Iterator[ast.expr]:
    if isinstance(part, (ast.Tuple, ast.List)):
        yield from part.elts
    elif isinstance(part, ast.Compare):
        yield from (part.left, *part.comparators)


def _short(text: str) -> str:
    return f"`{text}`" if 0 < len(text) <= _LONGEST else "this"
