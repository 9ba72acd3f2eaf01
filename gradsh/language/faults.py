"""Errors in the text of a program: `SyntaxFault`, and the words for what was expected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradsh.language.grammar import (
    ACTIONS,
    END,
    FIRST_DECLARED,
    FIRST_HARD,
    FIRST_SOFT,
    LEFT_PAREN,
    NAME,
    NEWLINE,
    NUMBER_OF,
    SEMICOLON,
    START,
    TERMINALS,
    TEXT_OF,
    accepts,
)

if TYPE_CHECKING:
    from gradsh.language.diagnostics import Diagnostic

Place = tuple[int, int, int]
"""A line of the statement (from 1), and the columns (from 0) where a part begins and ends."""

NESTED_TOO_DEEPLY = "this is nested too deeply"
NESTED_HINT = "give parts of it names of their own, and put those together"


class Fault(Exception):
    """A fault found in a statement, before it is known which file the statement stands in.

    `mentioned` is a line of the statement that the message speaks of as "{line}".
    """

    def __init__(
        self, message: str, place: Place, hint: str | None = None, mentioned: int | None = None
    ) -> None:
        super().__init__(message)
        self.mentioned = mentioned
        self.message = message
        self.place = place
        self.hint = hint


class SyntaxFault(Exception):
    """The text is not a gradsh program.

    `line` and `column` count from 1, `end` is the column after the last character at fault.
    """

    def __init__(
        self,
        message: str,
        source: str,
        line: int,
        column: int,
        end: int,
        source_line: str,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.source = source
        self.line = line
        self.column = column
        self.end = end
        self.source_line = source_line
        self.hint = hint

    @property
    def diagnostic(self) -> Diagnostic:
        """The fault as a report with its source line, a caret and the hint."""
        from gradsh.language.diagnostics import Diagnostic

        return Diagnostic(
            self.source, self.line, self.column, self.end, self.message, self.source_line, self.hint
        )


def _row_after(*terminals: int) -> set[int]:
    states = [START]
    for terminal in terminals:
        states.append(ACTIONS[states[-1]][terminal])
    return {terminal for terminal in ACTIONS[states[-1]] if accepts(states, terminal)}


_WORDS = {
    END: "end of line",
    NEWLINE: "end of line",
    SEMICOLON: "end of line",
    NAME: "a name",
    NUMBER_OF["NUMBER"]: "a number",
    NUMBER_OF["STRING"]: "a text",
    NUMBER_OF["FSTRING"]: "a text",
    NUMBER_OF["ANY_NAME"]: "a name",
    NUMBER_OF["BLOCK_OPEN"]: "'<'",
    NUMBER_OF["BLOCK_CLOSE"]: "'>' to close the block",
}


def expected(states: list[int]) -> str:
    """What the parser with these states could take next, in a reader's words."""
    accepted = {terminal for terminal in range(len(TERMINALS)) if accepts(states, terminal)}
    parts: list[str] = []

    def group(members: set[int], words: str) -> None:
        if len(accepted & members) >= len(members) - 1:
            parts.append(words)
            accepted.difference_update(members)

    begin_statement = _row_after()
    begin_expression = _row_after(LEFT_PAREN) - {NUMBER_OF["RIGHT_PAREN"]}
    operators = _row_after(LEFT_PAREN, NAME) - {NUMBER_OF["RIGHT_PAREN"], NUMBER_OF["COMMA"]}
    assignments = _row_after(NAME) - operators - {END}
    group(begin_statement, "a statement")
    group(begin_expression, "an expression")
    if parts:
        accepted.discard(NUMBER_OF["MINIMIZE"])
    if NUMBER_OF["PLUS"] in accepted and NUMBER_OF["NUMBER"] not in accepted:
        parts.append("an operator")
        accepted -= operators | assignments
        accepted -= {NUMBER_OF["GRAD"]}
    for terminal in sorted(accepted, key=_order):
        words = _WORDS.get(terminal) or f"'{TEXT_OF[terminal]}'"
        if words not in parts:
            parts.append(words)
    return _joined(parts)


def _order(terminal: int) -> tuple[int, int]:
    """Names first, then words, symbols, and the end of the line last."""
    if terminal in (END, NEWLINE, SEMICOLON):
        return 3, terminal
    if terminal == NAME or terminal >= FIRST_DECLARED:
        return 0, terminal
    return (1 if terminal >= FIRST_HARD else 2), terminal


def _joined(parts: list[str]) -> str:
    if len(parts) > 7:
        parts = [part for part in parts if not part.startswith("'")] or parts[:5]
    if len(parts) < 2:
        return parts[0] if parts else "nothing more"
    return ", ".join(parts[:-1]) + " or " + parts[-1]


def described(terminal: int, text: str) -> str:
    """A token in a reader's words, for "found ..." and "after ..."."""
    if terminal in (END, NEWLINE):
        return "';'" if text == ";" else "end of line"
    if len(text) > 24:
        text = text[:21] + "..."
    if FIRST_HARD <= terminal < FIRST_SOFT:
        return f"the word '{text}'"
    return quoted(text)


def quoted(text: str) -> str:
    """A token in quotes, unless it has its own."""
    return text if text[-1:] in ("'", '"') else f"'{text}'"
