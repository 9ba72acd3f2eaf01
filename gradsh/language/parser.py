"""The LALR(1) driver: tokens in, syntax trees out, nothing in between.

A `Parser` holds one unfinished statement. `run` may be called again and again with more text:
what it needs to remember (states, values, open brackets) stays between the calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradsh.language.faults import Fault
from gradsh.language.grammar import (
    ACTIONS,
    END,
    FIRST_SPECIAL,
    GROUP_TERMINAL,
    NAME_GROUP,
    RULES,
    SPELLING,
    START,
    TOKEN,
    goto,
)
from gradsh.language.lexer import Lexer

Lexeme = tuple[str, int, int, int]
"""A token as the steps of the compiler get it: its text, its line (from 1), the columns of its
first character and of the one after its last (from 0)."""


def _steps_of(builder: object) -> list[tuple[int, int, Callable[..., Any] | None]]:
    """For each production what it makes, its length and the builder's method for it."""
    return [
        (made, length, getattr(builder, step) if step else None) for made, length, step in RULES
    ]


class Parser:
    """Parses one statement at a time and gives its parts to a builder."""

    __slots__ = ("lexer", "line", "line_start", "rules", "states", "stop", "value", "values")

    def __init__(self, builder: object) -> None:
        self.rules = _steps_of(builder)
        self.value: Any = None
        self.reset()

    def reset(self) -> None:
        """Forget the unfinished statement."""
        self.states = [START]
        self.values: list[Any] = []
        self.lexer = Lexer()
        self.line = 1
        self.line_start = 0
        self.stop = 0

    def run(self, text: str, position: int, end: int) -> int:
        """Read tokens from text[position:end] up to the end of the statement.

        Returns the position after the statement's terminator, its tree then being `value`, or
        -1 if the text ends first. Raises Fault, and the parser must then be reset.
        `stop` is the start of the last token read, whether it ended the statement or was at fault.
        """
        states, values, rules, lexer = self.states, self.values, self.rules, self.lexer
        actions, spelling, group_terminal = ACTIONS, SPELLING, GROUP_TERMINAL
        line, line_start = self.line, self.line_start
        row = actions[states[-1]]
        popped: list[list[int]] = []  # by reductions for a token that then turns out not to fit
        try:
            for match in TOKEN.finditer(text, position, end):
                group: int = match.lastindex  # type: ignore[assignment]
                word = match[group]
                start = match.start()
                column = start - line_start
                terminal = spelling.get(word)
                if terminal is None:
                    terminal = group_terminal[group]
                    if terminal < 0:
                        raise _lexical_fault(text, start, line, column)
                    if group == NAME_GROUP and (word[0] == "_" or not word.isascii()):
                        word = _checked_name(word, line, column)
                if terminal >= FIRST_SPECIAL:
                    terminal = lexer.terminal(terminal, text, match.end(group), row, line, column)
                while terminal >= 0:
                    action = row.get(terminal)
                    if action is None:
                        while popped:
                            states[-1:] = popped.pop()
                        lexeme = (word, line, column, match.end(group) - line_start)
                        raise _unexpected(states, terminal, lexeme, lexer, text, start)
                    if action >= 0:
                        if terminal == END:
                            self.value = values[-1]
                            self.stop = start
                            return match.end(group)
                        states.append(action)
                        values.append((word, line, column, match.end(group) - line_start))
                        row = actions[action]
                        lexer.previous = terminal
                        if popped:
                            popped.clear()
                        break
                    made, length, step = rules[~action]
                    popped.append(states[-length:] if length else [])
                    if length == 1:
                        del states[-1]
                        if step is not None:
                            values[-1] = step(values[-1])
                    elif length == 3:
                        right = values.pop()
                        middle = values.pop()
                        values[-1] = step(values[-1], middle, right)  # type: ignore[misc]
                        del states[-3:]
                    elif length:
                        arguments = values[-length:]
                        del values[-length:]
                        del states[-length:]
                        values.append(step(*arguments))  # type: ignore[misc]
                    else:
                        values.append(step())  # type: ignore[misc]
                    state = goto(states[-1], made, terminal)
                    states.append(state)
                    row = actions[state]
                if word[0] == "\n":
                    line += word.count("\n")
                    line_start = start + word.rfind("\n") + 1
        except Fault:
            self.stop = match.start()
            raise
        finally:
            self.line, self.line_start = line, line_start
        return -1


# What to say of a mistake is loaded when there is one.


def _lexical_fault(text: str, start: int, line: int, column: int) -> Fault:
    from gradsh.language.hints import lexical_fault

    return lexical_fault(text, start, line, column)


def _unexpected(
    states: list[int], terminal: int, lexeme: Lexeme, lexer: Lexer, text: str, start: int
) -> Fault:
    from gradsh.language.hints import unexpected

    return unexpected(states, terminal, lexeme, lexer, text, start)


def _checked_name(name: str, line: int, column: int) -> str:
    """The name in Python's normal form. Raises Fault if it is reserved or no name."""
    if name.startswith("__"):
        place = (line, column, column + len(name))
        raise Fault("names that start with '__' are reserved", place)
    if name.isascii():
        return name
    if not name.isidentifier():
        from gradsh.language.hints import not_a_name

        raise not_a_name(name, line, column)
    from unicodedata import normalize

    normal = normalize("NFKC", name)
    return _checked_name(normal, line, column) if normal.isascii() else normal
