"""Keys that are pressed before the prompt is there: kept for it, and not shown twice."""

from __future__ import annotations

import os
from contextlib import suppress

from gradsh.shell.plain import is_plain

_INPUT = 0
_LOCAL_MODES = 3  # where tcgetattr has them
_before: int | None = None


def hold_echo() -> None:
    """Let the terminal keep what is typed without showing it, until `release_echo`.

    The editor shows it as soon as it reads it, in its place behind the prompt.
    """
    global _before
    if os.name != "posix" or is_plain():
        return  # without the editor, the terminal itself shows what is typed
    import termios

    with suppress(termios.error):
        attributes = termios.tcgetattr(_INPUT)
        _before = attributes[_LOCAL_MODES]
        attributes[_LOCAL_MODES] &= ~termios.ECHO
        termios.tcsetattr(_INPUT, termios.TCSANOW, attributes)


def release_echo() -> None:
    """Let the terminal show again what is typed, as it did before `hold_echo`."""
    global _before
    if _before is None:
        return
    import termios

    with suppress(termios.error):
        attributes = termios.tcgetattr(_INPUT)
        attributes[_LOCAL_MODES] = _before
        termios.tcsetattr(_INPUT, termios.TCSANOW, attributes)
    _before = None
