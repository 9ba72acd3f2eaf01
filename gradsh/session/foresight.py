"""The shape and type of the expression that is being typed, by inference alone.

The entry's syntax tree is gone through with stand-ins in place of the user's tensors
(`gradsh.engine.foresight`). No function of the user's is called (its text is gone through in the
same way), no element of theirs is looked at, and no statement is run.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any, Final, NamedTuple

from gradsh.display.summaries import like_text, shape_text
from gradsh.engine import METHODS, Tensor
from gradsh.engine.dtypes import DType
from gradsh.engine.foresight import PLAIN_RESULTS, Mismatch, Unforeseen, foresee, hollow, stand_in
from gradsh.engine.ops.creation import literal
from gradsh.language import SyntaxFault, Token
from gradsh.language.blocks import Block
from gradsh.language.faults import Fault
from gradsh.language.trees import tree
from gradsh.language.units import written_in
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
_CLOSERS: Final = {"(": ")", "[": "]", "{": "}", "<": " >"}
_MOST_CHARACTERS: Final = 400
_MOST_DROPPED: Final = 3
_MOST_TOLD: Final = 3
_DEEPEST: Final = 3
_DERIVATIVES: Final = {"grad": "gradients", "jacobian": "first", "hessian": "second"}
_UNKNOWN: Final = object()
_NUMBERS: Final = (bool, int, float, complex)


def foreseen(
    text: str, cursor: int, tokens: Sequence[Token], names: Mapping[str, Any]
) -> str | None:
    """The shape and type of what a text's last statement gives, None where nothing is known.

    `tokens` are the text's. A text that is not complete is taken as if it ended at the cursor:
    without an operator at its end, and with its brackets closed; of a long one only the statement
    at the cursor counts. Raises Mismatch, with the reason
    as its message, where the statement would fail for the shapes or types of its tensors.
    """
    before = [token for token in tokens if token.end <= cursor]
    if len(text) > _MOST_CHARACTERS:
        start = _statement_start(before)
        text, before = text[start:cursor], [token for token in before if token.start >= start]
        if len(text) > _MOST_CHARACTERS:
            return None
        before = [token.moved(-start) for token in before]
    for candidate in (text, *_completed(text, before)):
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


def _statement_start(tokens: Sequence[Token]) -> int:
    """Where the last statement that stands in no other begins."""
    start = depth = 0
    for token in tokens:
        if token.kind == "bracket":
            depth += 1 if token.text in _CLOSERS else -1
        elif token.kind == "newline" and depth <= 0:
            start = token.end
    return start


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


class _Function(NamedTuple):
    """A function of the user's: its parameters, its statements, and the names around it."""

    parameters: tuple[str, ...]
    defaults: dict[str, Any]
    body: Sequence[ast.stmt]
    bound: dict[str, Any]


class _Expressions:
    """What expressions give, with the names that the entry itself binds.

    `depth` is how many functions of the user's are gone through around them.
    """

    def __init__(
        self, names: Mapping[str, Any], bound: dict[str, Any] | None = None, depth: int = 0
    ) -> None:
        self._names = names
        self._bound: dict[str, Any] = bound or {}
        self._depth = depth

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
        if isinstance(statement, ast.Return):
            return None if statement.value is None else self.value(statement.value)
        if isinstance(statement, ast.FunctionDef) and not statement.decorator_list:
            made = self._made(statement.args, statement.body)
            self._bound[statement.name] = made
            return made
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
        if isinstance(value, FunctionType) and written_in(value.__code__) is not None:
            return self._of_the_user(value)
        if isinstance(value, (tuple, list)) and any(isinstance(item, Tensor) for item in value):
            parts = [stand_in(x) if isinstance(x, Tensor) else x for x in value]
            return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
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
        if isinstance(value, tuple) and name in getattr(value, "_fields", ()):
            return getattr(value, name)
        raise Unforeseen

    def _call(self, node: ast.Call) -> Any:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "@command":
            values = node.args[1]
            if not isinstance(values, ast.Tuple) or not values.elts:
                raise Unforeseen
            return self.value(values.elts[0])
        if name == "@print":
            return self.value(node.args[0])
        if name == "@backward":
            return self._backward(*node.args[:2])
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
        called: ast.expr = node.func
        if name == "@call":
            called = node.args[0]
            arguments = [self.value(argument) for argument in node.args[1:]]
        function, receiver = self._function(called)
        if isinstance(function, DType):
            function, receiver, arguments = METHODS["to"], arguments, [function]
        arguments = [*receiver, *arguments]
        if isinstance(function, _Function):
            return self._applied(function, arguments, named)
        if name == "@call":
            arguments = read_lists(function, arguments, named, self._literal)
        derivative = _DERIVATIVES.get(getattr(function, "__name__", ""))
        if derivative is not None:
            return self._derived(derivative, arguments)
        if any(isinstance(value, _Function) for value in (*arguments, *named.values())):
            raise Unforeseen
        return foresee(function, arguments, named)

    def _backward(self, output: ast.expr, weights: ast.expr) -> Any:
        """`backward E with V`, which wants one weight an element."""
        value, given = self.value(output), self.value(weights)
        if isinstance(value, Tensor) and isinstance(given, Tensor):
            shapes = value.array.shape, given.array.shape
            if shapes[0] != shapes[1]:
                told = " with ".join(map(shape_text, shapes))
                raise Mismatch(f"{told}: backward takes one weight an element")
        return value

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
        if isinstance(function, (DType, _Function)):
            return function, receiver
        name = getattr(function, "__name__", "")
        module = getattr(function, "__module__", None) or ""
        computes = module.startswith("gradsh.engine.ops.") or hasattr(function, "op")
        computes = computes or (name in _DERIVATIVES and module.startswith("gradsh.engine."))
        if not (computes or name in PLAIN_RESULTS or name == "detach" or name.endswith("_")):
            raise Unforeseen
        return function, receiver

    def _derived(self, kind: str, arguments: list[Any]) -> Any:
        """Derivatives of a result, or of a function of one tensor."""
        if len(arguments) < 2:
            raise Unforeseen
        first, inputs = arguments[:2]
        if kind == "gradients":
            return tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
        if not (isinstance(first, _Function) and isinstance(inputs, Tensor)):
            raise Unforeseen
        value = self._applied(first, [inputs], {})
        if not isinstance(value, Tensor):
            raise Unforeseen
        shape = inputs.array.shape if kind == "second" else value.array.shape
        return hollow((*shape, *inputs.array.shape), inputs.array.dtype)

    def _lambda(self, node: ast.Lambda) -> _Function:
        return self._made(node.args, [ast.Return(node.body)])

    def _made(self, arguments: ast.arguments, body: Sequence[ast.stmt]) -> _Function:
        names = tuple([argument.arg for argument in arguments.args])
        given = [self.value(default) for default in arguments.defaults]
        defaults = dict(zip(names[len(names) - len(given) :], given, strict=True))
        return _Function(names, defaults, body, self._bound)

    def _of_the_user(self, function: FunctionType) -> _Function:
        """A function of the session's, from its text."""
        code = function.__code__
        if code.co_freevars:
            raise Unforeseen
        names = code.co_varnames[: code.co_argcount]
        given = [stand_in(x) if isinstance(x, Tensor) else x for x in function.__defaults__ or ()]
        defaults = dict(zip(names[len(names) - len(given) :], given, strict=True))
        return _Function(names, defaults, _body(code), {})

    def _applied(self, function: _Function, values: list[Any], named: dict[str, Any]) -> Any:
        """What a function of the user gives, if it ends with the only `return` in it."""
        *before, end = function.body
        early = any(isinstance(node, ast.Return) for part in before for node in ast.walk(part))
        if early or not isinstance(end, ast.Return) or self._depth == _DEEPEST:
            raise Unforeseen
        if len(values) > len(function.parameters) or not {*named} <= {*function.parameters}:
            raise Unforeseen
        values = [self._literal(value) if type(value) is list else value for value in values]
        given = dict(zip(function.parameters, values, strict=False))
        bound = {**function.bound, **function.defaults, **given, **named}
        if not all(name in bound for name in function.parameters):
            raise Unforeseen
        return _Expressions(self._names, bound, self._depth + 1).last(function.body)

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


@lru_cache(maxsize=64)
def _body(code: CodeType) -> Sequence[ast.stmt]:
    """The statements of a function of the user's, from the text that it was written in."""
    written = written_in(code)
    statements = None if written is None else tree(written[2])
    nodes = [node for statement in statements or () for node in ast.walk(statement)]
    found: list[Sequence[ast.stmt]] = []
    for node in nodes:
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            found.append(node.body)
        elif isinstance(node, ast.Lambda) and code.co_name == "<lambda>":
            found.append([ast.Return(node.body)])
    if len(found) != 1:
        raise Unforeseen
    return found[0]


def _are_numbers(items: list[Any]) -> bool:
    return all(
        _are_numbers(item) if type(item) is list else type(item) in _NUMBERS for item in items
    )


def _is_mask(index: Any) -> bool:
    return type(index) is bool or (isinstance(index, Tensor) and index.array.dtype.kind == "b")
