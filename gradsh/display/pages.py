"""Pages to read: paragraphs, and lines of code, which are indented; on a terminal in colour."""

from __future__ import annotations

from collections.abc import Iterator
from json import dumps
from typing import Any

from gradsh.display import json, values

_INDENT = "    "
_STYLES = {
    "keyword": "magenta",
    "command": "magenta",
    "number": "cyan",
    "string": "green",
    "comment": "dim",
}


class Page:
    """A page: its title, its text, and what it says as data, for `--json`.

    In the text, lines that are indented by four blanks are code.
    """

    def __init__(self, title: str, text: str, data: dict[str, Any] | None = None) -> None:
        self.title = title
        self.text = text
        self.data: dict[str, Any] = {"title": title, "text": text} if data is None else data

    def __str__(self) -> str:
        return f"{self.title}\n\n{self.text}" if self.text else self.title

    def __rich__(self) -> Any:
        from rich.text import Text

        page = Text(self.title, "bold")
        page.append("\n")
        for line in self.text.split("\n"):
            page.append("\n")
            page.append_text(_code(line) if line.startswith(_INDENT) else Text(line))
        page.rstrip()
        return page


def _code(line: str) -> Any:
    from rich.text import Text

    from gradsh.language import tokenize

    text = Text(line)
    for token in tokenize(line):
        if token.kind in _STYLES:
            text.stylize(_STYLES[token.kind], token.start, token.end)
    return text


def _data(value: Page) -> Iterator[str]:
    yield dumps(value.data)


values.register(Page, Page.__str__)
json.register(Page, "help", _data)
