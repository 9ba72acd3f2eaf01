"""Ctrl-C: interrupts a program, but never halfway through a change of a value."""

from __future__ import annotations

import signal
from types import FrameType

from gradsh.engine.modes import INTERRUPTS


def _request(number: int, frame: FrameType | None) -> None:
    INTERRUPTS.request()


def install(*, always: bool = False) -> None:
    """Let Ctrl-C raise KeyboardInterrupt, deferred to the end of the engine's critical sections.

    Where interrupts are ignored, as they are for a program in the background, they stay so,
    except with `always`: who types in a terminal wants Ctrl-C, whatever started the terminal.
    A front calls this once, in the main thread, before it runs anything.
    """
    if always or signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _request)
