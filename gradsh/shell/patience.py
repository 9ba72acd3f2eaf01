"""What the shell says while an interrupt has to wait.

Python serves Ctrl-C between two steps of a program. One call into a library, such as the product
of two large matrices, is one step, and nothing cuts it. A thread sees the signal at once, and
tells the user, if it is not served within a second, what is being waited for, and how to leave
without waiting.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread, main_thread
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from socket import socket
    from types import FrameType

SECONDS: Final = 1.0
LEFT_BY_INTERRUPT: Final = 130
_LONGEST_TEXT: Final = 40
_MANY: Final = 4096


class Patience:
    """A context for each entry that is run; `tell` writes a text to the user from the thread."""

    __slots__ = ("_ears", "_entry", "_over", "_tell")

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._entry = 0
        self._over = Event()
        self._ears: socket | None = None

    def __enter__(self) -> None:
        self._entry += 1
        self._over.clear()
        if self._ears is None:
            self._ears = self._listen()
        signal.set_wakeup_fd(self._ears.fileno(), warn_on_full_buffer=False)

    def __exit__(self, *error: object) -> None:
        self._over.set()
        signal.set_wakeup_fd(-1)

    def _listen(self) -> socket:
        """Start the thread; what Python writes signals to, as they come."""
        from socket import socketpair

        mouth, ears = socketpair()
        ears.setblocking(False)
        Thread(target=self._wait, args=(mouth,), daemon=True, name="gradsh-patience").start()
        return ears

    def _wait(self, signals: socket) -> None:
        told = 0
        while True:
            pressed = signal.SIGINT in signals.recv(_MANY)
            entry = self._entry
            if not pressed or self._over.is_set():
                continue
            if told == entry:
                self._tell("left without waiting\n")
                os._exit(LEFT_BY_INTERRUPT)
            if self._over.wait(SECONDS) or entry != self._entry:
                continue
            self._forget_presses(signals)
            self._tell(report(sys._current_frames().get(main_thread().ident or 0)))
            told = entry

    def _forget_presses(self, signals: socket) -> None:
        """Pass over the signals of a user who did not know yet what another one does."""
        signals.setblocking(False)
        with suppress(BlockingIOError):
            signals.recv(_MANY)
        signals.setblocking(True)


def report(frame: FrameType | None) -> str:
    """What is being waited for, where the program is in `frame`."""
    from gradsh.language.diagnostics import expression_at, moment

    here = moment(frame)
    text = None if here is None else expression_at(here)
    what = "a step of gradsh"
    if text:
        short = text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 3] + "..."
        what = f"`{short}`"
    return (
        f"still inside {what}, one step that cannot be cut: it stops behind it.\n"
        "Ctrl-C again leaves gradsh at once; what is not saved is lost then.\n"
    )
