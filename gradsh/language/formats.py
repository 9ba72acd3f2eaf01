"""The step for f-strings: `f"loss {loss.item():.4f}"`."""

from __future__ import annotations

import ast
from typing import Any, Final

from gradsh.language.blocks import Blocks, Shown
from gradsh.language.expressions import span
from gradsh.language.faults import Fault
from gradsh.language.grammar import OTHER_GROUP, TOKEN
from gradsh.language.parser import Lexeme, Parser
from gradsh.language.texts import check_specification, string_value

_CONVERSIONS: Final = {"r": 114, "s": 115}
_NO_CONVERSION: Final = -1


class Formats(Blocks):
    """The step for f-strings."""

    def format_string(self, lexeme: Lexeme) -> ast.JoinedStr:
        """The parts of an f-string; the expressions in it are parsed in place."""
        text, line, column, _ = lexeme
        values: list[ast.expr] = []
        position = 2
        end = len(text) - 1
        literal: list[str] = []
        start = position

        def keep_literal(until: int) -> None:
            literal.append(string_value(text[start:until], line, column + start))

        while position < end:
            character = text[position]
            if character not in "{}":
                position += 2 if character == "\\" else 1
                continue
            keep_literal(position)
            if text[position + 1] == character:
                literal.append(character)
                position += 2
                start = position
                continue
            if character == "}":
                raise Fault(
                    "a single '}' in an f-string",
                    (line, column + position, column + position + 1),
                    "write '}}' for the character itself",
                )
            if any(literal):
                values.append(ast.Constant("".join(literal), **span(lexeme, lexeme)))
            literal = []
            value, position = self._format_value(lexeme, position, end)
            values.append(value)
            start = position
        keep_literal(end)
        if any(literal):
            values.append(ast.Constant("".join(literal), **span(lexeme, lexeme)))
        return ast.JoinedStr(values, **span(lexeme, lexeme))

    def _format_value(self, lexeme: Lexeme, opening: int, end: int) -> tuple[ast.expr, int]:
        """The `{...}` that opens at `opening` in the token's text, and the position after it."""
        text, line, column, _ = lexeme
        place = (line, column + opening, column + opening + 1)
        stop = _end_of_expression(text, opening + 1, end)
        if stop < 0:
            raise Fault("'{' is not closed in this f-string", place, "write '{{' for the character")
        if not text[opening + 1 : stop].strip():
            raise Fault("nothing stands between '{' and '}'", place, "write '{{' for the character")
        value = self._parsed(lexeme, opening + 1, stop)
        conversion = _NO_CONVERSION
        if text[stop] == "!":
            if text[stop + 1] not in _CONVERSIONS or text[stop + 2] not in ":}":
                here = (line, column + stop, column + stop + 2)
                raise Fault("after '!' stands r or s", here)
            conversion = _CONVERSIONS[text[stop + 1]]
            stop += 2
        specification = None
        if text[stop] == ":":
            closing = text.find("}", stop, end)
            if closing < 0:
                raise Fault("'{' is not closed in this f-string", place)
            written = text[stop + 1 : closing]
            check_specification(written, (line, column + stop + 1, column + max(closing, stop + 2)))
            position = span(lexeme, lexeme)
            specification = ast.JoinedStr([ast.Constant(written, **position)], **position)
            stop = closing
        place_of_value = span(value, value)
        return ast.FormattedValue(value, conversion, specification, **place_of_value), stop + 1

    def _parsed(self, lexeme: Lexeme, start: int, stop: int) -> ast.expr:
        text, line, column, _ = lexeme
        parser = Parser(self)
        written = text[:stop] + "\n"
        parser.line = line
        parser.line_start = -column
        assigned: Any = getattr(self, "assigned", None)
        while text[start] in " \t":
            start += 1
        try:
            if parser.run(written, start, stop + 1) < 0:
                from gradsh.language.hints import unfinished

                raise unfinished(parser.states, parser.lexer, written, line, column + stop)
        except Fault as fault:
            message = fault.message.replace("end of line", "'}'").replace("end of input", "'}'")
            raise Fault(message, fault.place, fault.hint) from None
        self.assigned = assigned
        statements = parser.value
        if len(statements) != 1 or not isinstance(statements[0], Shown):
            place = (line, column + start, column + stop)
            raise Fault("between '{' and '}' stands an expression", place)
        value: ast.expr = statements[0].value
        return value


def _end_of_expression(text: str, start: int, end: int) -> int:
    """Where the expression that begins at `start` ends: at its `}`, `:` or `!`; or -1."""
    depth = 0
    while text[start] in " \t":
        start += 1
    for match in TOKEN.finditer(text, start, end):
        token = match[match.lastindex or 0]
        if match.lastindex == OTHER_GROUP:
            return match.start() if token == "!" and not depth else -1
        if token in ("(", "[", "{"):
            depth += 1
        elif not depth and token in ("}", ":"):
            return match.start()
        elif token in (")", "]", "}"):
            depth -= 1
    return -1
