"""The steps for commands: `graph`, `explain`, `check`, `plot`, `minimize` and the rest.

Each becomes a call `@command(name, values, parts)`: the values as a tuple, and a dictionary of
what was written besides, which holds only what was written. Expressions that the command
evaluates again and again come as functions without arguments. Where a command works on
expressions, `parts["text"]` has their source texts, and `parts["over_text"]` those of the
variables after `over`.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, Final

from gradsh.language.blocks import no_arguments
from gradsh.language.expressions import LOAD, fail, internal_name, parentheses, span
from gradsh.language.formats import Formats
from gradsh.language.parser import Lexeme
from gradsh.language.statements import CommandCall, Option, Statements

MAXIMUM_TEXT: Final = 1000
"""Characters of an expression's text that a command gets; the rest is for nobody to read."""

Curve = tuple[ast.expr, ast.expr | None]
"""What is drawn, and the name that it is given."""

_PLOT_HINT: Final = "plot x^2 over x from 0 to 1 with derivative"
_CONTOUR_HINT: Final = "contour x^2 + y^2 over x, y from -1 to 1"


class Commands(Formats, Statements):
    """Steps for commands. Each method has the name of a production in gradsh.lark."""

    def source(self) -> str:
        """The text of the statement so far, from the start of its first line."""
        raise NotImplementedError

    def command_bare(self, word: Lexeme) -> list[ast.stmt]:
        return self._command(word, [], {}, word)

    def command_number(self, word: Lexeme, number: Lexeme) -> list[ast.stmt]:
        return self._command(word, [self.number(number)], {}, number)

    def command_flag(self, word: Lexeme, minus: Lexeme, flag: Lexeme) -> list[ast.stmt]:
        if flag[0] != "s":
            fail(flag, f"{word[0]} has no option -{flag[0]}", f"{word[0]} -s sorts by size")
        return self._command(word, [_text(flag[0], flag)], {}, flag)

    def command_record_all(self, word: Lexeme, everything: Lexeme, path: Lexeme) -> list[ast.stmt]:
        position = span(everything, everything)
        parts: dict[str, ast.expr] = {"all": ast.Constant(True, **position)}
        return self._command(word, [self.string(path)], parts, path)

    def command_record_stop(self, word: Lexeme, stop: Lexeme) -> list[ast.stmt]:
        parts: dict[str, ast.expr] = {"stop": ast.Constant(True, **span(stop, stop))}
        return self._command(word, [], parts, stop)

    def command_word(self, word: Lexeme, choice: Lexeme) -> list[ast.stmt]:
        return self._command(word, [_text(choice[0], choice)], {}, choice)

    def command_seed(self, word: Lexeme, value: ast.expr) -> list[ast.stmt]:
        return self._command(word, [value], {}, value)

    def command_set(
        self, word: Lexeme, name: Lexeme, value: ast.expr | None = None
    ) -> list[ast.stmt]:
        values: list[ast.expr] = [_text(name[0], name)]
        if isinstance(value, ast.Name):
            values.append(ast.Constant(value.id, **span(value, value)))
        elif value is not None:
            values.append(value)
        return self._command(word, values, {}, value or name)

    def command_help(self, word: Lexeme, topic: list[Lexeme]) -> list[ast.stmt]:
        text = ".".join(part[0] for part in topic)
        return self._command(word, [_text(text, topic[0])], {}, topic[-1])

    def command_help_call(
        self, word: Lexeme, opening: Lexeme, topic: list[Lexeme], closing: Lexeme
    ) -> list[ast.stmt]:
        return self.command_help(word, topic)

    def command_help_text(self, word: Lexeme, text: Lexeme) -> list[ast.stmt]:
        return self._command(word, [self.string(text)], {}, text)

    def command_help_text_call(
        self, word: Lexeme, opening: Lexeme, text: Lexeme, closing: Lexeme
    ) -> list[ast.stmt]:
        return self.command_help_text(word, text)

    def command_session(self, word: Lexeme, session: Lexeme, path: ast.expr) -> list[ast.stmt]:
        both = (f"{word[0]} session", word[1], word[2], session[3])
        return self._command(both, [path], {}, path)

    def command_export(self, word: Lexeme, path: ast.expr) -> list[ast.stmt]:
        return self._command(word, [path], {}, path)

    def command_export_for(self, word: Lexeme, path: Lexeme, target: Lexeme) -> list[ast.stmt]:
        return self._command(word, [self.string(path), _text(target[0], target)], {}, target)

    def command_time(self, word: Lexeme, statement: list[ast.stmt]) -> list[ast.stmt]:
        """`time S`: the statement inside the context manager that the command gives."""
        statement = self.settled(statement)
        text = self._text_between(statement[0], statement[-1])
        manager = self._call(word, [], {"text": _text(text, word)}, word)
        return self.show(self.block_of(manager, statement, word, statement[-1]))

    def command_values(
        self, word: Lexeme, values: list[ast.expr], to: Lexeme | None = None, path: Any = None
    ) -> list[ast.stmt]:
        values = _several(values)
        parts: dict[str, ast.expr] = {"text": self._texts(values)}
        if path is not None:
            parts["to"] = path
        return self._command(word, values, parts, path or values[-1])

    def command_graph(
        self, word: Lexeme, values: list[ast.expr], options: list[Option]
    ) -> list[ast.stmt]:
        values = _several(values)
        parts: dict[str, ast.expr] = {"text": self._texts(values)}
        return self._command(word, values, parts | self._parts(options), values[-1])

    def command_explain(
        self, word: Lexeme, value: ast.expr, options: list[Option]
    ) -> list[ast.stmt]:
        parts: dict[str, ast.expr] = {"text": self._texts([value])}
        return self._command(word, [value], parts | self._parts(options), value)

    def command_why(self, word: Lexeme, value: ast.expr) -> list[ast.stmt]:
        """`why x.grad` asks for x: its gradient may be none."""
        parts: dict[str, ast.expr] = {}
        asked = value
        if isinstance(value, ast.Attribute) and value.attr == ".grad":
            asked = value.value
            parts["gradient"] = ast.Constant(True, **span(value, value))
        parts["text"] = self._texts([asked])
        return self._command(word, [asked], parts, value)

    def command_check(self, word: Lexeme, value: ast.expr, over: Option) -> list[ast.stmt]:
        parts: dict[str, ast.expr] = {"text": self._texts([value])}
        function = self._function(value)
        return self._command(word, [function], parts | self._parts([over]), over[2][-1])

    def command_plot(
        self, word: Lexeme, curves: list[Curve], options: list[Option] | None = None
    ) -> list[ast.stmt]:
        options = options or []
        parts, values = self._named(curves)
        names = _given(options, "over")
        if names is None:
            _refuse(options, "from", "'from ... to ...' belongs to 'over'", _PLOT_HINT)
            _refuse(options, "with", "'with derivative' belongs to 'over'", _PLOT_HINT)
        elif len(names) > 1:
            fail(names[1], "plot runs over one variable", _CONTOUR_HINT)
        else:
            values = [self._function(value, names) for value in values]
        return self._command(word, values, parts | _drawing(options), values[-1])

    def command_contour(
        self, word: Lexeme, value: ast.expr, options: list[Option] | None = None
    ) -> list[ast.stmt]:
        options = options or []
        parts: dict[str, ast.expr] = {"text": self._texts([value])}
        _refuse(options, "with", "'with derivative' belongs to plot", _PLOT_HINT)
        names = _given(options, "over")
        if names is not None:
            if len(names) != 2:
                fail(names[0], "contour runs over two variables", _CONTOUR_HINT)
            value = self._function(value, names)
        return self._command(word, [value], parts | _drawing(options), value)

    def command_hist(
        self, word: Lexeme, curves: list[Curve], options: list[Option] | None = None
    ) -> list[ast.stmt]:
        parts, values = self._named(curves)
        parts |= {name: given for name, _, given in options or []}
        return self._command(word, values, parts, values[-1])

    def unnamed_curve(self, value: ast.expr) -> Curve:
        return value, None

    def named_curve(self, value: ast.expr, word: Lexeme, name: Lexeme) -> Curve:
        return value, self.string(name)

    def plot_range(self, word: Lexeme, lower: ast.expr, to: Lexeme, upper: ast.expr) -> Option:
        return word[0], word, (lower, upper)

    def plot_derivative(self, word: Lexeme, derivative: Lexeme) -> Option:
        return word[0], word, None

    def _named(self, curves: list[Curve]) -> tuple[dict[str, ast.expr], list[ast.expr]]:
        """What `plot` and `hist` draw: the parts that say how it is called, and the values."""
        values = [value for value, _ in curves]
        if len(curves) == 1 and curves[0][1] is None:
            values = _several(values)
            names: list[ast.expr | None] = [None] * len(values)
        else:
            names = [name for _, name in curves]
        texts = self._texts(values)
        named = [name or text for name, text in zip(names, texts.elts, strict=True)]
        parts: dict[str, ast.expr] = {"text": texts}
        if any(names):
            parts["names"] = ast.Tuple(named, LOAD, **span(values[0], values[-1]))
        return parts, values

    def minimize(
        self, word: Lexeme, loss: ast.expr, over: Option, options: list[Option]
    ) -> ast.expr:
        parts: dict[str, ast.expr] = {"text": self._texts([loss])}
        parts |= self._parts([over, *options])
        if "using" in parts:
            parts["using"] = self._optimiser(parts["using"])
        last = options[-1][2] if options else over[2][-1]
        return self._call(word, [self._function(loss)], parts, last)

    def _optimiser(self, value: ast.expr) -> ast.expr:
        """`using adam(lr=0.1)` as a function of the tensors, which the call does not name."""
        position = span(value, value)
        tensors = ast.Name("@over", LOAD, **position)
        arguments = no_arguments()
        arguments.args = [ast.arg("@over", None, **position)]
        if isinstance(value, ast.Call):
            name = internal_name("@optimiser_call", position)
            given = [value.func, tensors, *value.args]
            body: ast.expr = ast.Call(name, given, value.keywords, **position)
        else:
            body = ast.Call(internal_name("@optimiser", position), [value, tensors], [], **position)
        return self.function_of(arguments, body, position)

    def _function(self, value: ast.expr, parameters: Sequence[Lexeme] = ()) -> ast.expr:
        """The expression as a function of the given variables."""
        arguments = no_arguments()
        arguments.args = [ast.arg(name[0], None, **span(name, name)) for name in parameters]
        return self.function_of(arguments, value, span(value, value))

    def _parts(self, options: list[Option]) -> dict[str, ast.expr]:
        parts: dict[str, ast.expr] = {}
        for name, lexeme, given in options:
            if name == "over":
                position = span(given[0], given[-1])
                parts["over"] = ast.Tuple(given, LOAD, **position)
                parts["over_text"] = self._texts(given)
            else:
                parts[name] = ast.Constant(True, **span(lexeme, lexeme)) if given is None else given
        return parts

    def _texts(self, values: list[ast.expr]) -> ast.Tuple:
        texts: list[ast.expr] = [
            ast.Constant(self._text_between(value, value), **span(value, value)) for value in values
        ]
        return ast.Tuple(texts, LOAD, **span(values[0], values[-1]))

    def _text_between(self, first: Any, last: Any) -> str:
        source = self.source()
        line_start = 0
        for _ in range(first.lineno - 1):
            line_start = source.index("\n", line_start) + 1
        start = line_start + first.col_offset
        for _ in range(last.end_lineno - first.lineno):
            line_start = source.index("\n", line_start) + 1
        end = line_start + last.end_col_offset
        if end - start > MAXIMUM_TEXT:
            return source[start : start + MAXIMUM_TEXT - 3] + "..."
        return source[start:end]

    def _command(
        self, word: Lexeme, values: list[ast.expr], parts: dict[str, ast.expr], last: Any
    ) -> list[ast.stmt]:
        return self.show(self._call(word, values, parts, last))

    def _call(
        self, word: Lexeme, values: list[ast.expr], parts: dict[str, ast.expr], last: Any
    ) -> CommandCall:
        position = span(word, last)
        keys: list[ast.expr | None] = [ast.Constant(name, **position) for name in parts]
        arguments: list[ast.expr] = [
            _text(word[0], word),
            ast.Tuple(values, LOAD, **position),
            ast.Dict(keys, list(parts.values()), **position),
        ]
        return CommandCall(internal_name("@command", position), arguments, [], **position)


def _given(options: list[Option], name: str) -> Any:
    """What was written after the word `name`; None if it was not written."""
    return next((given for option, _, given in options if option == name), None)


def _refuse(options: list[Option], name: str, message: str, hint: str) -> None:
    for option, lexeme, _ in options:
        if option == name:
            fail(lexeme, message, hint)


def _drawing(options: list[Option]) -> dict[str, ast.expr]:
    """The parts that `plot` and `contour` get: names after `over` as texts, the ends of a range."""
    parts: dict[str, ast.expr] = {}
    for name, lexeme, given in options:
        if name == "over":
            texts: list[ast.expr] = [_text(variable[0], variable) for variable in given]
            parts["over"] = ast.Tuple(texts, LOAD, **span(given[0], given[-1]))
        elif name == "from":
            parts["from"], parts["until"] = given
        elif name == "with":
            parts["derivative"] = ast.Constant(True, **span(lexeme, lexeme))
        else:
            parts[name] = given
    return parts


def _several(values: list[ast.expr]) -> list[ast.expr]:
    """The values of `show(x, y)`, which is `show x, y`."""
    only = values[0]
    if len(values) == 1 and isinstance(only, ast.Tuple) and parentheses(only) == 1 and only.elts:
        return only.elts
    return values


def _text(text: str, lexeme: Lexeme) -> ast.Constant:
    return ast.Constant(text, **span(lexeme, lexeme))
