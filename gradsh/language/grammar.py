"""The tables made from grammar/gradsh.lark, in the shape that the lexer and the parser use."""

from __future__ import annotations

import re

from gradsh.language import _tables

TERMINALS = _tables.TERMINALS
NUMBER_OF = {name: number for number, name in enumerate(TERMINALS)}
SPELLING: dict[str, int] = _tables.SPELLING
"""The terminal of each word and symbol."""
TEXT_OF = {number: text for text, number in SPELLING.items()}

FIRST_SPECIAL = _tables.FIRST_SPECIAL
FIRST_HARD = _tables.FIRST_HARD
FIRST_SOFT = _tables.FIRST_SOFT
FIRST_COMMAND = _tables.FIRST_COMMAND
FIRST_DECLARED = _tables.FIRST_DECLARED
CONTINUES = frozenset(_tables.CONTINUES)
"""Terminals after which the end of a line does not end a statement."""

END = NUMBER_OF["$END"]
NAME = NUMBER_OF["NAME"]
NUMBER = NUMBER_OF["NUMBER"]
STRING = NUMBER_OF["STRING"]
FSTRING = NUMBER_OF["FSTRING"]
LESS = NUMBER_OF["LESS"]
GREATER = NUMBER_OF["GREATER"]
NEWLINE = NUMBER_OF["NEWLINE"]
SEMICOLON = NUMBER_OF["SEMICOLON"]
LEFT_PAREN = NUMBER_OF["LEFT_PAREN"]
LEFT_BRACKET = NUMBER_OF["LEFT_BRACKET"]
LEFT_BRACE = NUMBER_OF["LEFT_BRACE"]
RIGHT_PAREN = NUMBER_OF["RIGHT_PAREN"]
RIGHT_BRACKET = NUMBER_OF["RIGHT_BRACKET"]
RIGHT_BRACE = NUMBER_OF["RIGHT_BRACE"]
ANY_NAME = NUMBER_OF["ANY_NAME"]
BLOCK_OPEN = NUMBER_OF["BLOCK_OPEN"]
BLOCK_CLOSE = NUMBER_OF["BLOCK_CLOSE"]

TOKEN = re.compile(_tables.TOKEN)
"""Any token, and the blanks and the comment after it; the group says what was found."""
FSTRING_GROUP, NAME_GROUP, NUMBER_GROUP, SYMBOL_GROUP, NEWLINE_GROUP, STRING_GROUP, OTHER_GROUP = (
    range(1, 8)
)
GROUP_TERMINAL = (-1, FSTRING, NAME, NUMBER, -1, NEWLINE, STRING, -1)
BLANK = _tables.BLANK

RULES = _tables.RULES
"""For each production: the number of what it makes, its length, the name of its step or ""."""
ORIGIN_COUNT = len(_tables.ORIGINS)
TERMINAL_COUNT = len(TERMINALS)
START = 0

Row = tuple[tuple[int, ...], tuple[int, ...]]


class Rows(dict[int, dict[int, int]]):
    """The rows of a table by their states, each made when it is first looked at."""

    def __init__(self, packed: tuple[Row, ...]) -> None:
        super().__init__()
        self._packed = packed

    def __missing__(self, state: int) -> dict[int, int]:
        row = self[state] = dict(zip(*self._packed[state], strict=True))
        return row


ACTIONS = Rows(_tables.ACTIONS)
"""For each state, what a terminal leads to: a state (shift) or ~production (reduce)."""
GOTOS = Rows(_tables.GOTOS)

_goto_memory: dict[int, int] = {}


def goto(state: int, origin: int, terminal: int) -> int:
    """The state after a reduction to `origin` on top of `state`, when `terminal` comes next.

    Productions that pass their one part on unchanged (a product that is only a number, and so
    on up the ladder of precedence) are walked here at once, and the answer is remembered: with
    them a single name would cost a dozen reductions.
    """
    key = (state * ORIGIN_COUNT + origin) * TERMINAL_COUNT + terminal
    found = _goto_memory.get(key)
    if found is not None:
        return found
    row = GOTOS[state]
    target = row[origin]
    while True:
        action = ACTIONS[target].get(terminal, 0)
        if action >= 0:
            break
        made, length, step = RULES[~action]
        if length != 1 or step:
            break
        target = row[made]
    _goto_memory[key] = target
    return target


def accepts(states: list[int], terminal: int) -> bool:
    """Whether the parser with these states could really take `terminal` next.

    A state's own row is not enough: LALR(1) may reduce a few times before it sees that the
    terminal fits nowhere.
    """
    stack = list(states)
    while True:
        action = ACTIONS[stack[-1]].get(terminal)
        if action is None:
            return False
        if action >= 0:
            return True
        made, length, _ = RULES[~action]
        if length:
            del stack[-length:]
        stack.append(GOTOS[stack[-1]][made])
