"""The steps of the compiler that make statements. Each gives a list of Python statements."""

from __future__ import annotations

import ast
from copy import copy
from typing import Any, Final

from gradsh.language.blocks import (
    Blocks,
    Shown,
    function_definition,
    statement_position,
)
from gradsh.language.expressions import (
    LOAD,
    POWER,
    ListLiteral,
    fail,
    internal_call,
    internal_name,
    is_small_number,
    parentheses,
    place_of,
    span,
)
from gradsh.language.faults import Fault, Place
from gradsh.language.parser import Lexeme

STORE: Final = ast.Store()
_DELETE: Final = ast.Del()
SETTABLE: Final = (".grad", ".requires_grad", ".data", ".lr")
"""The attributes that a program may set."""
_AUGMENTED: Final[dict[str, ast.operator]] = {
    "+=": ast.Add(),
    "-=": ast.Sub(),
    "*=": ast.Mult(),
    "/=": ast.Div(),
    "@=": ast.MatMult(),
    "^=": POWER,
    "**=": POWER,
}

Option = tuple[str, Lexeme, Any]
"""A part of a statement that a word introduces: the word, its place, what follows it."""


class Statements(Blocks):
    """Steps for statements. Each method has the name of a production in gradsh.lark."""

    def begin(self) -> None:
        super().begin()
        self.assigned: list[ast.stmt] | None = None
        self.assigned_names: list[tuple[str, Place]] = []

    # ------------------------------------------------------------ bodies and blocks

    def first_statement(self, statement: list[ast.stmt]) -> list[ast.stmt]:
        return list(self.settled(statement))

    def next_statement(
        self, statements: list[ast.stmt], separator: Lexeme, statement: list[ast.stmt]
    ) -> list[ast.stmt]:
        statements.extend(self.settled(statement))
        return statements

    def first_of_two(self, body: list[ast.stmt], separator: Lexeme) -> list[ast.stmt]:
        return body

    def block(
        self, opening: Lexeme, body: list[ast.stmt], closing: Lexeme
    ) -> tuple[Lexeme, list[ast.stmt], Lexeme]:
        return opening, body or [ast.Pass(**span(opening, closing))], closing

    # ----------------------------------------------------- expressions and bindings

    def show(self, value: ast.expr) -> list[ast.stmt]:
        if isinstance(value, CommandCall):
            return [ast.Expr(value, **span(value, value))]
        statement = Shown.__new__(Shown)
        statement.__dict__ = {
            "value": value,
            "lineno": value.lineno,
            "col_offset": value.col_offset,
            "end_lineno": value.end_lineno,
            "end_col_offset": value.end_col_offset,
        }
        return [statement]

    def first_target(self, target: ast.expr, assign: Lexeme) -> list[ast.expr]:
        return [target]

    def next_target(
        self, targets: list[ast.expr], target: ast.expr, assign: Lexeme
    ) -> list[ast.expr]:
        targets.append(target)
        return targets

    def assign(self, targets: list[ast.expr], value: ast.expr) -> list[ast.stmt]:
        self.assigned_names = []
        count = 0
        for target in targets:
            if isinstance(target, ast.Tuple):
                if len(targets) > 1:
                    fail(target, "unpacking stands in a statement of its own")
                count = len(target.elts)
                target.ctx = STORE
                for element in target.elts:
                    self._stored(element)
            else:
                self._stored(target)
        if count:
            number = ast.Constant(count, **span(value, value))
            value = internal_call("@unpack", [value, number], value, value)
            first = targets[0]
            assert isinstance(first, ast.Tuple)
            if count > 1 and not all(isinstance(part, ast.Name) for part in first.elts):
                self.assigned = _unpacked(first, value)
                return self.assigned
        if len(targets) > 1:
            targets.sort(key=lambda target: isinstance(target, ast.Name))
        statement = ast.Assign.__new__(ast.Assign)
        statement.__dict__ = {
            "targets": targets,
            "value": value,
            "type_comment": None,
            "lineno": targets[0].lineno,
            "col_offset": targets[0].col_offset,
            "end_lineno": value.end_lineno,
            "end_col_offset": value.end_col_offset,
        }
        self.assigned = [statement]
        return self.assigned

    def augmented_assign(
        self, target: ast.expr, operator: Lexeme, value: ast.expr
    ) -> list[ast.stmt]:
        self.assigned_names = []
        if isinstance(target, ast.Tuple):
            fail(target, f"'{operator[0]}' changes one thing at a time")
        self._stored(target)
        position = span(target, value)
        assert isinstance(target, (ast.Name, ast.Attribute, ast.Subscript))
        if (
            operator[0] in ("^=", "**=")
            and isinstance(target, ast.Name)
            and not is_small_number(value)
        ):
            base = ast.Name(target.id, LOAD, **span(target, target))
            value = internal_call("@exponent", [base, value], value, value)
        self.assigned = [ast.AugAssign(target, _AUGMENTED[operator[0]], value, **position)]
        return self.assigned

    def _stored(self, target: ast.expr) -> None:
        """Make a target of an expression. Raises Fault if it cannot be one."""
        if isinstance(target, ast.Name):
            self.assigned_names.append((target.id, place_of(target)))
        elif isinstance(target, ast.Attribute):
            if target.attr not in SETTABLE:
                fail(
                    target,
                    f"'{target.attr}' cannot be set",
                    "only .grad, .requires_grad, .data and .lr can be",
                )
        elif not isinstance(target, ast.Subscript):
            _not_a_target(target)
        target.ctx = STORE  # type: ignore[attr-defined]

    def delete(self, word: Lexeme, names: list[Lexeme]) -> list[ast.stmt]:
        targets: list[ast.expr] = [ast.Name(name[0], _DELETE, **span(name, name)) for name in names]
        deletion: list[ast.stmt] = [ast.Delete(targets, **span(word, names[-1]))]
        if len(names) > 1:  # all or none: look whether all are there
            position = span(names[0], names[-1])
            present = ast.Tuple([self.name(name) for name in names], LOAD, **position)
            deletion.insert(0, ast.Expr(present, **position))
        return deletion

    # ----------------------------------------------------------------- control flow

    def if_statement(self, word: Lexeme, condition: ast.expr, block: Any) -> list[ast.stmt]:
        return [ast.If(condition, block[1], [], **span(word, block[2]))]

    def if_else(
        self, word: Lexeme, condition: ast.expr, block: Any, other: Lexeme, rest: Any
    ) -> list[ast.stmt]:
        if isinstance(rest, tuple):
            otherwise, last = rest[1], rest[2]
        else:
            otherwise, last = rest, rest[-1]
        return [ast.If(condition, block[1], otherwise, **span(word, last))]

    def while_statement(self, word: Lexeme, condition: ast.expr, block: Any) -> list[ast.stmt]:
        return [ast.While(condition, block[1], [], **span(word, block[2]))]

    def loop_name(self, name: Lexeme) -> ast.expr:
        return ast.Name(name[0], STORE, **span(name, name))

    def loop_tuple(self, names: list[Lexeme]) -> ast.expr:
        elements = [self.loop_name(name) for name in names]
        return ast.Tuple(elements, STORE, **span(names[0], names[-1]))

    def for_statement(
        self, word: Lexeme, target: ast.expr, between: Lexeme, iterable: ast.expr, block: Any
    ) -> list[ast.stmt]:
        iterated = internal_call("@iterate", [iterable], iterable, iterable)
        return [ast.For(target, iterated, block[1], [], None, **span(word, block[2]))]

    def break_statement(self, word: Lexeme) -> list[ast.stmt]:
        return [ast.Break(**span(word, word))]

    def continue_statement(self, word: Lexeme) -> list[ast.stmt]:
        return [ast.Continue(**span(word, word))]

    def try_statement(
        self, word: Lexeme, block: Any, catch: Lexeme, handler: Any
    ) -> list[ast.stmt]:
        return self._try(word, block, catch, None, handler)

    def try_named(
        self, word: Lexeme, block: Any, catch: Lexeme, name: Lexeme, handler: Any
    ) -> list[ast.stmt]:
        return self._try(word, block, catch, name, handler)

    def _try(
        self, word: Lexeme, block: Any, catch: Lexeme, name: Lexeme | None, handler: Any
    ) -> list[ast.stmt]:
        body: list[ast.stmt] = handler[1]
        caught = None
        if name is not None:
            caught = "@e"
            position = span(name, name)
            error = internal_call("@caught", [internal_name(caught, position)], name, name)
            target = ast.Name(name[0], STORE, **position)
            body = [ast.Assign([target], error, None, **position), *body]
        position = span(catch, handler[2])
        errors = internal_name("@Error", span(catch, catch))
        clause = ast.ExceptHandler(errors, caught, body, **position)
        return [ast.Try(block[1], [clause], [], [], **span(word, handler[2]))]

    def assert_statement(
        self, word: Lexeme, condition: ast.expr, comma: Lexeme | None = None, text: Any = None
    ) -> list[ast.stmt]:
        if text is None:
            text = ast.Constant("assertion failed", **span(condition, condition))
        error = internal_call("@AssertionError", [text], condition, condition)
        position = span(condition, condition)
        failed = ast.UnaryOp(ast.Not(), condition, **position)
        raised: list[ast.stmt] = [ast.Raise(error, None, **position)]
        return [ast.If(failed, raised, [], **span(word, text if comma else condition))]

    # -------------------------------------------------------------------- functions

    def parameter(
        self, name: Lexeme, assign: Lexeme | None = None, default: ast.expr | None = None
    ) -> tuple[Lexeme, ast.expr | None]:
        return name, default

    def return_nothing(self, word: Lexeme) -> list[ast.stmt]:
        return [ast.Return(None, **span(word, word))]

    def return_value(self, word: Lexeme, value: ast.expr) -> list[ast.stmt]:
        return [ast.Return(value, **span(word, value))]

    def define_expression(
        self,
        word: Lexeme,
        name: Lexeme,
        opening: Lexeme,
        parameters: list[tuple[Lexeme, ast.expr | None]],
        closing: Lexeme,
        assign: Lexeme,
        value: ast.expr,
    ) -> list[ast.stmt]:
        returned: list[ast.stmt] = [ast.Return(value, **span(value, value))]
        start = (value.lineno, value.col_offset)
        body = self._settled_from(start, returned)
        return [self._definition(name, parameters, start, body, span(word, value))]

    def define_block(
        self,
        word: Lexeme,
        name: Lexeme,
        opening: Lexeme,
        parameters: list[tuple[Lexeme, ast.expr | None]],
        closing: Lexeme,
        block: Any,
    ) -> list[ast.stmt]:
        start = block[0][1:3]
        return [self._definition(name, parameters, start, block[1], span(word, block[2]))]

    def define_custom(
        self,
        word: Lexeme,
        name: Lexeme,
        opening: Lexeme,
        parameters: list[tuple[Lexeme, ast.expr | None]],
        closing: Lexeme,
        block: Any,
        backward_word: Lexeme,
        backward_opening: Lexeme,
        backward_parameters: list[tuple[Lexeme, ast.expr | None]],
        backward_closing: Lexeme,
        backward_block: Any,
    ) -> list[ast.stmt]:
        """A function with its own derivative, decorated so that `@custom` gets its forward part.

        The forward part gives its result and the backward part, a function made anew in each
        call, which therefore sees that call's locals.
        """
        position = span(backward_word, backward_block[2])
        backward_lexeme = ("@backward", *backward_word[1:])
        backward = self._definition(
            backward_lexeme,
            backward_parameters,
            backward_block[0][1:3],
            backward_block[1],
            position,
        )
        body: list[ast.stmt] = block[1]
        _return_pairs(body, "@backward")
        closing_brace = span(block[2], block[2])
        body.append(
            ast.Return(_pair(ast.Constant(None, **closing_brace), "@backward"), **closing_brace)
        )
        definition = self._definition(
            name, parameters, block[0][1:3], [backward, *body], span(word, backward_block[2])
        )
        place = span(name, name)
        forward = ast.arguments([], [ast.arg("@forward", None, **place)], None, [], [], None, [])
        made = internal_call(
            "@custom",
            [ast.Constant(name[0], **place), internal_name("@forward", place)],
            name,
            name,
        )
        definition.decorator_list = [ast.Lambda(forward, made, **place)]
        return [definition]

    def _definition(
        self,
        name: Lexeme,
        parameters: list[tuple[Lexeme, ast.expr | None]],
        start: tuple[int, int],
        body: list[ast.stmt],
        position: dict[str, Any],
    ) -> ast.FunctionDef:
        self.defines_function = True
        names: set[str] = set()
        defaults: list[ast.expr] = []
        for lexeme, default in parameters:
            if lexeme[0] in names:
                fail(lexeme, f"two parameters are called '{lexeme[0]}'")
            names.add(lexeme[0])
            if default is not None:
                defaults.append(default)
            elif defaults:
                fail(lexeme, f"'{lexeme[0]}' needs a default, as the parameter before it has one")
        arguments = ast.arguments(
            [],
            [ast.arg(lexeme[0], None, **span(lexeme, lexeme)) for lexeme, _ in parameters],
            None,
            [],
            [],
            None,
            defaults,
        )
        body = self.function_body(start, body, names)
        return function_definition(name[0], arguments, body, position)

    # -------------------------------------------------------- statements with a word

    def print_nothing(self, word: Lexeme) -> list[ast.stmt]:
        return [_statement(internal_call("@print", [], word, word))]

    def print_values(self, word: Lexeme, value: ast.expr) -> list[ast.stmt]:
        several = isinstance(value, ast.Tuple) and parentheses(value) <= 1
        values = value.elts if isinstance(value, ast.Tuple) and several else [value]
        return [_statement(internal_call("@print", values, word, value))]

    def run_file(self, word: Lexeme, path: ast.expr) -> list[ast.stmt]:
        return [_statement(internal_call("@run", [path], word, path))]

    def import_module(self, word: Lexeme, dotted: list[Lexeme], *rest: Any) -> list[ast.stmt]:
        if dotted[0][0] != "torch":
            hint = "gradsh has no modules; what PyTorch has is there under its own name"
            raise Fault(
                f"'{dotted[0][0]}' cannot be imported",
                (dotted[0][1], dotted[0][2], dotted[-1][3]),
                hint,
            )
        return [ast.Pass(**span(word, dotted[-1]))]

    def imported_as(self, name: Lexeme, word: Lexeme, alias: Lexeme) -> Lexeme:
        return alias

    def imported_more(self, first: Lexeme, comma: Lexeme, *rest: Lexeme) -> Lexeme:
        return rest[-1]

    def option_value(self, word: Lexeme, value: ast.expr) -> Option:
        return word[0], word, value

    def option_switch(self, word: Lexeme) -> Option:
        return word[0], word, None

    def option_list(self, word: Lexeme, values: list[ast.expr]) -> Option:
        return word[0], word, values

    def next_option(self, options: list[Option], option: Option) -> list[Option]:
        if any(earlier[0] == option[0] for earlier in options):
            fail(option[1], f"'{option[0]}' is given twice")
        options.append(option)
        return options

    def backward(self, word: Lexeme, value: ast.expr, options: list[Option]) -> list[ast.stmt]:
        gradient: ast.expr = ast.Constant(None, **span(value, value))
        keywords: list[ast.keyword] = []
        last: Any = value
        for name, lexeme, given in options:
            if name == "with":
                gradient = last = given
                continue
            position = span(lexeme, lexeme)
            argument: ast.expr = ast.Constant(True, **position)
            last = lexeme
            if name == "inputs":
                position = span(given[0], given[-1])
                argument = last = ast.Tuple(given, LOAD, **position)
            keywords.append(ast.keyword(name, argument, **position))
        return [_statement(internal_call("@backward", [value, gradient], word, last, keywords))]


class CommandCall(ast.Call):
    """A command that gives a value, such as `minimize`; alone as a statement it shows nothing."""


def _statement(value: ast.expr) -> ast.Expr:
    return ast.Expr(value, **span(value, value))


def _unpacked(target: ast.Tuple, value: ast.expr) -> list[ast.stmt]:
    """`a, x[i] = E` with what can fail first: names are bound when everything else is done."""
    position = span(target, value)
    values = "@values"
    statements: list[ast.stmt] = [
        ast.Assign([ast.Name(values, STORE, **position)], value, **position)
    ]
    parts = [part for part in target.elts if not isinstance(part, ast.Name)]
    if len(parts) > 1:  # none is changed if one of them is not there
        for part in parts:
            present = copy(part)
            present.ctx = LOAD  # type: ignore[attr-defined]
            statements.append(ast.Expr(present, **span(part, part)))
    numbered = sorted(enumerate(target.elts), key=lambda pair: isinstance(pair[1], ast.Name))
    for index, part in numbered:
        place = span(part, part)
        item = ast.Subscript(
            internal_name(values, place), ast.Constant(index, **place), LOAD, **place
        )
        statements.append(ast.Assign([part], item, **place))
    return statements


def _not_a_target(target: ast.expr) -> None:
    if isinstance(target, ast.Constant):
        kinds = {bool: "a truth value", str: "a text", type(None): "none"}
        kind = kinds.get(type(target.value), "a number")
        fail(target, f"{kind} cannot be assigned to", "write == to compare")
    if isinstance(target, ast.Call) and isinstance(target.func, ast.Name):
        if isinstance(target, ListLiteral):
            fail(target, "a bracket list cannot be assigned to", "unpack with a, b = ...")
        if not target.func.id.startswith("@"):
            fail(
                target,
                "a call cannot be assigned to",
                f"to define a function, write `def {target.func.id}(...) = ...`",
            )
    if isinstance(target, ast.Tuple):
        fail(target, "a tuple inside a tuple cannot be assigned to")
    fail(
        target, "only a name, an element or an attribute can be assigned to", "write == to compare"
    )


def _pair(value: ast.expr, second: str) -> ast.Tuple:
    position = span(value, value)
    return ast.Tuple([value, internal_name(second, position)], LOAD, **position)


def _return_pairs(statements: list[ast.stmt], second: str) -> None:
    """Let every `return` of a function's body give its value together with the name `second`."""
    waiting: list[Any] = list(statements)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Return):
            value = node.value or ast.Constant(None, **statement_position(node))
            node.value = _pair(value, second)
        elif not isinstance(node, ast.FunctionDef):
            for field in ("body", "orelse", "handlers", "finalbody"):
                waiting.extend(getattr(node, field, ()))
