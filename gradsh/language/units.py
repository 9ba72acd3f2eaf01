"""Compiled statements: what a reader yields and a session runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any, Final

from gradsh.language.blocks import (
    RETURN_HINT,
    RETURN_OUTSIDE,
    BlockWith,
    Shown,
    bound_names,
    function_definition,
    has_value,
    into_last,
    no_arguments,
    statement_position,
)
from gradsh.language.builder import Builder
from gradsh.language.faults import NESTED_HINT, NESTED_TOO_DEEPLY, Fault, Place
from gradsh.language.fusion import Parts, find_parts
from gradsh.language.marks import UNIT, mark_statements

FILENAME: Final = "<gradsh>"
"""What the file name of compiled code begins with.

The code of a statement that defines functions outlives its unit; there the name goes on with the
source, the line and the text, so that an error in such a function finds its place, and nothing
is kept longer than the function itself. Marks in blocks of several lines need the same.
"""

_COMPOUND: Final = (ast.If, ast.While, ast.For, ast.With, ast.Try, ast.FunctionDef)

EVALUATED, EXECUTED, CALLED, CALLED_ONCE = range(4)

HUGE: Final = 20_000
"""A statement of more characters is run once, and then lets its code and most of its text go:
what it made remembers it, and would keep them."""

_REMEMBERED: Final = 400


def written_in(code: CodeType) -> tuple[str, int, str] | None:
    """Source, first line and text of the statement whose function this is the code of.

    None for other code, and for a statement that defines no function.
    """
    return written_under(code.co_filename)


def written_under(filename: str) -> tuple[str, int, str] | None:
    """What a file name of compiled code carries: source, first line and text, or nothing."""
    if not filename.startswith(FILENAME + "\n"):
        return None
    _, source, line, text = filename.split("\n", 3)
    return source, int(line), text


class Unit:
    """One compiled statement.

    `kind` is "expression", "assignment" or "statement"; `names` are the names that an assignment
    binds and `places` where they stand (line of the unit, columns); `quiet` says that a `;` ended
    the line; `text` is the statement as written, `source`, `line` and `column` (from 1) where it
    stands, and `lines` the whole lines that hold it; `mentioned` are all names in it, of whatever
    kind: whoever runs it can see to it first that they are there. `is_simple` says that no other
    statement and no function is inside it; `in_parts` is where `gradsh.language.reader.in_parts`
    keeps what it makes of such a statement.
    """

    __slots__ = (
        "code", "kind", "names", "places", "quiet", "text", "source", "line", "column", "lines",
        "form", "cached", "mentioned", "is_simple", "in_parts",
    )  # fmt: skip

    code: CodeType
    kind: str
    names: tuple[str, ...]
    places: tuple[Place, ...]
    quiet: bool
    text: str
    source: str
    line: int
    column: int
    lines: str
    form: int
    cached: bool
    mentioned: frozenset[str]
    is_simple: bool
    in_parts: list[tuple[CodeType, int]]

    def run(self, namespace: dict[str, Any]) -> object:
        """Run the statement with these variables; the value of an expression, else None."""
        if self.form == EVALUATED:
            return eval(self.code, namespace)
        if self.form == EXECUTED:
            exec(self.code, namespace)
            return None
        value: object = FunctionType(self.code, namespace)()
        if self.form == CALLED_ONCE:
            self.code = _NOTHING
            self.text = self.text[:_REMEMBERED]
            self.lines = self.lines[:_REMEMBERED]
        return value

    def at(self, source: str, line: int) -> Unit:
        """The same statement standing somewhere else."""
        unit = Unit()
        unit.code = self.code
        unit.kind = self.kind
        unit.names = self.names
        unit.places = self.places
        unit.quiet = self.quiet
        unit.text = self.text
        unit.source = source
        unit.line = line
        unit.column = self.column
        unit.lines = self.lines
        unit.form = self.form
        unit.cached = self.cached
        unit.mentioned = self.mentioned
        unit.is_simple = self.is_simple
        unit.in_parts = self.in_parts
        return unit


_NOTHING: Final = compile("", FILENAME, "exec")


def compile_statement(
    builder: Builder,
    statements: list[ast.stmt],
    source: str,
    line: int,
    lines: str,
    parts: Parts = Parts.NONE,
) -> Unit:
    """Compile one statement that the builder has just made; `parts` says where to look for parts.

    Raises Fault for what only Python's compiler notices, such as a `break` outside a loop.
    """
    unit = Unit()
    unit.kind, unit.names, unit.places = "statement", (), ()
    if statements is builder.assigned:
        unit.kind = "assignment"
        unit.names = tuple([name for name, _ in builder.assigned_names])
        unit.places = tuple([place for _, place in builder.assigned_names])
    statements = builder.settled(statements)
    first = statements[0]
    unit.is_simple = (
        len(statements) == 1
        and isinstance(first, (Shown, ast.Assign, ast.AugAssign, ast.Expr))
        and not builder.defines_function
        and not builder.has_hoisted
    )
    unit.in_parts = []
    if parts is Parts.EVERYWHERE or (parts is Parts.WITHIN and not unit.is_simple):
        for statement in statements:
            find_parts(statement)
    unit.cached = not builder.defines_function
    filename = FILENAME
    if builder.defines_function or (isinstance(first, _COMPOUND) and "\n" in lines):
        filename = "\n".join((FILENAME, source, str(line), lines.replace("\0", "\ufffd")))
    if len(lines) > HUGE:
        if has_value(statements):
            unit.kind = "expression"
        unit.form = CALLED_ONCE
        unit.code = _function_code(builder, statements, filename)
    elif len(statements) == 1 and isinstance(first, Shown):
        unit.kind = "expression"
        unit.form = EVALUATED
        unit.code = _compiled(ast.Expression(first.value), filename, "eval")
    elif len(statements) == 1 and not isinstance(first, BlockWith) and not builder.has_hoisted:
        unit.form = EXECUTED
        unit.code = _compiled(ast.Module(statements, []), filename, "exec")
    else:
        if has_value(statements):
            unit.kind = "expression"
        unit.form = CALLED
        unit.code = _function_code(builder, statements, filename)
    unit.mentioned = frozenset(_names_in(unit.code))
    return unit


def _names_in(code: CodeType) -> Iterator[str]:
    """The names that code and the functions in it look up; a method's is its function's too."""
    for name in code.co_names:
        yield name.removeprefix(".")
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)


def _function_code(builder: Builder, statements: list[ast.stmt], filename: str) -> CodeType:
    """The code of a function without arguments that runs the statements at the top level."""
    position = statement_position(statements[-1])
    names = bound_names(statements, in_expression=False)
    if has_value(statements):
        into_last(statements, lambda value: ast.Return(value, **position))
    builder.declare_globals()
    if names:
        statements.insert(0, ast.Global(sorted(names), **position))
    definition = function_definition(UNIT, no_arguments(), statements, position)
    module = _compiled(ast.Module([definition], []), filename, "exec")
    return next(constant for constant in module.co_consts if isinstance(constant, CodeType))


def _compiled(tree: ast.Module | ast.Expression, filename: str, mode: str) -> CodeType:
    """The one place where trees become code: whatever rewrites whole expressions goes here."""
    if filename is not FILENAME and isinstance(tree, ast.Module):
        mark_statements(tree.body, filename)
    try:
        code: CodeType = compile(tree, filename, mode, 0, True)
    except SyntaxError as error:
        raise _fault_of(error) from None
    except (RecursionError, MemoryError):
        raise Fault(NESTED_TOO_DEEPLY, _whole(tree), NESTED_HINT) from None
    except (ValueError, OverflowError, SystemError) as error:
        raise Fault(f"this cannot be compiled: {error}", _whole(tree)) from None
    return code


def _whole(tree: ast.Module | ast.Expression) -> Place:
    first = tree.body[0] if isinstance(tree, ast.Module) else tree.body
    end = first.end_col_offset if first.end_lineno == first.lineno else None
    return first.lineno, first.col_offset, first.col_offset + 1 if end is None else end


def _fault_of(error: SyntaxError) -> Fault:
    """Python's own complaint about a tree, in gradsh's words."""
    line, column = error.lineno or 1, max((error.offset or 1) - 1, 0)
    end = column + 1
    if error.end_offset and error.end_lineno == line:
        end = max(error.end_offset - 1, end)
    message = str(error.msg)
    if "too many statically nested blocks" in message:
        return Fault(
            "blocks are nested too deeply",
            (line, column, end),
            "put the inner ones into a function",
        )
    if message.startswith("keyword argument repeated: "):
        message = f"the argument '{message.rpartition(' ')[2]}' is given twice"
    elif "not properly in loop" in message:
        message = "'continue' outside loop"
    elif message.startswith("name '@"):
        message = "this cannot be compiled"
    return Fault(message, (line, column, end), RETURN_HINT if message == RETURN_OUTSIDE else None)
