"""A gradsh program as trees: its statements one by one, with its comments."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from gradsh.language.blocks import has_value
from gradsh.language.builder import Builder
from gradsh.language.parser import Lexeme, Parser
from gradsh.language.reader import Reader

_TEXT_OR_COMMENT = re.compile(r"""("|')(?:\\.|(?!\1)[^\\\n])*\1|(?P<comment>#[^\n]*)""")

Read = Callable[[str], str]
"""Gives the text of the program at a path. OSError if there is none."""


class Comment(NamedTuple):
    """A comment: its line (from 1), its text with the `#`, whether code stands before it."""

    line: int
    text: str
    trailing: bool


class Statement:
    """A statement of a program, as the trees that the compiler makes of it.

    `line` is where it begins (from 1); the lines of the trees count from 1 at that line. `shows`
    says that its last value is shown, `text` how it is written.
    """

    __slots__ = ("line", "shows", "source", "text", "trees")

    def __init__(self, text: str, source: str, line: int, shows: bool) -> None:
        self.text = text
        self.source = source
        self.line = line
        written = text + "\n"
        builder = _Literal(lambda: written)
        parser = Parser(builder)
        parser.run(written, 0, len(written))
        self.trees: list[ast.stmt] = builder.settled(parser.value)
        builder.declare_globals()
        self.shows = shows and has_value(self.trees)

    @property
    def runs(self) -> str | None:
        """The path of the program that the statement runs, if it is there as a text."""
        tree = self.trees[0]
        if len(self.trees) == 1 and isinstance(tree, ast.Expr) and isinstance(tree.value, ast.Call):
            function = tree.value.func
            if isinstance(function, ast.Name) and function.id == "@run":
                (path,) = tree.value.args
                if isinstance(path, ast.Constant) and isinstance(path.value, str):
                    return path.value
        return None


class _Literal(Builder):
    """The compiler's steps, which keep how numbers and texts were written."""

    def number(self, lexeme: Lexeme) -> ast.Constant:
        node = super().number(lexeme)
        node.__dict__["written"] = lexeme[0]
        return node

    def string(self, lexeme: Lexeme) -> ast.Constant:
        node = super().string(lexeme)
        node.__dict__["written"] = lexeme[0]
        return node


class Program:
    """The statements of a program, those of the programs that it runs in their places.

    `comments` are those of each source. Raises SyntaxFault for what is no program.
    """

    def __init__(self, statements: Iterable[Statement], texts: dict[str, str]) -> None:
        self.statements = list(statements)
        self.comments = {name: comments(text) for name, text in texts.items()}

    @classmethod
    def parsed(cls, text: str, name: str, read: Read | None = None) -> Program:
        """The program in a text; `read` gives those that it runs."""
        texts: dict[str, str] = {}
        return cls(_statements(text, name, read, texts, []), texts)


def _statements(
    text: str, name: str, read: Read | None, texts: dict[str, str], running: list[str]
) -> Iterator[Statement]:
    texts[name] = text
    reader = Reader(name)
    for units in (reader.feed(text), reader.finish()):
        for unit in units:
            shows = unit.kind == "expression" and not unit.quiet
            statement = Statement(unit.text, name, unit.line, shows)
            path = statement.runs
            if path is not None and read is not None:
                path = str(Path(name).parent / path)
                inner = None if path in (*running, name) else _read(read, path)
                if inner is not None:
                    yield from _statements(inner, path, read, texts, [*running, name])
                    continue
            yield statement


def _read(read: Read, path: str) -> str | None:
    try:
        return read(path)
    except OSError:
        return None


def comments(text: str) -> list[Comment]:
    """The comments of a program, in their order."""
    found = []
    line, position = 1, 0
    for match in _TEXT_OR_COMMENT.finditer(text):
        if match["comment"] is None:
            continue
        line += text.count("\n", position, match.start())
        position = match.start()
        before = text[text.rfind("\n", 0, position) + 1 : position]
        found.append(Comment(line, match["comment"].rstrip(), bool(before.strip())))
    return found
