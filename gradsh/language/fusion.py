"""Finding the parts of expressions that can be computed together where tensors are large.

A part is an expression of at least two operations whose operands are names and constants, so that
nothing happens when it is evaluated but that its operations run. Where the language only sees
operators and calls, whoever runs the code decides: an expression `E` over `x` and `y` becomes

    @fused() if (@large(x) or @large(y)) and @fuse(lambda f, x, y: E, (), f, x, y) else E

with the test written out, so that small tensors and numbers pay next to nothing. `@fuse` gets the
part as a function, the names of the methods and attributes in it, and the values of all its names;
if it can make nothing of them, the part runs as it is written.
"""

from __future__ import annotations

import ast
from enum import Enum, auto
from typing import Final

from gradsh.language.expressions import LOAD, GuardedOperation, internal_name, span

LARGE: Final = 1 << 19
"""Elements of a tensor from which on a part is handed over: where two threads begin to gain. Below,
results stay in the processor's cache and numpy is faster; docs/performance.md has the figures."""

_OPERATORS: Final = (
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.BitAnd, ast.BitOr,
)  # fmt: skip
_READ: Final = frozenset((".data", ".shape", ".ndim", ".dtype"))
"""Attributes that a part may read."""


class Parts(Enum):
    """Where a compiler looks for parts: nowhere, in functions and blocks, or everywhere.

    A simple statement is compiled with its parts only when it is about to meet a large tensor.
    """

    NONE = auto()
    WITHIN = auto()
    EVERYWHERE = auto()


def find_parts(tree: ast.AST) -> None:
    """Mark, in place, every part that is as large as can be."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        for name, field in ast.iter_fields(node):
            if isinstance(field, ast.expr):
                part = _marked(field)
                if part is None:
                    waiting.append(field)
                else:
                    setattr(node, name, part)
            elif isinstance(field, ast.AST):
                waiting.append(field)
            elif isinstance(field, list):
                for index, item in enumerate(field):
                    part = _marked(item) if isinstance(item, ast.expr) else None
                    if part is not None:
                        field[index] = part
                    elif isinstance(item, ast.AST):
                        waiting.append(item)


def _marked(expression: ast.expr) -> ast.expr | None:
    """The expression with a way for large tensors; None if it is no part."""
    if not isinstance(expression, (ast.BinOp, ast.Call, ast.UnaryOp)):
        return None
    found = _Part()
    if not found.takes(expression) or found.operations < 2 or not found.operands:
        return None
    return found.marked(expression)


class _Part:
    """What an expression uses: its names, in the order in which they are met."""

    def __init__(self) -> None:
        self.operations = 0
        self.operands: dict[str, ast.Name] = {}
        self.functions: dict[str, None] = {}
        self.attributes: dict[str, None] = {}

    def takes(self, node: ast.expr) -> bool:
        """Whether an expression can belong to a part."""
        if isinstance(node, ast.Name):
            self.operands.setdefault(node.id, node)
            return not node.id.startswith("@")
        if isinstance(node, ast.Constant):
            return True
        if isinstance(node, ast.BinOp):
            self.operations += 1
            return (
                isinstance(node.op, _OPERATORS) and self.takes(node.left) and self.takes(node.right)
            )
        if isinstance(node, ast.UnaryOp):
            self.operations += 1
            return not isinstance(node.op, ast.Not) and self.takes(node.operand)
        if isinstance(node, ast.Compare):
            self.operations += 1
            return self.takes(node.left) and all(map(self.takes, node.comparators))
        if isinstance(node, ast.Attribute):
            self.attributes[node.attr] = None
            return node.attr in _READ and self.takes(node.value)
        if isinstance(node, ast.Tuple):
            return all(isinstance(item, ast.Constant) for item in node.elts)
        return isinstance(node, ast.Call) and self._takes_call(node)

    def _takes_call(self, node: ast.Call) -> bool:
        self.operations += 1
        function = node.func
        if isinstance(function, ast.Name):
            if not isinstance(node, GuardedOperation):
                if function.id.startswith("@"):
                    return False
                self.functions[function.id] = None
        elif isinstance(function, ast.Attribute) and not function.attr.endswith("_"):
            self.attributes[function.attr] = None
            if not self.takes(function.value):
                return False
        else:
            return False
        return all(map(self.takes, node.args)) and all(
            keyword.arg is not None and self.takes(keyword.value) for keyword in node.keywords
        )

    def marked(self, expression: ast.expr) -> ast.expr:
        """The expression with the test before it."""
        position = span(expression, expression)
        names = [*self.functions, *(name for name in self.operands if name not in self.functions)]
        function = ast.Lambda(
            ast.arguments(
                [], [ast.arg(name, None, **position) for name in names], None, [], [], None, []
            ),
            expression,
            **position,
        )
        attributes: list[ast.expr] = [ast.Constant(name, **position) for name in self.attributes]
        handed = ast.Call(
            internal_name("@fuse", position),
            [
                function,
                ast.Tuple(attributes, LOAD, **position),
                *[ast.Name(name, LOAD, **position) for name in names],
            ],
            [],
            **position,
        )
        tests = [_is_large(name) for name in self.operands.values()]
        test = tests[0] if len(tests) == 1 else ast.BoolOp(ast.Or(), tests, **position)
        return ast.IfExp(
            ast.BoolOp(ast.And(), [test, handed], **position),
            ast.Call(internal_name("@fused", position), [], [], **position),
            expression,
            **position,
        )


def _is_large(value: ast.Name) -> ast.expr:
    """Whether the name is a large tensor's, as Python decides it fastest."""
    position = span(value, value)
    kind = ast.Call(internal_name("@type", position), [value], [], **position)
    is_tensor = ast.Compare(kind, [ast.Is()], [internal_name("@Tensor", position)], **position)
    array = ast.Attribute(value, "array", LOAD, **position)
    size = ast.Attribute(array, "size", LOAD, **position)
    large = ast.Compare(size, [ast.GtE()], [ast.Constant(LARGE, **position)], **position)
    return ast.BoolOp(ast.And(), [is_tensor, large], **position)
