"""Blocks that have a value: `nograd < S >` and `time S`, and functions whose body needs statements.

Python's expressions hold no statements. A block that is a whole statement, or all that an
assignment binds or a `return` gives, becomes a `with` statement in place. A block anywhere else
becomes a function without arguments, defined just before the statement that holds it and called
where the block stands; names bound in it are declared `global` or `nonlocal`, so that they are
bound in the enclosing scope all the same. A lambda that holds such a block becomes a function
with a name.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, Final

from gradsh.language.expressions import LOAD, Expressions, fail, internal_call, internal_name, span
from gradsh.language.parser import Lexeme


class Shown(ast.Expr):
    """An expression statement of the user: at the top level its value is shown."""


class BlockWith(ast.With):
    """A block in the form of a `with` statement: the value of its last statement is its value."""


class Block(ast.Call):
    """A block that stands for a value, until it is known which form it takes."""

    body: list[ast.stmt]
    manager: ast.expr

    @classmethod
    def made(
        cls, number: int, manager: ast.expr, body: list[ast.stmt], position: dict[str, Any]
    ) -> Block:
        """Block `number`: `body` inside the context that `manager` gives."""
        block = cls(internal_name(f"@block{number}", position), [], [], **position)
        block.__dict__.update(manager=manager, body=body)
        return block


def function_definition(
    name: str, arguments: ast.arguments, body: list[ast.stmt], position: dict[str, Any]
) -> ast.FunctionDef:
    """A Python function definition without decorators."""
    fields: dict[str, Any] = {"type_params": []} if "type_params" in ast.FunctionDef._fields else {}
    return ast.FunctionDef(name, arguments, body, [], **fields, **position)


def no_arguments() -> ast.arguments:
    """The parameters of a function that takes none."""
    return ast.arguments([], [], None, [], [], None, [])


def statement_position(statement: ast.stmt | ast.expr) -> dict[str, Any]:
    """The position attributes of a whole statement, for what is put around it."""
    return span(statement, statement)


def into_last(body: list[ast.stmt], made: Callable[[ast.expr], ast.stmt]) -> None:
    """Hand the value of a block's last statement, or none, to what `made` makes of it."""
    while body and isinstance(body[-1], BlockWith):
        body = body[-1].body
    if body and isinstance(body[-1], Shown):
        body[-1] = made(body[-1].value)
        return
    position = statement_position(body[-1]) if body else {}
    if body and isinstance(body[-1], ast.Pass):
        body.pop()
    body.append(made(ast.Constant(None, **position)))


def has_value(statements: list[ast.stmt]) -> bool:
    """Whether the last statement of these is an expression of the user."""
    while statements and isinstance(statements[-1], BlockWith):
        statements = statements[-1].body
    return bool(statements) and isinstance(statements[-1], Shown)


def bound_names(statements: list[ast.stmt], *, in_expression: bool) -> set[str]:
    """The names that statements bind in their own scope.

    Raises Fault for a `return` among them, and if they are the block of an expression for a
    `break` or `continue` that would leave it.
    """
    names: set[str] = set()
    waiting: list[tuple[ast.AST, bool]] = [(statement, False) for statement in statements]
    while waiting:
        node, in_loop = waiting.pop()
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                names.add(node.id)
        elif isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Return):
            if in_expression:
                fail(node, "'return' cannot leave a block inside an expression")
            fail(node, RETURN_OUTSIDE, RETURN_HINT)
        elif isinstance(node, (ast.Break, ast.Continue)):
            if in_expression and not in_loop:
                word = "break" if isinstance(node, ast.Break) else "continue"
                fail(node, f"'{word}' cannot leave a block inside an expression")
        elif isinstance(node, (ast.stmt, ast.excepthandler, ast.Tuple, ast.List)):
            inside = in_loop or isinstance(node, (ast.For, ast.While))
            waiting.extend((child, inside) for child in _binding_parts(node))
    return {name for name in names if not name.startswith("@")}


RETURN_OUTSIDE: Final = "'return' outside function"
RETURN_HINT: Final = "a statement at the top level gives its value by itself"


def _binding_parts(node: ast.AST) -> list[ast.AST]:
    parts: list[ast.AST] = []
    for field in ("targets", "target", "elts", "body", "orelse", "handlers", "finalbody"):
        value = getattr(node, field, None)
        if isinstance(value, list):
            parts.extend(value)
        elif value is not None:
            parts.append(value)
    return parts


class Hoisted:
    """A function definition that goes before the statement in which its place lies."""

    __slots__ = ("definition", "place")

    def __init__(self, place: tuple[int, int], definition: ast.FunctionDef) -> None:
        self.place = place
        self.definition = definition


class Blocks(Expressions):
    """Steps for blocks and for functions made of expressions."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget everything about the last statement."""
        self.count = 0
        self.waiting: list[Block | Hoisted] = []
        self.undeclared: list[tuple[tuple[int, int], ast.FunctionDef, set[str]]] = []
        self.defines_function = False
        self.has_hoisted = False

    def mode_block(
        self, word: Lexeme, opening: Lexeme, body: list[ast.stmt], closing: Lexeme
    ) -> Block:
        manager = internal_call("@" + word[0], [], word, opening)
        return self.block_of(manager, body, word, closing)

    def block_of(self, manager: ast.expr, body: list[ast.stmt], first: Lexeme, last: Any) -> Block:
        """A block from `first` to `last` that waits for its statement to be complete."""
        self.count += 1
        position = span(first, last)
        block = Block.made(self.count, manager, body or [ast.Pass(**position)], position)
        self.waiting.append(block)
        return block

    def settled(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """A complete statement with the blocks in it brought into their form."""
        if not self.waiting:
            return statements
        first = statements[0]
        return self._settled_from((first.lineno, first.col_offset), statements)

    def _settled_from(self, start: tuple[int, int], statements: list[ast.stmt]) -> list[ast.stmt]:
        inside = [part for part in self.waiting if _place(part) >= start]
        self.waiting = [part for part in self.waiting if _place(part) < start]
        statement = statements[-1]
        if len(statements) == 1:
            direct = _in_place(statement)
            if direct is not None:
                inside = [part for part in inside if part is not direct[0]]
                statements = [direct[1]]
        definitions: list[ast.stmt] = []
        for part in inside:
            if isinstance(part, Hoisted):
                definitions.append(part.definition)
            else:
                definitions.append(self._block_function(part))
        self.has_hoisted = self.has_hoisted or bool(definitions)
        return definitions + statements

    def _block_function(self, block: Block) -> ast.FunctionDef:
        """The function without arguments that a block inside an expression becomes."""
        names = bound_names(block.body, in_expression=True)
        position = statement_position(block)
        into_last(block.body, lambda value: ast.Return(value, **span(value, value) or position))
        managed = ast.With([ast.withitem(block.manager, None)], block.body, None, **position)
        assert isinstance(block.func, ast.Name)
        definition = function_definition(block.func.id, no_arguments(), [managed], position)
        if names:
            self.undeclared.append((_place(block), definition, names))
        return definition

    def declare_globals(self) -> None:
        """At the top level: names bound in block functions are the session's."""
        for _, definition, names in self.undeclared:
            position = statement_position(definition)
            definition.body.insert(0, ast.Global(sorted(names), **position))
        self.undeclared = []

    def function_body(
        self, start: tuple[int, int], statements: list[ast.stmt], parameters: set[str]
    ) -> list[ast.stmt]:
        """The body of a function that begins at `start`: names bound in its blocks are its own."""
        local: set[str] = set()
        outer = []
        for entry in self.undeclared:
            place, definition, names = entry
            if place < start:
                outer.append(entry)
                continue
            position = statement_position(definition)
            definition.body.insert(0, ast.Nonlocal(sorted(names), **position))
            local |= names
        self.undeclared = outer
        position = statement_position(statements[0])
        declarations: list[ast.stmt] = [
            ast.AnnAssign(
                ast.Name(name, ast.Store(), **position),
                ast.Constant(None, **position),
                None,
                1,
                **position,
            )
            for name in sorted(local - parameters)
        ]
        return declarations + statements

    def function_of(
        self, arguments: ast.arguments, body: ast.expr, position: dict[str, Any]
    ) -> ast.expr:
        """A function that gives `body`: a lambda, or a name for one whose body needs statements."""
        self.defines_function = True
        start = (body.lineno, body.col_offset)
        if not any(_place(part) >= start for part in self.waiting):
            return ast.Lambda(arguments, body, **position)
        statements = self._settled_from(start, [ast.Return(body, **span(body, body))])
        parameters = {argument.arg for argument in arguments.args}
        statements = self.function_body(start, statements, parameters)
        self.count += 1
        name = f"@lambda{self.count}"
        definition = function_definition(name, arguments, statements, position)
        self.waiting.append(Hoisted((position["lineno"], position["col_offset"]), definition))
        return ast.Name(name, LOAD, **position)

    def lambda_function(self, left: ast.expr, arrow: Lexeme, body: ast.expr) -> ast.expr:
        names = left.elts if isinstance(left, ast.Tuple) else [left]
        parameters: list[ast.arg] = []
        for name in names:
            if not isinstance(name, ast.Name):
                fail(
                    name,
                    "before '->' stands a name, or several in parentheses",
                    "for example `x -> x^2` or `(x, y) -> x*y`",
                )
            parameters.append(ast.arg(name.id, None, **span(name, name)))
        arguments = ast.arguments([], parameters, None, [], [], None, [])
        return self.function_of(arguments, body, span(left, body))


def _place(part: Block | Hoisted) -> tuple[int, int]:
    return (part.lineno, part.col_offset) if isinstance(part, Block) else part.place


def _in_place(statement: ast.stmt) -> tuple[Block, BlockWith] | None:
    """The `with` form of a statement that is, binds or returns just one block."""
    if not isinstance(statement, (Shown, ast.Assign, ast.Return)):
        return None
    block = statement.value
    if not isinstance(block, Block):
        return None
    position = statement_position(statement)
    if isinstance(statement, ast.Assign):
        if not all(isinstance(target, ast.Name) for target in statement.targets):
            return None
        targets = statement.targets
        into_last(block.body, lambda value: ast.Assign(targets, value, None, **position))
    elif isinstance(statement, ast.Return):
        into_last(block.body, lambda value: ast.Return(value, **position))
    return block, BlockWith([ast.withitem(block.manager, None)], block.body, None, **position)
