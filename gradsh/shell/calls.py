"""Which call the cursor stands in, as far as the text alone tells. Nothing is evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gradsh.language import Token
from gradsh.shell.tokens import tokens_of

_OPENERS = frozenset("([{<")


class Call(NamedTuple):
    """A call that is not closed yet.

    `callee` is the dotted name that is called; it begins with a dot where the method is one of
    another expression's value. `position` counts the arguments before the cursor, `keywords`
    are the names given so far, and `keyword` is the one whose value is being written. `direct`
    says that an argument may begin in this call itself, not only in a bracket inside it.
    """

    callee: str
    position: int
    keywords: tuple[str, ...]
    keyword: str | None
    direct: bool


class _Bracket:
    __slots__ = ("commas", "index", "keyword", "keywords", "start", "text")

    def __init__(self, text: str, index: int) -> None:
        self.text = text
        self.index = index
        self.commas = 0
        self.start = index + 1
        self.keyword: str | None = None
        self.keywords: list[str] = []


def call_at(text: str, cursor: int) -> Call | None:
    """The innermost call that is open at the cursor, None if there is none."""
    tokens = [
        token
        for token in tokens_of(text)
        if token.end <= cursor and token.kind not in ("newline", "comment")
    ]
    brackets: list[_Bracket] = []
    for index, token in enumerate(tokens):
        if token.kind == "bracket":
            if token.text in _OPENERS:
                brackets.append(_Bracket(token.text, index))
            elif brackets:
                brackets.pop()
        elif brackets and token.kind == "operator":
            _note(brackets[-1], index, token, tokens)
    direct = True
    for bracket in reversed(brackets):
        if bracket.text not in "([":
            return None
        callee = dotted_name(tokens, bracket.index) if bracket.text == "(" else ""
        if callee and not _is_defined(tokens, bracket.index):
            return Call(callee, bracket.commas, tuple(bracket.keywords), bracket.keyword, direct)
        direct = False
    return None


def _note(bracket: _Bracket, index: int, token: Token, tokens: Sequence[Token]) -> None:
    """Take notice of an operator directly inside a bracket."""
    if token.text == ",":
        bracket.commas += 1
        bracket.start = index + 1
        bracket.keyword = None
    elif token.text == "=" and index == bracket.start + 1:
        bracket.keyword = tokens[index - 1].text
        bracket.keywords.append(bracket.keyword)


def dotted_name(tokens: Sequence[Token], end: int) -> str:
    """The dotted name that stands before the token number `end`, "" if none does.

    It begins with a dot if the first name is an attribute of another expression's value.
    """
    parts: list[str] = []
    index = end - 1
    while index >= 0 and _is_name(tokens, index):
        parts.append(tokens[index].text)
        if index == 0 or tokens[index - 1].text != ".":
            return ".".join(reversed(parts))
        index -= 2
    return "." + ".".join(reversed(parts)) if parts else ""


def _is_name(tokens: Sequence[Token], index: int) -> bool:
    kind = tokens[index].kind
    return kind == "name" or (
        kind in ("command", "keyword") and index > 0 and tokens[index - 1].text == "."
    )


def _is_defined(tokens: Sequence[Token], end: int) -> bool:
    """Whether the name before token number `end` is that of a definition."""
    return end > 1 and tokens[end - 2].kind == "keyword" and tokens[end - 2].text == "def"
