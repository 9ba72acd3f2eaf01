"""`record "f.grad"`: what has succeeded in a session, as a program that can be run.

What failed and what was taken back is left out, and so is what only means something in a shell.
A shown value that is used later by its number gets that name in the program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from time import strftime
from typing import TYPE_CHECKING, Final

from gradsh import __version__
from gradsh.files.atomic import replacing
from gradsh.language import Reader, SyntaxFault, tokenize

if TYPE_CHECKING:
    from gradsh.session.entries import Entry, Step

_LEFT_OUT: Final = frozenset(
    ("apropos", "edit", "export", "help", "history", "record", "redo", "undo", "vars")
)
"""Commands that are for whoever types."""

_COMMAND: Final = "@command"
_SHOWN: Final = re.compile(r"_[1-9]\d*|_")


class Recorder:
    """Keeps a file that holds the entries from a number on.

    OSError, also from `write`, if the file cannot be written.
    """

    def __init__(self, path: str, entries: Sequence[Entry], first: int = 0) -> None:
        self.path = path
        self._entries = entries
        self._first = first
        self._written = ""

    def write(self) -> None:
        """Bring the file up to date."""
        text = program_of(self._entries[self._first :])
        if text == self._written:
            return
        try:
            with replacing(self.path) as stream:
                stream.write(text.encode())
        except OSError as error:
            raise type(error)(f"cannot write '{self.path}': {error.strerror or error}") from None
        self._written = text

    def count(self) -> int:
        """How many statements the file holds."""
        return sum(len(_kept(entry)) for entry in self._entries[self._first :])


def program_of(entries: Sequence[Entry]) -> str:
    """The entries as the text of a program."""
    used = {
        number
        for entry in entries
        for step in _kept(entry)
        for number in _used(step)
    }  # fmt: skip
    head = f"# recorded by gradsh {__version__}, {strftime('%Y-%m-%d %H:%M')}\n"
    return head + "".join(f"{text}\n" for entry in entries for text in _texts(entry, used))


def _kept(entry: Entry) -> list[Step]:
    return [step for step in entry.steps if step.stands and not _is_left_out(step)]


def _is_left_out(step: Step) -> bool:
    word = re.match(r"\w*", step.text)
    return _COMMAND in step.mentioned and word is not None and word[0] in _LEFT_OUT


def _used(step: Step) -> Iterator[int]:
    """The numbers of the shown values that a statement uses."""
    if "_" in step.mentioned and step.first > 1:
        yield step.first - 1
    for name in step.mentioned:
        if name != "_" and _SHOWN.fullmatch(name):
            yield int(name[1:])


def _texts(entry: Entry, used: set[int]) -> Iterator[str]:
    """What of an entry goes into the program: itself where it can, or else its statements."""
    steps = _kept(entry)
    whole = not entry.failed and len(steps) == len(entry.steps)
    named = any("_" in step.mentioned for step in steps)
    if whole and not named and used.isdisjoint(_shown_in(steps)):
        if steps:
            yield entry.text.strip("\n")
        return
    for step in steps:
        yield from _named(step, used)


def _shown_in(steps: Sequence[Step]) -> Iterator[int]:
    for step in steps:
        yield from range(step.first, step.end)


def _named(step: Step, used: set[int]) -> Iterator[str]:
    """A statement; what it showed gets the names by which it is used later."""
    text = step.text
    if "_" in step.mentioned:
        text = _with_number(text, step.first - 1)
    numbers = [number for number in range(step.first, step.end) if number in used]
    if not numbers:
        yield text
    elif step.names:
        yield text
        for number in numbers:
            yield f"_{number} = {step.names[number - step.first]}"
    elif _is_statement(f"_{step.first} = {text}"):
        yield f"_{step.first} = {text}"
        if not text.endswith(";"):
            yield f"_{step.first}"
    else:
        yield text


def _with_number(text: str, number: int) -> str:
    """A text in which the name `_` has become the number that it stood for."""
    pieces = []
    end = 0
    for token in tokenize(text):
        if token.text == "_":
            pieces += [text[end : token.start], f"_{number}"]
            end = token.end
    return "".join([*pieces, text[end:]])


def _is_statement(text: str) -> bool:
    reader = Reader("")
    try:
        return len([*reader.feed(text), *reader.finish()]) == 1
    except SyntaxFault:
        return False
