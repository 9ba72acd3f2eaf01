"""Programs as text: from a file, from a pipe as it comes, from anything that gives bytes."""

from __future__ import annotations

import os
from codecs import utf_8_decode
from collections.abc import Iterable, Iterator
from typing import Final

from gradsh.session.faults import Fault

CHUNK: Final = 65536
_BYTE_ORDER_MARK: Final = "\ufeff"


def open_program(path: str) -> int:
    """A descriptor to read a program from. OSError if there is no such file to read."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        # a directory can be opened, but not read
        os.read(descriptor, 0)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def chunks(descriptor: int) -> Iterator[bytes]:
    """What can be read, as soon as something can, until the end; the descriptor is left open."""
    while True:
        try:
            chunk = os.read(descriptor, CHUNK)
        except BlockingIOError:  # another program has made the pipe non-blocking
            from select import select

            select([descriptor], [], [])
            continue
        if not chunk:
            return
        yield chunk


def decoded(pieces: Iterable[bytes], name: str) -> Iterator[str]:
    """The pieces of a program as text.

    Raises Fault, with the place in the program called `name`, for what is not UTF-8 or no text
    at all; what comes before that place has been given by then.
    """
    line, start = 1, ""
    rest = b""
    first = True
    for piece in pieces:
        given = rest + piece
        fault: UnicodeDecodeError | None = None
        try:
            text, used = utf_8_decode(given, "strict", False)
        except UnicodeDecodeError as error:
            fault = error
            text, used = utf_8_decode(given[: error.start], "strict", True)
        rest = given[used:]
        text, null, _ = text.partition("\0")
        if first and text:
            text = text.removeprefix(_BYTE_ORDER_MARK)
            first = False
        newline = text.rfind("\n") + 1
        line += text.count("\n")
        start = text[newline:] if newline else start + text
        yield text
        if null:
            raise _not_text(name, line, start, "this is a binary file, not a gradsh program", None)
        if fault is not None:
            raise _not_utf_8(name, line, start, given[fault.start])
    if rest:
        raise _not_utf_8(name, line, start, rest[0])


def _not_utf_8(name: str, line: int, start: str, byte: int) -> Fault:
    message = f"the byte 0x{byte:02x} is not UTF-8 text"
    return _not_text(name, line, start, message, "save the program in the encoding UTF-8")


def _not_text(name: str, line: int, start: str, message: str, hint: str | None) -> Fault:
    from gradsh.language import Diagnostic

    column = len(start) + 1
    shown = start + "\ufffd" if start.isprintable() else ""
    return Fault(Diagnostic(name, line, column, column + 1, message, shown, hint))
