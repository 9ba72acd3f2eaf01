"""What a token is where the text alone does not say: brackets, blocks, line ends and soft words.

The tokens themselves are cut by `grammar.TOKEN`; a `Lexer` knows what is open and decides which
terminal a token stands for in the parser's present state.
"""

from __future__ import annotations

import re
from typing import Final

from gradsh.language.grammar import (
    ACTIONS,
    ANY_NAME,
    BLANK,
    BLOCK_CLOSE,
    BLOCK_OPEN,
    CONTINUES,
    END,
    FIRST_HARD,
    FIRST_SOFT,
    GREATER,
    LEFT_BRACE,
    LEFT_BRACKET,
    LEFT_PAREN,
    LESS,
    NAME,
    NEWLINE,
    NUMBER,
    RIGHT_BRACE,
    RIGHT_BRACKET,
    RIGHT_PAREN,
    SEMICOLON,
    SPELLING,
    START,
    STRING,
)

SKIP: Final = -1
"""Answer of `Lexer.terminal`: the token is to be passed over."""

OPENER_OF: Final = {
    RIGHT_PAREN: LEFT_PAREN,
    RIGHT_BRACKET: LEFT_BRACKET,
    RIGHT_BRACE: LEFT_BRACE,
    BLOCK_CLOSE: BLOCK_OPEN,
}
_AFTER_COMMAND: Final = {
    terminal: state for terminal, state in ACTIONS[START].items() if terminal >= FIRST_SOFT
}
"""The parser's state after each word that begins a statement but may be a name as well."""
_SEPARATED = frozenset((0, LEFT_BRACE, BLOCK_OPEN, NEWLINE, SEMICOLON))
"""Terminals after which a separator would only separate nothing."""
_CLOSER = re.compile(rf"((?:{BLANK}*>){{0,99}}){BLANK}*(?:$|[;#}}\n)\],{{])")
"""What stands behind a `>` that closes; more blocks in each other than this cannot be compiled."""
_BLANKS = re.compile(rf"{BLANK}*")
_WORD = re.compile(r"[^\W\d]\w*")


class Lexer:
    """The open brackets and blocks of one statement, innermost last, and its last terminal.

    `closed` is the bracket that the last closing one closed, if it closed any.
    """

    __slots__ = ("brackets", "closed", "previous")

    def __init__(self) -> None:
        self.brackets: list[tuple[int, int, int]] = []
        self.closed: tuple[int, int, int] | None = None
        self.previous = 0

    def terminal(
        self, terminal: int, text: str, end: int, row: dict[int, int], line: int, column: int
    ) -> int:
        """The terminal that a special token or a word stands for, or SKIP.

        `terminal` is what the token looks like, `end` its end in `text`, `row` the actions of
        the parser's state, `line` and `column` its place.
        """
        brackets = self.brackets
        if terminal >= FIRST_HARD:
            if terminal < FIRST_SOFT or NAME not in row:
                return terminal
            if terminal in row and terminal in _AFTER_COMMAND:
                state = _AFTER_COMMAND[terminal]
                return terminal if _follows_command(state, text, end, brackets) else NAME
            return NAME
        if terminal in (LEFT_PAREN, LEFT_BRACKET, LEFT_BRACE):
            brackets.append((terminal, line, column))
            return terminal
        if terminal == LESS:
            if BLOCK_OPEN in row:
                brackets.append((BLOCK_OPEN, line, column))
                return BLOCK_OPEN
            return LESS
        if terminal == GREATER:
            if brackets and brackets[-1][0] == BLOCK_OPEN and closes_block(text, end, brackets):
                self.closed = brackets.pop()
                return BLOCK_CLOSE
            return GREATER
        if terminal == NEWLINE:
            previous = self.previous
            if brackets:
                if brackets[-1][0] in (LEFT_PAREN, LEFT_BRACKET) or previous in _SEPARATED:
                    return SKIP
                return SKIP if previous in CONTINUES else NEWLINE
            return SKIP if previous in CONTINUES else END
        if terminal == SEMICOLON:
            if not brackets:
                return END
            if brackets[-1][0] in (LEFT_PAREN, LEFT_BRACKET):
                return SEMICOLON
            return SKIP if self.previous in _SEPARATED else SEMICOLON
        matches = brackets and brackets[-1][0] == OPENER_OF[terminal]
        self.closed = brackets.pop() if matches else None
        return terminal


def closes_block(text: str, end: int, brackets: list[tuple[int, int, int]]) -> bool:
    """Whether a `>` that ends at `end` closes the innermost block rather than compares.

    It closes where a statement ends after it, or where nothing that could be compared follows
    and the block was opened inside brackets; further `>` in a row must close outer blocks.
    """
    match = _CLOSER.match(text, end)
    if match is None:
        return False
    further = match[1].count(">")
    if further >= len(brackets):
        return False
    return all(bracket[0] == BLOCK_OPEN for bracket in brackets[len(brackets) - 1 - further :])


def _follows_command(state: int, text: str, end: int, brackets: list[tuple[int, int, int]]) -> bool:
    """Whether what follows a word at `end` makes it a command rather than a variable's name.

    `state` is the parser's state after the command. A variable goes on with `=`, an operator,
    `.`, `[` or `,`; a command with blanks and the start of its operand, or with `(`.
    """
    row = ACTIONS[state]
    start = _BLANKS.match(text, end).end()  # type: ignore[union-attr]
    follower = text[start : start + 1]
    apart = start > end
    if follower in ("", "\n", ";", "#", "}"):
        return END in row
    if follower == ">":
        closes = bool(brackets) and brackets[-1][0] == BLOCK_OPEN
        return END in row and closes and closes_block(text, start + 1, brackets)
    word = _WORD.match(text, start)
    if word is not None:
        if ANY_NAME in row:
            return True
        terminal = SPELLING.get(word[0], NAME)
        return terminal not in CONTINUES and (NAME in row or terminal in row)
    if follower in "\"'":
        return STRING in row
    if follower.isdigit() or (follower == "." and apart and text[start + 1 : start + 2].isdigit()):
        return NUMBER in row
    if follower == "(":
        return LEFT_PAREN in row
    if follower == "[":
        return apart and LEFT_BRACKET in row
    if follower == "~":
        return SPELLING["~"] in row
    if follower in "+-":
        after = text[start + 1 : start + 2]
        return apart and SPELLING[follower] in row and not after.isspace() and after not in "=>"
    return False
