"""Highlighting by Pygments, for documents, notebooks and the web.

It asks `tokenize`, so it knows the words of the language from the grammar alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pygments.lexer import Lexer  # type: ignore[import-untyped, unused-ignore]
from pygments.token import (  # type: ignore[import-untyped, unused-ignore]
    Comment,
    Error,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Whitespace,
    _TokenType,
)

from gradsh.language.highlighting import tokenize

_KINDS = {
    "name": Name,
    "keyword": Keyword,
    "command": Name.Builtin,
    "number": Number,
    "string": String,
    "operator": Operator,
    "bracket": Punctuation,
    "comment": Comment.Single,
    "newline": Whitespace,
    "error": Error,
}


class GradshLexer(Lexer):  # type: ignore[misc, unused-ignore]
    """The gradsh language."""

    name = "gradsh"
    aliases: ClassVar[list[str]] = ["gradsh", "grad"]
    filenames: ClassVar[list[str]] = ["*.grad"]
    mimetypes: ClassVar[list[str]] = ["text/x-gradsh"]

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, _TokenType, str]]:
        """The offset, the type and the text of each token and of the blanks between them."""
        position = 0
        for token in tokenize(text):
            if position < token.start:
                yield position, Whitespace, text[position : token.start]
            yield token.start, _KINDS[token.kind], token.text
            position = token.end
        if position < len(text):
            yield position, Whitespace, text[position:]
