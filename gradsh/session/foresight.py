"""The shape and type of the expression that is being typed, by inference alone.

The entry's syntax tree is gone through with stand-ins in place of the user's tensors
(`gradsh.engine.foresight`). No function of the user's is called, no element of theirs is looked
at, and no statement is run.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from gradsh.display.summaries import like_text, shape_text
from gradsh.engine import METHODS, Tensor
from gradsh.engine.dtypes import DType
from gradsh.engine.foresight import PLAIN_RESULTS, Mismatch, Unforeseen, foresee, stand_in
from gradsh.engine.ops.creation import literal
from gradsh.language import SyntaxFault, Token
from gradsh.language.blocks import Block
from gradsh.language.faults import Fault
from gradsh.language.trees import tree
from gradsh.session.namespaces import Namespace
from gradsh.session.operations import power, read_lists
from gradsh.session.unloaded import loaded
from gradsh.session.variables import gradient_of

__all__ = ["Mismatch", "foreseen", "told"]

_BINARY: Final[dict[type[ast.AST], tuple[str, Callable[[Any, Any], Any]]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.FloorDiv: ("//", operator.floordiv),
    ast.MatMult: ("@", operator.matmul),
    ast.Pow: ("^", operator.pow),
    ast.BitOr: ("|", operator.or_),
    ast.BitAnd: ("&", operator.and_),
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
}
_UNARY: Final[dict[type[ast.AST], Callable[[Any], Any]]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
}
_GUARDED: Final = {"@power": ast.Pow, "@remainder": ast.Mod}
_ATTRIBUTES: Final = frozenset(("shape", "ndim", "dtype", "T", "mT", "data"))
_FIRST_VALUES: Final = frozenset(("@print", "@backward"))
_CLOSERS: Final = {"(": ")", "[": "]", "{": "}", "<": " >"}
_MOST_CHARACTERS: Final = 2000
_MOST_DROPPED: Final = 3
_MOST_TOLD: Final = 3
_UNKNOWN: Final = object()
_NUMBERS: Final = (bool, int, float, complex)


def foreseen(
    text: str, cursor: int, tokens: Sequence[Token], names: Mapping[str, Any]
) -> str | None:
    """The shape and type of what a text's last statement gives, None where nothing is known.

    `tokens` are the text's. A text that is not complete is taken as if it ended at the cursor:
    without an operator at its end, and with its brackets closed. Raises Mismatch, with the reason
    as its message, where the statement would fail for the shapes or types of its tensors.
    """
    if len(text) > _MOST_CHARACTERS or not text.strip():
        return None
    for candidate in (text, *_completed(text, [t for t in tokens if t.end <= cursor])):
        try:
            statements = tree(candidate)
        except (Fault, SyntaxFault, RecursionError):
            continue
        if statements:
            try:
                return told(_Expressions(names).last(statements))
            except (Unforeseen, RecursionError):
                return None
    return None


def _completed(text: str, tokens: Sequence[Token]) -> Iterator[str]:
    """The text as complete ones: brackets closed, and the last tokens left out one by one."""
    kept = [token for token in tokens if token.kind not in ("newline", "comment", "error")]
    for _ in range(_MOST_DROPPED):
        if not kept:
            return
        opened: list[str] = []
        for token in kept:
            if token.kind == "bracket":
                if token.text in _CLOSERS:
                    opened.append(_CLOSERS[token.text])
                elif opened:
                    opened.pop()
        yield text[: kept[-1].end] + "".join(reversed(opened))
        kept.pop()


def told(value: Any) -> str | None:
    """The shape and type of a tensor, or of each in a tuple; None for anything else."""
    if isinstance(value, Tensor):
        return like_text((value.array.shape, value.array.dtype))
    if isinstance(value, (tuple, list)) and value and isinstance(value[0], Tensor):
        parts = [told(part) or "?" for part in value[:_MOST_TOLD]]
        more = ", ..." if len(value) > _MOST_TOLD else ""
        return f"{', '.join(parts)}{more}"
    return None


class _Expressions:
    """What expressions give, with the names that the entry itself binds."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = names
        self._bound: dict[str, Any] = {}

    def last(self, statements: Sequence[ast.stmt]) -> Any:
        """What the last of some statements gives; the others only bind names."""
        for statement in statements[:-1]:
            try:
                self._statement(statement)
            except (Unforeseen, Mismatch):
                self._forget(statement)
        return self._statement(statements[-1])

    def _statement(self, statement: ast.stmt) -> Any:
        if isinstance(statement, ast.Expr):
            return self.value(statement.value)
        if isinstance(statement, ast.Assign):
            value = self.value(statement.value)
            for target in statement.targets:
                self._bind(target, value)
            return value
        if isinstance(statement, ast.AugAssign):
            target = self.value(statement.target)
            return self._binary(type(statement.op), target, self.value(statement.value))
        self._forget(statement)
        inner = getattr(statement, "orelse", None) or getattr(statement, "body", None)
        if isinstance(statement, (ast.For, ast.While, ast.If, ast.With)) and inner:
            return self.last(inner)
        raise Unforeseen

    def _bind(self, target: ast.expr, value: Any) -> None:
        if isinstance(target, ast.Name):
            self._bound[target.id] = value
        elif isinstance(target, ast.Tuple):
            parts = value if isinstance(value, (tuple, list)) else ()
            fits = len(parts) == len(target.elts)
            for index, element in enumerate(target.elts):
                self._bind(element, parts[index] if fits else _UNKNOWN)

    def _forget(self, statement: ast.stmt) -> None:
        """Nothing is known from here on of the names that a statement binds."""
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self._bound[node.id] = _UNKNOWN
            elif isinstance(node, (ast.FunctionDef, ast.arg)):
                self._bound[node.name if isinstance(node, ast.FunctionDef) else node.arg] = _UNKNOWN

    # ------------------------------------------------------------------- expressions

    def value(self, node: ast.expr) -> Any:
        """What an expression gives: a plain value, or with stand-ins for its tensors."""
        if isinstance(node, Block):
            return self.last(node.body)
        if isinstance(node, ast.Call):
            return self._call(node)
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is None:
            raise Unforeseen
        return method(node)

    def _constant(self, node: ast.Constant) -> Any:
        return node.value

    def _name(self, node: ast.Name) -> Any:
        name = node.id
        value = self._bound[name] if name in self._bound else self._names.get(name, _UNKNOWN)
        value = loaded(value)
        if isinstance(value, Tensor):
            return stand_in(value)
        if value is _UNKNOWN:
            raise Unforeseen
        if isinstance(value, (tuple, list)) and any(isinstance(item, Tensor) for item in value):
            return tuple([stand_in(x) if isinstance(x, Tensor) else x for x in value])
        return value

    def _binop(self, node: ast.BinOp) -> Any:
        return self._binary(type(node.op), self.value(node.left), self.value(node.right))

    def _compare(self, node: ast.Compare) -> Any:
        left, right = self.value(node.left), self.value(node.comparators[0])
        return self._binary(type(node.ops[0]), left, right)

    def _binary(self, kind: type[ast.AST], left: Any, right: Any) -> Any:
        sign, function = _BINARY.get(kind, ("%", operator.mod))
        if isinstance(left, Tensor) or isinstance(right, Tensor):
            try:
                return foresee(function, [left, right], {})
            except Mismatch as error:
                if not (isinstance(left, Tensor) and isinstance(right, Tensor)):
                    raise
                shapes = f"{shape_text(left.array.shape)} {sign} {shape_text(right.array.shape)}"
                if kind is ast.MatMult:
                    raise Mismatch(f"{shapes}: the inner lengths differ") from None
                if "size of tensor" in str(error):
                    raise Mismatch(f"{shapes}: do not broadcast") from None
                raise
        if type(left) not in _NUMBERS or type(right) not in _NUMBERS:
            raise Unforeseen
        try:
            return power(left, right) if kind is ast.Pow else function(left, right)
        except (ArithmeticError, TypeError):
            raise Unforeseen from None

    def _unaryop(self, node: ast.UnaryOp) -> Any:
        value = self.value(node.operand)
        function = _UNARY.get(type(node.op))
        if function is None:
            raise Unforeseen
        if isinstance(value, Tensor):
            return foresee(function, [value], {})
        if type(value) not in _NUMBERS:
            raise Unforeseen
        try:
            return function(value)
        except TypeError:
            raise Unforeseen from None

    def _tuple(self, node: ast.Tuple) -> Any:
        return tuple([self.value(item) for item in node.elts])

    def _list(self, node: ast.List) -> Any:
        return [self.value(item) for item in node.elts]

    def _slice(self, node: ast.Slice) -> Any:
        bounds = (node.lower, node.upper, node.step)
        return slice(*[None if bound is None else self.value(bound) for bound in bounds])

    def _subscript(self, node: ast.Subscript) -> Any:
        value, index = self.value(node.value), self.value(node.slice)
        if isinstance(value, Tensor):
            parts = index if isinstance(index, tuple) else (index,)
            if any(_is_mask(part) for part in parts):
                raise Unforeseen
            return foresee(operator.getitem, [value, index], {})
        if isinstance(value, (tuple, list)) and type(index) in (int, slice):
            try:
                return value[index]
            except IndexError:
                raise Unforeseen from None
        raise Unforeseen

    def _attribute(self, node: ast.Attribute) -> Any:
        name = node.attr.removeprefix(".")
        if name == "grad" and isinstance(node.value, ast.Name):
            variable = self._names.get(node.value.id)
            gradient = gradient_of(variable) if isinstance(variable, Tensor) else None
            if gradient is None or node.value.id in self._bound:
                raise Unforeseen
            return stand_in(gradient)
        value = self.value(node.value)
        if isinstance(value, Namespace):
            return loaded(getattr(value, node.attr, None))
        if isinstance(value, Tensor) and name in _ATTRIBUTES:
            return getattr(value, node.attr)
        raise Unforeseen

    def _call(self, node: ast.Call) -> Any:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "@command":
            values = node.args[1]
            return self.value(values.elts[0]) if isinstance(values, ast.Tuple) else None
        if name in _FIRST_VALUES:
            return self.value(node.args[0])
        arguments = [self.value(argument) for argument in node.args if name != "@call"]
        named = {part.arg or "": self.value(part.value) for part in node.keywords}
        if name in _GUARDED:
            return self._binary(_GUARDED[name], *arguments)
        if name == "@tensor":
            return self._literal(arguments[0])
        if name == "@grad_on":
            return arguments[0]
        if name == "@unpack":
            return self._unpacked(*arguments)
        called = node.func
        if name == "@call":
            called = node.args[0]
            arguments = [self.value(argument) for argument in node.args[1:]]
        function, receiver = self._function(called)
        if isinstance(function, DType):
            function, receiver, arguments = METHODS["to"], arguments, [function]
        arguments = [*receiver, *arguments]
        if name == "@call":
            arguments = read_lists(function, arguments, named, self._literal)
        return foresee(function, arguments, named)

    def _function(self, node: ast.expr) -> tuple[Any, list[Any]]:
        """The engine's function that a call is of, and the value whose method it is."""
        receiver: list[Any] = []
        function: Any
        if isinstance(node, ast.Attribute) and not self._is_namespace(node.value):
            receiver = [self.value(node.value)]
            name = node.attr.removeprefix(".")
            if not isinstance(receiver[0], Tensor) or name not in METHODS:
                raise Unforeseen
            function = METHODS[name]
        else:
            function = self.value(node)
        if isinstance(function, DType):
            return function, receiver
        name = getattr(function, "__name__", "")
        module = getattr(function, "__module__", None) or ""
        computes = module.startswith("gradsh.engine.ops.") or hasattr(function, "op")
        if not (computes or name in PLAIN_RESULTS or name == "detach" or name.endswith("_")):
            raise Unforeseen
        return function, receiver

    def _is_namespace(self, node: ast.expr) -> bool:
        while isinstance(node, ast.Attribute):
            node = node.value
        return (
            isinstance(node, ast.Name)
            and node.id not in self._bound
            and isinstance(self._names.get(node.id), Namespace)
        )

    def _literal(self, items: list[Any]) -> Tensor:
        """A bracket literal; one of numbers alone is itself."""
        try:
            if _are_numbers(items):
                return literal(items)
            result: Tensor = foresee(literal, [items], {})
        except (Mismatch, TypeError, ValueError):
            raise Unforeseen from None  # its last row is not written yet
        return result

    def _unpacked(self, value: Any, count: int) -> Any:
        if isinstance(value, Tensor) and value.array.ndim:
            row = foresee(operator.getitem, [value, 0], {})
            return (row,) * count
        return value


def _are_numbers(items: list[Any]) -> bool:
    return all(
        _are_numbers(item) if type(item) is list else type(item) in _NUMBERS for item in items
    )


def _is_mask(index: Any) -> bool:
    return type(index) is bool or (isinstance(index, Tensor) and index.array.dtype.kind == "b")
