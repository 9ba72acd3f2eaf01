"""Marks: which statement runs, told to the engine as a program runs, so that nodes remember it.

A statement of one line needs none: whoever runs its unit tells the unit. In functions, and in
blocks that take several lines, each statement that may compute something is preceded by

    @running.place = (file name, line, column, last line, end column)

A function puts back what was told before when it is left, for the rest of its caller's statement.
The constant is made once, and telling it costs about a hundredth of an operation.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, Final

from gradsh.language.blocks import statement_position
from gradsh.language.expressions import LOAD

UNIT: Final = "@unit"
"""The function that a statement becomes which is more than an expression or a simple statement."""

STORE: Final = ast.Store()
_BEFORE: Final = "@before"
_DECLARATIONS: Final = (ast.Global, ast.Nonlocal)
_SIMPLE: Final = (ast.Pass, ast.Break, ast.Continue, ast.Delete, ast.AnnAssign, *_DECLARATIONS)
_CONTROL: Final = (ast.If, ast.While, ast.With, ast.Try, ast.Raise, ast.FunctionDef)
_PLAIN: Final = (ast.Name, ast.Constant)


def mark_statements(statements: list[ast.stmt], filename: str) -> None:
    """Put marks into the bodies of statements, and of functions among them."""
    functions: list[ast.FunctionDef] = []
    marked: set[ast.FunctionDef] = set()
    waiting: list[tuple[ast.AST, ast.FunctionDef | None]] = []

    def enter(statement: ast.stmt, function: ast.FunctionDef | None) -> None:
        if isinstance(statement, ast.FunctionDef):
            functions.append(statement)
            function = statement
        waiting.append((statement, function))

    for statement in statements:
        if isinstance(statement, ast.FunctionDef) and statement.name == UNIT:
            for inner in statement.body:
                enter(inner, None)
        else:
            enter(statement, None)
    while waiting:  # a loop: blocks may be nested as deep as they like
        holder, function = waiting.pop()
        for block in _blocks(holder):
            body = list(block)
            block.clear()
            for statement in body:
                if _computes(statement):
                    block.append(_mark(statement, filename))
                    if function is not None:
                        marked.add(function)
                block.append(statement)
                enter(statement, function)
    for definition in functions:
        if definition in marked:
            _restore_after(definition)


def _blocks(holder: ast.AST) -> Iterator[list[ast.stmt]]:
    for field in ("body", "orelse"):
        block = getattr(holder, field, None)
        if isinstance(block, list):
            yield block
    for handler in getattr(holder, "handlers", ()):
        yield handler.body


def _restore_after(definition: ast.FunctionDef) -> None:
    """Let a function put back, however it is left, what was told before."""
    position = statement_position(definition)
    declared = [part for part in definition.body if isinstance(part, _DECLARATIONS)]
    body = [part for part in definition.body if not isinstance(part, _DECLARATIONS)]
    before = ast.Assign([ast.Name(_BEFORE, STORE, **position)], _place(LOAD, position), **position)
    back = ast.Assign([_place(STORE, position)], ast.Name(_BEFORE, LOAD, **position), **position)
    definition.body = [*declared, before, ast.Try(body, [], [], [back], **position)]


def _computes(statement: ast.stmt) -> bool:
    """Whether a statement itself may make or change a tensor; a condition's are soon gone."""
    if isinstance(statement, (*_SIMPLE, *_CONTROL)):
        return False
    if isinstance(statement, ast.Assign):
        targets = statement.targets
        plain = all(isinstance(target, (ast.Name, ast.Attribute)) for target in targets)
        return not (plain and isinstance(statement.value, _PLAIN))
    if isinstance(statement, ast.Return):
        return statement.value is not None and not isinstance(statement.value, _PLAIN)
    return True


def _mark(statement: ast.stmt, filename: str) -> ast.stmt:
    position = statement_position(statement)
    end = statement.end_lineno, statement.end_col_offset
    if isinstance(statement, ast.For):
        end = statement.iter.end_lineno, statement.iter.end_col_offset
    place: Any = (filename, statement.lineno, statement.col_offset, *end)
    return ast.Assign([_place(STORE, position)], ast.Constant(place, **position), **position)


def _place(context: Any, position: dict[str, Any]) -> ast.Attribute:
    return ast.Attribute(ast.Name("@running", LOAD, **position), "place", context, **position)
