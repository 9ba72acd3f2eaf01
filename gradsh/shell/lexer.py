"""Highlighting as the user types, by the grammar's own terminals and the session's names."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Final, Protocol

from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.lexers import Lexer

from gradsh.language import Token
from gradsh.shell.tokens import tokens_of

_CLOSER_OF: Final = {"(": ")", "[": "]", "{": "}", "<": ">"}


class Names(Protocol):
    """What the lexer asks of the names that there are."""

    def all(self) -> Iterable[str]:
        """Every name."""

    def is_users(self, name: str) -> bool:
        """Whether a name is one of the user's."""

    def is_builtin(self, name: str) -> bool:
        """Whether a name means something by itself."""


class GradshLexer(Lexer):
    """Gives each token the style class `class:gradsh.` and its kind.

    A name's kind is variable, builtin or unknown; a bracket that closes no open one's is mismatch.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self._version = 0

    def forget(self) -> None:
        """From now on the names may be others: what was lexed before is lexed anew."""
        self._version += 1

    def invalidation_hash(self) -> Hashable:
        """What tells lexed texts of different times apart."""
        return self._version

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        """A function that gives the styled pieces of a line by its number."""
        lines = styled_lines(document.text, self._names)
        return lambda number: lines[number] if number < len(lines) else []


def styled_lines(text: str, names: Names) -> list[StyleAndTextTuples]:
    """The lines of a text as styled pieces that together are the text."""
    line: StyleAndTextTuples = []
    lines = [line]
    position = 0
    tokens = tokens_of(text)
    for token, kind in zip(tokens, kinds(tokens, len(text), names), strict=True):
        if token.start > position:
            line.append(("", text[position : token.start]))
        if kind == "newline":
            line = []
            lines.append(line)
        else:
            line.append((f"class:gradsh.{kind}", token.text))
        position = token.end
    if position < len(text):
        line.append(("", text[position:]))
    return lines


def kinds(tokens: Sequence[Token], end: int, names: Names) -> Iterator[str]:
    """The kind of each token, those of names and brackets told more closely.

    A word at the very `end` of the text is unknown only if no name begins with it.
    """
    bound = _bound(tokens)
    expected: list[str] = []
    commanded = False
    for index, token in enumerate(tokens):
        kind, text = token.kind, token.text
        if kind == "newline" or text == ";":
            commanded = False
        elif kind == "command" and text in ("set", "help", "apropos"):
            commanded = True  # what follows is no variable
        if kind == "bracket":
            if text in _CLOSER_OF:
                expected.append(_CLOSER_OF[text])
            elif expected and expected[-1] == text:
                expected.pop()
            else:
                kind = "mismatch"
        elif kind == "name" and not commanded and not _is_attribute(tokens, index):
            if text in bound or names.is_users(text) or _is_keyword_argument(tokens, index):
                kind = "variable"
            elif names.is_builtin(text):
                kind = "builtin"
            elif token.end < end or not any(name.startswith(text) for name in names.all()):
                kind = "unknown"
        yield kind


def _bound(tokens: Sequence[Token]) -> set[str]:
    """The names that an entry itself gives a meaning: targets, parameters, loop variables."""
    found: set[str] = set()
    depth = 0
    for index, token in enumerate(tokens):
        text = token.text
        if token.kind == "bracket":
            depth += (text in "([") - (text in ")]")
        elif (text == "=" and depth <= 0) or text == "->":
            found.update(_names_before(tokens, index))
        elif text == "def" or (text == "backward" and index and tokens[index - 1].text == "}"):
            found.update(_parameters_after(tokens, index + 1))
        elif text in ("for", "catch", "as") or (text == "over" and _command(tokens, index)):
            found.update(_names_after(tokens, index))
    return found


def _names_before(tokens: Sequence[Token], index: int) -> Iterator[str]:
    """The names of a list, in parentheses or not, that ends before a token."""
    index -= 1
    if index >= 0 and tokens[index].text == ")":
        index -= 1
        while index >= 0 and tokens[index].text != "(":
            if tokens[index].kind == "name":
                yield tokens[index].text
            index -= 1
        return
    while index >= 0 and tokens[index].kind == "name" and not _is_attribute(tokens, index):
        yield tokens[index].text
        if index == 0 or tokens[index - 1].text != ",":
            return
        index -= 2


def _names_after(tokens: Sequence[Token], index: int) -> Iterator[str]:
    """The names of a list that begins after a token."""
    for token in tokens[index + 1 :]:
        if token.kind == "name":
            yield token.text
        elif token.text != ",":
            return


def _parameters_after(tokens: Sequence[Token], index: int) -> Iterator[str]:
    """The name that a definition gives, and its parameters."""
    if index < len(tokens) and tokens[index].kind == "name":
        yield tokens[index].text
        index += 1
    if index >= len(tokens) or tokens[index].text != "(":
        return
    depth = 0
    for number in range(index, len(tokens)):
        token = tokens[number]
        if token.kind == "bracket":
            depth += (token.text in "([") - (token.text in ")]")
            if not depth:
                return
        elif depth == 1 and token.kind == "name" and tokens[number - 1].text in ("(", ","):
            yield token.text


def _command(tokens: Sequence[Token], index: int) -> bool:
    """Whether the statement around a token is one whose variables run over a range."""
    for token in reversed(tokens[:index]):
        if token.kind == "newline" or token.text == ";":
            return False
        if token.kind == "command":
            return token.text in ("plot", "contour")
    return False


def _is_attribute(tokens: Sequence[Token], index: int) -> bool:
    return index > 0 and tokens[index - 1].text == "."


def _is_keyword_argument(tokens: Sequence[Token], index: int) -> bool:
    return (
        0 < index < len(tokens) - 1
        and tokens[index + 1].text == "="
        and tokens[index - 1].text in ("(", ",")
    )
