"""The steps of the compiler that make expressions: grammar productions to Python syntax trees.

Operators, calls, attributes and indexing are Python's own nodes, so that they run at Python's
own speed. What Python cannot say is a call of a name that no user can type, such as `@tensor`;
the session supplies those. A user's attribute `.name` gets a leading dot, so that only classes
made for gradsh answer to it.

The nodes of the commonest forms are made by filling in the instance's dictionary, which is
three times as fast as calling the class; making nodes is a good part of the compiler's time.
"""

from __future__ import annotations

import ast
from typing import Any, Final, NoReturn

from gradsh.language.faults import Fault, Place
from gradsh.language.parser import Lexeme
from gradsh.language.texts import number_value, string_value

LOAD: Final = ast.Load()
_BINARY: Final[dict[str, ast.operator]] = {
    "+": ast.Add(),
    "-": ast.Sub(),
    "*": ast.Mult(),
    "/": ast.Div(),
    "//": ast.FloorDiv(),
    "@": ast.MatMult(),
    "|": ast.BitOr(),
    "&": ast.BitAnd(),
}
POWER: Final = ast.Pow()
_UNARY: Final[dict[str, ast.unaryop]] = {
    "-": ast.USub(),
    "+": ast.UAdd(),
    "~": ast.Invert(),
    "not": ast.Not(),
}
_COMPARISON: Final[dict[str, ast.cmpop]] = {
    "==": ast.Eq(),
    "!=": ast.NotEq(),
    "<": ast.Lt(),
    "<=": ast.LtE(),
    ">": ast.Gt(),
    ">=": ast.GtE(),
}
_CONSTANTS: Final = {
    "true": True,
    "True": True,
    "false": False,
    "False": False,
    "none": None,
    "None": None,
}
MAXIMUM_LITERAL_POWER: Final = 64
"""Largest literal exponent for which `^` needs no guard against endless integer powers."""

Operand = ast.expr | Lexeme
"""What has a place: a tree or a token."""


class ListLiteral(ast.Call):
    """`[a, b]`: a call of `@tensor`, or, where a function takes several tensors, the bare list."""

    @property
    def literal(self) -> ast.List:
        """The list itself."""
        first = self.args[0]
        assert isinstance(first, ast.List)
        return first


class GuardedOperation(ast.Call):
    """`a ^ b` or `a % b` as a call; `args` are the operands."""


def place_of(part: ast.expr | ast.stmt | ast.arg | ast.keyword | Lexeme) -> Place:
    """The place of a tree's first line, or of a token."""
    if isinstance(part, tuple):
        return part[1], part[2], part[3]
    end = part.end_col_offset if part.end_lineno == part.lineno else None
    return part.lineno, part.col_offset, part.col_offset + 1 if end is None else end


def fail(
    part: ast.expr | ast.stmt | ast.arg | Lexeme, message: str, hint: str | None = None
) -> NoReturn:
    """Raise a Fault at the place of `part`."""
    raise Fault(message, place_of(part), hint)


def span(first: Any, last: Any) -> dict[str, Any]:
    """The four position attributes of a tree from `first` to `last` (trees or tokens)."""
    if type(first) is tuple:
        _, line, column, _ = first
    else:
        line, column = first.lineno, first.col_offset
    if type(last) is tuple:
        _, end_line, _, end = last
    else:
        end_line, end = last.end_lineno, last.end_col_offset
    return {"lineno": line, "col_offset": column, "end_lineno": end_line, "end_col_offset": end}


def internal_name(name: str, position: dict[str, Any]) -> ast.Name:
    """A name that the session supplies and no user can type."""
    return ast.Name(name, LOAD, **position)


def internal_call(
    name: str,
    arguments: list[ast.expr],
    first: Operand,
    last: Operand,
    keywords: list[ast.keyword] | None = None,
) -> ast.Call:
    """A call of what the session supplies under `name`, placed from `first` to `last`."""
    position = span(first, last)
    return ast.Call(internal_name(name, position), arguments, keywords or [], **position)


def unwrapped(value: ast.expr) -> ast.expr:
    """A bracket literal as a plain list, anything else as it is."""
    return value.literal if isinstance(value, ListLiteral) else value


class Expressions:
    """Steps for expressions. Each method has the name of a production in gradsh.lark."""

    # -------------------------------------------------------------- lists of parts

    def empty_list(self) -> list[Any]:
        return []

    def nothing(self) -> None:
        return None

    def first_item(self, item: Any) -> list[Any]:
        return [item]

    def next_item(self, items: list[Any], separator: Lexeme, item: Any) -> list[Any]:
        items.append(item)
        return items

    def item_pair(self, first: Any, separator: Lexeme, second: Any) -> list[Any]:
        return [first, second]

    # ------------------------------------------------------------------- operators

    def binary(self, left: ast.expr, operator: Lexeme, right: ast.expr) -> ast.BinOp:
        node = ast.BinOp.__new__(ast.BinOp)
        node.__dict__ = {
            "left": left,
            "op": _BINARY[operator[0]],
            "right": right,
            "lineno": left.lineno,
            "col_offset": left.col_offset,
            "end_lineno": right.end_lineno,
            "end_col_offset": right.end_col_offset,
        }
        return node

    def remainder(self, left: ast.expr, operator: Lexeme, right: ast.expr) -> ast.expr:
        position = span(left, right)
        name = internal_name("@remainder", position)
        return GuardedOperation(name, [left, right], [], **position)

    def power(self, base: ast.expr, operator: Lexeme, exponent: ast.expr) -> ast.expr:
        position = span(base, exponent)
        if is_small_number(exponent):
            return ast.BinOp(base, POWER, exponent, **position)
        return GuardedOperation(internal_name("@power", position), [base, exponent], [], **position)

    def unary(self, operator: Lexeme, operand: ast.expr) -> ast.UnaryOp:
        return ast.UnaryOp(_UNARY[operator[0]], operand, **span(operator, operand))

    def compare(self, left: ast.expr, operator: Lexeme, right: ast.expr) -> ast.Compare:
        return ast.Compare(left, [_COMPARISON[operator[0]]], [right], **span(left, right))

    def either(self, left: ast.expr, operator: Lexeme, right: ast.expr) -> ast.BoolOp:
        return self._boolean(ast.Or, left, right)

    def both(self, left: ast.expr, operator: Lexeme, right: ast.expr) -> ast.BoolOp:
        return self._boolean(ast.And, left, right)

    def _boolean(self, operator: type[ast.boolop], left: ast.expr, right: ast.expr) -> ast.BoolOp:
        """One node for `a or b or c`, unless brackets set parts of it apart."""
        if isinstance(left, ast.BoolOp) and isinstance(left.op, operator) and not parentheses(left):
            left.values.append(right)
            left.__dict__.update(span(left, right))
            return left
        return ast.BoolOp(operator(), [left, right], **span(left, right))

    # ---------------------------------------------------------------------- atoms

    def name(self, lexeme: Lexeme) -> ast.Name:
        text, line, column, end = lexeme
        node = ast.Name.__new__(ast.Name)
        node.__dict__ = {
            "id": text,
            "ctx": LOAD,
            "lineno": line,
            "col_offset": column,
            "end_lineno": line,
            "end_col_offset": end,
        }
        return node

    def number(self, lexeme: Lexeme) -> ast.Constant:
        text, line, column, end = lexeme
        node = ast.Constant.__new__(ast.Constant)
        node.__dict__ = {
            "value": number_value(text, (line, column, end)),
            "kind": None,
            "lineno": line,
            "col_offset": column,
            "end_lineno": line,
            "end_col_offset": end,
        }
        return node

    def string(self, lexeme: Lexeme) -> ast.Constant:
        text, line, column, _ = lexeme
        value = string_value(text[1:-1], line, column + 1)
        return ast.Constant(value, **span(lexeme, lexeme))

    def constant(self, lexeme: Lexeme) -> ast.Constant:
        return ast.Constant(_CONSTANTS[lexeme[0]], **span(lexeme, lexeme))

    def group(self, opening: Lexeme, value: ast.expr, closing: Lexeme) -> ast.expr:
        attributes = value.__dict__
        attributes["parentheses"] = attributes.get("parentheses", 0) + 1
        attributes.update(span(opening, closing))
        return value

    def tuple(self, opening: Lexeme, *rest: Any) -> ast.Tuple:
        content = rest[0]
        if len(rest) == 1:
            content = []
        elif not isinstance(content, list):
            content = [content]
        node = ast.Tuple(content, LOAD, **span(opening, rest[-1]))
        node.__dict__["parentheses"] = 1
        return node

    def bare_tuple(self, content: Any, *comma: Lexeme) -> ast.Tuple:
        items = content if isinstance(content, list) else [content]
        return ast.Tuple(items, LOAD, **span(items[0], comma[0] if comma else items[-1]))

    def bracket_list(self, opening: Lexeme, *rest: Any) -> ListLiteral:
        items = [unwrapped(item) for item in rest[0]] if len(rest) > 1 else []
        position = span(opening, rest[-1])
        literal = ast.List(items, LOAD, **position)
        return ListLiteral(internal_name("@tensor", position), [literal], [], **position)

    # -------------------------------------------------------------------- postfixes

    def attribute(self, value: ast.expr, dot: Lexeme, name: Lexeme) -> ast.Attribute:
        node = ast.Attribute.__new__(ast.Attribute)
        node.__dict__ = {
            "value": value,
            "attr": "." + name[0],
            "ctx": LOAD,
            "lineno": value.lineno,
            "col_offset": value.col_offset,
            "end_lineno": name[1],
            "end_col_offset": name[3],
        }
        return node

    def call(self, function: ast.expr, opening: Lexeme, *rest: Any) -> ast.Call:
        positional: list[ast.expr] = []
        keywords: list[ast.keyword] = []
        has_list = False
        for argument in rest[0] if len(rest) > 1 else ():
            if isinstance(argument, ast.keyword):
                if isinstance(argument.value, ListLiteral):
                    has_list = True
                    argument.value = argument.value.literal
                keywords.append(argument)
                continue
            if keywords:
                fail(argument, "a value without a name follows one with a name")
            if isinstance(argument, ListLiteral):
                has_list = True
                argument = argument.literal
            positional.append(argument)
        if isinstance(function, (ast.Constant, ast.Tuple, ast.JoinedStr)):
            _not_callable(function)
        end = rest[-1]
        if has_list:
            name = internal_name("@call", span(function, function))
            function, positional = name, [function, *positional]
        node = ast.Call.__new__(ast.Call)
        node.__dict__ = {
            "func": function,
            "args": positional,
            "keywords": keywords,
            "lineno": function.lineno,
            "col_offset": function.col_offset,
            "end_lineno": end[1],
            "end_col_offset": end[3],
        }
        return node

    def keyword_argument(self, name: Lexeme, assign: Lexeme, value: ast.expr) -> ast.keyword:
        return ast.keyword(name[0], value, **span(name, value))

    def requires_grad(self, value: ast.expr, word: Lexeme) -> ast.Call:
        return internal_call("@grad_on", [value], value, word)

    def index(
        self, value: ast.expr, opening: Lexeme, item: ast.expr, closing: Lexeme
    ) -> ast.Subscript:
        _check_index(value, item)
        return ast.Subscript(value, unwrapped(item), LOAD, **span(value, closing))

    def index_tuple(
        self, value: ast.expr, opening: Lexeme, content: Any, *rest: Lexeme
    ) -> ast.Subscript:
        items = content if isinstance(content, list) else [content]
        items = [unwrapped(item) for item in items]
        index = ast.Tuple(items, LOAD, **span(items[0], items[-1]))
        return self.index(value, opening, index, rest[-1])

    def slice(
        self,
        lower: ast.expr | None,
        colon: Lexeme,
        upper: ast.expr | None,
        second_colon: Lexeme | None = None,
        step: ast.expr | None = None,
    ) -> ast.Slice:
        last = step or second_colon or upper or colon
        return ast.Slice(lower, upper, step, **span(lower or colon, last))

    def ellipsis(self, lexeme: Lexeme) -> ast.Constant:
        return ast.Constant(..., **span(lexeme, lexeme))


def parentheses(value: ast.expr) -> int:
    """How many pairs of parentheses stand directly around an expression."""
    count: int = value.__dict__.get("parentheses", 0)
    return count


def is_small_number(value: ast.expr) -> bool:
    """Whether an expression is a number of few digits, signed or not."""
    if isinstance(value, ast.UnaryOp) and isinstance(value.op, (ast.USub, ast.UAdd)):
        value = value.operand
    return (
        isinstance(value, ast.Constant)
        and isinstance(value.value, (int, float))
        and abs(value.value) <= MAXIMUM_LITERAL_POWER
    )


def _constant_kind(value: ast.Constant) -> str:
    if isinstance(value.value, bool) or value.value is None:
        return str(value.value).lower()
    return "a text" if isinstance(value.value, str) else "a number"


def _check_index(value: ast.expr, item: ast.expr) -> None:
    """Refuse what can never be indexed so; Python's compiler would print a warning of its own."""
    if isinstance(value, ast.Constant) and not isinstance(value.value, str):
        fail(value, f"{_constant_kind(value)} has no parts to index")
    if isinstance(value, ast.Lambda):
        fail(value, "a function has no parts to index")
    if isinstance(value, (ast.Constant, ast.Tuple, ast.JoinedStr)):
        number = isinstance(item, ast.Constant) and isinstance(item.value, int)
        if not number and isinstance(
            item, (ast.Constant, ast.Tuple, ast.Lambda, ast.JoinedStr, ListLiteral)
        ):
            kind = "a tuple" if isinstance(value, ast.Tuple) else "a text"
            fail(item, f"{kind} is indexed with one whole number or a slice")


def _not_callable(value: ast.expr) -> NoReturn:
    if isinstance(value, ast.Constant):
        kind = _constant_kind(value)
        hint = "write `*` for a product: 2*(x + 1)" if kind == "a number" else None
        fail(value, f"{kind} cannot be called", hint)
    kind = "a tuple" if isinstance(value, ast.Tuple) else "a text"
    fail(value, f"{kind} cannot be called")
