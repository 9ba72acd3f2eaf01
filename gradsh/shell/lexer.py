"""Highlighting as the user types, by the grammar's own terminals."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.lexers import Lexer

from gradsh.language import tokenize


class GradshLexer(Lexer):
    """Gives each token the style class `class:gradsh.` and its kind."""

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        """A function that gives the styled pieces of a line by its number."""
        lines = styled_lines(document.text)
        return lambda number: lines[number] if number < len(lines) else []


def styled_lines(text: str) -> list[StyleAndTextTuples]:
    """The lines of a text as styled pieces that together are the text."""
    lines: list[StyleAndTextTuples] = [[]]

    def add(style: str, piece: str) -> None:
        first, *others = piece.split("\n")
        if first:
            lines[-1].append((style, first))
        lines.extend([(style, other)] if other else [] for other in others)

    position = 0
    for token in tokenize(text):
        add("", text[position : token.start])
        add(f"class:gradsh.{token.kind}", token.text)
        position = token.end
    add("", text[position:])
    return lines
