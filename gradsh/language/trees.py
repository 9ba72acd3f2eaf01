"""Source text to syntax trees that are looked at and never run."""

from __future__ import annotations

import ast
import re

from gradsh.language.builder import Builder
from gradsh.language.grammar import BLANK
from gradsh.language.parser import Parser

_BETWEEN = re.compile(rf"(?:{BLANK}+|#[^\n]*|[\n;]+)*")


def tree(text: str) -> list[ast.stmt] | None:
    """A text's statements as those of Python that they stand for; None if the last is unfinished.

    Raises Fault for a syntax error.
    """
    text += "\n"
    builder = Builder(lambda: text)
    parser = Parser(builder)
    statements: list[ast.stmt] = []
    position = 0
    while True:
        between = _BETWEEN.match(text, position)
        assert between is not None
        position = between.end()
        if position == len(text):
            return statements
        parser.reset()
        parser.line_start = text.rfind("\n", 0, position) + 1
        builder.begin()
        position = parser.run(text, position, len(text))
        if position < 0:
            return None
        statements += parser.value
