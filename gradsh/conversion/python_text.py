"""Python source text: lines with their indentation, the comments that go between, expressions."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import Final

from gradsh.conversion.program import Comment

_INDENT: Final = "    "
_NUMBER: Final = re.compile(r"[0-9]")


def dotted(path: str) -> ast.Name:
    """A name as `torch.linalg.solve`; `ast.unparse` writes a name as it is."""
    return ast.Name(path, ast.Load())


def call(path: str, *arguments: ast.expr, **keywords: ast.expr) -> ast.Call:
    """A call of a dotted name."""
    named = [ast.keyword(name, value) for name, value in keywords.items()]
    return ast.Call(dotted(path), list(arguments), named)


def method(value: ast.expr, name: str, *arguments: ast.expr, **keywords: ast.expr) -> ast.Call:
    """A call of a method."""
    named = [ast.keyword(keyword, given) for keyword, given in keywords.items()]
    return ast.Call(ast.Attribute(value, name, ast.Load()), list(arguments), named)


def constant(value: object) -> ast.expr:
    """A constant; a text in double quotes."""
    if isinstance(value, str):
        return dotted(quoted(value))
    return ast.Constant(value)  # type: ignore[arg-type]


def quoted(text: str) -> str:
    """A text as a Python literal in double quotes."""
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    # within single quotes repr leaves double ones alone
    inner = repr(text + '"')[1:-2]
    return inner.replace("\\'", "'").replace('"', '\\"')


def format_string(parts: Iterable[str | tuple[ast.expr, str, str]]) -> ast.expr:
    """An f-string of texts, and of values with their conversion and format.

    What no f-string of Python 3.11 can hold is written with `str.format`.
    """
    pieces: list[str] = []
    template: list[str] = []
    values: list[ast.expr] = []
    fits = True
    for part in parts:
        if isinstance(part, str):
            text = _escaped(part.replace("{", "{{").replace("}", "}}"))
            pieces.append(text)
            template.append(text)
            continue
        value, conversion, specification = part
        written = ast.unparse(value)
        if isinstance(value, ast.Lambda):
            written = f"({written})"
        if '"' in written:
            single = re.sub(r'"([^"\\\']*)"', r"'\1'", written)
            fits = fits and '"' not in single
            written = single
        fits = fits and "\\" not in written
        after = conversion + (f":{specification}" if specification else "")
        pieces.append("{" + (" " if written.startswith("{") else "") + written + after + "}")
        template.append("{" + after + "}")
        values.append(value)
    if fits:
        return dotted(f'f"{"".join(pieces)}"')
    return ast.Call(dotted(f'"{"".join(template)}".format'), values, [])


class PythonText:
    """Lines of a Python program as they are written, with the comments of its source between.

    `take_comments` gives the comments of the source; every line says from which source lines it
    comes, and the comments before those are written first.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 0
        self._comments: list[Comment] = []
        self._written: dict[int, int] = {}
        self._next = 0
        self._last = 0

    def take_comments(self, comments: list[Comment]) -> None:
        """Go on with the comments of another source, where they have not been written yet."""
        self._written[id(self._comments)] = self._next
        self._comments = comments
        self._next = self._written.get(id(comments), 0)
        self._last = 0

    def mark(self) -> tuple[int, int, int]:
        """The place reached, for `go_back`."""
        return len(self.lines), self._next, self._last

    def go_back(self, mark: tuple[int, int, int]) -> None:
        """Forget what was written since."""
        length, self._next, self._last = mark
        del self.lines[length:]

    def write(self, text: str, first: int = 0, last: int = 0) -> None:
        """Write a line that comes from the source's lines `first` to `last`; 0 if from none."""
        if first:
            self.flush(first)
            self._space(first)
        line = _INDENT * self.depth + text if text else ""
        while self._next < len(self._comments) and self._comments[self._next].line < last:
            self.lines.append(_INDENT * self.depth + self._comments[self._next].text)
            self._next += 1
        if last and self._next < len(self._comments):
            comment = self._comments[self._next]
            if comment.trailing and comment.line == last:
                line += "  " + comment.text
                self._next += 1
        self.lines.append(line)
        self._last = max(self._last, last)

    def skip(self, line: int) -> None:
        """Leave out the comments up to a line."""
        while self._next < len(self._comments) and self._comments[self._next].line <= line:
            self._next += 1

    def reach(self, line: int) -> None:
        """Note that the source was written up to a line."""
        self._last = max(self._last, line)

    def _space(self, line: int) -> None:
        """An empty line where the source has one or more before this line."""
        if self._last and line > self._last + 1 and self.lines and self.lines[-1]:
            self.lines.append("")

    def flush(self, line: int) -> None:
        """Write the comments that stand before a line of the source."""
        while self._next < len(self._comments) and self._comments[self._next].line < line:
            comment = self._comments[self._next]
            self._next += 1
            if comment.line == 1 and comment.text.startswith("#!"):
                continue
            self._space(comment.line)
            self.lines.append(_INDENT * self.depth + comment.text)
            self._last = max(self._last, comment.line)


def spaced(lines: list[str]) -> list[str]:
    """The lines with two empty ones around the definitions at the top level."""
    result: list[str] = []
    inside = False
    for index, line in enumerate(lines):
        starts = bool(line) and not line.startswith((" ", "#", ")", "]"))
        header = line.startswith(("def ", "class ", "@"))
        if starts and (inside or header):
            _gap_before(result, bool(lines[:index]))
        if starts:
            inside = header
        result.append(line)
    return result


def _gap_before(result: list[str], wanted: bool) -> None:
    """Two empty lines before the comments that end the lines so far."""
    if not wanted:
        return
    place = len(result)
    while place and result[place - 1].startswith("#"):
        place -= 1
    comments = result[place:]
    del result[place:]
    while result and not result[-1]:
        result.pop()
    if result and result[-1].startswith("@"):
        gap = 0
    else:
        gap = 2 if result else 0
    result.extend([""] * gap + comments)
