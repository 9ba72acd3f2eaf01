"""Warnings in the program's terms: its place, then PyTorch's text, on standard error."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import TextIO


def install(write: Callable[[str], None]) -> None:
    """Let the engine's warnings go to `write`, each with its place in the program that runs.

    Each text is shown once: a loop, or an endless pipe, must not repeat it for ever. A front
    calls this once.
    """
    seen: set[str] = set()

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if str(message) not in seen:
            seen.add(str(message))
            write(f"{_place()}warning: {message}\n")

    warnings.simplefilter("always", UserWarning)
    warnings.showwarning = show


def _place() -> str:
    """Where the program is that runs now: `file.grad:3:7: `, or nothing outside of any."""
    from gradsh.language import running_place

    place = running_place(sys._getframe(1))
    return "" if place is None else "{}:{}:{}: ".format(*place)
