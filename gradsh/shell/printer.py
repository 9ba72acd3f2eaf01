"""Reports of errors and interrupts, in colour where the terminal has it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.text import Text

    from gradsh.language import Diagnostic
    from gradsh.session import Fault

STYLES = {
    "place": "bold",
    "error": "bold red",
    "interrupted": "bold yellow",
    "caret": "bold red",
    "hint": "bold cyan",
}
"""The style of each part of a report: only the terminal's own colours."""

_ERROR = ": error: "
_HINT = "hint: "


class Printer:
    """Writes reports to a stream."""

    __slots__ = ("_console", "_stream")

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._console: Console | None = None

    def fault(self, fault: Fault) -> None:
        """Report a statement that failed.

        With GRADSH_TRACEBACK set, a fault of gradsh itself also shows where it happened.
        """
        if fault.internal and os.environ.get("GRADSH_TRACEBACK") and fault.__cause__:
            from traceback import format_exception

            self._stream.write("".join(format_exception(fault.__cause__)))
        self._write(error_report(fault.diagnostic))

    def interrupted(self, diagnostic: Diagnostic | None) -> None:
        """Say that the user's interrupt has stopped the entry, and where if that is known."""
        if self._stream.isatty():
            self._stream.write("\n")  # the terminal has written ^C, perhaps behind other text
        self._write(interrupt_report(diagnostic))

    def aside(self, text: str) -> None:
        """Write a text beside what runs, from whatever thread."""
        self._stream.write("\n" + text)
        self._stream.flush()

    def _write(self, report: Text) -> None:
        if self._console is None:
            from rich.console import Console

            self._console = Console(file=self._stream, highlight=False)
        for line in _between_words(report, self._console):
            self._console.print(line, soft_wrap=True)


def _between_words(report: Text, console: Console) -> Iterator[Text]:
    """The lines of a report, those of words broken between words where a terminal is narrow.

    Lines that begin with a blank are source text, and what stands under it keeps its place.
    """
    for line in report.split("\n"):
        if console.is_terminal and line.cell_len > console.width and line.plain[:1] != " ":
            yield from line.wrap(console, console.width)
        else:
            yield line


def error_report(diagnostic: Diagnostic) -> Text:
    """The text that `diagnostic.render()` gives, with its parts set apart."""
    report = _with_caret(diagnostic, diagnostic.render())
    place = _place(diagnostic)
    report.stylize(STYLES["place"], 0, len(place))
    report.stylize(STYLES["error"], len(place) + 2, len(place) + len(_ERROR) - 2)
    if diagnostic.hint:
        hint = len(report.plain) - len(_HINT) - len(diagnostic.hint)
        report.stylize(STYLES["hint"], hint, hint + len(_HINT) - 1)
    return report


def interrupt_report(diagnostic: Diagnostic | None) -> Text:
    """The same for an interrupt: the word, and the place where it came."""
    from rich.text import Text

    word = "interrupted"
    if diagnostic is None:
        return Text(word, STYLES[word])
    diagnostic.message, diagnostic.hint = word, None
    plain = diagnostic.render().replace(_ERROR, ": ", 1)
    report = _with_caret(diagnostic, plain)
    place = _place(diagnostic)
    report.stylize(STYLES["place"], 0, len(place))
    report.stylize(STYLES[word], len(place) + 2, len(place) + 2 + len(word))
    return report


def _place(diagnostic: Diagnostic) -> str:
    return f"{diagnostic.source}:{diagnostic.line}:{diagnostic.column}"


def _with_caret(diagnostic: Diagnostic, plain: str) -> Text:
    """The report with its line of carets coloured, if it has one."""
    from rich.text import Text

    report = Text(plain)
    if diagnostic.source_line.strip():
        lines = plain.split("\n")
        under = diagnostic.message.count("\n") + 2
        start = sum(len(line) + 1 for line in lines[:under])
        separator = lines[under].index("|") + 1
        report.stylize(STYLES["caret"], start + separator, start + len(lines[under]))
    return report
